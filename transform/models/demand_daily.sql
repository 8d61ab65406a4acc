/* ---
name: demand_daily
title: Demand by day
description: >
  What buyers asked of a product at a location and how much of it was there, on days with demand or with the product
  out of stock; on other days since its stock is known it was in stock and nobody asked. Demand is what orders took when
  they were placed or enlarged, also of orders that were cancelled or sent back later. Supplied is the part that was on
  hand at that moment (fill rate of type 2). out_seconds is by the clock on the shop's wall, so that every day has 24
  hours. was_in_stock: the day is over, stock was known before it began, and the product was out at no moment of it;
  only such days tell of demand, since on the others it could not be bought. Before stock is known (see stock_levels)
  what was supplied is NULL.
grain: one row a product, location and day with demand or out of stock
key: [shop, sku, location, day]
time: day
columns:
  shop: The shop
  sku: Product
  location: Where
  day: Day in the shop's time zone
  units: Pieces asked for
  units_supplied: Of these, on hand
  lines: Times it was asked for
  lines_supplied: Of these, on hand in full
  out_seconds: Time out of stock
  was_out: Out of stock at some moment
  is_out_at_end: Out of stock at the end of the day, or now
  was_in_stock: In stock for all of a day that is over
tests:
  not_null: [units, lines, out_seconds, was_out, is_out_at_end, was_in_stock]
  at_least_zero: [units, units_supplied, lines, lines_supplied, out_seconds]
  holds:
    - "coalesce(units_supplied, 0) <= units and coalesce(lines_supplied, 0) <= lines"
    - "out_seconds <= 86400"
    - "not (was_in_stock and was_out)"
--- */
with
known as (
    select shop, sku, location, min(from_time) as known_from from marts.stock_levels group by shop, sku, location
),
asked as (
    select m.shop, m.sku, m.location, shop_date(m.shop, m.moved_at) as day, -m.quantity as units,
        case when m.moved_at >= k.known_from then least(-m.quantity, greatest(m.on_hand - m.quantity, 0)) end
            as units_supplied
    from marts.stock_movements m
    left join known k on m.shop = k.shop and m.sku = k.sku and m.location = k.location
    where m.kind = 'sold' and m.quantity < 0
),
demand as (
    select shop, sku, location, day, sum(units) as units, sum(units_supplied) as units_supplied, count(*) as lines,
        case when count(units_supplied) > 0 then count(*) filter (where units_supplied >= units) end as lines_supplied
    from asked
    group by shop, sku, location, day
),
-- Times out of stock by the wall clock, once a day that they touch.
outs as (
    select i.shop, i.sku, i.location, shop_time(i.shop, i.from_time) as begins,
        shop_time(i.shop, coalesce(i.to_time, r.as_of)) as ends, i.to_time is null as lasts,
        shop_date(i.shop, i.from_time) as first_day, shop_date(i.shop, coalesce(i.to_time, r.as_of)) as last_day
    from marts.stockout_intervals i cross join settings.run r
    where i.from_time <= r.as_of
),
days_of_outs as (
    select *, unnest(generate_series(first_day, last_day, interval '1 day')) as midnight from outs
),
out_days as (
    select shop, sku, location, cast(midnight as date) as day,
        sum(greatest(cast(date_part('epoch', least(ends, midnight + interval '1 day')) as bigint)
            - cast(date_part('epoch', greatest(begins, midnight)) as bigint), 0)) as out_seconds,
        bool_or((lasts and last_day = cast(midnight as date)) or ends > midnight + interval '1 day') as is_out_at_end
    from days_of_outs
    -- What ends at midnight does not touch the day that begins then.
    where ends > midnight or lasts or begins >= midnight
    group by shop, sku, location, cast(midnight as date)
),
together as (
    select coalesce(d.shop, o.shop) as shop, coalesce(d.sku, o.sku) as sku,
        coalesce(d.location, o.location) as location, coalesce(d.day, o.day) as day, d.units, d.units_supplied, d.lines,
        d.lines_supplied, o.out_seconds, o.is_out_at_end, o.day is not null as was_out
    from demand d full outer join out_days o on d.shop = o.shop and d.sku = o.sku and d.location = o.location
        and d.day = o.day
)
select t.shop, t.sku, t.location, t.day, cast(coalesce(t.units, 0) as decimal(18, 4)) as units,
    cast(case when t.units is null and k.known_from is not null then 0 else t.units_supplied end as decimal(18, 4))
        as units_supplied,
    coalesce(t.lines, 0) as lines,
    case when t.units is null and k.known_from is not null then 0 else t.lines_supplied end as lines_supplied,
    least(coalesce(t.out_seconds, 0), 86400) as out_seconds, t.was_out,
    coalesce(t.is_out_at_end, false) as is_out_at_end,
    not t.was_out and coalesce(shop_date(t.shop, k.known_from) < t.day, false)
        and t.day < shop_date(t.shop, r.as_of) as was_in_stock
from together t
cross join settings.run r
left join known k on t.shop = k.shop and t.sku = k.sku and t.location = k.location
