"""A shop that no simulator would dare: events as NDJSON with everything that goes wrong in payments and stock.

python random_shop.py SEED [START] > events.ndjson

Two providers with known prices, one of which changes its price in silence on day 60; late, repeated and disordered
events; attempts without numbers, refunds that fail, captures in parts and taken back, disputes with their fees,
reservations, transfers, counts, purchase orders in parts, views with and without items.
"""

import json
import random
import sys
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal

# The first of 120 days; some models look at the last 90 days before the run.
START = datetime.fromisoformat(sys.argv[2] if len(sys.argv) > 2 else "2026-01-05").replace(tzinfo=timezone.utc)
DAYS = 120
SKUS = [f"S{i}" for i in range(8)]
# Basis points and fixed part, before and after day 60.
PRICES = {"alpha": ((250, "1.00"), (250, "1.00")), "beta": ((200, "0.50"), (260, "0.50"))}


def main():
    dice = random.Random(int(sys.argv[1]))
    out = []

    def tell(kind, at, shop="default", **data):
        data = {key: value for key, value in data.items() if value is not None}
        out.append({"specversion": "1.0", "id": f"e{len(out)}", "source": dice.choice(["a", "b"]), "type": kind,
                    "time": at.isoformat().replace("+00:00", "Z"), "shop": shop, "data": data})

    def money(value, currency="SAR"):
        return str(value.quantize(Decimal("0.001" if currency == "KWD" else "0.01"), ROUND_HALF_UP))

    for number in range(900):
        at = START + timedelta(seconds=dice.randrange(DAYS * 86400))
        pay(dice, tell, money, number, at)
    stock(dice, tell)
    for event in list(out):
        if dice.random() < 0.03:
            out.append(event)
    dice.shuffle(out)
    for event in out:
        print(json.dumps(event))


def pay(dice, tell, money, number, at):
    currency = dice.choices(["SAR", "KWD"], [8, 2])[0]
    amount = Decimal(dice.randrange(500, 90000)) / 100
    order, checkout = f"o{number}", dice.choice([f"k{number}", None])
    total = money(amount, currency)
    is_order = dice.random() < 0.85
    if is_order:
        method = dice.choice(["card", "card", "cod", None])
        line = {"sku": dice.choice(SKUS), "quantity": str(dice.randrange(1, 4)), "unit_price": "10"}
        tell("order.placed", at + timedelta(seconds=40), order_id=order, checkout_id=checkout, currency=currency,
             total=total if dice.random() < 0.9 else None, payment_method=method, lines=[line])
        if dice.random() < 0.08:
            tell("order.edited", at + timedelta(hours=dice.randrange(1, 90)), order_id=order, currency=currency,
                 total=money(amount + 5, currency),
                 lines=[dict(line, quantity="2"), {"sku": "S0", "quantity": "1", "unit_price": "5"}])
        for kind, chance, days in (("paid", 0.6, 1), ("shipped", 0.8, 1), ("delivery_failed", 0.1, 2),
                                   ("delivered", 0.7, 3), ("cancelled", 0.05, 1), ("returned", 0.05, 6)):
            if dice.random() < chance:
                tell(f"order.{kind}", at + timedelta(days=days, minutes=dice.randrange(300)), order_id=order)
    when = at
    for attempt in range(dice.choice([1, 1, 1, 2, 3])):
        provider = dice.choice(["alpha", "beta", "beta", "cod"] if is_order else ["alpha", "beta"])
        payment = f"p{number}" if dice.random() < 0.6 else f"p{number}-{attempt}"
        name = dice.choice([f"{payment}/{attempt}", None])
        given = dice.random() < 0.7
        base = dict(payment_id=payment, provider=provider, attempt_id=name,
                    order_id=order if is_order and given else None, checkout_id=checkout,
                    method="cod" if provider == "cod" else dice.choice(["card", "card", "mada", None]))
        if base["method"] == "card":
            base["card"] = {"brand": dice.choice(["visa", "mastercard"]), "funding": dice.choice(["credit", "debit"]),
                            "country": dice.choice(["SA", "SA", "KW"])}
        when += timedelta(seconds=dice.randrange(5, 400))
        if dice.random() < 0.8:
            tell("payment.initiated", when, **base, amount=total, currency=currency)
        fate = dice.choices(["captured", "failed", "silent", "voided", "authorized", "parts", "undone"],
                            [60, 22, 6, 4, 4, 3, 1])[0]
        later = when + timedelta(seconds=dice.randrange(1, 60))
        three = dice.choice([None, None, "authenticated", "failed", "exempt", "abandoned", "attempted"])
        if fate == "failed":
            code = dice.choice(["insufficient_funds", "do_not_honor", "rule", "expired", "Expired_Card", "odd", None])
            network = dice.choice([None, None, "51", "05", "59", "1A", "ZZ"])
            advice = dice.choice([None, None, None, "03", "24"])
            decline = {k: v for k, v in (("code", code), ("network_code", network), ("advice_code", advice)) if v}
            tell("payment.failed", later, **base, decline=decline or None, three_ds=three)
            continue
        if fate in ("authorized", "voided", "parts") or dice.random() < 0.3:
            if fate != "silent":
                tell("payment.authorized", later, **base, amount=total, currency=currency, three_ds=three)
        if fate == "voided":
            tell("payment.voided", later + timedelta(hours=2), **base)
        if fate in ("captured", "parts", "undone"):
            take(dice, tell, money, base, amount, currency, later + timedelta(seconds=30), fate, at)
            break


def take(dice, tell, money, base, amount, currency, at, fate, began):
    def fee_of(sum_):
        bps, fixed = PRICES.get(base["provider"], ((0, "12.00"),) * 2)[(at - START).days >= 60]
        unit = Decimal("0.001" if currency == "KWD" else "0.01")
        return str((sum_ * bps / 10000 + Decimal(fixed)).quantize(unit, ROUND_HALF_UP))

    with_fee = dice.random() < 0.7
    halves = [amount] if fate != "parts" else [Decimal(money(amount / 2, currency))] * 2
    for place, part in enumerate(halves):
        fee = fee_of(Decimal(money(amount, currency))) if with_fee and place == 0 else None
        tell("payment.captured", at + timedelta(hours=place), **base, amount=money(part, currency), currency=currency,
             fee=fee)
    if fate == "undone":
        tell("payment.captured", at + timedelta(hours=3), **base, amount="-" + money(amount, currency),
             currency=currency)
        return
    only = {k: base[k] for k in ("payment_id", "provider")}
    if not with_fee and dice.random() < 0.8:
        named = dict(only, attempt_id=base["attempt_id"])
        tell("payment.fee", at + timedelta(days=2), **named, fee=fee_of(Decimal(money(amount, currency))),
             currency=currency)
    if dice.random() < 0.12:
        back = money(amount * dice.choice([1, 1, Decimal("0.5"), Decimal("1.1")]), currency)
        when = at + timedelta(days=dice.randrange(1, 30))
        tell("payment.refunded", when, **only, refund_id="r", amount=back, currency=currency)
        if dice.random() < 0.2:
            tell("payment.refunded", when + timedelta(days=1), **only, refund_id="r/failed", amount="-" + back,
                 currency=currency)
        if dice.random() < 0.5:
            tell("payment.fee", when, **only, refund_id="r", fee=dice.choice(["0.25", "-0.10"]), currency=currency)
    if dice.random() < 0.04:
        when = at + timedelta(days=dice.randrange(10, 50))
        tell("payment.disputed", when, **only, dispute_id="d", amount=money(amount, currency), currency=currency)
        tell("payment.fee", when, **only, dispute_id="d", fee="15.00", currency=currency)
        if dice.random() < 0.5:
            tell("payment.dispute_closed", when + timedelta(days=9), **only, dispute_id="d", reason="won")
    if dice.random() < 0.2:
        tell("payment.settled", at + timedelta(days=3), **only, payout_id=f"w{at.isocalendar().week}",
             amount=money(amount, currency), currency=currency, fee=dice.choice([None, None, "1.00"]))


def stock(dice, tell):
    tell("supplier.upserted", START, supplier="east", lead_time_days=9)
    for place, sku in enumerate(SKUS):
        tell("product.upserted", START, sku=sku, supplier="east", min_order_qty=str(dice.choice([5, 12])),
             pack_size=str(dice.choice([1, 6])), unit_cost="4.50", currency="SAR",
             lead_time_days=dice.choice([None, 6]))
        for location in ("default", "mall") if place % 3 == 0 else ("default",):
            at = START + timedelta(hours=dice.randrange(300))
            tell("inventory.received", at, sku=sku, location=None if location == "default" else location,
                 quantity=str(dice.randrange(5, 60)))
            for _ in range(40):
                when = START + timedelta(seconds=dice.randrange(DAYS * 86400))
                kind, amount = dice.choice([("received", 12), ("adjusted", -3), ("adjusted", 2), ("reserved", 2),
                                            ("released", 2), ("sold", -2), ("transferred", -4), ("transferred", 4)])
                tell(f"inventory.{kind}", when, sku=sku, quantity=str(amount),
                     location=None if location == "default" and kind != "transferred" else location)
            for _ in range(3):
                when = START + timedelta(seconds=dice.randrange(DAYS * 86400))
                tell("inventory.counted", when, sku=sku, location=None if location == "default" else location,
                     on_hand=str(dice.randrange(0, 30)))
        for number in range(6 if place < 5 else 1):
            when = START + timedelta(seconds=dice.randrange(DAYS * 86400))
            order = dict(sku=sku, purchase_order_id=f"{sku}-{number}", quantity="24")
            due = (when + timedelta(days=8)).isoformat().replace("+00:00", "Z")
            tell("purchase_order.placed", when, **order, eta=due)
            if dice.random() < 0.8:
                came = when + timedelta(days=dice.randrange(4, 15), hours=3)
                tell("purchase_order.received", came, **dict(order, quantity=dice.choice(["24", "12"])))
                if dice.random() < 0.3:
                    tell("purchase_order.cancelled", came, **dict(order, quantity="12"))
    for _ in range(4000):
        when = START + timedelta(seconds=dice.randrange(DAYS * 86400))
        kind = dice.choice(["view_item", "view_item", "view_item", "add_to_cart", "page_view"])
        if dice.random() < 0.8:
            tell(f"storefront.{kind}", when, session_id="s", sku=dice.choice(SKUS),
                 quantity=dice.choice([None, "2"]) if kind == "add_to_cart" else None)
        else:
            tell(f"storefront.{kind}", when, session_id="s", items=[
                {"sku": dice.choice(SKUS), "quantity": "1"}, {"sku": dice.choice(SKUS)}])


if __name__ == "__main__":
    main()
