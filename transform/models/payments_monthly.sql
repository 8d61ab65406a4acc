/* ---
name: payments_monthly
title: Payments by month
description: >
  payments_daily by month, with the rates made anew of the sums. chargeback_rate is the disputes opened in a month over
  the payments captured in it, refund_rate likewise. A rate is NULL where its denominator is 0; what is pending is out
  of the denominators and shown beside.
grain: one row a month, provider, method and currency in which something happened
key: [shop, month, provider, method, currency]
time: month
columns:
  shop: The shop
  month: First day of the month in the shop's time zone
  provider: Who takes the money
  method: card, mada, transfer, cod, …; unknown where nobody tells
  currency: Currency of the amounts
  attempts: Attempts made
  pending: Of these, not answered yet; out of every denominator below
  risk_blocked: Refused as fraud before the network
  three_ds_started: Attempts in which 3-D Secure was asked, with or without a challenge
  three_ds_dropoffs: Attempts that ended in 3-D Secure
  dropped: Cancelled before an answer, or never answered
  submitted: "Sent to the network: authorised, declined or ended in an error; not cash and transfers"
  network_authorised: Of these, authorised
  declined: Refused by the issuer
  errors: Ended in an error
  unclassified: Refusals whose meaning no row of settings.decline_codes decides
  refusals: Attempts that were refused, with a class or without
  authorised: Approved, whatever came after
  captured: Of the attempts, those whose money was taken
  attempted_amount: Asked by the attempts that have an answer
  authorised_amount: Approved of it
  orders: Orders first tried on this day, by provider and method of their first attempt
  orders_pending: Of these, not decided yet; out of every denominator below
  orders_paid: Of these, paid
  orders_first_paid: Paid by their first attempt
  orders_first_failed: Orders decided whose first attempt failed
  orders_recovered: Paid by a later attempt after the first failed
  order_amount: Asked by the orders that are decided
  order_paid_amount: The part of it that is paid
  captures: Payments whose money was first taken on this day
  captured_amount: Money taken on this day
  refunds: Refunds made on this day
  refunded_amount: Money given back on this day
  disputes: Disputes opened on this day
  disputed_amount: What they are about
  cod_shipped: Orders in cash on delivery sent on this day
  cod_under_way: Of these, not decided yet
  cod_paid: Of these, delivered and paid
  network_authorisation_rate: network_authorised / submitted
  acceptance_rate: "(attempts - pending - risk_blocked - declined - errors - three_ds_dropoffs - dropped)
    / (attempts - pending), of all that was asked what was accepted; compare providers by this"
  attempt_success_rate: authorised / (attempts - pending)
  attempt_success_value_rate: authorised_amount / attempted_amount
  order_success_rate: orders_paid / (orders - orders_pending)
  order_success_value_rate: order_paid_amount / order_amount
  naive_success_rate: captured / attempts, with pending and blocked ones; for comparison only
  first_attempt_rate: orders_first_paid / (orders - orders_pending)
  retry_recovery_rate: orders_recovered / orders_first_failed
  three_ds_dropoff_rate: three_ds_dropoffs / three_ds_started
  challenge_rate: three_ds_started / (attempts - pending)
  capture_rate: captured / authorised
  refund_rate: refunds / captures of the same month
  refund_value_rate: refunded_amount / captured_amount of the same month
  chargeback_rate: disputes / captures of the same month
  cod_success: cod_paid / (cod_shipped - cod_under_way)
  unclassified_share: unclassified / refusals
tests:
  not_null: [attempts, orders, captured_amount]
  holds:
    - "attempts = pending + risk_blocked + three_ds_dropoffs + dropped + declined + errors + authorised"
incremental:
  by: [shop, month]
  from:
    marts.payments_daily: [shop, "cast(date_trunc('month', day) as date)"]
--- */
with
months as (
    select shop, cast(date_trunc('month', day) as date) as month, provider, method, currency,
        coalesce(sum(attempts), 0) as attempts, coalesce(sum(pending), 0) as pending,
        coalesce(sum(risk_blocked), 0) as risk_blocked, coalesce(sum(three_ds_started), 0) as three_ds_started,
        coalesce(sum(three_ds_dropoffs), 0) as three_ds_dropoffs, coalesce(sum(dropped), 0) as dropped,
        coalesce(sum(submitted), 0) as submitted, coalesce(sum(network_authorised), 0) as network_authorised,
        coalesce(sum(declined), 0) as declined, coalesce(sum(errors), 0) as errors,
        coalesce(sum(unclassified), 0) as unclassified, coalesce(sum(refusals), 0) as refusals,
        coalesce(sum(authorised), 0) as authorised, coalesce(sum(captured), 0) as captured,
        cast(coalesce(sum(attempted_amount), 0) as decimal(18, 4)) as attempted_amount,
        cast(coalesce(sum(authorised_amount), 0) as decimal(18, 4)) as authorised_amount,
        coalesce(sum(orders), 0) as orders, coalesce(sum(orders_pending), 0) as orders_pending,
        coalesce(sum(orders_paid), 0) as orders_paid, coalesce(sum(orders_first_paid), 0) as orders_first_paid,
        coalesce(sum(orders_first_failed), 0) as orders_first_failed,
        coalesce(sum(orders_recovered), 0) as orders_recovered,
        cast(coalesce(sum(order_amount), 0) as decimal(18, 4)) as order_amount,
        cast(coalesce(sum(order_paid_amount), 0) as decimal(18, 4)) as order_paid_amount,
        coalesce(sum(captures), 0) as captures,
        cast(coalesce(sum(captured_amount), 0) as decimal(18, 4)) as captured_amount,
        coalesce(sum(refunds), 0) as refunds,
        cast(coalesce(sum(refunded_amount), 0) as decimal(18, 4)) as refunded_amount,
        coalesce(sum(disputes), 0) as disputes,
        cast(coalesce(sum(disputed_amount), 0) as decimal(18, 4)) as disputed_amount,
        coalesce(sum(cod_shipped), 0) as cod_shipped, coalesce(sum(cod_under_way), 0) as cod_under_way,
        coalesce(sum(cod_paid), 0) as cod_paid
    from marts.payments_daily
    group by shop, cast(date_trunc('month', day) as date), provider, method, currency
)
select shop, month, provider, method, currency,
    attempts, pending, risk_blocked, three_ds_started, three_ds_dropoffs, dropped, submitted, network_authorised,
    declined, errors, unclassified, refusals, authorised, captured, attempted_amount, authorised_amount, orders,
    orders_pending, orders_paid, orders_first_paid, orders_first_failed, orders_recovered, order_amount,
    order_paid_amount, captures, captured_amount, refunds, refunded_amount, disputes, disputed_amount, cod_shipped,
    cod_under_way, cod_paid,
    cast(cast(network_authorised as decimal(24, 8))
        / nullif(cast(submitted as decimal(18, 4)), 0) as decimal(18, 6)) as network_authorisation_rate,
    cast(cast(attempts - pending - risk_blocked - declined - errors - three_ds_dropoffs - dropped as decimal(24, 8))
        / nullif(cast(attempts - pending as decimal(18, 4)), 0) as decimal(18, 6)) as acceptance_rate,
    cast(cast(authorised as decimal(24, 8))
        / nullif(cast(attempts - pending as decimal(18, 4)), 0) as decimal(18, 6)) as attempt_success_rate,
    cast(cast(authorised_amount as decimal(24, 8))
        / nullif(cast(attempted_amount as decimal(18, 4)), 0) as decimal(18, 6)) as attempt_success_value_rate,
    cast(cast(orders_paid as decimal(24, 8))
        / nullif(cast(orders - orders_pending as decimal(18, 4)), 0) as decimal(18, 6)) as order_success_rate,
    cast(cast(order_paid_amount as decimal(24, 8))
        / nullif(cast(order_amount as decimal(18, 4)), 0) as decimal(18, 6)) as order_success_value_rate,
    cast(cast(captured as decimal(24, 8))
        / nullif(cast(attempts as decimal(18, 4)), 0) as decimal(18, 6)) as naive_success_rate,
    cast(cast(orders_first_paid as decimal(24, 8))
        / nullif(cast(orders - orders_pending as decimal(18, 4)), 0) as decimal(18, 6)) as first_attempt_rate,
    cast(cast(orders_recovered as decimal(24, 8))
        / nullif(cast(orders_first_failed as decimal(18, 4)), 0) as decimal(18, 6)) as retry_recovery_rate,
    cast(cast(three_ds_dropoffs as decimal(24, 8))
        / nullif(cast(three_ds_started as decimal(18, 4)), 0) as decimal(18, 6)) as three_ds_dropoff_rate,
    cast(cast(three_ds_started as decimal(24, 8))
        / nullif(cast(attempts - pending as decimal(18, 4)), 0) as decimal(18, 6)) as challenge_rate,
    cast(cast(captured as decimal(24, 8))
        / nullif(cast(authorised as decimal(18, 4)), 0) as decimal(18, 6)) as capture_rate,
    cast(cast(refunds as decimal(24, 8))
        / nullif(cast(captures as decimal(18, 4)), 0) as decimal(18, 6)) as refund_rate,
    cast(cast(refunded_amount as decimal(24, 8))
        / nullif(cast(captured_amount as decimal(18, 4)), 0) as decimal(18, 6)) as refund_value_rate,
    cast(cast(disputes as decimal(24, 8))
        / nullif(cast(captures as decimal(18, 4)), 0) as decimal(18, 6)) as chargeback_rate,
    cast(cast(cod_paid as decimal(24, 8))
        / nullif(cast(cod_shipped - cod_under_way as decimal(18, 4)), 0) as decimal(18, 6)) as cod_success,
    cast(cast(unclassified as decimal(24, 8))
        / nullif(cast(refusals as decimal(18, 4)), 0) as decimal(18, 6)) as unclassified_share
from months
