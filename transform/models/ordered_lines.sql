/* ---
name: ordered_lines
title: What was ordered
description: >
  The lines of each order as last told (order.placed, or the newest order.edited, which replaces them all; at the same
  time an edit is newer than what it edits, else the greater source and id), before anything was cancelled or came
  back. A discount on the whole order is shared over its lines by their worth, and so is a tax that is told only for
  the whole order; the shares add up to it exactly. Amounts are quantity times price, not rounded to the minor unit.
  The base amounts are the same in the shop's base currency at the rate of the order's day (order_rates), each line
  rounded once to the minor unit, halves to the even one; NULL where no rate is known.
grain: one row a line of an order
key: [shop, order_id, line_number]
time: placed_at
columns:
  shop: The shop
  order_id: The order
  line_number: Place of the line in the order, from 1
  line_id: The line as the shop numbers it, or its place
  sku: Product
  name: Product name as sold
  category: Category as sold
  quantity: Pieces ordered
  unit_price: Price of one piece before discount and tax
  gross_sales: Quantity times price
  discount: Discount on the line and its share of the discount on the order
  tax: Tax on the line, or its share of the tax on the order
  net_sales: gross_sales less discount
  currency: Currency of the amounts
  placed_at: When the order was placed
  base_currency: Currency of the shop
  fx_rate: Units of base_currency for one unit of currency
  base_gross_sales: gross_sales in the base currency
  base_net_sales: net_sales in the base currency
tests:
  not_null: [line_id, sku, currency, placed_at]
  at_least_zero: [quantity]
  holds: ["net_sales = gross_sales - discount"]
incremental:
  by: [shop, order_id]
  from:
    marts.order_rates: [shop, order_id]
    events.orders: [shop, order_id]
--- */
with
newest_first as (
    select shop, order_id, lines, currency,
        cast(coalesce(discount, 0) as decimal(18, 4)) as order_discount,
        cast(coalesce(tax, 0) as decimal(18, 4)) as order_tax,
        min(event_time) over (partition by shop, order_id) as placed_at,
        row_number() over (partition by shop, order_id
            order by event_time desc, type = 'order.edited' desc, source desc, event_id desc) as age
    from events.orders
    where type in ('order.placed', 'order.edited')
),
told_lines as (
    select shop, order_id, currency, order_discount, order_tax, placed_at, unnest(lines) as line,
        unnest(generate_series(1, cast(cardinality(lines) as bigint))) as line_number
    from newest_first
    where age = 1
),
priced as (
    select shop, order_id, line_number, coalesce(line['line_id'], cast(line_number as varchar)) as line_id,
        line['sku'] as sku,
        line['name'] as name, line['category'] as category, currency, placed_at, order_discount, order_tax,
        line['quantity'] as quantity,
        cast(coalesce(line['unit_price'], 0) as decimal(18, 4)) as unit_price,
        cast(line['quantity'] * coalesce(line['unit_price'], 0) as decimal(18, 4)) as gross_sales,
        cast(coalesce(line['discount'], 0) as decimal(18, 4)) as own_discount,
        cast(line['tax'] as decimal(18, 4)) as own_tax
    from told_lines
),
weighed as (
    select *, gross_sales - own_discount as worth,
        sum(gross_sales - own_discount) over (partition by shop, order_id order by line_number) as worth_so_far,
        sum(gross_sales - own_discount) over (partition by shop, order_id) as worth_of_order,
        count(own_tax) over (partition by shop, order_id) as lines_with_tax
    from priced
),
-- Each line takes the step between two rounded running shares, so the steps add up to the whole.
shared as (
    select *,
        coalesce(cast(order_discount * worth_so_far / nullif(worth_of_order, 0) as decimal(18, 4))
            - cast(order_discount * (worth_so_far - worth) / nullif(worth_of_order, 0) as decimal(18, 4)),
            case when line_number = 1 then order_discount else 0 end) as discount_share,
        coalesce(cast(order_tax * worth_so_far / nullif(worth_of_order, 0) as decimal(18, 4))
            - cast(order_tax * (worth_so_far - worth) / nullif(worth_of_order, 0) as decimal(18, 4)),
            case when line_number = 1 then order_tax else 0 end) as tax_share
    from weighed
),
converted as (
    select l.*, cast(l.gross_sales - l.own_discount - l.discount_share as decimal(18, 4)) as net_sales,
        q.base_currency, q.fx_rate, q.base_steps,
        l.gross_sales * q.fx_rate * q.base_steps as gross_steps,
        cast(l.gross_sales - l.own_discount - l.discount_share as decimal(18, 4)) * q.fx_rate * q.base_steps
            as net_steps
    from shared l left join marts.order_rates q on l.shop = q.shop and l.order_id = q.order_id
        and l.currency = q.currency
),
-- A cast rounds halves away from zero; what it made odd of a half goes back by one.
rounded as (
    select *, cast(gross_steps as decimal(38, 0)) as gross_rounded, cast(net_steps as decimal(38, 0)) as net_rounded
    from converted
)
select shop, order_id, line_number, line_id, sku, name, category, quantity, unit_price, gross_sales,
    cast(own_discount + discount_share as decimal(18, 4)) as discount,
    cast(case when lines_with_tax > 0 then coalesce(own_tax, 0) else tax_share end as decimal(18, 4)) as tax,
    net_sales, currency, placed_at, base_currency, fx_rate,
    cast((gross_rounded - case when abs(gross_steps - gross_rounded) <> 0.5 or gross_rounded % 2 = 0 then 0
        when gross_steps < 0 then -1 else 1 end) / base_steps as decimal(18, 4)) as base_gross_sales,
    cast((net_rounded - case when abs(net_steps - net_rounded) <> 0.5 or net_rounded % 2 = 0 then 0
        when net_steps < 0 then -1 else 1 end) / base_steps as decimal(18, 4)) as base_net_sales
from rounded
