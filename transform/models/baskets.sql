/* ---
name: baskets
title: Products of paid orders
description: >
  The different products of each paid order, the one that was worth most first; what product_pairs counts. Of an order
  with more than 40 products only the 40 that were worth most are here, so that one huge order, which has pairs without
  number, cannot make the work explode. Products of the same worth follow by their names.
grain: one row a paid order and product
key: [shop, order_id, sku]
columns:
  shop: The shop
  order_id: The order
  sku: Product
  place: Place by worth, from 1
  worth: Pieces times price, less discount
tests:
  holds: [place between 1 and 40]
  refers:
    - {columns: [shop, order_id], to: marts.orders}
incremental:
  by: [shop, order_id]
  from:
    marts.order_lines: [shop, order_id]
    marts.orders: [shop, order_id]
--- */
with
bought as (
    select l.shop, l.order_id, l.sku, cast(sum(l.gross_sales - l.discount) as decimal(18, 4)) as worth
    from marts.order_lines l join marts.orders o on l.shop = o.shop and l.order_id = o.order_id
    where o.is_paid and l.is_sale and l.quantity > 0
    group by l.shop, l.order_id, l.sku
),
ranked as (
    select shop, order_id, sku,
        cast(row_number() over (partition by shop, order_id order by worth desc, sku) as bigint) as place, worth
    from bought
)
select * from ranked where place <= 40
