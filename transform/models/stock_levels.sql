/* ---
name: stock_levels
title: Stock by state
description: >
  Every state of a product's stock at a location, from the moment it began to the next change. A product's stock is
  known from its first receipt, return, adjustment, transfer or count at the location on; what was sold before counts
  in the stock, but is no state. available is on_hand less what is reserved by inventory.reserved and not released yet.
  At one instant only the last state counts.
grain: one row a state of a product at a location
key: [shop, sku, location, from_time]
time: from_time
columns:
  shop: The shop
  sku: Product
  location: Where
  from_time: When the state began
  to_time: When it ended; NULL while it lasts
  on_hand: Pieces on hand
  reserved: Of these, promised
  available: on_hand less reserved
  is_out: Nothing is available
tests:
  not_null: [on_hand, reserved, available, is_out]
  holds: ["available = on_hand - reserved", "to_time is null or to_time > from_time"]
incremental:
  by: [shop, sku, location]
  from:
    marts.stock_movements: [shop, sku, location]
    events.inventory: [shop, sku, "coalesce(location, 'default')"]
--- */
with
changes as (
    select shop, sku, location, moved_at, on_hand, cast(null as decimal(18, 4)) as reserved_change, movement as place,
        kind in ('received', 'returned', 'adjusted', 'transferred', 'counted') as tells_stock
    from marts.stock_movements
    union all
    -- A reservation moves nothing, so it comes after the movements of its instant.
    select shop, sku, coalesce(location, 'default'), event_time, null,
        sum(case type when 'inventory.reserved' then quantity else -quantity end), null, false
    from events.inventory
    where type in ('inventory.reserved', 'inventory.released') and sku is not null
    group by shop, sku, coalesce(location, 'default'), event_time
),
states as (
    select shop, sku, location, moved_at, place,
        last_value(on_hand) ignore nulls over in_time as on_hand,
        sum(coalesce(reserved_change, 0)) over in_time as reserved,
        min(case when tells_stock then moved_at end) over (partition by shop, sku, location) as known_from,
        lead(moved_at) over (partition by shop, sku, location order by moved_at, place nulls last) as next_at
    from changes
    window in_time as (partition by shop, sku, location order by moved_at, place nulls last
        rows between unbounded preceding and current row)
),
-- The last state of each instant.
ends as (
    select * from states where (next_at is null or next_at > moved_at) and moved_at >= known_from
)
select shop, sku, location, moved_at as from_time, next_at as to_time, on_hand,
    cast(greatest(reserved, 0) as decimal(18, 4)) as reserved,
    cast(on_hand - greatest(reserved, 0) as decimal(18, 4)) as available, on_hand - greatest(reserved, 0) <= 0 as is_out
from (select shop, sku, location, moved_at, next_at, cast(coalesce(on_hand, 0) as decimal(18, 4)) as on_hand, reserved
    from ends)
