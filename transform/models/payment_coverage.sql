/* ---
name: payment_coverage
title: Which shops tell of payments
description: >
  Whether a shop's events tell of payments at all. Where they do, an order counts as paid when money was taken for it.
  Where they do not, as in the export of an old shop, every order that was not cancelled is taken for paid.
grain: one row a shop
key: [shop]
columns:
  shop: The shop
  tells_payments: Whether any payment, or any order.paid, is known
tests:
  not_null: [tells_payments]
--- */
select shop, bool_or(tells) as tells_payments
from (
    select shop, bool_or(type = 'order.paid') as tells from events.orders group by shop
    union all
    select shop, true from events.payments group by shop
)
group by shop
