"""Payments: attempts, orders paid, cash on delivery and the named rates, walked through event by event.

python oracle_payments.py EXPORT_DIR
"""

import sys
from collections import defaultdict
from decimal import Decimal

from common import rate_of
from ledger import CASH, Ledger, attempts_of, in_order, places

FAILED = {"declined", "error", "risk_blocked", "three_ds_dropoff", "dropped"}


def main():
    ledger = Ledger(sys.argv[1])
    attempts = attempts_of(ledger)
    ledger.compare(
        "payment_attempts",
        {key: (a["stage"], a["is_authorized"], a["amount"], a["captured"], a["refunded"], a["currency"], a["class"],
               a["version"], a["purchase"], a["number"], a["fees"]["processing"], a["fees"]["credit"],
               a["fees"]["refund"], a["fees"]["chargeback"]) for key, a in attempts.items()},
        {(r["shop"], r["provider"], r["attempt_id"]): (
            r["stage"], r["is_authorized"], r["amount"], r["captured"], r["refunded"], r["currency"],
            r["decline_class"], r["decline_version"], r["purchase"], r["attempt_number"], r["processing_fee"],
            r["fee_credits"], r["refund_fees"], r["chargeback_fees"]) for r in ledger.rows("marts.payment_attempts")})
    orders = order_totals(ledger)
    purchases = pay_orders(attempts, orders)
    ledger.compare(
        "order_payments", {key: tuple(p.values()) for key, p in purchases.items()},
        {(r["shop"], r["purchase"]): (
            r["state"], r["is_first_failed"], r["is_first_paid"], r["is_recovered"], r["attempts"],
            r["first_attempt_at"], r["first_provider"], r["first_method"], r["currency"], r["amount"], r["captured"])
            for r in ledger.rows("marts.order_payments")})
    cash = cash_orders(ledger, attempts, orders)
    ledger.compare("cod_orders", cash, {
        (r["shop"], r["order_id"]): (r["state"], r["shipped_at"], r["provider"], r["currency"])
        for r in ledger.rows("marts.cod_orders")})
    daily(ledger, attempts, purchases, cash)
    ledger.finish()


def order_totals(ledger):
    """By order: what its newest telling asks, and the rest that its events tell."""
    orders = {}
    events = sorted(ledger.rows("events.orders"), key=lambda e: (
        e["event_time"], e["type"] == "order.edited", e["source"], e["event_id"]))
    for e in events:
        o = orders.setdefault((e["shop"], e["order_id"]), {"total": None, "currency": None, "method": None, "at": {}})
        if e["type"] in ("order.placed", "order.edited"):
            o["total"] = e["total"]
        o["currency"] = e["currency"] or o["currency"]
        o["method"] = e["payment_method"] or o["method"]
        o["at"].setdefault(e["type"][6:], e["event_time"])
        o["heard"] = e["event_time"] if e["type"][6:] in (
            "shipped", "out_for_delivery", "delivery_failed", "delivered") else o.get("heard")
    for (shop, _), o in orders.items():
        o["currency"] = o["currency"] or ledger.currency(shop)
    # What an order asks that tells no total is the business of marts.orders.
    for r in ledger.rows("marts.orders"):
        if (r["shop"], r["order_id"]) in orders and orders[(r["shop"], r["order_id"])]["total"] is None:
            orders[(r["shop"], r["order_id"])]["total"] = r["ordered_total"]
    return orders


def pay_orders(attempts, orders):
    groups = defaultdict(list)
    for (shop, provider, name), a in attempts.items():
        if a["stage"] != "untold":
            groups[(shop, a["purchase"])].append((a["number"], provider, a))
    purchases = {}
    for key, tries in groups.items():
        tries.sort(key=lambda t: t[0])
        first, found = tries[0][2], [t[2] for t in tries]
        order = orders.get((key[0], max((a["order_id"] for a in found if a["order_id"]), default=None)))
        asked = max((a["amount"] for a in found if a["amount"] is not None), default=None)
        if order and order["total"] and order["total"] > 0 and order["currency"] == first["currency"]:
            asked = order["total"]
        captured = sum(a["captured"] for a in found)
        stages = {a["stage"] for a in found}
        if captured > 0 and captured >= (asked or 0):
            state = "paid"
        elif stages & {"pending", "authorized"}:
            state = "pending"
        elif captured > 0:
            state = "partially_paid"
        else:
            state = "voided" if "voided" in stages else "failed"
        failed = first["stage"] in FAILED
        purchases[key] = {
            "state": state, "first_failed": failed, "first_paid": state == "paid" and first["stage"] == "captured",
            "recovered": state == "paid" and failed, "attempts": len(found), "at": min(a["at"] for a in found),
            "provider": tries[0][1], "method": first["method"], "currency": first["currency"], "amount": asked,
            "captured": captured}
    return purchases


def cash_orders(ledger, attempts, orders):
    collected, taken = {}, {}
    for (shop, provider, _), a in attempts.items():
        if a["order_id"] and (a["method"] or provider) in CASH:
            key = (shop, a["order_id"])
            collected[key] = min(collected.get(key, provider), provider)
        if a["order_id"] and a["captured"] > 0:
            key = (shop, a["order_id"])
            taken[key] = min(taken.get(key, a["captured_at"]), a["captured_at"])
    cash = {}
    for key, o in orders.items():
        if o["method"] not in CASH and not (o["method"] is None and key in collected):
            continue
        provider, captured_at = collected.get(key, "cod"), taken.get(key)
        at = o["at"]
        shipped = min((at[k] for k in ("shipped", "out_for_delivery", "delivery_failed", "delivered") if k in at),
                      default=None)
        paid = captured_at or at.get("paid")
        if "delivered" in at:
            state = "delivered_and_paid" if paid else "delivered_unpaid"
        elif shipped is None:
            state = "not_shipped"
        elif "cancelled" in at or "returned" in at:
            state = "refused"
        elif "delivery_failed" in at and (ledger.as_of - o["heard"]).total_seconds() >= 14 * 86400:
            state = "refused"
        else:
            state = "under_way"
        cash[key] = (state, shipped, provider, o["currency"])
    return cash


def daily(ledger, attempts, purchases, cash):
    days = defaultdict(lambda: defaultdict(Decimal))
    method_of, currency_of, first_capture = {}, {}, {}
    for (shop, provider, _), a in attempts.items():
        payment = (shop, provider, a["payment_id"])
        method_of[payment] = max(method_of.get(payment) or "", a["method"] or "") or None
        currency_of[payment] = max(currency_of.get(payment) or "", a["currency"])
        if a["stage"] == "untold":
            continue
        d = days[(shop, ledger.day(shop, a["at"]), provider, a["method"] or "unknown", a["currency"])]
        stage, ok = a["stage"], a["is_authorized"]
        d["attempts"] += 1
        d["pending"] += stage == "pending"
        d["blocked"] += stage == "risk_blocked"
        d["three"] += a["three_ds"] not in (None, "exempt") and stage != "pending"
        d["dropoffs"] += stage == "three_ds_dropoff"
        d["dropped"] += stage == "dropped"
        d["declined"] += stage == "declined"
        d["errors"] += stage == "error"
        d["authorised"] += ok
        d["captured"] += stage == "captured"
        d["unclassified"] += a["class"] == "unclassified" and not ok
        d["refusals"] += a["class"] is not None and not ok
        if not a["off_network"]:
            d["submitted"] += ok or stage in ("declined", "error")
            d["network_ok"] += ok
        if stage != "pending":
            d["asked"] += a["amount"] or 0
        if ok:
            d["approved"] += a["amount"] or 0
    for (shop, _), p in purchases.items():
        d = days[(shop, ledger.day(shop, p["at"]), p["provider"], p["method"] or "unknown", p["currency"])]
        d["orders"] += 1
        if p["state"] == "pending":
            d["orders_pending"] += 1
            continue
        d["orders_paid"] += p["state"] == "paid"
        d["orders_first"] += p["first_paid"]
        d["orders_failed"] += p["first_failed"]
        d["orders_recovered"] += p["recovered"]
        d["order_amount"] += p["amount"] or 0
        d["order_paid"] += (p["amount"] or 0) if p["state"] == "paid" else 0
    seen = set()
    for e in in_order(ledger.rows("events.payments", "payment_id is not null")):
        payment = (e["shop"], e["provider"], e["payment_id"])
        key = (e["shop"], ledger.day(e["shop"], e["event_time"]), e["provider"], method_of.get(payment) or "unknown",
               currency_of.get(payment))
        if e["type"] == "payment.captured":
            days[key]["captures"] += payment not in first_capture
            first_capture[payment] = True
            days[key]["captured_amount"] += e["amount"]
        elif e["type"] == "payment.refunded":
            days[key]["refunds"] += -1 if e["amount"] < 0 else 1
            days[key]["refunded_amount"] += e["amount"]
        elif e["type"] == "payment.disputed":
            once = (key, payment, e["dispute_id"])
            days[key]["disputes"] += once not in seen
            seen.add(once)
    for (shop, _), (state, shipped, provider, currency) in cash.items():
        if shipped:
            d = days[(shop, ledger.day(shop, shipped), provider, "cod", currency)]
            d["shipped"] += 1
            d["under_way"] += state == "under_way"
            d["cash_paid"] += state == "delivered_and_paid"
    expected = {}
    for key, d in days.items():
        answered, decided = d["attempts"] - d["pending"], d["orders"] - d["orders_pending"]
        left = answered - d["blocked"] - d["declined"] - d["errors"] - d["dropoffs"] - d["dropped"]
        expected[key] = tuple(int(d[k]) for k in COUNTS) + tuple(places(d[k], 4) for k in AMOUNTS) + (
            rate_of(d["network_ok"], d["submitted"]), rate_of(left, answered), rate_of(d["authorised"], answered),
            rate_of(d["approved"], d["asked"]), rate_of(d["orders_paid"], decided), rate_of(d["order_paid"], d["order_amount"]),
            rate_of(d["captured"], d["attempts"]), rate_of(d["orders_first"], decided),
            rate_of(d["orders_recovered"], d["orders_failed"]), rate_of(d["dropoffs"], d["three"]),
            rate_of(d["three"], answered), rate_of(d["captured"], d["authorised"]), rate_of(d["refunds"], d["captures"]),
            rate_of(d["refunded_amount"], d["captured_amount"]), rate_of(d["disputes"], d["captures"]),
            rate_of(d["cash_paid"], d["shipped"] - d["under_way"]), rate_of(d["unclassified"], d["refusals"]))
    names = ("attempts pending submitted authorised captured orders orders_pending orders_paid orders_first_paid "
             "orders_recovered captures refunds disputes cod_shipped cod_paid attempted_amount order_amount "
             "captured_amount refunded_amount network_authorisation_rate acceptance_rate attempt_success_rate "
             "attempt_success_value_rate order_success_rate order_success_value_rate naive_success_rate "
             "first_attempt_rate retry_recovery_rate three_ds_dropoff_rate challenge_rate capture_rate refund_rate "
             "refund_value_rate chargeback_rate cod_success unclassified_share").split()
    ledger.compare("payments_daily", expected, {
        (r["shop"], r["day"], r["provider"], r["method"], r["currency"]): tuple(r[name] for name in names)
        for r in ledger.rows("marts.payments_daily")})
    months = defaultdict(lambda: [0, 0, 0, Decimal(0)])
    for key, d in days.items():
        month = months[(key[0], key[1].replace(day=1)) + key[2:]]
        for place, name in enumerate(("captures", "disputes", "refunds", "captured_amount")):
            month[place] += d[name]
    ledger.compare("payments_monthly", {
        key: (int(m[0]), rate_of(m[1], m[0]), rate_of(m[2], m[0]), places(m[3], 4)) for key, m in months.items()}, {
        (r["shop"], r["month"], r["provider"], r["method"], r["currency"]): (
            r["captures"], r["chargeback_rate"], r["refund_rate"], r["captured_amount"])
        for r in ledger.rows("marts.payments_monthly")})


COUNTS = ("attempts pending submitted authorised captured orders orders_pending orders_paid orders_first "
          "orders_recovered captures refunds disputes shipped cash_paid").split()
AMOUNTS = "asked order_amount captured_amount refunded_amount".split()

if __name__ == "__main__":
    main()
