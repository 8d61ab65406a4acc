/* ---
name: products_daily
title: Sales by product and day
description: >
  Sales and returns of each product on the shop's days, dated as in sales_daily: what was sold on the day of the order,
  what came back on the day it came back. Its sums over products are those of sales_daily, its sums over days those of
  order_lines. A discount on a whole order is shared over its lines by their worth.
grain: one row a shop, day, product and currency
key: [shop, day, sku, currency]
time: day
columns:
  shop: The shop
  day: Day in the shop's time zone
  sku: Product
  currency: Currency of the amounts
  orders: Orders of this day with the product
  units: Pieces sold
  returned_units: Pieces that came back on this day
  gross_sales: Pieces times price, before discount, tax and shipping
  discounts: Discounts on the lines, with their shares of discounts on orders
  returns: Product value of what came back on this day
  net_sales: gross_sales less discounts less returns
  base_currency: Currency of the shop
  base_net_sales: net_sales in the base currency at the rates of the orders' days; NULL where one is missing
tests:
  at_least_zero: [orders, units, returned_units]
  holds:
    - net_sales = gross_sales - discounts - returns
    - currency <> base_currency or base_net_sales = net_sales
incremental:
  by: [shop, day]
  from:
    marts.sales_movements: [shop, day]
--- */
with
-- One row an order first: then its lines count once without a distinct count.
by_order as (
    select shop, day, sku, currency, order_id, bool_or(kind = 'sold') as is_sold, sum(units) as units,
        sum(returned_units) as returned_units, sum(gross_sales) as gross_sales, sum(discounts) as discounts,
        sum(returns) as returns, max(base_currency) as base_currency, count(*) as movements,
        count(base_gross_sales - base_discounts - base_returns) as known,
        sum(base_gross_sales - base_discounts - base_returns) as base_net_sales
    from marts.sales_movements
    where kind in ('sold', 'returned')
    group by shop, day, sku, currency, order_id
)
select shop, day, sku, currency,
    count(*) filter (where is_sold) as orders,
    cast(sum(units) as decimal(18, 4)) as units,
    cast(sum(returned_units) as decimal(18, 4)) as returned_units,
    cast(sum(gross_sales) as decimal(18, 4)) as gross_sales,
    cast(sum(discounts) as decimal(18, 4)) as discounts,
    cast(sum(returns) as decimal(18, 4)) as returns,
    cast(sum(gross_sales - discounts - returns) as decimal(18, 4)) as net_sales,
    max(base_currency) as base_currency,
    cast(case when sum(movements) = sum(known) then sum(base_net_sales) end as decimal(18, 4)) as base_net_sales
from by_order
group by shop, day, sku, currency
