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
    select shop, session_id, source, event_id, event_time, type, visitor_id, customer_id, cart_id, checkout_id,
        order_id,
        page_url, referrer, utm_source, utm_medium, utm_campaign, device, country
    from events.storefront
    where session_id is not null
    union all
    select shop, visitor_id || '@' || to_char(visit_start, '%Y-%m-%dT%H:%M:%SZ'), source, event_id, event_time,
        type, visitor_id, customer_id, cart_id, checkout_id, order_id, page_url, referrer, utm_source, utm_medium,
        utm_campaign, device, country
    from cut_into_visits
),
-- By these names the other systems know a visit: an order says its checkout, a payment its order.
touches as (
    select shop, 'checkout' as kind, checkout_id as handle, session_id, min(event_time) as since
    from visits
    where checkout_id is not null
    group by shop, checkout_id, session_id
    union all
    select shop, 'cart', cart_id, session_id, min(event_time)
    from visits
    where cart_id is not null
    group by shop, cart_id, session_id
    union all
    select shop, 'order', order_id, session_id, min(event_time)
    from visits
    where order_id is not null
    group by shop, order_id, session_id
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
        unnest(make_array('checkout', 'order', 'cart')) as kind,
        unnest(make_array(checkout_id, order_id, cart_id)) as handle,
        unnest(make_array(2, 3, 4)) as preference
    from told_by_others
),
possible_visits as (
    select t.shop, t.session_id, t.event_time, t.step, row_number() over (
        partition by t.shop, t.step, t.source, t.event_id order by t.preference, t.since desc, t.session_id) as choice
    from (
        select t.shop, t.source, t.event_id, t.event_time, t.step, t.preference, v.session_id, v.since
        from told_with_handles t
        -- An order has one visit at any time; a cart or checkout only once it was touched.
        join touches v on t.shop = v.shop and t.kind = v.kind and t.handle = v.handle
            and (v.since <= t.event_time or t.preference = 3)
        union all
        select t.shop, t.source, t.event_id, t.event_time, t.step, 1 as preference, t.session_id, t.event_time as since
        from told_by_others t left semi join visits v on t.shop = v.shop and t.session_id = v.session_id
    ) t
),
-- Most events are views, and of these the first of a visit is all that counts.
first_views as (
    select shop, session_id, min(event_time) as product_view_at
    from visits
    where type = 'storefront.view_item'
    group by shop, session_id
),
later_steps as (
    select shop, session_id, event_time, case type
        when 'storefront.add_to_cart' then 'add_to_cart'
        when 'storefront.begin_checkout' then 'begin_checkout'
        when 'storefront.add_payment_info' then 'payment_attempt'
        when 'storefront.purchase' then 'purchase' end as step
    from visits
    where type in ('storefront.add_to_cart', 'storefront.begin_checkout', 'storefront.add_payment_info',
        'storefront.purchase')
    union all
    select shop, session_id, event_time, step from possible_visits where choice = 1
),
viewed as (
    select l.shop, l.session_id, l.event_time, l.step, f.product_view_at
    from later_steps l left join first_views f on l.shop = f.shop and l.session_id = f.session_id
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
    select shop, session_id, max(add_to_cart_at) as add_to_cart_at, max(begin_checkout_at) as begin_checkout_at,
        max(payment_attempt_at) as payment_attempt_at,
        min(case when step = 'purchase' and event_time >= payment_attempt_at then event_time end) as purchase_at,
        min(case when step = 'purchase' then event_time end) as ordered_at,
        min(case when step = 'add_to_cart' then event_time end) as any_add_to_cart_at,
        min(case when step = 'begin_checkout' then event_time end) as any_begin_checkout_at,
        min(case when step = 'payment_attempt' then event_time end) as any_payment_attempt_at
    from paying
    group by shop, session_id
),
described as (
    select shop, session_id, max(visitor_id) as visitor_id, max(customer_id) as customer_id,
        min(event_time) as started_at, max(event_time) as ended_at, max(device) as device, max(country) as country,
        count(*) as events
    from visits
    group by shop, session_id
),
-- The events at the first moment of each visit, of which the first tells where it came from.
openings as (
    select v.shop, v.session_id, v.page_url, v.referrer, v.utm_source, v.utm_medium, v.utm_campaign,
        row_number() over (partition by v.shop, v.session_id order by v.source, v.event_id) as place
    from visits v join described d on v.shop = d.shop and v.session_id = d.session_id and v.event_time = d.started_at
),
origins as (
    select shop, session_id, utm_campaign as campaign, page_url as landing_page,
        lower(coalesce(utm_source, '')) as source, lower(coalesce(utm_medium, '')) as medium,
        lower(coalesce(regexp_replace(referrer, '^https?://(www[.])?([^/]*).*$', '\2'), '')) as came_from,
        lower(coalesce(regexp_replace(page_url, '^https?://(www[.])?([^/]*).*$', '\2'), '')) as own_host
    from openings
    where place = 1
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
    o.campaign, o.landing_page, d.device, d.country, d.events, f.product_view_at, h.add_to_cart_at,
        h.begin_checkout_at,
    h.payment_attempt_at, h.purchase_at, h.ordered_at, h.any_add_to_cart_at, h.any_begin_checkout_at,
    h.any_payment_attempt_at
from described d
join origins o on d.shop = o.shop and d.session_id = o.session_id
left join first_views f on d.shop = f.shop and d.session_id = f.session_id
left join how_far h on d.shop = h.shop and d.session_id = h.session_id
