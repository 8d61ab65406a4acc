# mizan: input webhook
#
# Checkout.com sends one event a body: `type`, and in `data` the payment (`id`, pay_…) with the action that the event
# is about (`action_id`, act_…), or the dispute (dsp_…). What happens once to a payment has the payment's id, each
# capture, refund and decline that of its action, so a repeated event gives the same id. `processed_on` of the payment
# and `date` of the dispute are the time of the fact, in UTC. Accounts of the older platform send the same names.

# All currencies are counted as ISO 4217 has them, but Chile's in hundredths. Hundredths that are not zero then fail the
# check of the amount instead of being rounded away.
def checkout_amount($currency):
  if $currency == "CLP" then from_minor("EUR") | rtrimstr(".00") else from_minor($currency) end;

def amount_of(value): if .currency == null or value == null then error("an event without amount and currency")
  else {amount: (.currency as $currency | value | checkout_amount($currency)), currency}
  end;

def money: amount_of(.amount);

# A refusal counts without its amount.
def money_if_told: if .amount == null then {} else money end;

def is_among($list): . as $value | $list | any(. == $value);

def word: . // "" | ascii_downcase | gsub("[^a-z0-9]"; "") | if . == "" then null else . end;

# A card of a national network goes by that network: mada, where Visa or Mastercard is printed on it as well.
def brand: (.scheme_local | word) // (.scheme | word) | if . == "americanexpress" then "amex" else . end;

def card: .source // {}
  | if .type == "card" or .scheme != null then {
      brand: brand,
      country: .issuer_country,
      funding: (.card_type | word | if is_among(["credit", "debit", "prepaid"]) then . else null end),
      bin: .bin,
      last4: .last_4
    }
    else null
    end;

def method: (.source.card_wallet_type | word) // (.source.type | word);

# "reference" of a refund may be its own; the payment leads to the order. metadata is the payment's.
def payment: {payment_id: .id, order_id: (.metadata.order_id // .reference), provider: "checkout", method: method};

def refunded_payment: payment + {order_id: .metadata.order_id};

def three_ds: .["3ds"] // {}
  | if .authentication_response == "Y" then "authenticated"
    elif .authentication_response == "A" then "attempted"
    elif .authentication_response | is_among(["N", "R"]) then "failed"
    elif (.exemption_applied // .exemption // "none") | ascii_downcase != "none" then "exempt"
    else null
    end;

# 20051, 30043: the last two digits are the issuer's response code. 40xxx are Checkout.com's own reasons.
def network_code: (.response_code // "" | tostring) | if test("^[23]00[0-9]{2}$") then .[3:] else null end;

def decline($otherwise): {
  code: (.response_code // $otherwise),
  network_code: network_code,
  advice_code: .processing.partner_merchant_advice_code,
  message: .response_summary
};

# A payout goes out of the account and is not a payment of the shop's customers.
def is_payout: .destination != null or .source.type == "currency_account";

def closing: {
  dispute_won: "won", dispute_lost: "lost", dispute_expired: "expired", dispute_accepted: "accepted",
  dispute_canceled: "canceled", dispute_resolved: "resolved",
  dispute_arbitration_won: "arbitration_won", dispute_arbitration_lost: "arbitration_lost"
};

def disputed_payment: {
  payment_id: (.payment_id // error("a dispute without payment_id")),
  order_id: (.payment_reference // .reference),
  provider: "checkout",
  dispute_id: .id,
  card: {brand: (.payment_method | word | if is_among(["visa", "mastercard", "amex", "mada"]) then . else null end)}
};

# Known, and of no meaning for the books: steps before a fact, refusals of a change, other products.
def tells_nothing: is_among(["card_verified", "card_verification_declined", "source_updated", "payment_paid",
    "payment_capture_pending", "payment_refund_pending", "payment_refund_declined", "payment_void_declined",
    "payment_authorization_increment_declined", "payment_retry_scheduled", "payment_compliance_review",
    "payment_optimized", "payment_retrieval", "payment_chargeback", "bank_account_updated",
    "dispute_evidence_submitted", "dispute_evidence_acknowledged_by_scheme", "dispute_arbitration_sent_to_scheme",
    "dispute_arbitration_evidence_submitted", "request_for_information_received"])
  or test("^(authentication|payment_instrument|vault|identity|fraud|report|transfer|payout|balance)_");

(.body | if type == "object" and (.data | type) == "object" and (.type | type) == "string" then .
  else error("not a webhook of Checkout.com: type and data are missing")
  end) as $event
| $event.type as $type
| $event.data
# The events of the older platform tell the time of the event where the data has none.
| (.processed_on // .date // $event.created_on // $event.timestamp) as $time
| (.action_id // $event.id) as $action
| def event($name; $id; $data): {type: $name, id: $id, time: $time, data: $data};
  if ($type | startswith("payment_")) and is_payout then empty
  elif $type == "payment_pending" then event("payment.initiated"; "\(.id)/initiated"; payment + money + {card: card})
  elif $type == "payment_approved" then
    # Nothing is asked of a card that is only verified.
    if .amount == 0 then empty
    else event("payment.authorized"; "\(.id)/authorized"; payment + money + {card: card, three_ds: three_ds})
    end
  elif $type == "payment_authorization_incremented" then
    event("payment.authorized"; "\($action)/authorized"; payment + amount_of(.balances.total_authorized))
  elif $type == "payment_captured" then event("payment.captured"; "\($action)/captured"; payment + money + {card: card})
  elif $type == "payment_declined" then
    event("payment.failed"; "\($action)/failed";
      payment + money_if_told + {card: card, three_ds: three_ds, decline: decline("declined")})
  elif $type == "payment_authentication_failed" then
    event("payment.failed"; "\(.id)/authentication_failed";
      payment + money_if_told + {card: card, three_ds: "failed", decline: decline("authentication_failed")})
  elif $type == "payment_capture_declined" then
    event("payment.failed"; "\($action)/not_captured"; payment + money_if_told + {decline: decline("capture_declined")})
  elif $type == "payment_voided" then event("payment.voided"; "\($action)/voided"; payment)
  elif $type == "payment_expired" then event("payment.voided"; "\(.id)/expired"; payment + {reason: "expired"})
  elif $type == "payment_canceled" then event("payment.voided"; "\(.id)/canceled"; payment + {reason: "canceled"})
  elif $type == "payment_refunded" then
    event("payment.refunded"; "\($action)/refunded"; refunded_payment + money + {refund_id: $action})
  # The payer's bank took a direct debit back, or a payout came back.
  elif $type == "payment_returned" then
    if .source == null then error("payment_returned does not say what it was paid from") else . end
    | event("payment.refunded"; "\($action)/returned"; refunded_payment + money + {refund_id: $action, reason: "returned"})
  elif $type == "dispute_received" or $type == "dispute_evidence_required" then
    event("payment.disputed"; "\(.id)/disputed"; disputed_payment + money + {reason: (.reason_code // .category)})
  elif closing[$type] then
    event("payment.dispute_closed"; "\(.id)/\(closing[$type])"; disputed_payment + {reason: closing[$type]})
  elif $type | tells_nothing then empty
  else error("\($type) is not an event this connector knows")
  end
