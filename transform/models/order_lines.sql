/* ---
name: order_lines
title: Order lines
description: >
  What was sold, line by line, with what came back of it; the sum of net_sales here equals the sums over orders and
  over days. An order cancelled before it was paid sold nothing: its lines stay, with ordered_quantity, and every
  other quantity and amount is zero. Returns that tie to no ordered line are rows of their own with quantity 0.
grain: one row a line of an order
key: [shop, order_id, line_id]
time: placed_at
columns:
  shop: The shop
  order_id: The order
  line_id: The line as the shop numbers it, or its place; returned-n for a return that ties to no line
  sku: Product
  name: Product name as sold
  category: Category as sold
  ordered_quantity: Pieces ordered
  quantity: Pieces sold
  returned_quantity: Pieces that came back
  unit_price: Price of one piece before discount and tax
  gross_sales: Pieces sold times price
  discount: Discount on the line and its share of the order's
  returns: Product value of what came back, without tax and shipping
  net_sales: gross_sales less discount less returns
  tax: Tax charged on the line
  currency: Currency of the amounts
  placed_at: When the order was placed, or the return made
  is_sale: False where the order was cancelled before it was paid, and for returns that tie to no line
  base_currency: Currency of the shop
  fx_rate: Units of base_currency for one unit of currency, on the day of the order
  base_gross_sales: gross_sales in the base currency; NULL where no rate is known, as all base amounts
  base_discount: base_gross_sales less the line's amount after discount in the base currency
  base_returns: What came back in the base currency, at the rate of the order
  base_net_sales: base_gross_sales less base_discount less base_returns
tests:
  not_null: [sku, currency, placed_at, is_sale]
  at_least_zero: [ordered_quantity, quantity, returned_quantity]
  holds:
    - net_sales = gross_sales - discount - returns
    - base_net_sales is null or base_net_sales = base_gross_sales - base_discount - base_returns
    - currency <> base_currency or base_net_sales = net_sales
  refers:
    - {columns: [shop, order_id], to: marts.orders}
incremental:
  by: [shop, order_id]
  from:
    marts.order_rates: [shop, order_id]
    events.orders: [shop, order_id]
    events.payments: [shop, order_id]
    marts.ordered_lines: [shop, order_id]
    marts.returned_lines: [shop, order_id]
--- */
with
-- Cancelled, and no money was ever taken.
never_sold as (
    select shop, order_id from events.orders where type = 'order.cancelled'
    except
    (select shop, order_id from events.orders where type = 'order.paid'
    union select shop, order_id from events.payments where type = 'payment.captured' and order_id is not null)
),
came_back as (
    select shop, order_id, line_number, sum(quantity) as quantity, sum(value) as value, sum(base_value) as base_value
    from marts.returned_lines
    where line_number is not null
    group by shop, order_id, line_number
),
lines as (
    select l.*, n.order_id is null as is_sale, coalesce(b.quantity, 0) as returned_quantity, coalesce(b.value,
        0) as returns, case when b.order_id is null then 0 else b.base_value end as base_returns
    from marts.ordered_lines l
    left join never_sold n on l.shop = n.shop and l.order_id = n.order_id
    left join came_back b on l.shop = b.shop and l.order_id = b.order_id and l.line_number = b.line_number
)
select shop, order_id, line_id, sku, name, category, quantity as ordered_quantity,
    cast(case when is_sale then quantity else 0 end as decimal(18, 4)) as quantity,
    cast(case when is_sale then returned_quantity else 0 end as decimal(18, 4)) as returned_quantity,
    unit_price,
    cast(case when is_sale then gross_sales else 0 end as decimal(18, 4)) as gross_sales,
    cast(case when is_sale then discount else 0 end as decimal(18, 4)) as discount,
    cast(case when is_sale then returns else 0 end as decimal(18, 4)) as returns,
    cast(case when is_sale then net_sales - returns else 0 end as decimal(18, 4)) as net_sales,
    cast(case when is_sale then tax else 0 end as decimal(18, 4)) as tax,
    currency, placed_at, is_sale, base_currency, fx_rate,
    cast(case when is_sale then base_gross_sales else 0 end as decimal(18, 4)) as base_gross_sales,
    cast(case when is_sale then base_gross_sales - base_net_sales else 0 end as decimal(18, 4)) as base_discount,
    cast(case when is_sale then base_returns else 0 end as decimal(18, 4)) as base_returns,
    cast(case when is_sale then base_net_sales - base_returns else 0 end as decimal(18, 4)) as base_net_sales
from lines
union all
select r.shop, r.order_id,
    'returned-' || row_number() over (partition by r.shop, r.order_id order by r.returned_at, r.event_id,
        r.place) as line_id,
    r.sku, null as name, null as category, cast(0 as decimal(18, 4)) as ordered_quantity, cast(0 as decimal(18,
        4)) as quantity,
    r.quantity as returned_quantity, cast(r.value / nullif(r.quantity, 0) as decimal(18, 4)) as unit_price,
    cast(0 as decimal(18, 4)) as gross_sales, cast(0 as decimal(18, 4)) as discount, r.value as returns,
        -r.value as net_sales,
    cast(0 as decimal(18, 4)) as tax, r.currency, r.returned_at as placed_at, false as is_sale,
    r.base_currency, q.fx_rate, cast(0 as decimal(18, 4)) as base_gross_sales,
    cast(0 as decimal(18, 4)) as base_discount, r.base_value as base_returns, -r.base_value as base_net_sales
from marts.returned_lines r
left join never_sold n on r.shop = n.shop and r.order_id = n.order_id
left join marts.order_rates q on r.shop = q.shop and r.order_id = q.order_id and r.currency = q.currency
where r.line_number is null and n.order_id is null
