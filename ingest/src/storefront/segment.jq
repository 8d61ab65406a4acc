# mizan: source segment
#
# One message of Segment's HTTP API, as its SDKs and those that speak like them (RudderStack, Jitsu) send it: `call`,
# `time` by our clock, `message`. A visit's event has the message's id. Facts about orders have ids of their own: an
# order told twice, as by a thank-you page read again, is one. Names of the shop's own tell nothing here, nor do
# identify, group and alias. Between the two rules the words are collect.jq's.

# ----------------------------------------------------------------------------------------------------------------------
def is(words): . as $word | any(words; . == $word);
def object($what): if . == null then {} elif type == "object" then . else error("\($what) is not an object") end;
# Ids come as text or as numbers.
def text: if . == "" or type == "object" or type == "array" then null elif . == null then . else tostring end;
def one(f): [f | text | values][0];
def number: if . == null or . == "" then null else tonumber end;
# Without a currency an amount says nothing, and none is guessed.
def amount($c): if $c == null then null else number | money($c) end;
# Prices keep four decimals, to which JavaScript's 19.990000000000002 is rounded.
def price($c): if $c == null then null else number
  | if . == null or (tostring | test("^[0-9]+([.][0-9]{1,4})?$")) then text else money("CLF") end end;
def method: text | if . == null then . else ascii_downcase
  | if test("^cod$|cash.on.delivery|الدفع عند الاستلام") then "cod" elif test("card|visa|بطاقة") then "card"
    else gsub("[ _-]"; "") end end;
# What each name says: GA4's and our own as they are, Segment's and Snowplow's as here.
def names: {
  "product list viewed": "view_item_list", "product list filtered": "view_item_list", "list_view": "view_item_list",
  "product category viewed": "view_item_list", "product clicked": "select_item", "list_click": "select_item",
  "product viewed": "view_item", "product_view": "view_item", "products searched": "search",
  "view_search_results": "search", "product added": "add_to_cart", "wishlist product added to cart": "add_to_cart",
  "product removed": "remove_from_cart", "product added to wishlist": "add_to_wishlist", "cart viewed": "view_cart",
  "checkout started": "begin_checkout", "order started": "begin_checkout", "checkout step viewed": "add_shipping_info",
  "checkout step completed": ".step", "checkout_step": ".step", "payment info entered": "add_payment_info",
  "coupon applied": "apply_coupon", "coupon denied": "deny_coupon", "coupon removed": "remove_coupon",
  "promotion viewed": "view_promotion", "promo_view": "view_promotion", "promotion clicked": "select_promotion",
  "promo_click": "select_promotion", "order completed": "purchase", "transaction": "purchase"
};
# Segment's old names are its new ones turned round ("Viewed Product"). Snowplow counts the beginning of a checkout as a
# step. A step that tells a payment method alone is the payment's.
def kind($p):
  ascii_downcase | ltrimstr("storefront.") | . as $name
  | sub("^(?<did>viewed|clicked|added|removed|started|completed|updated) (?<what>.+)$"; "\(.what) \(.did)")
  | names[.] // .
  | if . != ".step" then .
    elif $name == "checkout_step" and ($p.step | text) == "1" then "begin_checkout"
    elif $p | one(.payment_method) and one(.shipping_method, .delivery_method) == null then "add_payment_info"
    else "add_shipping_info" end
  | if is("page_view", names[]) then "storefront.\(.)" else . end;
# GA4 and we say `items`, Segment and Snowplow `products`; what is about one product may itself be it.
def products($type):
  (.items // .products) as $list
  | if $list | type == "array" then $list[] elif $list != null then error("the list of products is not a list")
    elif .product | type == "object" then .product
    elif $type | ltrimstr("storefront.") | is("view_item", "select_item", "add_to_cart", "remove_from_cart",
      "add_to_wishlist") then .
    else empty end
  | object("a product");
# GA4's discount is on each piece, and its price is after it; ours is on all pieces. Segment defines none.
def discount($c):
  (.discount | number) as $told | if $told == null then null elif has("unit_price") then $told
    elif has("item_id") or has("item_name") then $told * (.quantity | number // 1) else null end | amount($c);
def item($c): {
    sku: one(.sku, .item_id, .product_id, .id), name: one(.name, .item_name), category: one(.category, .item_category),
    quantity: (.quantity | number), unit_price: (.unit_price // .price | price($c)), discount: discount($c)
  };
def currency: one(.currency, (.items, .products | arrays | .[] | objects | .currency), .product?.currency?)
  | if . == null then . else ascii_upcase end;
def sum(f): reduce .[] as $one (0; . + ($one | f));
def reduction: .discount // .discount_amount | number // 0 | if . < 0 then 0 - . else . end;
# Segment leaves it to each shop what `value` means, so the worth of a basket of `products` is worked out from them.
def worth($type; $c; $items):
  ($type | ltrimstr("storefront.")
    | is("view_cart", "begin_checkout", "add_shipping_info", "add_payment_info", "purchase")) as $whole
  | (if $whole and $items != [] and all($items[]; .unit_price)
      then $items | sum((.unit_price | tonumber) * (.quantity // 1)) else null end) as $sum
  | if $sum and .products then $sum - reduction else .value // .total_value // $sum // .revenue end
  | amount($c);
def about($type):
  currency as $c
  | [products($type) | item($c) | select(.sku or .name)] as $items
  | (if $items | length == 1 then $items[0] else {} end) as $only
  | {
      cart_id: one(.cart_id), checkout_id: one(.checkout_id), order_id: one(.order_id, .transaction_id),
      sku: $only.sku, quantity: $only.quantity, unit_price: $only.unit_price, value: worth($type; $c; $items),
      currency: $c, items: (if $items[1] or any($items[]; .name or .category or .discount) then $items else null end),
      coupon: one(.coupon, .coupon_id, .coupon_code, .discount_code, .coupon_name), search_term: one(.search_term, .query),
      payment_method: (.payment_method // .payment_type | method), shipping: (.shipping | amount($c))
    };
# ----------------------------------------------------------------------------------------------------------------------

def campaign($url):
  if .campaign | type == "object" then
    .campaign | {utm_source: .source, utm_medium: .medium, utm_campaign: .name, utm_term: .term, utm_content: .content}
    | map_values(text)
  elif ($url // "") | test("[?&]utm_") then
    $url | split("#")[0] | split("?")[1:] | join("?") | split("&")
    | map(capture("^(?<key>utm_(source|medium|campaign|term|content))=(?<value>.*)$"))
    | map({(.key): (.value | gsub("[+]"; " ") | @urid | if any(explode[]; . < 0) then null else text end)}) | add
  else {} end;
# Tablets with Android do not say Mobile where phones do; an app's own agent (Dalvik, okhttp) says neither.
def device:
  ([.device.type?][0] | text // "" | ascii_downcase) as $told
  | ("\(.userAgent // "") \([.device.model?][0] // "")" | ascii_downcase) as $agent
  | if $told | is("mobile", "tablet", "desktop") then $told
    elif $agent | test("ipad|tablet|kindle") or (test("mozilla.*android") and (test("mobile") | not)) then "tablet"
    elif ($told | is("ios", "android")) or ($agent | test("mobi|iphone|ipod|android")) then "mobile"
    elif $agent | test("windows nt|macintosh|x11|cros") then "desktop"
    else null end;
def language: .locale | text | if . then gsub("_"; "-") else . end;
# A session that is a number is a time, which two visitors may share.
def session($visitor; $p): [.sessionId, .session_id, $p.session_id | select(text)][0]
  | if type == "number" then "\($visitor // "")/\(.)" else text end;

def fact($type; $id; $data): {type: $type, id: $id, time: .time, data: $data};
def visit($type):
  if .visitor == null and .session == null then error("a visit needs anonymousId or context.sessionId") else . end
  # A page tells of itself in its properties; elsewhere `url` is the product's.
  | (.context.page | object("context.page")) as $page | (if .call == "page" then .p else {} end) as $own
  | one($own.url, $page.url) as $url
  | fact($type; .id; {
      session_id: .session, visitor_id: .visitor, customer_id: .customer, page_url: $url,
      referrer: one($own.referrer, $page.referrer), device: (.context | device), language: (.context | language),
      country: ([.context.location.country?][0] | text | if . and test("^[A-Z]{2}$") then . else null end)
    } + (.context | campaign($url)) + if .call == "track" then .p | about($type) else {} end);

def lines($c): [products("") | . as $told | item($c) | .quantity //= 1
  # The price before the discount, which GA4 has taken off.
  | if .discount == null or ($told | has("unit_price")) then .
    else .unit_price = (($told.price | number) + ($told.discount | number) | price($c)) end];
# The order, or nothing where the event does not carry it whole. Whether the tax lies in the prices, their total tells
# where it adds up that way; without a total the shop's setting `prices_include_tax` decides.
def order:
  (.context.traits | object("context.traits")) as $traits | . as {$customer, $context, $session}
  | .p | currency as $c | lines($c) as $lines | one(.order_id, .transaction_id) as $order
  | select($order and $c and $lines != [] and all($lines[]; .sku and .unit_price and .quantity > 0))
  | (if .products then reduction else 0 end) as $off
  | ($lines | sum(((.unit_price | tonumber) * .quantity | money($c) | tonumber) - (.discount // 0 | tonumber))) as $sum
  | ($sum - $off + (.shipping | number // 0)) as $inside | (.tax | number // 0) as $tax
  # Snowplow's revenue is what is paid, Segment's is not.
  | (.total // (if .total_quantity then .revenue else null end) | amount($c)) as $told
  | {
      order_id: $order, lines: $lines, currency: $c, subtotal: ($sum | money($c)), discount: ($off | money($c)),
      shipping: (.shipping | amount($c)), tax: (.tax | amount($c)),
      total: (if $tax == 0 or ($told and $told != ($inside | money($c))) then $inside + $tax
        elif $told then $inside else null end | amount($c)),
      customer: {
        id: $customer, email: one($traits.email, .email), phone: one($traits.phone, .phone),
        name: one($traits.name, ([$traits.firstName, $traits.lastName | text | values] | join(" "))),
        language: ($context | language)
      },
      payment_method: (.payment_method // .payment_type | method), checkout_id: one(.checkout_id),
      cart_id: one(.cart_id), session_id: $session, channel: "online"
    };
# The money of a refund where the payment is named; else the goods, where those that came back are.
def refunded:
  (.p | currency as $c | {
    order_id: one(.order_id, .transaction_id), payment_id: one(.payment_id), provider: one(.provider), currency: $c,
    refund_id: one(.refund_id), amount: (.refund_amount // .total // .value | amount($c)),
    reason: one(.refund_reason, .reason), lines: lines($c)
  }) as $told | ($told.refund_id // .id) as $refund
  | if $told.payment_id and $told.provider and $told.amount then
      fact("payment.refunded"; "\($told.payment_id)/refunded/\($refund)"; $told | del(.lines))
    elif $told.order_id and $told.lines != [] and all($told.lines[]; .sku and .quantity > 0) then
      fact("order.returned"; "\($told.order_id)/returned/\($refund)"; $told | .total = .amount
        | del(.amount, .payment_id, .provider, .refund_id))
    else empty end;
# Snowplow names no provider: the shop has to add payment_id and provider.
def failed:
  (.p + (.p.transaction | object("transaction")) | currency as $c | {
    payment_id: one(.payment_id), attempt_id: one(.attempt_id), provider: one(.provider), checkout_id: one(.checkout_id),
    order_id: one(.order_id, .transaction_id), method: (.payment_method | method), currency: $c,
    amount: (.amount // .revenue | amount($c)),
    decline: {code: one(.error_code, .error_shortcode), message: one(.error_description, .error_shortcode)}
  } | select(.payment_id and .provider)) as $data
  | fact("payment.failed"; "\($data.payment_id)/failed/\($data.attempt_id // .id)"; $data);

(.message | object("the message")) as $m
| {call, time, id: ($m | one(.messageId)), visitor: ($m | one(.anonymousId)), customer: ($m | one(.userId)),
    context: ($m.context | object("context")), p: ($m.properties | object("properties"))}
| . as {$visitor, $p} | .session = (.context | session($visitor; $p))
| if .call | is("identify", "group", "alias") then empty
  elif .call | is("page", "screen", "track") | not then error("`\(.call)` is not a call of Segment's HTTP API")
  elif .id == null then error("a message needs messageId, so that it is stored once")
  elif .call != "track" then visit("storefront.page_view")
  elif $m.event | type != "string" then error("a track message needs event, a text")
  else ($m.event | kind($p)) as $type
    # A server that does not know the visitor tells the order alone.
    | if $type == "storefront.purchase" then [order] as $orders
        | (select(.visitor or .session or $orders == []) | visit($type)),
          ($orders[] as $order | fact("order.placed"; "\($order.order_id)/placed"; $order))
      elif $type | startswith("storefront.") then visit($type)
      elif $type == "order updated" then
        order as $order | fact("order.edited"; "\($order.order_id)/edited/\(.id)"; $order)
      elif $type == "order cancelled" then
        ($p | {order_id: one(.order_id), reason: one(.reason)}) as $data
        | fact("order.cancelled"; "\($data.order_id)/cancelled"; $data)
      elif $type | is("order refunded", "refund") then refunded
      elif $type == "trns_error" then failed
      else empty end
  end
