/* ---
check: payment_fees
compare: >
  select shop, provider, currency, sum(amount) as amount, sum(fee) as fee from marts.payment_fees
  where shop || ' ' || provider || ' ' || payment_id not in (select shop || ' ' || provider || ' ' || payment_id
  from events.payments where type in ('payment.settled', 'payment.failed') and payment_id is not null)
  group by shop, provider, currency
by: sums over the events of each payment, without attempts, for payments that never failed and no settlement names
--- */
with
of_payment as (
    select shop, provider, payment_id, max(currency) as currency,
        sum(case when type = 'payment.captured' then amount else 0 end) as amount,
        sum(case when type in ('payment.initiated', 'payment.authorized', 'payment.captured', 'payment.voided',
            'payment.fee') and refund_id is null and dispute_id is null and fee >= 0 then fee end) as fee
    from events.payments
    where payment_id is not null
    group by shop, provider, payment_id
    having max(case when type in ('payment.settled', 'payment.failed') then 1 else 0 end) = 0
)
select shop, provider, currency, sum(amount) as amount, sum(fee) as fee
from of_payment
where amount > 0
group by shop, provider, currency
