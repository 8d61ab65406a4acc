/* ---
name: order_touches
title: Visits before orders
description: >
  For every order that sold something, the visits of its buyer in the 30 days up to it, in order of time. The buyer's
  visitors are those whose storefront events name the order, its checkout, its cart or its visit, and those that were
  ever signed in as its customer. An order without any visit has one row with channel unknown. linear_orders and
  linear_net_sales share the order over its visits: each gets the same part, cut off to the minor unit of the currency
  (a millionth of an order), and the last takes what is left, so that the parts add up to the order exactly.
grain: one row an order and visit
key: [shop, order_id, touch_number]
time: day
columns:
  shop: The shop
  order_id: The order
  touch_number: Place of the visit before the order, from 1, in order of time
  touches: Visits of the order
  customer_id: The customer
  day: Day of the order in the shop's time zone
  placed_at: When the order was placed
  session_id: The visit; NULL where none is known
  started_at: When the visit began
  channel: Where the visit came from; unknown where there is none
  campaign: Campaign of the visit; empty where it had none
  net_sales: Net sales of the order, after all that came back
  currency: Currency of net_sales
  linear_orders: The visit's part of the order
  linear_net_sales: The visit's part of net_sales
tests:
  not_null: [touches, day, channel, campaign, net_sales, linear_orders, linear_net_sales]
  accepted: {channel: [paid, email, social, organic, referral, direct, unknown]}
  holds:
    - touch_number between 1 and touches
    - linear_orders > 0 and linear_orders <= 1
    - started_at is null or (started_at <= placed_at and started_at >= placed_at - interval '30 days')
  refers:
    - {columns: [shop, order_id], to: marts.orders}
--- */
with
sold as (
    select shop, order_id, customer_id, placed_at, session_id, checkout_id, cart_id, net_sales, currency
    from marts.orders
    where is_sale
),
-- By these names the storefront knows an order.
handles as (
    select shop, order_id, unnest(make_array('order ' || order_id, 'checkout ' || checkout_id, 'cart ' || cart_id,
        'session ' || session_id)) as handle
    from sold
),
named as (
    select distinct shop,
        unnest(make_array('order ' || order_id, 'checkout ' || checkout_id, 'cart ' || cart_id)) as handle,
        coalesce('v ' || visitor_id, 's ' || session_id) as visitor
    from events.storefront
    where order_id is not null or checkout_id is not null or cart_id is not null
),
visits as (
    select shop, session_id, started_at, channel, coalesce(campaign, '') as campaign, customer_id,
        coalesce('v ' || visitor_id, 's ' || session_id) as visitor
    from marts.sessions
),
buyers as (
    select h.shop, h.order_id, n.visitor
    from handles h join named n on h.shop = n.shop and h.handle = n.handle
    union
    select h.shop, h.order_id, v.visitor
    from handles h join visits v on h.shop = v.shop and h.handle = 'session ' || v.session_id
    union
    select o.shop, o.order_id, v.visitor
    from sold o join visits v on o.shop = v.shop and o.customer_id = v.customer_id
),
-- Thirty days reach into two stretches of thirty days: an order looks into its own and the one before, never into all
-- the visits that its buyer ever made.
looking as (
    select b.shop, b.order_id, b.visitor, o.placed_at,
        unnest(make_array(cast(floor(date_part('epoch', o.placed_at) / 2592000) as bigint),
            cast(floor(date_part('epoch', o.placed_at) / 2592000) as bigint) - 1)) as stretch
    from buyers b join sold o on b.shop = o.shop and b.order_id = o.order_id
),
stretched as (
    select *, cast(floor(date_part('epoch', started_at) / 2592000) as bigint) as stretch from visits
),
touched as (
    select l.shop, l.order_id, v.session_id, v.started_at, v.channel, v.campaign
    from looking l join stretched v on l.shop = v.shop and l.visitor = v.visitor and l.stretch = v.stretch
    where v.started_at <= l.placed_at and v.started_at >= l.placed_at - interval '30 days'
),
numbered as (
    select o.shop, o.order_id, o.customer_id, o.placed_at, o.net_sales, o.currency, t.session_id, t.started_at,
        coalesce(t.channel, 'unknown') as channel, coalesce(t.campaign, '') as campaign,
        row_number() over (partition by o.shop, o.order_id order by t.started_at, t.session_id) as touch_number,
        count(*) over (partition by o.shop, o.order_id) as touches,
        case c.exponent when 0 then 1 when 3 then 1000 when 4 then 10000 else 100 end as steps
    from sold o
    left join touched t on o.shop = t.shop and o.order_id = t.order_id
    left join settings.currencies c on o.currency = c.currency
),
-- Whole minor units, a multiple of the number of visits, cut off towards zero.
whole as (
    select *, net_sales * steps - (net_sales * steps) % 1 as minor_units from numbered
),
parts as (
    select *, (minor_units - minor_units % touches) / touches / steps as money_part,
        cast((1000000 - 1000000 % touches) / touches as decimal(18, 6)) / 1000000 as order_part
    from whole
)
select shop, order_id, touch_number, touches, customer_id, shop_date(shop, placed_at) as day, placed_at, session_id,
    started_at, channel, campaign, net_sales, currency,
    cast(case when touch_number = touches then 1 - (touches - 1) * order_part else order_part end as decimal(9, 6))
        as linear_orders,
    cast(case when touch_number = touches then net_sales - (touches - 1) * cast(money_part as decimal(18, 4))
        else money_part end as decimal(18, 4)) as linear_net_sales
from parts
