/* ---
check: product_interest_daily
compare: >
  select shop, day, sku, views, visitors from marts.product_interest_daily where views > 0
by: single products and lists counted apart, visitors by a distinct count
--- */
with
opened as (
    select shop, event_time, visitor_id, session_id, unnest(items) as item
    from events.storefront
    where type = 'storefront.view_item' and cardinality(items) > 0
),
seen as (
    select shop, event_time, visitor_id, session_id, item['sku'] as sku from opened
    union all
    select shop, event_time, visitor_id, session_id, sku
    from events.storefront
    where type = 'storefront.view_item' and coalesce(cardinality(items), 0) = 0 and sku is not null
)
select shop, shop_date(shop, event_time) as day, sku, count(*) as views,
    count(distinct visitor_id) + count(distinct case when visitor_id is null then session_id end) as visitors
from seen
where sku is not null
group by shop, shop_date(shop, event_time), sku
