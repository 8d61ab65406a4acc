/* ---
name: reorder
title: What to reorder
description: >
  For each product at a location, whether to order more now, how much, and why. Demand is that of the last 90 full
  days, of those only on which the product was in stock all day; with fewer than 14 of them there is insufficient
  history. Lead times are those of the receipts of its purchase orders (from 3 on), else of its supplier's, else what
  the product or the supplier states, else of settings.reorder_policy. safety_stock = z x root(lead time x demand_sd^2
  + demand^2 x lead_time_sd^2), where z belongs to the service level (the chance that a replenishment sees no
  stock-out, not the share of demand that is filled); reorder_point = demand x lead time + safety_stock, unless the
  shop has set one; review days lengthen the lead time. position = available + what open purchase orders will bring
  within the lead time. At or below the reorder point it is due, if anybody asks for it: suggested_quantity = the
  greatest of eoq, reorder_point - position and the least order, rounded up to whole packs; 0 where it is not due. eoq
  = root(2 x yearly demand x cost of an order / cost of keeping a piece for a year). Where most days are without
  demand, or it varies by more than its mean, the formula promises too much, and reason says so. NULL is what cannot
  be told, never 0.
grain: one row a product and location whose stock is known
key: [shop, sku, location]
columns:
  shop: The shop
  sku: Product
  location: Where
  supplier: Who supplies it
  on_hand: Pieces on hand
  available: on_hand less reserved
  on_order: Pieces on open purchase orders that are due within the lead time, or overdue
  position: available and on_order
  in_stock_days: Days of the last 90 on which it was in stock all day
  demand_per_day: Mean demand of these days
  demand_sd: Its standard deviation (of a sample)
  is_intermittent: More than half of these days had no demand, or it varies by its mean or more
  lead_time_days: Mean days from order to receipt
  lead_time_sd: Its standard deviation; 0 where the lead time is only stated
  lead_time_source: receipts, supplier's receipts, product, supplier or policy
  service_level: Share of replenishments that shall see no stock-out
  z: Standard deviations that this takes
  safety_stock: Pieces kept for the case that demand or supply are worse than usual
  reorder_point: Order when position is at or below
  is_set_by_shop: The reorder point is the shop's own
  eoq: Economic quantity of an order; NULL without costs
  min_order_qty: Least that the supplier sells
  pack_size: Pieces in a pack
  is_due: position is at or below the reorder point
  suggested_quantity: What to order now; 0 where it is not due, NULL where that cannot be told
  days_of_cover: Days that what is available lasts; NULL without demand
  run_out_day: Day on which it will be gone; NULL without demand
  expected_fill_rate: Share of demand that will be filled, ordering the suggested or economic quantity each time
  reason: All of it in words
tests:
  not_null: [available, position, in_stock_days, lead_time_days, lead_time_source, is_due, reason]
  accepted: {lead_time_source: [receipts, "supplier's receipts", product, supplier, policy]}
  at_least_zero: [demand_per_day, demand_sd, safety_stock, reorder_point, suggested_quantity, days_of_cover]
  holds:
    - "not is_due or position <= reorder_point"
    - "is_due or reorder_point is null or position > reorder_point or demand_per_day = 0"
    - "expected_fill_rate between 0 and 1"
--- */
with
now_ as (
    select l.shop, l.sku, l.location, max(case when l.to_time is null then l.on_hand end) as on_hand,
        max(case when l.to_time is null then l.available end) as available,
        shop_date(l.shop, min(l.from_time)) as known_day, max(shop_date(l.shop, r.as_of)) as today
    from marts.stock_levels l cross join settings.run r
    group by l.shop, l.sku, l.location
),
-- Days without a row had no demand and the product in stock; they add to the number of days only.
demand as (
    select n.shop, n.sku, n.location, n.today,
        greatest(cast(n.today as bigint) - greatest(cast(n.known_day as bigint), cast(n.today as bigint) - 91) - 1, 0)
            - count(d.day) filter (where not d.was_in_stock) as in_stock_days,
        coalesce(sum(d.units) filter (where d.was_in_stock), 0) as units,
        coalesce(sum(cast(d.units * d.units as decimal(38, 8))) filter (where d.was_in_stock), 0) as squares,
        count(d.day) filter (where d.was_in_stock and d.units > 0) as days_with_demand
    from now_ n
    left join marts.demand_daily d on n.shop = d.shop and n.sku = d.sku and n.location = d.location
        and d.day < n.today and d.day >= n.today - interval '90 days' and d.day > n.known_day
    group by n.shop, n.sku, n.location, n.today, n.known_day
),
purchases as (
    select shop, sku, coalesce(location, 'default') as location, purchase_order_id,
        min(event_time) filter (where type = 'purchase_order.placed') as placed_at,
        max(eta) filter (where type = 'purchase_order.placed') as eta,
        sum(case type when 'purchase_order.placed' then quantity else -quantity end) as open_quantity
    from events.inventory
    where type in ('purchase_order.placed', 'purchase_order.received', 'purchase_order.cancelled') and sku is not null
    group by shop, sku, coalesce(location, 'default'), purchase_order_id
),
policies as (
    select n.shop, n.sku, n.location, y.service_level, y.order_cost, y.holding_rate, y.review_days, y.lead_time_days,
        row_number() over (partition by n.shop, n.sku, n.location
            order by y.shop = '*', y.sku = '*', y.location = '*', y.currency = '*') as choice
    from now_ n
    left join settings.shops h on n.shop = h.shop
    join settings.reorder_policy y on (y.shop = '*' or y.shop = n.shop) and (y.sku = '*' or y.sku = n.sku)
        and (y.location = '*' or y.location = n.location) and (y.currency = '*' or y.currency = h.currency)
),
timed as (
    select n.shop, n.sku, n.location, n.on_hand, n.available, n.today, p.supplier,
        coalesce(p.min_order_qty, 0) as min_order_qty, coalesce(p.pack_size, 1) as pack_size, p.unit_cost,
        p.reorder_point as set_point, coalesce(p.lead_time_source, 'policy') as lead_time_source,
        arrow_cast(coalesce(p.lead_time_days, y.lead_time_days, 7), 'Float64') as lead_time,
        arrow_cast(coalesce(p.lead_time_sd, 0), 'Float64') as lead_time_sd,
        arrow_cast(coalesce(y.service_level, 0.95), 'Float64') as service_level,
        arrow_cast(y.order_cost, 'Float64') as order_cost, arrow_cast(y.holding_rate, 'Float64') as holding_rate,
        arrow_cast(coalesce(y.review_days, 0), 'Float64') as review_days
    from now_ n
    left join marts.product_supply p on n.shop = p.shop and n.sku = p.sku and n.location = p.location
    left join policies y on y.choice = 1 and n.shop = y.shop and n.sku = y.sku and n.location = y.location
),
-- Open orders that come within the lead time, or are overdue.
inbound as (
    select p.shop, p.sku, p.location, sum(greatest(p.open_quantity, 0)) as on_order
    from purchases p
    cross join settings.run r
    left join marts.product_supply s on p.shop = s.shop and p.sku = s.sku and p.location = s.location
    where p.placed_at is not null and p.placed_at <= r.as_of
        and (p.eta is null or s.lead_time_days is null or cast(p.eta as bigint) <= cast(r.as_of as bigint)
            + cast(arrow_cast(s.lead_time_days, 'Float64') * 86400000000 as bigint))
    group by p.shop, p.sku, p.location
),
-- z by Acklam's rational approximation of the normal quantile, right to nine digits.
quantiles as (
    select t.*, coalesce(i.on_order, 0) as on_order, d.in_stock_days,
        case when d.in_stock_days >= 14 then arrow_cast(d.units, 'Float64') / d.in_stock_days end as mean,
        case when d.in_stock_days >= 14 then sqrt(greatest((arrow_cast(d.squares, 'Float64')
            - power(arrow_cast(d.units, 'Float64'), 2) / d.in_stock_days) / (d.in_stock_days - 1), 0)) end as sd,
        d.days_with_demand,
        case when service_level > 0.97575 then sqrt(-2 * ln(1 - service_level))
            when service_level < 0.02425 then sqrt(-2 * ln(service_level)) else service_level - 0.5 end as q
    from timed t
    join demand d on t.shop = d.shop and t.sku = d.sku and t.location = d.location
    left join inbound i on t.shop = i.shop and t.sku = i.sku and t.location = i.location
),
levelled as (
    select *,
        case when service_level between 0.02425 and 0.97575 then
            (((((-39.69683028665376 * q * q + 220.9460984245205) * q * q - 275.9285104469687) * q * q
                + 138.3577518672690) * q * q - 30.66479806614716) * q * q + 2.506628277459239) * q
            / (((((-54.47609879822406 * q * q + 161.5858368580409) * q * q - 155.6989798598866) * q * q
                + 66.80131188771972) * q * q - 13.28068155288572) * q * q + 1)
        else case when service_level < 0.5 then 1 else -1 end
            * (((((-0.007784894002430293 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734)
                * q + 4.374664141464968) * q + 2.938163982698783)
            / ((((0.007784695709041462 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416)
                * q + 1)
        end as z
    from quantiles
),
buffered as (
    select *, available + on_order as position,
        sqrt((lead_time + review_days) * sd * sd + mean * mean * lead_time_sd * lead_time_sd) as spread,
        case when mean > 0 and order_cost > 0 and holding_rate > 0 and unit_cost > 0 then
            sqrt(2 * mean * 365 * order_cost / (arrow_cast(unit_cost, 'Float64') * holding_rate)) end as eoq
    from levelled
),
-- What is compared with pieces is a decimal, so that a position equal to the point is equal.
pointed as (
    select *, cast(case when spread is not null then greatest(z * spread, 0) end as decimal(18, 4)) as safety_stock,
        coalesce(set_point, cast(mean * (lead_time + review_days) + greatest(z * spread, 0) as decimal(18, 4))) as point
    from buffered
),
due as (
    select *, coalesce(position <= point and (mean > 0 or set_point is not null), false) as is_due,
        cast(ceil(greatest(coalesce(eoq, 0), arrow_cast(point - position, 'Float64'),
            arrow_cast(min_order_qty, 'Float64')) / arrow_cast(pack_size, 'Float64') - 0.0000001) as decimal(18, 0))
            * pack_size as whole_packs
    from pointed
),
filled as (
    select *, case when spread > 0 and coalesce(nullif(arrow_cast(case when is_due then whole_packs end, 'Float64'), 0),
            eoq, nullif(arrow_cast(min_order_qty, 'Float64'), 0)) > 0 then
            1 - spread * (exp(-z * z / 2) / 2.506628274631 - z * (1 - service_level))
                / coalesce(nullif(arrow_cast(case when is_due then whole_packs end, 'Float64'), 0), eoq,
                    nullif(arrow_cast(min_order_qty, 'Float64'), 0)) end as fill_rate,
        mean > 0 and (sd >= mean or 2 * days_with_demand < in_stock_days) as is_intermittent
    from due
)
select shop, sku, location, supplier, on_hand, available, cast(on_order as decimal(18, 4)) as on_order,
    cast(position as decimal(18, 4)) as position, in_stock_days,
    cast(mean as decimal(18, 6)) as demand_per_day, cast(sd as decimal(18, 6)) as demand_sd,
    coalesce(is_intermittent, false) as is_intermittent, cast(lead_time as decimal(18, 4)) as lead_time_days,
    cast(lead_time_sd as decimal(18, 4)) as lead_time_sd, lead_time_source,
    cast(service_level as decimal(9, 6)) as service_level, cast(z as decimal(9, 5)) as z,
    safety_stock, cast(point as decimal(18, 4)) as reorder_point, set_point is not null as is_set_by_shop,
    cast(eoq as decimal(18, 4)) as eoq, cast(min_order_qty as decimal(18, 4)) as min_order_qty,
    cast(pack_size as decimal(18, 4)) as pack_size, is_due,
    cast(case when point is null then null when is_due then whole_packs else 0 end as decimal(18, 4))
        as suggested_quantity,
    cast(greatest(arrow_cast(available, 'Float64'), 0) / nullif(mean, 0) as decimal(18, 2)) as days_of_cover,
    case when mean > 0 then cast(today + cast(floor(least(greatest(arrow_cast(available, 'Float64'), 0) / mean,
        36500.0)) as int) as date) end as run_out_day,
    cast(greatest(least(fill_rate, 1), 0) as decimal(9, 6)) as expected_fill_rate,
    case
        when point is null then 'insufficient history: in stock on ' || cast(in_stock_days as varchar)
            || ' of the last 90 days, 14 are needed'
        when set_point is null and mean = 0 and not is_due then 'no demand in ' || cast(in_stock_days as varchar)
            || ' days in stock'
        else 'position ' || cast(cast(position as decimal(18, 1)) as varchar)
            || case when is_due then ' is at or below ' else ' is above ' end
            || case when set_point is null then 'the reorder point ' else 'the shop''s own reorder point, ' end
            || cast(cast(point as decimal(18, 1)) as varchar)
            || case when set_point is null then ' (' || cast(cast(mean as decimal(18, 2)) as varchar) || ' a day for '
                || cast(cast(lead_time + review_days as decimal(18, 1)) as varchar) || ' days, and '
                || cast(cast(safety_stock as decimal(18, 1)) as varchar) || ' for safety)' else '' end
            || case when is_intermittent and set_point is null
                then '; demand comes in bursts, so the safety is less than it seems' else '' end
    end as reason
from filled
