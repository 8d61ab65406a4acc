/* ---
check: funnel_steps_daily
compare: >
  select shop, day, step, open_reached, open_step_rate, case step when 'product_view' then step_rate end as step_rate
  from marts.funnel_steps_daily where step in ('session', 'product_view', 'add_to_cart', 'begin_checkout')
by: distinct visits that show each kind of event on the day of their first event, without the marts of visits and
  without the order of the steps; what the storefront alone tells of
--- */
with
moments as (
    select shop, session_id as visit, visitor_id, event_time, type from events.storefront where session_id is not null
    union all
    -- The start of a visit without a number: the last moment that nothing came before by less than 30 minutes.
    select e.shop, 'v ' || e.visitor_id || to_char(max(s.at), '%s'), e.visitor_id, e.event_time, e.type
    from events.storefront e
    join (
        select a.shop, a.visitor_id, a.event_time as at
        from events.storefront a
        left join events.storefront b on a.shop = b.shop and a.visitor_id = b.visitor_id and b.session_id is null
            and b.event_time < a.event_time and b.event_time > a.event_time - interval '30 minutes'
        where a.session_id is null and b.event_id is null
    ) s on e.shop = s.shop and e.visitor_id = s.visitor_id and s.at <= e.event_time
    where e.session_id is null
    group by e.shop, e.visitor_id, e.source, e.event_id, e.event_time, e.type
),
begun as (
    select shop, visit, shop_date(shop, min(event_time)) as day from moments group by shop, visit
),
counted as (
    select b.shop, b.day, count(distinct b.visit) as visits,
        count(distinct case when m.type = 'storefront.view_item' then b.visit end) as viewed,
        count(distinct case when m.type = 'storefront.add_to_cart' then b.visit end) as added,
        count(distinct case when m.type = 'storefront.begin_checkout' then b.visit end) as checked_out
    from begun b join moments m on b.shop = m.shop and b.visit = m.visit
    group by b.shop, b.day
),
in_rows as (
    select shop, day, 'session' as step, visits as reached, null as before from counted
    union all select shop, day, 'product_view', viewed, visits from counted
    union all select shop, day, 'add_to_cart', added, viewed from counted
    union all select shop, day, 'begin_checkout', checked_out, added from counted
)
select shop, day, step, reached as open_reached,
    case when before > 0 then cast(cast(reached as decimal(18, 6)) / before as decimal(18, 6)) end as open_step_rate,
    case when step = 'product_view' and before > 0
        then cast(cast(reached as decimal(18, 6)) / before as decimal(18, 6)) end as step_rate
from in_rows
