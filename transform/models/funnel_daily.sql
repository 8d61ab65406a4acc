/* ---
name: funnel_daily
title: Conversion funnel by day
description: >
  How many visits reached each step of the closed funnel: a step counts only after the steps before it, so the counts
  never rise from left to right. A visit belongs to the shop's day on which it began. The rate of a step is its count
  over the one before it.
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
tests:
  at_least_zero: [sessions, product_view, add_to_cart, begin_checkout, payment_attempt, purchase]
  holds:
    - sessions >= product_view
    - product_view >= add_to_cart
    - add_to_cart >= begin_checkout
    - begin_checkout >= payment_attempt
    - payment_attempt >= purchase
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
    count(purchase_at) as purchase
from marts.sessions
group by shop, shop_date(shop, started_at), channel, coalesce(device, 'unknown'), coalesce(country, 'unknown')
