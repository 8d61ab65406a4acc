/* ---
name: stockout_intervals
title: Times out of stock
description: >
  Every time that a product had nothing available at a location, from the state change that emptied it to the one that
  filled it. Lost demand is what visitors did while the product was out everywhere in the shop: lost_views the views of
  its page, lost_units the pieces put into carts all the same. It is counted once, at the location that ran out last,
  since that is the one that made the product unbuyable; visitors who left without a view are in no number. An event at
  the very moment of running out counts, one at the moment of being filled does not.
grain: one row a time out of stock of a product at a location
key: [shop, sku, location, from_time]
time: from_time
columns:
  shop: The shop
  sku: Product
  location: Where
  from_time: When nothing was available any more
  to_time: When something was again; NULL while it lasts
  lost_views: Views of the product while it was out everywhere
  lost_units: Pieces put into carts in that time
tests:
  not_null: [lost_views, lost_units]
  at_least_zero: [lost_views, lost_units]
  holds: ["to_time is null or to_time > from_time"]
--- */
with
turns as (
    select *, lag(is_out) over (partition by shop, sku, location order by from_time) as was_out
    from marts.stock_levels
),
-- The first state of every run of equal ones; the next begins where this one ends.
runs as (
    select shop, sku, location, from_time, is_out,
        lead(from_time) over (partition by shop, sku, location order by from_time) as to_time
    from turns
    where was_out is distinct from is_out
),
outs as (
    select shop, sku, location, from_time, to_time from runs where is_out
),
-- How many locations of a product are known, and how many of them are out, after each turn.
counted as (
    select shop, sku, at,
        sum(sum(known)) over (partition by shop, sku order by at) as known,
        sum(sum(became_out)) over (partition by shop, sku order by at) as are_out,
        max(case when became_out = 1 then location end) as last_out
    from (select shop, sku, from_time as at, location,
            case when lag(is_out) over (partition by shop, sku, location order by from_time) is null then 1 else 0 end
                as known,
            case when is_out then 1
                when lag(is_out) over (partition by shop, sku, location order by from_time) then -1 else 0 end
                as became_out
        from runs)
    group by shop, sku, at
),
-- Times in which no location has the product, each with the location that ran out last.
everywhere as (
    select shop, sku, location, at as from_time, next_at as to_time
    from (select shop, sku, at, known = are_out as is_out,
            last_value(last_out) ignore nulls over (partition by shop, sku order by at rows between unbounded preceding
                and current row) as location,
            lead(at) over (partition by shop, sku order by at) as next_at
        from counted)
    where is_out
),
-- Each such time once a day, so that a view is looked up among those of its day only.
by_day as (
    select e.*, unnest(generate_series(cast(from_time as date), cast(coalesce(to_time, r.as_of) as date),
        interval '1 day')) as day
    from everywhere e cross join settings.run r
    where from_time <= r.as_of
),
seen as (
    select shop, sku, event_time, event_date, type, quantity
    from events.storefront
    where type in ('storefront.view_item', 'storefront.add_to_cart') and sku is not null
    union all
    select shop, item['sku'], event_time, event_date, type, item['quantity']
    from (select shop, event_time, event_date, type, unnest(items) as item
        from events.storefront
        where type in ('storefront.view_item', 'storefront.add_to_cart') and sku is null)
),
lost as (
    select d.shop, d.sku, d.location, d.from_time,
        count(*) filter (where s.type = 'storefront.view_item') as views,
        sum(coalesce(s.quantity, 1)) filter (where s.type = 'storefront.add_to_cart') as units
    from seen s join by_day d on s.shop = d.shop and s.sku = d.sku and s.event_date = cast(d.day as date)
        and s.event_time >= d.from_time and (d.to_time is null or s.event_time < d.to_time)
    group by d.shop, d.sku, d.location, d.from_time
),
-- A time out everywhere may begin later than the location's own, where another one had some left for a while.
of_interval as (
    select o.shop, o.sku, o.location, o.from_time, sum(l.views) as views, sum(l.units) as units
    -- Many to many by these columns; of the times, which do not overlap, one at most holds a time out everywhere.
    from outs o join lost l on o.shop = l.shop and o.sku = l.sku and o.location = l.location
        and l.from_time >= o.from_time and (o.to_time is null or l.from_time < o.to_time)
    group by o.shop, o.sku, o.location, o.from_time
)
select o.shop, o.sku, o.location, o.from_time, o.to_time, coalesce(i.views, 0) as lost_views,
    cast(coalesce(i.units, 0) as decimal(18, 4)) as lost_units
from outs o left join of_interval i on o.shop = i.shop and o.sku = i.sku and o.location = i.location
    and o.from_time = i.from_time
