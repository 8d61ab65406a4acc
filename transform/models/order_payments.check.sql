/* ---
check: order_payments
compare: >
  select shop, count(*) as orders, sum(captured) as captured, sum(case when state = 'paid' then 1 else 0 end) as paid
  from marts.order_payments where order_id is not null group by shop
by: captures of an order against its newest total, straight from the events, attempts not looked at
--- */
with
told as (
    select p.shop, coalesce(p.order_id, k.order_id) as order_id, p.type, p.amount, p.currency
    from events.payments p
    left join (
        select shop, checkout_id, max(order_id) as order_id
        from (select shop, checkout_id, order_id from events.orders where type = 'order.placed'
            union all select shop, checkout_id, order_id from events.payments where type <> 'payment.settled')
        where checkout_id is not null and order_id is not null
        group by shop, checkout_id
    ) k on p.shop = k.shop and p.checkout_id = k.checkout_id
    where p.type in ('payment.initiated', 'payment.authorized', 'payment.captured', 'payment.failed',
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
    sum(case when o.captured > 0 and o.captured >= coalesce(t.total, o.asked) then 1 else 0 end) as paid
from of_order o
left join totals t on o.shop = t.shop and o.order_id = t.order_id and o.currency = t.currency
group by o.shop
