/* ---
name: product_pairs
title: Products bought together
description: >
  Which products are bought in one order, over all paid orders. support is the orders with both over all orders;
  confidence is the orders with both over the orders with sku: of those who buy sku, how many buy with_sku too; lift is
  confidence over the share of all orders that have with_sku: above 1, the two are bought together more often than
  chance. Each pair stands twice, once from each side. Of an order with more than 40 products only the 40 that were
  worth most count, here and in every number of this table (baskets). Pairs that met in one order only are left out:
  they say nothing.
grain: one row a pair of products, from one side
key: [shop, sku, with_sku]
columns:
  shop: The shop
  sku: Product
  with_sku: The other product
  orders: Orders with both
  sku_orders: Orders with sku
  with_sku_orders: Orders with with_sku
  all_orders: Paid orders of the shop with any product
  support: orders over all_orders
  confidence: orders over sku_orders
  lift: confidence over with_sku_orders over all_orders
tests:
  not_null: [orders, sku_orders, with_sku_orders, all_orders, support, confidence, lift]
  holds:
    - sku <> with_sku
    - orders >= 2
    - orders <= sku_orders and orders <= with_sku_orders
    - sku_orders <= all_orders
    - confidence between 0 and 1
--- */
with
alone as (
    select shop, sku, count(*) as orders from marts.baskets group by shop, sku
),
everything as (
    select shop, count(*) as orders from marts.baskets where place = 1 group by shop
),
pairs as (
    select a.shop, a.sku as one, b.sku as other, count(*) as orders
    from marts.baskets a join marts.baskets b on a.shop = b.shop and a.order_id = b.order_id and a.sku < b.sku
    group by a.shop, a.sku, b.sku
    having count(*) >= 2
),
sides as (
    select shop, one as sku, other as with_sku, orders from pairs
    union all
    select shop, other, one, orders from pairs
)
select p.shop, p.sku, p.with_sku, p.orders, a.orders as sku_orders, b.orders as with_sku_orders, e.orders as all_orders,
    cast(cast(p.orders as decimal(18, 6)) / e.orders as decimal(9, 6)) as support,
    cast(cast(p.orders as decimal(18, 6)) / a.orders as decimal(9, 6)) as confidence,
    cast(cast(p.orders * e.orders as decimal(28, 6)) / (a.orders * b.orders) as decimal(18, 6)) as lift
from sides p
join alone a on p.shop = a.shop and p.sku = a.sku
join alone b on p.shop = b.shop and p.with_sku = b.sku
join everything e on p.shop = e.shop
