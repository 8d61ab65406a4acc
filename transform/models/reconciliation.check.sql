/* ---
check: reconciliation
compare: >
  select shop, check_name, count(*) as rows, sum(difference) as difference from marts.reconciliation
  where check_name = 'refund_above_capture' or (check_name = 'order_paid_without_payment'
  and order_id in (select order_id from events.orders where total > 0)) group by shop, check_name
by: refunds against captures of each payment, and orders told paid against the orders that payments name, straight
  from the events
--- */
with
of_payment as (
    select shop, provider, payment_id,
        sum(case when type = 'payment.captured' then coalesce(amount, 0) else 0 end) as captured,
        sum(case when type = 'payment.refunded' then coalesce(amount, 0) else 0 end) as refunded
    from events.payments
    where payment_id is not null
    group by shop, provider, payment_id
),
totals as (
    select shop, order_id,
        last_value(payment_method order by event_time, type = 'order.edited', source, event_id)
            filter (where payment_method is not null) as payment_method,
        last_value(total order by event_time, type = 'order.edited', source, event_id)
            filter (where type in ('order.placed', 'order.edited')) as total,
        bool_or(type = 'order.paid') as is_paid
    from events.orders
    group by shop, order_id
),
-- Every order of which money was taken: named by the payment, or the order of its checkout.
paid as (
    select p.shop, coalesce(p.order_id, o.order_id) as order_id, sum(p.captured) as captured
    from (select shop, provider, payment_id, max(order_id) as order_id, max(checkout_id) as checkout_id,
            sum(case when type = 'payment.captured' then coalesce(amount, 0) else 0 end) as captured
        from events.payments where payment_id is not null and type <> 'payment.settled'
        group by shop, provider, payment_id) p
    left join (select shop, checkout_id, max(order_id) as order_id from events.orders
        where type = 'order.placed' and checkout_id is not null group by shop, checkout_id) o
        on p.shop = o.shop and p.checkout_id = o.checkout_id
    group by p.shop, coalesce(p.order_id, o.order_id)
)
select shop, 'refund_above_capture' as check_name, count(*) as rows, sum(refunded - captured) as difference
from of_payment
where refunded > captured
group by shop
union all
select t.shop, 'order_paid_without_payment', count(*), sum(-t.total)
from totals t left join paid p on t.shop = p.shop and t.order_id = p.order_id
where t.is_paid and t.total > 0 and coalesce(p.captured, 0) = 0
    and coalesce(t.payment_method, '') not in ('cod', 'cash_on_delivery')
    and t.shop in (select shop from of_payment where captured > 0)
group by t.shop
