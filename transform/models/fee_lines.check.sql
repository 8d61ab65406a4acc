/* ---
check: fee_lines
compare: >
  select shop, month, provider, method, network, funding, currency, sum(charges) as charges,
  case when count(*) = 1 and max(fit) = 'fitted' then round(max(percent_bps), 2) end as bps,
  case when count(*) = 1 and max(fit) = 'fitted' then round(max(fixed), 2) end as fixed from marts.fee_lines
  where provider not in (select provider from events.payments where type = 'payment.settled' and fee is not null
  and payment_id is not null) group by shop, month, provider, method, network, funding, currency
by: the engine's own regression over the events, payments with one capture or several told apart by their attempts
--- */
with
named as (
    select *, case when count(distinct_attempt) over (partition by shop, provider, payment_id) > 1
            then coalesce(attempt_id, payment_id) else '' end as charge
    from (select *, case when type = 'payment.captured' and row_number() over (partition by shop, provider, payment_id,
                type, coalesce(attempt_id, '') order by event_time, event_id) = 1 then 1 end as distinct_attempt
        from events.payments where payment_id is not null and type <> 'payment.settled')
),
charges as (
    select shop, provider, payment_id, charge,
        cast(date_trunc('month', shop_date(shop, min(case when type = 'payment.captured' then event_time end))) as date)
            as month,
        coalesce(max(method), 'unknown') as method, coalesce(max(card['brand']), 'unknown') as network,
        coalesce(max(card['funding']), 'unknown') as funding, max(upper(card['country'])) as country,
        max(currency) as currency, sum(case when type = 'payment.captured' then amount else 0 end) as amount,
        sum(case when dispute_id is null and refund_id is null and type in ('payment.captured', 'payment.fee',
            'payment.authorized') and fee >= 0 then fee end) as fee
    from named
    group by shop, provider, payment_id, charge
),
priced as (
    select c.*, case when c.country is null or h.currency is null then 'unknown'
            when c.country = substr(h.currency, 1, 2) then 'home'
            when h.currency = 'EUR' and c.country in ('AT', 'BE', 'BG', 'CY', 'DE', 'EE', 'ES', 'FI', 'FR', 'GR', 'HR',
                'IE', 'IT', 'LT', 'LU', 'LV', 'MT', 'NL', 'PT', 'SI', 'SK') then 'home' else 'away' end as place
    from charges c left join settings.shops h on c.shop = h.shop
    where c.amount > 0 and c.fee is not null
),
fitted as (
    select shop, month, provider, method, network, funding, currency, place, count(*) as charges,
        case when count(*) >= 3 and min(amount) < max(amount) then round(cast(10000 * regr_slope(arrow_cast(fee,
            'Float64'), arrow_cast(amount, 'Float64')) as decimal(18, 4)), 2) end as bps,
        case when count(*) >= 3 and min(amount) < max(amount) then round(cast(regr_intercept(arrow_cast(fee,
            'Float64'), arrow_cast(amount, 'Float64')) as decimal(18, 4)), 2) end as fixed
    from priced
    group by shop, month, provider, method, network, funding, currency, place
)
select shop, month, provider, method, network, funding, currency, sum(charges) as charges,
    case when count(*) = 1 then max(bps) end as bps, case when count(*) = 1 then max(fixed) end as fixed
from fitted
where provider not in (select provider from events.payments where type = 'payment.settled' and fee is not null
    and payment_id is not null)
group by shop, month, provider, method, network, funding, currency
