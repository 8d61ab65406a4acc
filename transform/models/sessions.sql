/* ---
name: sessions
title: Visits
description: >
  Visits to the shop with how far each one came in the closed funnel: session, product view, add to cart, checkout,
  payment attempt, purchase. A step counts when the steps before it were reached first; at equal times the order of
  the funnel decides. A visit is what the shop's code numbers (session_id); a visitor without one starts a new visit
  after 30 idle minutes. Orders and payments join the visit through the session, checkout, cart or order they name,
  and where a cart lived in several visits, the last one that touched it before.
grain: one row a visit
key: [shop, session_id]
time: started_at
columns:
  shop: The shop
  session_id: The visit as the shop numbers it, or visitor@start where it does not
  visitor_id: The browser or app
  customer_id: The customer, where they signed in
  started_at: First event of the visit
  ended_at: Last event of the visit in the storefront
  channel: "Where the visit came from: paid, email, social, organic, referral or direct, by campaign tags, then by
    referrer"
  campaign: Campaign that the first event names
  landing_page: Page of the first event
  device: Kind of device
  country: Country of the visitor
  events: Events in the storefront
  product_view_at: First view of a product
  add_to_cart_at: First add to the cart after it
  begin_checkout_at: First checkout after that
  payment_attempt_at: First payment details or payment attempt after that
  purchase_at: First purchase after that, by the storefront, or by an order placed or paid
  ordered_at: First purchase, whichever steps were seen before it (open funnel)
  any_add_to_cart_at: First add to the cart, whether or not a product was viewed before (open funnel)
  any_begin_checkout_at: First checkout, whichever steps were seen before it (open funnel)
  any_payment_attempt_at: First payment details or payment attempt, whichever steps were seen before it (open funnel)
tests:
  not_null: [started_at, ended_at, channel]
  accepted:
    channel: [paid, email, social, organic, referral, direct]
  at_least_zero: [events]
  holds:
    - started_at <= ended_at
    - product_view_at is null or product_view_at >= started_at
    - add_to_cart_at is null or add_to_cart_at >= product_view_at
    - begin_checkout_at is null or begin_checkout_at >= add_to_cart_at
    - payment_attempt_at is null or payment_attempt_at >= begin_checkout_at
    - purchase_at is null or purchase_at >= payment_attempt_at
    - add_to_cart_at is null or any_add_to_cart_at <= add_to_cart_at
    - begin_checkout_at is null or any_begin_checkout_at <= begin_checkout_at
    - payment_attempt_at is null or any_payment_attempt_at <= payment_attempt_at
    - purchase_at is null or ordered_at <= purchase_at
incremental:
  by: [shop, handle]
  # Not the visitor: a cart or checkout goes on in another browser, and an order names any of them.
  linked: true
  from:
    events.storefront:
      - [shop, "coalesce('session ' || session_id, 'visitor ' || visitor_id, 'nobody')"]
      - [shop, "'checkout ' || checkout_id"]
      - [shop, "'cart ' || cart_id"]
      - [shop, "'order ' || order_id"]
    events.orders:
      - [shop, "'session ' || session_id"]
      - [shop, "'checkout ' || checkout_id"]
      - [shop, "'cart ' || cart_id"]
      - [shop, "'order ' || order_id"]
    events.payments:
      - [shop, "'checkout ' || checkout_id"]
      - [shop, "'order ' || order_id"]
    marts.sessions:
      - - shop
        - >-
          coalesce(case when session_id = visitor_id || '@' || to_char(started_at, '%Y-%m-%dT%H:%M:%SZ')
          then 'visitor ' || visitor_id else 'session ' || session_id end, 'nobody')
--- */
with
idle_visitors as (
    select *, event_time >= lag(event_time) over earlier + interval '30 minutes' as was_idle,
        lag(event_time) over earlier is null as is_first
    from events.storefront
    where session_id is null
    window earlier as (partition by shop, visitor_id order by event_time, source, event_id)
),
cut_into_visits as (
    select *, max(case when was_idle or is_first then event_time end)
        over (partition by shop, visitor_id order by event_time, source, event_id) as visit_start
    from idle_visitors
),
visits as (
    select shop, session_id, source, event_id, event_time, type, visitor_id, customer_id, cart_id, checkout_id, order_id,
        page_url, referrer, utm_source, utm_medium, utm_campaign, device, country
    from events.storefront
    where session_id is not null
    union all
    select shop, visitor_id || '@' || to_char(visit_start, '%Y-%m-%dT%H:%M:%SZ'), source, event_id, event_time,
        type, visitor_id, customer_id, cart_id, checkout_id, order_id, page_url, referrer, utm_source, utm_medium, utm_campaign,
            device, country
    from cut_into_visits
),
-- By these names the other systems know a visit: an order says its checkout, a payment its order.
handles as (
    select shop, session_id, unnest(make_array('checkout ' || checkout_id, 'cart ' || cart_id, 'order ' ||
        order_id)) as handle, event_time
    from visits
    where checkout_id is not null or cart_id is not null or order_id is not null
    union all
    select shop, session_id, 'session ' || session_id, event_time from visits
),
touches as (
    select shop, handle, session_id, min(event_time) as since
    from handles
    where handle is not null
    group by shop, handle, session_id
),
links_of_orders as (
    select shop, order_id, max(session_id) as session_id, max(checkout_id) as checkout_id, max(cart_id) as cart_id
    from events.orders
    group by shop, order_id
),
told_by_others as (
    select p.shop, p.source, p.event_id, p.event_time, 'payment_attempt' as step, o.session_id,
        coalesce(p.checkout_id, o.checkout_id) as checkout_id, o.cart_id, p.order_id
    from events.payments p left join links_of_orders o on p.shop = o.shop and p.order_id = o.order_id
    where p.type in ('payment.initiated', 'payment.authorized', 'payment.captured', 'payment.failed')
    union all
    select e.shop, e.source, e.event_id, e.event_time, 'purchase', o.session_id, o.checkout_id, o.cart_id, e.order_id
    from events.orders e join links_of_orders o on e.shop = o.shop and e.order_id = o.order_id
    where e.type in ('order.placed', 'order.paid')
),
told_with_handles as (
    select shop, source, event_id, event_time, step,
        unnest(make_array('session ' || session_id, 'checkout ' || checkout_id, 'order ' || order_id,
            'cart ' || cart_id)) as handle,
        unnest(make_array(1, 2, 3, 4)) as preference
    from told_by_others
),
possible_visits as (
    select t.shop, v.session_id, t.event_time, t.step, row_number() over (
        partition by t.shop, t.step, t.source, t.event_id order by t.preference, v.since desc, v.session_id) as choice
    from told_with_handles t
    -- A session and an order have one visit at any time; a cart or checkout only once it was touched.
    join touches v on t.shop = v.shop and t.handle = v.handle and (v.since <= t.event_time or t.preference in (1, 3))
),
steps as (
    select shop, session_id, event_time, case type
        when 'storefront.view_item' then 'product_view'
        when 'storefront.add_to_cart' then 'add_to_cart'
        when 'storefront.begin_checkout' then 'begin_checkout'
        when 'storefront.add_payment_info' then 'payment_attempt'
        when 'storefront.purchase' then 'purchase' end as step
    from visits
    where type in ('storefront.view_item', 'storefront.add_to_cart', 'storefront.begin_checkout',
        'storefront.add_payment_info', 'storefront.purchase')
    union all
    select shop, session_id, event_time, step from possible_visits where choice = 1
),
viewed as (
    select *, min(case when step = 'product_view' then event_time end) over (partition by shop,
        session_id) as product_view_at
    from steps
),
added as (
    select *, min(case when step = 'add_to_cart' and event_time >= product_view_at then event_time end)
        over (partition by shop, session_id) as add_to_cart_at
    from viewed
),
checking_out as (
    select *, min(case when step = 'begin_checkout' and event_time >= add_to_cart_at then event_time end)
        over (partition by shop, session_id) as begin_checkout_at
    from added
),
paying as (
    select *, min(case when step = 'payment_attempt' and event_time >= begin_checkout_at then event_time end)
        over (partition by shop, session_id) as payment_attempt_at
    from checking_out
),
how_far as (
    select shop, session_id, max(product_view_at) as product_view_at, max(add_to_cart_at) as add_to_cart_at,
        max(begin_checkout_at) as begin_checkout_at, max(payment_attempt_at) as payment_attempt_at,
        min(case when step = 'purchase' and event_time >= payment_attempt_at then event_time end) as purchase_at,
        min(case when step = 'purchase' then event_time end) as ordered_at,
        min(case when step = 'add_to_cart' then event_time end) as any_add_to_cart_at,
        min(case when step = 'begin_checkout' then event_time end) as any_begin_checkout_at,
        min(case when step = 'payment_attempt' then event_time end) as any_payment_attempt_at
    from paying
    group by shop, session_id
),
in_order as (
    select *, row_number() over (partition by shop, session_id order by event_time, source, event_id) as place
    from visits
),
described as (
    select shop, session_id, max(visitor_id) as visitor_id, max(customer_id) as customer_id,
        min(event_time) as started_at,
        max(event_time) as ended_at, max(device) as device, max(country) as country, count(*) as events,
        max(case when place = 1 then utm_campaign end) as campaign,
        max(case when place = 1 then page_url end) as landing_page,
        lower(coalesce(max(case when place = 1 then utm_source end), '')) as source,
        lower(coalesce(max(case when place = 1 then utm_medium end), '')) as medium,
        lower(coalesce(regexp_replace(max(case when place = 1 then referrer end), '^https?://(www[.])?([^/]*).*$',
            '\2'), '')) as came_from,
        lower(coalesce(regexp_replace(max(case when place = 1 then page_url end), '^https?://(www[.])?([^/]*).*$',
            '\2'), '')) as own_host
    from in_order
    group by shop, session_id
)
select d.shop, d.session_id, d.visitor_id, d.customer_id, d.started_at, d.ended_at,
    case
        when regexp_like(medium, '^(cpc|cpm|cpv|ppc|paid.*|display|banner|affiliate|ads?)$') then 'paid'
        when regexp_like(medium, '^(e-?mail|newsletter)$') or regexp_like(source,
            '^(e-?mail|newsletter|mailchimp|klaviyo)$') then 'email'
        when regexp_like(medium, '^(social.*|sm)$') then 'social'
        when medium = 'organic' then 'organic'
        when medium = 'referral' then 'referral'
        when regexp_like(coalesce(nullif(source, ''), came_from),
            '(^|[.])(facebook|fb|instagram|tiktok|snapchat|twitter|x|t[.]co|youtube|pinterest|linkedin|whatsapp|telegram)([.]|$)') then 'social'
        when source = '' and regexp_like(came_from,
            '(^|[.])(google|bing|yahoo|duckduckgo|yandex|baidu|ecosia)[.]') then 'organic'
        when source <> '' or came_from not in ('', own_host) then 'referral'
        else 'direct'
    end as channel,
    d.campaign, d.landing_page, d.device, d.country, d.events, h.product_view_at, h.add_to_cart_at,
        h.begin_checkout_at,
    h.payment_attempt_at, h.purchase_at, h.ordered_at, h.any_add_to_cart_at, h.any_begin_checkout_at,
    h.any_payment_attempt_at
from described d left join how_far h on d.shop = h.shop and d.session_id = h.session_id
