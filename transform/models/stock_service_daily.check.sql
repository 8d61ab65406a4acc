/* ---
check: stock_service_daily
compare: >
  select shop, location, min(day) as first_day, max(products) as products from marts.stock_service_daily
  where location <> 'default' group by shop, location
by: first news of each product in the stockroom; orders move nothing at other locations than default
--- */
select shop, location, min(first_day) as first_day, count(*) as products
from (select shop, location, sku, min(shop_date(shop, event_time)) as first_day
    from events.inventory cross join settings.run
    where event_time <= as_of and type in ('inventory.received', 'inventory.returned', 'inventory.adjusted', 'inventory.transferred',
        'inventory.counted', 'purchase_order.received') and location <> 'default'
    group by shop, location, sku)
group by shop, location
