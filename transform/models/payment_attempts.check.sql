/* ---
check: payment_attempts
compare: >
  select shop, provider, count(distinct payment_id) as payments, sum(captured) as captured, sum(refunded) as refunded,
  sum(coalesce(fee, 0)) as fee, count(distinct case when outcome = 'captured' then payment_id end) as
  captured_payments, count(distinct case when is_authorized then payment_id end) as authorized_payments,
  count(distinct case when decline_class is not null then payment_id end) as refused_payments
  from marts.payment_attempts group by shop, provider
by: sums over the events of each payment, without attempts
--- */
with
of_payment as (
    select shop, provider, payment_id,
        sum(case when type = 'payment.captured' then coalesce(amount, 0) else 0 end) as captured,
        min(case when type = 'payment.captured' then coalesce(amount, 0) end) as least,
        sum(case when type = 'payment.refunded' then coalesce(amount, 0) else 0 end) as refunded,
        sum(coalesce(fee, 0)) as fee,
        max(case when type in ('payment.captured', 'payment.authorized') then 1 else 0 end) as was_authorized,
        max(case when type = 'payment.failed' then 1 else 0 end) as was_refused
    from events.payments
    where payment_id is not null and type <> 'payment.settled'
    group by shop, provider, payment_id
)
select shop, provider, count(*) as payments, sum(captured) as captured, sum(refunded) as refunded, sum(fee) as fee,
    count(case when captured > 0 or least >= 0 then 1 end) as captured_payments,
    sum(was_authorized) as authorized_payments, sum(was_refused) as refused_payments
from of_payment
group by shop, provider
