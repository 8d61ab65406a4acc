/* ---
name: reconciliation
title: Reconciliation
description: >
  What does not agree between orders, payments, payouts and stock, now; a row goes when it agrees again.
  paid_without_order: money was taken, not given back, and an hour later no order is known of it.
  order_paid_without_payment: an order told paid, not in cash, of which no payment took money, in a shop that tells of
  payments. amount_differs: what was
  taken, before or after refunds, is neither what the order asks nor was it asked otherwise while an attempt is open.
  currency_differs: the payment is in another currency than the order. captured_twice: two attempts of one order took
  money, and together more than it asks. refund_above_capture: more was given back than taken. sold_below_zero: stock on
  hand is below zero. settlement_differs: what payouts say of a payment is not captured less refunded less fees, or
  what a payout says in all is not the sum of the payments that name it. Whether every paid order has an invoice is not
  here: invoices are no events and live in operations, which tells it.
grain: one row a disagreement
key: [shop, check_name, subject]
time: since
columns:
  shop: The shop
  check_name: Which of the checks
  subject: The order, payment, payout or product that disagrees
  order_id: The order, where there is one
  expected: What should be
  found: What is
  difference: found less expected, where both are amounts or pieces
  currency: Currency of the difference, where it is an amount
  since: Since when
tests:
  not_null: [check_name, subject, expected, found, since]
  accepted:
    check_name: [paid_without_order, order_paid_without_payment, amount_differs, currency_differs, captured_twice,
      refund_above_capture, sold_below_zero, settlement_differs]
--- */
with
known_orders as (
    select distinct shop, order_id from events.orders where type in ('order.placed', 'order.edited')
),
of_payment as (
    select p.*, coalesce(u.exponent, 2) as decimals
    from marts.payments p left join settings.currencies u on p.currency = u.currency
),
money as (
    select shop, order_id, min(currency) as currency, min(currency) <> max(currency) as is_mixed,
        sum(captured) as captured, sum(refunded) as refunded, max(captured_at) as captured_at
    from marts.payments
    where order_id is not null
    group by shop, order_id
),
tries as (
    select shop, order_id, count(*) filter (where captured > 0) as captures,
        bool_or(stage in ('pending', 'authorized')) as is_open,
        max(case when captured > 0 then captured_at end) as last_captured_at
    from marts.payment_attempts
    where order_id is not null
    group by shop, order_id
),
orders as (
    select o.shop, o.order_id, o.currency, o.ordered_total, o.status, o.payment_method, o.placed_at,
        m.currency as paid_currency, m.is_mixed, coalesce(m.captured, 0) as captured,
        coalesce(m.refunded, 0) as refunded, m.captured_at, t.captures, coalesce(t.is_open, false) as is_open,
        t.last_captured_at, o.paid_at, coalesce(u.exponent, 2) as decimals
    from marts.orders o
    left join money m on o.shop = m.shop and o.order_id = m.order_id
    left join tries t on o.shop = t.shop and o.order_id = t.order_id
    left join settings.currencies u on o.currency = u.currency
    where o.ordered_total > 0 and (o.status <> 'cancelled' or m.captured > 0 or o.paid_at is not null)
),
stock as (
    select shop, sku, location, from_time, to_time, on_hand,
        max(case when on_hand >= 0 then from_time end) over (partition by shop, sku, location) as last_sound_at,
        min(from_time) over (partition by shop, sku, location) as known_from
    from marts.stock_levels
),
below as (
    select shop, sku, location, min(from_time) as since, max(case when to_time is null then on_hand end) as on_hand
    from stock
    where on_hand < 0 and (last_sound_at is null or from_time > last_sound_at)
    group by shop, sku, location
    having max(case when to_time is null then on_hand end) < 0
),
-- A payout is told as a whole by a settlement without a payment; its parts by payments that name it.
payouts as (
    select shop, provider, payout_id, min(currency) as currency, sum(amount) as amount, max(event_time) as settled_at
    from events.payments
    where type = 'payment.settled' and payout_id is not null and payment_id is null
    group by shop, provider, payout_id
),
parts as (
    select shop, provider, payout_id, sum(coalesce(settled, net)) as amount, min(currency) as currency,
        min(currency) <> max(currency) as is_mixed
    from marts.payments
    where payout_id is not null
    group by shop, provider, payout_id
),
found as (
    select p.shop, 'paid_without_order' as check_name, p.provider || ' payment ' || p.payment_id as subject, p.order_id,
        cast(null as decimal(18, 4)) as expected_amount, p.captured - p.refunded as found_amount,
        case when p.order_id is null then 'an order' else 'order ' || p.order_id end as expected_words,
        cast(null as varchar) as found_words, p.currency, p.decimals, p.captured_at as since
    from of_payment p
    cross join settings.run r
    left join known_orders k on p.shop = k.shop and p.order_id = k.order_id
    where p.captured > p.refunded and k.order_id is null and p.captured_at + interval '1 hour' <= r.as_of
    union all
    select shop, 'order_paid_without_payment', 'order ' || order_id, order_id, ordered_total, 0, null, null, currency,
        decimals, paid_at
    from orders
    where paid_at is not null and captured = 0 and ordered_total > 0
        and coalesce(payment_method, '') not in ('cod', 'cash_on_delivery')
        and shop in (select shop from marts.payments where captured > 0)
    union all
    select shop, 'amount_differs', 'order ' || order_id, order_id, ordered_total, captured, null, null, currency,
        decimals, captured_at
    from orders
    where captured > 0 and captured <> ordered_total and captured - refunded <> ordered_total and ordered_total > 0
        and not is_open and not is_mixed and paid_currency = currency and status <> 'cancelled'
    union all
    select shop, 'currency_differs', 'order ' || order_id, order_id, null, null, currency as expected_words,
        case when is_mixed then 'several' else paid_currency end, cast(null as varchar) as no_currency, decimals,
        captured_at
    from orders
    where captured > 0 and (is_mixed or paid_currency <> currency)
    union all
    select shop, 'captured_twice', 'order ' || order_id, order_id, ordered_total, captured, null, null, currency,
        decimals, last_captured_at
    from orders
    where captures > 1 and captured > ordered_total and ordered_total > 0 and not is_mixed
        and paid_currency = currency
    union all
    select shop, 'refund_above_capture', provider || ' payment ' || payment_id, order_id, captured, refunded, null,
        null, currency, decimals, refunded_at
    from of_payment
    where refunded > captured
    union all
    select shop, 'sold_below_zero', sku || ' at ' || location, null, 0, on_hand, null, null, null, 4, since
    from below
    union all
    select shop, 'settlement_differs', provider || ' payment ' || payment_id, order_id, net, settled, null, null,
        currency, decimals, settled_at
    from of_payment
    where settled is not null and settled <> net
    union all
    select o.shop, 'settlement_differs', o.provider || ' payout ' || o.payout_id, null, p.amount, o.amount, null, null,
        o.currency, coalesce(u.exponent, 2), o.settled_at
    from payouts o
    join parts p on o.shop = p.shop and o.provider = p.provider and o.payout_id = p.payout_id
    left join settings.currencies u on o.currency = u.currency
    where not p.is_mixed and p.currency = o.currency and p.amount <> o.amount
),
-- Amounts with the decimals of their currency, and pieces without zeros at the end.
worded as (
    select *,
        case decimals when 0 then cast(cast(expected_amount as decimal(18, 0)) as varchar)
            when 2 then cast(cast(expected_amount as decimal(18, 2)) as varchar)
            when 3 then cast(cast(expected_amount as decimal(18, 3)) as varchar)
            else rtrim(rtrim(cast(cast(expected_amount as decimal(18, 4)) as varchar), '0'), '.') end as expected_text,
        case decimals when 0 then cast(cast(found_amount as decimal(18, 0)) as varchar)
            when 2 then cast(cast(found_amount as decimal(18, 2)) as varchar)
            when 3 then cast(cast(found_amount as decimal(18, 3)) as varchar)
            else rtrim(rtrim(cast(cast(found_amount as decimal(18, 4)) as varchar), '0'), '.') end as found_text,
        case when currency is null then '' else ' ' || currency end as unit
    from found
)
select shop, check_name, subject, order_id, coalesce(expected_words, expected_text || unit) as expected,
    coalesce(found_words, found_text || unit) as found,
    cast(found_amount - expected_amount as decimal(18, 4)) as difference, currency, since
from worded
