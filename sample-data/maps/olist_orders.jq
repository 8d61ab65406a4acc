# mizan: source olist-orders
#
# Olist's orders, CSV: what became of each order, one event for each time in its row.
#
#   mizan import orders.csv --map sample-data/maps/olist_orders.jq
#
# The lines come from olist_order_items.jq, so that no order.placed is made here. The time of purchase is kept as a
# storefront.purchase; its visitor is `customer_id`, which Olist makes new for every order: the person behind several
# orders is in customers.csv only, a file about people and not about events. Orders that Olist calls canceled have no time
# of cancellation: the last time known of them stands in. Times are local to São Paulo.

def local: to_utc("%Y-%m-%d %H:%M:%S"; "America/Sao_Paulo");

def order_event($type; $time; $data):
  select($time != "") | {type: $type, id: "\(.order_id)-\($type)", time: ($time | local), data: ({order_id} + $data)};

order_event("storefront.purchase"; .order_purchase_timestamp; {visitor_id: .customer_id, customer_id}),
order_event("order.paid"; .order_approved_at; {customer: {id: .customer_id}}),
order_event("order.shipped"; .order_delivered_carrier_date; {}),
order_event("order.delivered"; .order_delivered_customer_date; {}),
(
  select(.order_status == "canceled")
  | ([.order_purchase_timestamp, .order_approved_at, .order_delivered_carrier_date, .order_delivered_customer_date] | max)
    as $last
  | order_event("order.cancelled"; $last; {customer: {id: .customer_id}, reason: "canceled"})
)
