/* ---
name: product_supply
title: Supply of products
description: >
  How each product is bought: from whom, in what packs, at what cost, and how long it takes to come. The lead time is
  the mean of the receipts of the product's purchase orders at the location, from the order to its first receipt, from
  3 receipts on; else of all receipts of its supplier, from 3 on; else what the product states, else the supplier. Of
  what is told more than once the newest counts.
grain: one row a product and location whose stock is known
key: [shop, sku, location]
columns:
  shop: The shop
  sku: Product
  location: Where
  supplier: Who supplies it
  min_order_qty: Least that the supplier sells
  pack_size: Pieces in a pack
  unit_cost: What one piece cost to buy, as last told
  reorder_point: The shop's own reorder point, where it has set one
  receipts: Purchase orders of the product at the location that came
  lead_time_days: Mean days from order to receipt; NULL where nothing tells
  lead_time_sd: Its standard deviation (of a sample); 0 where the lead time is only stated
  lead_time_source: receipts, supplier's receipts, product or supplier
tests:
  not_null: [min_order_qty, pack_size, receipts, lead_time_sd]
  accepted: {lead_time_source: [receipts, "supplier's receipts", product, supplier]}
  at_least_zero: [min_order_qty, receipts, lead_time_days, lead_time_sd]
  holds: ["pack_size > 0", "(lead_time_days is null) = (lead_time_source is null)"]
--- */
with
-- The newest of what was ever told of each product and supplier.
products as (
    select shop, sku,
        last_value(supplier order by event_time, source, event_id) filter (where supplier is not null) as supplier,
        last_value(lead_time_days order by event_time, source, event_id)
            filter (where lead_time_days is not null and type = 'product.upserted') as lead_time_days,
        last_value(min_order_qty order by event_time, source, event_id)
            filter (where min_order_qty is not null) as min_order_qty,
        last_value(pack_size order by event_time, source, event_id) filter (where pack_size > 0) as pack_size,
        last_value(unit_cost order by event_time, source, event_id) filter (where unit_cost is not null) as unit_cost,
        last_value(reorder_point order by event_time, source, event_id)
            filter (where reorder_point is not null) as reorder_point
    from events.inventory
    where sku is not null
    group by shop, sku
),
suppliers as (
    select shop, supplier, last_value(lead_time_days order by event_time, source, event_id) as lead_time_days
    from events.inventory
    where type = 'supplier.upserted' and supplier is not null and lead_time_days is not null
    group by shop, supplier
),
purchases as (
    select shop, sku, coalesce(location, 'default') as location, purchase_order_id, max(supplier) as supplier,
        min(event_time) filter (where type = 'purchase_order.placed') as placed_at,
        min(event_time) filter (where type = 'purchase_order.received') as received_at
    from events.inventory
    where type in ('purchase_order.placed', 'purchase_order.received', 'purchase_order.cancelled') and sku is not null
    group by shop, sku, coalesce(location, 'default'), purchase_order_id
),
-- Whole microseconds, so that the sums are exact.
receipts as (
    select shop, sku, location, supplier,
        cast(cast(received_at as bigint) - cast(placed_at as bigint) as decimal(20, 0)) as took
    from purchases
    where purchase_order_id is not null and received_at >= placed_at
),
own_times as (
    select shop, sku, location, count(*) as receipts, arrow_cast(count(*), 'Float64') as n,
        arrow_cast(sum(took), 'Float64') as s,
        arrow_cast(sum(cast(took * took as decimal(38, 0))), 'Float64') as ss
    from receipts
    group by shop, sku, location
),
supplier_times as (
    select shop, supplier, arrow_cast(count(*), 'Float64') as n, arrow_cast(sum(took), 'Float64') as s,
        arrow_cast(sum(cast(took * took as decimal(38, 0))), 'Float64') as ss
    from receipts
    where supplier is not null
    group by shop, supplier
    having count(*) >= 3
)
select l.shop, l.sku, l.location, p.supplier, cast(coalesce(p.min_order_qty, 0) as decimal(18, 4)) as min_order_qty,
    cast(coalesce(p.pack_size, 1) as decimal(18, 4)) as pack_size, cast(p.unit_cost as decimal(18, 4)) as unit_cost,
    cast(p.reorder_point as decimal(18, 4)) as reorder_point, coalesce(o.receipts, 0) as receipts,
    cast(coalesce(case when o.receipts >= 3 then o.s / o.n / 86400000000 end, s.s / s.n / 86400000000,
        arrow_cast(coalesce(p.lead_time_days, u.lead_time_days), 'Float64')) as decimal(18, 6)) as lead_time_days,
    cast(coalesce(
        case when o.receipts >= 3 then sqrt(greatest((o.ss - o.s * o.s / o.n) / (o.n - 1), 0)) / 86400000000 end,
        sqrt(greatest((s.ss - s.s * s.s / s.n) / (s.n - 1), 0)) / 86400000000, 0) as decimal(18, 6)) as lead_time_sd,
    case when o.receipts >= 3 then 'receipts' when s.n is not null then 'supplier''s receipts'
        when p.lead_time_days is not null then 'product' when u.lead_time_days is not null then 'supplier'
        end as lead_time_source
from (select distinct shop, sku, location from marts.stock_levels) l
left join products p on l.shop = p.shop and l.sku = p.sku
left join own_times o on l.shop = o.shop and l.sku = o.sku and l.location = o.location
left join supplier_times s on l.shop = s.shop and p.supplier = s.supplier
left join suppliers u on l.shop = u.shop and p.supplier = u.supplier
