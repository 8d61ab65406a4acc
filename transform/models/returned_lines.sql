/* ---
name: returned_lines
title: What came back
description: >
  Pieces that came back, each tied to the line it was sold on: by line_id where the return names one, else by product,
  lowest line first. A return without lines, and a cancellation, bring back everything that no other return does. What
  ties to no ordered line (the order is unknown, or more came back than was ordered) stands without a line number. The
  value is the product's alone, without tax and shipping: as the return tells it, else the net price of the line. The
  base amounts are at the rate of the order's day, whenever it came back (order_rates), each line rounded once, halves
  to the even minor unit; NULL where no rate is known.
grain: one row a returned line and the line it was sold on
key: [shop, order_id, event_id, place, line_key]
time: returned_at
columns:
  shop: The shop
  order_id: The order, or the return's own number where it is not tied to one
  event_id: The event that tells of it
  place: Place of the line in the return, from 1; 0 where everything came back
  line_key: Line number as text, or a dash where it ties to no line
  line_number: The line of the order that it was sold on
  sku: Product
  reason: returned or cancelled
  returned_at: When it came back
  quantity: Pieces
  value: What the pieces were sold for, without tax and shipping
  tax: Tax on them
  currency: Currency of the amounts
  base_currency: Currency of the shop
  base_value: value in the base currency
  base_tax: tax in the base currency
tests:
  not_null: [sku, returned_at, currency]
  accepted: {reason: [returned, cancelled]}
  at_least_zero: [quantity]
incremental:
  by: [shop, order_id]
  from:
    marts.order_rates: [shop, order_id]
    events.orders: [shop, order_id]
    marts.ordered_lines: [shop, order_id]
--- */
with
told as (
    select shop, order_id, source, event_id, event_time as returned_at, currency, unnest(lines) as line,
        unnest(generate_series(1, cast(cardinality(lines) as bigint))) as place
    from events.orders
    where type = 'order.returned'
),
orders_with_returns as (
    select distinct shop, order_id from events.orders where type in ('order.returned', 'order.cancelled')
),
ordered as (
    select l.* from marts.ordered_lines l join orders_with_returns r on l.shop = r.shop and l.order_id = r.order_id
),
currencies_of_orders as (
    select shop, order_id, max(currency) as currency from ordered group by shop, order_id
),
known_line_ids as (
    select distinct shop, order_id, line_id from ordered
),
-- Pieces stand in a row on a shelf, that of their line or that of their product; returns take them from the front.
claims as (
    select t.shop, t.order_id, t.source, t.event_id, t.returned_at, t.currency, t.place, t.line['sku'] as sku,
        t.line['quantity'] as quantity,
        t.line['unit_price'] as unit_price, t.line['discount'] as discount, t.line['tax'] as tax,
        case when k.line_id is null then 'sku ' || t.line['sku'] else 'line ' || k.line_id end as shelf
    from told t
    left join known_line_ids k on t.shop = k.shop and t.order_id = k.order_id and t.line['line_id'] = k.line_id
),
claims_in_row as (
    select *, sum(quantity) over (partition by shop, order_id, shelf
        order by returned_at, source, event_id, place) as until
    from claims
),
on_shelves as (
    select shop, order_id, line_number, quantity, 'line ' || line_id as shelf from ordered
    union all
    select shop, order_id, line_number, quantity, 'sku ' || sku from ordered
),
shelves_in_row as (
    select *, sum(quantity) over (partition by shop, order_id, shelf order by line_number) as until
    from on_shelves
),
tied as (
    select c.shop, c.order_id, c.event_id, c.place, s.line_number,
        least(c.until, s.until) - greatest(c.until - c.quantity, s.until - s.quantity) as pieces
    from claims_in_row c
    join shelves_in_row s on c.shop = s.shop and c.order_id = s.order_id and c.shelf = s.shelf
        and s.until > c.until - c.quantity and c.until > s.until - s.quantity
),
tied_of_claim as (
    select shop, order_id, event_id, place, sum(pieces) as pieces from tied group by shop, order_id, event_id, place
),
untied as (
    select c.shop, c.order_id, c.event_id, c.place, cast(null as bigint) as line_number,
        c.quantity - coalesce(t.pieces, 0) as pieces
    from claims c
    left join tied_of_claim t on c.shop = t.shop and c.order_id = t.order_id and c.event_id = t.event_id
        and c.place = t.place
    where c.quantity > coalesce(t.pieces, 0)
),
tied_or_not as (
    select * from tied union all select * from untied
),
in_part as (
    select t.shop, t.order_id, t.event_id, t.place, t.line_number, 'returned' as reason, c.returned_at, c.sku,
        t.pieces, c.currency,
        c.unit_price * t.pieces - coalesce(c.discount, 0) * t.pieces / c.quantity as told_value,
        c.tax * t.pieces / c.quantity as told_tax
    from tied_or_not t
    join claims c on t.shop = c.shop and t.order_id = c.order_id and t.event_id = c.event_id and t.place = c.place
),
came_back_whole as (
    select shop, order_id, event_id, type, event_time, row_number() over (partition by shop, order_id
        order by event_time, source, event_id) as place
    from events.orders
    where type = 'order.cancelled' or (type = 'order.returned' and coalesce(cardinality(lines), 0) = 0)
),
tied_of_line as (
    select shop, order_id, line_number, sum(pieces) as pieces from tied group by shop, order_id, line_number
),
the_rest as (
    select w.shop, w.order_id, w.event_id, cast(0 as bigint) as place, o.line_number,
        case w.type when 'order.cancelled' then 'cancelled' else 'returned' end as reason,
            w.event_time as returned_at, o.sku,
        o.quantity - coalesce(t.pieces, 0) as pieces, o.currency, null as told_value, null as told_tax
    from came_back_whole w
    join ordered o on w.shop = o.shop and w.order_id = o.order_id
    left join tied_of_line t on o.shop = t.shop and o.order_id = t.order_id and o.line_number = t.line_number
    where w.place = 1 and o.quantity > coalesce(t.pieces, 0)
),
everything as (
    select * from in_part union all select * from the_rest
),
valued as (
    select e.shop, e.order_id, e.event_id, e.place, e.line_number, e.sku, e.reason, e.returned_at,
        cast(e.pieces as decimal(18, 4)) as quantity,
        cast(coalesce(e.told_value, o.net_sales * e.pieces / nullif(o.quantity, 0), 0) as decimal(18, 4)) as value,
        cast(coalesce(e.told_tax, o.tax * e.pieces / nullif(o.quantity, 0), 0) as decimal(18, 4)) as tax,
        coalesce(c.currency, e.currency, s.currency) as currency
    from everything e
    left join ordered o on e.shop = o.shop and e.order_id = o.order_id and e.line_number = o.line_number
    left join currencies_of_orders c on e.shop = c.shop and e.order_id = c.order_id
    left join settings.shops s on e.shop = s.shop
),
converted as (
    select v.*, q.base_currency, q.base_steps, v.value * q.fx_rate * q.base_steps as value_steps,
        v.tax * q.fx_rate * q.base_steps as tax_steps
    from valued v left join marts.order_rates q on v.shop = q.shop and v.order_id = q.order_id
        and v.currency = q.currency
),
-- A cast rounds halves away from zero; what it made odd of a half goes back by one.
rounded as (
    select *, cast(value_steps as decimal(38, 0)) as value_rounded, cast(tax_steps as decimal(38, 0)) as tax_rounded
    from converted
)
select shop, order_id, event_id, place, coalesce(cast(line_number as varchar), '-') as line_key, line_number, sku,
    reason, returned_at, quantity, value, tax, currency, base_currency,
    cast((value_rounded - case when abs(value_steps - value_rounded) <> 0.5 or value_rounded % 2 = 0 then 0
        when value_steps < 0 then -1 else 1 end) / base_steps as decimal(18, 4)) as base_value,
    cast((tax_rounded - case when abs(tax_steps - tax_rounded) <> 0.5 or tax_rounded % 2 = 0 then 0
        when tax_steps < 0 then -1 else 1 end) / base_steps as decimal(18, 4)) as base_tax
from rounded
