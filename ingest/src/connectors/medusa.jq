# mizan: input webhook
#
# Medusa v2, through the subscriber of docs/connectors/medusa.md: {"event", "id", "timestamp", "data"}, where `data`
# is the order, cart or product as Medusa holds it at that moment. Amounts are decimals in major units, printed by
# JavaScript. An order carries all that became of it (parcels, captures, refunds, returns), each with an id and a time
# of its own. So every event of an order tells every such fact again under the same id, and one that was missed comes
# with the next. Online payments are told by their providers; only cash and transfers, which Medusa's manual provider
# takes, are told here.

def text: if . == null or . == "" then null else tostring end;
# Remains of binary arithmetic such as 3.5e-15 are nothing.
def num: if . == null or (tostring | test("[eE]-")) then 0 else tonumber end;
def sum(f): reduce .[]? as $one (0; . + ($one | f | num));
def greater($than): if . > $than then . else $than end;
# A product of one variant has that variant called like itself, or "Default variant".
def titled($variant):
  if . == null or . == $variant or ($variant // "" | . == "" or test("^default"; "i")) then text
  else "\(.), \($variant)" end;
def currency: .currency_code | ascii_upcase;
def among($list): . as $one | $list | any(. == $one);
def event($type; $id; $time; $data): {type: $type, id: $id, time: $time, data: $data};

def order_id: .custom_display_id // .display_id // .id | text;
def person: [.first_name, .last_name | text | select(.)] | join(" ") | text;
def address:
  if . == null then null else {
    name: person, line1: (.address_1 | text), line2: (.address_2 | text), city: (.city | text),
    region: (.province | text), postcode: (.postal_code | text),
    country: (.country_code | text | if . then ascii_upcase else null end)
  } end;
def customer: (.customer // {}) as $customer | (.shipping_address // {}) as $to | {
  id: (.customer_id // $customer.id | text), email: (.email // $customer.email | text),
  phone: ($to.phone // $customer.phone | text), name: ($customer | person // ($to | person)), language: (.locale | text)
};

# --- Payments -------------------------------------------------------------------------------------------------------

def payments: [.payment_collections[]? | .payments[]?];
# The shop's own word on the order, else the provider: pp_stripe_stripe is stripe, pp_system_default the manual one.
def provider: .provider_id // "" | ltrimstr("pp_") | split("_")[0] // "";
def method($order):
  ($order.metadata // {}).payment_method // null
  | if . != null then ascii_downcase
    else ($order | [payments[], (.payment_collections[]? | .payment_sessions[]?)] | map(provider | text | select(.))[0])
      | if . == "system" or . == "cod" then "cod" else . end
    end;
def is_manual: . == "cod" or . == "transfer";

# The order is the payment, so that a courier who reports the same cash (kind "carrier") counts once.
def money_facts:
  . as $order | order_id as $id | currency as $c | method($order) as $method
  | select($method | is_manual)
  | {payment_id: $id, attempt_id: $id, order_id: $id, provider: $method, method: $method, currency: $c} as $data
  | event("payment.initiated"; "\(.id)/payment/initiated"; .created_at;
      $data + {amount: (payments[0].amount // .total | num | money($c))}),
    (payments[]
      | (.captures[]? | event("payment.captured"; "\($order.id)/captured/\(.id)"; .created_at;
          $data + {amount: (.amount | num | money($c))})),
        (.refunds[]? | event("payment.refunded"; "\($order.id)/refunded/\(.id)"; .created_at;
          $data + {refund_id: .id, amount: (.amount | num | money($c)), reason: (.note | text)}))),
    (select(.canceled_at != null and (payments | all(.captures // [] | . == [])))
      | event("payment.voided"; "\(.id)/payment/voided"; .canceled_at; $data));

# Paid when every collection of the order has captured what it asks for.
def paid:
  [.payment_collections[]? | select(.status != "canceled")] as $collections
  | ([payments[] | .captured_at | select(.)] | max) as $time
  | select($time != null and ($collections | all((.captured_amount | num) >= (.amount | num))))
  | event("order.paid"; "\(.id)/paid"; $time; {order_id: order_id});

# --- Orders ---------------------------------------------------------------------------------------------------------

# Lines before tax, whether or not the shop's prices include it; "CLF" has four decimals, as many as a price may have.
def discount:
  if .discount_subtotal != null then .discount_subtotal | num
  else (.discount_total | num) - (.discount_tax_total | num) end;
def line($c):
  (.quantity | num) as $quantity | .variant_title as $variant | {
    line_id: .id, sku: (.variant_sku // (.variant // {}).sku // .variant_id // .product_id // .id | text),
    name: (.product_title // .title | titled($variant)),
    quantity: $quantity, unit_price: ((.subtotal | num) / $quantity | money("CLF")),
    discount: (discount | money($c)), tax: (.tax_total | num | money($c))
  };

# Gift cards and store credit (credit lines) lower the total alone.
def content:
  . as $order | currency as $c | [.items[]? | select((.quantity | num) > 0)] as $items
  | {
      order_id: order_id, customer: customer, lines: ($items | map(line($c))),
      subtotal: ($items | sum((.subtotal | num) - discount) | money($c)),
      shipping: (.shipping_methods | sum((.subtotal | num) - discount) | money($c)),
      tax: (.tax_total | num | money($c)), total: (.total | num | money($c)), currency: $c,
      payment_method: method($order), cart_id: ((.cart // {}).id | text),
      channel: ((.metadata // {}).channel | text // "online"),
      shipping_address: (.shipping_address | address), billing_address: (.billing_address | address)
    };

# Once goods came back, Medusa's totals tell what is left of the order; what was ordered does not change any more.
def came_back:
  any(.items[]?; .detail // {} | (.return_received_quantity | num) + (.return_dismissed_quantity | num) > 0);
def edited: select(.canceled_at == null and (came_back | not))
  | event("order.edited"; "\(.id)/edited/\(.updated_at)"; .updated_at; content);

def parcels:
  . as $order | order_id as $id
  | .fulfillments[]? | select(.canceled_at == null) | .id as $parcel
  | (.labels // [] | .[0] // {}) as $label
  | {
      order_id: $id, parcel_id: $parcel,
      carrier: (.provider_id | text | if . and (test("^manual") | not) then split("_")[0] else null end)
    } as $data
  | def fact($type; $name; $time; $more):
      select($time != null) | event($type; "\($order.id)/\($parcel)/\($name)"; $time; $data + $more);
    fact("order.packed"; "packed"; .packed_at // .created_at; {}),
    fact("order.shipped"; "shipped"; .shipped_at; {
      tracking_number: ($label.tracking_number | text),
      tracking_url: ($label.tracking_url | text | if . == "#" then null else . end)
    }),
    fact("order.delivered"; "delivered"; .delivered_at; {});

# A return counts when all of it was received; refunds are told by the payments.
def returns:
  . as $order | order_id as $id | currency as $c
  | .returns[]? | select(.status == "received" and .canceled_at == null)
  | [.items[]? | . as $back | ($order.items[]? | select(.id == $back.item_id)) as $item
      | select((.received_quantity | num) > 0)
      | ($item | line($c)) + {quantity: (.received_quantity | num)} | {line_id, sku, name, quantity}] as $lines
  | select($lines != [])
  | event("order.returned"; "\($order.id)/returned/\(.id)"; .received_at; {
      order_id: $id, lines: $lines, currency: $c,
      total: (if .refund_amount == null then null else .refund_amount | num | money($c) end)
    });

def facts:
  (select(.canceled_at != null) | event("order.cancelled"; "\(.id)/cancelled"; .canceled_at; {order_id: order_id})),
  paid, money_facts, parcels, returns;

# --- The rest -------------------------------------------------------------------------------------------------------

# A cart with goods in it, and then one whose customer gave an address or e-mail: each once.
def cart:
  currency as $c
  | [.items[]? | {
      sku: (.variant_sku // .variant_id // .id | text), name: (.product_title // .title | text),
      quantity: (.quantity | num), unit_price: (.unit_price | num | money("CLF"))
    }] as $items
  | {
      session_id: .id, cart_id: .id, customer_id: (.customer_id | text), items: $items, currency: $c,
      value: (.total // .item_total | if . == null then null else num | money($c) end)
    } as $data
  | select($items != [])
  | event("storefront.add_to_cart"; "\(.id)/add_to_cart"; .updated_at; $data),
    (select(.email != null or .shipping_address != null)
      | event("storefront.begin_checkout"; "\(.id)/begin_checkout"; .updated_at; $data + {checkout_id: .id}));

# The first price without conditions is the one that most customers see.
def product:
  . as $product | .variants[]?
  | (.prices // [] | map(select(.price_list_id == null and .min_quantity == null)) | .[0]) as $price
  | event("product.upserted"; "\(.id)/\($product.updated_at)"; $product.updated_at; {
      sku: (.sku // .id | text), name: (.title as $variant | $product.title | titled($variant)),
      category: ($product.categories // [] | .[0] // {} | .name | text),
      unit_price: (if $price then $price.amount | num | money("CLF") else null end),
      currency: (if $price then $price | currency else null end)
    });

def is_order: type == "object" and has("items") and has("currency_code");
def ordered(f):
  if .data | is_order then .data | f
  else error("\(.event) without the order that the subscriber should fetch") end;

# Events of an order that change nothing but what its facts tell.
def is_of_order: among([
  "order.completed", "order.canceled", "order.archived", "order.fulfillment_created", "order.fulfillment_canceled",
  "order.return_requested", "order.return_received", "order.claim_created", "order.exchange_created",
  "order.transfer_requested", "shipment.created", "delivery.created", "payment.captured", "payment.refunded"]);
# Everything else that Medusa itself has events of.
def is_quiet: split(".")[0] | among([
  "cart", "customer", "order-edit", "product", "product-variant", "product-category", "product-collection",
  "product-type", "product-tag", "product-option", "user", "auth", "invite", "region", "sales-channel",
  "shipping-option", "shipping-option-type", "price-list", "price-list-prices", "promotion", "promotion-rules",
  "campaign", "translation"]);

.body
| if type != "object" or (.event | type) != "string" then
    error("not a webhook of the subscriber in docs/connectors/medusa.md")
  elif .event == "order.placed" then ordered(event("order.placed"; "\(.id)/placed"; .created_at; content), facts)
  elif .event == "order.updated" or .event == "order-edit.confirmed" then ordered(edited, facts)
  elif .event | is_of_order then ordered(facts)
  elif .event == "cart.created" or .event == "cart.updated" then .data | cart
  elif .event == "product.created" or .event == "product.updated" then .data | product
  elif .event | is_quiet then empty
  else error("\(.event) is not an event this connector knows")
  end
