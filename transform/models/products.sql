/* ---
name: products
title: Products
description: >
  Every product that was sold, came back, was viewed or put into a cart, with its sums over all days. Amounts are in the
  currency that it was sold in, and NULL where those are several: products_daily keeps them apart, base_net_sales
  converts them. visitors counts a visitor once a day. conversion is orders over visitors, and may be above 1 where
  orders come from elsewhere; cart_rate is carts over visitors. A rate over nothing is NULL.
grain: one row a product
key: [shop, sku]
columns:
  shop: The shop
  sku: Product
  name: Name as the catalogue last told it, else as last sold
  category: Category, likewise
  currency: Currency of the amounts; NULL where it was sold in several, or not at all
  first_sold_on: Day of its first sale
  last_sold_on: Day of its last sale
  orders: Orders with the product
  units: Pieces sold
  returned_units: Pieces that came back
  gross_sales: Pieces times price, before discount, tax and shipping
  discounts: Discounts on the lines, with their shares of discounts on orders
  returns: Product value of what came back
  net_sales: gross_sales less discounts less returns
  base_currency: Currency of the shop
  base_net_sales: net_sales in the base currency at the rates of the orders' days; NULL where one is missing
  views: Views of the product
  visitors: Visitors that viewed it, each counted once a day
  carts: Carts that it was added to
  cart_rate: carts over visitors
  conversion: orders over visitors
tests:
  at_least_zero: [orders, units, returned_units, views, visitors, carts]
  holds: ["net_sales is null or net_sales = gross_sales - discounts - returns"]
incremental:
  by: [shop, sku]
  from:
    marts.products_daily: [shop, sku]
    marts.product_interest_daily: [shop, sku]
    marts.order_lines: [shop, sku]
    events.inventory: [shop, sku]
--- */
with
sold as (
    select shop, sku, case when min(currency) = max(currency) then min(currency) end as currency,
        min(day) filter (where units > 0) as first_sold_on, max(day) filter (where units > 0) as last_sold_on,
        sum(orders) as orders, sum(units) as units, sum(returned_units) as returned_units,
        sum(gross_sales) as gross_sales, sum(discounts) as discounts, sum(returns) as returns,
        max(base_currency) as base_currency,
        case when count(*) = count(base_net_sales) then sum(base_net_sales) end as base_net_sales
    from marts.products_daily
    group by shop, sku
),
wanted as (
    select shop, sku, sum(views) as views, sum(visitors) as visitors, sum(carts) as carts
    from marts.product_interest_daily
    group by shop, sku
),
in_catalogue as (
    select shop, sku,
        last_value(name order by event_time, source, event_id) filter (where name is not null) as name,
        last_value(category order by event_time, source, event_id) filter (where category is not null) as category
    from events.inventory
    where type = 'product.upserted'
    group by shop, sku
),
as_sold as (
    select shop, sku,
        last_value(name order by placed_at, order_id, line_id) filter (where name is not null) as name,
        last_value(category order by placed_at, order_id, line_id) filter (where category is not null) as category
    from marts.order_lines
    group by shop, sku
),
known as (
    select shop, sku from sold union select shop, sku from wanted
)
select k.shop, k.sku, coalesce(c.name, a.name) as name, coalesce(c.category, a.category) as category, s.currency,
    s.first_sold_on, s.last_sold_on,
    coalesce(s.orders, 0) as orders,
    cast(coalesce(s.units, 0) as decimal(18, 4)) as units,
    cast(coalesce(s.returned_units, 0) as decimal(18, 4)) as returned_units,
    cast(case when s.sku is null then 0 when s.currency is not null then s.gross_sales end as decimal(18, 4))
        as gross_sales,
    cast(case when s.sku is null then 0 when s.currency is not null then s.discounts end as decimal(18, 4))
        as discounts,
    cast(case when s.sku is null then 0 when s.currency is not null then s.returns end as decimal(18, 4)) as returns,
    cast(case when s.sku is null then 0 when s.currency is not null
        then s.gross_sales - s.discounts - s.returns end as decimal(18, 4)) as net_sales,
    coalesce(s.base_currency, h.currency) as base_currency,
    cast(case when s.sku is null then 0 else s.base_net_sales end as decimal(18, 4)) as base_net_sales,
    coalesce(w.views, 0) as views, coalesce(w.visitors, 0) as visitors, coalesce(w.carts, 0) as carts,
    cast(cast(w.carts as decimal(18, 6)) / nullif(w.visitors, 0) as decimal(18, 6)) as cart_rate,
    cast(cast(coalesce(s.orders, 0) as decimal(18, 6)) / nullif(w.visitors, 0) as decimal(18, 6)) as conversion
from known k
left join sold s on k.shop = s.shop and k.sku = s.sku
left join wanted w on k.shop = w.shop and k.sku = w.sku
left join in_catalogue c on k.shop = c.shop and k.sku = c.sku
left join as_sold a on k.shop = a.shop and k.sku = a.sku
left join settings.shops h on k.shop = h.shop
