/* ---
check: checkouts
compare: >
  select shop, count(*) as started, count(case when state = 'converted' then 1 end) as converted from marts.checkouts
  where checkout_id in (select checkout_id from events.storefront) group by shop
by: counting distinct numbered checkouts, and those that appear beside an order or a purchase
--- */
with
begun as (
    select shop, checkout_id, min(event_time) as since
    from events.storefront
    where type in ('storefront.begin_checkout', 'storefront.add_shipping_info', 'storefront.add_payment_info')
        and checkout_id is not null
    group by shop, checkout_id
),
of_cart as (
    select b.shop, b.checkout_id, b.since, max(e.cart_id) as cart_id
    from begun b join events.storefront e on b.shop = e.shop and b.checkout_id = e.checkout_id
    where e.type in ('storefront.begin_checkout', 'storefront.add_shipping_info', 'storefront.add_payment_info')
    group by b.shop, b.checkout_id, b.since
),
-- Of the checkouts of a cart, an order that names none came from the one begun last before it.
last_before_order as (
    select o.shop, o.event_id, max(c.since) as since
    from events.orders o join of_cart c on o.shop = c.shop and o.cart_id = c.cart_id and o.event_time >= c.since
    where o.type = 'order.placed' and o.checkout_id is null
    group by o.shop, o.event_id
),
completed as (
    select b.shop, b.checkout_id from begun b join events.orders o on b.shop = o.shop
        and b.checkout_id = o.checkout_id
    where o.type = 'order.placed' and o.event_time >= b.since
    union
    select b.shop, b.checkout_id from begun b join events.storefront e on b.shop = e.shop
        and b.checkout_id = e.checkout_id
    where e.type = 'storefront.purchase' and e.event_time >= b.since
    union
    select c.shop, c.checkout_id
    from last_before_order l
    join events.orders o on l.shop = o.shop and l.event_id = o.event_id
    join of_cart c on l.shop = c.shop and o.cart_id = c.cart_id and l.since = c.since
)
select b.shop, count(*) as started, count(c.checkout_id) as converted
from begun b left join completed c on b.shop = c.shop and b.checkout_id = c.checkout_id
group by b.shop
