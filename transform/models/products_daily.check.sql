/* ---
check: products_daily
compare: >
  select shop, day, sku, sum(orders) as orders, sum(units) as units, sum(gross_sales) as gross_sales from
  marts.products_daily where orders > 0 group by shop, day, sku
by: the lines of the newest telling of every order that was paid or not cancelled, on the day it was first told
--- */
with
versions as (
    select *, to_char(event_time, '%Y%m%d%H%M%S%6f') || case type when 'order.edited' then '1' else '0' end
        || source || chr(1) || event_id as version
    from events.orders where type in ('order.placed', 'order.edited')
),
newest as (
    select shop, order_id, max(version) as version, shop_date(shop, min(event_time)) as day
    from versions group by shop, order_id
),
lines as (
    select v.shop, n.day, v.order_id, unnest(v.lines) as line
    from versions v
    join newest n on v.shop = n.shop and v.order_id = n.order_id and v.version = n.version
    where (v.shop, v.order_id) not in (select (shop, order_id) from events.orders where type = 'order.cancelled')
        or (v.shop, v.order_id) in (select (shop, order_id) from events.orders where type = 'order.paid')
        or (v.shop, v.order_id) in (select (shop, order_id) from events.payments where type = 'payment.captured'
            and order_id is not null)
)
select shop, day, line['sku'] as sku, count(distinct order_id) as orders, sum(line['quantity']) as units,
    sum(cast(line['quantity'] * coalesce(line['unit_price'], 0) as decimal(18, 4))) as gross_sales
from lines
group by shop, day, line['sku']
