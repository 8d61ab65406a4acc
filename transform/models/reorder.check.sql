/* ---
check: reorder
compare: >
  select o.shop, o.sku, o.location, o.on_order from marts.reorder o
  left join (select shop, sku, coalesce(location, 'default') as location,
  cast(sum(quantity) as decimal(18, 4)) as placed from events.inventory
  where type = 'purchase_order.placed' group by shop, sku, coalesce(location, 'default')) p
  on o.shop = p.shop and o.sku = p.sku and o.location = p.location
  where o.on_order > coalesce(p.placed, 0) or o.position <> o.available + o.on_order
  or (o.is_due and o.suggested_quantity + o.position < o.reorder_point)
  or cast(abs(o.suggested_quantity - round(o.suggested_quantity / o.pack_size, 0) * o.pack_size)
  as decimal(18, 4)) > 0
  or (o.is_due and o.suggested_quantity < o.min_order_qty)
  or (not o.is_set_by_shop and cast(abs(o.reorder_point - o.safety_stock - o.demand_per_day * o.lead_time_days)
  as decimal(18, 4)) > cast(0.01 + 0.001 * o.lead_time_days + 0.0001 * o.demand_per_day as decimal(18, 4)))
by: no row that the purchase orders or the definition contradict, of products without review days
--- */
select shop, sku, coalesce(location, 'default') as location, quantity as on_order
from events.inventory
where type = 'purchase_order.placed' and quantity is null
