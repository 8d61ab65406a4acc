/* ---
name: product_interest_daily
title: Interest in products by day
description: >
  How often each product was looked at and put into a cart on the shop's days. views are view_item events, each product
  of an event that lists several counted. visitors are the distinct visitors (visits, where the visitor is not known)
  that viewed it on that day; over several days their sum counts a visitor once a day. carts are the carts that it was
  first added to on that day.
grain: one row a shop, day and product
key: [shop, day, sku]
time: day
columns:
  shop: The shop
  day: Day in the shop's time zone
  sku: Product
  views: Views of the product
  visitors: Visitors that viewed it
  carts: Carts that it was first added to
tests:
  at_least_zero: [views, visitors, carts]
  holds:
    - visitors <= views
    - views > 0 or carts > 0
incremental:
  by: [shop, day]
  from:
    events.storefront: [shop, "shop_date(shop, event_time)"]
    marts.cart_items: [shop, "shop_date(shop, first_added_at)"]
--- */
with
views as (
    select shop, event_time, coalesce('v ' || visitor_id, 's ' || session_id) as visitor,
        case when cardinality(items) > 0 then items end as items, sku
    from events.storefront
    where type = 'storefront.view_item'
),
listed as (
    select shop, event_time, visitor, unnest(items) as item from views where items is not null
),
seen as (
    select shop, shop_date(shop, event_time) as day, visitor, sku from views where items is null
    union all
    select shop, shop_date(shop, event_time), visitor, item['sku'] from listed
),
by_visitor as (
    select shop, day, sku, visitor, count(*) as views from seen where sku is not null group by shop, day, sku, visitor
),
counted as (
    select shop, day, sku, sum(views) as views, count(*) as visitors, 0 as carts from by_visitor group by shop, day, sku
    union all
    select shop, shop_date(shop, first_added_at), sku, 0, 0, count(*)
    from marts.cart_items
    group by shop, shop_date(shop, first_added_at), sku
)
select shop, day, sku, sum(views) as views, sum(visitors) as visitors, sum(carts) as carts
from counted
group by shop, day, sku
