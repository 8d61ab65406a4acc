# mizan: input webhook
#
# Shopify. The topic is in a header (both families of headers are read), the body is the object of the REST API.
# order_id and payment_id are Shopify's own id of the order: it is the only one that orders, transactions, refunds,
# fulfilments and disputes all carry; the number on the invoice (#1001) is not. Ids of events are ids of objects, so
# a delivery sent twice, or an object read again by the API, is the same event. Times have an offset.
# Orders are told in shop money (`shop_money`), payments in the currency that was charged.
# One topic tells each fact: money comes from order_transactions/create, goods back from refunds/create, parcels from
# fulfillments/*, deliveries from fulfillment_events/create. Topics that only repeat them give nothing.

def text: if . == null or . == "" then null else tostring end;
def utc: if . == null then null else sub("Z$"; "+00:00") | to_utc("%Y-%m-%dT%H:%M:%S%.f%:z"; "UTC") end;
def sum(f): reduce .[]? as $one (0; . + ($one | f | tonumber));
def is(words): . as $word | any(words; . == $word);
def greater($than): if . > $than then . else $than end;
# A token of a cart may carry a key that opens the cart.
def token: text | if . then split("?")[0] else null end;
def sku: (.sku | text) // (.variant_id | text) // (.id | text);
def event($type; $id; $time; $data): {type: $type, id: $id, time: $time, data: $data};
# Amount of `name` in the shop's currency; old objects have the plain field only.
def shop($name): .[$name + "_set"].shop_money.amount // .[$name] // 0;

# Gateways.
def is_cod: ascii_downcase | test("cash on delivery|cash_on_delivery|\\bcod\\b|الدفع عند الاستلام");
def slug: ascii_downcase | gsub("[ ()/.,:&_-]+"; "_") | ltrimstr("_") | rtrimstr("_");
def provider: if is_cod then "cod" else slug end;
# How an order or a transaction is paid, by what its gateway is called.
def method:
  if is_cod then "cod"
  else slug
    | if test("bank|deposit|transfer|wire") then "transfer"
      elif . == "shopify_payments" then "card"
      else (capture("(?<word>tabby|tamara|paypal|stc_?pay|knet|benefit|gift_card)").word | sub("_"; "")) // .
      end
  end;
def wallet: {apple_pay: "applepay", google_pay: "googlepay", android_pay: "googlepay", shopify_pay: "shoppay"}[.] // .;
def card:
  if .credit_card_company // .credit_card_number | text then {
    brand: (.credit_card_company // "" | ascii_downcase | if . == "american express" then "amex" else text end),
    bin: (.credit_card_bin | text | if . and test("^[0-9]{6,8}$") then . else null end),
    last4: ([.credit_card_number // "" | match("[0-9]{4}$").string] | .[0])
  } else null end;

# Orders.
def address:
  if . then {
    name: (.name | text), line1: (.address1 | text), line2: (.address2 | text), city: (.city | text),
    region: (.province | text), postcode: (.zip | text), country: (.country_code // .country | text)
  } else null end;
def customer:
  . as $order | (.customer // {}) | {
    id: (.id | text), email: (.email // $order.email | text), phone: (.phone // $order.phone | text),
    name: ([.first_name, .last_name | text | select(.)] | join(" ") | text), language: ($order.customer_locale | text)
  };

# Lines without what was taken out of the order again. Where prices include tax, it is taken out of them, so that they
# are before tax as everywhere; "CLF" has four decimals, as many as a price may have.
def lines($gone; $c; $included):
  map(
    . as $line
    | ($gone | map(select(.line_item_id == $line.id))) as $off
    | (.quantity - ($off | sum(.quantity))) as $quantity
    | (if has("discount_allocations") then .discount_allocations | sum(shop("amount")) else shop("total_discount") end
        | tonumber) as $discount
    | (shop("price") | tonumber) as $price
    | (.tax_lines | sum(shop("price"))) as $tax
    | ($price * .quantity - $discount) as $paid
    | ($tax - ($off | sum(shop("total_tax")))) as $tax_left
    | ($paid - ($off | sum(shop("subtotal"))) - (if $included then $tax_left else 0 end)) as $net
    | (if $included and $tax > 0 and $paid > 0 then $price * ($paid - $tax) / $paid | money("CLF")
        else $price | money($c) end) as $unit
    | select($quantity > 0)
    | {
        line_id: (.id | text), sku: sku, name: (.name // .title | text), quantity: $quantity, unit_price: $unit,
        discount: ((($unit | tonumber) * $quantity | money($c) | tonumber) - $net | greater(0) | money($c)),
        tax: (if .tax_lines then $tax_left | money($c) else null end), net: $net
      });

# The whole order as it stands, without `$gone`. Discounts lie on the lines, where Shopify spreads them. A tip, duties
# and the rounding of cash are in the total alone.
def content($gone):
  .currency as $c
  | (.taxes_included == true) as $included
  | (.line_items // error("an order without line_items: the webhook must carry all fields")
      | lines($gone; $c; $included)) as $lines
  | (.shipping_lines // [] | map(select(.is_removed | not))) as $shipping
  | ($gone | sum(shop("subtotal"))) as $off
  | ($gone | sum(shop("total_tax"))) as $tax_off
  | {
      order_id: (.id | text), customer: customer, lines: ($lines | map(del(.net))),
      subtotal: ($lines | sum(.net) | money($c)),
      shipping: (($shipping | sum(if .discounted_price then shop("discounted_price") else shop("price") end))
        - (if $included then $shipping | sum(.tax_lines | sum(shop("price"))) else 0 end) | money($c)),
      tax: ((shop("total_tax") | tonumber) - $tax_off | money($c)),
      total: ((shop("total_price") | tonumber) - $off - (if $included then 0 else $tax_off end) | money($c)),
      currency: $c,
      payment_method: ((.payment_gateway_names // [.gateway | select(.)])
        | if any(is_cod) then "cod" elif . == [] then null else .[0] | method end),
      checkout_id: (.checkout_token | token), cart_id: (.cart_token | token),
      channel: ({web: "online", iphone: "pos", android: "pos"}[.source_name // ""] // (.source_name | text)),
      shipping_address: (.shipping_address | address), billing_address: (.billing_address | address)
    };

def is_cod_order: .payment_gateway_names // [] | any(is_cod);
def cod_payment: .currency as $c | {
  payment_id: (.id | text), order_id: (.id | text), provider: "cod", method: "cod",
  amount: (shop("total_price") | money($c)), currency: $c
};

def placed:
  (.id | text) as $id | (.processed_at // .created_at | utc) as $time
  | event("order.placed"; "\($id)/placed"; $time; content([])),
    (select(is_cod_order) | event("payment.initiated"; "\($id)/cod/initiated"; $time; cod_payment));

# Goods that were taken out before they were sent ("cancel") leave the order; goods that come back are returns.
def edited:
  [.refunds[]?.refund_line_items[]? | select(.restock_type == "cancel")] as $gone
  | select(.cancelled_at == null)
  | content($gone) as $content
  | select($content.lines != [])
  | (.updated_at | utc) as $time
  | event("order.edited"; "\(.id)/edited/\($time)"; $time; $content);

def cancelled:
  (.id | text) as $id | (.cancelled_at | utc) as $time
  | event("order.cancelled"; "\($id)/cancelled"; $time; {order_id: $id, reason: (.cancel_reason | text)}),
    # Nothing was taken for it.
    (select(is_cod_order and (.financial_status == "pending" or .financial_status == "voided"))
      | event("payment.voided"; "\($id)/cod/voided"; $time; cod_payment));

# Money.
def transaction:
  (.id | text) as $id
  | (.gateway // error("a transaction without a gateway") | provider) as $provider
  | (.currency // error("a transaction without a currency: which API version sends it?")) as $c
  | (.processed_at // .created_at | utc) as $time
  | {
      payment_id: (.order_id | text), attempt_id: $id, order_id: (.order_id | text), provider: $provider,
      method: ((.payment_details.credit_card_wallet | text | if . then wallet else null end)
        // (if .payment_details | card then "card" else null end) // (.gateway | method)),
      card: (.payment_details | card), amount: (.amount | money($c)), currency: $c
    } as $data
  | if (.kind | is("change", "suggested_refund")) then empty
    elif .status == "success" then
      if .kind == "sale" then event("payment.captured"; "\($id)/captured"; $time; $data)
      # A capture belongs to the attempt that was authorized; several may take the same amount.
      elif .kind == "capture" then event("payment.captured"; "\($id)/captured"; $time; $data | del(.attempt_id))
      elif (.kind | is("authorization", "emv_authorization")) then
        event("payment.authorized"; "\($id)/authorized"; $time; $data)
      elif .kind == "refund" then
        event("payment.refunded"; "\($id)/refunded"; $time; $data + {refund_id: $id} | del(.attempt_id))
      # The void of cash on delivery is told by orders/cancelled.
      elif .kind == "void" then
        select($provider != "cod") | event("payment.voided"; "\($id)/voided"; $time; $data | del(.attempt_id))
      else error("\(.kind) is not a kind of transaction that this connector knows") end
    elif (.status | is("failure", "error")) then
      # A refund or void that failed changes nothing.
      select(.kind | is("sale", "capture", "authorization", "emv_authorization"))
      | event("payment.failed"; "\($id)/failed"; $time; $data + {
          decline: {code: (.error_code | text), message: (.message | text)},
          three_ds: (if .error_code | is("authentication_failed", "three_d_secure_failed") then "failed" else null end)
        })
    elif (.status | is("pending", "awaiting_response", "unknown")) then
      # Cash on delivery is initiated by the order itself.
      select(.kind | is("sale", "authorization")) | select($provider != "cod")
      | event("payment.initiated"; "\($id)/initiated"; $time; $data)
    else error("\(.status) is not a status of a transaction that this connector knows") end;

# What comes back to the shop. A refund told in another currency than the order leaves its amount to payment.refunded.
def refund:
  (if .restock then "legacy_restock" else "no_restock" end) as $usual
  | [.refund_line_items[]? | select(.restock_type // $usual | is("return", "legacy_restock"))] as $back
  | [.transactions[]? | select(.kind == "refund" and (.status | is("success", "pending")))] as $paid
  | ([$back[] | .subtotal_set.shop_money.currency_code, .line_item.price_set.shop_money.currency_code | select(.)]
    + [$paid[].currency | select(.)] | .[0]) as $c
  | select($back != [])
  | event("order.returned"; "\(.id)/returned"; .processed_at // .created_at | utc; {
      order_id: (.order_id | text), reason: (.note | text),
      lines: ($back | map({
        line_id: (.line_item_id | text), sku: (.line_item | sku), name: (.line_item | .name // .title | text), quantity
      })),
      currency: $c,
      total: (if $c and ($paid | all(.currency == $c)) then $paid | sum(.amount) | money($c) else null end)
    });

# Shopify Payments alone reports disputes. Many updates, two facts.
def dispute($at):
  (.id | text) as $id | .currency as $c
  | {payment_id: (.order_id // .id | text), order_id: (.order_id | text), provider: "shopify_payments",
      dispute_id: $id, amount: (.amount | money($c)), currency: $c} as $data
  | event("payment.disputed"; "\($id)/disputed"; .initiated_at | utc; $data + {reason: (.reason | text)}),
    (.status as $status
      | select($status | is("won", "lost", "accepted", "charge_refunded"))
      | event("payment.dispute_closed"; "\($id)/dispute_closed"; .finalized_on // $at | utc; $data + {reason: $status}));

# Parcels.
# A tracking number that is told later is told in an event of its own; both are about the same parcel.
def shipped:
  (.tracking_number // .tracking_numbers[0]? | text) as $number
  | select(.status == "success")
  | event("order.shipped"; "\(.id)/shipped" + (if $number then "/\($number)" else "" end); .created_at | utc; {
      order_id: (.order_id | text), parcel_id: (.id | text), carrier: (.tracking_company | text),
      tracking_number: $number, tracking_url: (.tracking_url | text)
    });

def parcel_event:
  {
    ready_for_pickup: "packed", out_for_delivery: "out_for_delivery", delivered: "delivered",
    attempted_delivery: "delivery_failed", failure: "delivery_failed"
  }[.status] as $fact
  | select($fact)
  | event("order.\($fact)"; "\(.id)/\($fact)"; .happened_at // .created_at | utc; {
      order_id: (.order_id | text), parcel_id: (.fulfillment_id | text),
      reason: (if $fact == "delivery_failed" then .message | text else null end)
    });

# Products, carts.
# A product does not say its currency, so its price stays out. Its stock is what may be sold, over all locations.
def product:
  (.updated_at // .created_at | utc) as $time | . as $product
  | .variants[]?
  | event("product.upserted"; "\(.id)/upserted/\($time)"; $time; {
      sku: sku, category: ($product.product_type | text),
      name: ([$product.title, (.title | select(. != "Default Title"))] | map(text | select(.)) | join(" - "))
    }),
    (select((.inventory_quantity | type) == "number"
        and ((has("inventory_management") | not) or .inventory_management == "shopify"))
      | event("inventory.counted"; "\(.id)/counted/\($time)"; $time; {sku: sku, on_hand: .inventory_quantity}));

def cart($type):
  (.token // .id | token) as $token | (.updated_at | utc) as $time
  | (.line_items[0]?.price_set.shop_money.currency_code) as $c
  | select((.line_items // []) != [])
  | event("storefront.\($type)"; "\($token)/cart/\($time)"; $time; {
      session_id: $token, cart_id: $token, currency: $c,
      value: (if $c then .line_items | sum(shop("line_price")) | money($c) else null end),
      items: (.line_items | map({
        sku: sku, name: (.title | text), quantity,
        unit_price: (if $c then shop("price") | money($c) else null end)
      }))
    });

# Amounts are told where the visitor sees the shop's own currency.
def checkout_step($type; $time):
  (.token | token) as $token
  | (if (.presentment_currency // .currency) == .currency then .currency else null end) as $c
  | event("storefront.\($type)"; "\($token)/\($type)"; $time; {
      session_id: (.cart_token | token // $token), checkout_id: $token, cart_id: (.cart_token | token),
      customer_id: (.customer.id | text), currency: $c, language: (.customer_locale | text),
      value: (if $c then .total_price | money($c) else null end),
      items: (.line_items | map({
        sku: sku, name: (.title | text), quantity, unit_price: (if $c then .price | money($c) else null end)
      }))
    });

# Topics.
# Known, and nothing for the books: what other topics tell better, settings, content, customers, the privacy requests
# (customers/data_request, customers/redact, shop/redact: Shopify asks the merchant to act), and stock by inventory
# item, which does not say the SKU.
def is_silent:
  is("orders/edited", "orders/fulfilled", "orders/partially_fulfilled", "orders/delete", "products/delete",
    "orders/risk_assessment_changed", "orders/shopify_protect_eligibility_changed", "orders/link_requested",
    "checkouts/delete", "fulfillment_events/delete")
  or (split("/")[0] | split(".")[0] | is("customer", "customers", "shop", "app", "tender_transactions", "inventory_levels",
    "inventory_items", "draft_orders", "fulfillment_orders", "fulfillment_holds", "returns", "reverse_deliveries",
    "reverse_fulfillment_orders", "variants", "collections", "locations", "themes", "discounts", "payment_terms",
    "payment_schedules", "markets", "companies", "domains", "locales", "channels", "selling_plan_groups",
    "subscription_contracts", "subscription_billing_attempts", "bulk_operations", "app_subscriptions"));

(.headers["x-shopify-topic"] // .headers["shopify-topic"] // error("no header x-shopify-topic")) as $topic
| (.headers["x-shopify-triggered-at"] // .headers["shopify-triggered-at"] // .received_at) as $at
# Shopify's sample of a topic, sent to try the address.
| if .headers["x-shopify-test"] == "true" then empty else .body end
| if type != "object" then error("the body is not a JSON object: choose the format JSON") else . end
| if $topic == "orders/create" then placed
  elif $topic == "orders/updated" then edited
  elif $topic == "orders/paid" then
    event("order.paid"; "\(.id)/paid"; .updated_at | utc; {order_id: (.id | text)})
  elif $topic == "orders/cancelled" then cancelled
  elif $topic == "order_transactions/create" then transaction
  elif $topic == "refunds/create" then refund
  elif ($topic | is("disputes/create", "disputes/update")) then dispute($at)
  elif ($topic | is("fulfillments/create", "fulfillments/update")) then shipped
  elif $topic == "fulfillment_events/create" then parcel_event
  elif ($topic | is("products/create", "products/update")) then product
  elif $topic == "carts/create" then cart("add_to_cart")
  elif $topic == "carts/update" then cart("view_cart")
  elif $topic == "checkouts/create" then checkout_step("begin_checkout"; .created_at | utc)
  elif $topic == "checkouts/update" then
    select((.shipping_lines // []) != []) | checkout_step("add_shipping_info"; .updated_at | utc)
  elif ($topic | is_silent) then empty
  else error("\($topic) is not an event this connector knows") end
