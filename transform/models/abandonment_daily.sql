/* ---
name: abandonment_daily
title: Abandonment by day
description: >
  Three different populations: carts by the day of their first add, checkouts by the day they began, payments by the
  day of the first payment step. The abandonment rate of carts and checkouts is abandoned over abandoned and converted;
  that of payments is abandoned over all that are settled, hard declines included: abandoned, converted and declined.
  What is still open or was emptied is in neither. The recovery rate is recovered over recovered and abandoned: of what
  was ever left alone too long, what led to an order after all. The declined loss rate is, of the checkouts with a
  payment attempt, those whose last event is a decline with no order within 24 hours; checkouts for which it is too
  early to say are in neither. A rate over nothing is NULL. A late order moves its cart from abandoned to recovered,
  and so changes an earlier day. Rates do not add up: over several days divide the sums.
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
  attempted: Payments with an attempt for which it is known whether a decline ended them; 0 for carts and checkouts
  declined_lost: Of attempted, those that a decline ended, with no order within 24 hours
  value_declined_lost: Worth of declined_lost
  abandonment_rate: abandoned over abandoned, converted and declined
  recovery_rate: recovered over recovered and abandoned
  declined_loss_rate: declined_lost over attempted
tests:
  accepted: {population: [cart, checkout, payment]}
  at_least_zero: [started, converted, abandoned, open, emptied, declined, recovered, value_abandoned, attempted,
    declined_lost, value_declined_lost]
  holds:
    - started = converted + abandoned + open + emptied + declined
    - recovered <= converted
    - declined_lost <= attempted and attempted <= started
    - population = 'payment' or attempted = 0
    - abandonment_rate is null or abandonment_rate between 0 and 1
    - recovery_rate is null or recovery_rate between 0 and 1
    - declined_loss_rate is null or declined_loss_rate between 0 and 1
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
    select shop, created_at as began_at, 'cart' as population, state, is_recovered, value, currency,
        cast(null as boolean) as is_declined_loss
    from marts.carts
    union all
    select shop, started_at, 'checkout', state, is_recovered, value, currency, null from marts.checkouts
    union all
    select shop, payment_at, 'payment', payment_state, is_payment_recovered, value, currency, is_declined_loss
    from marts.checkouts
    where payment_at is not null
),
counted as (
    select shop, shop_date(shop, began_at) as day, population, coalesce(currency, 'XXX') as currency,
        count(*) as started,
        count(*) filter (where state = 'converted') as converted,
        count(*) filter (where state = 'abandoned') as abandoned,
        count(*) filter (where state = 'open') as open,
        count(*) filter (where state = 'emptied') as emptied,
        count(*) filter (where state = 'declined') as declined,
        count(*) filter (where state = 'converted' and is_recovered) as recovered,
        cast(sum(case when state = 'abandoned' then value else 0 end) as decimal(18, 4)) as value_abandoned,
        count(is_declined_loss) as attempted,
        count(*) filter (where is_declined_loss) as declined_lost,
        cast(sum(case when is_declined_loss then value else 0 end) as decimal(18, 4)) as value_declined_lost
    from everyone
    group by shop, shop_date(shop, began_at), population, coalesce(currency, 'XXX')
)
select shop, day, population, currency, started, converted, abandoned, open, emptied, declined, recovered,
    value_abandoned, attempted, declined_lost, value_declined_lost,
    cast(cast(abandoned as decimal(18, 6)) / nullif(abandoned + converted + declined, 0) as decimal(9, 6))
        as abandonment_rate,
    cast(cast(recovered as decimal(18, 6)) / nullif(recovered + abandoned, 0) as decimal(9, 6)) as recovery_rate,
    cast(cast(declined_lost as decimal(18, 6)) / nullif(attempted, 0) as decimal(9, 6)) as declined_loss_rate
from counted
