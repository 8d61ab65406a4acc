/* ---
check: provider_costs
compare: >
  select shop, provider, sum(captured_amount) as captured_amount, sum(all_in_fees - fixed_fees) as fees,
  sum(fee_credits) as fee_credits from marts.provider_costs
  where provider not in (select provider from events.payments where type = 'payment.settled' and fee is not null
  and payment_id is not null) group by shop, provider
by: every fee and capture ever told, added up without days or attempts, for providers whose settlements name no payment
--- */
with
captures as (
    select shop, provider, payment_id, coalesce(attempt_id, '') as attempt_id, sum(amount) as amount
    from events.payments
    where type = 'payment.captured' and payment_id is not null
    group by shop, provider, payment_id, coalesce(attempt_id, '')
),
taken as (
    select shop, provider, sum(amount) as captured_amount from captures where amount > 0 group by shop, provider
),
kept as (
    select shop, provider, sum(coalesce(fee, 0)) as fees,
        sum(case when fee < 0 and dispute_id is null and type not in ('payment.disputed', 'payment.dispute_closed')
            then -fee else 0 end) as fee_credits
    from events.payments
    where type <> 'payment.settled' and payment_id is not null
    group by shop, provider
)
select k.shop, k.provider, coalesce(t.captured_amount, 0) as captured_amount, k.fees, k.fee_credits
from kept k left join taken t on k.shop = t.shop and k.provider = t.provider
where k.provider not in (select provider from events.payments where type = 'payment.settled' and fee is not null
    and payment_id is not null)
