/* ---
check: payments_monthly
compare: >
  select shop, month, sum(captured_amount) as captured_amount, sum(captures) as captures, sum(disputes) as disputes,
  sum(refunded_amount) as refunded_amount from marts.payments_monthly
  where captures > 0 or disputes > 0 or refunds <> 0 or captured_amount <> 0 group by shop, month
by: the money of each month straight from the events, a payment in the month of its first capture
--- */
with
facts as (
    select shop, cast(date_trunc('month', shop_date(shop, event_time)) as date) as month, type, amount, provider,
        payment_id, dispute_id,
        row_number() over (partition by shop, provider, payment_id, type order by event_time, event_id) as place
    from events.payments
    where payment_id is not null and type in ('payment.captured', 'payment.refunded', 'payment.disputed')
)
select shop, month,
    sum(case when type = 'payment.captured' then coalesce(amount, 0) else 0 end) as captured_amount,
    sum(case when type = 'payment.captured' and place = 1 then 1 else 0 end) as captures,
    count(distinct case when type = 'payment.disputed' then provider || ' ' || payment_id || ' '
        || coalesce(dispute_id, '') end) as disputes,
    sum(case when type = 'payment.refunded' then coalesce(amount, 0) else 0 end) as refunded_amount
from facts
group by shop, month
