/* ---
check: sessions
compare: >
  select shop, count(*) as visits, sum(events) as events, count(product_view_at) as product_view,
  count(add_to_cart_at) as add_to_cart, count(begin_checkout_at) as begin_checkout from marts.sessions group by shop
by: joins instead of windows; a visit starts where nothing happened in the 30 minutes before, and each step is the
  first at or after the one before
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
views as (
    select shop, visit, min(event_time) as at from visited where type = 'storefront.view_item' group by shop, visit
),
adds as (
    select v.shop, v.visit, min(v.event_time) as at
    from visited v join views p on v.shop = p.shop and v.visit = p.visit and v.event_time >= p.at
    where v.type = 'storefront.add_to_cart'
    group by v.shop, v.visit
),
checkouts as (
    select v.shop, v.visit, min(v.event_time) as at
    from visited v join adds a on v.shop = a.shop and v.visit = a.visit and v.event_time >= a.at
    where v.type = 'storefront.begin_checkout'
    group by v.shop, v.visit
),
visits as (
    select shop, visit, count(*) as events from visited group by shop, visit
)
select v.shop, count(*) as visits, sum(v.events) as events, count(p.at) as product_view, count(a.at) as add_to_cart,
    count(c.at) as begin_checkout
from visits v
left join views p on v.shop = p.shop and v.visit = p.visit
left join adds a on v.shop = a.shop and v.visit = a.visit
left join checkouts c on v.shop = c.shop and v.visit = c.visit
group by v.shop
