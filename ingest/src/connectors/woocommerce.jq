# mizan: input webhook
#
# WooCommerce. The topic is in a header, the body is the object of the REST API (v3) at the moment of sending, so an
# order in an update tells everything that became of it: each fact has an id of its own and is stored once, whichever
# delivery tells it first. order_id is the order's number, which customers see and gateways are given. Times that end
# in _gmt are UTC without a zone. Lines, fees and shipping are always before tax, whatever prices_include_tax says.
# Money is told for cash on delivery, bank transfer and cheque; other gateways have connectors of their own.

def text: if . == null or . == "" then null else tostring end;
def gmt: text | if . then sub("Z$"; "") + "Z" else null end;
def is(words): . as $word | any(words; . == $word);
def sum(f): reduce .[]? as $one (0; . + ($one | f | tonumber));
def event($type; $id; $time; $data): {type: $type, id: $id, time: $time, data: $data};
def number: .number // .id | text;
def sku: (.sku | text) // (.variation_id | select(. != null and . != 0) | text) // (.product_id // .id | text);

def address:
  if . and (.country // .city // .address_1 | text) then {
    name: ([.first_name, .last_name | text | select(.)] | join(" ") | text), line1: (.address_1 | text),
    line2: (.address_2 | text), city: (.city | text), region: (.state | text), postcode: (.postcode | text),
    country: (.country | text)
  } else null end;

# `price` of a line is after discount and has more digits than the currency; `subtotal` is the line before discount.
# "CLF" has four decimals, as many as a price may have. The discount makes up for what is lost in them.
def lines($c):
  map(select(.quantity > 0)
    | ((.subtotal | tonumber) / .quantity | money("CLF")) as $unit
    | (($unit | tonumber) * .quantity - (.total | tonumber) | money($c)) as $discount
    | {
        line_id: (.id | text), sku: sku, name: (.name | text), quantity, unit_price: $unit,
        discount: (if $discount | startswith("-") then "0" | money($c) else $discount end),
        tax: (.total_tax | money($c))
      });

def pay_method:
  if . == "cod" then "cod" elif . == "bacs" then "transfer" elif . == "cheque" then "cheque"
  # Plugins name the gateway and often the way to pay, such as stripe_applepay.
  elif test("apple_?pay") then "applepay" elif test("google_?pay") then "googlepay" elif test("stc_?pay") then "stcpay"
  elif test("tabby") then "tabby" elif test("tamara") then "tamara" elif test("knet") then "knet"
  elif test("mada") then "mada" elif test("card|^stripe$|woocommerce_payments") then "card"
  else . end;

# The whole order as it stands. Fees, such as the one for cash on delivery, have no column: they are counted with
# shipping, and those below zero, which are discounts, with the discount. Coupons lie on the lines.
def content:
  .currency as $c
  | {
      order_id: number,
      customer: {
        id: (.customer_id | select(. != 0) | text) // null, email: (.billing.email | text),
        phone: (.billing.phone // .shipping.phone | text),
        name: ([.billing.first_name, .billing.last_name | text | select(.)] | join(" ") | text)
      },
      lines: (.line_items | lines($c)),
      subtotal: (.line_items | sum(.total) | money($c)),
      discount: (0 - ([.fee_lines[]?.total | tonumber | select(. < 0)] | sum(.)) | money($c)),
      shipping: ((.shipping_total | tonumber) + ([.fee_lines[]?.total | tonumber | select(. > 0)] | sum(.)) | money($c)),
      tax: (.total_tax | money($c)), total: (.total | money($c)), currency: $c,
      payment_method: (.payment_method | text | if . then ascii_downcase | pay_method else null end),
      cart_id: (.cart_hash | text),
      channel: ({checkout: "online", "store-api": "online", "pos-rest-api": "pos"}[.created_via // ""]
        // (.created_via | text)),
      shipping_address: (.shipping | address), billing_address: (.billing | address)
    };

# Parcels, as the shipment tracking extensions keep them on the order.
def parcels:
  number as $order | (.date_modified_gmt | gmt) as $now
  | .meta_data[]? | select(.key == "_wc_shipment_tracking_items") | .value | arrays | .[]
  | (.tracking_id // .tracking_number | text) as $parcel | select($parcel)
  | event("order.shipped"; "\($order)/shipped/\($parcel)"; (.date_shipped | text | unix_time) // $now; {
      order_id: $order, parcel_id: $parcel, tracking_number: (.tracking_number | text),
      carrier: (.tracking_provider // "" | text) // (.custom_tracking_provider | text),
      tracking_url: (.custom_tracking_link | text)
    });

# Money that no gateway tells of.
def offline_payment:
  {cod: {provider: "cod", method: "cod"}, bacs: {provider: "transfer", method: "transfer"},
    cheque: {provider: "transfer", method: "cheque"}}[.payment_method // ""] as $by
  | select($by)
  | number as $id | .currency as $c | (.date_paid_gmt | gmt) as $paid | (.date_modified_gmt | gmt) as $now
  | ($by + {payment_id: $id, order_id: $id, amount: (.total | money($c)), currency: $c}) as $data
  | event("payment.initiated"; "\($id)/\($by.method)/initiated"; .date_created_gmt | gmt; $data),
    (select($paid) | event("payment.captured"; "\($id)/\($by.method)/captured"; $paid; $data)),
    (select($paid == null and .status == "cancelled")
      | event("payment.voided"; "\($id)/\($by.method)/voided"; $now; $data)),
    (select($paid == null and .status == "failed")
      | event("payment.failed"; "\($id)/\($by.method)/failed"; $now; $data)),
    # A refund in an order says its total, below zero, and no time.
    (select($paid) | .refunds[]?
      | event("payment.refunded"; "\(.id)/refunded"; $now; $data + {
          refund_id: (.id | text), amount: (.total | tostring | ltrimstr("-") | money($c)), reason: (.reason | text)
        }));

def order_facts($edited):
  number as $id | (.date_modified_gmt | gmt) as $now | (.date_paid_gmt | gmt) as $paid
  | event("order.placed"; "\($id)/placed"; .date_created_gmt | gmt; content),
    (select($edited) | event("order.edited"; "\($id)/edited/\($now)"; $now; content)),
    (select($paid) | event("order.paid"; "\($id)/paid"; $paid; {order_id: $id})),
    (select(.status == "cancelled") | event("order.cancelled"; "\($id)/cancelled"; $now; {order_id: $id})),
    # Statuses of extensions, in the words that most of them use.
    (select(.status == "shipped" and ([parcels] == []))
      | event("order.shipped"; "\($id)/shipped"; $now; {order_id: $id})),
    parcels,
    (select(.status == "delivered") | event("order.delivered"; "\($id)/delivered"; $now; {order_id: $id})),
    (select(.status == "completed")
      | event("order.delivered"; "\($id)/delivered"; (.date_completed_gmt | gmt) // $now; {order_id: $id})),
    # All of it was refunded. Of part of it an order does not say which lines.
    (select(.status == "refunded") | .currency as $c
      | event("order.returned"; "\($id)/returned"; $now; {
          order_id: $id, total: (.total | money($c)), currency: $c, reason: (.refunds[-1]?.reason | text)
        })),
    offline_payment;

# Drafts are carts that the checkout keeps as orders.
def order($edited):
  if .line_items == null then error("an order in a shape that is not REST API v3: set the webhook's API version to it")
  elif .status | is("checkout-draft", "auto-draft", "draft", "new", "trash") then empty
  elif .line_items == [] then empty
  else order_facts($edited) end;

# A product does not say its currency, so its price stays out. Products without a stock of their own (stock is not
# managed, or the parent's) are not counted. A sale may change the stock and not the time of change.
def product:
  (.date_modified_gmt // .date_created_gmt | gmt) as $time
  | event("product.upserted"; "\(.id)/upserted/\($time)"; $time; {
      sku: ((.sku | text) // (.id | text)), name: (.name | text), category: (.categories[0]?.name | text)
    }),
    (select(.manage_stock == true and .stock_quantity != null)
      | event("inventory.counted"; "\(.id)/counted/\($time)/\(.stock_quantity)"; $time; {
          sku: ((.sku | text) // (.id | text)), on_hand: .stock_quantity
        }));

(.headers["x-wc-webhook-topic"] // error("no header x-wc-webhook-topic")) as $topic
| .body
| if type != "object" then error("the body is not a JSON object") else . end
| if $topic == "order.created" then order(false)
  elif ($topic | is("order.updated", "order.restored")) then order(true)
  elif ($topic | is("product.created", "product.updated", "product.restored", "product.published")) then
    if .status | is("auto-draft", "draft", "trash") then empty else product end
  # A deleted object has nothing left but its id.
  elif ($topic | is("order.deleted", "product.deleted")) or ($topic | test("^(customer|coupon)[.]")) then empty
  else error("\($topic) is not an event this connector knows") end
