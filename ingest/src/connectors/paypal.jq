# mizan: input webhook
#
# PayPal sends one event a body: `event_type`, and in `resource` the capture, authorization, refund or dispute as it
# then was. Amounts are decimal text with currency_code; PAYMENT.SALE.*, which subscriptions still send, writes total
# and currency instead. A payment is named by its capture (or sale), as refunds and disputes name nothing else for sure.
# The id of an event is that of the resource with the fact: a delivery may be repeated under another transmission id,
# and two event types may tell one fact. Times are those of the resource, RFC 3339.

def is_among($list): . as $value | $list | any(. == $value);

def blank: if . == "" then null else . end;

def amount_of: (.value // .total) as $value
  | (.currency_code // .currency) as $currency
  | if $value == null or $currency == null then error("an event without amount and currency")
    else {amount: ($value | money), currency: $currency}
    end;

def money: .amount // {} | amount_of;

def without_sign: if startswith("-") then .[1:] else . end;

def negative: "-" + without_sign;

# The shop's order: where the merchant put it, else PayPal's own order.
def order: (.custom_id | blank) // (.custom | blank) // (.invoice_id | blank) // (.invoice_number | blank)
  // .supplementary_data.related_ids.order_id;

# A capture tells the network only where a card was charged without a PayPal account.
def method: if .network_transaction_reference.network or .processor_response then "card" else "paypal" end;

def card: .network_transaction_reference.network // ""
  | if . == "" then null else {brand: (ascii_downcase | gsub("[^a-z0-9]"; ""))} end;

# The hold that a capture was taken from: both are one try.
def authorization: .supplementary_data.related_ids.authorization_id
  // first((.links // [])[] | select(.rel == "up") | .href | capture("/authorizations/(?<id>[^/]+)$") | .id)
  // null;

# In another currency than the payment's it cannot be told with it.
def fee: (.seller_receivable_breakdown.paypal_fee // .transaction_fee) as $fee
  | if $fee == null then null
    elif ($fee | amount_of.currency) == money.currency then $fee | amount_of.amount
    else null
    end;

def payment:
  {payment_id: .id, attempt_id: authorization, order_id: order, provider: "paypal", method: method, card: card};

# What a refund gives back is named by the link upwards.
def refunded_payment: (.supplementary_data.related_ids.capture_id // .sale_id
    // first((.links // [])[] | select(.rel == "up") | .href | capture("/(captures|sale|sales)/(?<id>[^/]+)$") | .id)
    // null) as $payment
  # A refund may carry references of its own; its payment leads to the order.
  | {payment_id: ($payment // error("a refund that names no capture")), provider: "paypal"};

def event($type; $fact; $time; $data): {type: $type, id: "\(.id)/\($fact)", time: $time, data: $data};

def changed: .update_time // .create_time;

def captured: event("payment.captured"; "captured"; changed; payment + money + {fee: fee});

def pending: event("payment.initiated"; "initiated"; .create_time; payment + money);

def decline: .processor_response as $answer | {
  code: ($answer.response_code // .status_details.reason // .reason_code
    // (.status // .state // "declined" | ascii_downcase)),
  advice_code: $answer.payment_advice_code,
  message: .status_details.reason
};

# Refused at once (DECLINED), or after it was pending (DENIED).
def failed: event("payment.failed"; "failed"; changed; payment + money + {decline: decline});

def refunded: money as $money
  | (.seller_payable_breakdown.paypal_fee | if . == null then null else amount_of end) as $fee
  | event("payment.refunded"; "refunded"; .create_time;
      refunded_payment + $money + {refund_id: .id, reason: (.note_to_payer | blank)}),
    # The part of its fee that PayPal gives back with it.
    if $fee == null or ($fee.amount | tonumber) == 0 then empty
    else event("payment.fee"; "fee"; .create_time;
      refunded_payment + {refund_id: .id, fee: ($fee.amount | negative), currency: $fee.currency})
    end;

# It may have been pending and never told, so it is told once more and taken back by the same amount below zero.
def refund_failed: (refunded | select(.type == "payment.refunded") | .data.reason = null),
  event("payment.refunded"; "refund_failed"; changed;
    refunded_payment + money + {refund_id: "\(.id)/failed", reason: "refund failed"} | .amount |= negative);

# PayPal took the money of a capture back. The resource is the reversal, or the capture itself.
def reversed: money as $money
  | (.status == "REVERSED" or .state == "reversed" or (.final_capture | type) == "boolean") as $is_capture
  | (if $is_capture then {payment_id: .id, provider: "paypal"} else refunded_payment end) as $payment
  | event("payment.refunded"; "reversed"; changed;
      $payment + $money + {amount: ($money.amount | without_sign), refund_id: "\(.id)/reversed", reason: "reversed"});

# A case may be about several payments: each is told by itself.
def disputes: . as $case
  | if (.disputed_transactions // [] | length) == 0 then error("a dispute that names no transaction") else . end
  | (.disputed_transactions | length) as $count
  | .disputed_transactions[]
  | (.seller_transaction_id // error("a dispute that names no transaction of the seller")) as $payment
  | {
      case: $case,
      id: "\($case.dispute_id)/\($payment)",
      money: (if $count == 1 then $case.dispute_amount else .gross_amount end),
      data: {
        payment_id: $payment, order_id: ((.custom | blank) // (.invoice_number | blank)), provider: "paypal",
        dispute_id: $case.dispute_id
      }
    };

def disputed: disputes
  | event("payment.disputed"; "disputed"; .case.create_time;
      .data + (.money // {} | amount_of) + {reason: (.case.reason // "" | ascii_downcase | blank)});

def dispute_closed: disputes
  | event("payment.dispute_closed"; "closed"; (.case | changed);
      .data + {reason: (.case.dispute_outcome.outcome_code // .case.status // "" | ascii_downcase | blank)});

(.body | if type == "object" and (.event_type | type) == "string" and (.resource | type) == "object" then .
  else error("not a webhook of PayPal: event_type and resource are missing")
  end)
| .event_type as $type
| .resource
| if $type == "PAYMENT.CAPTURE.COMPLETED" or $type == "PAYMENT.SALE.COMPLETED" then captured
  elif $type == "PAYMENT.CAPTURE.PENDING" or $type == "PAYMENT.SALE.PENDING" then pending
  elif $type | is_among(["PAYMENT.CAPTURE.DENIED", "PAYMENT.CAPTURE.DECLINED", "PAYMENT.SALE.DENIED"]) then failed
  elif $type == "PAYMENT.AUTHORIZATION.CREATED" then
    event("payment.authorized"; "authorized"; .create_time; payment + money)
  elif $type == "PAYMENT.AUTHORIZATION.DENIED" then failed
  # By the merchant, or because it ran out.
  elif $type == "PAYMENT.AUTHORIZATION.VOIDED" then
    event("payment.voided"; "voided"; changed; payment + {reason: (.status // .state // "" | ascii_downcase | blank)})
  elif $type == "PAYMENT.CAPTURE.REFUNDED" or $type == "PAYMENT.SALE.REFUNDED" then
    if .status // .state // "" | ascii_upcase | is_among(["FAILED", "CANCELLED"]) then empty else refunded end
  elif $type == "PAYMENT.REFUND.FAILED" then refund_failed
  elif $type == "PAYMENT.CAPTURE.REVERSED" or $type == "PAYMENT.SALE.REVERSED" then reversed
  elif $type == "CUSTOMER.DISPUTE.CREATED" or $type == "RISK.DISPUTE.CREATED" then disputed
  elif $type == "CUSTOMER.DISPUTE.RESOLVED" then dispute_closed
  elif $type | is_among(["PAYMENT.REFUND.PENDING", "CUSTOMER.DISPUTE.UPDATED"]) then empty
  # An order or a subscription moves no money: its captures and sales do.
  elif $type | test("^(CHECKOUT|BILLING|CATALOG|INVOICING|IDENTITY|MERCHANT|VAULT)\\.") then empty
  elif $type | test("^CUSTOMER\\.(ACCOUNT|MERCHANT|MANAGED)|^PAYMENT\\.(ORDER|PAYOUTS|REFERENCED)|^PAYMENTS\\.") then empty
  else error("\($type) is not an event this connector knows")
  end
