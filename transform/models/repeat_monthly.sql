/* ---
name: repeat_monthly
title: Repeat customers by month
description: >
  How many of those who bought in a calendar month of the shop bought again. repeat_rate is the customers with two or
  more paid orders in the month over those with one or more; returning_rate is those who had bought before the month,
  over the same. Months without an order are absent; a month that is not over has its counts so far, and NULL rates.
grain: one row a shop and month
key: [shop, month]
time: month
columns:
  shop: The shop
  month: First day of the month in the shop's time zone
  is_complete: Whether the month is over
  orders: Paid orders of known customers
  customers: Customers with a paid order in the month
  new_customers: Of these, customers whose first paid order it was
  returning_customers: Of these, customers who had a paid order before the month
  repeat_customers: Of these, customers with two or more paid orders in the month
  repeat_rate: repeat_customers over customers
  returning_rate: returning_customers over customers
tests:
  not_null: [is_complete]
  at_least_zero: [new_customers, returning_customers, repeat_customers]
  holds:
    - customers = new_customers + returning_customers
    - repeat_customers <= customers
    - orders >= customers + repeat_customers
    - is_complete or repeat_rate is null
--- */
with
orders as (
    select o.shop, o.customer_id, cast(date_trunc('month', shop_date(o.shop, o.placed_at)) as date) as month,
        cast(date_trunc('month', shop_date(o.shop, r.as_of)) as date) as this_month
    from marts.orders o cross join settings.run r
    where o.is_paid and o.customer_id is not null and o.placed_at <= r.as_of
),
by_customer as (
    select shop, customer_id, month, max(this_month) as this_month, count(*) as orders,
        min(month) over (partition by shop, customer_id) as first_month
    from orders
    group by shop, customer_id, month
),
counted as (
    select shop, month, max(this_month) > month as is_complete, sum(orders) as orders, count(*) as customers,
        count(*) filter (where month = first_month) as new_customers,
        count(*) filter (where month > first_month) as returning_customers,
        count(*) filter (where orders >= 2) as repeat_customers
    from by_customer
    group by shop, month
)
select shop, month, is_complete, orders, customers, new_customers, returning_customers, repeat_customers,
    cast(case when is_complete then cast(repeat_customers as decimal(18, 6)) / customers end as decimal(9, 6))
        as repeat_rate,
    cast(case when is_complete then cast(returning_customers as decimal(18, 6)) / customers end as decimal(9, 6))
        as returning_rate
from counted
