# mizan: input webhook
#
# Saleor. The header saleor-event names the event; the body is what the subscription query of
# docs/connectors/saleor.md asks for, or one of the older fixed payloads, a list of one object. order_id is the
# order's number. Ids of events are those of orders, fulfilments and transactions, so that a delivery sent twice is
# the same event. `issuedAt` is the moment of the event; only what Saleor keeps no time for (paid, cancelled, stock)
# is told by it. An order carries its fulfilments, returns and transactions: each event of it tells them all again
# under the same ids. Online payments are told by their providers; only cash on delivery and transfers are told here.

def text: if . == null or . == "" then null else tostring end;
def among($list): . as $one | $list | any(. == $one);
def num: if . == null then 0 else tonumber end;
def sum(f): reduce .[]? as $one (0; . + ($one | f | num));
def greater($than): if . > $than then . else $than end;
def event($type; $id; $time; $data): {type: $type, id: $id, time: $time, data: $data};
def word: ascii_upcase | gsub("-"; "_");

# --- The older fixed payloads, in the words of the query ------------------------------------------------------------

def static_address: if . == null then null else {
  firstName: .first_name, lastName: .last_name, streetAddress1: .street_address_1, streetAddress2: .street_address_2,
  city, countryArea: .country_area, postalCode: .postal_code, country: {code: .country}, phone} end;
def static_fulfillment: {
  id, status, created, trackingNumber: (.tracking_number // .tracking_code),
  totalRefundedAmount: {amount: .total_refund_amount},
  lines: [.lines[]? | {quantity,
    orderLine: {productSku: .product_sku, productName: .product_name, productVariantId: .product_variant_id}}]};
def static_order: {
  number: (.number // .id), created, updatedAt: .meta.issued_at, status, userEmail: .user_email,
  languageCodeEnum: .language_code, paymentMethod: (.metadata // {} | .payment_method),
  channel: {slug: .channel.slug, currencyCode: (.channel.currency_code // .lines[0].currency)},
  total: {net: {amount: .total_net_amount}, gross: {amount: .total_gross_amount}},
  shippingPrice: {net: {amount: .shipping_price_net_amount}},
  lines: [.lines[]? | {
    id, productName: .product_name, variantName: .variant_name, productSku: .product_sku,
    productVariantId: .product_variant_id, quantity, taxRate: .tax_rate,
    totalPrice: {net: {amount: .total_price_net_amount}, gross: {amount: .total_price_gross_amount}},
    undiscountedTotalPrice: {net: {amount: .undiscounted_total_price_net_amount},
      gross: {amount: .undiscounted_total_price_gross_amount}}}],
  transactions: [.payments[]? | {name: (.gateway // "" | split(".") | .[-1])}],
  fulfillments: [.fulfillments[]? | static_fulfillment],
  shippingAddress: (.shipping_address | static_address), billingAddress: (.billing_address | static_address)};
def static_checkout: {
  id: .token, created, updatedAt: .last_change, email, channel: {currencyCode: (.channel.currency_code // .currency)},
  shippingAddress: .shipping_address,
  lines: [.lines[]? | {quantity, unitPrice: {gross: {amount: .base_price}},
    variant: {id: .variant_id, sku, product: {name: .product_name}}}]};
def from_static:
  .[0] | {issuedAt: .meta.issued_at} + (
    if .type == "Order" then {order: static_order}
    elif .type == "Fulfillment" then {order: (.order | static_order), fulfillment: static_fulfillment}
    elif .type == "Checkout" then {checkout: static_checkout}
    else error("the fixed payload of \(.type) says too little; set the query of docs/connectors/saleor.md") end);

# --- Payments -------------------------------------------------------------------------------------------------------

def order_id: .number // .id | text;
def currency: .channel.currencyCode // .total.gross.currency;
# The shop's own word in the order's metadata, else what the transaction is called.
def method:
  .paymentMethod // (.transactions // [] | .[0] // {} | .name) | text
  | if . == null then null
    elif ascii_downcase | test("cash[ _-]?on[ _-]?delivery|\\bcod\\b|الدفع عند الاستلام") then "cod"
    elif ascii_downcase | test("bank|wire|transfer|تحويل") then "transfer"
    else ascii_downcase end;
def charges: [.transactions[]? | .events[]? | select(.type == "CHARGE_SUCCESS")];

# The order is the payment, so that a courier who reports the same cash (kind "carrier") counts once.
def payment_of: order_id as $id | method as $method
  | {payment_id: $id, attempt_id: $id, order_id: $id, provider: $method, method: $method, currency: currency};
def is_manual: method | among(["cod", "transfer"]);
def money_facts:
  select(is_manual) | order_id as $id | payment_of as $payment
  | .transactions[]? | .events[]?
  | $payment + {amount: (.amount.amount | money($payment.currency))} as $data
  | if .type == "CHARGE_SUCCESS" then event("payment.captured"; "\($id)/captured/\(.id)"; .createdAt; $data)
    elif .type == "REFUND_SUCCESS" then
      event("payment.refunded"; "\($id)/refunded/\(.id)"; .createdAt;
        $data + {refund_id: .id, reason: (.message | text)})
    else empty end;
def whole: payment_of + {amount: (currency as $c | .total.gross.amount | money($c))};

# --- Orders ---------------------------------------------------------------------------------------------------------

def person: [.firstName, .lastName | text | select(.)] | join(" ") | text;
def address: if . == null then null else {
  name: person, line1: (.streetAddress1 | text), line2: (.streetAddress2 | text), city: (.city | text),
  region: (.countryArea | text), postcode: (.postalCode | text), country: (.country.code | text)} end;
def language: text
  | if . then gsub("_"; "-") | split("-") | [(.[0] | ascii_downcase)] + .[1:] | join("-") else null end;
def sku: .productSku // .productVariantId // .id | text;
def name: [.productName, .variantName | text | select(.)] | join(", ") | text;

# Before tax, whether or not the shop's prices include it. Without a discount, or where Saleor left the tax in the
# price before discount (some tax apps), the price is what is paid. "CLF" has four decimals, as many as a price may
# have.
def line($c):
  (.totalPrice.net.amount | num) as $net | (.totalPrice.gross.amount | num) as $gross
  | (.undiscountedTotalPrice // {} | [.net.amount, .gross.amount | num]) as [$net_before, $gross_before]
  | (if $net_before <= $net or ($net_before == $gross_before and $net < $gross) then $net
      else $net_before end) as $before
  | {
      line_id: (.id | text), sku: sku, name: name, quantity: .quantity,
      unit_price: ($before / (.quantity | num) | money("CLF")),
      discount: ($before - $net | money($c)), tax: ($gross - $net | money($c)),
      tax_rate: (if .taxRate == null then null else (.taxRate | num) * 100 | money("CLF") end)
    };

# What the total is below its parts is a discount on the order as a whole: vouchers that lie on no line, gift cards.
def content:
  currency as $c | (.total.net.amount | num) as $net | (.total.gross.amount | num) as $gross
  | (.lines | sum(.totalPrice.net.amount)) as $lines | (.shippingPrice.net.amount | num) as $shipping
  | (.shippingAddress // {} | {phone, name: person}) as $to
  | {
      order_id: order_id,
      customer: {id: (.user.id | text), email: (.userEmail // .user.email | text), phone: ($to.phone | text),
        name: (.user // {} | person // $to.name), language: (.languageCodeEnum | language)},
      lines: [.lines[]? | select(.quantity > 0) | line($c)], subtotal: ($lines | money($c)),
      discount: ($lines + $shipping - $net | greater(0) | money($c)), shipping: ($shipping | money($c)),
      tax: ($gross - $net | money($c)), total: ($gross | money($c)), currency: $c, payment_method: method,
      checkout_id: (.checkoutId | text), channel: (.channel.slug | text),
      shipping_address: (.shippingAddress | address), billing_address: (.billingAddress | address)
    };

def placed:
  event("order.placed"; "\(order_id)/placed"; .created; content),
  (select(is_manual) | event("payment.initiated"; "\(order_id)/payment/initiated"; .created; whole));
def edited($time): select(.status | word | among(["DRAFT", "CANCELED", "EXPIRED"]) | not)
  | (.updatedAt // $time) as $time | event("order.edited"; "\(order_id)/edited/\($time)"; $time; content);
def paid($time):
  event("order.paid"; "\(order_id)/paid"; $time; {order_id: order_id}),
  (select(is_manual and charges == []) | event("payment.captured"; "\(order_id)/captured"; $time; whole));
def cancelled($time; $reason):
  event("order.cancelled"; "\(order_id)/cancelled"; $time; {order_id: order_id, reason: $reason}),
  (select(is_manual and charges == []) | event("payment.voided"; "\(order_id)/payment/voided"; $time; payment_of));

# A tracking number that comes later makes the fact known once more, with the number in its id.
def parcel($order; $c; $time):
  (.status | word) as $status | (.trackingNumber | text) as $number | (.created // $time) as $time
  | if $status == "FULFILLED" then
      event("order.shipped"; "\($order)/\(.id)/shipped\(if $number then "/" + $number else "" end)"; $time;
        {order_id: $order, parcel_id: .id, tracking_number: $number})
    elif $status | among(["RETURNED", "REFUNDED_AND_RETURNED", "REPLACED"]) then
      (.totalRefundedAmount.amount | num) as $back
      | event("order.returned"; "\($order)/returned/\(.id)"; $time; {
          order_id: $order, lines: [.lines[]? | {sku: (.orderLine | sku), name: (.orderLine | name), quantity}],
          currency: $c, total: (if $back > 0 then $back | money($c) else null end)})
    else empty end;
def facts($time): order_id as $id | currency as $c | (.fulfillments[]? | parcel($id; $c; $time)), money_facts;

# --- Checkouts, products, stock ------------------------------------------------------------------------------------

# A checkout with goods in it is a cart; with an e-mail or address, its customer checks out: each once.
def checkout:
  .channel.currencyCode as $c
  | [.lines[]? | {sku: (.variant.sku // .variant.id | text), name: (.variant.product.name | text), quantity,
      unit_price: (.unitPrice.gross.amount | if . == null then null else money($c) end)}] as $items
  | {
      session_id: .id, cart_id: .id, items: $items, currency: $c,
      value: (.totalPrice.gross.amount | if . == null then null else money($c) end)
    } as $data
  | select($items != [])
  | event("storefront.add_to_cart"; "\(.id)/add_to_cart"; .created; $data),
    (select((.email | text) != null or .shippingAddress != null)
      | event("storefront.begin_checkout"; "\(.id)/begin_checkout"; .updatedAt // .created;
          $data + {checkout_id: .id}));

def variant($product; $time):
  (.channelListings // [] | map(select(.price != null)) | .[0].price) as $price
  | event("product.upserted"; "\(.id)/\($time)"; $time; {
      sku: (.sku // .id | text), name: ({productName: $product.name, variantName: .name} | name),
      category: ($product.category.name | text), currency: $price.currency,
      unit_price: ($price.amount | if . == null then null else money($price.currency) end)});

# Orders name no warehouse, so neither does the count; what is allocated to open orders has left already.
def stock($time):
  if (.stocks | type) != "array" then error("productVariant.stocks is missing from the subscription query")
  else event("inventory.counted"; "\(.id)/counted/\($time)"; $time; {
    sku: (.sku // .id | text), on_hand: ([.stocks[] | (.quantity | num) - (.quantityAllocated | num)] | add // 0)}) end;

# Events that tell nothing to a shop's books.
def quiet:
  test("_metadata_updated$|_deleted$|^order_confirmed$|^fulfillment_canceled$|^checkout_fully_(authorized|paid)$")
  or (capture("^(?<what>.+)_[a-z]+$").what // "" | test("^(account|address|app|attribute|attribute_value|category"
    + "|channel|collection|customer|draft_order|gift_card|invoice|menu|menu_item|notify|page|page_type"
    + "|permission_group|product_export|product_media|promotion|promotion_rule|sale|shipping_price|shipping_zone|shop|staff"
    + "|thumbnail|transaction_item|translation|voucher|warehouse)(_[a-z]+)?$")) or . == "observability";

(.headers["saleor-event"] // .headers["x-saleor-event"] // error("the header saleor-event is missing")
  | ascii_downcase) as $event
| .received_at as $received
| if $event | quiet then empty
  else
    .body | if type == "array" then from_static else (.data // .) end
    | if type != "object" then error("the body is not a webhook of Saleor") else . end
    | (.issuedAt // $received) as $time
    | def order(f):
        if .order.lines then .order | f, facts($time)
        else error("\($event) without the order's lines; set the query of docs/connectors/saleor.md") end;
      if $event == "order_created" then order(placed)
      elif $event == "order_bulk_created" then .orders[] | placed, facts($time)
      elif $event == "order_updated" then order(edited($time))
      elif $event == "order_fully_paid" then order(paid($time))
      elif $event == "order_cancelled" then order(cancelled($time; null))
      elif $event == "order_expired" then order(cancelled($time; "expired"))
      elif $event | among(["order_paid", "order_refunded", "order_fully_refunded", "order_fulfilled"]) then order(empty)
      elif $event
        | among(["fulfillment_created", "fulfillment_approved", "fulfillment_tracking_number_updated"]) then
        (.order | order_id // error("\($event) without the number of its order")) as $id
        | (.order | currency) as $c | .fulfillment | parcel($id; $c; $time)
      elif $event | among(["checkout_created", "checkout_updated"]) then .checkout | checkout
      elif $event | among(["product_created", "product_updated"]) then
        .product | . as $product | .variants[]? | variant($product; $product.updatedAt // $time)
      elif $event | among(["product_variant_created", "product_variant_updated"]) then
        .productVariant | variant(.product // {}; .updatedAt // $time)
      elif $event | among(["product_variant_stock_updated", "product_variant_out_of_stock",
        "product_variant_back_in_stock"]) then .productVariant | stock($time)
      else error("\($event) is not an event this connector knows")
      end
  end
