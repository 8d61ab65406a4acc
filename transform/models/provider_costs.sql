/* ---
name: provider_costs
title: Cost of providers
description: >
  What each provider cost, by day. A charge and all its fees, however late they are told, are dated by the day its
  money was taken; an attempt that took no money by the attempt, with what it cost as other_fees. fees are processing
  fees less credits. effective_fee_rate is fees over settled_amount, the charges whose fee is known, before refunds, in
  hundredths of a percent. all_in_fees add the fees of refunds, disputes and failed attempts and the monthly fees of
  settings.provider_terms, spread over the month's rows by their attempts and charges, of a running month the part that
  has passed; taxes are in what the provider keeps. all_in_rate is all_in_fees over settled_amount. cost_per_order is
  all_in_fees over the orders that charges of the day paid. Rates are NULL where their denominator is 0; for longer
  periods sum and divide again.
grain: one row a day, provider, method and currency
key: [shop, day, provider, method, currency]
time: day
columns:
  shop: The shop
  day: Day in the shop's time zone
  month: First day of its month
  provider: Who takes the money
  method: card, mada, transfer, cod, …; unknown where nobody tells
  currency: Currency of the amounts
  attempted: Attempts made on this day
  attempted_amount: What they asked
  captured: Charges of this day
  captured_amount: What they took, before refunds
  settled: Of the charges, those whose fee is known
  settled_amount: What these took
  processing_fees: Kept for taking it
  fee_credits: Given back of that
  fees: processing_fees less fee_credits
  refund_fees: Kept for refunds of these charges
  chargeback_fees: Kept for disputes about these charges
  other_fees: Kept for attempts of this day that took no money
  fixed_fees: This row's part of monthly fees
  all_in_fees: All of them
  expected_fees: Fees by the contract, of charges with a known fee and terms
  leakage: What was kept above that
  orders: Orders that these charges paid
  average_fee: fees / settled
  effective_fee_rate: fees / settled_amount, in hundredths of a percent
  all_in_rate: all_in_fees / settled_amount, in hundredths of a percent
  cost_per_order: all_in_fees / orders
tests:
  not_null: [attempted, captured, fees, all_in_fees]
  at_least_zero: [attempted, captured, settled, orders, processing_fees, fee_credits, refund_fees, fixed_fees]
  holds:
    - "fees = processing_fees - fee_credits"
    - "all_in_fees = fees + refund_fees + chargeback_fees + other_fees + fixed_fees"
    - "settled <= captured"
--- */
with
tried as (
    select shop, shop_date(shop, attempted_at) as day, provider, coalesce(method, 'unknown') as method,
        coalesce(currency, 'XXX') as currency, count(*) filter (where stage <> 'untold') as attempted,
        sum(amount) filter (where stage <> 'untold') as attempted_amount,
        sum(fee) filter (where stage <> 'captured' or captured <= 0) as other_fees
    from marts.payment_attempts
    group by shop, shop_date(shop, attempted_at), provider, coalesce(method, 'unknown'), coalesce(currency, 'XXX')
),
charged as (
    select shop, day, provider, method, currency, count(*) as captured, sum(amount) as captured_amount,
        count(fee) as settled, sum(amount) filter (where fee is not null) as settled_amount,
        sum(fee) as processing_fees, sum(fee_credits) as fee_credits, sum(refund_fees) as refund_fees,
        sum(chargeback_fees) as chargeback_fees,
        sum(expected_fee) filter (where fee is not null) as expected_fees, sum(leakage) as leakage,
        count(distinct coalesce('order ' || order_id, 'payment ' || payment_id)) as orders
    from marts.payment_fees
    group by shop, day, provider, method, currency
),
together as (
    select coalesce(t.shop, c.shop) as shop, coalesce(t.day, c.day) as day,
        coalesce(t.provider, c.provider) as provider, coalesce(t.method, c.method) as method,
        coalesce(t.currency, c.currency) as currency,
        coalesce(t.attempted, 0) as attempted,
        coalesce(t.attempted_amount, 0) as attempted_amount, coalesce(t.other_fees, 0) as other_fees,
        coalesce(c.captured, 0) as captured, coalesce(c.captured_amount, 0) as captured_amount,
        coalesce(c.settled, 0) as settled, coalesce(c.settled_amount, 0) as settled_amount,
        coalesce(c.processing_fees, 0) as processing_fees, coalesce(c.fee_credits, 0) as fee_credits,
        coalesce(c.refund_fees, 0) as refund_fees, coalesce(c.chargeback_fees, 0) as chargeback_fees,
        c.expected_fees, c.leakage, coalesce(c.orders, 0) as orders,
        cast(date_trunc('month', coalesce(t.day, c.day)) as date) as month
    from tried t full outer join charged c on t.shop = c.shop and t.day = c.day and t.provider = c.provider
        and t.method = c.method and t.currency = c.currency
),
-- Monthly fees of the months in which a provider was used, the running month's up to today.
monthly as (
    select r.shop, r.day, r.provider, r.method, r.currency, r.month, t.monthly_fee,
        t.shop || ' ' || t.method || ' ' || t.network || ' ' || t.funding || ' ' || t.domestic || ' ' || t.currency
            || ' ' || coalesce(cast(t.valid_from as varchar), '') as term,
        r.attempted + r.captured as weight,
        cast(date_part('day', r.month + interval '1 month' - interval '1 day') as bigint) as days,
        case when cast(date_trunc('month', shop_date(r.shop, n.as_of)) as date) = r.month
            then cast(date_part('day', shop_date(r.shop, n.as_of)) as bigint)
            else cast(date_part('day', r.month + interval '1 month' - interval '1 day') as bigint) end as passed
    from together r
    -- Many to many: each term bears its own fee in each month.
    join settings.provider_terms t on r.provider = t.provider
    cross join settings.run n
    left join settings.shops h on r.shop = h.shop
    where t.monthly_fee > 0 and (t.shop = '*' or t.shop = r.shop) and (t.method = '*' or t.method = r.method)
        and r.currency = case t.currency when '*' then h.currency else t.currency end
        and (t.valid_from is null or cast(date_trunc('month', t.valid_from) as date) <= r.month)
        and (t.valid_to is null or t.valid_to >= r.month)
),
placed as (
    select *, cast(cast(monthly_fee as decimal(18, 4)) * passed / days as decimal(18, 4)) as due,
        sum(weight) over (partition by shop, provider, term, month order by day, method, currency
            rows between unbounded preceding and current row) as so_far,
        sum(weight) over (partition by shop, provider, term, month) as in_all
    from monthly
),
-- Each row takes what is due up to it less what the rows before took, so that the parts add up to the fee.
fixed as (
    select shop, day, provider, method, currency,
        sum(cast(due * so_far / in_all as decimal(18, 4))
            - cast(due * (so_far - weight) / in_all as decimal(18, 4))) as fixed_fees
    from placed
    group by shop, day, provider, method, currency
),
summed as (
    select t.*, t.processing_fees - t.fee_credits as fees, coalesce(f.fixed_fees, 0) as fixed_fees,
        t.processing_fees - t.fee_credits + t.refund_fees + t.chargeback_fees + t.other_fees
            + coalesce(f.fixed_fees, 0) as all_in_fees
    from together t left join fixed f on t.shop = f.shop and t.day = f.day and t.provider = f.provider
        and t.method = f.method and t.currency = f.currency
)
select shop, day, month, provider, method, currency, attempted,
    cast(attempted_amount as decimal(18, 4)) as attempted_amount, captured,
    cast(captured_amount as decimal(18, 4)) as captured_amount, settled,
    cast(settled_amount as decimal(18, 4)) as settled_amount,
    cast(processing_fees as decimal(18, 4)) as processing_fees, cast(fee_credits as decimal(18, 4)) as fee_credits,
    cast(fees as decimal(18, 4)) as fees, cast(refund_fees as decimal(18, 4)) as refund_fees,
    cast(chargeback_fees as decimal(18, 4)) as chargeback_fees, cast(other_fees as decimal(18, 4)) as other_fees,
    cast(fixed_fees as decimal(18, 4)) as fixed_fees, cast(all_in_fees as decimal(18, 4)) as all_in_fees,
    cast(expected_fees as decimal(18, 4)) as expected_fees, cast(leakage as decimal(18, 4)) as leakage, orders,
    cast(cast(fees as decimal(24, 8)) / nullif(cast(settled as decimal(18, 0)), 0) as decimal(18, 4)) as average_fee,
    cast(cast(fees * 10000 as decimal(26, 8)) / nullif(cast(settled_amount as decimal(18, 4)), 0) as decimal(18, 4))
        as effective_fee_rate,
    cast(cast(all_in_fees * 10000 as decimal(26, 8)) / nullif(cast(settled_amount as decimal(18, 4)), 0)
        as decimal(18, 4)) as all_in_rate,
    cast(cast(all_in_fees as decimal(24, 8)) / nullif(cast(orders as decimal(18, 0)), 0) as decimal(18, 4))
        as cost_per_order
from summed
