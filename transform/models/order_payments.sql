/* ---
name: order_payments
title: Payment of orders
description: >
  Every order for which money was tried to be taken, from its first attempt on; a checkout or payment that never became
  an order counts as one too, since its buyer wanted to pay. paid: captures reach what the order asks (or, without an
  order, what the attempts asked). Else pending: an attempt is pending, or authorized and not captured yet. Else
  partially_paid, voided (authorized once, then let go) or failed. recovered: paid although the first attempt failed.
  Money given back later does not make an order unpaid.
grain: one row an order, or the checkout or payment that led to none
key: [shop, purchase]
time: first_attempt_at
columns:
  shop: The shop
  purchase: What is paid; the order, else the checkout, else the payment
  order_id: The order, where one came of it
  checkout_id: The checkout
  currency: Currency of the amounts
  amount: What was to be paid
  attempts: Attempts
  first_attempt_at: When the first attempt was made
  first_provider: Provider of the first attempt
  first_method: Method of the first attempt
  first_stage: How the first attempt ended, as payment_attempts has it
  state: paid, pending, partially_paid, voided or failed
  is_first_failed: The first attempt ended without approval
  is_first_paid: The first attempt paid it
  is_recovered: Paid by a later attempt after the first failed
  paid_by: Number of the last attempt that took money, where it is paid
  captured: What was taken
  refunded: What was given back
  fee: What providers keep
  is_disputed: A dispute was opened
  is_cod: Cash on delivery was among the attempts
tests:
  not_null: [attempts, first_attempt_at, first_provider, first_stage, state, is_first_paid, is_recovered]
  accepted: {state: [paid, pending, partially_paid, voided, failed]}
  holds:
    - "not (is_first_paid and is_first_failed) and not (is_recovered and not is_first_failed)"
    - "attempts >= 1"
--- */
with
tried as (
    select shop, purchase, max(order_id) as order_id, max(checkout_id) as checkout_id, count(*) as attempts,
        min(attempted_at) as first_attempt_at,
        max(case when attempt_number = 1 then provider end) as first_provider,
        max(case when attempt_number = 1 then method end) as first_method,
        max(case when attempt_number = 1 then currency end) as currency,
        max(case when attempt_number = 1 then stage end) as first_stage,
        max(amount) as asked,
        bool_or(stage in ('pending', 'authorized')) as is_open, bool_or(stage = 'voided') as was_voided,
        max(case when stage = 'captured' then attempt_number end) as last_captured,
        sum(captured) as captured, sum(refunded) as refunded, sum(coalesce(fee, 0)) as fee,
        sum(disputes) > 0 as is_disputed,
        bool_or(coalesce(method, provider) in ('cod', 'cash_on_delivery')) as is_cod
    from marts.payment_attempts
    where stage <> 'untold'
    group by shop, purchase
),
measured as (
    select t.*, case when o.ordered_total > 0 and o.currency = t.currency then o.ordered_total else t.asked end
        as amount
    from tried t left join marts.orders o on t.shop = o.shop and t.order_id = o.order_id
),
judged as (
    select *,
        case
            when captured > 0 and captured >= coalesce(amount, 0) then 'paid'
            when is_open then 'pending'
            when captured > 0 then 'partially_paid'
            when was_voided then 'voided'
            else 'failed'
        end as state,
        first_stage in ('declined', 'error', 'risk_blocked', 'three_ds_dropoff', 'dropped') as is_first_failed
    from measured
)
select shop, purchase, order_id, checkout_id, currency, cast(amount as decimal(18, 4)) as amount, attempts,
    first_attempt_at, first_provider, first_method, first_stage, state, is_first_failed,
    state = 'paid' and first_stage = 'captured' as is_first_paid,
    state = 'paid' and is_first_failed as is_recovered,
    case when state = 'paid' then last_captured end as paid_by,
    cast(captured as decimal(18, 4)) as captured, cast(refunded as decimal(18, 4)) as refunded,
    cast(fee as decimal(18, 4)) as fee, is_disputed, is_cod
from judged
