/* ---
name: carts
title: Carts
description: >
  Every cart from its first add_to_cart, with what became of it. converted: an order was placed from it, or a purchase
  made with it. Else emptied: everything was removed again. Else abandoned: nothing touched it for 60 minutes. Else
  open. A cart that stood untouched for 60 minutes and was converted all the same is recovered. A cart without a
  number is the visit's or the visitor's. Its value is pieces times price of what was added, less what was removed.
  The last columns say how things stood at the end, before it was converted, with what its last checkout tells where
  the cart's own events do not. They are hints at why a cart was left, not proof.
grain: one row a cart
key: [shop, cart_id]
time: created_at
columns:
  shop: The shop
  cart_id: The cart, or the visit or visitor where it has no number
  session_id: The visit in which it began
  created_at: First add to the cart
  last_activity_at: Last event that touched it before it was converted
  converted_at: When an order was placed from it
  state: converted, emptied, abandoned or open
  is_recovered: Converted after it had been abandoned
  pieces: Pieces left in it
  value: What they cost
  currency: Currency of value
  shipping_cost: Shipping cost shown last
  payment_method: Payment method shown or chosen last
  coupon_denied: Coupon code that was denied, where the last word on coupons was a denial
  error_code: Why the last payment attempt of its last checkout failed, where it failed
  stock_status: "How stock of its products stood when it was last touched: out_of_stock, short or in_stock"
tests:
  not_null: [created_at, state]
  accepted: {state: [converted, emptied, abandoned, open], stock_status: [out_of_stock, short, in_stock]}
  at_least_zero: [pieces, value, shipping_cost]
  holds:
    - created_at <= last_activity_at
    - is_recovered = false or state = 'converted'
incremental:
  by: [shop, handle]
  # An order that names only its checkout comes from the cart that the checkout touched.
  linked: true
  from:
    # The newest checkout of a cart tells how it stood.
    marts.checkouts: [shop, "'cart ' || coalesce(cart_id, session_id, checkout_id)"]
    marts.cart_stock: [shop, "'cart ' || cart_id"]
    events.storefront:
      - [shop, "'cart ' || coalesce(cart_id, session_id, visitor_id)"]
      - [shop, "'checkout ' || checkout_id"]
    events.orders:
      - [shop, "'cart ' || cart_id"]
      - [shop, "'checkout ' || checkout_id"]
    marts.carts: [shop, "'cart ' || cart_id"]
  open: state = 'open'
--- */
with
touches as (
    select shop, coalesce(cart_id, session_id, visitor_id) as cart_id, session_id, checkout_id, source, event_id,
        event_time, type, currency, items, quantity, unit_price, value, shipping, payment_method,
        type in ('storefront.apply_coupon', 'storefront.deny_coupon', 'storefront.remove_coupon') as is_coupon,
        case when type = 'storefront.deny_coupon' then coalesce(coupon, 'unknown') end as coupon_denied
    from events.storefront
    where cart_id is not null or type in ('storefront.add_to_cart', 'storefront.remove_from_cart',
        'storefront.view_cart', 'storefront.apply_coupon', 'storefront.deny_coupon', 'storefront.remove_coupon',
        'storefront.begin_checkout', 'storefront.add_shipping_info', 'storefront.add_payment_info',
        'storefront.purchase')
),
listed_items as (
    select shop, source, event_id, cart_id, unnest(items) as item
    from touches
    where type in ('storefront.add_to_cart', 'storefront.remove_from_cart')
),
items_of_event as (
    select shop, cart_id, source, event_id, sum(coalesce(item['quantity'], 1)) as pieces,
        sum(cast(coalesce(item['quantity'], 1) * item['unit_price'] as decimal(18, 4))) as amount
    from listed_items
    group by shop, cart_id, source, event_id
),
changes as (
    select t.*, case t.type when 'storefront.add_to_cart' then 1 when 'storefront.remove_from_cart' then -1 else 0
        end as direction,
        cast(coalesce(i.pieces, t.quantity, 1) as decimal(18, 4)) as moved_pieces,
        cast(coalesce(i.amount, coalesce(t.quantity, 1) * t.unit_price, t.value, 0) as decimal(18, 4)) as moved_value
    from touches t left join items_of_event i on t.shop = i.shop and t.cart_id = i.cart_id and t.source = i.source
        and t.event_id = i.event_id
),
begun as (
    select shop, cart_id, min(event_time) as created_at,
        first_value(session_id order by event_time, source, event_id) as session_id
    from touches
    where type = 'storefront.add_to_cart'
    group by shop, cart_id
),
placed_from_cart as (
    select shop, cart_id, event_time from events.orders where type = 'order.placed' and cart_id is not null
    union all
    select c.shop, c.cart_id, o.event_time
    from events.orders o
    join (select distinct shop, cart_id, checkout_id from touches where checkout_id is not null) c
        on o.shop = c.shop and o.checkout_id = c.checkout_id
    where o.type = 'order.placed'
    union all
    select shop, cart_id, event_time from touches where type = 'storefront.purchase'
),
converted as (
    select p.shop, p.cart_id, min(p.event_time) as converted_at
    from placed_from_cart p join begun b on p.shop = b.shop and p.cart_id = b.cart_id and p.event_time >= b.created_at
    group by p.shop, p.cart_id
),
-- What happens to a cart after its order says nothing about how the order came about.
until_converted as (
    select c.*, b.created_at, v.converted_at,
        coalesce(lead(c.event_time) over (partition by c.shop, c.cart_id order by c.event_time, c.source,
            c.event_id), v.converted_at) as next_at,
        sum(c.direction * c.moved_pieces) over (partition by c.shop, c.cart_id order by c.event_time, c.source,
            c.event_id) as pieces_so_far
    from changes c
    join begun b on c.shop = b.shop and c.cart_id = b.cart_id and c.event_time >= b.created_at
    left join converted v on c.shop = v.shop and c.cart_id = v.cart_id
    where v.converted_at is null or c.event_time <= v.converted_at
),
carts as (
    select shop, cart_id, min(created_at) as created_at, max(event_time) as last_activity_at,
        min(converted_at) as converted_at,
        sum(direction * moved_pieces) as pieces, sum(direction * moved_value) as value, max(currency) as currency,
        bool_or(direction < 0) as had_removals,
        bool_or(pieces_so_far > 0 and next_at >= event_time + interval '60 minutes') as was_left,
        last_value(shipping order by event_time, source, event_id) filter (where shipping is not null) as shipping_cost,
        last_value(payment_method order by event_time, source, event_id)
            filter (where payment_method is not null) as payment_method,
        bool_or(is_coupon) as had_coupons,
        last_value(coupon_denied order by event_time, source, event_id) filter (where is_coupon) as coupon_denied
    from until_converted
    group by shop, cart_id
),
last_checkout as (
    select *, row_number() over (partition by shop, cart order by started_at desc, checkout_id desc) as age
    from (select *, coalesce(cart_id, session_id, checkout_id) as cart from marts.checkouts)
)
select c.shop, c.cart_id, b.session_id, c.created_at, c.last_activity_at, c.converted_at,
    case
        when c.converted_at is not null then 'converted'
        when c.had_removals and c.pieces <= 0 then 'emptied'
        when c.last_activity_at + interval '60 minutes' <= r.as_of then 'abandoned'
        else 'open'
    end as state,
    c.converted_at is not null and coalesce(c.was_left, false) as is_recovered,
    cast(greatest(c.pieces, 0) as decimal(18, 4)) as pieces,
    cast(greatest(c.value, 0) as decimal(18, 4)) as value,
    coalesce(c.currency, s.currency) as currency,
    coalesce(c.shipping_cost, k.shipping_cost) as shipping_cost,
    coalesce(c.payment_method, k.payment_method) as payment_method,
    case when c.had_coupons then c.coupon_denied else k.coupon_denied end as coupon_denied,
    k.error_code, t.stock_status
from carts c
join begun b on c.shop = b.shop and c.cart_id = b.cart_id
cross join settings.run r
left join settings.shops s on c.shop = s.shop
left join last_checkout k on c.shop = k.shop and c.cart_id = k.cart and k.age = 1
left join marts.cart_stock t on c.shop = t.shop and c.cart_id = t.cart_id
