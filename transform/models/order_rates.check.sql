/* ---
check: order_rates
compare: >
  select shop, order_id, fx_rate from marts.order_rates where fx_rate is not null
by: a join of each day with all earlier rates, of which the newest is kept
--- */
with
days as (
    select shop, order_id, min(event_time) as heard_at,
        min(case when type in ('order.placed', 'order.edited') then event_time end) as placed_at
    from events.orders
    group by shop, order_id
),
tellings as (
    select o.shop, o.order_id, o.currency, row_number() over (partition by o.shop, o.order_id
        order by case when o.type in ('order.placed', 'order.edited') then 0 else 1 end, o.event_time desc,
            case when o.type = 'order.edited' then 0 else 1 end, o.source desc, o.event_id desc) as age
    from events.orders o
    where o.currency is not null
),
orders as (
    select d.shop, d.order_id, shop_date(d.shop, coalesce(d.placed_at, d.heard_at)) as day,
        coalesce(t.currency, s.currency) as currency, s.currency as base
    from days d
    join settings.shops s on d.shop = s.shop
    left join tellings t on d.shop = t.shop and d.order_id = t.order_id and t.age = 1
),
pairs as (
    select distinct day, currency, base from orders where currency <> base
),
newest as (
    select p.day, p.currency, p.base, max(f.date) as date
    from pairs p join settings.fx_rates f on p.currency = f.from_currency and p.base = f.to_currency and f.date <= p.day
    group by p.day, p.currency, p.base
)
select shop, order_id, cast(1 as decimal(28, 10)) as fx_rate from orders where currency = base
union all
select o.shop, o.order_id, cast(f.rate as decimal(28, 10))
from orders o
join newest n on o.day = n.day and o.currency = n.currency and o.base = n.base
join settings.fx_rates f on n.date = f.date and n.currency = f.from_currency and n.base = f.to_currency
