# mizan: input webhook
#
# Adyen sends items in `notificationItems`, one or several in a body. An item has an eventCode and says by `success`
# whether it came true. A payment is named by the pspReference of its AUTHORISATION; what happens to it later (a
# capture, a refund, a dispute) has a pspReference of its own and names the payment in originalReference. The id of an
# event is that pspReference with the fact, so a repeated item gives the same id. eventDate is the time, with offset.

# Adyen counts four currencies in other minor units than ISO 4217. Hundredths that are not zero then fail the check of
# the amount instead of being rounded away.
def adyen_amount($currency):
  if $currency == "CLP" or $currency == "ISK" then from_minor("EUR") | rtrimstr(".00")
  elif $currency == "CVE" or $currency == "IDR" then from_minor("JPY")
  else from_minor($currency)
  end;

def amount: if .amount.currency == null then error("an \(.eventCode) without an amount")
  else .amount.currency as $currency | .amount.value | adyen_amount($currency)
  end;

def negative: if startswith("-") then .[1:] else "-" + . end;

def blank: if . == "" then null else . end;

def extra($name): .additionalData[$name] | blank;

def is_among($list): . as $value | $list | any(. == $value);

def is_true: tostring | ascii_downcase == "true";

def brands: {
  visa: "visa", electron: "visa", visadankort: "visa", mc: "mastercard", maestro: "maestro", amex: "amex", mada: "mada",
  cup: "unionpay", discover: "discover", diners: "diners", jcb: "jcb", dankort: "dankort", elo: "elo",
  hipercard: "hipercard", cartebancaire: "cartes_bancaires", bcmc: "bancontact"
};

def wallets: {applepay: "applepay", googlepay: "googlepay", paywithgoogle: "googlepay", androidpay: "googlepay",
  samsungpay: "samsungpay", cashapppay: "cashapp"};

# "visa", "mc_applepay", "klarna_account", "ideal": what was paid with, and the brand of the card where it is one.
def method: (.paymentMethod | blank // "" | ascii_downcase | split("_")) as $words
  | if ($words | length) == 0 then {}
    elif brands[$words[0]] then {method: (wallets[$words[1] // ""] // "card"), brand: brands[$words[0]]}
    else {method: (wallets[$words[0]] // ($words[0] | gsub("[^a-z0-9]"; "") | blank))}
    end;

def card: method as $method
  | if $method.brand == null then null
    else {
      brand: $method.brand,
      country: (extra("cardIssuingCountry") // extra("issuerCountry")),
      funding: (extra("fundingSource") // "" | ascii_downcase
        | if is_among(["credit", "debit", "prepaid"]) then . else null end),
      bin: extra("cardBin"),
      last4: (extra("cardSummary") // "" | if test("^[0-9]{4}$") then . else null end)
    }
    end;

def payment: {
  payment_id: ((.originalReference | blank) // .pspReference),
  provider: "adyen",
  method: method.method
};

# A refund may carry a reference of its own; its payment leads to the order.
def of_order: {order_id: (.merchantReference | blank)};

def money: {amount: amount, currency: .amount.currency};

def event($type; $fact; $data):
  {type: $type, id: "\(.pspReference)/\($fact)", time: .eventDate, data: ($data + payment)};

def three_ds: extra("threeDAuthenticatedResponse") as $answer
  | if extra("threeDAuthenticated") == "true" then if $answer == "A" then "attempted" else "authenticated" end
    elif extra("threeDOffered") == "true" then
      if extra("challengeCancel") then "abandoned"
      elif $answer == "A" then "attempted"
      elif ($answer | is_among(["N", "R"])) or (.reason // "" | test("3D.?(Secure )?Not Authenticated"; "i")) then
        "failed"
      else null
      end
    elif extra("scaExemptionRequested") and (.success | is_true) then "exempt"
    else null
    end;

# "51 : Insufficient funds/over credit limit": the code before the colon is the network's.
def leading_code: . // "" | [capture("^(?<code>[0-9A-Z]{1,3}) *:")] | .[0].code;

def decline: {
  code: (.reason | blank // "Refused"),
  network_code: (extra("refusalReasonRaw") | leading_code),
  advice_code: (extra("merchantAdviceCode") | leading_code),
  message: extra("refusalReasonRaw")
};

# Taken together with the authorisation, without a CAPTURE: the payment method knows no separate capture, or the account
# captures at once and the webhook is set to tell the capture delay.
def is_captured_at_once:
  (.operations | type == "array" and length > 0 and (index("CAPTURE") | not)) or extra("captureDelayHours") == "0";

def authorisation: (money + of_order + {card: card, three_ds: three_ds}) as $data
  # Nothing is asked of a card that is only stored or verified.
  | if (.amount.value | tonumber) == 0 then empty
    elif .success | is_true then
      event("payment.authorized"; "authorized"; $data),
      if is_captured_at_once then event("payment.captured"; "captured"; $data) else empty end
    else event("payment.failed"; "failed"; $data + {decline: decline})
    end;

def voided($reason): event("payment.voided"; "voided"; of_order + {reason: ($reason | blank)});

def refunded: event("payment.refunded"; "refunded"; money + {refund_id: .pspReference, reason: (.reason | blank)});

def captured: event("payment.captured"; "captured"; money + of_order);

# Days after a refund came true the bank may turn it down. The refund is told once more, lest it was never heard of, and
# taken back by the same amount below zero.
def refund_failed: (refunded | .data.reason = null),
  event("payment.refunded"; "refund_failed"; {
    amount: (amount | negative), currency: .amount.currency, refund_id: "\(.pspReference)/failed",
    reason: (.reason | blank // "refund failed")
  });

# The same for a capture that the card scheme turns down after it came true.
def capture_failed: event("payment.captured"; "capture_failed"; of_order + {
    amount: (amount | negative), currency: .amount.currency, reason: (.reason | blank // "capture failed")
  });

def not_captured: event("payment.failed"; "not_captured"; money + of_order + {
    decline: {code: "capture_failed", message: (.reason | blank)}
  });

def cancel_or_refund: extra("modification.action") as $action
  | if $action == "cancel" then voided(.reason)
    elif $action == "refund" then refunded
    else error("a CANCEL_OR_REFUND that does not say in additionalData which of the two it was (modification.action)")
    end;

# All events of a dispute have the same pspReference.
def disputed($fact): event("payment.disputed"; $fact; money + of_order + {
    dispute_id: .pspReference,
    reason: (extra("chargebackReasonCode") // (.reason | blank))
  });

def dispute_closed($outcome): event("payment.dispute_closed"; "\(.eventCode | ascii_downcase)"; of_order + {
    dispute_id: .pspReference, reason: $outcome
  });

# What came about only if `success` is true.
def done(event): if .success | is_true then event else empty end;

def changes_a_payment: is_among(["CAPTURE", "CAPTURE_FAILED", "CANCELLATION", "TECHNICAL_CANCEL", "CANCEL_OR_REFUND",
  "REFUND", "REFUND_FAILED", "REFUNDED_REVERSED", "NOTIFICATION_OF_CHARGEBACK", "CHARGEBACK", "SECOND_CHARGEBACK"]);

def item:
  .eventCode as $code
  | if (.pspReference | blank) == null then error("\($code) has no pspReference")
    elif ($code | changes_a_payment) and (.originalReference | blank) == null then
      error("\($code) names no payment in originalReference")
    elif $code == "AUTHORISATION" then authorisation
    elif $code == "AUTHORISATION_ADJUSTMENT" then done(event("payment.authorized"; "authorized"; money + of_order))
    elif $code == "PENDING" then event("payment.initiated"; "initiated"; money + of_order + {card: card})
    elif $code == "CAPTURE" then if .success | is_true then captured else not_captured end
    elif $code == "CAPTURE_FAILED" then done(capture_failed)
    elif $code == "CANCELLATION" or $code == "TECHNICAL_CANCEL" then done(voided(.reason))
    elif $code == "CANCEL_OR_REFUND" then done(cancel_or_refund)
    elif $code == "EXPIRE" then done(voided("expired"))
    # The customer was sent to pay and never did.
    elif $code == "OFFER_CLOSED" then
      done(event("payment.failed"; "failed"; money + of_order + {decline: {code: "offer_closed"}}))
    elif $code == "REFUND" or $code == "REFUND_WITH_DATA" then done(refunded)
    elif $code == "REFUND_FAILED" or $code == "REFUNDED_REVERSED" then done(refund_failed)
    # The first notice of a dispute and the taking of the money are one dispute.
    elif $code | is_among(["NOTIFICATION_OF_CHARGEBACK", "CHARGEBACK"]) then done(disputed("disputed"))
    elif $code == "SECOND_CHARGEBACK" then done(disputed("disputed_again"))
    elif $code | is_among(["CHARGEBACK_REVERSED", "PREARBITRATION_WON", "ISSUER_RESPONSE_TIMEFRAME_EXPIRED"]) then
      done(dispute_closed("won"))
    elif $code | is_among(["PREARBITRATION_LOST", "DISPUTE_DEFENSE_PERIOD_ENDED"]) then done(dispute_closed("lost"))
    elif $code | is_among(["REPORT_AVAILABLE", "NOTIFICATION_OF_FRAUD", "REQUEST_FOR_INFORMATION", "INFORMATION_SUPPLIED",
      "ISSUER_COMMENTS", "MANUAL_REVIEW_ACCEPT", "MANUAL_REVIEW_REJECT", "RECURRING_CONTRACT", "ORDER_OPENED",
      "ORDER_CLOSED", "AUTORESCUE", "AUTORESCUE_NEXT_ATTEMPT", "CANCEL_AUTORESCUE", "POSTPONED_REFUND",
      "VOID_PENDING_REFUND", "HANDLED_EXTERNALLY", "DONATION", "PAYOUT_THIRDPARTY", "PAYOUT_DECLINE", "PAYOUT_EXPIRE",
      "PAIDOUT_REVERSED"]) then empty
    else error("\($code) is not an event this connector knows")
    end;

.body
| if type == "object" and (.notificationItems | type) == "array" then .notificationItems[].NotificationRequestItem | item
  elif type == "object" and has("type") then
    error("\(.type) comes from a platform, management or token webhook of Adyen; this connector takes standard webhooks")
  else error("not a standard webhook of Adyen in JSON: notificationItems is missing")
  end
