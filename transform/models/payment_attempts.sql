/* ---
name: payment_attempts
title: Payment attempts
description: >
  Every try to take money, with how it ended: the furthest it came, captured over voided over authorized over failed.
  An event that names no attempt belongs to the attempt of its payment before it, else to the one after it, else the
  payment is one attempt. A failure is declined when somebody gave a reason for refusing, and an error when the reason
  is technical or missing. fee is the sum of the fees told with the attempt, without payouts.
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
  attempted_at: First event of the attempt
  outcome: captured, authorized, declined, error, voided or pending
  amount: What was asked
  captured: What was taken
  refunded: What was given back
  currency: Currency of the amounts
  fee: What the provider keeps
  decline_code: The provider's own code of the last failure
  network_code: The card network's code of the last failure
  decline_class: "hard (never retry), soft, action_required (the customer must do something), technical or
    unclassified: by advice code, then network code, then the provider's code"
  attempt_number: First, second, … attempt for the order, else for the checkout, else for the payment
tests:
  not_null: [attempted_at, outcome, attempt_number]
  accepted:
    outcome: [captured, authorized, declined, error, voided, pending]
    decline_class: [hard, soft, action_required, technical, unclassified]
  at_least_zero: [captured, refunded]
incremental:
  by: [shop, handle]
  # An attempt without a number bears that of its payment, and the attempts of one order are counted together.
  linked: true
  from:
    events.payments:
      - [shop, "'payment ' || provider || ' ' || payment_id"]
      - [shop, "'payment ' || provider || ' ' || attempt_id"]
      - [shop, "'order ' || order_id"]
      - [shop, "'checkout ' || checkout_id"]
    marts.payment_attempts: [shop, "'payment ' || provider || ' ' || payment_id"]
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
        payment_id) as attempt
    from in_time
),
attempts as (
    select shop, provider, attempt as attempt_id, max(payment_id) as payment_id, max(order_id) as order_id,
        max(checkout_id) as checkout_id,
        max(method) as method, max(card['brand']) as card_brand, max(card['country']) as card_country,
            min(event_time) as attempted_at,
        bool_or(type = 'payment.captured') as was_captured, bool_or(type = 'payment.authorized') as was_authorized,
        bool_or(type = 'payment.voided') as was_voided, bool_or(type = 'payment.failed') as has_failed,
        max(amount) filter (where type = 'payment.initiated') as asked,
        max(amount) filter (where type = 'payment.authorized') as authorized,
        max(amount) filter (where type = 'payment.failed') as failed,
        sum(amount) filter (where type = 'payment.captured') as captured,
        sum(amount) filter (where type = 'payment.refunded') as refunded,
        max(currency) as currency, sum(fee) filter (where type <> 'payment.settled') as fee,
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
classified as (
    select *, case
        when not has_failed then null
        when advice_code in ('03', '21', 'do_not_try_again') then 'hard'
        when advice_code in ('24', '25', '26', '27', '28', '29', '30', 'try_again_later') then 'soft'
        when advice_code = 'confirm_card_data' then 'action_required'
        when network_code in ('04', '07', '14', '41', '43', 'R0', 'R1', 'R3') then 'hard'
        when network_code in ('51', '61', '65', '91', '96') then 'soft'
        when network_code in ('1A', '54') then 'action_required'
        when decline_code in ('lost_card', 'stolen_card', 'pickup_card', 'invalid_account', 'incorrect_number',
            'invalid_number', 'revocation_of_authorization', 'revocation_of_all_authorizations') then 'hard'
        when decline_code in ('insufficient_funds', 'card_velocity_exceeded', 'withdrawal_count_limit_exceeded',
            'try_again_later', 'issuer_not_available', 'issuer_unavailable') then 'soft'
        when decline_code in ('authentication_required', 'incorrect_cvc', 'invalid_cvc', 'incorrect_pin',
            'invalid_pin', 'expired_card')
            then 'action_required'
        when decline_code in ('processing_error', 'api_error', 'gateway_error', 'timeout') then 'technical'
        when coalesce(decline_code, network_code, advice_code) is null then 'technical'
        else 'unclassified'
    end as decline_class
    from attempts
)
select shop, attempt_id, payment_id, order_id, checkout_id, provider, method, card_brand, card_country, attempted_at,
    case
        when was_captured then 'captured'
        when was_voided then 'voided'
        when was_authorized then 'authorized'
        when decline_class = 'technical' then 'error'
        when has_failed then 'declined'
        else 'pending'
    end as outcome,
    cast(coalesce(asked, authorized, captured, failed) as decimal(18, 4)) as amount,
    cast(coalesce(captured, 0) as decimal(18, 4)) as captured,
    cast(coalesce(refunded, 0) as decimal(18, 4)) as refunded,
    currency, cast(fee as decimal(18, 4)) as fee, decline_code, network_code, decline_class,
    row_number() over (partition by shop, coalesce('order ' || order_id, 'checkout ' || checkout_id,
        'payment ' || payment_id)
        order by attempted_at, attempt_id, provider) as attempt_number
from classified
