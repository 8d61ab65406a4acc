/* ---
check: sales_movements
compare: >
  select shop, currency, sum(orders) as orders, sum(gross_sales) as gross_sales, sum(gross_sales) - sum(discounts) as
  after_discount from marts.sales_movements where kind in ('ordered', 'sold') group by shop, currency having sum(orders)
  > 0
by: the newest telling of every order that was paid or not cancelled, found by an anti-join of tellings
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
sales as (
    select v.shop, v.currency, v.lines, v.discount
    from versions v
    join newest n on v.shop = n.shop and v.order_id = n.order_id and v.version = n.version
    where cardinality(v.lines) > 0
        and ((v.shop, v.order_id) not in (select (shop, order_id) from events.orders where type = 'order.cancelled')
            or (v.shop, v.order_id) in (select (shop, order_id) from events.orders where type = 'order.paid')
            or (v.shop, v.order_id) in (select (shop, order_id) from events.payments where type = 'payment.captured'
                and order_id is not null))
),
lines as (
    select shop, currency, unnest(lines) as line from sales
),
sums as (
    select shop, currency,
        sum(cast(line['quantity'] * coalesce(line['unit_price'], 0) as decimal(18, 4))) as gross_sales,
        coalesce(sum(line['discount']), 0) as discount
    from lines
    group by shop, currency
),
heads as (
    select shop, currency, count(*) as orders, coalesce(sum(discount), 0) as discount from sales group by shop, currency
)
select h.shop, h.currency, h.orders, s.gross_sales, s.gross_sales - s.discount - h.discount as after_discount
from heads h join sums s on h.shop = s.shop and h.currency = s.currency
