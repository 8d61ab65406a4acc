/* ---
check: abandonment_reasons
compare: >
  select shop, population, sum(abandoned) as abandoned from marts.abandonment_reasons where population = 'cart' group by
  shop, population
by: carts that no order or purchase followed, silent for an hour and not emptied, counted over the events alone
--- */
with
touched as (
    select *, coalesce(cart_id, session_id, visitor_id) as cart
    from events.storefront
    where cart_id is not null or type in ('storefront.add_to_cart', 'storefront.remove_from_cart',
        'storefront.view_cart', 'storefront.apply_coupon', 'storefront.deny_coupon', 'storefront.remove_coupon',
        'storefront.begin_checkout', 'storefront.add_shipping_info', 'storefront.add_payment_info',
        'storefront.purchase')
),
filled as (
    select shop, cart, min(event_time) as since from touched where type = 'storefront.add_to_cart' group by shop, cart
),
bought as (
    select f.shop, f.cart from filled f join touched t on f.shop = t.shop and f.cart = t.cart
    where t.type = 'storefront.purchase' and t.event_time >= f.since
    union
    select f.shop, f.cart from filled f join events.orders o on f.shop = o.shop and f.cart = o.cart_id
    where o.type = 'order.placed' and o.event_time >= f.since
    union
    select f.shop, f.cart from filled f
    join touched t on f.shop = t.shop and f.cart = t.cart
    join events.orders o on t.shop = o.shop and t.checkout_id = o.checkout_id
    where o.type = 'order.placed' and o.event_time >= f.since
),
opened as (
    select shop, cart, event_time, case type when 'storefront.add_to_cart' then 1 else -1 end as direction,
        quantity, items, unnest(case when cardinality(items) > 0 then items end) as item
    from touched
    where type in ('storefront.add_to_cart', 'storefront.remove_from_cart') and cardinality(items) > 0
),
pieces as (
    select shop, cart, event_time, direction, coalesce(item['quantity'], 1) as pieces from opened
    union all
    select shop, cart, event_time, case type when 'storefront.add_to_cart' then 1 else -1 end, coalesce(quantity, 1)
    from touched
    where type in ('storefront.add_to_cart', 'storefront.remove_from_cart') and coalesce(cardinality(items), 0) = 0
),
emptied as (
    select p.shop, p.cart
    from pieces p join filled f on p.shop = f.shop and p.cart = f.cart and p.event_time >= f.since
    group by p.shop, p.cart
    having sum(p.direction * p.pieces) <= 0
),
silent as (
    select t.shop, t.cart
    from touched t join filled f on t.shop = f.shop and t.cart = f.cart and t.event_time >= f.since
    cross join settings.run r
    group by t.shop, t.cart, r.as_of
    having max(t.event_time) + interval '60 minutes' <= r.as_of
)
select shop, 'cart' as population, count(*) as abandoned
from (select shop, cart from silent except select shop, cart from bought except select shop, cart from emptied)
group by shop
