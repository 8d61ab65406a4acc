/* ---
check: product_pairs
compare: >
  select p.shop, p.sku, p.with_sku, p.orders, p.sku_orders from marts.product_pairs p where p.shop not in (select shop
  from marts.order_lines group by shop, order_id having count(distinct sku) > 40)
by: each paid order's products as one sorted list, unfolded against itself; shops with orders of more than 40 products
  are passed over, since the cap is the model's own
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
telling_shops as (
    select distinct shop from events.payments
    union
    select distinct shop from events.orders where type = 'order.paid'
),
paid as (
    select v.shop, v.order_id, v.lines
    from versions v
    join newest n on v.shop = n.shop and v.order_id = n.order_id and v.version = n.version
    where (v.shop, v.order_id) in (select (shop, order_id) from events.orders where type = 'order.paid')
        or (v.shop, v.order_id) in (select (shop, order_id) from events.payments where type = 'payment.captured'
            and amount > 0 and order_id is not null)
        or (v.shop not in (select shop from telling_shops)
            and (v.shop, v.order_id) not in (select (shop, order_id) from events.orders where type = 'order.cancelled'))
),
opened as (
    select shop, order_id, unnest(lines) as line from paid
),
lists as (
    select shop, order_id, array_agg(distinct line['sku']) as skus
    from opened
    where line['quantity'] > 0
    group by shop, order_id
),
firsts as (
    select shop, order_id, skus, unnest(skus) as sku from lists
),
couples as (
    select shop, sku, unnest(skus) as with_sku from firsts
),
counted as (
    select shop, sku, with_sku, count(*) as orders from couples group by shop, sku, with_sku
),
of_sku as (
    select shop, sku, orders as sku_orders from counted where sku = with_sku
)
select c.shop, c.sku, c.with_sku, c.orders, o.sku_orders
from counted c join of_sku o on c.shop = o.shop and c.sku = o.sku
where c.sku <> c.with_sku and c.orders >= 2
    and c.shop not in (select shop from lists where cardinality(skus) > 40)
