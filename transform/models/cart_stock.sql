/* ---
name: cart_stock
title: Stock behind carts
description: >
  How stock stood, over all locations, when a cart was last touched, for the products left in it. out_of_stock: at
  least one of them had no piece left. Else short: at least one had fewer pieces than the cart wanted. Else in_stock.
  Products whose stock was never told are passed over; where that is all of them, the status is NULL.
grain: one row a cart with something in it
key: [shop, cart_id]
time: touched_at
columns:
  shop: The shop
  cart_id: The cart, or the visit or visitor where it has no number
  touched_at: When it was last touched
  stock_status: out_of_stock, short or in_stock; NULL where no stock is known
  products: Products left in the cart
  out_of_stock: Of these, products without a piece in stock
tests:
  not_null: [touched_at]
  accepted: {stock_status: [out_of_stock, short, in_stock]}
  at_least_zero: [products, out_of_stock]
  holds: [out_of_stock <= products]
--- */
with
touched as (
    select shop, coalesce(cart_id, session_id, visitor_id) as cart_id, max(event_time) as touched_at
    from events.storefront
    where cart_id is not null or type in ('storefront.add_to_cart', 'storefront.remove_from_cart',
        'storefront.view_cart', 'storefront.apply_coupon', 'storefront.deny_coupon', 'storefront.remove_coupon',
        'storefront.begin_checkout', 'storefront.add_shipping_info', 'storefront.add_payment_info',
        'storefront.purchase')
    group by shop, coalesce(cart_id, session_id, visitor_id)
),
wanted as (
    select i.shop, i.sku, i.cart_id, t.touched_at, i.pieces
    from marts.cart_items i join touched t on i.shop = t.shop and i.cart_id = t.cart_id
    where i.pieces > 0
),
-- Movements and carts in one line of time: the running sum is the stock that each cart found. At the same moment stock
-- moves first.
in_line as (
    select shop, sku, moved_at as at, false as is_cart, quantity as moved, null as cart_id, null as pieces
    from marts.stock_movements
    union all
    select shop, sku, touched_at, true, null, cart_id, pieces from wanted
),
found as (
    select shop, sku, at, is_cart, cart_id, pieces, sum(moved) over (partition by shop, sku order by at, is_cart
        range between unbounded preceding and current row) as stock
    from in_line
),
counted as (
    select shop, cart_id, max(at) as touched_at, count(*) as products, count(stock) as known,
        count(*) filter (where stock <= 0) as out_of_stock,
        count(*) filter (where stock < pieces) as short
    from found
    where is_cart
    group by shop, cart_id
)
select shop, cart_id, touched_at,
    case when out_of_stock > 0 then 'out_of_stock' when short > 0 then 'short' when known > 0 then 'in_stock'
        end as stock_status,
    products, out_of_stock
from counted
