/* ---
name: abandonment_daily
title: Abandonment by day
description: >
  Three different populations: carts by the day of their first add, checkouts by the day they began, payments by the
  day of the first payment step. The abandonment rate is abandoned over abandoned and converted; what is still open,
  emptied or declined is in neither. The recovery rate is recovered over recovered and abandoned. A late order moves
  its cart from abandoned to recovered, and so changes an earlier day.
grain: one row a shop, day, population and currency
key: [shop, day, population, currency]
time: day
columns:
  shop: The shop
  day: Day in the shop's time zone
  population: cart, checkout or payment
  currency: Currency of value_abandoned
  started: How many began
  converted: How many led to an order; for payments, to an order or an authorized payment
  abandoned: How many were left for longer than the limit (carts 60 minutes, checkouts and payments 10)
  open: How many may still go on
  emptied: Carts whose visitor took everything out
  declined: Payments that ended in a hard decline
  recovered: How many of converted had been abandoned before
  value_abandoned: Worth of what was abandoned
tests:
  accepted: {population: [cart, checkout, payment]}
  at_least_zero: [started, converted, abandoned, open, emptied, declined, recovered, value_abandoned]
  holds:
    - started = converted + abandoned + open + emptied + declined
    - recovered <= converted
incremental:
  by: [shop, day]
  from:
    marts.carts: [shop, "shop_date(shop, created_at)"]
    # A checkout counts on the day it began, its payment on the day of the first payment step.
    marts.checkouts:
      - [shop, "shop_date(shop, started_at)"]
      - [shop, "shop_date(shop, payment_at)"]
--- */
with
everyone as (
    select shop, created_at as began_at, 'cart' as population, state, is_recovered, value, currency from marts.carts
    union all
    select shop, started_at, 'checkout', state, is_recovered, value, currency from marts.checkouts
    union all
    select shop, payment_at, 'payment', payment_state, is_payment_recovered, value, currency from marts.checkouts
        where payment_at is not null
)
select shop, shop_date(shop, began_at) as day, population, coalesce(currency, 'XXX') as currency,
    count(*) as started,
    count(*) filter (where state = 'converted') as converted,
    count(*) filter (where state = 'abandoned') as abandoned,
    count(*) filter (where state = 'open') as open,
    count(*) filter (where state = 'emptied') as emptied,
    count(*) filter (where state = 'declined') as declined,
    count(*) filter (where state = 'converted' and is_recovered) as recovered,
    cast(sum(case when state = 'abandoned' then value else 0 end) as decimal(18, 4)) as value_abandoned
from everyone
group by shop, shop_date(shop, began_at), population, coalesce(currency, 'XXX')
