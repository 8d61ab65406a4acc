/* ---
name: rfm
title: Recency, frequency, monetary value
description: >
  Every customer with a paid order, scored from 1 to 5 (best) beside the shop's other customers, and the segment that
  the scores make. The day that is scored is today; for a shop whose last paid order is 365 days old or more, an
  archive, it is the day of that order. recency_days counts from the last paid order; frequency is the paid orders of
  the last 365 days, monetary their net sales, after all that came back of them, less what came back in these days
  without a known order. A score is 1 and the whole fifths of all customers that are strictly worse, at most 5: equal
  values get equal scores. The first segment that fits holds (r, f and m within): Champions 5, 5, 5; Potential
  Loyalist 3-5, 3-5, 2-5; Loyal 2-4, 2-4, 2-4; Promising 3-4, 1-3, 3-5; New 4-5, 1-3, 1-5; Can't Lose 1-2, 3-4, 4-5;
  At Risk 1-2, 2-5, 4-5; Need Attention 1-3, 3-5, 3-5; About To Sleep 2-3, 1-3, 1-4; Lost 1, 1-5, 1-5; else Others.
  Where the paid orders of the shop are all in one currency, monetary is in it; else in the base currency, and NULL
  for a customer with a rate missing, who then has no m and is under Others.
grain: one row a customer with a paid order
key: [shop, customer_id]
columns:
  shop: The shop
  customer_id: The customer
  recency_days: Days from the last paid order to the day that is scored
  frequency: Paid orders in the last 365 days
  monetary: Net sales of these orders
  currency: Currency of monetary
  r: Score of recency, 5 for the latest
  f: Score of frequency, 5 for the most
  m: Score of monetary, 5 for the most
  segment: Segment that the scores make
  scored_on: The day that is scored
tests:
  not_null: [recency_days, frequency, r, f, segment, scored_on]
  accepted:
    segment: [Champions, Potential Loyalist, Loyal, Promising, New, Can't Lose, At Risk, Need Attention, About To Sleep,
      Lost, Others]
  at_least_zero: [recency_days, frequency]
  holds:
    - r between 1 and 5 and f between 1 and 5
    - m is null or m between 1 and 5
--- */
with
orders as (
    select o.shop, o.customer_id, shop_date(o.shop, o.placed_at) as day, o.is_paid, o.currency, o.net_sales,
        o.base_currency, o.base_net_sales
    from marts.orders o cross join settings.run r
    where o.customer_id is not null and (o.is_paid or (not o.is_sale and o.returns <> 0)) and o.placed_at <= r.as_of
),
shops as (
    select o.shop,
        case when max(o.day) filter (where o.is_paid) > max(shop_date(o.shop, r.as_of)) - interval '365 days'
            then max(shop_date(o.shop, r.as_of)) else max(o.day) filter (where o.is_paid) end as scored_on,
        min(o.currency) = max(o.currency) as is_one_currency,
        case when min(o.currency) = max(o.currency) then min(o.currency) else max(o.base_currency) end as currency
    from orders o cross join settings.run r
    group by o.shop
),
in_window as (
    select o.shop, o.customer_id, o.day, o.is_paid, s.scored_on, s.currency,
        o.day > s.scored_on - interval '365 days' and o.day <= s.scored_on as is_recent,
        case when s.is_one_currency then o.net_sales else o.base_net_sales end as value
    from orders o join shops s on o.shop = s.shop
),
measured as (
    select shop, customer_id, max(scored_on) as scored_on, max(currency) as currency,
        max(scored_on) - max(day) filter (where is_paid) as recency_days,
        count(*) filter (where is_paid and is_recent) as frequency,
        case when count(*) filter (where is_recent) = count(value) filter (where is_recent)
            then coalesce(sum(value) filter (where is_recent), 0) end as monetary
    from in_window
    group by shop, customer_id
    having count(*) filter (where is_paid) > 0
),
-- The rank less one is how many are strictly worse; as whole numbers, so that the division below drops the rest.
ranked as (
    select *, cast(rank() over (partition by shop order by recency_days desc) as bigint) - 1 as less_recent,
        cast(rank() over (partition by shop order by frequency) as bigint) - 1 as less_frequent,
        cast(rank() over (partition by shop, monetary is null order by monetary) as bigint) - 1 as less_valuable,
        count(*) over (partition by shop) as customers, count(monetary) over (partition by shop) as valued
    from measured
),
scored as (
    select *, least(5, 1 + 5 * less_recent / customers) as r, least(5, 1 + 5 * less_frequent / customers) as f,
        case when monetary is not null then least(5, 1 + 5 * less_valuable / valued) end as m
    from ranked
)
select shop, customer_id, recency_days, frequency, cast(monetary as decimal(18, 4)) as monetary, currency,
    r, f, m,
    case
        when r = 5 and f = 5 and m = 5 then 'Champions'
        when r between 3 and 5 and f between 3 and 5 and m between 2 and 5 then 'Potential Loyalist'
        when r between 2 and 4 and f between 2 and 4 and m between 2 and 4 then 'Loyal'
        when r between 3 and 4 and f between 1 and 3 and m between 3 and 5 then 'Promising'
        when r between 4 and 5 and f between 1 and 3 and m between 1 and 5 then 'New'
        when r between 1 and 2 and f between 3 and 4 and m between 4 and 5 then 'Can''t Lose'
        when r between 1 and 2 and f between 2 and 5 and m between 4 and 5 then 'At Risk'
        when r between 1 and 3 and f between 3 and 5 and m between 3 and 5 then 'Need Attention'
        when r between 2 and 3 and f between 1 and 3 and m between 1 and 4 then 'About To Sleep'
        when r = 1 and m between 1 and 5 then 'Lost'
        else 'Others'
    end as segment,
    scored_on
from scored
