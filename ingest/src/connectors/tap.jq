# mizan: input webhook
#
# Tap posts the object itself, as its API shows it: a charge, an authorize, a refund or an invoice with its charges,
# when something becomes of it. There is no event id and no event type: `object` and `status` are the fact, and object
# id and fact are the event's id. Amounts are JSON numbers in major units. Times are milliseconds since 1970; a charge
# tells in `activities` when it came to its status, other objects tell only when they were made.
#
# The payment is the charge. Money that was held by an authorize is taken by a charge of its own, which is what refunds
# name: the charge stays the payment, and the order number joins the two.

def code: if .currency == null then error("\(.id) tells no currency") else .currency | ascii_upcase end;
def amount: code as $code | .amount | money($code);
def said: if . == null then null else tostring | if . == "" then null else . end end;
def one_of($list): . as $value | any($list[]; . == $value);
def word: ascii_downcase | gsub("[^a-z0-9]"; "");

# When the object came to where it is: the last activity of that kind, else its creation.
def at:
  .status as $status
  | ([(.activities // [])[] | select(.status == $status) | .created] | .[-1])
    // .transaction.created // .created
  | unix_time;

# --- how it was paid ---

def brand: {americanexpress: "amex"}[.] // .;
# Cards are named by their brand; what has a name of its own (MADA, KNET, BENEFIT, STC_PAY) keeps it.
def is_brand: one_of(["visa", "mastercard", "amex", "unionpay", "maestro", "jcb", "discover", "diners"]);
def method: if is_brand then "card" else . end;

def card:
  (.card // {}) as $card
  | if $card.last_four == null and $card.first_six == null then null
    else {
      brand: ($card.scheme // $card.brand | if . == null then null else word | brand end),
      funding: ({CREDIT: "credit", DEBIT: "debit", PREPAID: "prepaid"}[.source.payment_type // ""]),
      bin: ($card.first_eight // $card.first_six),
      last4: $card.last_four
    } end;

def three_ds:
  {Y: "authenticated", A: "attempted", N: "failed", R: "failed", I: "exempt"}[.security.threeDSecure.status // ""]
  # Declined, 3D Security - Incorrect; Card not Enrolled; Not Authenticated; Authentication Failed.
  // if .response.code | one_of(["503", "504", "512", "516"]) then "failed" else null end;

# --- the payment ---

def order_id: [.reference.order, .metadata.order_id?] | map(said | select(. != null)) | .[0];

def payment:
  {
    payment_id: .id,
    attempt_id: .id,
    order_id: order_id,
    provider: "tap",
    method: (.source.payment_method | if . == null then null else word | brand | method end),
    card: card,
    amount: amount,
    currency: code,
    three_ds: three_ds
  };

def decline:
  {
    code: .response.code,
    # The acquirer repeats what the card network answered.
    network_code: (.acquirer.response.code // "" | if test("^[0-9A-Z]{2}$") then . else null end),
    message: .response.message
  };

def event($fact; $type; $time; $more):
  {type: $type, id: "\(.id)/\($fact)", time: $time, data: (payment + $more)};

# Tap's pages spell one of them RESTRICRTED.
def is_failed:
  one_of([
    "ABANDONED", "CANCELLED", "FAILED", "DECLINED", "RESTRICTED", "RESTRICRTED", "TIMEDOUT", "TIMED_OUT", "UNKNOWN"
  ]);
def is_under_way: one_of(["INITIATED", "IN_PROGRESS", "PENDING", "ACCEPTED"]);

# Nothing tells when a void happened, unless an activity does.
def voided($received):
  ([(.activities // [])[] | select(.status == "VOID") | .created] | .[-1] | unix_time) as $time
  | event("voided"; "payment.voided"; $time // $received; {});

def charge($received):
  if .status == "CAPTURED" then event("captured"; "payment.captured"; at; {})
  elif .status | is_under_way then event("initiated"; "payment.initiated"; .transaction.created | unix_time; {})
  elif .status == "VOID" then voided($received)
  elif .status | is_failed then event("failed"; "payment.failed"; at; {decline: decline})
  else error("a charge that is \(.status) is nothing this connector knows") end;

def authorize($received):
  if .status == "AUTHORIZED" then event("authorized"; "payment.authorized"; at; {})
  elif .status | is_under_way then event("initiated"; "payment.initiated"; .transaction.created | unix_time; {})
  elif .status == "VOID" then voided($received)
  elif .status == "CAPTURED" then
    # The charge that took it tells it; only where Tap takes it by itself does nobody else.
    if .auto.type == "CAPTURE" then event("captured"; "payment.captured"; $received; {}) else empty end
  elif .status | is_failed then event("failed"; "payment.failed"; at; {decline: decline})
  else error("an authorize that is \(.status) is nothing this connector knows") end;

def refund:
  if .status == "REFUNDED" then
    {
      type: "payment.refunded",
      id: "\(.id)/refunded",
      time: at,
      data: {
        payment_id: .charge_id,
        refund_id: .id,
        order_id: order_id,
        provider: "tap",
        amount: amount,
        currency: code,
        reason: (.reason | said)
      }
    }
  # No money moved, or not yet.
  elif .status | is_under_way or is_failed then empty
  else error("a refund that is \(.status) is nothing this connector knows") end;

# An invoice tells of the charges that were tried for it; the order is the invoice's where they do not name it.
def invoice($received):
  if .status | one_of(["SAVED", "CREATED", "CANCELLED", "EXPIRED", "PAID"]) | not then
    error("an invoice that is \(.status) is nothing this connector knows")
  elif .status == "PAID" and (any((.transactions // [])[]; .status == "CAPTURED") | not) then
    error("the invoice is paid and names no captured charge")
  else
    (.reference.order | said) as $order
    | (.transactions // [])[]
    | .reference.order = ((.reference.order | said) // $order)
    | charge($received)
  end;

def payout:
  if .status == "PAID_OUT" then
    {
      type: "payment.settled",
      id: "\(.id)/settled",
      time: (.date | unix_time),
      data: {provider: "tap", payout_id: .id, amount: amount, currency: code}
    }
  elif .status | one_of(["PENDING", "INITIATED", "FAILED"]) then empty
  else error("a payout that is \(.status) is nothing this connector knows") end;

# --- objects ---

.received_at as $received
| .body
| if type != "object" or (.id | type) != "string" or (.status | type) != "string" then
    error("the body is not an object of Tap: id and status are needed")
  elif .object == "charge" then charge($received)
  elif .object == "authorize" then authorize($received)
  elif .object == "refund" then refund
  elif .object == "invoice" then invoice($received)
  # A payout does not say what it is.
  elif .object == "payout" or (.object == null and (.id | startswith("payout_"))) then payout
  else error("\(.object // "an object without a name") is nothing this connector knows") end
