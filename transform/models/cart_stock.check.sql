/* ---
check: cart_stock
compare: >
  select shop, count(*) as carts, sum(products) as products from marts.cart_stock group by shop
by: additions less removals by cart and product, without the marts of carts and stock
--- */
with
signed as (
    select shop, coalesce(cart_id, session_id, visitor_id) as cart, items, sku,
        case type when 'storefront.add_to_cart' then 1 else -1 end * coalesce(quantity, 1) as pieces,
        case type when 'storefront.add_to_cart' then 1 else -1 end as direction
    from events.storefront
    where type in ('storefront.add_to_cart', 'storefront.remove_from_cart')
),
opened as (
    select shop, cart, direction, unnest(items) as item from signed where cardinality(items) > 0
),
pieces as (
    select shop, cart, sku, pieces from signed where coalesce(cardinality(items), 0) = 0
    union all
    select shop, cart, item['sku'], direction * coalesce(item['quantity'], 1) from opened
),
left_in as (
    select shop, cart, sku from pieces group by shop, cart, sku having sum(pieces) > 0
)
select shop, count(distinct cart) as carts, count(*) as products from left_in group by shop
