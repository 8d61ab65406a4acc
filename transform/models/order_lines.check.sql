/* ---
check: order_lines
compare: >
  select shop, currency, sum(quantity) as quantity, sum(gross_sales) as gross_sales, sum(gross_sales) - sum(discount)
  as after_discount from marts.order_lines where is_sale group by shop, currency
by: sums over the newest telling of every order that was paid or not cancelled
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
    select shop, currency, unnest(lines) as line from sales
),
in_lines as (
    select shop, currency, sum(line['quantity']) as quantity,
        sum(cast(line['quantity'] * coalesce(line['unit_price'], 0) as decimal(18, 4))) as gross_sales,
            coalesce(sum(line['discount']), 0) as discount
    from lines
    group by shop, currency
),
on_orders as (
    select shop, currency, coalesce(sum(discount), 0) as discount from sales group by shop, currency
)
select l.shop, l.currency, l.quantity, l.gross_sales, l.gross_sales - l.discount - o.discount as after_discount
from in_lines l join on_orders o on l.shop = o.shop and l.currency = o.currency
