# mizan: group_by order_id
# mizan: source olist-items
#
# Olist's order_items, Parquet or CSV: one order.placed for all items of an order.
#
#   mizan import order_items.parquet --map sample-data/maps/olist_order_items.jq
#
# `price` is the unit price (an item is one piece), the sum of `freight_value` is the order's shipping. The file knows
# no customer and not when the order was placed: the only time in it, the seller's shipping limit, stands in, and is days
# late. olist_orders.jq brings the time of purchase and the customer for the orders it has.

# Parquet gives 2017-09-19T09:45:35Z, the CSV 2017-09-19 09:45:35+00.
def instant: sub("\\+00$"; "Z") | sub(" "; "T");

def sum(amount): map(amount | tonumber) | add;

sum(.price) as $goods
| sum(.freight_value) as $freight
| {
    type: "order.placed",
    id: .[0].order_id,
    time: (map(.shipping_limit_date | instant) | min),
    data: {
      order_id: .[0].order_id,
      lines: map({line_id: (.order_item_id | tostring), sku: .product_id, quantity: 1, unit_price: (.price | money)}),
      subtotal: ($goods | money),
      shipping: ($freight | money),
      total: ($goods + $freight | money),
      currency: "BRL",
      channel: "marketplace"
    }
  }
