/* ---
name: payment_fees
title: Fees of charges
description: >
  Every charge, that is an attempt whose money was taken, with what the provider kept for taking it and what its
  contract says it may keep. fee is the processing fee told with the charge; where none was told, the fee of the
  settlement that names it; NULL until one comes. expected_fee is that of the row of settings.provider_terms that fits
  best, round(amount x bps / 10000 + fixed) to the minor unit within minimum and maximum, and tax on it; NULL without
  such a row. leakage is fee less expected_fee: above zero the provider kept more than agreed. Fees for refunds and
  disputes are beside, in the same row. domestic compares the card's country with the shop's: the first two letters of
  its currency, or the euro area.
grain: one row a charge
key: [shop, provider, attempt_id]
time: captured_at
columns:
  shop: The shop
  provider: Who takes the money
  attempt_id: The charge
  payment_id: The payment
  order_id: The order
  captured_at: When its money was taken
  day: Day of that in the shop's time zone
  method: card, mada, …; unknown where nobody tells
  network: Brand of the card; unknown where nobody tells
  funding: credit, debit or prepaid; unknown where nobody tells
  domestic: domestic, foreign or unknown
  currency: Currency of the amounts
  price_group: Charges that should cost alike, the six columns before in one text
  amount: What was taken
  fee: What the provider kept for it; NULL until it is told
  fee_credits: What it gave back of its fee
  refund_fees: What it kept for refunds of it
  chargeback_fees: What it kept for disputes about it
  expected_fee: What the contract says; NULL without terms
  leakage: fee less expected_fee
  minor_unit: Smallest amount of the currency
tests:
  not_null: [captured_at, day, amount, price_group, minor_unit]
  accepted: {domestic: [domestic, foreign, unknown]}
  at_least_zero: [expected_fee, fee_credits, refund_fees]
--- */
with
charges as (
    select shop, provider, attempt_id, payment_id, order_id, captured_at, shop_date(shop, captured_at) as day,
        coalesce(method, 'unknown') as method, coalesce(card_brand, 'unknown') as network,
        coalesce(card_funding, 'unknown') as funding, card_country, coalesce(currency, 'XXX') as currency, captured,
        processing_fee, fee_credits, refund_fees, chargeback_fees,
        count(*) over (partition by shop, provider, payment_id) as charges_of_payment
    from marts.payment_attempts
    where stage = 'captured' and captured > 0 and captured_at is not null
),
settlements as (
    select shop, provider, payment_id, coalesce(attempt_id, '') as attempt_id, sum(fee) as fee
    from events.payments
    where type = 'payment.settled' and payment_id is not null and fee is not null
    group by shop, provider, payment_id, coalesce(attempt_id, '')
),
placed as (
    select c.*, coalesce(c.processing_fee, s.fee, p.fee) as fee, coalesce(u.exponent, 2) as decimals,
        case
            when c.card_country is null or h.currency is null then 'unknown'
            when upper(c.card_country) = substr(h.currency, 1, 2) then 'domestic'
            when h.currency = 'EUR' and upper(c.card_country) in ('AT', 'BE', 'BG', 'CY', 'DE', 'EE', 'ES', 'FI', 'FR',
                'GR', 'HR', 'IE', 'IT', 'LT', 'LU', 'LV', 'MT', 'NL', 'PT', 'SI', 'SK') then 'domestic'
            else 'foreign'
        end as domestic
    from charges c
    left join settlements s on c.shop = s.shop and c.provider = s.provider and c.payment_id = s.payment_id
        and c.attempt_id = s.attempt_id
    left join settlements p on c.shop = p.shop and c.provider = p.provider and c.payment_id = p.payment_id
        and p.attempt_id = '' and c.charges_of_payment = 1
    left join settings.currencies u on c.currency = u.currency
    left join settings.shops h on c.shop = h.shop
),
-- The terms depend on the price_group and the day alone, which are far fewer than charges.
clusters as (
    select distinct shop, provider, method, network, funding, domestic, currency, day from placed
),
fitting as (
    select c.*, t.percent_bps, t.fixed, t.minimum, t.maximum, t.tax_percent,
        row_number() over (partition by c.shop, c.provider, c.method, c.network, c.funding, c.domestic, c.currency,
            c.day
            order by t.shop = '*', t.method = '*', t.network = '*', t.funding = '*', t.domestic = '*',
                t.currency = '*', t.valid_from desc nulls last) as choice
    from clusters c join settings.provider_terms t on c.provider = t.provider
        and (t.shop = '*' or t.shop = c.shop) and (t.method = '*' or t.method = c.method)
        and (t.network = '*' or t.network = c.network) and (t.funding = '*' or t.funding = c.funding)
        and (t.domestic = '*' or t.domestic = c.domestic) and (t.currency = '*' or t.currency = c.currency)
        and (t.valid_from is null or t.valid_from <= c.day) and (t.valid_to is null or t.valid_to >= c.day)
),
priced as (
    select p.*, t.tax_percent,
        round(greatest(least(
            cast(p.captured * coalesce(cast(t.percent_bps as decimal(14, 4)), 0) / 10000
                + cast(coalesce(t.fixed, 0) as decimal(18, 4)) as decimal(24, 10)),
            cast(coalesce(t.maximum, 1000000000000) as decimal(24, 10))),
            cast(coalesce(t.minimum, 0) as decimal(24, 10))), p.decimals) as own_fee,
        t.choice is not null as has_terms
    from placed p left join fitting t on t.choice = 1 and p.shop = t.shop and p.provider = t.provider
        and p.method = t.method and p.network = t.network and p.funding = t.funding and p.domestic = t.domestic
        and p.currency = t.currency and p.day = t.day
),
expected as (
    select *, case when has_terms then cast(own_fee as decimal(18, 4))
        + cast(round(cast(own_fee * cast(coalesce(tax_percent, 0) as decimal(10, 4)) / 100 as decimal(24, 10)),
            decimals) as decimal(18, 4)) end as expected_fee
    from priced
)
select shop, provider, attempt_id, payment_id, order_id, captured_at, day, method, network, funding, domestic, currency,
    concat_ws('/', provider, method, network, funding, domestic, currency) as price_group,
    captured as amount, cast(fee as decimal(18, 4)) as fee, fee_credits, refund_fees, chargeback_fees,
    cast(expected_fee as decimal(18, 4)) as expected_fee, cast(fee - expected_fee as decimal(18, 4)) as leakage,
    case decimals when 0 then 1.0000 when 1 then 0.1000 when 2 then 0.0100 when 3 then 0.0010 else 0.0001 end
        as minor_unit
from expected
