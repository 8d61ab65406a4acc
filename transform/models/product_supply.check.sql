/* ---
check: product_supply
compare: >
  select shop, sku, receipts, case when receipts >= 3 then cast(lead_time_days as decimal(12, 3)) end as lead_time_days
  from marts.product_supply where location = 'default' and receipts > 0
by: seconds between the first telling and the first receipt of each order, averaged by the engine
--- */
with
orders as (
    select shop, sku, purchase_order_id,
        min(case when type = 'purchase_order.placed' then event_time end) as placed_at,
        min(case when type = 'purchase_order.received' then event_time end) as received_at
    from events.inventory
    where purchase_order_id is not null and sku is not null and coalesce(location, 'default') = 'default'
        and type in ('purchase_order.placed', 'purchase_order.received', 'purchase_order.cancelled')
    group by shop, sku, purchase_order_id
)
select shop, sku, count(*) as receipts, case when count(*) >= 3 then cast(avg(date_part('epoch', received_at)
    - date_part('epoch', placed_at)) / 86400 as decimal(12, 3)) end as lead_time_days
from orders
where received_at >= placed_at
group by shop, sku
