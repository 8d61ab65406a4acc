/* ---
name: cart_items
title: Products in carts
description: >
  Every product that was ever added to a cart: how many pieces were added, and what is left of it after the removals.
  A cart without a number is the visit's or the visitor's, as in carts. An event that tells no quantity is about one
  piece. What was removed beyond what was added counts as nothing left.
grain: one row a cart and product
key: [shop, cart_id, sku]
time: first_added_at
columns:
  shop: The shop
  cart_id: The cart, or the visit or visitor where it has no number
  sku: Product
  first_added_at: When it was first added
  last_changed_at: When it was last added or removed
  added: Pieces added
  pieces: Pieces left after the removals
  value: What the pieces left cost
  currency: Currency of value
tests:
  not_null: [sku, first_added_at, last_changed_at]
  at_least_zero: [added, pieces, value]
  holds:
    - pieces <= added
    - first_added_at <= last_changed_at
incremental:
  by: [shop, cart_id]
  from:
    events.storefront: [shop, "coalesce(cart_id, session_id, visitor_id)"]
--- */
with
changes as (
    select shop, coalesce(cart_id, session_id, visitor_id) as cart_id, event_time, currency,
        type = 'storefront.add_to_cart' as is_add, items, sku, quantity, unit_price, value
    from events.storefront
    where type in ('storefront.add_to_cart', 'storefront.remove_from_cart')
),
listed as (
    select shop, cart_id, event_time, currency, is_add, unnest(items) as item
    from changes
    where cardinality(items) > 0
),
moved as (
    select shop, cart_id, event_time, currency, is_add, item['sku'] as sku, coalesce(item['quantity'], 1) as pieces,
        coalesce(item['quantity'], 1) * coalesce(item['unit_price'], 0) as amount
    from listed
    union all
    select shop, cart_id, event_time, currency, is_add, sku, coalesce(quantity, 1),
        coalesce(coalesce(quantity, 1) * unit_price, value, 0)
    from changes
    where coalesce(cardinality(items), 0) = 0
),
summed as (
    select shop, cart_id, sku, min(event_time) filter (where is_add) as first_added_at,
        max(event_time) as last_changed_at, max(currency) as currency,
        sum(case when is_add then pieces else 0 end) as added,
        sum(case when is_add then pieces else -pieces end) as pieces,
        sum(case when is_add then amount else -amount end) as value
    from moved
    where sku is not null
    group by shop, cart_id, sku
)
select m.shop, m.cart_id, m.sku, m.first_added_at, greatest(m.first_added_at, m.last_changed_at) as last_changed_at,
    cast(m.added as decimal(18, 4)) as added,
    cast(greatest(m.pieces, 0) as decimal(18, 4)) as pieces,
    cast(case when m.pieces > 0 then greatest(m.value, 0) else 0 end as decimal(18, 4)) as value,
    coalesce(m.currency, s.currency) as currency
from summed m left join settings.shops s on m.shop = s.shop
where m.first_added_at is not null
