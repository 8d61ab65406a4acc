# mizan: source beacon
#
# One event of the beacon, /mizan.js: `time` by our clock, the event with its id, its name and its parameters (GA4's as
# the shop's dataLayer has them, or our own), and the context, which is what the beacon knows of the visit. Only visits
# come out: a browser is not believed about orders and payments. Other names than the storefront's tell nothing. Between
# the two rules the words are segment.jq's.

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

(.event | object("the event")) as $event
| (.context | object("the context")) as $context
| ($event.params | object("params") | . + (.ecommerce | object("ecommerce"))) as $p
| if $event.name | type != "string" then error("an event needs a name") else . end
| ($event.name | kind($p)) as $type
| select($type | startswith("storefront."))
| {
    type: $type, id: ($event | one(.id) // error("an event needs an id, so that it is stored once")), time: .time,
    data: (
      ($context | {
        session_id, visitor_id, customer_id, language, device, utm_source, utm_medium, utm_campaign, utm_term, utm_content
      } | map_values(text))
      + ($p | about($type))
      + {
          page_url: one($p.page_url, $p.page_location, $context.page_url),
          referrer: one($p.referrer, $p.page_referrer, $context.referrer),
          cart_id: one($p.cart_id, $context.cart_id), checkout_id: one($p.checkout_id, $context.checkout_id)
        })
  }
