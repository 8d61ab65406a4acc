/* ---
name: fee_changes
title: Changes of price
description: >
  Days from which a provider charged otherwise than before, found in its fees alone: for each cluster, the lines fitted
  to the 28 days before a day and to the 28 days from it on fit so much better than one line over both that the
  difference cannot be rounding (Chow test, F at least 20 over a variance of at least that of rounding), the price of a
  mean charge differs by a minor unit or more, and no day within 28 days divides better. Each side needs 8 charges of
  differing amounts, so a change is known only when 8 charges have come after it, and of two changes within 28 days
  only the clearer. is_announced: settings.provider_terms has terms for the provider that begin within 3 days of it;
  else the provider changed its price in silence.
grain: one row a change of a cluster's price
key: [shop, price_group, changed_on]
time: changed_on
columns:
  shop: The shop
  price_group: The six columns after in one text
  provider: Who takes the money
  method: card, mada, …
  network: Brand of the card
  funding: credit, debit or prepaid
  domestic: domestic, foreign or unknown
  currency: Currency of the amounts
  changed_on: First day with a charge at the new price
  before_bps: Percentage before, in hundredths of a percent
  before_fixed: Fixed part before
  after_bps: Percentage after, in hundredths of a percent
  after_fixed: Fixed part after
  charges_before: Charges of the 28 days before
  charges_after: Charges of the 28 days from then on
  mean_amount: Mean of all these charges
  mean_fee_before: What such a charge cost before
  mean_fee_after: What it costs since
  extra_fees: Fees of the 28 days from then on, less what they would have been before
  f_statistic: How clear the change is
  is_announced: New terms began then
tests:
  not_null: [changed_on, before_bps, after_bps, mean_fee_before, mean_fee_after, is_announced]
  holds: ["charges_before >= 8 and charges_after >= 8", "f_statistic >= 20"]
incremental:
  by: [shop, price_group]
  from:
    marts.payment_fees: [shop, price_group]
--- */
with
daily as (
    select shop, price_group, min(provider) as provider, min(method) as method, min(network) as network,
        min(funding) as funding, min(domestic) as domestic, min(currency) as currency, day,
        max(minor_unit) as minor_unit, count(*) as n,
        sum(x) as sx, sum(y) as sy, sum(cast(x * x as decimal(38, 0))) as sxx,
        sum(cast(x * y as decimal(38, 0))) as sxy, sum(cast(y * y as decimal(38, 0))) as syy,
        min(x) as least, max(x) as greatest
    from (select *, cast(amount * 10000 as decimal(20, 0)) as x, cast(fee * 10000 as decimal(20, 0)) as y
        from marts.payment_fees where fee is not null)
    group by shop, price_group, day
),
framed as (
    select *, sum(n) over before as bn, sum(sx) over before as bx, sum(sy) over before as by_,
        sum(sxx) over before as bxx, sum(sxy) over before as bxy, sum(syy) over before as byy,
        min(least) over before as b_least, max(greatest) over before as b_greatest,
        sum(n) over after as an, sum(sx) over after as ax, sum(sy) over after as ay, sum(sxx) over after as axx,
        sum(sxy) over after as axy, sum(syy) over after as ayy, min(least) over after as a_least,
        max(greatest) over after as a_greatest
    from daily
    window before as (partition by shop, price_group order by day range between interval '28 days' preceding
            and interval '1 day' preceding),
        after as (partition by shop, price_group order by day range between current row
            and interval '27 days' following)
),
-- Doubles from here on, made of exact sums; b is before, a after, c both together.
sums as (
    select shop, price_group, provider, method, network, funding, domestic, currency, day, bn, an,
        arrow_cast(minor_unit * 10000, 'Float64') as unit,
        arrow_cast(bn, 'Float64') as b_n, arrow_cast(bx, 'Float64') as b_x, arrow_cast(by_, 'Float64') as b_y,
        arrow_cast(bxx, 'Float64') as b_xx, arrow_cast(bxy, 'Float64') as b_xy, arrow_cast(byy, 'Float64') as b_yy,
        arrow_cast(an, 'Float64') as a_n, arrow_cast(ax, 'Float64') as a_x, arrow_cast(ay, 'Float64') as a_y,
        arrow_cast(axx, 'Float64') as a_xx, arrow_cast(axy, 'Float64') as a_xy, arrow_cast(ayy, 'Float64') as a_yy,
        arrow_cast(bn + an, 'Float64') as c_n, arrow_cast(bx + ax, 'Float64') as c_x,
        arrow_cast(by_ + ay, 'Float64') as c_y, arrow_cast(bxx + axx, 'Float64') as c_xx,
        arrow_cast(bxy + axy, 'Float64') as c_xy, arrow_cast(byy + ayy, 'Float64') as c_yy
    from framed
    where bn >= 8 and an >= 8 and b_least < b_greatest and a_least < a_greatest
),
lines as (
    select *, (b_xy - b_x * b_y / b_n) / (b_xx - b_x * b_x / b_n) as b_slope,
        (a_xy - a_x * a_y / a_n) / (a_xx - a_x * a_x / a_n) as a_slope,
        (c_xy - c_x * c_y / c_n) / (c_xx - c_x * c_x / c_n) as c_slope
    from sums
),
errors as (
    select *, (b_y - b_slope * b_x) / b_n as b_start, (a_y - a_slope * a_x) / a_n as a_start,
        greatest(b_yy - b_y * b_y / b_n - b_slope * (b_xy - b_x * b_y / b_n), 0)
            + greatest(a_yy - a_y * a_y / a_n - a_slope * (a_xy - a_x * a_y / a_n), 0) as apart,
        greatest(c_yy - c_y * c_y / c_n - c_slope * (c_xy - c_x * c_y / c_n), 0) as together
    from lines
),
tested as (
    select *, (together - apart) / 2 / greatest(apart / (c_n - 4), unit * unit / 12) as f,
        b_start + b_slope * c_x / c_n as fee_before, a_start + a_slope * c_x / c_n as fee_after
    from errors
),
ranked as (
    select *, max(f) over (partition by shop, price_group order by day range between interval '28 days' preceding
            and interval '28 days' following) as clearest,
        max(f) over (partition by shop, price_group order by day range between interval '28 days' preceding
            and interval '1 day' preceding) as clearest_before
    from tested
),
breaks as (
    select * from ranked
    where f >= 20 and abs(fee_after - fee_before) >= unit and f = clearest and f > coalesce(clearest_before, 0)
),
announced as (
    select b.shop, b.price_group, b.day
    from breaks b join settings.provider_terms t on b.provider = t.provider and (t.shop = '*' or t.shop = b.shop)
        and (t.method = '*' or t.method = b.method) and (t.network = '*' or t.network = b.network)
        and (t.funding = '*' or t.funding = b.funding) and (t.domestic = '*' or t.domestic = b.domestic)
        and (t.currency = '*' or t.currency = b.currency)
    where t.valid_from between b.day - interval '3 days' and b.day + interval '3 days'
    group by b.shop, b.price_group, b.day
)
select b.shop, b.price_group, b.provider, b.method, b.network, b.funding, b.domestic, b.currency, b.day as changed_on,
    cast(b_slope * 10000 as decimal(18, 4)) as before_bps, cast(b_start / 10000 as decimal(18, 4)) as before_fixed,
    cast(a_slope * 10000 as decimal(18, 4)) as after_bps, cast(a_start / 10000 as decimal(18, 4)) as after_fixed,
    bn as charges_before, an as charges_after, cast(c_x / c_n / 10000 as decimal(18, 4)) as mean_amount,
    cast(fee_before / 10000 as decimal(18, 4)) as mean_fee_before,
    cast(fee_after / 10000 as decimal(18, 4)) as mean_fee_after,
    cast((a_y - b_start * a_n - b_slope * a_x) / 10000 as decimal(18, 4)) as extra_fees,
    cast(f as decimal(24, 2)) as f_statistic, n.day is not null as is_announced
from breaks b left join announced n on b.shop = n.shop and b.price_group = n.price_group and b.day = n.day
