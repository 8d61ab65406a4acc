/* ---
check: payments
compare: >
  select shop, provider, count(*) as payments, sum(net) as net, sum(captured) as captured, sum(refunds) as refunds,
  sum(disputed) as disputed, sum(coalesce(settled, 0)) as settled, count(captured_at) as ever_captured
  from marts.payments group by shop, provider
by: signed sums over the events, no payment looked at by itself
--- */
select shop, provider, count(distinct payment_id) as payments,
    sum(case type when 'payment.captured' then coalesce(amount, 0) when 'payment.refunded' then -coalesce(amount, 0)
            else 0 end - case when type = 'payment.settled' then 0 else coalesce(fee, 0) end) as net,
    sum(case when type = 'payment.captured' then coalesce(amount, 0) else 0 end) as captured,
    sum(case when type <> 'payment.refunded' then 0 when amount < 0 then -1 else 1 end) as refunds,
    sum(case when type = 'payment.disputed' then coalesce(amount, 0) else 0 end) as disputed,
    sum(case when type = 'payment.settled' then coalesce(amount, 0) else 0 end) as settled,
    count(distinct case when type = 'payment.captured' then payment_id end) as ever_captured
from events.payments
where payment_id is not null
group by shop, provider
