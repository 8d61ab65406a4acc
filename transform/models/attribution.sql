/* ---
name: attribution
title: Sales by channel and campaign
description: >
  Orders and net sales given to the channels that led to them, in three ways (model): first gives an order to the first
  visit of its buyer in the 30 days before it, last to the last one, linear in equal parts to all of them, exact to the
  minor unit with the rest at the last visit (order_touches says which visits are the buyer's). Direct visits count as
  any other. Orders count on the shop's day on which they were placed, with their net sales after all that came back of
  them; orders without any visit are under unknown. In each model a day has the same orders and net sales in all.
grain: one row a shop, day, model, channel, campaign and currency
key: [shop, day, model, channel, campaign, currency]
time: day
columns:
  shop: The shop
  day: Day of the orders in the shop's time zone
  model: first, last or linear
  channel: Where the visit came from; unknown where there is none
  campaign: Campaign of the visit; empty where it had none
  currency: Currency of net_sales
  orders: Orders given to it; parts of orders in the linear model
  net_sales: Net sales given to it
tests:
  accepted:
    model: [first, last, linear]
    channel: [paid, email, social, organic, referral, direct, unknown]
  holds: [orders > 0]
incremental:
  by: [shop, day]
  from:
    marts.order_touches: [shop, day]
--- */
with
given as (
    select shop, day, 'first' as model, channel, campaign, currency, 1 as orders, net_sales
    from marts.order_touches
    where touch_number = 1
    union all
    select shop, day, 'last', channel, campaign, currency, 1, net_sales
    from marts.order_touches
    where touch_number = touches
    union all
    select shop, day, 'linear', channel, campaign, currency, linear_orders, linear_net_sales from marts.order_touches
)
select shop, day, model, channel, campaign, currency,
    cast(sum(orders) as decimal(18, 6)) as orders,
    cast(sum(net_sales) as decimal(18, 4)) as net_sales
from given
group by shop, day, model, channel, campaign, currency
