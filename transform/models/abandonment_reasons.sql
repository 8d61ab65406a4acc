/* ---
name: abandonment_reasons
title: Why carts, checkouts and payments were left
description: >
  What was abandoned, by how things stood at the end. Each cart, checkout and payment counts once, under the first that
  fits: payment_failed (the last attempt was declined or failed; detail is the code), out_of_stock (a product left in
  the cart had no piece in stock, or fewer than wanted; detail says out_of_stock or short), coupon_denied (the last
  word on coupons was a denial; detail is the code), left_at_payment (a payment method was chosen or shown, and nothing
  had failed; detail is the method), shipping_cost (a shipping cost above zero was the last thing shown; detail is the
  cost), unknown. The last state is a hint, not proof. The days and populations are those of abandonment_daily, and the
  sums over reasons are its abandoned and value_abandoned.
grain: one row a shop, day, population, reason, detail and currency
key: [shop, day, population, reason, detail, currency]
time: day
columns:
  shop: The shop
  day: Day in the shop's time zone on which the cart, checkout or payment began
  population: cart, checkout or payment
  reason: payment_failed, out_of_stock, coupon_denied, left_at_payment, shipping_cost or unknown
  detail: "The code, method or cost behind the reason; empty where there is none"
  currency: Currency of value
  abandoned: How many were left
  value: Worth of them
tests:
  accepted:
    population: [cart, checkout, payment]
    reason: [payment_failed, out_of_stock, coupon_denied, left_at_payment, shipping_cost, unknown]
  at_least_zero: [value]
  holds: [abandoned > 0]
--- */
with
left_behind as (
    select shop, created_at as began_at, 'cart' as population, value, currency, shipping_cost, payment_method,
        coupon_denied, error_code, stock_status
    from marts.carts
    where state = 'abandoned'
    union all
    select shop, started_at, 'checkout', value, currency, shipping_cost, payment_method, coupon_denied, error_code,
        stock_status
    from marts.checkouts
    where state = 'abandoned'
    union all
    select shop, payment_at, 'payment', value, currency, shipping_cost, coalesce(payment_method, ''), coupon_denied,
        error_code, stock_status
    from marts.checkouts
    where payment_state = 'abandoned'
),
judged as (
    select *, case
            when error_code is not null then 'payment_failed'
            when stock_status in ('out_of_stock', 'short') then 'out_of_stock'
            when coupon_denied is not null then 'coupon_denied'
            when payment_method is not null then 'left_at_payment'
            when shipping_cost > 0 then 'shipping_cost'
            else 'unknown'
        end as reason
    from left_behind
),
detailed as (
    select *, case reason when 'payment_failed' then error_code when 'out_of_stock' then stock_status
            when 'coupon_denied' then coupon_denied when 'left_at_payment' then payment_method
            when 'shipping_cost' then regexp_replace(cast(shipping_cost as varchar), '[.]?0+$', '') else ''
        end as detail
    from judged
)
select shop, shop_date(shop, began_at) as day, population, reason, detail, coalesce(currency, 'XXX') as currency,
    count(*) as abandoned, cast(sum(value) as decimal(18, 4)) as value
from detailed
group by shop, shop_date(shop, began_at), population, reason, detail, coalesce(currency, 'XXX')
