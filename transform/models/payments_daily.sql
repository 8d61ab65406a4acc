/* ---
name: payments_daily
title: Payments by day
description: >
  The named rates of payments, with what they are made of. A rate is NULL where its denominator is 0. What is pending is
  out of the denominators and shown beside. Attempts and their rates are dated by the attempt, orders by their first
  attempt, captures, refunds and disputes by themselves, orders in cash on delivery by the day they were sent. Sum the
  counts and divide again for longer periods; the mean of daily rates is not the rate. acceptance and attempt success
  are the same number as long as every attempt has an end. 3-D Secure without a challenge cannot be told from one with,
  so challenge_rate is at most that. An order decided is one that is not pending.
  Disputes come weeks after their payment: judge chargeback_rate by payments_monthly.
grain: one row a day, provider, method and currency on which something happened
key: [shop, day, provider, method, currency]
time: day
columns:
  shop: The shop
  day: Day in the shop's time zone
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
  refund_rate: refunds / captures of the same day
  refund_value_rate: refunded_amount / captured_amount of the same day
  chargeback_rate: disputes / captures of the same day
  cod_success: cod_paid / (cod_shipped - cod_under_way)
  unclassified_share: unclassified / refusals
tests:
  not_null: [attempts, orders, captured_amount]
  at_least_zero: [attempts, pending, submitted, declined, captured, attempted_amount, orders, cod_shipped, disputes]
  holds:
    - "attempts = pending + risk_blocked + three_ds_dropoffs + dropped + declined + errors + authorised"
    - "network_authorised <= submitted and captured <= authorised and three_ds_dropoffs <= three_ds_started"
    - "orders_first_paid + orders_recovered <= orders_paid and orders_paid <= orders - orders_pending"
    - "cod_paid <= cod_shipped - cod_under_way"
--- */
with
attempts as (
    select shop, shop_date(shop, attempted_at) as day, provider, coalesce(method, 'unknown') as method, currency,
        stage, is_authorized, three_ds, decline_class, decline_version, amount,
        coalesce(method, provider) not in ('cod', 'cash_on_delivery', 'cash', 'transfer', 'bank_transfer',
            'voucher') as is_by_network
    from marts.payment_attempts
    where stage <> 'untold'
),
by_attempt as (
    select shop, day, provider, method, currency, count(*) as attempts,
        count(*) filter (where stage = 'pending') as pending,
        count(*) filter (where stage = 'risk_blocked') as risk_blocked,
        count(*) filter (where three_ds <> 'exempt' and stage <> 'pending') as three_ds_started,
        count(*) filter (where stage = 'three_ds_dropoff') as three_ds_dropoffs,
        count(*) filter (where stage = 'dropped') as dropped,
        count(*) filter (where is_by_network and (is_authorized or stage in ('declined', 'error'))) as submitted,
        count(*) filter (where is_by_network and is_authorized) as network_authorised,
        count(*) filter (where stage = 'declined') as declined,
        count(*) filter (where stage = 'error') as errors,
        count(*) filter (where decline_class = 'unclassified' and not is_authorized) as unclassified,
        count(*) filter (where decline_class is not null and not is_authorized) as refusals,
        count(*) filter (where is_authorized) as authorised,
        count(*) filter (where stage = 'captured') as captured,
        sum(amount) filter (where stage <> 'pending') as attempted_amount,
        sum(amount) filter (where is_authorized) as authorised_amount
    from attempts
    group by shop, day, provider, method, currency
),
by_order as (
    select shop, shop_date(shop, first_attempt_at) as day, first_provider as provider,
        coalesce(first_method, 'unknown') as method, currency, count(*) as orders,
        count(*) filter (where state = 'pending') as orders_pending,
        count(*) filter (where state = 'paid') as orders_paid,
        count(*) filter (where is_first_paid) as orders_first_paid,
        count(*) filter (where is_first_failed and state <> 'pending') as orders_first_failed,
        count(*) filter (where is_recovered) as orders_recovered,
        sum(amount) filter (where state <> 'pending') as order_amount,
        sum(amount) filter (where state = 'paid') as order_paid_amount
    from marts.order_payments
    group by shop, shop_date(shop, first_attempt_at), first_provider, coalesce(first_method, 'unknown'), currency
),
facts as (
    select e.shop, shop_date(e.shop, e.event_time) as day, e.provider, coalesce(p.method, 'unknown') as method,
        p.currency, e.type, e.amount, e.payment_id, e.dispute_id, p.captured_at = e.event_time as is_first
    from events.payments e
    join marts.payments p on e.shop = p.shop and e.provider = p.provider and e.payment_id = p.payment_id
    where e.type in ('payment.captured', 'payment.refunded', 'payment.disputed')
),
by_fact as (
    select shop, day, provider, method, currency,
        count(distinct case when type = 'payment.captured' and is_first then payment_id end) as captures,
        sum(amount) filter (where type = 'payment.captured') as captured_amount,
        sum(case when amount < 0 then -1 else 1 end) filter (where type = 'payment.refunded') as refunds,
        sum(amount) filter (where type = 'payment.refunded') as refunded_amount,
        count(distinct case when type = 'payment.disputed' then payment_id || ' ' || coalesce(dispute_id, '') end)
            as disputes,
        sum(amount) filter (where type = 'payment.disputed') as disputed_amount
    from facts
    group by shop, day, provider, method, currency
),
by_cash as (
    select shop, shop_date(shop, shipped_at) as day, provider, 'cod' as method, currency, count(*) as cod_shipped,
        count(*) filter (where state = 'under_way') as cod_under_way,
        count(*) filter (where state = 'delivered_and_paid') as cod_paid
    from marts.cod_orders
    where shipped_at is not null
    group by shop, shop_date(shop, shipped_at), provider, currency
),
days as (
    select shop, day, provider, method, coalesce(currency, 'XXX') as currency from by_attempt
    union select shop, day, provider, method, coalesce(currency, 'XXX') from by_order
    union select shop, day, provider, method, coalesce(currency, 'XXX') from by_fact
    union select shop, day, provider, method, coalesce(currency, 'XXX') from by_cash
),
counted as (
    select d.shop, d.day, d.provider, d.method, d.currency,
        coalesce(attempts, 0) as attempts, coalesce(pending, 0) as pending, coalesce(risk_blocked, 0) as risk_blocked,
        coalesce(three_ds_started, 0) as three_ds_started, coalesce(three_ds_dropoffs, 0) as three_ds_dropoffs,
        coalesce(dropped, 0) as dropped, coalesce(submitted, 0) as submitted,
        coalesce(network_authorised, 0) as network_authorised, coalesce(declined, 0) as declined,
        coalesce(errors, 0) as errors, coalesce(unclassified, 0) as unclassified, coalesce(refusals, 0) as refusals,
        coalesce(authorised, 0) as authorised, coalesce(captured, 0) as captured,
        cast(coalesce(attempted_amount, 0) as decimal(18, 4)) as attempted_amount,
        cast(coalesce(authorised_amount, 0) as decimal(18, 4)) as authorised_amount, coalesce(orders, 0) as orders,
        coalesce(orders_pending, 0) as orders_pending, coalesce(orders_paid, 0) as orders_paid,
        coalesce(orders_first_paid, 0) as orders_first_paid, coalesce(orders_first_failed, 0) as orders_first_failed,
        coalesce(orders_recovered, 0) as orders_recovered,
        cast(coalesce(order_amount, 0) as decimal(18, 4)) as order_amount,
        cast(coalesce(order_paid_amount, 0) as decimal(18, 4)) as order_paid_amount, coalesce(captures, 0) as captures,
        cast(coalesce(captured_amount, 0) as decimal(18, 4)) as captured_amount, coalesce(refunds, 0) as refunds,
        cast(coalesce(refunded_amount, 0) as decimal(18, 4)) as refunded_amount, coalesce(disputes, 0) as disputes,
        cast(coalesce(disputed_amount, 0) as decimal(18, 4)) as disputed_amount,
        coalesce(cod_shipped, 0) as cod_shipped, coalesce(cod_under_way, 0) as cod_under_way,
        coalesce(cod_paid, 0) as cod_paid
    from days d
    left join by_attempt a on d.shop = a.shop and d.day = a.day and d.provider = a.provider and d.method = a.method
        and d.currency = coalesce(a.currency, 'XXX')
    left join by_order o on d.shop = o.shop and d.day = o.day and d.provider = o.provider and d.method = o.method
        and d.currency = coalesce(o.currency, 'XXX')
    left join by_fact f on d.shop = f.shop and d.day = f.day and d.provider = f.provider and d.method = f.method
        and d.currency = coalesce(f.currency, 'XXX')
    left join by_cash c on d.shop = c.shop and d.day = c.day and d.provider = c.provider and d.method = c.method
        and d.currency = coalesce(c.currency, 'XXX')
)
select shop, day, provider, method, currency,
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
from counted
