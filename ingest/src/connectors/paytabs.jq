# mizan: input webhook
#
# PayTabs posts the transaction itself (an IPN, or the callback of one payment page), as its query API shows it: what
# was asked in `tran_type`, what became of it in `payment_result.response_status` (A authorised, H on hold, P pending,
# V voided, D declined, E error, X expired, C cancelled). `tran_ref` names it and, with the fact, is the event's id;
# `transaction_time` is UTC. Amounts are decimal text in major units. ClickPay is the same system under another name:
# a connector with clickpay in its name is told as that provider.
#
# Captures, voids, refunds and the payment of a pending bill are transactions of their own, whose `previous_tran_ref`
# names the one before: that one is the payment. A capture, and a bill that was paid, may come as a Sale. A recurring
# Sale also names an earlier one, but only for its card: it is a payment of its own.

def said: if . == null then null else tostring | gsub("^\\s+|\\s+$"; "") | if . == "" then null else . end end;
def word: said | if . == null then null else ascii_downcase | gsub("\\(.*\\)|[^a-z0-9]"; "") | said end;
def one_of($list): . as $value | any($list[]; . == $value);

# What was charged, after a discount by card. A buyer who chose another currency is told in the shop's.
def money_told:
  if .tran_total != null and (.tran_currency == null or .tran_currency == .cart_currency) then .tran_total
  else .cart_amount end;
def money_moved:
  if .cart_currency == null or money_told == null then error("the transaction tells no amount or no currency")
  else {amount: (.cart_currency as $code | money_told | tostring | money($code)), currency: .cart_currency} end;

# --- how it was paid ---

def is_brand:
  one_of([
    "visa", "mastercard", "americanexpress", "amex", "unionpay", "maestro", "jcb", "discover", "diners", "creditcard"
  ]);
def method:
  word
  | if . == null then null
    elif is_brand then "card"
    elif startswith("knet") then "knet"
    elif startswith("stcpay") then "stcpay"
    elif startswith("omannet") then "omannet"
    else . end;
def brand: word | {americanexpress: "amex"}[. // ""] // .;

# 4111 11## #### 1111
def digits: .payment_description // "" | gsub("[ -]"; "");
def card:
  (.card_scheme | brand) as $brand
  | if $brand == null then null
    else {
      brand: $brand,
      country: (.issuerCountry | said),
      funding: ({credit: "credit", debit: "debit", prepaid: "prepaid"}[.card_type | word // ""]),
      bin: (digits | capture("^(?<bin>[0-9]{6,8})[^0-9]").bin // null),
      last4: (digits | capture("[^0-9](?<last4>[0-9]{4})$").last4 // null)
    } end;

def three_ds:
  {Y: "authenticated", A: "attempted", N: "failed", R: "failed"}[.threeDSDetails.paResStatus // ""]
  # 3DSecure authentication rejected; not completed: the buyer never came back.
  // {"310": "failed", "345": "abandoned"}[.payment_result.response_code // "" | tostring];

# --- the payment ---

def payment($provider):
  {
    payment_id: (
      if (.previous_tran_ref | said) == null or (.tran_class | word) == "recurring" then .tran_ref
      else .previous_tran_ref end),
    attempt_id: .tran_ref,
    order_id: (.cart_id | said),
    provider: $provider,
    method: (.payment_info.payment_method | method),
    card: (.payment_info // {} | card)
  }
  + money_moved;

def decline:
  {code: (.payment_result.response_code | said), message: (.payment_result.response_message | said)};

# --- transactions ---

(if .connector // "" | ascii_downcase | contains("clickpay") then "clickpay" else "paytabs" end) as $provider
| .received_at as $received
| .body
| if type != "object" or (.tran_ref | type) != "string" or (.tran_type | said) == null
    or (.payment_result.response_status | said) == null then
    error("the body is not a transaction of PayTabs: tran_ref, tran_type and payment_result are needed")
  else . end
| (.tran_type | ascii_downcase) as $type
| .payment_result.response_status as $status
| ($status | one_of(["D", "E", "X", "C"])) as $is_failed
| def event($fact; $more):
    {
      type: "payment.\($fact)",
      id: "\(.tran_ref)/\($fact)",
      time: (.payment_result.transaction_time // $received),
      data: (payment($provider) + $more)
    };
  def strange: error("a \($type) with the status \($status) is nothing this connector knows");
  # A payment, or the taking of one.
  def paid($fact):
    if $status == "A" then event($fact; {three_ds: three_ds})
    # Authorised, and held until somebody has looked at it.
    elif $status == "H" then event("authorized"; {three_ds: three_ds})
    elif $status == "P" then event("initiated"; {})
    elif $status == "V" then event("voided"; {})
    elif $is_failed then event("failed"; {decline: decline, three_ds: three_ds})
    else strange end;
  # What is asked of an earlier transaction: where it fails, nothing has changed; where it waits, not yet.
  def followed($fact; $more):
    if (.previous_tran_ref | said) == null then error("a \($type) that does not name its payment in previous_tran_ref")
    elif $status == "A" or ($status == "V" and $fact == "voided") then event($fact; $more)
    elif $is_failed or $status == "P" or $status == "H" then empty
    else strange end;
  if $type == "sale" or $type == "payment request" then paid("captured")
  elif $type == "auth" then paid("authorized")
  elif $type == "capture" then followed("captured"; {})
  elif $type == "void" or $type == "release" then followed("voided"; {reason: (.cart_description | said)})
  elif $type == "refund" then followed("refunded"; {refund_id: .tran_ref, reason: (.cart_description | said)})
  # A card is checked for later; a hold is made to last longer.
  elif $type == "register" or $type == "authext" then empty
  else error("\(.tran_type) is not a transaction this connector knows") end
