/* ---
check: products
compare: >
  select shop, sku, orders, units, views from marts.products where orders > 0
by: the lines of the newest telling of every order that was paid or not cancelled, and the views, without any mart
--- */
with
versions as (
    select *, to_char(event_time, '%Y%m%d%H%M%S%6f') || case type when 'order.edited' then '1' else '0' end
        || source || chr(1) || event_id as version
    from events.orders where type in ('order.placed', 'order.edited')
),
newest as (
    select shop, order_id, max(version) as version from versions group by shop, order_id
),
lines as (
    select v.shop, v.order_id, unnest(v.lines) as line
    from versions v
    join newest n on v.shop = n.shop and v.order_id = n.order_id and v.version = n.version
    where (v.shop, v.order_id) not in (select (shop, order_id) from events.orders where type = 'order.cancelled')
        or (v.shop, v.order_id) in (select (shop, order_id) from events.orders where type = 'order.paid')
        or (v.shop, v.order_id) in (select (shop, order_id) from events.payments where type = 'payment.captured'
            and order_id is not null)
),
sold as (
    select shop, line['sku'] as sku, count(distinct order_id) as orders, sum(line['quantity']) as units
    from lines
    group by shop, line['sku']
),
opened as (
    select shop, unnest(items) as item
    from events.storefront
    where type = 'storefront.view_item' and cardinality(items) > 0
),
views as (
    select shop, sku, count(*) as views
    from (
        select shop, item['sku'] as sku from opened
        union all
        select shop, sku from events.storefront
        where type = 'storefront.view_item' and coalesce(cardinality(items), 0) = 0
    )
    group by shop, sku
)
select s.shop, s.sku, s.orders, s.units, coalesce(v.views, 0) as views
from sold s left join views v on s.shop = v.shop and s.sku = v.sku
