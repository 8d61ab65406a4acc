/* ---
check: stock_daily
compare: >
  select shop, day, sku, location, received, transferred from marts.stock_daily where received <> 0 or transferred <>
  0
by: sums over the receipts and transfers of the day
--- */
with
arrived as (
    select shop, shop_date(shop, event_time) as day, sku, coalesce(location, 'default') as location,
        case when type = 'inventory.transferred' then 0 else quantity end as received,
        case when type = 'inventory.transferred' then quantity else 0 end as transferred
    from events.inventory
    where type in ('inventory.received', 'purchase_order.received', 'inventory.transferred')
)
select shop, day, sku, location, sum(received) as received, sum(transferred) as transferred
from arrived
group by shop, day, sku, location
having sum(received) <> 0 or sum(transferred) <> 0
