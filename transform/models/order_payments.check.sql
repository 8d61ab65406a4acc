/* ---
check: order_payments
compare: >
  select shop, count(*) as orders, sum(captured) as captured, sum(case when state = 'paid' then 1 else 0 end) as paid
  from marts.order_payments where shop || ' ' || order_id in (select shop || ' ' || order_id
  from events.orders where total > 0) group by shop
by: captures of an order against its newest total, straight from the events, for orders that tell one
--- */
with
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
told as (
    select e.shop, coalesce(e.order_id, p.order_id, k.order_id) as order_id, e.type, e.amount, e.currency
    from events.payments e
    join of_payment p on e.shop = p.shop and e.provider = p.provider and e.payment_id = p.payment_id
    left join of_checkout k on p.shop = k.shop and p.checkout_id = k.checkout_id
    where e.type in ('payment.initiated', 'payment.authorized', 'payment.captured', 'payment.failed',
        'payment.voided')
),
of_order as (
    select shop, order_id, sum(case when type = 'payment.captured' then coalesce(amount, 0) else 0 end) as captured,
        max(currency) as currency, max(amount) as asked
    from told
    where order_id is not null
    group by shop, order_id
),
totals as (
    select shop, order_id, last_value(total order by event_time, type = 'order.edited', source, event_id) as total,
        max(currency) as currency
    from events.orders
    where type in ('order.placed', 'order.edited') and total > 0
    group by shop, order_id
)
select o.shop, count(*) as orders, sum(o.captured) as captured,
    sum(case when o.captured > 0 and o.captured >= case when o.currency = t.currency then t.total else o.asked end
        then 1 else 0 end) as paid
from of_order o
join totals t on o.shop = t.shop and o.order_id = t.order_id
group by o.shop
