/* ---
check: repeat_monthly
compare: >
  select shop, to_char(month, '%Y-%m') as month, customers, repeat_customers, returning_customers from
  marts.repeat_monthly
by: customers of a month joined with their earlier months, over the events alone
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
monthly as (
    select shop, month, customer_id, count(*) as orders from paid group by shop, month, customer_id
),
earlier as (
    select distinct a.shop, a.month, a.customer_id
    from monthly a join monthly b on a.shop = b.shop and a.customer_id = b.customer_id and b.month < a.month
)
select m.shop, m.month, count(*) as customers, sum(case when m.orders >= 2 then 1 else 0 end) as repeat_customers,
    count(e.customer_id) as returning_customers
from monthly m left join earlier e on m.shop = e.shop and m.month = e.month and m.customer_id = e.customer_id
group by m.shop, m.month
