# mizan: group_by order
# mizan: source my-shop

# One CSV row an order line; all rows of an order come as one array.
.[0] as $first
| {
    type: "order.placed",
    id: $first.order,
    time: ($first.date | to_utc("%d/%m/%Y %H:%M"; "Asia/Riyadh")),
    data: {
      order_id: $first.order,
      customer: {name: $first.customer, email: $first.email},
      lines: map({sku: .sku, name: .product, quantity: (.qty | tonumber), unit_price: (.price | money)}),
      subtotal: (map((.qty | tonumber) * (.price | tonumber)) | add | money),
      shipping: ($first.shipping | money),
      total: ((map((.qty | tonumber) * (.price | tonumber)) | add) + ($first.shipping | tonumber) | money),
      currency: "SAR",
      payment_method: $first.payment
    }
  }
