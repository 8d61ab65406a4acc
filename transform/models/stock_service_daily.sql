/* ---
name: stock_service_daily
title: Stock service by day
description: >
  How well each location could serve, by day. stockout_rate is the time that its products were out over the time that
  their stock was known, by state changes; in_stock_rate is 1 less it. stockout_rate_at_end is the share of products
  that were out when the day ended, which misses what was filled again; give it beside, not instead. Seconds are by the
  clock on the shop's wall, today's up to now. Fill rates (type 2) are what was on hand over what was asked: of pieces,
  of lines, and of orders, where an order is filled when every line was. A product or order counts from when its stock
  is known. Rates are NULL where nothing was known or asked; sum the counts and divide again for longer periods.
grain: one row a location and day, from its first known stock to today
key: [shop, location, day]
time: day
columns:
  shop: The shop
  location: Where
  day: Day in the shop's time zone
  products: Products whose stock is known
  known_seconds: Time of all products of which stock is known
  out_seconds: Of it, out of stock
  products_out: Products that were out at some moment
  products_out_at_end: Products that were out at the end of the day, or are now
  units: Pieces asked for
  units_supplied: Of these, on hand
  lines: Lines asked for
  lines_supplied: Of these, on hand in full
  orders: Orders that asked
  orders_supplied: Of these, on hand in full
  stockout_rate: out_seconds / known_seconds
  in_stock_rate: 1 - stockout_rate
  stockout_rate_at_end: products_out_at_end / products
  unit_fill_rate: units_supplied / units
  line_fill_rate: lines_supplied / lines
  order_fill_rate: orders_supplied / orders
tests:
  not_null: [products, known_seconds, out_seconds]
  at_least_zero: [known_seconds, out_seconds, units, lines, orders]
  holds:
    - "out_seconds <= known_seconds and products_out_at_end <= products_out and products_out <= products"
    - "units_supplied <= units and lines_supplied <= lines and orders_supplied <= orders"
--- */
with
known as (
    select l.shop, l.sku, l.location, min(l.from_time) as known_from
    from marts.stock_levels l cross join settings.run r
    where l.from_time <= r.as_of
    group by l.shop, l.sku, l.location
),
begun as (
    select shop, location, shop_date(shop, known_from) as day, count(*) as products,
        sum(86400 - (cast(date_part('epoch', shop_time(shop, known_from)) as bigint)
            - cast(date_part('epoch', cast(shop_date(shop, known_from) as timestamp)) as bigint))) as seconds
    from known
    group by shop, location, shop_date(shop, known_from)
),
today as (
    select b.shop, b.location, min(b.day) as first_day, max(shop_date(b.shop, r.as_of)) as day,
        max(cast(date_part('epoch', shop_time(b.shop, r.as_of)) as bigint)
            - cast(date_part('epoch', cast(shop_date(b.shop, r.as_of) as timestamp)) as bigint)) as passed
    from begun b cross join settings.run r
    group by b.shop, b.location
),
days as (
    select shop, location, day as last_day, passed,
        unnest(generate_series(first_day, day, interval '1 day')) as midnight
    from today
),
products as (
    select d.shop, d.location, cast(d.midnight as date) as day, d.last_day, d.passed,
        coalesce(b.products, 0) as new_products,
        coalesce(b.seconds, 0) as new_seconds,
        sum(coalesce(b.products, 0)) over (partition by d.shop, d.location order by d.midnight) as products
    from days d left join begun b on d.shop = b.shop and d.location = b.location and cast(d.midnight as date) = b.day
),
timed as (
    select shop, location, day, products,
        (products - new_products) * case when day = last_day then passed else 86400 end
            + new_seconds - case when day = last_day then new_products * (86400 - passed) else 0 end as known_seconds
    from products
),
demand as (
    select d.shop, d.location, d.day, sum(d.out_seconds) as out_seconds,
        count(*) filter (where d.was_out) as products_out,
        count(*) filter (where d.is_out_at_end) as products_out_at_end,
        sum(d.units) filter (where d.units_supplied is not null) as units, sum(d.units_supplied) as units_supplied,
        sum(d.lines) filter (where d.lines_supplied is not null) as lines, sum(d.lines_supplied) as lines_supplied
    from marts.demand_daily d
    group by d.shop, d.location, d.day
),
orders as (
    select m.shop, m.location, shop_date(m.shop, m.moved_at) as day, m.order_id,
        bool_and(m.on_hand >= 0) as is_supplied
    from marts.stock_movements m
    join known k on m.shop = k.shop and m.sku = k.sku and m.location = k.location and m.moved_at >= k.known_from
    where m.kind = 'sold' and m.quantity < 0 and m.order_id is not null
    group by m.shop, m.location, shop_date(m.shop, m.moved_at), m.order_id
),
filled as (
    select shop, location, day, count(*) as orders, count(*) filter (where is_supplied) as orders_supplied
    from orders
    group by shop, location, day
),
together as (
    select t.shop, t.location, t.day, t.products, t.known_seconds,
        coalesce(d.out_seconds, 0) as out_seconds,
        coalesce(d.products_out, 0) as products_out, coalesce(d.products_out_at_end, 0) as products_out_at_end,
        coalesce(d.units, 0) as units, coalesce(d.units_supplied, 0) as units_supplied,
        coalesce(d.lines, 0) as lines, coalesce(d.lines_supplied, 0) as lines_supplied,
        coalesce(f.orders, 0) as orders, coalesce(f.orders_supplied, 0) as orders_supplied
    from timed t
    left join demand d on t.shop = d.shop and t.location = d.location and t.day = d.day
    left join filled f on t.shop = f.shop and t.location = f.location and t.day = f.day
)
select shop, location, day, products, known_seconds, out_seconds, products_out, products_out_at_end,
    cast(units as decimal(18, 4)) as units, cast(units_supplied as decimal(18, 4)) as units_supplied, lines,
    lines_supplied, orders, orders_supplied,
    cast(cast(out_seconds as decimal(24, 8)) / nullif(cast(known_seconds as decimal(18, 0)), 0) as decimal(9, 6))
        as stockout_rate,
    cast(1 - cast(out_seconds as decimal(24, 8)) / nullif(cast(known_seconds as decimal(18, 0)), 0) as decimal(9, 6))
        as in_stock_rate,
    cast(cast(products_out_at_end as decimal(24, 8)) / nullif(cast(products as decimal(18, 0)), 0) as decimal(9, 6))
        as stockout_rate_at_end,
    cast(cast(units_supplied as decimal(24, 8)) / nullif(cast(units as decimal(18, 4)), 0) as decimal(9, 6))
        as unit_fill_rate,
    cast(cast(lines_supplied as decimal(24, 8)) / nullif(cast(lines as decimal(18, 0)), 0) as decimal(9, 6))
        as line_fill_rate,
    cast(cast(orders_supplied as decimal(24, 8)) / nullif(cast(orders as decimal(18, 0)), 0) as decimal(9, 6))
        as order_fill_rate
from together
