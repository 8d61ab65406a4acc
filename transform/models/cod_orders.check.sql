/* ---
check: cod_orders
compare: >
  select shop, sum(case when shipped_at is not null then 1 else 0 end) as shipped,
  sum(case when state = 'delivered_and_paid' then 1 else 0 end) as paid from marts.cod_orders group by shop
by: sets of orders in the events, intersected
--- */
with
newest as (
    select shop, order_id, last_value(payment_method order by event_time, type = 'order.edited', source, event_id)
        filter (where payment_method is not null) as payment_method
    from events.orders
    group by shop, order_id
),
in_cash as (
    select shop, order_id from newest where payment_method in ('cod', 'cash_on_delivery')
    union
    select n.shop, n.order_id from newest n join events.payments p on n.shop = p.shop and n.order_id = p.order_id
    where n.payment_method is null and coalesce(p.method, p.provider) in ('cod', 'cash_on_delivery')
),
sent as (
    select shop, order_id from in_cash
    intersect
    select shop, order_id from events.orders where type in ('order.shipped', 'order.out_for_delivery',
        'order.delivery_failed', 'order.delivered')
),
paid as (
    (select shop, order_id from in_cash
    intersect
    select shop, order_id from events.orders where type = 'order.delivered')
    intersect
    (select shop, order_id from events.payments where type = 'payment.captured'
    union
    select shop, order_id from events.orders where type = 'order.paid')
)
select i.shop, (select count(*) from sent s where s.shop = i.shop) as shipped,
    (select count(*) from paid p where p.shop = i.shop) as paid
from (select distinct shop from in_cash) i
