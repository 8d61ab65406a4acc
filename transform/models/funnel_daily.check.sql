/* ---
check: funnel_daily
compare: >
  select shop, day, sum(sessions) as sessions, sum(product_view) as product_view, sum(add_to_cart) as add_to_cart,
  sum(open_add_to_cart) as open_add_to_cart, sum(open_begin_checkout) as open_begin_checkout from marts.funnel_daily
  group by shop, day
by: first and last times a visit, without the mart of visits; an add to the cart counts when the last one is not
  before the first view
--- */
with
loose as (
    select distinct shop, visitor_id, event_time from events.storefront where session_id is null
),
not_starts as (
    select distinct a.shop, a.visitor_id, a.event_time
    from loose a join loose b on a.shop = b.shop and a.visitor_id = b.visitor_id
        and b.event_time < a.event_time and b.event_time > a.event_time - interval '30 minutes'
),
starts as (
    select * from loose except select * from not_starts
),
start_of_moment as (
    select m.shop, m.visitor_id, m.event_time, max(s.event_time) as started_at
    from loose m join starts s on m.shop = s.shop and m.visitor_id = s.visitor_id and s.event_time <= m.event_time
    group by m.shop, m.visitor_id, m.event_time
),
visited as (
    select shop, 'n ' || session_id as visit, event_time, type from events.storefront where session_id is not null
    union all
    select e.shop, 'v ' || e.visitor_id || to_char(s.started_at, '%s'), e.event_time, e.type
    from events.storefront e
    join start_of_moment s on e.shop = s.shop and e.visitor_id = s.visitor_id and e.event_time = s.event_time
    where e.session_id is null
),
visits as (
    select shop, visit, min(event_time) as started_at,
        min(case when type = 'storefront.view_item' then event_time end) as first_view,
        max(case when type = 'storefront.add_to_cart' then event_time end) as last_add,
        bool_or(type = 'storefront.begin_checkout') as checked_out
    from visited
    group by shop, visit
)
select shop, shop_date(shop, started_at) as day, count(*) as sessions, count(first_view) as product_view,
    sum(case when last_add >= first_view then 1 else 0 end) as add_to_cart, count(last_add) as open_add_to_cart,
    sum(case when checked_out then 1 else 0 end) as open_begin_checkout
from visits
group by shop, shop_date(shop, started_at)
