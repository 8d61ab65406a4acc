/* ---
name: orders
title: Orders
description: >
  Every order with where it stands, what it sold and what came back. net_sales is gross_sales less discounts less
  returns, without tax and shipping. An order cancelled before it was paid sold nothing: its amounts are zero and
  is_sale is false; ordered_total keeps what it asked. A return that names no known order is a row with status
  returned, gross 0 and its value as returns.
grain: one row an order
key: [shop, order_id]
time: placed_at
columns:
  shop: The shop
  order_id: The order
  customer_id: The customer
  placed_at: When it was placed; where that was never told, when it was first heard of
  status: "placed, packed, shipped, out_for_delivery, delivery_failed, delivered, cancelled or returned: the furthest
    it came"
  payment_status: "unpaid, cod_pending, authorized, paid, partially_refunded or refunded"
  payment_method: How the customer chose to pay
  channel: "Where it was sold: online, pos, marketplace"
  country: Country it is sent to
  session_id: The visit that led to it
  checkout_id: The checkout that led to it
  cart_id: The cart that led to it
  currency: Currency of the amounts
  units: Pieces sold
  gross_sales: Pieces times price, before discount, tax and shipping
  discounts: Discounts on lines and on the order
  returns: Product value of what came back
  net_sales: gross_sales less discounts less returns
  shipping: Shipping charged
  tax: Tax charged
  total: What the customer pays
  ordered_total: What the order asked, also where it was cancelled
  captured: Payments captured
  refunded: Payments given back
  paid_at: When it was paid in full
  cancelled_at: When it was cancelled
  delivered_at: When it was delivered
  is_sale: False where the order was cancelled before it was paid, and for a return that names no known order
  is_paid: "Whether it counts as a paid order: a sale for which money was taken, in part or in full; in a shop that
    tells of no payments (payment_coverage), every sale"
  is_free: Whether it is a sale whose products cost nothing after discounts
  base_currency: Currency of the shop
  fx_rate: Units of base_currency for one unit of currency, on the day of the order (order_rates)
  fx_date: Day from which that rate holds
  base_gross_sales: gross_sales in the base currency, the sum of its lines; NULL where no rate is known
  base_discounts: discounts in the base currency
  base_returns: returns in the base currency, at the rate of the order
  base_net_sales: base_gross_sales less base_discounts less base_returns
tests:
  not_null: [placed_at, status, payment_status, is_sale, is_paid, is_free]
  accepted:
    status: [placed, packed, shipped, out_for_delivery, delivery_failed, delivered, cancelled, returned]
    payment_status: [unpaid, cod_pending, authorized, paid, partially_refunded, refunded]
  at_least_zero: [units, captured, refunded]
  holds:
    - net_sales = gross_sales - discounts - returns
    - is_paid = false or is_sale
    - base_net_sales is null or base_net_sales = base_gross_sales - base_discounts - base_returns
incremental:
  by: [shop, order_id]
  from:
    marts.order_rates: [shop, order_id]
    events.orders: [shop, order_id]
    events.payments: [shop, order_id]
    marts.order_lines: [shop, order_id]
--- */
with
-- At the same time an edit comes after what it edits; else source and id decide, never the order of arrival.
in_time as (
    select *, row_number() over (partition by shop, order_id
        order by event_time, type = 'order.edited', source, event_id) as place
    from events.orders
),
newest_first as (
    select shop, order_id, shipping, tax, total, row_number() over (partition by shop, order_id
        order by place desc) as age
    from in_time
    where type in ('order.placed', 'order.edited')
),
told as (
    select shop, order_id,
        min(event_time) filter (where type in ('order.placed', 'order.edited')) as placed_at,
        min(event_time) as heard_at,
        last_value(customer_id order by place) filter (where customer_id is not null) as customer_id,
        last_value(payment_method order by place) filter (where payment_method is not null) as payment_method,
        last_value(channel order by place) filter (where channel is not null) as channel,
        last_value(shipping_address['country'] order by place)
            filter (where shipping_address['country'] is not null) as country,
        last_value(currency order by place) filter (where currency is not null) as currency,
        max(session_id) as session_id, max(checkout_id) as checkout_id, max(cart_id) as cart_id,
        min(event_time) filter (where type = 'order.paid') as paid_at,
        min(event_time) filter (where type = 'order.cancelled') as cancelled_at,
        min(event_time) filter (where type = 'order.delivered') as delivered_at,
        bool_or(type = 'order.returned') as came_back,
        max(case type when 'order.packed' then 1 when 'order.shipped' then 2 when 'order.out_for_delivery' then 3
            when 'order.delivery_failed' then 4 when 'order.delivered' then 5 else 0 end) as furthest
    from in_time
    group by shop, order_id
),
paid as (
    select shop, order_id, bool_or(type = 'payment.authorized') as authorized,
        sum(amount) filter (where type = 'payment.captured') as captured,
        sum(amount) filter (where type = 'payment.refunded') as refunded,
        max(event_time) filter (where type = 'payment.captured') as captured_at
    from events.payments
    where order_id is not null
    group by shop, order_id
),
sold as (
    select shop, order_id, bool_or(is_sale) as is_sale, sum(quantity) as units, sum(gross_sales) as gross_sales,
        sum(discount) as discounts,
        sum(returns) as returns, sum(net_sales) as net_sales, sum(tax) as tax,
        case when count(*) = count(base_net_sales) then sum(base_gross_sales) end as base_gross_sales,
        case when count(*) = count(base_net_sales) then sum(base_discount) end as base_discounts,
        case when count(*) = count(base_net_sales) then sum(base_returns) end as base_returns
    from marts.order_lines
    group by shop, order_id
),
together as (
    select t.*, coalesce(t.currency, h.currency) as own_currency, p.authorized, p.captured_at,
        n.shipping as asked_shipping,
        coalesce(n.tax, s.tax) as asked_tax,
        coalesce(n.total, s.gross_sales - s.discounts + coalesce(n.shipping, 0) + coalesce(n.tax,
            s.tax)) as asked_total,
        coalesce(p.captured, 0) as captured, coalesce(p.refunded, 0) as refunded,
        coalesce(s.is_sale, false) as is_sale, coalesce(s.units, 0) as units, coalesce(s.gross_sales,
            0) as gross_sales,
        coalesce(s.discounts, 0) as discounts, coalesce(s.returns, 0) as returns, coalesce(s.net_sales,
            0) as net_sales,
        coalesce(g.tells_payments, false) as tells_payments, q.base_currency, q.fx_rate, q.fx_date,
        -- Nothing sold and nothing back is nothing in any currency.
        case when s.order_id is null then 0 else s.base_gross_sales end as base_gross_sales,
        case when s.order_id is null then 0 else s.base_discounts end as base_discounts,
        case when s.order_id is null then 0 else s.base_returns end as base_returns
    from told t
    left join newest_first n on t.shop = n.shop and t.order_id = n.order_id and n.age = 1
    left join paid p on t.shop = p.shop and t.order_id = p.order_id
    left join sold s on t.shop = s.shop and t.order_id = s.order_id
    left join settings.shops h on t.shop = h.shop
    left join marts.payment_coverage g on t.shop = g.shop
    left join marts.order_rates q on t.shop = q.shop and t.order_id = q.order_id
),
-- Paid is what the shop says is paid, or captures that reach the total; one capture is enough where no total is
-- known.
settled as (
    select *, coalesce(paid_at, case when captured > 0 and captured >= coalesce(asked_total, 0) then captured_at
        end) as settled_at
    from together
)
select shop, order_id, customer_id, coalesce(placed_at, heard_at) as placed_at,
    case
        when came_back then 'returned'
        when cancelled_at is not null then 'cancelled'
        else case furthest when 0 then 'placed' when 1 then 'packed' when 2 then 'shipped'
            when 3 then 'out_for_delivery'
            when 4 then 'delivery_failed' else 'delivered' end
    end as status,
    case
        when refunded > 0 and refunded >= captured then 'refunded'
        when refunded > 0 then 'partially_refunded'
        when settled_at is not null then 'paid'
        when authorized or captured > 0 then 'authorized'
        when payment_method in ('cod', 'cash_on_delivery') then 'cod_pending'
        else 'unpaid'
    end as payment_status,
    payment_method, channel, country, session_id, checkout_id, cart_id, own_currency as currency,
    cast(units as decimal(18, 4)) as units,
    cast(gross_sales as decimal(18, 4)) as gross_sales,
    cast(discounts as decimal(18, 4)) as discounts,
    cast(returns as decimal(18, 4)) as returns,
    cast(net_sales as decimal(18, 4)) as net_sales,
    cast(case when is_sale then coalesce(asked_shipping, 0) else 0 end as decimal(18, 4)) as shipping,
    cast(case when is_sale then coalesce(asked_tax, 0) else 0 end as decimal(18, 4)) as tax,
    cast(case when is_sale then coalesce(asked_total, 0) else 0 end as decimal(18, 4)) as total,
    cast(coalesce(asked_total, 0) as decimal(18, 4)) as ordered_total,
    cast(captured as decimal(18, 4)) as captured,
    cast(refunded as decimal(18, 4)) as refunded,
    settled_at as paid_at, cancelled_at, delivered_at, is_sale,
    is_sale and (settled_at is not null or captured > 0 or not tells_payments) as is_paid,
    is_sale and gross_sales = discounts as is_free,
    base_currency, fx_rate, fx_date,
    cast(base_gross_sales as decimal(18, 4)) as base_gross_sales,
    cast(base_discounts as decimal(18, 4)) as base_discounts,
    cast(base_returns as decimal(18, 4)) as base_returns,
    cast(base_gross_sales - base_discounts - base_returns as decimal(18, 4)) as base_net_sales
from settled
