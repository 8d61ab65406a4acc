# mizan: source olist-payments
#
# Olist's order_payments, Parquet or CSV: one payment.captured a row.
#
#   mizan import order_payments.parquet --map sample-data/maps/olist_order_payments.jq
#
# An order may be paid in parts (a card and several vouchers); `payment_sequential` numbers them. The file has no time at
# all. Every payment is dated to one fixed instant, the end of the published period, so that sums by order, method and
# in all are right and sums by day are not to be had from this file.

{
  type: "payment.captured",
  id: "\(.order_id)-\(.payment_sequential)",
  time: "2018-10-17T00:00:00Z",
  data: {
    payment_id: "\(.order_id)-\(.payment_sequential)",
    order_id,
    provider: "olist",
    method: {credit_card: "card", debit_card: "card"}[.payment_type] // .payment_type,
    card: ({credit_card: {funding: "credit"}, debit_card: {funding: "debit"}}[.payment_type]),
    amount: (.payment_value | money),
    currency: "BRL"
  }
}
