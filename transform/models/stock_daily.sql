/* ---
name: stock_daily
title: Stock by day
description: >
  Stock on hand at the beginning and end of each day on which a product moved at a location, and what moved it. On
  days between, it stays at the closing of the day before. Counts and adjustments are adjusted; opening, received,
  returned, adjusted and transferred less sold is closing.
grain: one row a product, location and day on which it moved
key: [shop, sku, location, day]
time: day
columns:
  shop: The shop
  day: Day in the shop's time zone
  sku: Product
  location: Where
  opening: Stock before the first movement of the day
  received: Pieces received
  sold: Pieces sold
  returned: Pieces that came back
  adjusted: Adjustments and differences found by counts
  transferred: Pieces that came from other locations, less those that went there
  closing: Stock after the last movement of the day
tests:
  not_null: [opening, closing]
  holds: ["closing = opening + received - sold + returned + adjusted + transferred"]
incremental:
  by: [shop, sku, location, day]
  from:
    marts.stock_movements: [shop, sku, location, "shop_date(shop, moved_at)"]
--- */
with
on_days as (
    select shop, shop_date(shop, moved_at) as day, sku, location, movement, kind, quantity, on_hand
        from marts.stock_movements
)
select shop, day, sku, location,
    cast(first_value(on_hand - quantity order by movement) as decimal(18, 4)) as opening,
    cast(sum(case when kind = 'received' then quantity else 0 end) as decimal(18, 4)) as received,
    cast(-sum(case when kind = 'sold' then quantity else 0 end) as decimal(18, 4)) as sold,
    cast(sum(case when kind = 'returned' then quantity else 0 end) as decimal(18, 4)) as returned,
    cast(sum(case when kind in ('adjusted', 'counted') then quantity else 0 end) as decimal(18, 4)) as adjusted,
    cast(sum(case when kind = 'transferred' then quantity else 0 end) as decimal(18, 4)) as transferred,
    cast(last_value(on_hand order by movement) as decimal(18, 4)) as closing
from on_days
group by shop, day, sku, location
