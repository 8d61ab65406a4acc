/* ---
name: funnel_steps_daily
title: Conversion funnel by day and step
description: >
  The funnel of funnel_daily with a row for each step and both of its rates, over all channels, devices and countries.
  step_rate is the visits that reached the step over those that reached the step before it; from_start_rate is the
  visits that reached it over all visits. The first step has no step before it, so that its step_rate is NULL, and so
  is every rate whose denominator is 0. In the open funnel a step can be reached more often than the one before it, so
  that open_step_rate may be above 1. Rates do not add up: over several days divide the sums of reached.
grain: one row a shop, day and step
key: [shop, day, step_number]
time: day
columns:
  shop: The shop
  day: Day in the shop's time zone on which the visits began
  step_number: Place of the step in the funnel, from 1
  step: session, product_view, add_to_cart, begin_checkout, payment_attempt or purchase
  reached: Visits that reached the step after all before it (closed funnel)
  step_rate: reached over reached of the step before
  from_start_rate: reached over visits
  open_reached: Visits that reached the step, whichever steps were seen before it (open funnel)
  open_step_rate: open_reached over open_reached of the step before
  open_from_start_rate: open_reached over visits
tests:
  not_null: [step, reached, open_reached]
  accepted: {step: [session, product_view, add_to_cart, begin_checkout, payment_attempt, purchase]}
  at_least_zero: [reached, open_reached]
  holds:
    - open_reached >= reached
    - step_rate is null or step_rate between 0 and 1
    - from_start_rate is null or from_start_rate between 0 and 1
    - open_from_start_rate is null or open_from_start_rate between 0 and 1
incremental:
  by: [shop, day]
  from:
    marts.funnel_daily: [shop, day]
--- */
with
days as (
    select shop, day, sum(sessions) as sessions, sum(product_view) as product_view, sum(add_to_cart) as add_to_cart,
        sum(begin_checkout) as begin_checkout, sum(payment_attempt) as payment_attempt, sum(purchase) as purchase,
        sum(open_product_view) as open_product_view, sum(open_add_to_cart) as open_add_to_cart,
        sum(open_begin_checkout) as open_begin_checkout, sum(open_payment_attempt) as open_payment_attempt,
        sum(open_purchase) as open_purchase
    from marts.funnel_daily
    group by shop, day
),
steps as (
    select shop, day, sessions,
        unnest(make_array(1, 2, 3, 4, 5, 6)) as step_number,
        unnest(make_array('session', 'product_view', 'add_to_cart', 'begin_checkout', 'payment_attempt',
            'purchase')) as step,
        unnest(make_array(sessions, product_view, add_to_cart, begin_checkout, payment_attempt,
            purchase)) as reached,
        unnest(make_array(null, sessions, product_view, add_to_cart, begin_checkout, payment_attempt)) as before,
        unnest(make_array(sessions, open_product_view, open_add_to_cart, open_begin_checkout, open_payment_attempt,
            open_purchase)) as open_reached,
        unnest(make_array(null, sessions, open_product_view, open_add_to_cart, open_begin_checkout,
            open_payment_attempt)) as open_before
    from days
)
select shop, day, step_number, step, reached,
    cast(cast(reached as decimal(18, 6)) / nullif(before, 0) as decimal(18, 6)) as step_rate,
    cast(cast(reached as decimal(18, 6)) / nullif(sessions, 0) as decimal(18, 6)) as from_start_rate,
    open_reached,
    cast(cast(open_reached as decimal(18, 6)) / nullif(open_before, 0) as decimal(18, 6)) as open_step_rate,
    cast(cast(open_reached as decimal(18, 6)) / nullif(sessions, 0) as decimal(18, 6)) as open_from_start_rate
from steps
