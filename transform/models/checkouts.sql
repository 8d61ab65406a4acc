/* ---
name: checkouts
title: Checkouts
description: >
  Every checkout from its first step, with what became of it, and the same for its payment. converted: an order was
  placed from it, or a purchase made in it. Else abandoned: nothing happened for 10 minutes. Else open. The payment is
  counted where payment details were given or a payment was tried: converted when the checkout was or money was
  authorized; declined when the last attempt ended in a hard decline, which is not walking away; else abandoned or
  open. A checkout without a number is the cart's, the visit's or the visitor's. The last columns say how things stood
  at the end, before it was converted: what the visitor saw last, and whether a payment had just failed. They are hints
  at why a checkout was left, not proof.
grain: one row a checkout
key: [shop, checkout_id]
time: started_at
columns:
  shop: The shop
  checkout_id: The checkout, or the cart, visit or visitor where it has no number
  cart_id: The cart it is about
  session_id: The visit in which it began
  started_at: First step of the checkout
  last_activity_at: Last thing that happened before it was converted
  converted_at: When an order was placed from it
  state: converted, abandoned or open
  is_recovered: Converted after it had been abandoned
  payment_at: First payment details or payment attempt
  payment_state: converted, declined, abandoned or open; NULL where no payment was tried
  is_payment_recovered: Converted after the payment had been abandoned
  value: Worth of the checkout as last told
  currency: Currency of value
  shipping_cost: Shipping cost shown last
  payment_method: Payment method shown or chosen last, else that of the last attempt
  coupon_denied: Coupon code that was denied, where the last word on coupons was a denial
  error_code: Why the last payment attempt failed, where it failed; the provider's code, else the network's, else
    declined or error
  stock_status: "How stock of the cart's products stood: out_of_stock, short or in_stock, as in cart_stock"
  declined_at: When the last attempt was made, where it failed and nothing came after it
  is_declined_loss: Whether that failure was the end, with no order within 24 hours; NULL until then, and where no
    payment was attempted
tests:
  not_null: [started_at, state]
  at_least_zero: [value, shipping_cost]
  holds:
    - started_at <= last_activity_at
    - is_recovered = false or state = 'converted'
    - payment_at is not null or payment_state is null
    - payment_at is null or payment_state is not null
    - is_declined_loss is null or is_declined_loss = false or declined_at is not null
  accepted:
    state: [converted, abandoned, open]
    payment_state: [converted, declined, abandoned, open]
incremental:
  by: [shop, handle]
  linked: true
  from:
    marts.cart_stock: [shop, "'cart ' || cart_id"]
    events.storefront:
      - [shop, "'checkout ' || coalesce(checkout_id, cart_id, session_id, visitor_id)"]
      - [shop, "'cart ' || coalesce(cart_id, session_id, visitor_id)"]
      - [shop, "'order ' || order_id"]
    events.orders:
      - [shop, "'checkout ' || checkout_id"]
      - [shop, "'cart ' || cart_id"]
      - [shop, "'order ' || order_id"]
    marts.payment_attempts:
      - [shop, "'checkout ' || checkout_id"]
      - [shop, "'order ' || order_id"]
    marts.checkouts: [shop, "'checkout ' || checkout_id"]
  open: state = 'open' or payment_state = 'open'
--- */
with
steps as (
    select shop, coalesce(checkout_id, cart_id, session_id, visitor_id) as checkout_id, cart_id, session_id,
        visitor_id, order_id, source, event_id, event_time, type, value, currency, shipping, payment_method, coupon,
        type in ('storefront.apply_coupon', 'storefront.deny_coupon', 'storefront.remove_coupon') as is_coupon
    from events.storefront
    where type in ('storefront.begin_checkout', 'storefront.add_shipping_info', 'storefront.add_payment_info',
        'storefront.purchase', 'storefront.apply_coupon', 'storefront.deny_coupon', 'storefront.remove_coupon')
),
begun as (
    select shop, checkout_id, min(event_time) as started_at, max(cart_id) as cart_id,
        first_value(session_id order by event_time, source, event_id) as session_id,
        first_value(coalesce(session_id, visitor_id) order by event_time, source, event_id) as visit,
        last_value(value order by event_time, source, event_id) filter (where value is not null) as value,
        max(currency) as currency
    from steps
    where type <> 'storefront.purchase' and not is_coupon
    group by shop, checkout_id
),
checkout_of_cart as (
    select shop, cart_id, checkout_id, started_at,
        lead(started_at) over (partition by shop, cart_id order by started_at, checkout_id) as next_started_at
    from begun
    where cart_id is not null
),
-- An order that names only its cart came from the checkout begun last before it.
orders_of_checkouts as (
    select shop, order_id, checkout_id, event_time from events.orders where type = 'order.placed'
        and checkout_id is not null
    union all
    select o.shop, o.order_id, c.checkout_id, o.event_time
    from events.orders o join checkout_of_cart c on o.shop = c.shop and o.cart_id = c.cart_id
        and o.event_time >= c.started_at
        and (c.next_started_at is null or o.event_time < c.next_started_at)
    where o.type = 'order.placed' and o.checkout_id is null
    union all
    select shop, order_id, checkout_id, event_time from steps where type = 'storefront.purchase'
),
converted as (
    select o.shop, o.checkout_id, min(o.event_time) as converted_at
    from orders_of_checkouts o join begun b on o.shop = b.shop and o.checkout_id = b.checkout_id
        and o.event_time >= b.started_at
    group by o.shop, o.checkout_id
),
checkout_of_order as (
    select shop, order_id, max(checkout_id) as checkout_id from orders_of_checkouts where order_id is not null
        group by shop, order_id
),
attempts as (
    select a.shop, coalesce(a.checkout_id, o.checkout_id) as checkout_id, a.attempt_id, a.attempted_at, a.outcome,
        a.decline_class, a.provider, a.method, coalesce(a.decline_code, a.network_code, a.outcome) as error_code
    from marts.payment_attempts a left join checkout_of_order o on a.shop = o.shop and a.order_id = o.order_id
),
last_attempt as (
    select shop, checkout_id, bool_or(outcome in ('captured', 'authorized')) as has_succeeded,
        last_value(coalesce(decline_class, '') order by attempted_at, attempt_id, provider) = 'hard' as ended_hard
    from attempts
    where checkout_id is not null
    group by shop, checkout_id
),
happenings as (
    select shop, checkout_id, event_time, source, event_id, type in ('storefront.add_payment_info') as is_payment,
        false as is_attempt, false as has_failed, null as error_code, payment_method, shipping, is_coupon,
        case when type = 'storefront.deny_coupon' then coalesce(coupon, 'unknown') end as coupon_denied
    from steps
    union all
    select shop, checkout_id, attempted_at, provider, attempt_id, true, true, outcome in ('declined', 'error'),
        error_code, method, null, false, null
    from attempts
    where checkout_id is not null
),
until_converted as (
    select h.*, v.converted_at, min(case when h.is_payment then h.event_time end) over (partition by h.shop,
        h.checkout_id) as payment_at,
        coalesce(lead(h.event_time) over (partition by h.shop, h.checkout_id
            order by h.event_time, h.is_attempt, h.source, h.event_id), v.converted_at) as next_at
    from happenings h
    join begun b on h.shop = b.shop and h.checkout_id = b.checkout_id
    left join converted v on h.shop = v.shop and h.checkout_id = v.checkout_id
    where v.converted_at is null or h.event_time <= v.converted_at
),
checkouts as (
    select shop, checkout_id, max(event_time) as last_activity_at, min(converted_at) as converted_at,
        min(payment_at) as payment_at,
        bool_or(next_at >= event_time + interval '10 minutes') as was_left,
        bool_or(event_time >= payment_at and next_at >= event_time + interval '10 minutes') as was_payment_left,
        bool_or(is_attempt) as was_attempted,
        last_value(has_failed order by event_time, is_attempt, source, event_id) as ended_in_failure,
        last_value(shipping order by event_time, source, event_id) filter (where shipping is not null) as shipping_cost,
        coalesce(
            last_value(payment_method order by event_time, source, event_id)
                filter (where not is_attempt and payment_method is not null),
            last_value(payment_method order by event_time, source, event_id)
                filter (where is_attempt and payment_method is not null)) as payment_method,
        last_value(coupon_denied order by event_time, source, event_id) filter (where is_coupon) as coupon_denied,
        last_value(case when has_failed then error_code end order by event_time, source, event_id)
            filter (where is_attempt) as error_code
    from until_converted
    group by shop, checkout_id
),
judged as (
    select c.*, c.last_activity_at + interval '10 minutes' <= r.as_of as is_left,
        c.converted_at is not null as is_converted,
        c.converted_at is not null or coalesce(a.has_succeeded, false) as is_paid,
        coalesce(a.ended_hard, false) as ended_hard,
        case when c.ended_in_failure then c.last_activity_at end as declined_at, r.as_of
    from checkouts c
    cross join settings.run r
    left join last_attempt a on c.shop = a.shop and c.checkout_id = a.checkout_id
)
select j.shop, j.checkout_id, b.cart_id, b.session_id, b.started_at, j.last_activity_at, j.converted_at,
    case when is_converted then 'converted' when is_left then 'abandoned' else 'open' end as state,
    is_converted and coalesce(was_left, false) as is_recovered,
    j.payment_at,
    case when payment_at is null then null when is_paid then 'converted' when ended_hard then 'declined'
        when is_left then 'abandoned' else 'open' end as payment_state,
    is_paid and coalesce(was_payment_left, false) as is_payment_recovered,
    cast(coalesce(b.value, 0) as decimal(18, 4)) as value,
    coalesce(b.currency, s.currency) as currency,
    j.shipping_cost, j.payment_method, j.coupon_denied, j.error_code, k.stock_status, j.declined_at,
    case
        when not j.was_attempted then null
        when j.declined_at is null or j.converted_at < j.declined_at + interval '24 hours' then false
        when j.as_of >= j.declined_at + interval '24 hours' then true
    end as is_declined_loss
from judged j
join begun b on j.shop = b.shop and j.checkout_id = b.checkout_id
left join settings.shops s on j.shop = s.shop
left join marts.cart_stock k on b.shop = k.shop and coalesce(b.cart_id, b.visit) = k.cart_id
