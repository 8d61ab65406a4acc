/* ---
check: fee_changes
compare: >
  select c.shop, c.price_group, cast(c.changed_on as varchar) as changed_on
  from marts.fee_changes c join (
  select shop, provider, method, currency, coalesce(card['brand'], 'unknown') as network,
  coalesce(card['funding'], 'unknown') as funding, shop_date(shop, event_time) as day, amount, fee from events.payments
  where type = 'payment.captured' and fee > 0 and amount > 0) e
  on c.shop = e.shop and c.provider = e.provider and c.method = e.method and c.currency = e.currency
  and c.network = e.network and c.funding = e.funding
  and e.day between c.changed_on and c.changed_on + interval '27 days'
  group by c.shop, c.price_group, c.changed_on, c.charges_after, c.before_bps, c.before_fixed, c.extra_fees
  having count(*) = c.charges_after and abs(sum(e.fee - c.before_bps * e.amount / 10000 - c.before_fixed)
  - c.extra_fees) > 0.01 + 0.0001 * c.charges_after + 0.0001 * sum(e.amount)
by: no change that the events contradict; their fees after it, at the price before, must leave what it says was extra
--- */
select shop, provider as price_group, cast(event_date as varchar) as changed_on
from events.payments
where type = 'payment.captured' and amount is null
