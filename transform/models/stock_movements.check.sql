/* ---
check: stock_movements
compare: >
  select shop, sku, sum(quantity) as on_hand from marts.stock_movements where location = 'default' and sku not in
  (select sku from events.inventory where type = 'inventory.counted') group by shop, sku
by: receipts less the newest lines of orders and what came back, all time at once, for products that were never
  counted
--- */
with
versions as (
    select *, case type when 'order.edited' then '1' else '0' end || source || chr(1) || event_id as version
    from events.orders where type in ('order.placed', 'order.edited')
),
newest_time as (
    select shop, order_id, max(event_time) as event_time, min(event_time) as placed_at
    from versions group by shop, order_id
),
newest as (
    select e.shop, e.order_id, n.placed_at, max(e.version) as version
    from versions e join newest_time n on e.shop = n.shop and e.order_id = n.order_id
        and e.event_time = n.event_time
    group by e.shop, e.order_id, n.placed_at
),
tellings as (
    select e.*, n.placed_at
    from versions e join newest n on e.shop = n.shop and e.order_id = n.order_id and e.version = n.version
),
told_lines as (
    select shop, order_id, unnest(lines) as line from tellings
),
ordered as (
    select shop, order_id, line['sku'] as sku, sum(line['quantity']) as quantity from told_lines group by shop,
        order_id, line['sku']
),
returned_lines as (
    select shop, order_id, unnest(lines) as line from events.orders where type = 'order.returned'
),
returned as (
    select shop, order_id, line['sku'] as sku, sum(line['quantity']) as quantity from returned_lines group by shop,
        order_id, line['sku']
),
came_back_whole as (
    select distinct shop, order_id
    from events.orders
    where type = 'order.cancelled' or (type = 'order.returned' and coalesce(cardinality(lines), 0) = 0)
),
known_orders as (
    select distinct shop, order_id from tellings
),
changes as (
    select shop, sku, -quantity as quantity from ordered
    union all
    select shop, sku, quantity from returned
    union all
    select o.shop, o.sku, greatest(o.quantity - coalesce(r.quantity, 0), 0)
    from ordered o
    join came_back_whole w on o.shop = w.shop and o.order_id = w.order_id
    left join returned r on o.shop = r.shop and o.order_id = r.order_id and o.sku = r.sku
    union all
    select i.shop, i.sku, i.quantity
    from events.inventory i left join known_orders o on i.shop = o.shop and i.order_id = o.order_id
    where coalesce(i.location, 'default') = 'default'
        and (i.type in ('inventory.received', 'inventory.returned', 'inventory.adjusted', 'inventory.transferred',
            'purchase_order.received')
            or (i.type = 'inventory.sold' and o.order_id is null))
)
select shop, sku, sum(quantity) as on_hand
from changes
where sku not in (select sku from events.inventory where type = 'inventory.counted')
group by shop, sku
