/* ---
check: orders
compare: >
  select shop, count(*) as orders, sum(case when is_sale then 1 else 0 end) as sales, sum(gross_sales) as gross_sales,
  sum(captured) as captured, sum(refunded) as refunded, count(delivered_at) as delivered from marts.orders group by
  shop
by: counts and sums over the events, order and payment apart
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
paid as (
    select shop, order_id from events.orders where type = 'order.paid'
    union select shop, order_id from events.payments where type = 'payment.captured'
),
cancelled as (
    select distinct shop, order_id from events.orders where type = 'order.cancelled'
),
sales as (
    select t.*
    from tellings t
    left join cancelled c on t.shop = c.shop and t.order_id = c.order_id
    left join paid p on t.shop = p.shop and t.order_id = p.order_id
    where (c.order_id is null or p.order_id is not null) and cardinality(t.lines) > 0
),
lines as (
    select shop, unnest(lines) as line from sales
),
gross as (
    select shop, sum(cast(line['quantity'] * coalesce(line['unit_price'], 0) as decimal(18, 4))) as gross_sales
        from lines group by shop
),
sold as (
    select shop, count(*) as sales from sales group by shop
),
known as (
    select distinct shop, order_id from events.orders
),
heard as (
    select shop, count(distinct order_id) as orders, count(distinct case when type = 'order.delivered' then order_id
        end) as delivered
    from events.orders
    group by shop
),
money as (
    select p.shop, sum(case when p.type = 'payment.captured' then p.amount else 0 end) as captured,
        sum(case when p.type = 'payment.refunded' then p.amount else 0 end) as refunded
    from events.payments p join known k on p.shop = k.shop and p.order_id = k.order_id
    group by p.shop
)
select h.shop, h.orders, coalesce(s.sales, 0) as sales, coalesce(g.gross_sales, 0) as gross_sales,
    coalesce(m.captured, 0) as captured,
    coalesce(m.refunded, 0) as refunded, h.delivered
from heard h
left join sold s on h.shop = s.shop
left join gross g on h.shop = g.shop
left join money m on h.shop = m.shop
