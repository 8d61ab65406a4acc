/* ---
name: payment_attempts
title: Payment attempts
description: >
  Every try to take money, with how it ended: the furthest it came, captured over voided over authorized over failed.
  A capture that was taken back in full is none. An event that names no attempt belongs to the attempt of its payment
  before it, else to the one after it, else the payment is one attempt. A failure is declined when somebody gave a
  reason for refusing, and an error when the reason is technical, the shop's own mistake or missing. stage tells the
  same finer, for the rates: risk_blocked is a refusal as fraud without a code of the card network, so before it;
  three_ds_dropoff ended in 3-D Secure; dropped was cancelled before an answer, or never answered within a day (30 days
  for cash, transfers and vouchers); until then it is pending; untold has only fees or money given back. fee is the sum
  of the fees told with the attempt, without payouts. An order is known by the attempt, its payment or its checkout.
grain: one row an attempt
key: [shop, provider, attempt_id]
time: attempted_at
columns:
  shop: The shop
  attempt_id: The attempt, or the payment where the provider numbers no attempts
  payment_id: The payment
  order_id: The order that is paid
  checkout_id: The checkout that is paid
  provider: Who takes the money
  method: card, mada, transfer, cod, …
  card_brand: Brand of the card
  card_country: Country of the card's issuer
  card_funding: credit, debit or prepaid
  attempted_at: First event of the attempt
  authorized_at: When it was authorized first; when captured, where that was not told
  captured_at: When money was taken first
  outcome: captured, authorized, declined, error, voided or pending
  stage: "captured, voided, authorized, risk_blocked, three_ds_dropoff, dropped, declined, error, pending or untold"
  is_authorized: The issuer approved it, whatever came after
  three_ds: "Last told result of 3-D Secure: authenticated, attempted, failed, abandoned, exempt"
  amount: What was asked; of the payment where the attempt does not tell
  captured: What was taken
  refunded: What was given back
  disputes: Disputes opened
  disputed: What they are about
  currency: Currency of the amounts
  fee: What the provider keeps, all its fees together
  processing_fee: The part for taking the money; NULL where none was told
  fee_credits: The part that the provider gave back, at or above zero
  refund_fees: The part for giving money back
  chargeback_fees: The part for disputes
  decline_code: The provider's own code of the last failure
  network_code: The card network's code of the last failure
  advice_code: The network's advice of the last failure
  decline_class: "hard (never retry), soft, action_required (the customer must do something), fraud, merchant_error,
    technical or unclassified, by settings.decline_codes: by advice code, then network code, then the provider's code"
  decline_version: Edition of the row of settings.decline_codes that decided; NULL where no row knows the codes
  retry_after: How long to wait before the next try, where that helps
  purchase: What is paid; the order, else the checkout, else the payment
  attempt_number: First, second, … attempt for the purchase
tests:
  not_null: [attempted_at, outcome, stage, is_authorized, purchase, attempt_number]
  accepted:
    outcome: [captured, authorized, declined, error, voided, pending]
    stage: [captured, voided, authorized, risk_blocked, three_ds_dropoff, dropped, declined, error, pending, untold]
    decline_class: [hard, soft, action_required, fraud, merchant_error, technical, unclassified]
  at_least_zero: [fee_credits, refund_fees]
  holds:
    - "coalesce(fee, 0) = coalesce(processing_fee, 0) - fee_credits + refund_fees + chargeback_fees"
    - "outcome not in ('captured', 'authorized') or is_authorized"
incremental:
  by: [shop, handle]
  # An attempt without a number bears that of its payment, and the attempts of one order are counted together.
  linked: true
  from:
    events.orders:
      - [shop, "'checkout ' || checkout_id"]
      - [shop, "'order ' || order_id"]
    events.payments:
      - [shop, "'payment ' || provider || ' ' || payment_id"]
      - [shop, "'payment ' || provider || ' ' || attempt_id"]
      - [shop, "'order ' || order_id"]
      - [shop, "'checkout ' || checkout_id"]
    marts.payment_attempts: [shop, "'payment ' || provider || ' ' || payment_id"]
  open: stage = 'pending'
--- */
with
in_time as (
    select *, row_number() over (partition by shop, provider, payment_id order by event_time, source, event_id) as place
    from events.payments
    where payment_id is not null
),
named as (
    select *, coalesce(attempt_id,
        last_value(attempt_id) ignore nulls over (
            partition by shop, provider, payment_id order by place rows between unbounded preceding
                and current row),
        first_value(attempt_id) ignore nulls over (
            partition by shop, provider, payment_id order by place rows between current row
                and unbounded following),
        payment_id) as attempt,
        -- Of what the fee is. A dispute's fee given back makes that of the dispute less, any other is a credit.
        case
            when fee is null then null
            when dispute_id is not null or type in ('payment.disputed', 'payment.dispute_closed') then 'chargeback'
            when fee < 0 then 'credit'
            when refund_id is not null or type = 'payment.refunded' then 'refund'
            else 'processing'
        end as fee_kind
    from in_time
),
attempts as (
    select shop, provider, attempt as attempt_id, max(payment_id) as payment_id, max(order_id) as order_id,
        max(checkout_id) as checkout_id, max(method) as method, max(card['brand']) as card_brand,
        max(card['country']) as card_country, max(card['funding']) as card_funding,
        min(event_time) as attempted_at,
        min(event_time) filter (where type in ('payment.authorized', 'payment.captured')) as authorized_at,
        min(event_time) filter (where type = 'payment.captured') as captured_at,
        bool_or(type = 'payment.captured') as has_captured,
        coalesce(bool_or(type = 'payment.captured' and amount < 0), false) as has_taken_back,
        bool_or(type in ('payment.authorized', 'payment.captured')) as was_authorized,
        bool_or(type = 'payment.voided') as was_voided,
        bool_or(type = 'payment.failed') as has_failed, bool_or(type = 'payment.initiated') as was_initiated,
        max(amount) filter (where type = 'payment.initiated') as asked,
        max(amount) filter (where type = 'payment.authorized') as authorized,
        max(amount) filter (where type = 'payment.failed') as failed,
        sum(amount) filter (where type = 'payment.captured') as captured,
        sum(amount) filter (where type = 'payment.refunded') as refunded,
        count(distinct coalesce(dispute_id, '')) filter (where type = 'payment.disputed') as disputes,
        sum(amount) filter (where type = 'payment.disputed') as disputed,
        max(currency) as currency, sum(fee) as fee,
        sum(fee) filter (where fee_kind = 'processing') as processing_fee,
        sum(-fee) filter (where fee_kind = 'credit') as fee_credits,
        sum(fee) filter (where fee_kind = 'refund') as refund_fees,
        sum(fee) filter (where fee_kind = 'chargeback') as chargeback_fees,
        last_value(three_ds order by event_time, source, event_id) filter (where three_ds is not null) as three_ds,
        last_value(decline['code'] order by event_time, source, event_id)
            filter (where type = 'payment.failed') as decline_code,
        last_value(decline['network_code'] order by event_time, source, event_id)
            filter (where type = 'payment.failed') as network_code,
        last_value(decline['advice_code'] order by event_time, source, event_id)
            filter (where type = 'payment.failed') as advice_code
    from named
    where type <> 'payment.settled'
    group by shop, provider, attempt
),
-- Every code that a failure ever came with; the last one of each attempt is among them.
codes as (
    select distinct provider, coalesce(lower(decline['code']), '') as raw,
        coalesce(decline['network_code'], '') as network, coalesce(decline['advice_code'], '') as advice
    from events.payments
    where type = 'payment.failed'
        and coalesce(decline['code'], decline['network_code'], decline['advice_code']) is not null
),
meanings as (
    select c.provider, c.raw, c.network, c.advice, t.class, t.version, t.retry_after,
        row_number() over (partition by c.provider, c.raw, c.network, c.advice order by
            t.advice_code = '*', t.network_code = '*', t.raw_code = '*', t.provider = '*', t.version desc) as choice
    from codes c join settings.decline_codes t
        on (t.provider = '*' or t.provider = c.provider) and (t.advice_code = '*' or t.advice_code = c.advice)
        and (t.network_code = '*' or t.network_code = c.network) and (t.raw_code = '*' or t.raw_code = c.raw)
    where t.advice_code <> '*' or t.network_code <> '*' or t.raw_code <> '*'
),
classified as (
    select a.*, m.version as decline_version, m.retry_after,
        case
            when not a.has_failed then null
            when coalesce(a.decline_code, a.network_code, a.advice_code) is null then 'technical'
            else coalesce(m.class, 'unclassified')
        end as decline_class,
        a.has_captured and not (a.has_taken_back and a.captured <= 0) as was_captured
    from attempts a left join meanings m on m.choice = 1 and a.provider = m.provider
        and coalesce(lower(a.decline_code), '') = m.raw and coalesce(a.network_code, '') = m.network
        and coalesce(a.advice_code, '') = m.advice
),
ended as (
    select c.*, was_authorized as is_authorized,
        case
            when was_captured then 'captured'
            when was_voided then 'voided'
            when was_authorized then 'authorized'
            when decline_class in ('technical', 'merchant_error') then 'error'
            when has_failed then 'declined'
            else 'pending'
        end as outcome,
        not (has_captured or was_authorized or was_voided or has_failed or was_initiated) as is_untold,
        attempted_at + case when coalesce(method, provider) in ('cod', 'cash_on_delivery', 'cash', 'transfer',
            'bank_transfer', 'voucher') then interval '30 days' else interval '1 day' end <= r.as_of as is_overdue
    from classified c cross join settings.run r
),
order_of_checkout as (
    select shop, checkout_id, max(order_id) as order_id
    from (select shop, checkout_id, order_id from events.payments where type <> 'payment.settled'
        union all select shop, checkout_id, order_id from events.orders where type = 'order.placed')
    where checkout_id is not null and order_id is not null
    group by shop, checkout_id
),
of_payment as (
    select shop, provider, payment_id, max(order_id) as order_id, max(checkout_id) as checkout_id,
        max(method) as method, max(currency) as currency, max(amount) filter (where type in ('payment.initiated',
            'payment.authorized', 'payment.captured', 'payment.failed')) as amount
    from events.payments
    where payment_id is not null and type <> 'payment.settled'
    group by shop, provider, payment_id
),
of_order as (
    select e.*, coalesce(e.order_id, p.order_id, o.order_id) as known_order,
        coalesce(e.checkout_id, p.checkout_id) as known_checkout,
        coalesce(e.method, p.method) as known_method, coalesce(e.currency, p.currency, s.currency) as known_currency,
        coalesce(e.asked, e.authorized, e.captured, e.failed, p.amount) as known_amount
    from ended e
    left join of_payment p on e.shop = p.shop and e.provider = p.provider and e.payment_id = p.payment_id
    left join settings.shops s on e.shop = s.shop
    left join order_of_checkout o on e.shop = o.shop and coalesce(e.checkout_id, p.checkout_id) = o.checkout_id
),
of_purchase as (
    select *, coalesce('order ' || known_order, 'checkout ' || known_checkout, 'payment ' || payment_id) as purchase
    from of_order
)
select shop, attempt_id, payment_id, known_order as order_id, known_checkout as checkout_id, provider,
    known_method as method, card_brand, card_country, card_funding, attempted_at, authorized_at, captured_at, outcome,
    case
        when is_untold then 'untold'
        when outcome in ('captured', 'authorized') then outcome
        when outcome = 'voided' then case when is_authorized then 'voided' else 'dropped' end
        when three_ds in ('failed', 'abandoned') and (has_failed or is_overdue) then 'three_ds_dropoff'
        when network_code is null and lower(decline_code) in ('abandoned', 'canceled', 'cancelled', 'expired',
            'offer_closed') then 'dropped'
        when decline_class = 'fraud' and network_code is null then 'risk_blocked'
        when has_failed then outcome
        when is_overdue then 'dropped'
        else 'pending'
    end as stage,
    is_authorized, three_ds,
    cast(known_amount as decimal(18, 4)) as amount,
    cast(coalesce(captured, 0) as decimal(18, 4)) as captured,
    cast(coalesce(refunded, 0) as decimal(18, 4)) as refunded,
    disputes, cast(coalesce(disputed, 0) as decimal(18, 4)) as disputed, known_currency as currency,
    cast(fee as decimal(18, 4)) as fee,
    cast(processing_fee as decimal(18, 4)) as processing_fee,
    cast(coalesce(fee_credits, 0) as decimal(18, 4)) as fee_credits,
    cast(coalesce(refund_fees, 0) as decimal(18, 4)) as refund_fees,
    cast(coalesce(chargeback_fees, 0) as decimal(18, 4)) as chargeback_fees,
    decline_code, network_code, advice_code, decline_class,
    case when has_failed then decline_version end as decline_version,
    case when has_failed then retry_after end as retry_after, purchase,
    row_number() over (partition by shop, purchase order by is_untold, attempted_at, attempt_id,
        provider) as attempt_number
from of_purchase
