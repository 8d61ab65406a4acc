/* ---
check: cart_items
compare: >
  select shop, sku, count(*) as carts, sum(added) as added from marts.cart_items group by shop, sku
by: distinct carts that each product was added to, and the pieces of the additions alone
--- */
with
singles as (
    select shop, sku, count(distinct coalesce(cart_id, session_id, visitor_id)) as carts,
        sum(coalesce(quantity, 1)) as added
    from events.storefront
    where type = 'storefront.add_to_cart' and coalesce(cardinality(items), 0) = 0
    group by shop, sku
),
opened as (
    select shop, coalesce(cart_id, session_id, visitor_id) as cart, unnest(items) as item
    from events.storefront
    where type = 'storefront.add_to_cart' and cardinality(items) > 0
),
every_cart as (
    select distinct shop, item['sku'] as sku, cart from opened
    union
    select distinct shop, sku, coalesce(cart_id, session_id, visitor_id)
    from events.storefront
    where type = 'storefront.add_to_cart' and coalesce(cardinality(items), 0) = 0
),
pieces as (
    select shop, sku, added from singles
    union all
    select shop, item['sku'], coalesce(item['quantity'], 1) from opened
),
added as (
    select shop, sku, sum(added) as added from pieces group by shop, sku
)
select e.shop, e.sku, count(*) as carts, cast(max(a.added) as decimal(28, 4)) as added
from every_cart e join added a on e.shop = a.shop and e.sku = a.sku
group by e.shop, e.sku
