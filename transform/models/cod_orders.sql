/* ---
name: cod_orders
title: Cash on delivery
description: >
  Every order that is paid in cash on delivery, with what became of it. delivered_and_paid: delivered, and its money
  captured, however it was paid in the end, or the order told paid. delivered_unpaid: delivered, and no money yet.
  refused: cancelled or sent back without having been delivered, or its delivery failed and nothing was heard of it
  for 14 days. under_way: shipped, and none of these yet. not_shipped: never left; such orders count for nothing in
  the rate.
grain: one row an order paid in cash on delivery
key: [shop, order_id]
time: placed_at
columns:
  shop: The shop
  order_id: The order
  provider: Who collects the cash
  placed_at: When it was placed
  shipped_at: When it was sent; where that was not told, the first news from its parcel
  delivered_at: When it was delivered
  paid_at: When its money was captured, or the order told paid
  state: delivered_and_paid, delivered_unpaid, refused, under_way or not_shipped
  currency: Currency of amount
  amount: What the order asks
tests:
  not_null: [state]
  accepted: {state: [delivered_and_paid, delivered_unpaid, refused, under_way, not_shipped]}
incremental:
  by: [shop, order_id]
  from:
    marts.orders: [shop, order_id]
    marts.payment_attempts: [shop, order_id]
    events.orders: [shop, order_id]
  open: state = 'under_way'
--- */
with
parcels as (
    select shop, order_id, min(event_time) as shipped_at, max(event_time) as heard_at,
        bool_or(type = 'order.delivery_failed') as has_failed
    from events.orders
    where type in ('order.shipped', 'order.out_for_delivery', 'order.delivery_failed', 'order.delivered')
    group by shop, order_id
),
told_paid as (
    select shop, order_id, min(event_time) as paid_at
    from events.orders
    where type = 'order.paid'
    group by shop, order_id
),
cash as (
    select shop, order_id, min(case when coalesce(method, provider) in ('cod', 'cash_on_delivery') then provider end)
            as provider,
        min(case when captured > 0 then captured_at end) as captured_at
    from marts.payment_attempts
    where order_id is not null
    group by shop, order_id
),
chosen as (
    select o.shop, o.order_id, c.provider, o.placed_at, o.delivered_at, o.cancelled_at, o.status, o.currency,
        o.ordered_total, c.captured_at
    from marts.orders o left join cash c on o.shop = c.shop and o.order_id = c.order_id
    -- What the order says was agreed counts; the attempts tell only where it says nothing.
    where o.payment_method in ('cod', 'cash_on_delivery') or (o.payment_method is null and c.provider is not null)
)
select o.shop, o.order_id, coalesce(o.provider, 'cod') as provider, o.placed_at, p.shipped_at, o.delivered_at,
    coalesce(o.captured_at, t.paid_at) as paid_at,
    case
        when o.delivered_at is not null and coalesce(o.captured_at, t.paid_at) is not null then 'delivered_and_paid'
        when o.delivered_at is not null then 'delivered_unpaid'
        when p.shipped_at is null then 'not_shipped'
        when o.status in ('cancelled', 'returned') then 'refused'
        when p.has_failed and p.heard_at + interval '14 days' <= r.as_of then 'refused'
        else 'under_way'
    end as state,
    o.currency, o.ordered_total as amount
from chosen o
cross join settings.run r
left join parcels p on o.shop = p.shop and o.order_id = p.order_id
left join told_paid t on o.shop = t.shop and o.order_id = t.order_id
