/* ---
check: abandonment_daily
compare: >
  select shop, day, population, sum(started) as started from marts.abandonment_daily where population in ('cart',
  'checkout') group by shop, day, population
by: the first event of each cart and checkout, without the marts of carts and checkouts
--- */
with
firsts as (
    select shop, 'cart' as population, coalesce(cart_id, session_id, visitor_id) as subject,
        min(event_time) as began_at
    from events.storefront
    where type = 'storefront.add_to_cart'
    group by shop, coalesce(cart_id, session_id, visitor_id)
    union all
    select shop, 'checkout', coalesce(checkout_id, cart_id, session_id, visitor_id), min(event_time)
    from events.storefront
    where type in ('storefront.begin_checkout', 'storefront.add_shipping_info', 'storefront.add_payment_info')
    group by shop, coalesce(checkout_id, cart_id, session_id, visitor_id)
)
select shop, shop_date(shop, began_at) as day, population, count(*) as started
from firsts
group by shop, shop_date(shop, began_at), population
