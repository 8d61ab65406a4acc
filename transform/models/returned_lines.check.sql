/* ---
check: returned_lines
compare: >
  with without_price as (select distinct shop, event_id from (select shop, event_id, unnest(lines) as line from
  events.orders where type = 'order.returned') where line['unit_price'] is null or line['discount'] <> 0) select
  r.shop, sum(r.quantity) as quantity, sum(case when w.event_id is null then r.value else 0 end) as told_value from
  marts.returned_lines r left join without_price w on r.shop = w.shop and r.event_id = w.event_id where r.place > 0
  group by r.shop
by: the lines of the returns as they are told, tied to nothing
--- */
with
lines as (
    select shop, event_id, unnest(lines) as line from events.orders where type = 'order.returned'
),
without_price as (
    select distinct shop, event_id from lines where line['unit_price'] is null or line['discount'] <> 0
)
select l.shop, sum(line['quantity']) as quantity,
    sum(case when w.event_id is null then cast(line['quantity'] * line['unit_price'] as decimal(18, 4)) else 0
        end) as told_value
from lines l left join without_price w on l.shop = w.shop and l.event_id = w.event_id
group by l.shop
