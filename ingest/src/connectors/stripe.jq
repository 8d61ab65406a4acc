# mizan: input webhook
#
# Stripe sends events: `type`, `created` (the same in every delivery), the object as it stood then in `data.object`, and
# in `data.previous_attributes` what changed of it. Times are Unix seconds, amounts minor units, other objects are named
# by their ids.
#
# Each fact has one event that tells it: charge.* for tries, captures and released holds, refund.* for refunds,
# charge.dispute.* for disputes, payout.* for payouts; payment_intent.* tell only what happens without a charge. The
# payment is the payment intent (the charge where there is none), the attempt is the charge. Ids are made of the id of
# the object, so that a backfill from the API finds the same events.

def fact($type; $id; $time; $data): {$type, $id, $time, $data};
def payment($type; $id; $time; $data): fact("payment." + $type; $id; $time; {provider: "stripe"} + $data);

def is_one_of($names): . as $name | any($names[]; . == $name);

# An id, also where the object itself stands in its place.
def id: if type == "object" then .id else . end;
def at: .created | unix_time;
def currency: .currency | ascii_upcase;

# An amount in the currency of the object. Stripe's minor units are those of ISO 4217 but for three: UGX and ISK have
# none and still come times 100, MGA has two and comes whole.
def amount(minor):
  currency as $currency
  | minor
  | if . == null then null
    elif type != "number" then error("\(.) is not an amount in minor units")
    elif $currency == "MGA" then . * 100 | from_minor($currency)
    elif $currency == "UGX" or $currency == "ISK" then
      if . % 100 == 0 then from_minor("EUR") | money($currency)
      else error("\(.) is not a whole amount of \($currency), which Stripe sends times 100") end
    else from_minor($currency) end;
def sum: {amount: amount(.amount), currency: currency};

# What the shop gave along. Not client_reference_id: Stripe offers it for customers and carts as well.
def order_id:
  [.metadata.order_id, .metadata.order_number, .payment_details.order_reference]
  | map(select(. != null and . != "")) | .[0];
def given: {order_id: order_id, checkout_id: .metadata.checkout_id};

# A refund and a dispute name the charge that they belong to.
def of_charge: {payment_id: (.payment_intent // .charge | id), attempt_id: (.charge | id)};

# How it was paid: the details of a charge, or a payment method.
def known: if . == "unknown" then null else . end;
def paid_with:
  (.card // .card_present // .interac_present) as $card
  | {
      method:
        (if $card != null then
          $card.wallet.type // ""
          | {apple_pay: "applepay", google_pay: "googlepay", samsung_pay: "samsungpay", link: "link"}[.] // "card"
        elif .type == "customer_balance" then "transfer"
        else .type | if . == null then null else gsub("_"; "") end end),
      card: (if $card == null then null else
        {brand: ($card.brand | known), country: $card.country, funding: ($card.funding | known), bin: $card.iin,
          last4: $card.last4} end),
      # Of not_supported and processing_error nothing can be said of the customer.
      three_ds:
        ($card.three_d_secure.result // ""
        | {authenticated: "authenticated", attempt_acknowledged: "attempted", exempted: "exempt", failed: "failed"}[.])
    };

# Stripe's fee. Events name the balance transaction by its id alone, except those of disputes; a backfill may have it.
def fee($of):
  select(type == "object" and (.fee // 0) != 0)
  | payment("fee"; "\(.id)/fee"; at; $of + {fee: amount(.fee), currency: currency});

# --- Charges: one try each ---

def charge:
  {payment_id: (.payment_intent // .id | id), attempt_id: .id, currency: currency} + given
  + (.payment_method_details // {} | paid_with);

# What was taken so far; versions of the API before amount_captured counted the released rest as refunded.
def taken: .amount_captured // (.amount - (.amount_refunded // 0));

def captured($now; $before):
  payment("captured"; "\(.id)/captured/\(amount(taken))"; $now; charge + {amount: amount(taken - $before)});

def authorized($now): payment("authorized"; "\(.id)/authorized/\(amount(.amount))"; $now; charge + sum);

# A hold that was let go before anything was taken.
def voided($now; $reason): payment("voided"; "\(.id)/voided"; $now; charge + sum + {reason: $reason});

# A charge that may be captured in parts: charge.updated tells each part by what amount_captured was before.
def in_parts: (.payment_method_details.card // .payment_method_details.card_present).multicapture.status == "available";
def part($now; $before):
  if in_parts and $before.amount_captured != null and $before.amount_captured < taken
  then captured($now; $before.amount_captured) else empty end;

def declined($now):
  payment("failed"; "\(.id)/failed"; $now; charge + sum + {
    decline: {
      # card_declined only says that it was; the outcome says why.
      code: (if .failure_code == "card_declined" then null else .failure_code end // .outcome.reason // .failure_code),
      network_code: .outcome.network_decline_code,
      advice_code: (.outcome.network_advice_code // .outcome.advice_code),
      message: .failure_message
    }
  });

# Money is paid back when Stripe books it, which gives the refund a balance transaction. Without one, a hold was let go,
# or the refund still waits. One that fails later is taken back by its negative; told failed first, it tells both.
def refund($now):
  if .balance_transaction == null or (.payment_intent // .charge) == null then empty
  else
    of_charge as $of
    | payment("refunded"; "\(.id)/refunded"; at; $of + given + sum + {refund_id: .id, reason}),
      (if .status == "failed" or .status == "canceled" then
        payment("refunded"; "\(.id)/failed"; $now;
          $of + given + {amount: amount(0 - .amount), currency: currency, refund_id: "\(.id)/failed",
            reason: (.failure_reason // .status)})
      else empty end),
      (.balance_transaction | fee($of))
  end;

def charge_event($kind; $now; $before):
  if $kind == "pending" then payment("initiated"; "\(.id)/initiated"; $now; charge + sum)
  elif $kind == "succeeded" then if .captured == false then authorized($now) else captured($now; 0) end
  elif $kind == "captured" then
    # The end of an authorization of which nothing was taken comes by this name too.
    if taken == 0 then voided($now; null) elif in_parts then part($now; $before) else captured($now; 0) end
  elif $kind == "updated" then
    part($now; $before), (if .captured == false and $before.amount != null then authorized($now) else empty end)
  elif $kind == "failed" then declined($now)
  elif $kind == "expired" then voided($now; "expired")
  elif $kind == "refunded" then
    # Older versions of the API list the refunds here; since 2022-11-15 only refund.* tell them.
    if .captured == false and (.amount_captured // 0) == 0 then voided($now; .refunds.data[0].reason)
    else .refunds.data[]? | refund($now) end
  else error("charge.\($kind) is not an event this connector knows") end;

# --- Payment intents: what happens without a charge ---

def charged: .latest_charge // .charges.data[0].id;

def intent_event($kind; $now; $created):
  if $kind == "created" then payment("initiated"; "\(.id)/initiated"; at; {payment_id: .id} + given + sum)
  elif $kind == "payment_failed" then
    .last_payment_error as $error
    | ($error.code == "payment_intent_authentication_failure") as $unproven
    # A failed charge is told by charge.failed. The latest charge may be that of an earlier try.
    | if $error.charge != null or (charged != null and ($unproven | not)) then empty
      else
        payment("failed"; "\(.id)/failed/\($created)"; $now;
          {payment_id: .id, attempt_id: "\(.id)/\($created)"} + given + sum + ($error.payment_method // {} | paid_with)
          + {
            three_ds: (if $unproven then "failed" else null end),
            decline: {
              code: ($error.decline_code // $error.code),
              network_code: $error.network_decline_code,
              advice_code: ($error.network_advice_code // $error.advice_code),
              message: $error.message
            }
          })
      end
  elif $kind == "canceled" then
    # After a try, the end of the charge tells more: declined, or let go.
    if charged != null or .last_payment_error != null then empty
    else payment("voided"; "\(.id)/voided"; (.canceled_at | unix_time) // $now;
      {payment_id: .id, reason: .cancellation_reason} + given + sum) end
  elif ($kind | is_one_of(["succeeded", "processing", "requires_action", "amount_capturable_updated",
      "partially_funded"])) then empty
  else error("payment_intent.\($kind) is not an event this connector knows") end;

# --- Disputes and payouts ---

def dispute_event($kind; $now):
  (of_charge + given + sum + {dispute_id: .id}) as $dispute
  | (if $kind == "created" then payment("disputed"; "\(.id)/disputed"; at; $dispute + {reason})
    # How it ended: won, lost, warning_closed or prevented.
    elif $kind == "closed" then payment("dispute_closed"; "\(.id)/closed"; $now; $dispute + {reason: .status})
    elif ($kind | is_one_of(["updated", "funds_withdrawn", "funds_reinstated"])) then empty
    else error("charge.dispute.\($kind) is not an event this connector knows") end),
    (of_charge as $of | .balance_transactions[]? | fee($of));

# A payout often fails after it was called paid. It then tells both, so that it comes to nothing either way.
def payout_event($kind; $now):
  (sum + {payout_id: .id}) as $payout
  | if $kind == "paid" or $kind == "failed" then
      payment("settled"; "\(.id)/settled"; .arrival_date | unix_time; $payout),
      (if $kind == "paid" then empty
      else payment("settled"; "\(.id)/failed"; $now;
        $payout + {amount: amount(0 - .amount), reason: (.failure_code // "failed")}) end)
    elif ($kind | is_one_of(["created", "updated", "canceled", "reconciliation_completed"])) then empty
    else error("payout.\($kind) is not an event this connector knows") end;

# --- Checkout and invoices ---

def checkout_id: .metadata.checkout_id // .recovered_from // .id;
def checkout:
  {
    # A visit that the shop does not name is named by the checkout.
    session_id: (.metadata.session_id // if .metadata.visitor_id == null then .id else null end),
    visitor_id: .metadata.visitor_id,
    cart_id: .metadata.cart_id,
    checkout_id: checkout_id,
    value: amount(.amount_total),
    currency: currency
  };
def begun: fact("storefront.begin_checkout"; "\(.id)/begin_checkout"; at; checkout);

def session_event($kind; $now):
  if ($kind | is_one_of(["async_payment_succeeded", "async_payment_failed"])) then empty
  elif ($kind | is_one_of(["completed", "expired"])) | not then
    error("checkout.session.\($kind) is not an event this connector knows")
  # Saves a card, sells nothing.
  elif .mode == "setup" or .currency == null then empty
  elif $kind == "expired" then begun
  else
    order_id as $order_id
    # The intent does not carry the metadata of its session: this says which order it pays.
    | if .payment_intent != null then
        payment("initiated"; "\(.id)/initiated"; $now; {payment_id: (.payment_intent | id), order_id: $order_id,
          checkout_id: checkout_id, amount: amount(.amount_total), currency: currency})
      elif $order_id != null and .payment_status == "paid" then
        fact("order.paid"; "\(.id)/paid"; $now; {order_id: $order_id, checkout_id: checkout_id})
      else empty end,
      if $order_id == null then empty
      else begun, fact("storefront.purchase"; "\(.id)/purchase"; $now; checkout + {order_id: $order_id}) end
  end;

def invoice_paid($now):
  order_id as $order_id
  | if $order_id == null then empty
    else
      fact("order.paid"; "\(.id)/paid"; (.status_transitions.paid_at | unix_time) // $now; {order_id: $order_id})
    end;

# Families that change nothing in a shop's books: the money of invoices and subscriptions is told by their charges.
def silent:
  sub("[.].*"; "")
  | startswith("issuing_") or is_one_of([
      "account", "account_notice", "application_fee", "balance", "balance_settings", "billing", "billing_portal",
      "capability", "capital", "cash_balance", "climate", "coupon", "credit_note", "customer",
      "customer_cash_balance_transaction", "entitlements", "file", "financial_connections", "fx_quote",
      "identity", "invoice", "invoice_payment", "invoiceitem", "mandate", "payment_link", "payment_method",
      "person", "plan", "price", "product", "promotion_code", "quote", "radar", "reporting", "reserve", "review",
      "setup_intent", "sigma", "source", "subscription_schedule", "tax", "tax_rate", "terminal", "test_helpers",
      "topup", "transfer", "treasury", "v1", "v2"
    ]);

.body
| if type != "object" or (.object != "event" and .object != "v2.core.event") then
    error("the body is not an event of Stripe") else . end
| (.type // "") as $type
| .created as $created
| .data.previous_attributes as $before
| if $type == "ping" then empty
  elif $type == "invoice.paid" then .data.object | invoice_paid($created | unix_time)
  elif $type | silent then empty
  else
    ($created | unix_time) as $now
    | .data.object
    | ($type | split(".")) as $words
    | $words[-1] as $kind
    | $words[:-1] as $family
    | if $family == ["charge"] then charge_event($kind; $now; $before),
        ({payment_id: (.payment_intent // .id | id), attempt_id: .id} as $of | .balance_transaction | fee($of))
      elif $family == ["payment_intent"] then intent_event($kind; $now; $created)
      elif $family == ["refund"] or $family == ["charge", "refund"] then
        if ($kind | is_one_of(["created", "updated", "failed"])) then refund($now)
        else error("\($type) is not an event this connector knows") end
      elif $family == ["charge", "dispute"] then dispute_event($kind; $now)
      elif $family == ["payout"] then payout_event($kind; $now)
      elif $family == ["checkout", "session"] then session_event($kind; $now)
      else error("\($type) is not an event this connector knows") end
  end
