/* ---
name: fee_lines
title: Fee lines
description: >
  What a provider really charges, read off its fees: for each cluster of charges that should cost alike and each month,
  the line fee = percent of the amount + fixed that fits best (ordinary least squares), with how well it fits. A
  residual is a fee less the line's. explained_share is the share of charges within one minor unit of the line: near 1
  the line is the price; below, the cluster mixes prices, or the price changed within the month (see fee_changes).
  Quantiles are by nearest rank. Charges whose fee is not told yet are left out. The sums under the fit are exact; the
  fit itself is a statistic.
grain: one row a cluster and month
key: [shop, month, price_group]
time: month
columns:
  shop: The shop
  month: First day of the month in the shop's time zone
  price_group: The six columns after in one text
  provider: Who takes the money
  method: card, mada, …
  network: Brand of the card
  funding: credit, debit or prepaid
  domestic: domestic, foreign or unknown
  currency: Currency of the amounts
  fit: "fitted, too few charges (fewer than 3) or amounts do not differ"
  charges: Charges with a known fee
  amount: What they took
  fee: What the provider kept
  percent_bps: Slope of the line, in hundredths of a percent
  fixed: Where the line begins, the fee of a charge of nothing
  r_squared: Share of the fees' variance that the line explains; NULL where all fees are the same
  residual_p05: A twentieth of the residuals is at or below
  residual_p50: Half of the residuals is at or below
  residual_p95: All but a twentieth of the residuals is at or below
  residual_greatest: Greatest distance of a fee from the line
  explained_share: Share of charges within one minor unit of the line
tests:
  not_null: [fit, charges, amount, fee]
  accepted: {fit: [fitted, too few charges, amounts do not differ]}
  holds:
    # The line goes through the mean.
    - "fit <> 'fitted' or abs(fee - percent_bps / 10000 * amount - fixed * charges) <= (amount + charges) / 10000"
    - "explained_share is null or explained_share between 0 and 1"
incremental:
  by: [shop, month]
  from:
    marts.payment_fees: [shop, "cast(date_trunc('month', day) as date)"]
--- */
with
charges as (
    select shop, cast(date_trunc('month', day) as date) as month, price_group, provider, method, network,
        funding, domestic, currency, attempt_id, minor_unit, amount, fee,
        cast(amount * 10000 as decimal(20, 0)) as x, cast(fee * 10000 as decimal(20, 0)) as y
    from marts.payment_fees
    where fee is not null
),
summed as (
    select shop, month, price_group, min(provider) as provider, min(method) as method, min(network) as network,
        min(funding) as funding, min(domestic) as domestic, min(currency) as currency, count(*) as charges,
        sum(amount) as amount, sum(fee) as fee, min(x) as least, max(x) as greatest, min(y) = max(y) as is_flat,
        arrow_cast(count(*), 'Float64') as n, arrow_cast(sum(x), 'Float64') as sx, arrow_cast(sum(y), 'Float64') as sy,
        arrow_cast(sum(cast(x * x as decimal(38, 0))), 'Float64') as sxx,
        arrow_cast(sum(cast(x * y as decimal(38, 0))), 'Float64') as sxy,
        arrow_cast(sum(cast(y * y as decimal(38, 0))), 'Float64') as syy
    from charges
    group by shop, month, price_group
),
sloped as (
    select *, case when charges < 3 then 'too few charges' when least = greatest then 'amounts do not differ'
            else 'fitted' end as fit,
        case when charges >= 3 and least < greatest then (sxy - sx * sy / n) / (sxx - sx * sx / n) end as slope
    from summed
),
fitted as (
    select *, (sy - slope * sx) / n as start,
        case when not is_flat then slope * (sxy - sx * sy / n) / (syy - sy * sy / n) end as r_squared
    from sloped
),
residuals as (
    select c.shop, c.month, c.price_group, arrow_cast(c.minor_unit, 'Float64') as minor_unit,
        (arrow_cast(c.y, 'Float64') - f.start - f.slope * arrow_cast(c.x, 'Float64')) / 10000 as residual,
        f.charges,
        row_number() over (partition by c.shop, c.month, c.price_group
            order by arrow_cast(c.y, 'Float64') - f.start - f.slope * arrow_cast(c.x, 'Float64'),
                c.attempt_id) as place
    from charges c join fitted f on c.shop = f.shop and c.month = f.month and c.price_group = f.price_group
    where f.fit = 'fitted'
),
spread as (
    select shop, month, price_group, max(case when place = (charges * 5 + 99) / 100 then residual end) as p05,
        max(case when place = (charges * 50 + 99) / 100 then residual end) as p50,
        max(case when place = (charges * 95 + 99) / 100 then residual end) as p95,
        max(abs(residual)) as greatest,
        -- A hair more than the unit, since the line itself is a double.
        count(*) filter (where abs(residual) <= minor_unit * 1.000001) as explained
    from residuals
    group by shop, month, price_group
)
select f.shop, f.month, f.price_group, f.provider, f.method, f.network, f.funding, f.domestic, f.currency, f.fit,
    f.charges,
    cast(f.amount as decimal(18, 4)) as amount, cast(f.fee as decimal(18, 4)) as fee,
    cast(f.slope * 10000 as decimal(18, 4)) as percent_bps, cast(f.start / 10000 as decimal(18, 4)) as fixed,
    cast(f.r_squared as decimal(9, 6)) as r_squared, cast(s.p05 as decimal(18, 4)) as residual_p05,
    cast(s.p50 as decimal(18, 4)) as residual_p50, cast(s.p95 as decimal(18, 4)) as residual_p95,
    cast(s.greatest as decimal(18, 4)) as residual_greatest,
    cast(cast(s.explained as decimal(18, 8)) / cast(f.charges as decimal(18, 0)) as decimal(9, 6)) as explained_share
from fitted f left join spread s on f.shop = s.shop and f.month = s.month and f.price_group = s.price_group
