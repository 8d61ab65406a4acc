/* ---
name: cohorts
title: Customer cohorts
description: >
  Customers by the calendar month of their first paid order, month after month, in the shop's time zone. Month 0 is that
  month itself. active are the customers of the cohort with a paid order in the month, retention their share of the
  cohort, which is 1 in month 0. net_sales are the net sales of the cohort's paid orders of the month, after all that
  came back of them, less what came back in the month without a known order; ltv is their sum from month 0 to the end of
  the month over the customers of the cohort. A month that is not over is present with NULL, never with 0, but for the
  retention of month 0. Where the paid orders of the shop are all in one currency, amounts are in it; else in the base
  currency, and NULL from a month on in which a rate is missing.
grain: one row a shop, cohort and month
key: [shop, cohort_month, month_number]
time: cohort_month
columns:
  shop: The shop
  cohort_month: First day of the month in which the customers first bought
  month_number: Months since then
  month: First day of the month that the row is about
  is_complete: Whether that month is over
  customers: Customers of the cohort
  active: Of these, customers with a paid order in the month; NULL while it is not over, but for month 0
  retention: active over customers
  net_sales: Net sales of the cohort in the month; NULL while it is not over
  ltv: Net sales of the cohort from its first month to the end of this one, for each of its customers
  currency: Currency of net_sales and ltv
tests:
  not_null: [month, is_complete, customers]
  at_least_zero: [month_number, active]
  holds:
    - customers > 0
    - active is null or active <= customers
    - retention is null or retention between 0 and 1
    - month_number > 0 or (retention = 1 and active = customers)
    - is_complete or month_number = 0 or active is null
    - is_complete or net_sales is null
--- */
with
-- Months as whole numbers since the year 0, which can be counted with.
orders as (
    select shop, customer_id, is_paid, currency, net_sales, base_currency, base_net_sales,
        cast(12 * date_part('year', day) + date_part('month', day) - 1 as bigint) as month
    from (
        select o.*, shop_date(o.shop, o.placed_at) as day
        from marts.orders o cross join settings.run r
        where o.customer_id is not null and (o.is_paid or (not o.is_sale and o.returns <> 0)) and o.placed_at <= r.as_of
    )
),
shops as (
    select o.shop, max(cast(12 * date_part('year', shop_date(o.shop, r.as_of))
            + date_part('month', shop_date(o.shop, r.as_of)) - 1 as bigint)) as this_month,
        min(o.currency) = max(o.currency) as is_one_currency,
        case when min(o.currency) = max(o.currency) then min(o.currency) else max(o.base_currency) end as currency
    from orders o cross join settings.run r
    group by o.shop
),
by_month as (
    select o.shop, o.customer_id, o.month, bool_or(o.is_paid) as is_active,
        count(*) = count(case when s.is_one_currency then o.net_sales else o.base_net_sales end) as is_known,
        sum(case when s.is_one_currency then o.net_sales else o.base_net_sales end) as net_sales
    from orders o join shops s on o.shop = s.shop
    group by o.shop, o.customer_id, o.month
),
joined as (
    select *, min(case when is_active then month end) over (partition by shop, customer_id) as cohort from by_month
),
-- What came back before the first paid order belongs to the month of that order.
happened as (
    select shop, cohort, greatest(month, cohort) as month, count(case when is_active then 1 end) as active,
        bool_and(is_known) as is_known, sum(net_sales) as net_sales
    from joined
    where cohort is not null
    group by shop, cohort, greatest(month, cohort)
),
grid as (
    select c.shop, c.cohort, c.active as customers, s.this_month, s.currency,
        unnest(generate_series(c.cohort, s.this_month)) as month
    from happened c join shops s on c.shop = s.shop
    where c.month = c.cohort
),
filled as (
    select g.*, g.month < g.this_month as is_complete, coalesce(h.active, 0) as active,
        coalesce(h.net_sales, 0) as net_sales,
        bool_and(coalesce(h.is_known, true)) over so_far as is_known,
        sum(coalesce(h.net_sales, 0)) over so_far as sales_so_far
    from grid g left join happened h on g.shop = h.shop and g.cohort = h.cohort and g.month = h.month
    window so_far as (partition by g.shop, g.cohort order by g.month rows between unbounded preceding and current row)
)
select shop, make_date(cast(cohort / 12 as int), cast(cohort % 12 + 1 as int), 1) as cohort_month,
    month - cohort as month_number,
    make_date(cast(month / 12 as int), cast(month % 12 + 1 as int), 1) as month,
    is_complete, customers,
    case when is_complete or month = cohort then active end as active,
    cast(case when is_complete or month = cohort then cast(active as decimal(18, 6)) / customers end as decimal(9, 6))
        as retention,
    cast(case when is_complete and is_known then net_sales end as decimal(18, 4)) as net_sales,
    cast(case when is_complete and is_known then cast(sales_so_far as decimal(24, 8)) / customers end as decimal(18, 4))
        as ltv,
    currency
from filled
