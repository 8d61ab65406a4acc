/* ---
check: ordered_lines
compare: >
  select shop, currency, count(*) as lines, sum(quantity) as quantity, sum(gross_sales) as gross_sales, sum(net_sales)
  as net_sales from marts.ordered_lines group by shop, currency
by: joins on the newest time instead of windows, and the discount on the order taken off the total instead of shared
  over lines
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
lines as (
    select shop, currency, unnest(lines) as line from tellings
),
in_lines as (
    select shop, currency, count(*) as lines, sum(line['quantity']) as quantity,
        sum(cast(line['quantity'] * coalesce(line['unit_price'], 0) as decimal(18, 4))) as gross_sales,
        coalesce(sum(line['discount']), 0) as discount
    from lines
    group by shop, currency
),
on_orders as (
    select shop, currency, coalesce(sum(discount), 0) as discount from tellings where cardinality(lines) > 0
        group by shop, currency
)
select l.shop, l.currency, l.lines, l.quantity, l.gross_sales, l.gross_sales - l.discount - o.discount as net_sales
from in_lines l join on_orders o on l.shop = o.shop and l.currency = o.currency
