# mizan: input webhook
#
# Moyasar sends one event with one payment: `type`, `created_at` (the event's own time, the same in every delivery) and
# the payment as it stood then in `data`. Amounts are minor units, times are RFC 3339. A Moyasar payment is one try;
# where it belongs to an invoice, the invoice is the payment across its tries. There is no refund object: `refunded` is
# the sum so far, and with it in the id each refund is told once. `secret_token` proves the sender and is cut before.

def amount($data):
  if $data.currency == null then error("\($data.id) tells no currency") else from_minor($data.currency) end;
def blank_to_null: if . == "" then null else . end;

# --- how it was paid ---

def method: {creditcard: "card", sadadbill: "sadad"}[.] // .;
def brand: {master: "mastercard"}[.] // .;

# 4111-11XX-XXXX-1111, or XXXX-XXXX-XXXX-1111 without the first digits.
def bin: gsub("[- ]"; "") | capture("^(?<bin>[0-9]{6,8})[^0-9]").bin // null;
def last4: capture("(?<last4>[0-9]{4})$").last4 // null;
def funding:
  if (.issuer_card_category // "" | ascii_upcase) == "PREPAID" then "prepaid"
  else {credit: "credit", debit: "debit"}[.issuer_card_type // "" | ascii_downcase] end;
def card:
  if .company == null then null
  else {
    brand: (.company | ascii_downcase | brand),
    country: (.issuer_country | blank_to_null),
    funding: funding,
    bin: (.number // "" | bin),
    last4: (.number // "" | last4)
  } end;

# The result of 3-D Secure is told only in the message of a payment that failed for it.
def three_ds:
  (.message // "") as $message
  | if $message | test("^\"?3-?DS?\\b.*attempted but not"; "i") then "attempted"
    elif $message | test("^\"?3-?DS?\\b"; "i") then "failed"
    else null end;

# --- the payment ---

# Moyasar's plugin for Magento calls the number that buyers see real_order_id.
def order_id:
  [.real_order_id, .order_id, .order_number] | map(select(. != null and . != "") | tostring) | .[0];

def payment:
  . as $data
  | {
    payment_id: (.invoice_id // .id),
    attempt_id: .id,
    order_id: ((.metadata // {}) | if type == "object" then order_id else null end),
    provider: "moyasar",
    method: (.source.type | if . == null then null else ascii_downcase | method end),
    card: (.source // {} | card),
    amount: (.amount | amount($data)),
    currency: .currency
  };

def decline($code):
  {
    # Moyasar has no codes of its own; response_code is the card network's.
    code: $code,
    network_code: (.source.response_code | blank_to_null),
    message: (.source.message | blank_to_null)
  };

def event($fact; $type; $time; $more):
  {type: $type, id: "\(.id)/\($fact)", time: $time, data: (payment + $more)};
def failed($time; $code):
  event("failed"; "payment.failed"; $time; {decline: decline($code), three_ds: (.source // {} | three_ds)});

# An estimate with VAT, told only where money was taken.
def fee: . as $data | if (.fee // 0) == 0 then null else .fee | amount($data) end;

def captured($time; $units):
  . as $data
  | if ($units // 0) == 0 then error("the payment says captured and no captured amount")
    else event("captured"; "payment.captured"; $time; {amount: ($units | amount($data)), fee: fee}) end;

def refunded($time):
  . as $data
  | if (.refunded // 0) == 0 then error("the payment says refunded and no refunded amount")
    else event("refunded/\(.refunded)"; "payment.refunded"; $time; {amount: (.refunded | amount($data))}) end;

# A settlement to the merchant's bank.
def settled:
  . as $data
  | ((.fee // 0) + (.tax // 0)) as $fee
  | {
      type: "payment.settled",
      id: "\(.id)/settled",
      time: .created_at,
      data: {
        provider: "moyasar",
        payout_id: .id,
        amount: (.amount | amount($data)),
        fee: (if $fee == 0 then null else $fee | amount($data) end),
        currency: .currency
      }
    };

# --- events ---

.body
| if type != "object" or (.type | type) != "string" or (.data | type) != "object" then
    error("the body is not an event of Moyasar: type and data are needed")
  else . end
| .type as $type
| .created_at as $at
| .data
| if $type == "payment_paid" then captured($at; .amount)
  elif $type == "payment_captured" then captured(.captured_at // $at; .captured)
  elif $type == "payment_authorized" then event("authorized"; "payment.authorized"; $at; {})
  # Moyasar's own pages spell it both ways.
  elif $type == "payment_failed" or $type == "payment_faild" then failed($at; null)
  # Nobody paid: the buyer left, the bill was cancelled or ran out.
  elif $type == "payment_abandoned" then failed($at; "abandoned")
  elif $type == "payment_canceled" then failed($at; "canceled")
  elif $type == "payment_expired" then failed($at; "expired")
  elif $type == "payment_voided" then event("voided"; "payment.voided"; .voided_at // $at; {})
  elif $type == "payment_refunded" then refunded(.refunded_at // $at)
  elif $type == "balance_transferred" then settled
  # A card was checked for later; the shop sends money away; the address is being proven; 3-D Secure without a payment.
  elif $type == "payment_verified" or $type == "webhook_verification" then empty
  elif $type | test("^payout_(initiated|paid|failed|canceled|returned)$") then empty
  elif $type | startswith("card_auth") then empty
  else error("\($type) is not an event this connector knows") end
