/* ---
check: ordered_lines
compare: >
  select shop, currency, count(*) as lines, sum(quantity) as quantity, sum(gross_sales) as gross_sales, sum(net_sales)
  as net_sales from marts.ordered_lines group by shop, currency
by: joins on the newest time instead of windows, and the discount on the order taken off the total instead of shared
  over lines
--- */
with
newest_time as (
    select shop, order_id, max(event_time) as event_time, min(event_time) as placed_at
    from events.orders where type in ('order.placed', 'order.edited') group by shop, order_id
),
newest as (
    select e.shop, e.order_id, n.placed_at, max(e.position) as position
    from events.orders e join newest_time n on e.shop = n.shop and e.order_id = n.order_id
        and e.event_time = n.event_time
    where e.type in ('order.placed', 'order.edited')
    group by e.shop, e.order_id, n.placed_at
),
tellings as (
    select e.*, n.placed_at
    from events.orders e join newest n on e.shop = n.shop and e.order_id = n.order_id and e.position = n.position
    where e.type in ('order.placed', 'order.edited')
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
