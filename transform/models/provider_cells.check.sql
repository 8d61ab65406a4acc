/* ---
check: provider_cells
compare: >
  select c.shop, c.provider, c.currency from (
  select shop, provider, currency, sum(own_approved) as approved, sum(own_attempts) as attempts,
  min(fees) as least from marts.provider_cells group by shop, provider, currency) c
  left join (select shop, provider, currency, count(distinct case when type in ('payment.authorized',
  'payment.captured') then coalesce(attempt_id, payment_id) end) as approved,
  count(distinct coalesce(attempt_id, payment_id || ' ' || type)) as attempts
  from events.payments where payment_id is not null group by shop, provider, currency) e
  on c.shop = e.shop and c.provider = e.provider and c.currency = e.currency
  where c.approved > coalesce(e.approved, 0) or (c.attempts > 0 and e.attempts is null) or c.least < 0
by: no provider with more approvals in its cells than the events tell in all, and none that they never name
--- */
select shop, provider, currency from events.payments where type = 'payment.authorized' and amount is null
