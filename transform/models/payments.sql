/* ---
name: payments
title: Payments
description: >
  Every payment with what came of it. Its outcome is the furthest of its attempts; a payment of which only fees or
  money given back are told is pending. net is captured less refunded less fees: what should reach the bank. settled is
  what payouts say of this payment by name; payouts that name no payment are in reconciliation.
grain: one row a payment
key: [shop, provider, payment_id]
time: started_at
columns:
  shop: The shop
  provider: Who takes the money
  payment_id: The payment
  order_id: The order that is paid
  checkout_id: The checkout that is paid
  method: card, mada, transfer, cod, …
  currency: Currency of the amounts
  started_at: First event of the payment
  attempts: How often it was tried
  outcome: captured, authorized, pending, voided, declined or error
  amount: What was asked
  captured: What was taken
  captured_at: When money was taken first
  refunds: How often money was given back
  refunded: What was given back
  refunded_at: When money was given back last
  disputes: Disputes opened
  disputed: What they are about
  disputed_at: When the first was opened
  dispute_result: What the last closed dispute ended in, in the provider's word
  fee: All fees told with it
  net: captured less refunded less fee
  settled: What payouts say was paid out for it; NULL where none names it
  settled_at: When it was paid out last
  payout_id: The payout that settled it
tests:
  not_null: [started_at, attempts, outcome, captured, refunded, net]
  accepted: {outcome: [captured, authorized, pending, voided, declined, error]}
  at_least_zero: [attempts, refunds, disputes]
--- */
with
told as (
    select shop, provider, payment_id, min(event_time) as started_at,
        min(event_time) filter (where type = 'payment.captured') as captured_at,
        -- A refund that failed later is taken back by its negative.
        sum(case when amount < 0 then -1 else 1 end) filter (where type = 'payment.refunded') as refunds,
        max(event_time) filter (where type = 'payment.refunded') as refunded_at,
        count(distinct coalesce(dispute_id, '')) filter (where type = 'payment.disputed') as disputes,
        sum(amount) filter (where type = 'payment.disputed') as disputed,
        min(event_time) filter (where type = 'payment.disputed') as disputed_at,
        last_value(reason order by event_time, source, event_id)
            filter (where type = 'payment.dispute_closed') as dispute_result,
        sum(amount) filter (where type = 'payment.settled') as settled,
        max(event_time) filter (where type = 'payment.settled') as settled_at,
        max(payout_id) as payout_id
    from events.payments
    where payment_id is not null
    group by shop, provider, payment_id
),
tried as (
    select shop, provider, payment_id, max(order_id) as order_id, max(checkout_id) as checkout_id,
        max(method) as method, max(currency) as currency, count(*) filter (where stage <> 'untold') as attempts,
        max(amount) as amount, sum(captured) as captured, sum(refunded) as refunded, sum(coalesce(fee, 0)) as fee,
        max(case outcome when 'captured' then 6 when 'authorized' then 5 when 'pending' then 4 when 'voided' then 3
            when 'declined' then 2 else 1 end) as furthest
    from marts.payment_attempts
    group by shop, provider, payment_id
)
select t.shop, t.provider, t.payment_id, a.order_id, a.checkout_id, a.method, a.currency, t.started_at,
    coalesce(a.attempts, 0) as attempts,
    case coalesce(a.furthest, 4) when 6 then 'captured' when 5 then 'authorized' when 4 then 'pending'
        when 3 then 'voided' when 2 then 'declined' else 'error' end as outcome,
    a.amount, cast(coalesce(a.captured, 0) as decimal(18, 4)) as captured, t.captured_at,
    coalesce(t.refunds, 0) as refunds, cast(coalesce(a.refunded, 0) as decimal(18, 4)) as refunded, t.refunded_at,
    t.disputes, cast(coalesce(t.disputed, 0) as decimal(18, 4)) as disputed, t.disputed_at, t.dispute_result,
    cast(coalesce(a.fee, 0) as decimal(18, 4)) as fee,
    cast(coalesce(a.captured, 0) - coalesce(a.refunded, 0) - coalesce(a.fee, 0) as decimal(18, 4)) as net,
    cast(t.settled as decimal(18, 4)) as settled, t.settled_at, t.payout_id
from told t
left join tried a on t.shop = a.shop and t.provider = a.provider and t.payment_id = a.payment_id
