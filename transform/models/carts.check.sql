/* ---
check: carts
compare: >
  select c.shop, count(*) as started, count(converted_at) as converted, sum(case when converted_at is null and
  last_activity_at + interval '60 minutes' <= r.as_of then 1 else 0 end) as left_alone from marts.carts c cross join
  settings.run r group by c.shop
by: counting distinct carts, and those that appear beside an order
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
last_touched as (
    select t.shop, t.cart, max(t.event_time) as at from touched t join filled f on t.shop = f.shop
        and t.cart = f.cart group by t.shop, t.cart
)
select l.shop, count(*) as started, count(b.cart) as converted,
    sum(case when b.cart is null and l.at + interval '60 minutes' <= r.as_of then 1 else 0 end) as left_alone
from last_touched l
left join bought b on l.shop = b.shop and l.cart = b.cart
cross join settings.run r
group by l.shop
