/* ---
check: attribution
compare: >
  select shop, day, model, sum(orders) as orders from marts.attribution group by shop, day, model
by: the orders of each day, whole in every model, counted over the events alone
--- */
with
told as (
    select shop, order_id, shop_date(shop, min(event_time)) as day, sum(cardinality(lines)) as lines
    from events.orders
    where type in ('order.placed', 'order.edited')
    group by shop, order_id
),
unsold as (
    select shop, order_id from events.orders where type = 'order.cancelled'
    except
    select shop, order_id from events.orders where type = 'order.paid'
    except
    select shop, order_id from events.payments where type = 'payment.captured'
),
days as (
    select t.shop, t.day, count(*) as orders
    from told t left join unsold u on t.shop = u.shop and t.order_id = u.order_id
    where u.order_id is null and t.lines > 0
    group by t.shop, t.day
),
models as (
    select column1 as model from (values ('first'), ('last'), ('linear'))
)
select d.shop, d.day, m.model, cast(d.orders as decimal(28, 6)) as orders from days d cross join models m
