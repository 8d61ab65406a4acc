/* ---
name: funnel_daily
title: Conversion funnel by day
description: >
  How many visits reached each step. Closed funnel: a step counts only after the steps before it, so the counts never
  rise from left to right. Open funnel (open_…): a step counts whichever steps were seen before it. A visit belongs to
  the shop's day on which it began, with all that followed. The rate of a step is its count over the one before it,
  the rate from the start its count over sessions; funnel_steps_daily has both.
grain: one row a shop, day, channel, device and country
key: [shop, day, channel, device, country]
time: day
columns:
  shop: The shop
  day: Day in the shop's time zone
  channel: Where the visits came from
  device: Kind of device, or unknown
  country: Country of the visitors, or unknown
  sessions: Visits
  product_view: Visits that viewed a product
  add_to_cart: … and then added one to the cart
  begin_checkout: … and then began a checkout
  payment_attempt: … and then tried to pay
  purchase: … and then bought
  open_product_view: Visits that viewed a product
  open_add_to_cart: Visits that added to the cart, whatever they did before
  open_begin_checkout: Visits that began a checkout, whatever they did before
  open_payment_attempt: Visits that tried to pay, whatever they did before
  open_purchase: Visits that bought, whatever they did before
tests:
  at_least_zero: [sessions, product_view, add_to_cart, begin_checkout, payment_attempt, purchase]
  holds:
    - sessions >= product_view
    - product_view >= add_to_cart
    - add_to_cart >= begin_checkout
    - begin_checkout >= payment_attempt
    - payment_attempt >= purchase
    - open_product_view = product_view
    - open_add_to_cart >= add_to_cart and open_add_to_cart <= sessions
    - open_begin_checkout >= begin_checkout and open_begin_checkout <= sessions
    - open_payment_attempt >= payment_attempt and open_payment_attempt <= sessions
    - open_purchase >= purchase and open_purchase <= sessions
incremental:
  by: [shop, day]
  from:
    marts.sessions: [shop, "shop_date(shop, started_at)"]
--- */
select shop, shop_date(shop, started_at) as day, channel, coalesce(device, 'unknown') as device, coalesce(country,
    'unknown') as country,
    count(*) as sessions,
    count(product_view_at) as product_view,
    count(add_to_cart_at) as add_to_cart,
    count(begin_checkout_at) as begin_checkout,
    count(payment_attempt_at) as payment_attempt,
    count(purchase_at) as purchase,
    count(product_view_at) as open_product_view,
    count(any_add_to_cart_at) as open_add_to_cart,
    count(any_begin_checkout_at) as open_begin_checkout,
    count(any_payment_attempt_at) as open_payment_attempt,
    count(ordered_at) as open_purchase
from marts.sessions
group by shop, shop_date(shop, started_at), channel, coalesce(device, 'unknown'), coalesce(country, 'unknown')
