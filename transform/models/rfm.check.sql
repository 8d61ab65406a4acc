/* ---
check: rfm
compare: >
  select shop, customer_id, recency_days, frequency, r, f from marts.rfm
by: paid orders of the events, and scores by counting the distinct values below, one by one
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
    select t.shop, w.customer_id, shop_date(t.shop, t.placed_at) as day
    from told t
    join owners w on t.shop = w.shop and t.order_id = w.order_id
    left join money m on t.shop = m.shop and t.order_id = m.order_id
    left join telling_shops s on t.shop = s.shop
    left join cancelled c on t.shop = c.shop and t.order_id = c.order_id
    cross join settings.run r
    where t.lines > 0 and t.placed_at <= r.as_of
        and (m.order_id is not null or (s.shop is null and c.order_id is null))
),
scored_days as (
    select p.shop, case when shop_date(p.shop, r.as_of) - max(p.day) < 365 then shop_date(p.shop, r.as_of)
        else max(p.day) end as day
    from paid p cross join settings.run r
    group by p.shop, r.as_of
),
measured as (
    select p.shop, p.customer_id, min(d.day - p.day) as recency_days,
        sum(case when d.day - p.day < 365 then 1 else 0 end) as frequency
    from paid p join scored_days d on p.shop = d.shop
    group by p.shop, p.customer_id
),
sizes as (
    select shop, count(*) as n from measured group by shop
),
recencies as (
    select shop, recency_days, count(*) as n from measured group by shop, recency_days
),
frequencies as (
    select shop, frequency, count(*) as n from measured group by shop, frequency
),
r_scores as (
    select a.shop, a.recency_days, coalesce(sum(b.n), 0) as below
    from recencies a left join recencies b on a.shop = b.shop and b.recency_days > a.recency_days
    group by a.shop, a.recency_days
),
f_scores as (
    select a.shop, a.frequency, coalesce(sum(b.n), 0) as below
    from frequencies a left join frequencies b on a.shop = b.shop and b.frequency < a.frequency
    group by a.shop, a.frequency
)
select m.shop, m.customer_id, m.recency_days, m.frequency,
    least(5, cast(1 + floor(5.0 * r.below / s.n) as bigint)) as r,
    least(5, cast(1 + floor(5.0 * f.below / s.n) as bigint)) as f
from measured m
join sizes s on m.shop = s.shop
join r_scores r on m.shop = r.shop and m.recency_days = r.recency_days
join f_scores f on m.shop = f.shop and m.frequency = f.frequency
