//! Columns of `events.payments`.

use super::{Column, Kind, column, personal, sought};

/// Data of the family `payment`.
pub static PAYMENT: &[Column] = &[
    sought("payment_id", Kind::Id, "The payment, across its attempts"),
    column("attempt_id", Kind::Id, "One try to take the money; the payment itself where absent"),
    sought("order_id", Kind::Id, "The order that is paid"),
    column("checkout_id", Kind::Id, "The checkout that is paid"),
    column("provider", Kind::Text, "Who takes the money, such as moyasar, stripe or cod"),
    column("method", Kind::Text, "card, applepay, mada, stcpay, transfer, cod, …"),
    column("card", Kind::Struct(CARD), "What is known of the card; never its number"),
    column("amount", Kind::Amount, "Amount of this fact: asked, authorized, captured, refunded, disputed or settled"),
    column("currency", Kind::Currency, "ISO 4217 code of amount and fee"),
    column("fee", Kind::Amount, "What the provider keeps for it"),
    column("decline", Kind::Struct(DECLINE), "Why it failed"),
    column("three_ds", Kind::Text, "3-D Secure result: authenticated, attempted, failed, abandoned, exempt"),
    column("payout_id", Kind::Id, "The payout that settled it"),
    column("refund_id", Kind::Id, "The refund, where a payment has several"),
    column("dispute_id", Kind::Id, "The dispute"),
    column("reason", Kind::Text, "Why it was voided, refunded or disputed"),
];

static CARD: &[Column] = &[
    column("brand", Kind::Text, "visa, mastercard, mada, …"),
    column("country", Kind::Text, "ISO 3166 code of the issuer's country"),
    column("funding", Kind::Text, "credit, debit or prepaid"),
    column("bin", Kind::Id, "First six or eight digits"),
    personal("last4", Kind::Id, "Last four digits"),
];

static DECLINE: &[Column] = &[
    column("code", Kind::Id, "The provider's own code"),
    column("network_code", Kind::Id, "The card network's response code, such as 51"),
    column("advice_code", Kind::Id, "The network's advice on retrying, such as 03"),
    column("message", Kind::Text, "The provider's words"),
];
