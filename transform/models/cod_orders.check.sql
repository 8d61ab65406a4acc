/* ---
check: cod_orders
compare: >
  select shop, sum(case when shipped_at is not null then 1 else 0 end) as shipped,
  sum(case when state = 'delivered_and_paid' then 1 else 0 end) as paid from marts.cod_orders
  where shop || ' ' || order_id in (select shop || ' ' || order_id from events.orders where payment_method is not null)
  group by shop
by: sets of orders in the events, intersected, for orders that tell how they are paid
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
),
of_payment as (
    select shop, provider, payment_id, max(order_id) as order_id, max(checkout_id) as checkout_id
    from events.payments
    where payment_id is not null and type <> 'payment.settled'
    group by shop, provider, payment_id
),
of_checkout as (
    select shop, checkout_id, max(order_id) as order_id
    from (select shop, checkout_id, order_id from events.orders where type = 'order.placed'
        union all select shop, checkout_id, order_id from events.payments where type <> 'payment.settled')
    where checkout_id is not null and order_id is not null
    group by shop, checkout_id
),
captured as (
    select e.shop, coalesce(e.order_id, p.order_id, k.order_id) as order_id
    from events.payments e
    join of_payment p on e.shop = p.shop and e.provider = p.provider and e.payment_id = p.payment_id
    left join of_checkout k on p.shop = k.shop and p.checkout_id = k.checkout_id
    where e.type = 'payment.captured'
    group by e.shop, coalesce(e.order_id, p.order_id, k.order_id)
    having sum(e.amount) > 0
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
    (select shop, order_id from captured
    union
    select shop, order_id from events.orders where type = 'order.paid')
)
select i.shop, (select count(*) from sent s where s.shop = i.shop) as shipped,
    (select count(*) from paid p where p.shop = i.shop) as paid
from (select distinct shop from in_cash) i
