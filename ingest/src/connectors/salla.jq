# mizan: input webhook
#
# Salla sends {event, merchant, created_at, data}, and no id of the delivery. Most order events carry the whole order as
# it stands; `order.status.updated` carries it in `data.order`, beside the time of the change. So every order event tells
# whatever its order shows, under ids made of the order's id, and what was told before is the same event.
#
# Salla numbers an order twice: `id`, which its other objects refer to, and `reference_id`, which the shop and its
# customers see. The latter is the order_id here; the former makes ids of events and is the payment_id.
#
# Statuses are known by their slugs; their names, and the shop's own ones under them, are texts. Amounts are numbers in
# major units, without tax. Times are local, with their zone, Asia/Riyadh where none is named.

def told: if . == null or . == "" or . == "0" or . == 0 then null else . end;
def text: told | if . == null then null else tostring end;
def link: if type == "string" and test("^https?://") then . else null end;
def is_one_of($names): . as $name | any($names[]; . == $name);
def named($name): if . == null then error("\($name) is missing in what Salla sent") else . end;
def list: if type == "array" then . else [] end;

def at:
  "Asia/Riyadh" as $home
  | if . == null then null
    elif type == "object" then (.timezone // $home) as $zone | .date | to_utc("%Y-%m-%d %H:%M:%S%.f"; $zone)
    elif test("GMT") then sub(" \\(.*"; "") | to_utc("%a %b %d %Y %H:%M:%S GMT%z"; $home)
    elif test("T.*(Z|[+-][0-9:]+)$") then .
    else to_utc("%Y-%m-%d %H:%M:%S%.f"; $home) end;

# An amount stands alone or as {amount, currency}. A price may have more digits than the currency: four are kept.
def bare: if type == "object" then .amount else . end;
def amount($currency): bare | if . == null then null else money($currency) end;
def price: bare | if . == null then null else money("CLF") | sub("00$"; "") end;
def number: bare | if . == null then 0 else tonumber end;

def fact($type; $id; $time; $data): {$type, $id, $time, $data};

# --- Orders ---

def order_id: .reference_id | named("reference_id") | tostring;
def key: "order/\(.id)";
def currency: .currency // .amounts.total.currency | named("currency");
def order_fact($name; $time; $data): fact("order.\($name)"; "\(key)/\($name)"; $time; {order_id: order_id} + $data);

# Who takes the money. Null while the customer has not chosen (`waiting`) and where nothing is to pay (`free`).
def pays:
  .payment_method // "waiting"
  | if is_one_of(["waiting", "free"]) then null
    elif . == "cod" then {provider: "cod", method: "cod"}
    elif . == "bank" then {provider: "transfer", method: "transfer"}
    elif . == "paypal" then {provider: ., method: .}
    elif test("_installment$|^spotii") then sub("_.*"; "") | {provider: ., method: .}
    else {provider: "salla", method: ({credit_card: "card"}[.] // gsub("_"; ""))} end;

def customer:
  if . == null then null else
    {
      id: (.id | text),
      email: (.email | told),
      name: (.full_name // .name // ([.first_name, .last_name] | map(select(. != null)) | join(" ")) | told),
      # The mobile number is a number without its country's code beside that code, or the whole as one text.
      phone: ((.mobile | text) as $mobile
        | if $mobile == null or ($mobile | startswith("+")) then $mobile else "\(.mobile_code // "")\($mobile)" end)
    } end;

def address:
  .shipping.receiver.name as $name
  | .shipping.address
  | if . == null then null else
      {
        name: ($name | told),
        line1: (.shipping_address // .street_number | told),
        line2: (.block | told),
        city: (.city | told),
        postcode: (.postal_code | text),
        country: (.country_code // .country)
      } end;

# What is sold without an SKU goes by the id of its variant, else of its product.
def line($currency):
  {
    line_id: (.id | text),
    sku: ((.sku | text) // (.product_sku_id | text) // (.product.id // .product_id | text)),
    name,
    quantity,
    unit_price: (.amounts.price_without_tax | price),
    discount: (.amounts.total_discount | amount($currency)),
    tax: (.amounts.tax.amount | amount($currency)),
    tax_rate: (.amounts.tax.percent | if . == null then null else tostring end)
  };

# `discounts` tells again what the lines already have off; the fee for cash on delivery is a charge like shipping.
def whole:
  currency as $currency
  | (.amounts.discounts | list | map(.discount | number) | add // 0) as $off
  | (.items | map(.amounts.total_discount | number) | add) as $off_lines
  | {
      order_id: order_id,
      customer: (.customer | customer),
      lines: (.items | map(line($currency))),
      subtotal: (.amounts.sub_total | amount($currency)),
      discount: (if $off > $off_lines then $off - $off_lines | money($currency) else null end),
      shipping: ((.amounts.shipping_cost | number) + (.amounts.cash_on_delivery | number) | money($currency)),
      tax: (.amounts.tax.amount | amount($currency)),
      total: (.amounts.total | amount($currency)),
      $currency,
      payment_method: (pays.method),
      cart_id: (.cart_reference_id | text),
      channel: (if .source == "pos" then "pos" else "online" end),
      shipping_address: address
    };

def has_lines: .items | type == "array" and length > 0;

def advanced: is_one_of(["in_progress", "completed", "shipped", "delivering", "delivered", "closed"]);
# An order with a method online comes out of payment_pending once it is paid; one by transfer when the shop has seen the
# money; cash is there once the goods are handed over (`completed` is before that: the shop has done its part).
def is_paid:
  pays.provider as $provider
  | .status.slug
  | if $provider == "cod" then is_one_of(["delivered", "closed"])
    elif $provider == "transfer" then advanced
    else advanced or is_one_of(["under_review", "restoring", "restored"]) end;

def payment($name; $id; $time; $data):
  fact("payment.\($name)"; "\(key)/\($id)"; $time; {payment_id: (.id | tostring), order_id: order_id} + pays + $data);
def total: currency as $currency | {amount: (.amounts.total | amount($currency)), $currency};

def payments($event; $now):
  select(pays != null)
  | pays.provider as $provider
  | if ($event | is_one_of(["order.created", "order.payment.updated"])) then
      payment("initiated"; "initiated/\($provider)"; $now; total)
    else empty end,
    if is_paid then payment("captured"; "captured"; $now; total) else empty end,
    # Salla tells no sum of a refund and no refund of a part: this is the order's whole total.
    if $event == "order.refunded" then payment("refunded"; "refunded"; $now; total) else empty end,
    # What was paid online before a cancellation stays paid until it is refunded.
    if .status.slug == "canceled" and ($provider == "cod" or .is_pending_payment == true) then
      payment("voided"; "voided"; $now; {})
    else empty end;

def parcel:
  {
    parcel_id: (.id | text),
    carrier: (.courier_name | told),
    tracking_number: ((.tracking_number | text) // (.shipping_number | text)),
    tracking_url: (.tracking_link | link)
  };
# Once for each parcel that the order lists; else once, with what its `shipping` says.
def sent($name; $now):
  order_id as $order_id
  | (.shipments | list | map(select(.type != "return"))) as $shipments
  | if $shipments != [] then
      $shipments[] | fact("order.\($name)"; "shipment/\(.id)/\($name)"; $now; {$order_id} + parcel)
    else
      order_fact($name; $now; {
        carrier: (.shipping.company? | told),
        tracking_number: (.shipping.shipment.id? | text),
        tracking_url: (.shipping.shipment.tracking_link? | link)
      })
    end;

# Where the order stands. `completed` is the shop's own word for having done its part: what needs no shipping has
# arrived by then, anything else is ready to go.
def state($now):
  .status.slug as $slug
  | if $slug == "completed" then
      (if (.shipments | list) == [] and .shipping == null then "delivered" else "packed" end) as $name
      | order_fact($name; $now; {})
    elif $slug == "shipped" then sent("shipped"; $now)
    elif $slug == "delivering" then sent("out_for_delivery"; $now)
    elif $slug == "delivered" or $slug == "closed" then sent("delivered"; $now)
    elif $slug == "canceled" then order_fact("cancelled"; $now; {reason: .reason})
    elif $slug == "restored" then order_fact("returned"; $now; {})
    else empty end;

def order($event; $now):
  (if $event == "order.created" then
      if has_lines then fact("order.placed"; "\(key)/placed"; $now; whole)
      else error("order.created without items cannot be placed") end
    elif has_lines and (($event | is_one_of(["order.status.updated", "order.cancelled", "order.refunded"])) | not) then
      fact("order.edited"; "\(key)/edited/\($now)"; $now; whole)
    else empty end),
  (if is_paid and pays != null then order_fact("paid"; $now; {}) else empty end),
  payments($event; $now),
  state($now);

# --- Shipments: one parcel each ---

def shipment($event; $now):
  .status as $status
  | .id as $id
  | ({order_id: (.order_reference_id | named("order_reference_id") | tostring)} + parcel) as $parcel
  | def about($name; $mark; $more): fact("order.\($name)"; "shipment/\($id)/\($name)\($mark)"; $now; $parcel + $more);
    if .type == "return" or $event == "shipment.cancelled" then empty
    elif ($status | is_one_of(["shipped", "in_transit", "received_at_final_hub"])) then about("shipped"; ""; {})
    elif $status == "delivering" then about("out_for_delivery"; ""; {})
    elif $status == "reattempted" then about("out_for_delivery"; "/\($now)"; {})
    elif $status == "delivered" then about("delivered"; ""; {})
    elif ($status | is_one_of(["to_be_reattempted", "unable_to_deliver", "lost", "damaged", "return_in_progress"])) then
      about("delivery_failed"; "/\($now)"; {reason: $status})
    elif $status == "return_to_origin" then
      about("delivery_failed"; "/\($now)"; {reason: $status}),
      # Cash on delivery that will not come any more.
      (select(.payment_method == "cod")
        | {payment_id: (.order_id | named("order_id") | tostring), order_id: $parcel.order_id, provider: "cod", method: "cod"}
        | fact("payment.failed"; "order/\(.payment_id)/failed"; $now; . + {decline: {code: $status}}))
    # A waybill is issued once the parcel is ready for its carrier.
    elif $event == "shipment.created" and $parcel.tracking_number != null then about("packed"; ""; {})
    else empty end;

# --- Products ---

# A product with options is counted and sold by its variants.
def pieces:
  if (.skus | list) == [] then [.] else . as $product | .skus | map(. + {product: $product}) end | .[];

def selling($day):
  (.sale_price | if type == "object" then .expired_at // "9999" else "9999" end) as $until
  | (.sale_end // $until)[0:10] as $until
  | if (.sale_price | number) > 0 and $until >= $day then .sale_price else (.price // .regular_price) end;

def product($now):
  (.updated_at | at) as $updated
  | . as $product
  | pieces
  | (.sku | text) as $sku
  | ($sku // (.id | named("id") | tostring)) as $sku
  | "product/\($product.id)\(if .product == null then "" else "/\(.id)" end)" as $key
  | (.price.currency // $product.price.currency // $product.currency) as $currency
  | fact("product.upserted"; "\($key)/upserted/\($updated // $now)"; $updated // $now;
      {
        $sku,
        name: ($product.name | told),
        category: ($product.categories | list | .[0].name // null),
        unit_price: (selling($now[0:10]) // ($product | selling($now[0:10])) | price),
        $currency
      }),
    (select(.unlimited_quantity != true)
      | (if .product == null then .quantity else .stock_quantity end)
      | select(. != null)
      # The stock moves without the product being updated, so a count goes by its own time.
      | fact("inventory.counted"; "\($key)/counted/\($now)"; $now; {$sku, on_hand: tostring}));

# Some changes of a product come by themselves.
def product_part($now; $data):
  ((.sku | text) // (.id | tostring)) as $sku
  | fact("product.upserted"; "product/\(.id)/upserted/\($now)"; $now; {$sku} + $data);

# --- Carts ---

def cart:
  (.total.currency // .currency) as $currency
  | {
      session_id: (.id | tostring),
      cart_id: (.id | tostring),
      customer_id: (.customer.id | text),
      value: (if $currency == null then null else .total | amount($currency) end),
      $currency,
      coupon: (.coupon | if type == "object" then .code else null end),
      # Carts name products by their ids alone.
      items: (.items | list | map({sku: ((.sku | text) // (.product_id | text)), quantity}))
    };

# --- What came ---

def whole_orders: [
  "order.created", "order.updated", "order.completed", "order.cancelled", "order.refunded", "order.deleted",
  "order.products.updated", "order.payment.updated", "order.coupon.updated", "order.total.price.updated",
  "order.total_price.updated", "order.shipping.address.updated", "order.customer.updated"
];
# Of no meaning to the books: carts bought tell no order, invoices are made here, shipments are told by shipment.*.
def silent:
  is_one_of(["invoice.created", "product.added", "product.deleted", "product.channels.changed", "product.image.updated",
    "product.brand.updated", "product.tags.updated", "product.status.updated", "shipment.creating", "shipment.cancelling",
    "abandoned.cart.status.changed", "abandoned.cart.purchased"])
  or test("^(app|coupon|customer|review|specialoffer|storetax|store|brand|category|shipping|communication|order\\.shipment)\\.");

.received_at as $received
| .body
| if type == "object" and (.event | type) == "string" then . else error("not an event of Salla: it names no event") end
| .event as $event
| ((.created_at | at) // $received) as $now
| .data
| if $event | is_one_of(whole_orders) then
    select(.draft != true and .is_price_quote != true)
    | (if $event == "order.created" then (.date | at) // $now else (.updated_at | at) // $now end) as $then
    | (if $event == "order.cancelled" or $event == "order.deleted" then .status = {slug: "canceled"} else . end)
    | (if $event == "order.deleted" then .reason = "deleted" | del(.items) else . end)
    | order($event; $then)
  elif $event == "order.status.updated" then
    ((.created_at | at) // $now) as $then
    | .customized.slug? as $slug
    | (.order // .)
    | (if .status.slug? == null then .status = {slug: ($slug | named("status.slug"))} else . end)
    | order($event; $then)
  elif $event | is_one_of(["shipment.created", "shipment.updated", "shipment.cancelled"]) then shipment($event; $now)
  elif $event | is_one_of(["product.created", "product.updated", "product.available", "product.quantity.low"]) then
    product($now)
  elif $event == "product.price.updated" then
    product_part($now; {unit_price: (selling($now[0:10]) | price), currency: .currency})
  elif $event == "product.category.updated" then product_part($now; {category: .categories[0].name})
  elif $event == "abandoned.cart" then
    fact("storefront.begin_checkout"; "cart/\(.id)/abandoned"; (.created_at | at) // $now; cart)
  elif $event | silent then empty
  else error("\($event) is not an event this connector knows") end
