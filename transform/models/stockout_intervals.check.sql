/* ---
check: stockout_intervals
compare: >
  select i.shop, i.sku, i.location, i.from_time from marts.stockout_intervals i
  left join (select shop, sku, event_time, sum(case type when 'storefront.view_item' then 1 else 0 end) as views,
  sum(case type when 'storefront.add_to_cart' then coalesce(quantity, 1) else 0 end) as units
  from (select shop, sku, event_time, type, quantity from events.storefront where sku is not null union all
  select shop, item['sku'], event_time, type, item['quantity'] from (select shop, event_time, type,
  unnest(items) as item from events.storefront where sku is null))
  where type in ('storefront.view_item', 'storefront.add_to_cart')
  group by shop, sku, event_time) s on i.shop = s.shop and i.sku = s.sku and s.event_time >= i.from_time
  and s.event_time < i.to_time
  where i.to_time is not null and i.sku not in (select sku from events.inventory where location <> 'default')
  group by i.shop, i.sku, i.location, i.from_time, i.lost_views, i.lost_units
  having coalesce(sum(s.views), 0) <> i.lost_views or coalesce(sum(s.units), 0) <> i.lost_units
by: no interval of a product with one location whose views and carts, looked up by its two ends alone, are others
--- */
select shop, sku, coalesce(location, 'default') as location, event_time as from_time
from events.inventory
where type = 'inventory.received' and quantity is null
