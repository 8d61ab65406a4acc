/* ---
name: provider_what_if
title: What another provider would have left
description: >
  The attempts of the last 90 days, all of them, sent through each provider: what would it have left of what was asked?
  They are parted into cells that should behave alike (method, network, funding, domestic or not, in one currency).
  In each cell the provider's own success rate of these days counts, and its fee: by its row of settings.provider_terms
  in force today, else by the line through the fees it took in the cell, else by their mean rate. net_yield is the sum
  over cells of success rate x (asked - fees if all had succeeded), over all that was asked: the cells weigh by the
  whole mix, not by what the provider happened to get, so a provider of easy cards gains nothing by that. A cell is
  known of a provider with 30 answered attempts and a fee; a provider with known cells for less than four fifths of
  what was asked has insufficient data, and so has everybody where the cells that all others know together hold less
  than half of it. Compared are these shared cells only. The interval holds with 95 %: the cells' successes are
  binomial and independent, so variances add up with the squared weights (delta method; a cell's rate for the variance
  is (successes + 2) / (attempts + 4), so that none is sure). It does not know whether the issuer would have treated
  the buyers of one provider as those of the other. Fees for refunds, disputes and months are not in it. Cash and
  transfers are left out, pending attempts too. Rows of method all put all methods together.
grain: one row a provider and method, and one for all methods together
key: [shop, currency, method, provider]
columns:
  shop: The shop
  currency: Currency of the amounts
  method: The method; all for all together
  provider: The provider through which all would have gone
  attempts: Its own answered attempts
  approved: Of these, approved
  own_success_rate: approved / attempts, not standardised
  mix_attempts: Answered attempts of all providers
  mix_amount: What these asked
  known_share: Part of mix_amount in cells that are known of the provider
  compared_share: Part of mix_amount in the cells that are compared
  success_rate: Success rate by value, standardised by the mix
  fee_rate: Fees over what would be approved, in hundredths of a percent, standardised by the mix
  net_yield: Part of what was asked that would have been left
  net_yield_low: Lower end of the 95 % interval
  net_yield_high: Upper end of the 95 % interval
  actual_net_yield: What the real routing left in the same cells, reckoned alike
  gain: What would have been left more than by the real routing in the compared cells of these 90 days; below zero for
    less
  fee_source: terms, fees seen or both
  is_best: It would have left the most
  sureness: Probability that it would have left more than the best of the others
  verdict: "In words: best, not best, or insufficient data and why"
tests:
  not_null: [attempts, mix_attempts, known_share, is_best, verdict]
  holds:
    - "net_yield is null or (net_yield_low <= net_yield and net_yield <= net_yield_high)"
    - "known_share between 0 and 1"
    - "approved <= attempts"
--- */
with
-- Every cell counts in its method and in all.
scoped as (
    select *, unnest(make_array(method, 'all')) as scope, arrow_cast(amount, 'Float64') as asked,
        -- Of what the cell asked, the part that went through this provider and was left.
        own_approved * (arrow_cast(amount, 'Float64') - coalesce(arrow_cast(fees, 'Float64'), 0)) / attempts as kept,
        own_attempts >= 30 and fees is not null as is_known
    from marts.provider_cells
),
coverage as (
    select shop, currency, scope, provider, sum(own_attempts) as own_attempts, sum(own_approved) as own_approved,
        sum(attempts) as mix_attempts, sum(amount) as mix_amount,
        coalesce(sum(amount) filter (where is_known), 0) as known_amount,
        coalesce(sum(amount) filter (where is_known), 0) >= 0.8 * sum(amount) as is_enough
    from scoped
    group by shop, currency, scope, provider
    having sum(own_attempts) > 0
),
shared as (
    select s.shop, s.currency, s.scope, s.method, s.network, s.funding, s.domestic
    from scoped s join coverage c on s.shop = c.shop and s.currency = c.currency and s.scope = c.scope
        and s.provider = c.provider
    where c.is_enough
    group by s.shop, s.currency, s.scope, s.method, s.network, s.funding, s.domestic
    having bool_and(s.is_known)
),
routed as (
    select shop, currency, scope, method, network, funding, domestic, sum(kept) as kept
    from scoped
    group by shop, currency, scope, method, network, funding, domestic
),
compared as (
    select s.shop, s.currency, s.scope, s.provider, sum(s.amount) as amount, sum(s.asked) as asked,
        sum(r.kept) as kept,
        sum(s.asked * s.own_approved / s.own_attempts) as approved,
        sum(arrow_cast(s.fees, 'Float64') * s.own_approved / s.own_attempts) as fees,
        sum(power(s.asked - arrow_cast(s.fees, 'Float64'), 2) * (s.own_approved + 2)
            * (s.own_attempts - s.own_approved + 2) / power(s.own_attempts + 4.0, 3)) as variance,
        bool_or(s.is_by_terms) as has_terms, bool_and(s.is_by_terms) as has_only_terms
    from scoped s
    join coverage c on s.shop = c.shop and s.currency = c.currency and s.scope = c.scope and s.provider = c.provider
    join shared h on s.shop = h.shop and s.currency = h.currency and s.scope = h.scope and s.method = h.method
        and s.network = h.network and s.funding = h.funding and s.domestic = h.domestic
    join routed r on s.shop = r.shop and s.currency = r.currency and s.scope = r.scope and s.method = r.method
        and s.network = r.network and s.funding = r.funding and s.domestic = r.domestic
    where c.is_enough
    group by s.shop, s.currency, s.scope, s.provider
),
yields as (
    select c.*, m.amount as compared_amount, m.asked, m.kept / m.asked as actual, m.approved / m.asked as success,
        m.fees / nullif(m.approved, 0) * 10000 as fee_rate, (m.approved - m.fees) / m.asked as net_yield,
        sqrt(m.variance) / m.asked as deviation, m.has_terms, m.has_only_terms,
        c.is_enough and m.amount >= 0.5 * c.mix_amount as is_compared
    from coverage c left join compared m on c.shop = m.shop and c.currency = m.currency and c.scope = m.scope
        and c.provider = m.provider
),
placed as (
    select *, row_number() over ranks as place, count(*) over (partition by shop, currency, scope,
            coalesce(is_compared, false)) as compared,
        first_value(net_yield) over ranks as best, first_value(deviation) over ranks as best_deviation,
        nth_value(net_yield, 2) over whole as second, nth_value(deviation, 2) over whole as second_deviation
    from yields
    window ranks as (partition by shop, currency, scope, coalesce(is_compared, false)
            order by net_yield desc nulls last, provider),
        whole as (partition by shop, currency, scope, coalesce(is_compared, false)
            order by net_yield desc nulls last, provider rows between unbounded preceding and unbounded following)
),
distances as (
    select *, coalesce(is_compared, false) and compared > 1 as is_ranked,
        case when not coalesce(is_compared, false) or compared = 1 then null
            when place = 1 then (net_yield - second) / nullif(sqrt(power(deviation, 2) + power(second_deviation, 2)), 0)
            else (net_yield - best) / nullif(sqrt(power(deviation, 2) + power(best_deviation, 2)), 0) end as z
    from placed
),
-- The normal distribution by Abramowitz and Stegun 7.1.26, right to seven digits.
erf as (
    select *, 1 / (1 + 0.3275911 * abs(z) / sqrt(2.0)) as t from distances
),
sure as (
    select *, 0.5 * (1 + case when z < 0 then -1 else 1 end * (1 - ((((1.061405429 * t - 1.453152027) * t
        + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * exp(-z * z / 2))) as sureness
    from erf
)
select shop, currency, scope as method, provider, own_attempts as attempts, own_approved as approved,
    cast(cast(own_approved as decimal(18, 8)) / cast(own_attempts as decimal(18, 0)) as decimal(9, 6))
        as own_success_rate,
    mix_attempts, cast(mix_amount as decimal(18, 4)) as mix_amount,
    cast(cast(known_amount as decimal(28, 8)) / mix_amount as decimal(9, 6)) as known_share,
    cast(cast(compared_amount as decimal(28, 8)) / mix_amount as decimal(9, 6)) as compared_share,
    case when is_compared then cast(success as decimal(9, 6)) end as success_rate,
    case when is_compared then cast(fee_rate as decimal(18, 4)) end as fee_rate,
    case when is_compared then cast(net_yield as decimal(9, 6)) end as net_yield,
    case when is_compared then cast(net_yield - 1.959964 * deviation as decimal(9, 6)) end as net_yield_low,
    case when is_compared then cast(net_yield + 1.959964 * deviation as decimal(9, 6)) end as net_yield_high,
    case when is_compared then cast(actual as decimal(9, 6)) end as actual_net_yield,
    case when is_compared then cast((net_yield - actual) * asked as decimal(18, 4)) end as gain,
    case when not is_compared then null when has_only_terms then 'terms' when has_terms then 'both' else 'fees seen' end
        as fee_source,
    is_ranked and place = 1 as is_best,
    cast(sureness as decimal(9, 4)) as sureness,
    case
        when not is_enough then 'insufficient data: cells with 30 attempts and a fee hold '
            || cast(cast(cast(known_amount * 100 as decimal(28, 8)) / mix_amount as decimal(9, 1)) as varchar)
            || ' % of what was asked, 80 % are needed'
        when not coalesce(is_compared, false) then
            'insufficient data: the cells that all providers with enough of them know hold less than half of what was '
            || 'asked'
        when not is_ranked then 'no other provider to compare with'
        when place = 1 then 'best'
        else 'not best'
    end as verdict
from sure
