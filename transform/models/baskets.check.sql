/* ---
check: baskets
compare: >
  select shop, order_id, count(*) as products from marts.baskets group by shop, order_id
by: the length of each paid order's list of different products, no more than 40
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
)
select shop, order_id, least(40, cast(cardinality(skus) as bigint)) as products from lists where cardinality(skus) > 0
