# mizan: input webhook
#
# Zid sends an order, product, cart or customer as it stands, and names no event: what came is known by its shape. Every
# order event carries the whole order, so each tells all that its order shows, under ids made of the order's id, and what
# was told before is the same event. `order_id` is Zid's `id`, the number that shop and customer see.
#
# Times are UTC (`2026-03-01 09:21:45`) or carry their zone. Amounts are numbers or texts with more digits than the
# currency has. The order's amounts stand in `payment.invoice`, a list of lines of a code and a value, those off below zero.

def told: if . == null or . == "" or . == "NA" or . == "N/A" then null else . end;
def text: told | if . == null then null else tostring end;
def link: if type == "string" and test("^https?://") then . else null end;
def is_one_of($names): . as $name | any($names[]; . == $name);
def named($name): if . == null then error("\($name) is missing in what Zid sent") else . end;
def list: if type == "array" then . else [] end;
def fields: if type == "object" then . else {} end;
# A text by itself, or one in Arabic and English.
def words: if type == "object" then (.ar | told) // .en else . end | told;

def at:
  if . == null then null
  else sub(" "; "T") | if test("(Z|[+-][0-9]{2}:?[0-9]{2})$") then . else . + "Z" end end;

# An amount of many digits can look like the number of a card, of which most digits are kept nowhere; Zid prints it again
# for people, as `3,625.00 SAR`.
def of($name):
  .[$name] as $value
  | if $value | type == "string" and test("[*]") then
      .[$name + "_string"] | named($name + "_string") | gsub("[^0-9.-]"; "") | sub("[.]$"; "")
    else $value end;
def amount($currency): if . == null then null else money($currency) end;
# Four digits of a price are kept.
def price: if . == null then null else money("CLF") | sub("00$"; "") end;
def number: if . == null then 0 else tonumber end;

def fact($type; $id; $time; $data): {$type, $id, $time, $data};

# --- Orders ---

def order_id: .id | tostring;
def key: "order/\(.id)";
def currency: .currency_code // (.currency | fields | .order_currency.code) | named("currency_code");
def order_fact($name; $time; $data): fact("order.\($name)"; "\(key)/\($name)"; $time; {order_id: order_id} + $data);

# The status: an object of code and name, or its name alone beside the status that is shown. A shop's own statuses stand
# under one of these, which is what `order_status` says.
def status:
  (.order_status | if type == "object" then .code else null end) as $code
  | (.display_status | fields | .code) as $shown
  | [$code, $shown, .order_status]
  | map(select(type == "string") | ascii_downcase | gsub("[ _-]"; "")
      | {"جديد": "new", "جاهز": "ready", "canceled": "cancelled", "indelivery": "shipped"}[.] // .)
  | map(select(is_one_of(["new", "preparing", "ready", "shipped", "delivered", "cancelled", "reversed"])))
  | .[0];

# When the order came to where it stands: its history has that; else its last change.
def since:
  (.order_status | if type == "object" then .name else . end) as $name
  | ([.histories | list[] | select(.order_status_name == $name) | .created_at] | min) // .updated_at // .created_at
  | at;

def pays:
  (.payment | fields | .method | fields) as $method
  | ($method.code // "" | sub("^zid_"; "") | sub("_installments?$"; "")) as $code
  | if $code == "" then null
    elif $code == "cod" then {provider: "cod", method: "cod"}
    elif $code == "bank_transfer" then {provider: "transfer", method: "transfer"}
    elif $method.type == "cc" then {provider: $code, method: "card"}
    else {provider: $code, method: ($code | gsub("[^a-z]"; ""))} end;

def address:
  ((.consignee | fields | .name | told) // (.customer | fields | .name | told)) as $name
  | .shipping.address?
  | if . == null then null else
      {
        $name,
        line1: ((.formatted_address | told) // (.street | told)),
        line2: (.district | told),
        city: (.city | fields | .name | told),
        postcode: (.postal_code // (.meta | fields | .postcode) | text),
        country: (.country | fields | .code // .name | told)
      } end;

def line($currency):
  {
    line_id: (.order_product_id // .id | text),
    sku: ((.sku | text) // (.id | text)),
    name: (.name | words),
    quantity,
    # Without tax and after an offer of the product itself, which the order's discount leaves out.
    unit_price: (of("net_price_with_additions") // of("net_sale_price") // of("net_price") // of("price") | price),
    tax: (of("tax_amount") | amount($currency)),
    # A fraction: 0.15
    tax_rate: (.tax_percentage | if . == null then null else tonumber * 100 | tostring end)
  };

def invoice: .payment.invoice? | list | map(.value = of("value"));
def lines_of($codes): map(select(.code | test($codes)) | .value | number) | add // 0;
def is_charge: "shipping|delivery|cod(_|$)|fee";

def whole:
  currency as $currency
  | (invoice | map(select(.code | test("^(sub_?total|total|taxable)") | not))) as $parts
  | ($parts | map(select(.code | test(is_charge) | not)) | lines_of("coupon|discount")) as $off
  | {
      order_id: order_id,
      customer:
        (.language as $language
        | .customer
        | if . == null then null else
            {
              id: (.id | text), email: (.email | told), name: (.name | told), tax_id: (.tax_number | text), $language,
              phone: (.mobile | text | if . == null or startswith("+") then . else "+" + . end)
            } end),
      lines: (.products | map(line($currency))),
      subtotal: (invoice | map(select(.code | test("^sub_totals(_before_vat)?$"))) | .[0].value | amount($currency)),
      # What is off stands below zero.
      discount: (if $off < 0 then 0 - $off | money($currency) else null end),
      shipping: ($parts | lines_of(is_charge) | money($currency)),
      tax: ([$parts[] | select(.code | is_one_of(["vat", "tax"])) | .value][0] | amount($currency)),
      total: (of("order_total") | amount($currency)),
      $currency,
      payment_method: pays.method,
      channel:
        (.source_code // ""
        | if . == "pos" then "pos" elif test("^mazeed") then "marketplace" else "online" end),
      shipping_address: address
    };

def payment($name; $time; $data):
  fact("payment.\($name)"; "\(key)/payment_\($name)"; $time;
    {payment_id: order_id, order_id: order_id} + pays + $data);
# When it was paid: a bank transfer and the like carry the time of their last change.
def changed: ((.payment | fields | .method | fields | .updated_at) // .updated_at // .created_at) | at;
def total: currency as $currency | {amount: (of("order_total") | amount($currency)), $currency};

# `paid` is the order's whole total; `refunded` as well, for Zid tells no sum of it.
def payments:
  select(pays != null)
  | changed as $changed
  | (.payment_status // "" | ascii_downcase) as $status
  | payment("initiated"; .created_at | at; total),
    if $status | is_one_of(["paid", "refunded"]) then payment("captured"; $changed; total) else empty end,
    if $status == "refunded" then payment("refunded"; .updated_at // .created_at | at; total)
    elif $status == "failed" then payment("failed"; $changed; {})
    elif $status == "voided" then payment("voided"; $changed; {})
    elif status == "cancelled" and $status != "paid" then payment("voided"; since; {})
    # Cash on delivery that came back with the goods.
    elif status == "reversed" and pays.provider == "cod" and $status != "paid" then payment("failed"; since; {})
    else empty end;

def parcel:
  .shipping.method?
  | fields
  | {
      carrier: (.courier | words),
      tracking_number: (.tracking.number? // .waybill_tracking_id | text),
      tracking_url: (.tracking.url? | link)
    };

def state:
  since as $since
  | status as $status
  | if $status == "ready" then order_fact("packed"; $since; {})
    elif $status == "shipped" then order_fact("shipped"; $since; parcel)
    elif $status == "delivered" then order_fact("delivered"; (.delivered_at | at) // $since; {})
    elif $status == "cancelled" then order_fact("cancelled"; $since; {})
    # Of goods that come back in part Zid does not say which.
    elif $status == "reversed" and ((.reverse_order_label_request | fields | .is_partial // 0) | . == 0 or . == false) then
      order_fact("returned"; $since; {})
    elif $status == null then error("the status of order \(.id) is not one that this connector knows")
    else empty end;

def order:
  (.created_at | named("created_at") | at) as $created
  | ((.updated_at | at) // $created) as $updated
  | if (.products | type) != "array" then error("order \(.id) came without its products") else . end
  | fact("order.placed"; "\(key)/placed"; $created; whole),
    (if $updated != $created then fact("order.edited"; "\(key)/edited/\($updated)"; $updated; whole) else empty end),
    (if .payment_status == "paid" then order_fact("paid"; changed; {}) else empty end),
    payments,
    state;

# --- Products ---

# A product with variants is sold and counted by them.
def product($received):
  .id as $product
  | (.name | words) as $name
  | (.categories | list | .[0].name | words) as $category
  | (.updated_at | at) as $changed
  | if (.variants | list) == [] then . else .variants[] end
  | ((.sku | text) // (.id | tostring)) as $sku
  | "product/\($product)\(if .id == $product then "" else "/\(.id)" end)" as $key
  | ((.updated_at | at) // $changed // $received) as $time
  | fact("product.upserted"; "\($key)/upserted/\($time)"; $time;
      {
        $sku,
        name: ((.name | words) // $name),
        $category,
        unit_price: (if (.sale_price | number) > 0 then .sale_price else .price end | price),
        currency: (.currency | if type == "object" then .code else . end)
      }),
    # The stock of each place; of a product without places its own.
    ((if (.stocks | list) == [] then {is_infinite, available_quantity: .quantity} else .stocks[] end)
      | select(.is_infinite != true and .available_quantity != null)
      | (.location | fields | .id | text) as $location
      | (.available_quantity | tostring) as $on_hand
      | fact("inventory.counted"; "\($key)/counted/\($location // "all")/\($time)/\($on_hand)"; $time;
          {$sku, $location, $on_hand}));

# --- Carts ---

def cart:
  (.currency_code // (.cart_total_string // "" | [scan("[A-Z]{3}")][0])) as $currency
  | {
      session_id: ((.session_id | text) // (.id | tostring)),
      cart_id: (.cart_id // .id | text),
      checkout_id: (.id | text),
      customer_id: (.customer_id | text),
      value: (if $currency == null then null else of("cart_total") | amount($currency) end),
      $currency,
      items: (.products | list | map({
        sku: ((.sku | text) // (.product_id // .id | text)), name: (.name | words), quantity, unit_price: (.price | price)
      }) | if . == [] then null else . end)
    };

# An abandoned cart has gone as far as its phase says; a completed one has become an order.
def abandoned:
  if .phase == "completed" or .order_id != null then
    select(.order_id != null)
    | fact("storefront.purchase"; "cart/\(.id)/purchased"; .updated_at // .created_at | at;
        cart + {order_id: (.order_id | tostring)})
  else fact("storefront.begin_checkout"; "cart/\(.id)/abandoned"; .created_at // .updated_at | at; cart) end;

# --- What came ---

.received_at as $received
| .body
| if type != "object" then error("not an object of Zid") else . end
| (.event_name // .event // "" | tostring) as $event
# Apps of one's own may wrap what they pass on.
| (if .data | type == "object" then .data else . end)
| (if .order | type == "object" then .order else . end)
| if $event | test("^(app|customer|category)\\.") then empty
  elif has("order_status") and has("id") then order
  elif has("cart_total") and has("id") then abandoned
  # A deleted product, a customer, a category.
  elif .deleted == true or .deleted == 1 or .is_deleted == true or .deleted_at != null or $event == "product.delete" then empty
  elif has("email") and (has("mobile") or has("telephone")) then empty
  elif has("sub_categories") or has("flat_name") then empty
  elif has("id") and has("name") and has("price") then product($received)
  else error("not an order, product, cart or customer of Zid") end
