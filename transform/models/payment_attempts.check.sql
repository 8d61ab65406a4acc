/* ---
check: payment_attempts
compare: >
  select shop, provider, count(distinct payment_id) as payments, sum(captured) as captured, sum(refunded) as refunded,
  sum(coalesce(fee, 0)) as fee, count(distinct case when outcome = 'captured' then payment_id end) as
  captured_payments from marts.payment_attempts group by shop, provider
by: sums over the events, without attempts
--- */
select shop, provider, count(distinct payment_id) as payments,
    sum(case when type = 'payment.captured' then coalesce(amount, 0) else 0 end) as captured,
    sum(case when type = 'payment.refunded' then coalesce(amount, 0) else 0 end) as refunded,
    sum(coalesce(fee, 0)) as fee,
    count(distinct case when type = 'payment.captured' then payment_id end) as captured_payments
from events.payments
where payment_id is not null and type <> 'payment.settled'
group by shop, provider
