/* ---
name: provider_cells
title: Providers in each kind of attempt
description: >
  The answered attempts of the last 90 days in cells that should behave alike (method, network, funding, domestic or
  not, in one currency), each cell beside every provider that the shop used in that currency: how often the provider
  succeeded in it, and what it would have kept had every attempt of the cell gone through it and succeeded. fees are by
  the provider's row of settings.provider_terms in force today; else by the line through the fees it took in the cell in
  these days; else by their mean rate; NULL where it took none. What provider_what_if is made of. Cash and transfers are
  left out.
grain: one row a cell and provider
key: [shop, currency, method, network, funding, domestic, provider]
columns:
  shop: The shop
  currency: Currency of the amounts
  method: card, mada, …; unknown where nobody tells
  network: Brand of the card; unknown where nobody tells
  funding: credit, debit or prepaid; unknown where nobody tells
  domestic: domestic, foreign or unknown
  provider: The provider
  attempts: Answered attempts of the cell, of all providers
  amount: What they asked
  own_attempts: Answered attempts of this provider
  own_approved: Of these, approved
  fees: What it would have kept of all attempts of the cell, had they succeeded
  is_by_terms: fees are by settings.provider_terms
tests:
  not_null: [attempts, amount, own_attempts, own_approved, is_by_terms]
  holds: ["own_approved <= own_attempts and own_attempts <= attempts"]
--- */
with
recent as (
    select a.shop, a.provider, a.attempt_id, coalesce(a.method, 'unknown') as method,
        coalesce(a.card_brand, 'unknown') as network, coalesce(a.card_funding, 'unknown') as funding,
        case
            when a.card_country is null or h.currency is null then 'unknown'
            when upper(a.card_country) = substr(h.currency, 1, 2) then 'domestic'
            when h.currency = 'EUR' and upper(a.card_country) in ('AT', 'BE', 'BG', 'CY', 'DE', 'EE', 'ES', 'FI', 'FR',
                'GR', 'HR', 'IE', 'IT', 'LT', 'LU', 'LV', 'MT', 'NL', 'PT', 'SI', 'SK') then 'domestic'
            else 'foreign'
        end as domestic,
        a.currency, a.amount, a.is_authorized, shop_date(a.shop, r.as_of) as today
    from marts.payment_attempts a
    cross join settings.run r
    left join settings.shops h on a.shop = h.shop
    where a.stage not in ('pending', 'untold') and a.amount > 0 and a.currency is not null
        and a.attempted_at > r.as_of - interval '90 days' and a.attempted_at <= r.as_of
        and coalesce(a.method, a.provider) not in ('cod', 'cash_on_delivery', 'cash', 'transfer', 'bank_transfer',
            'voucher')
),
cells as (
    select shop, currency, method, network, funding, domestic, count(*) as attempts, sum(amount) as amount,
        max(today) as today
    from recent
    group by shop, currency, method, network, funding, domestic
),
own as (
    select shop, currency, method, network, funding, domestic, provider, count(*) as attempts,
        count(*) filter (where is_authorized) as approved
    from recent
    group by shop, currency, method, network, funding, domestic, provider
),
pairs as (
    select c.*, p.provider, coalesce(o.attempts, 0) as own_attempts, coalesce(o.approved, 0) as own_approved
    from cells c
    -- Many to many: each cell with each provider.
    join (select distinct shop, currency, provider from own) p on c.shop = p.shop and c.currency = p.currency
    left join own o on c.shop = o.shop and c.currency = o.currency and c.method = o.method and c.network = o.network
        and c.funding = o.funding and c.domestic = o.domestic and p.provider = o.provider
),
terms as (
    select c.shop, c.currency, c.method, c.network, c.funding, c.domestic, c.provider, t.percent_bps, t.fixed,
        t.minimum, t.maximum, t.tax_percent,
        row_number() over (partition by c.shop, c.currency, c.method, c.network, c.funding, c.domestic, c.provider
            order by t.shop = '*', t.method = '*', t.network = '*', t.funding = '*', t.domestic = '*',
                t.currency = '*', t.valid_from desc nulls last) as choice
    -- Many to many: the term that fits best is chosen of all that fit.
    from pairs c join settings.provider_terms t on c.provider = t.provider
        and (t.shop = '*' or t.shop = c.shop) and (t.method = '*' or t.method = c.method)
        and (t.network = '*' or t.network = c.network) and (t.funding = '*' or t.funding = c.funding)
        and (t.domestic = '*' or t.domestic = c.domestic) and (t.currency = '*' or t.currency = c.currency)
        and (t.valid_from is null or t.valid_from <= c.today) and (t.valid_to is null or t.valid_to >= c.today)
),
-- What every attempt of a cell would have cost by the provider's terms, had it succeeded.
priced as (
    select r.shop, r.currency, r.method, r.network, r.funding, r.domestic, t.provider, t.tax_percent,
        coalesce(u.exponent, 2) as decimals,
        round(greatest(least(
            cast(r.amount * coalesce(cast(t.percent_bps as decimal(14, 4)), 0) / 10000
                + cast(coalesce(t.fixed, 0) as decimal(18, 4)) as decimal(24, 10)),
            cast(coalesce(t.maximum, 1000000000000) as decimal(24, 10))),
            cast(coalesce(t.minimum, 0) as decimal(24, 10))), coalesce(u.exponent, 2)) as fee
    from recent r
    -- Many to many: every attempt under the terms of every provider, one choice of each.
    join terms t on t.choice = 1 and r.shop = t.shop and r.currency = t.currency and r.method = t.method
        and r.network = t.network and r.funding = t.funding and r.domestic = t.domestic
    left join settings.currencies u on r.currency = u.currency
),
by_terms as (
    select shop, currency, method, network, funding, domestic, provider,
        sum(cast(fee + round(cast(fee * cast(coalesce(tax_percent, 0) as decimal(10, 4)) / 100 as decimal(24, 10)),
            decimals) as decimal(18, 4))) as fees
    from priced
    group by shop, currency, method, network, funding, domestic, provider
),
seen as (
    select f.shop, f.currency, f.method, f.network, f.funding, f.domestic, f.provider,
        count(*) as charges, min(f.amount) as least, max(f.amount) as greatest,
        arrow_cast(count(*), 'Float64') as n, arrow_cast(sum(f.amount), 'Float64') as sx,
        arrow_cast(sum(f.fee), 'Float64') as sy,
        arrow_cast(sum(cast(f.amount * f.amount as decimal(38, 8))), 'Float64') as sxx,
        arrow_cast(sum(cast(f.amount * f.fee as decimal(38, 8))), 'Float64') as sxy
    from marts.payment_fees f cross join settings.run r
    where f.fee is not null and f.captured_at > r.as_of - interval '90 days' and f.captured_at <= r.as_of
    group by f.shop, f.currency, f.method, f.network, f.funding, f.domestic, f.provider
),
costed as (
    select p.*, arrow_cast(p.amount, 'Float64') as asked, arrow_cast(p.attempts, 'Float64') as tries,
        b.fees is not null as is_by_terms,
        case
            when b.fees is not null then arrow_cast(b.fees, 'Float64')
            when s.charges >= 3 and s.least < s.greatest then
                (s.sxy - s.sx * s.sy / s.n) / (s.sxx - s.sx * s.sx / s.n) * arrow_cast(p.amount, 'Float64')
                + (s.sy - (s.sxy - s.sx * s.sy / s.n) / (s.sxx - s.sx * s.sx / s.n) * s.sx) / s.n
                    * arrow_cast(p.attempts, 'Float64')
            when s.sx > 0 then s.sy / s.sx * arrow_cast(p.amount, 'Float64')
        end as fees
    from pairs p
    left join by_terms b on p.shop = b.shop and p.currency = b.currency and p.method = b.method
        and p.network = b.network and p.funding = b.funding and p.domestic = b.domestic and p.provider = b.provider
    left join seen s on p.shop = s.shop and p.currency = s.currency and p.method = s.method
        and p.network = s.network and p.funding = s.funding and p.domestic = s.domestic and p.provider = s.provider
)
select shop, currency, method, network, funding, domestic, provider, attempts, cast(amount as decimal(18, 4)) as amount,
    own_attempts, own_approved, cast(fees as decimal(18, 4)) as fees, is_by_terms
from costed
