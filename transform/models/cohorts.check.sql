/* ---
check: cohorts
compare: >
  select shop, to_char(cohort_month, '%Y-%m') as cohort, to_char(month, '%Y-%m') as month, customers, active from
  marts.cohorts where active > 0
by: a join of each buyer's first month with all months of paid orders, over the events alone
--- */
with
told as (
    select shop, order_id, min(event_time) as placed_at,
        first_value(cardinality(lines) order by event_time desc, type = 'order.edited' desc, source desc,
            event_id desc) as lines
    from events.orders
    where type in ('order.placed', 'order.edited')
    group by shop, order_id
),
owners as (
    select shop, order_id,
        last_value(customer_id order by event_time, type = 'order.edited', source, event_id) as customer_id
    from events.orders
    where customer_id is not null
    group by shop, order_id
),
telling_shops as (
    select distinct shop from events.payments
    union
    select distinct shop from events.orders where type = 'order.paid'
),
money as (
    select shop, order_id from events.orders where type = 'order.paid'
    union
    select shop, order_id from events.payments where type = 'payment.captured' and order_id is not null
    group by shop, order_id having sum(amount) > 0
),
cancelled as (
    select distinct shop, order_id from events.orders where type = 'order.cancelled'
),
paid as (
    select t.shop, w.customer_id, to_char(shop_date(t.shop, t.placed_at), '%Y-%m') as month
    from told t
    join owners w on t.shop = w.shop and t.order_id = w.order_id
    left join money m on t.shop = m.shop and t.order_id = m.order_id
    left join telling_shops s on t.shop = s.shop
    left join cancelled c on t.shop = c.shop and t.order_id = c.order_id
    cross join settings.run r
    where t.lines > 0 and t.placed_at <= r.as_of
        and (m.order_id is not null or (s.shop is null and c.order_id is null))
),
firsts as (
    select shop, customer_id, min(month) as cohort from paid group by shop, customer_id
),
sizes as (
    select shop, cohort, count(*) as customers from firsts group by shop, cohort
),
met as (
    select f.shop, f.cohort, p.month, count(distinct p.customer_id) as active
    from firsts f join paid p on f.shop = p.shop and f.customer_id = p.customer_id
    group by f.shop, f.cohort, p.month
)
select m.shop, m.cohort, m.month, s.customers, m.active
from met m
join sizes s on m.shop = s.shop and m.cohort = s.cohort
cross join settings.run r
where m.month = m.cohort or m.month < to_char(shop_date(m.shop, r.as_of), '%Y-%m')
