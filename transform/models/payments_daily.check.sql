/* ---
check: payments_daily
compare: >
  select shop, day, provider, sum(captured_amount) as captured_amount, sum(refunded_amount) as refunded_amount,
  sum(refunds) as refunds, sum(disputed_amount) as disputed_amount from marts.payments_daily
  group by shop, day, provider
  having sum(captures) > 0 or sum(captured_amount) <> 0 or sum(refunded_amount) <> 0 or sum(disputed_amount) <> 0
by: the money of each day straight from the events
--- */
select shop, shop_date(shop, event_time) as day, provider,
    sum(case when type = 'payment.captured' then coalesce(amount, 0) else 0 end) as captured_amount,
    sum(case when type = 'payment.refunded' then coalesce(amount, 0) else 0 end) as refunded_amount,
    sum(case when type <> 'payment.refunded' then 0 when amount < 0 then -1 else 1 end) as refunds,
    sum(case when type = 'payment.disputed' then coalesce(amount, 0) else 0 end) as disputed_amount
from events.payments
where payment_id is not null and type in ('payment.captured', 'payment.refunded', 'payment.disputed')
    and (amount <> 0 or type = 'payment.captured')
group by shop, shop_date(shop, event_time), provider
