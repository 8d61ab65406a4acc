/* ---
check: payment_coverage
compare: select shop from marts.payment_coverage where tells_payments
by: the distinct shops of payments and of paid orders
--- */
select distinct shop from events.payments
union
select distinct shop from events.orders where type = 'order.paid'
