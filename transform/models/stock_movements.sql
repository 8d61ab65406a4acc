/* ---
name: stock_movements
title: Stock movements
description: >
  Every change of stock on hand and the event behind it. An order takes its lines at the location default; an edit
  gives the old lines back and takes the new; a cancellation brings back what has not come back yet, a return its own
  lines. An inventory.sold counts only where its order is unknown, since a known order has taken its lines already. A
  count sets the stock, after whatever else moved at that moment: its movement is the difference to what was there.
  Reservations move nothing.
grain: one row a movement of a product at a location
key: [shop, sku, location, movement]
time: moved_at
columns:
  shop: The shop
  sku: Product
  location: Where
  movement: Number of the movement of this product at this location, in order of time
  moved_at: When
  kind: received, sold, returned, adjusted, transferred or counted
  quantity: Change of stock, below zero when it leaves
  on_hand: Stock after it
  order_id: The order behind it
  event_id: The event behind it
tests:
  not_null: [moved_at, kind, quantity, on_hand]
  accepted: {kind: [received, sold, returned, adjusted, transferred, counted]}
--- */
with
tellings as (
    select shop, order_id, source, event_id, event_time, lines,
        lead(event_id) over later as next_event_id, lead(event_time) over later as next_time, lead(source)
            over later as next_source
    from events.orders
    where type in ('order.placed', 'order.edited')
    window later as (partition by shop, order_id order by event_time, type = 'order.edited', source, event_id)
),
told_lines as (
    select *, unnest(lines) as line from tellings
),
taken as (
    select shop, line['sku'] as sku, order_id, event_id, event_time as moved_at, source,
        -line['quantity'] as quantity from told_lines
    union all
    select shop, line['sku'], order_id, next_event_id, next_time, next_source, line['quantity'] from told_lines
        where next_event_id is not null
),
known_orders as (
    select distinct shop, order_id from tellings
),
changes as (
    select shop, sku, 'default' as location, moved_at, source, 'sold' as kind, sum(quantity) as change,
        cast(null as decimal(18, 4)) as counted, order_id, event_id
    from taken
    group by shop, sku, moved_at, source, order_id, event_id
    having sum(quantity) <> 0
    union all
    select r.shop, r.sku, 'default', r.returned_at, e.source, 'returned', r.quantity, null, r.order_id, r.event_id
    from marts.returned_lines r
    join events.orders e on r.shop = e.shop and r.order_id = e.order_id and r.event_id = e.event_id
        and r.returned_at = e.event_time
    where e.type in ('order.returned', 'order.cancelled')
    union all
    select i.shop, i.sku, coalesce(i.location, 'default'), i.event_time, i.source,
        case i.type when 'purchase_order.received' then 'received' else substr(i.type, 11) end,
        i.quantity, i.on_hand, i.order_id, i.event_id
    from events.inventory i
    left join known_orders o on i.shop = o.shop and i.order_id = o.order_id
    where i.type in ('inventory.received', 'inventory.returned', 'inventory.adjusted', 'inventory.transferred',
        'inventory.counted', 'purchase_order.received') or (i.type = 'inventory.sold' and o.order_id is null)
),
-- A count begins the reckoning anew, so stock is the last count and what moved since.
numbered as (
    select *, row_number() over in_time as movement, count(counted) over in_time as counts_so_far
    from (select shop, sku, location, moved_at, source, kind, order_id, event_id,
            case when kind = 'counted' then coalesce(counted, 0) end as counted,
            case when kind = 'counted' then 0 else coalesce(change, 0) end as change from changes)
    window in_time as (partition by shop, sku, location order by moved_at, kind = 'counted', source, event_id,
        kind, change rows between unbounded preceding and current row)
),
reckoned as (
    select *, sum(coalesce(counted, change)) over (partition by shop, sku, location, counts_so_far order by movement
        rows between unbounded preceding and current row) as on_hand
    from numbered
)
select shop, sku, location, movement, moved_at, kind,
    cast(on_hand - coalesce(lag(on_hand) over (partition by shop, sku, location order by movement), 0) as decimal(18,
        4)) as quantity,
    cast(on_hand as decimal(18, 4)) as on_hand,
    order_id, event_id
from reckoned
