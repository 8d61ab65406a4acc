/* ---
check: demand_daily
compare: >
  select shop, sku, sum(units) as units, count(*) as days from marts.demand_daily
  where units > 0 and location = 'default' and sku not in (select line['sku']
  from (select unnest(lines) as line from events.orders
  where type = 'order.edited')) group by shop, sku
by: lines of orders as they were placed and sales of unknown orders, for products that no edit touched
--- */
with
placed as (
    select shop, shop_date(shop, event_time) as day, order_id, unnest(lines) as line
    from events.orders where type = 'order.placed'
),
asked as (
    select shop, day, line['sku'] as sku, cast(line['quantity'] as decimal(18, 4)) as units from placed
    union all
    select i.shop, shop_date(i.shop, i.event_time), i.sku, cast(-i.quantity as decimal(18, 4))
    from events.inventory i
    left join (select distinct shop, order_id from events.orders where type in ('order.placed', 'order.edited')) o
        on i.shop = o.shop and i.order_id = o.order_id
    where i.type = 'inventory.sold' and o.order_id is null and i.quantity < 0
        and coalesce(i.location, 'default') = 'default'
)
select shop, sku, sum(units) as units, count(distinct day) as days
from asked
where sku not in (select line['sku'] from (select unnest(lines) as line from events.orders
    where type = 'order.edited'))
group by shop, sku
