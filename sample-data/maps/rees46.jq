# mizan: source rees46
#
# REES46's clickstream of a large electronics shop (2019), CSV: view, cart and purchase events.
#
#   mizan import 2019-Oct.csv --map sample-data/maps/rees46.jq
#
# Rows have no id: session, second, event and product together are one. A row that repeats all of them says nothing new
# and is counted as a duplicate. A purchase row names one product and no order: purchases of one session are one order,
# named after it. Prices are dollars.

{"view": "storefront.view_item", "cart": "storefront.add_to_cart", "remove_from_cart": "storefront.remove_from_cart",
 "purchase": "storefront.purchase"} as $types
| (.event_time | rtrimstr(" UTC") | to_utc("%Y-%m-%d %H:%M:%S"; "UTC")) as $time
| {
    type: ($types[.event_type] // error("unknown event_type \(.event_type)")),
    id: "\(.user_session)/\($time)/\(.event_type)/\(.product_id)",
    time: $time,
    data: {
      session_id: .user_session,
      visitor_id: .user_id,
      sku: .product_id,
      unit_price: (.price | money),
      currency: "USD"
    }
  }
| if .type == "storefront.view_item" then .
  else .data.quantity = 1 | .data.cart_id = .data.session_id
  end
| if .type == "storefront.purchase" then .data.order_id = .data.session_id | .data.value = .data.unit_price
  else .
  end
