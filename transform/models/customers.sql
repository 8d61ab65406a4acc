/* ---
name: customers
title: Customers
description: >
  Everybody who ever ordered, or sent something back. orders are the paid ones: money was taken for them, in part or in
  full; in a shop that tells of no payments, all that were not cancelled. net_sales are those of the paid orders, after
  all that came back of them, less what came back without a known order; that is the historical lifetime value. Amounts
  are in the currency of the customer's orders, and in the shop's base currency where those are in several; NULL where a
  rate is missing for that. aov is over paid orders whose products cost something. predicted_ltv_heuristic is what the
  next year would bring if it went on so: aov times orders a year, over the time since the first order but no less than
  a year, for one year, without margin or churn. It is a rule of thumb, not a forecast.
grain: one row a customer
key: [shop, customer_id]
time: first_order_at
columns:
  shop: The shop
  customer_id: The customer
  first_order_at: First paid order; NULL where none was paid
  last_order_at: Last paid order
  placed_orders: Orders placed, paid or not, without those cancelled before they were paid
  orders: Paid orders
  is_repeat: Whether there are two or more paid orders
  units: Pieces of the paid orders
  currency: Currency of the amounts
  net_sales: Net sales, the historical lifetime value
  aov: Net sales of a paid order on average
  predicted_ltv_heuristic: aov times orders a year, for the year to come; a rule of thumb
  net_sales_by_currency: "Net sales of each currency as text, such as KWD 12.5000, SAR 40.0000"
  base_currency: Currency of the shop
  base_net_sales: Net sales in the base currency at the rates of the orders' days; NULL where one is missing
  first_channel: Channel of the first visit before the first order; unknown where there is none, NULL without an order
  first_campaign: Campaign of that visit; empty where it had none
  country: Country that the last order which names one was sent to
tests:
  not_null: [placed_orders, orders, is_repeat]
  at_least_zero: [placed_orders, orders, units]
  holds:
    - first_order_at <= last_order_at or first_order_at is null
    - is_repeat = (orders >= 2)
    - orders > 0 or first_order_at is null
    - currency <> base_currency or net_sales is null or net_sales = base_net_sales
--- */
with
counted as (
    select *, is_paid or not is_sale as is_counted from marts.orders where customer_id is not null
),
one_each as (
    select shop, customer_id,
        min(placed_at) filter (where is_paid) as first_order_at,
        max(placed_at) filter (where is_paid) as last_order_at,
        count(*) filter (where is_sale) as placed_orders,
        count(*) filter (where is_paid) as orders,
        sum(case when is_paid then units else 0 end) as units,
        count(*) filter (where is_paid and not is_free) as orders_of_worth,
        min(currency) filter (where is_counted and (is_paid or returns <> 0)) as first_currency,
        max(currency) filter (where is_counted and (is_paid or returns <> 0)) as last_currency,
        sum(case when is_counted then net_sales else 0 end) as net_sales,
        sum(case when is_paid and not is_free then net_sales else 0 end) as paid_sales,
        max(base_currency) as base_currency,
        case when count(*) filter (where is_counted) = count(base_net_sales) filter (where is_counted)
            then sum(case when is_counted then base_net_sales else 0 end) end as base_net_sales,
        case when count(*) filter (where is_counted) = count(base_net_sales) filter (where is_counted)
            then sum(case when is_paid and not is_free then base_net_sales else 0 end) end as base_paid_sales,
        last_value(country order by placed_at, order_id) filter (where country is not null) as country
    from counted
    group by shop, customer_id
),
by_currency as (
    select shop, customer_id, currency, cast(sum(net_sales) as decimal(18, 4)) as net_sales
    from counted
    where is_counted and (is_paid or returns <> 0)
    group by shop, customer_id, currency
),
as_text as (
    select shop, customer_id,
        string_agg(currency || ' ' || cast(net_sales as varchar), ', ' order by currency) as net_sales_by_currency
    from by_currency
    group by shop, customer_id
),
first_touch as (
    select shop, customer_id, channel, campaign,
        row_number() over (partition by shop, customer_id order by placed_at, order_id) as place
    from marts.order_touches
    where touch_number = 1 and customer_id is not null
),
in_one as (
    select *, coalesce(first_currency = last_currency, true) as is_one_currency from one_each
),
valued as (
    select *, case when is_one_currency then coalesce(first_currency, base_currency) else base_currency end as currency,
        case when is_one_currency then net_sales else base_net_sales end as value,
        cast(case when is_one_currency then paid_sales else base_paid_sales end as decimal(24, 8)) as paid_value
    from in_one
)
select v.shop, v.customer_id, v.first_order_at, v.last_order_at, v.placed_orders, v.orders, v.orders >= 2 as is_repeat,
    cast(v.units as decimal(18, 4)) as units, v.currency,
    cast(v.value as decimal(18, 4)) as net_sales,
    cast(v.paid_value / nullif(v.orders_of_worth, 0) as decimal(18, 4)) as aov,
    cast(cast(v.paid_value / nullif(v.orders_of_worth, 0) as decimal(18, 8)) * v.orders_of_worth * 365
        / greatest(365, shop_date(v.shop, r.as_of) - shop_date(v.shop, v.first_order_at)) as decimal(18, 4))
        as predicted_ltv_heuristic,
    coalesce(t.net_sales_by_currency, '') as net_sales_by_currency, v.base_currency,
    cast(v.base_net_sales as decimal(18, 4)) as base_net_sales,
    f.channel as first_channel, f.campaign as first_campaign, v.country
from valued v
cross join settings.run r
left join as_text t on v.shop = t.shop and v.customer_id = t.customer_id
left join first_touch f on v.shop = f.shop and v.customer_id = f.customer_id and f.place = 1
