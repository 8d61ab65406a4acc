/* ---
check: order_touches
compare: >
  select shop, order_id, sum(linear_orders) as parts from marts.order_touches group by shop, order_id
by: every order that was not cancelled, or was paid, is shared out exactly once
--- */
with
told as (
    select distinct shop, order_id from events.orders
    where type in ('order.placed', 'order.edited') and cardinality(lines) > 0
),
unsold as (
    select shop, order_id from events.orders where type = 'order.cancelled'
    except
    select shop, order_id from events.orders where type = 'order.paid'
    except
    select shop, order_id from events.payments where type = 'payment.captured'
)
select shop, order_id, cast(1 as decimal(19, 6)) as parts
from (select shop, order_id from told except select shop, order_id from unsold)
