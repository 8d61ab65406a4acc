/* ---
name: sales_daily
title: Sales by day
description: >
  Sales and returns on the shop's days: what was sold counts on the day of the order, what came back on the day it
  came back. net_sales is gross_sales less discounts less returns; total adds shipping and tax, each less what was
  paid back of it. Orders cancelled before they were paid are left out altogether; an order cancelled after that
  counts as sold on its day and as returned on the day of the cancellation. The cohort view (…_of_orders) dates returns
  by the order instead: what ever came back of the orders of the day, so that it goes on changing; over all days both
  views have the same sum. aov is the net sales of the day's paid orders, after all that came back of them, over their
  number, aov_median the middle of them; an order is paid when money was taken for it, in part or in full, and in a shop
  that tells of no payments when it was not cancelled. Free orders, whose products cost nothing, are counted apart and
  are not in aov. The base amounts are the same in the shop's base currency at the rate of the order's day, for
  returns too; they are NULL on a day where a rate is missing, never a part of the sum.
grain: one row a shop, day and currency
key: [shop, day, currency]
time: day
columns:
  shop: The shop
  day: Day in the shop's time zone
  currency: Currency of the amounts
  orders: Orders placed
  units: Pieces sold
  returned_units: Pieces that came back
  gross_sales: Pieces times price, before discount, tax and shipping
  discounts: Discounts on lines and on orders
  returns: Product value of what came back on this day
  net_sales: gross_sales less discounts less returns
  shipping: Shipping charged less shipping paid back
  tax: Tax charged less tax on what came back
  total: net_sales and shipping and tax
  returns_of_orders: Product value of what ever came back of the orders of this day
  net_sales_of_orders: gross_sales less discounts less returns_of_orders
  paid_orders: Orders of this day that are paid and not free
  free_orders: Orders of this day whose products cost nothing
  aov: net_sales_of_orders of the paid orders over paid_orders; NULL where there are none
  aov_median: Middle of the net sales of the paid orders
  base_currency: Currency of the shop
  base_gross_sales: gross_sales in the base currency
  base_discounts: discounts in the base currency
  base_returns: returns in the base currency
  base_net_sales: base_gross_sales less base_discounts less base_returns
  base_shipping: shipping in the base currency
  base_tax: tax in the base currency
  base_total: base_net_sales and base_shipping and base_tax
  base_net_sales_of_orders: net_sales_of_orders in the base currency
tests:
  at_least_zero: [orders, units, returned_units, paid_orders, free_orders]
  holds:
    - net_sales = gross_sales - discounts - returns
    - total = net_sales + shipping + tax
    - net_sales_of_orders = gross_sales - discounts - returns_of_orders
    - paid_orders + free_orders <= orders
    - paid_orders > 0 or aov is null
    - base_net_sales is null or base_net_sales = base_gross_sales - base_discounts - base_returns
    - base_total is null or base_total = base_net_sales + base_shipping + base_tax
    - currency <> base_currency or base_total = total
incremental:
  by: [shop, day]
  from:
    marts.sales_movements: [shop, day]
--- */
with
by_day as (
    select shop, day, currency, sum(orders) as orders, sum(units) as units, sum(returned_units) as returned_units,
        sum(gross_sales) as gross_sales, sum(discounts) as discounts, sum(returns) as returns,
        sum(shipping) as shipping, sum(tax) as tax, coalesce(sum(order_returns), 0) as returns_of_orders,
        count(*) filter (where is_paid and not is_free) as paid_orders,
        count(*) filter (where is_free) as free_orders,
        sum(order_net_sales) filter (where is_paid and not is_free) as paid_sales,
        -- The mean of two middle values has one place more.
        median(cast(order_net_sales as decimal(24, 8))) filter (where is_paid and not is_free) as aov_median,
        max(base_currency) as base_currency,
        case when count(*) = count(base_gross_sales) then sum(base_gross_sales) end as base_gross_sales,
        case when count(*) = count(base_discounts) then sum(base_discounts) end as base_discounts,
        case when count(*) = count(base_returns) then sum(base_returns) end as base_returns,
        case when count(*) = count(base_shipping) then sum(base_shipping) end as base_shipping,
        case when count(*) = count(base_tax) then sum(base_tax) end as base_tax,
        case when count(order_net_sales) = count(base_order_net_sales) then coalesce(sum(base_order_net_sales), 0)
            end as base_net_sales_of_orders
    from marts.sales_movements
    group by shop, day, currency
)
select shop, day, currency, orders,
    cast(units as decimal(18, 4)) as units,
    cast(returned_units as decimal(18, 4)) as returned_units,
    cast(gross_sales as decimal(18, 4)) as gross_sales,
    cast(discounts as decimal(18, 4)) as discounts,
    cast(returns as decimal(18, 4)) as returns,
    cast(gross_sales - discounts - returns as decimal(18, 4)) as net_sales,
    cast(shipping as decimal(18, 4)) as shipping,
    cast(tax as decimal(18, 4)) as tax,
    cast(gross_sales - discounts - returns + shipping + tax as decimal(18, 4)) as total,
    cast(returns_of_orders as decimal(18, 4)) as returns_of_orders,
    cast(gross_sales - discounts - returns_of_orders as decimal(18, 4)) as net_sales_of_orders,
    paid_orders, free_orders,
    cast(cast(paid_sales as decimal(24, 8)) / nullif(paid_orders, 0) as decimal(18, 4)) as aov,
    cast(aov_median as decimal(18, 4)) as aov_median,
    base_currency,
    cast(base_gross_sales as decimal(18, 4)) as base_gross_sales,
    cast(base_discounts as decimal(18, 4)) as base_discounts,
    cast(base_returns as decimal(18, 4)) as base_returns,
    cast(base_gross_sales - base_discounts - base_returns as decimal(18, 4)) as base_net_sales,
    cast(base_shipping as decimal(18, 4)) as base_shipping,
    cast(base_tax as decimal(18, 4)) as base_tax,
    cast(base_gross_sales - base_discounts - base_returns + base_shipping + base_tax as decimal(18, 4)) as base_total,
    cast(base_net_sales_of_orders as decimal(18, 4)) as base_net_sales_of_orders
from by_day
