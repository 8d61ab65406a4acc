/* ---
check: customers
compare: >
  select shop, count(*) as customers, count(first_order_at) as buyers, sum(orders) as orders, count(case when is_repeat
  then 1 end) as repeaters from marts.customers group by shop
by: who the events of orders name last, and which of these orders were paid, counted over the events alone
--- */
with
owners as (
    select shop, order_id, customer_id, row_number() over (partition by shop, order_id
        order by event_time desc, type = 'order.edited' desc, source desc, event_id desc) as age
    from events.orders
    where customer_id is not null
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
-- An order is sold as its newest telling has it: with lines or not.
lined as (
    select shop, order_id,
        first_value(cardinality(lines) order by event_time desc, type = 'order.edited' desc, source desc,
            event_id desc) as lines
    from events.orders
    where type in ('order.placed', 'order.edited')
    group by shop, order_id
),
cancelled as (
    select distinct shop, order_id from events.orders where type = 'order.cancelled'
),
bought as (
    select o.shop, o.customer_id, o.order_id,
        coalesce(l.lines, 0) > 0 and (m.order_id is not null or (s.shop is null and c.order_id is null)) as is_paid
    from owners o
    left join lined l on o.shop = l.shop and o.order_id = l.order_id
    left join money m on o.shop = m.shop and o.order_id = m.order_id
    left join telling_shops s on o.shop = s.shop
    left join cancelled c on o.shop = c.shop and o.order_id = c.order_id
    where o.age = 1
),
one_each as (
    select shop, customer_id, count(case when is_paid then 1 end) as orders from bought group by shop, customer_id
)
select shop, count(*) as customers, count(case when orders > 0 then 1 end) as buyers, sum(orders) as orders,
    count(case when orders >= 2 then 1 end) as repeaters
from one_each
group by shop
