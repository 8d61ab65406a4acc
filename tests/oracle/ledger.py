"""What the oracles of money and stock share: exports as Python rows, the shop's clock, and a comparison."""

import csv
from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

from common import Exports, rounded

TABLES = Path(__file__).resolve().parents[2] / "transform" / "models" / "tables"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
CASH = {"cod", "cash_on_delivery"}
OFF_NETWORK = CASH | {"cash", "transfer", "bank_transfer", "voucher"}


class Ledger(Exports):
    """The exports of one run with times as they are, and rows compared by their keys."""

    def __init__(self, folder):
        super().__init__(folder)
        self.duck.execute("set timezone = 'UTC'")
        self.as_of = datetime.fromisoformat(self.told_as_of.replace("Z", "+00:00"))

    def rows(self, table, where="true"):
        return self.found(f"select * from {self.file(table)} where {where}") if self.has(table) else []

    def local(self, shop, time):
        return time.astimezone(self.zone(shop)).replace(tzinfo=None)

    def day(self, shop, time):
        return self.local(shop, time).date()

    def compare(self, what, expected, found):
        """Both are dictionaries from a key to a tuple of values."""
        wrong = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
        if not wrong:
            print(f"same: {what}, {len(found)} rows")
            return
        self.faults += 1
        print(f"DIFFERENT: {what}: {len(wrong)} of {len(expected.keys() | found.keys())} rows")
        for key in sorted(wrong, key=str)[:5]:
            print("  key", *key, "\n    expected", expected.get(key), "\n    found   ", found.get(key))


def table(name, folder=TABLES):
    with open(folder / f"{name}.csv", newline="") as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


def places(value, digits):
    return None if value is None else rounded(Decimal(value), digits)


def in_order(events):
    return sorted(events, key=lambda e: (e["event_time"], e["source"], e["event_id"]))


def decline_class(codes, provider, raw, network, advice):
    """Class and edition of the row that decides: advice before network before raw, own before any, newest first."""
    raw = raw.lower() if raw else raw
    for column, value in (("advice_code", advice), ("network_code", network), ("raw_code", raw)):
        fitting = [
            row for row in codes
            if value and row[column] == value and row["provider"] in ("*", provider)
            and all(row[other] in ("*", told) for other, told in
                    (("advice_code", advice), ("network_code", network), ("raw_code", raw)) if other != column)
        ]
        if fitting:
            newest = max(fitting, key=lambda row: (row["provider"] != "*", row["version"]))
            return newest["class"], newest["version"]
    return "unclassified", None


def attempts_of(ledger):
    """Every attempt by walking through each payment's events, with its stage, order and number."""
    codes = table("decline_codes")
    events = [e for e in ledger.rows("events.payments") if e["payment_id"] is not None]
    by_payment, order_of_checkout = {}, {}
    for e in in_order(events):
        by_payment.setdefault((e["shop"], e["provider"], e["payment_id"]), []).append(e)
    placed = ledger.rows("events.orders", "type = 'order.placed'")
    for e in [e for e in events if e["type"] != "payment.settled"] + placed:
        if e["checkout_id"] and e["order_id"]:
            key = (e["shop"], e["checkout_id"])
            order_of_checkout[key] = max(order_of_checkout.get(key, ""), e["order_id"])
    attempts = {}
    for (shop, provider, payment_id), told in by_payment.items():
        names = [e["attempt_id"] for e in told]
        for place, e in enumerate(told):
            before = [name for name in names[: place + 1] if name]
            after = [name for name in names[place:] if name]
            name = before[-1] if before else after[0] if after else payment_id
            if e["type"] != "payment.settled":
                key = (shop, provider, name)
                attempts.setdefault(key, {"payment_id": payment_id, "events": []})["events"].append(e)
        facts = [e for e in told if e["type"] != "payment.settled"]
        for name in {n for n in names if n} | {payment_id}:
            if (shop, provider, name) in attempts:
                attempts[(shop, provider, name)]["payment"] = facts
    for (shop, provider, _), a in attempts.items():
        judge(ledger, codes, order_of_checkout, shop, provider, a)
    of_purchase = {}
    for key, a in attempts.items():
        of_purchase.setdefault((key[0], a["purchase"]), []).append((a["stage"] == "untold", a["at"], key[2], key[1], a))
    for tries in of_purchase.values():
        for number, entry in enumerate(sorted(tries, key=lambda t: t[:4]), 1):
            entry[4]["number"] = number
    return attempts


def newest(events, field):
    told = [e[field] for e in events if e[field] is not None]
    return max(told) if told else None


def judge(ledger, codes, order_of_checkout, shop, provider, a):
    events, payment = a["events"], a["payment"]
    kinds = {e["type"][8:] for e in events}

    def total(kind):
        return sum((e["amount"] or 0 for e in events if e["type"] == "payment." + kind), Decimal(0))

    a["at"] = min(e["event_time"] for e in events)
    a["method"] = newest(events, "method") or newest(payment, "method")
    a["currency"] = newest(events, "currency") or newest(payment, "currency") or ledger.currency(shop)
    a["captured"], a["refunded"] = total("captured"), total("refunded")
    captures = [e for e in events if e["type"] == "payment.captured"]
    a["captured_at"] = min((e["event_time"] for e in captures), default=None)
    took = bool(captures) and not (any(e["amount"] < 0 for e in captures) and a["captured"] <= 0)
    a["is_authorized"] = bool(captures) or "authorized" in kinds
    threes = [e["three_ds"] for e in events if e["three_ds"]]
    a["three_ds"] = threes[-1] if threes else None
    failures = [e for e in events if e["type"] == "payment.failed"]
    decline = (failures[-1]["decline"] or {}) if failures else {}
    raw, network, advice = decline.get("code"), decline.get("network_code"), decline.get("advice_code")
    a["class"] = a["version"] = None
    if failures:
        a["class"], a["version"] = (
            decline_class(codes, provider, raw, network, advice) if raw or network or advice else ("technical", None))
    asked = {}
    for kind in ("initiated", "authorized", "captured", "failed"):
        amounts = [e["amount"] for e in events if e["type"] == "payment." + kind and e["amount"] is not None]
        if amounts:
            asked[kind] = sum(amounts) if kind == "captured" else max(amounts)
    whole = [e["amount"] for e in payment if e["amount"] is not None
             and e["type"][8:] in ("initiated", "authorized", "captured", "failed")]
    a["amount"] = next((asked[k] for k in ("initiated", "authorized", "captured", "failed") if k in asked),
                       max(whole) if whole else None)
    a["fees"] = {"processing": None, "credit": Decimal(0), "refund": Decimal(0), "chargeback": Decimal(0)}
    for e in events:
        fee = e["fee"]
        if fee is None:
            continue
        if e["dispute_id"] or e["type"] in ("payment.disputed", "payment.dispute_closed"):
            a["fees"]["chargeback"] += fee
        elif fee < 0:
            a["fees"]["credit"] -= fee
        elif e["refund_id"] or e["type"] == "payment.refunded":
            a["fees"]["refund"] += fee
        else:
            a["fees"]["processing"] = (a["fees"]["processing"] or 0) + fee
    patience = timedelta(days=30 if (newest(events, "method") or provider) in OFF_NETWORK else 1)
    overdue = a["at"] + patience <= ledger.as_of
    walked_away = (raw or "").lower() in ("abandoned", "canceled", "cancelled", "expired", "offer_closed")
    if not kinds & {"initiated", "authorized", "captured", "failed", "voided"}:
        a["stage"] = "untold"
    elif took:
        a["stage"] = "captured"
    elif "voided" in kinds:
        a["stage"] = "voided" if a["is_authorized"] else "dropped"
    elif a["is_authorized"]:
        a["stage"] = "authorized"
    elif a["three_ds"] in ("failed", "abandoned") and (failures or overdue):
        a["stage"] = "three_ds_dropoff"
    elif failures:
        if walked_away and network is None:
            a["stage"] = "dropped"
        elif a["class"] == "fraud" and network is None:
            a["stage"] = "risk_blocked"
        else:
            a["stage"] = "error" if a["class"] in ("technical", "merchant_error") else "declined"
    else:
        a["stage"] = "dropped" if overdue else "pending"
    checkout = newest(events, "checkout_id") or newest(payment, "checkout_id")
    a["order_id"] = (newest(events, "order_id") or newest(payment, "order_id")
                     or order_of_checkout.get((shop, checkout)))
    a["purchase"] = ("order " + a["order_id"] if a["order_id"] else "checkout " + checkout if checkout
                     else "payment " + a["payment_id"])
    a["off_network"] = (a["method"] or provider) in OFF_NETWORK
    a["network"] = max((e["card"]["brand"] for e in events if e["card"] and e["card"]["brand"]), default=None)
    a["funding"] = max((e["card"]["funding"] for e in events if e["card"] and e["card"]["funding"]), default=None)
    a["country"] = max((e["card"]["country"] for e in events if e["card"] and e["card"]["country"]), default=None)
