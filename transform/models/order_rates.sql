/* ---
name: order_rates
title: Exchange rates of orders
description: >
  The rate at which each order is converted into its shop's base currency: the latest of settings.fx_rates on or before
  the shop's day on which the order was placed. It is frozen there; what comes back later is converted at the same
  rate. NULL where no rate is known for the pair on that day; rates are never turned round. An order in the base
  currency itself has the rate 1, and its amounts are not rounded.
grain: one row an order
key: [shop, order_id]
time: day
columns:
  shop: The shop
  order_id: The order
  day: Day in the shop's time zone on which it was placed, or first heard of
  currency: Currency of the order
  base_currency: Currency of the shop
  fx_rate: Units of base_currency for one unit of currency
  fx_date: Day from which the rate holds
  base_steps: Parts of one unit of base_currency that amounts are rounded to (100 for cents); 10000, the precision of
    every amount, where nothing is converted
tests:
  not_null: [day, base_steps]
  accepted: {base_steps: ["1", "100", "1000", "10000"]}
  holds:
    - fx_rate is null or fx_rate > 0
    - fx_date is null or fx_date <= day
    - currency <> base_currency or fx_rate = 1
incremental:
  by: [shop, order_id]
  from:
    events.orders: [shop, order_id]
--- */
with
told as (
    select shop, order_id,
        shop_date(shop, coalesce(min(event_time) filter (where type in ('order.placed', 'order.edited')),
            min(event_time))) as day,
        last_value(currency order by event_time, type = 'order.edited', source, event_id)
            filter (where type in ('order.placed', 'order.edited') and currency is not null) as ordered_currency,
        last_value(currency order by event_time, type = 'order.edited', source, event_id)
            filter (where currency is not null) as any_currency
    from events.orders
    group by shop, order_id
),
wanted as (
    select t.shop, t.order_id, t.day, coalesce(t.ordered_currency, t.any_currency, s.currency) as currency,
        s.currency as base_currency
    from told t left join settings.shops s on t.shop = s.shop
),
-- Rates and orders of a pair in one line of time: each order finds the rate before it, that of its own day included.
in_line as (
    select from_currency as currency, to_currency as base_currency, date as day, false as is_order, rate,
        date as fx_date, null as shop, null as order_id
    from settings.fx_rates
    union all
    select currency, base_currency, day, true, null, null, shop, order_id from wanted
),
found as (
    select *, last_value(rate) ignore nulls over before as last_rate,
        last_value(fx_date) ignore nulls over before as last_fx_date
    from in_line
    window before as (partition by currency, base_currency order by day, is_order
        rows between unbounded preceding and current row)
)
select f.shop, f.order_id, f.day, f.currency, f.base_currency,
    cast(case when f.currency = f.base_currency then 1 else f.last_rate end as decimal(28, 10)) as fx_rate,
    case when f.currency = f.base_currency then f.day else f.last_fx_date end as fx_date,
    cast(case
        when f.currency = f.base_currency then 10000
        else case c.exponent when 0 then 1 when 3 then 1000 when 4 then 10000 else 100 end
    end as bigint) as base_steps
from found f left join settings.currencies c on f.base_currency = c.currency
where f.is_order
