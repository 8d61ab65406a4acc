/* ---
check: provider_what_if
compare: >
  select w.shop, w.currency, w.provider from marts.provider_what_if w
  join (select shop, currency, provider, count(distinct case when type in ('payment.authorized', 'payment.captured')
  then coalesce(attempt_id, payment_id) end) as approved from events.payments where payment_id is not null
  group by shop, currency, provider) e on w.shop = e.shop and w.currency = e.currency and w.provider = e.provider
  where w.approved > e.approved or w.net_yield > w.success_rate + 0.000001 or (w.is_best and w.sureness < 0.5)
  or abs(w.net_yield - w.success_rate * (1 - w.fee_rate / 10000)) > 0.00001
by: nothing that the events or the definition contradict; what is left is what succeeds less its fees
--- */
select shop, currency, provider from events.payments where type = 'payment.captured' and amount is null
