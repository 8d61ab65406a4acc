/* ---
name: sales_movements
title: Sales, movement by movement
description: >
  Everything that adds to sales or takes from them, with the day on which it does: an order with its shipping and tax
  (ordered) and each of its lines (sold) on the day it was placed, each line that came back on the day it came back
  (returned), shipping that was paid back on the day it was (shipping_back). sales_daily and products_daily are sums of
  these rows. Orders cancelled before they were paid are left out. A return that names no known order has an ordered row
  with nothing in it, so that every order is found here once. Base amounts are at the rate of the order's day
  (order_rates): lines as they were rounded there, shipping and tax rounded once a row, halves to the even minor unit;
  NULL where no rate is known.
grain: one row a movement of an order
key: [shop, order_id, movement]
time: day
columns:
  shop: The shop
  order_id: The order
  movement: "ordered; sold, with the line; returned, with event, place and line; or shipping_back, with source and id of
    the event"
  kind: ordered, sold, returned or shipping_back
  sku: Product that was sold or came back; NULL for what is about the whole order
  day: Day in the shop's time zone
  moved_at: When
  currency: Currency of the amounts
  orders: 1 for an order that sold something, else 0
  units: Pieces sold
  returned_units: Pieces that came back
  gross_sales: Pieces times price, before discount, tax and shipping
  discounts: Discounts on lines and on the order
  returns: Product value of what came back
  shipping: Shipping charged, below zero where it was paid back
  tax: Tax charged, below zero on what came back
  is_paid: Whether the order counts as paid; NULL but for ordered
  is_free: Whether its products cost nothing; NULL but for ordered
  order_returns: What ever came back of the order, by its own day; NULL but for ordered
  order_net_sales: Net sales of the order, after order_returns; NULL but for ordered
  base_currency: Currency of the shop
  base_gross_sales: gross_sales in the base currency
  base_discounts: discounts in the base currency
  base_returns: returns in the base currency
  base_shipping: shipping in the base currency
  base_tax: tax in the base currency
  base_order_net_sales: order_net_sales in the base currency; NULL but for ordered
tests:
  not_null: [kind, day, moved_at, currency, orders]
  accepted: {kind: [ordered, sold, returned, shipping_back]}
  at_least_zero: [orders, units, returned_units]
  holds:
    - kind = 'ordered' or order_net_sales is null
    - sku is null or kind in ('sold', 'returned')
    - kind = 'sold' or (gross_sales = 0 and discounts = 0 and units = 0)
    - kind = 'returned' or (returns = 0 and returned_units = 0)
    - kind = 'ordered' or orders = 0
  refers:
    - {columns: [shop, order_id], to: marts.orders}
incremental:
  by: [shop, order_id]
  from:
    marts.orders: [shop, order_id]
    marts.order_lines: [shop, order_id]
    marts.returned_lines: [shop, order_id]
    marts.order_rates: [shop, order_id]
    events.orders: [shop, order_id]
--- */
with
orders as (
    select o.*, q.base_steps
    from marts.orders o left join marts.order_rates q on o.shop = q.shop and o.order_id = q.order_id
),
paid_back as (
    select e.shop, e.order_id, 'shipping_back ' || e.source || ' ' || e.event_id as movement, e.event_time as moved_at,
        coalesce(e.currency, o.currency) as currency, e.shipping,
        case when coalesce(e.currency, o.currency) = o.currency then o.fx_rate end as fx_rate, o.base_currency,
        o.base_steps
    from events.orders e join orders o on e.shop = o.shop and e.order_id = o.order_id
    where e.type = 'order.returned' and e.shipping > 0
    union all
    select shop, order_id, 'shipping_back', cancelled_at, currency, shipping, fx_rate, base_currency, base_steps
    from orders
    where is_sale and cancelled_at is not null and shipping > 0
),
-- What came back of an order that never sold anything takes nothing away.
came_back as (
    select r.*
    from marts.returned_lines r join orders o on r.shop = o.shop and r.order_id = o.order_id
    where o.is_sale or o.cancelled_at is null
),
movements as (
    select shop, order_id, 'ordered' as movement, 'ordered' as kind, null as sku, placed_at as moved_at, currency,
        case when is_sale then 1 else 0 end as orders, 0 as units, 0 as returned_units, 0 as gross_sales,
        0 as discounts, 0 as returns, shipping, tax, is_paid, is_free, returns as order_returns,
        net_sales as order_net_sales, base_currency, 0 as base_gross_sales, 0 as base_discounts, 0 as base_returns,
        shipping * fx_rate * base_steps as shipping_steps, tax * fx_rate * base_steps as tax_steps,
        base_net_sales as base_order_net_sales, base_steps
    from orders
    where is_sale or (cancelled_at is null and returns <> 0)
    union all
    select shop, order_id, 'sold ' || line_id, 'sold', sku, placed_at, currency,
        0, quantity, 0, gross_sales, discount, 0, 0, 0, null, null, null, null, base_currency,
        base_gross_sales, base_discount, 0, 0, 0, null, 1
    from marts.order_lines
    where is_sale
    union all
    select shop, order_id, 'returned ' || event_id || ' ' || place || ' ' || line_key, 'returned', sku, returned_at,
        currency, 0, 0, quantity, 0, 0, value, 0, -tax, null, null, null, null, base_currency,
        0, 0, base_value, 0, -base_tax, null, 1
    from came_back
    union all
    select shop, order_id, movement, 'shipping_back', null, moved_at, currency,
        0, 0, 0, 0, 0, 0, -shipping, 0, null, null, null, null, base_currency,
        0, 0, 0, -shipping * fx_rate * base_steps, 0, null, base_steps
    from paid_back
),
-- A cast rounds halves away from zero; what it made odd of a half goes back by one. The tax of what came back is
-- rounded already.
rounded as (
    select *, cast(shipping_steps as decimal(38, 0)) as shipping_rounded,
        case when kind = 'returned' then tax_steps else cast(tax_steps as decimal(38, 0)) end as tax_rounded
    from movements
)
select shop, order_id, movement, kind, sku, shop_date(shop, moved_at) as day, moved_at, currency, orders,
    cast(units as decimal(18, 4)) as units,
    cast(returned_units as decimal(18, 4)) as returned_units,
    cast(gross_sales as decimal(18, 4)) as gross_sales,
    cast(discounts as decimal(18, 4)) as discounts,
    cast(returns as decimal(18, 4)) as returns,
    cast(shipping as decimal(18, 4)) as shipping,
    cast(tax as decimal(18, 4)) as tax,
    is_paid, is_free, order_returns, order_net_sales, base_currency,
    cast(base_gross_sales as decimal(18, 4)) as base_gross_sales,
    cast(base_discounts as decimal(18, 4)) as base_discounts,
    cast(base_returns as decimal(18, 4)) as base_returns,
    cast((shipping_rounded - case when abs(shipping_steps - shipping_rounded) <> 0.5 or shipping_rounded % 2 = 0 then 0
        when shipping_steps < 0 then -1 else 1 end) / base_steps as decimal(18, 4)) as base_shipping,
    cast((tax_rounded - case when abs(tax_steps - tax_rounded) <> 0.5 or tax_rounded % 2 = 0 then 0
        when tax_steps < 0 then -1 else 1 end) / base_steps as decimal(18, 4)) as base_tax,
    base_order_net_sales
from rounded
