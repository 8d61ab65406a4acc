/* ---
name: sales_daily
title: Sales by day
description: >
  Sales and returns on the shop's days: what was sold counts on the day of the order, what came back on the day it
  came back. net_sales is gross_sales less discounts less returns; total adds shipping and tax, each less what was
  paid back of it. Orders cancelled before they were paid are left out altogether; an order cancelled after that
  counts as sold on its day and as returned on the day of the cancellation.
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
tests:
  at_least_zero: [orders, units, returned_units]
  holds:
    - net_sales = gross_sales - discounts - returns
    - total = net_sales + shipping + tax
--- */
with
sold as (
    select shop, placed_at as moment, currency, 1 as orders, units, gross_sales, discounts, shipping, tax
    from marts.orders
    where is_sale
),
never_sold as (
    select shop, order_id from marts.orders where cancelled_at is not null and not is_sale
),
came_back as (
    select r.shop, r.returned_at as moment, r.currency, r.quantity, r.value, r.tax
    from marts.returned_lines r
    left join never_sold n on r.shop = n.shop and r.order_id = n.order_id
    where n.order_id is null
),
shipping_paid_back as (
    select e.shop, e.event_time as moment, coalesce(e.currency, o.currency) as currency, e.shipping
    from events.orders e join marts.orders o on e.shop = o.shop and e.order_id = o.order_id
    where e.type = 'order.returned' and e.shipping > 0
    union all
    select shop, cancelled_at, currency, shipping from marts.orders where is_sale and cancelled_at is not null
        and shipping > 0
),
movements as (
    select shop, moment, currency, orders, units, 0 as returned_units, gross_sales, discounts, 0 as returns,
        shipping, tax from sold
    union all
    select shop, moment, currency, 0, 0, quantity, 0, 0, value, 0, -tax from came_back
    union all
    select shop, moment, currency, 0, 0, 0, 0, 0, 0, -shipping, 0 from shipping_paid_back
),
by_day as (
    select shop, shop_date(shop, moment) as day, currency, sum(orders) as orders, sum(units) as units,
        sum(returned_units) as returned_units,
        sum(gross_sales) as gross_sales, sum(discounts) as discounts, sum(returns) as returns,
            sum(shipping) as shipping, sum(tax) as tax
    from movements
    group by shop, shop_date(shop, moment), currency
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
    cast(gross_sales - discounts - returns + shipping + tax as decimal(18, 4)) as total
from by_day
