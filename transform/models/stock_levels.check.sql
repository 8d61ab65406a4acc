/* ---
check: stock_levels
compare: >
  select l.shop, l.sku, l.location, sum(case when l.to_time is null then l.reserved else 0 end) as reserved,
  sum(case when l.to_time is null then 1 else 0 end) as current, min(l.from_time) > min(e.at) as is_known_too_late
  from marts.stock_levels l join (select shop, sku, coalesce(location, 'default') as location, min(event_time) as at
  from events.inventory where type in ('inventory.received', 'inventory.returned', 'inventory.adjusted',
  'inventory.transferred', 'inventory.counted', 'purchase_order.received')
  group by shop, sku, coalesce(location, 'default')) e
  on l.shop = e.shop and l.sku = e.sku and l.location = e.location group by l.shop, l.sku, l.location
by: first news of stock and all reservations of each product at once, for products of which the stockroom tells
--- */
with
told as (
    select distinct shop, sku, coalesce(location, 'default') as location
    from events.inventory
    where type in ('inventory.received', 'inventory.returned', 'inventory.adjusted', 'inventory.transferred',
        'inventory.counted', 'purchase_order.received')
),
promised as (
    select shop, sku, coalesce(location, 'default') as location,
        sum(case type when 'inventory.reserved' then quantity else -quantity end) as reserved
    from events.inventory
    where type in ('inventory.reserved', 'inventory.released')
    group by shop, sku, coalesce(location, 'default')
)
select t.shop, t.sku, t.location, greatest(coalesce(p.reserved, 0), 0) as reserved, 1 as current,
    false as is_known_too_late
from told t left join promised p on t.shop = p.shop and t.sku = p.sku and t.location = p.location
