"""Known answers of the small sample, worked out from its files with exact decimals and nothing of Mizan.

    python3 sample-data/small/answers.py            writes answers.json
    python3 sample-data/small/answers.py --check    fails when answers.json says otherwise

Definitions, in the words of the metrics:

orders      placed; gross = sum of quantity x unit_price; discounts = line discounts and order discounts;
            returns = quantity x unit_price - discount of what came back; net = gross - discounts - returns, over
            orders that were not cancelled before anything was captured (what was cancelled after is told beside).
funnel      per session, each step at or after the step before: product_view (view_item), add_to_cart, begin_checkout,
            payment_attempt (add_payment_info, or payment.initiated of its checkout), purchase (purchase, or order.placed
            naming the session or its checkout).
carts       from the first add_to_cart; converted by an order with the cart's id; emptied when everything added was
            removed again; otherwise abandoned, as of one day after the last event.
stock       order.placed takes; order.cancelled and order.returned bring back; received, adjusted and arrived purchase
            orders add; a count sets.
"""

import json
import sys
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).parent
RIYADH = timezone(timedelta(hours=3))


def events(family):
    with open(HERE / f"{family}.ndjson", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def when(event):
    return datetime.fromisoformat(event["time"].replace("Z", "+00:00"))


def number(data, name):
    return Decimal(data.get(name) or "0")


def text(amount):
    return f"{amount:.2f}"


def goods(line):
    return number(line, "quantity") * number(line, "unit_price")


def order_answers(orders, payments):
    placed = {e["data"]["order_id"]: e for e in orders if e["type"] == "order.placed"}
    captured_at = {e["data"]["order_id"]: when(e) for e in payments if e["type"] == "payment.captured"}
    cancelled = {e["data"]["order_id"]: when(e) for e in orders if e["type"] == "order.cancelled"}
    unpaid = {o for o, at in cancelled.items() if o not in captured_at or captured_at[o] > at}
    gross = discounts = returns = shipping = tax = total = Decimal(0)
    units = Decimal(0)
    by_day = Counter()
    for order, event in placed.items():
        data = event["data"]
        assert data["total"] == text(
            sum(goods(line) - number(line, "discount") for line in data["lines"])
            - number(data, "discount") + number(data, "shipping") + number(data, "tax")
        ), order
        if order in unpaid:
            continue
        gross += sum(goods(line) for line in data["lines"])
        units += sum(number(line, "quantity") for line in data["lines"])
        discounts += number(data, "discount") + sum(number(line, "discount") for line in data["lines"])
        shipping += number(data, "shipping")
        tax += number(data, "tax")
        total += number(data, "total")
        by_day[when(event).astimezone(RIYADH).date().isoformat()] += 1
    for event in orders:
        if event["type"] == "order.returned":
            returns += sum(goods(line) - number(line, "discount") for line in event["data"]["lines"])
    return {
        "placed": len(placed),
        "cancelled_unpaid": len(unpaid),
        "cancelled_after_capture": len(set(cancelled) - unpaid),
        "cancelled_after_capture_goods": text(
            sum((goods(line) for o in set(cancelled) - unpaid for line in placed[o]["data"]["lines"]), Decimal(0))
        ),
        "returned": sum(e["type"] == "order.returned" for e in orders),
        "delivered": sum(e["type"] == "order.delivered" for e in orders),
        "units": str(units),
        "gross_sales": text(gross),
        "discounts": text(discounts),
        "returns": text(returns),
        "net_sales": text(gross - discounts - returns),
        "shipping": text(shipping),
        "tax": text(tax),
        "total": text(total),
        "by_shop_day": dict(sorted(by_day.items())),
    }


def payment_answers(payments):
    answers = defaultdict(lambda: defaultdict(Decimal))
    for event in payments:
        data = event["data"]
        provider = answers[data["provider"]]
        kind = event["type"].removeprefix("payment.")
        if kind in ("captured", "refunded"):
            provider[f"{kind}_amount"] += number(data, "amount")
            provider["fees"] += number(data, "fee")
        provider[kind] += 1
    money = ("captured_amount", "refunded_amount", "fees")
    return {
        provider: {k: text(v) if k in money else int(v) for k, v in sorted(found.items())}
        for provider, found in sorted(answers.items())
    }


def funnel_answers(storefront, orders, payments):
    session_of_checkout = {
        e["data"]["checkout_id"]: e["data"]["session_id"] for e in storefront if "checkout_id" in e["data"]
    }
    steps = defaultdict(list)  # session -> (time, step)
    sessions = set()
    step_of = {
        "storefront.view_item": 1, "storefront.add_to_cart": 2, "storefront.begin_checkout": 3,
        "storefront.add_payment_info": 4, "storefront.purchase": 5,
    }
    for event in storefront:
        session = event["data"]["session_id"]
        sessions.add(session)
        if event["type"] in step_of:
            steps[session].append((when(event), step_of[event["type"]]))
    for event in payments:
        if event["type"] == "payment.initiated":
            steps[session_of_checkout[event["data"]["checkout_id"]]].append((when(event), 4))
    for event in orders:
        if event["type"] == "order.placed":
            steps[event["data"]["session_id"]].append((when(event), 5))
    reached = Counter()
    for session in sessions:
        after = datetime.min.replace(tzinfo=timezone.utc)
        for step in range(1, 6):
            fitting = [at for at, found in steps[session] if found == step and at >= after]
            if not fitting:
                break
            after = min(fitting)
            reached[step] += 1
    names = ["product_view", "add_to_cart", "begin_checkout", "payment_attempt", "purchase"]
    opened = {name: len({s for s in sessions if any(f == i for _, f in steps[s])}) for i, name in enumerate(names, 1)}
    return {
        "sessions": len(sessions),
        "closed": {name: reached[step] for step, name in enumerate(names, 1)},
        "open": opened,
    }


def cart_answers(storefront, orders):
    ordered = {e["data"]["cart_id"] for e in orders if e["type"] == "order.placed"}
    pieces = defaultdict(Decimal)
    for event in storefront:
        data = event["data"]
        if event["type"] == "storefront.add_to_cart":
            pieces[data["cart_id"]] += number(data, "quantity")
        elif event["type"] == "storefront.remove_from_cart":
            pieces[data["cart_id"]] -= number(data, "quantity")
    converted = {cart for cart in pieces if cart in ordered}
    emptied = {cart for cart, left in pieces.items() if left == 0} - converted
    return {
        "started": len(pieces),
        "converted": len(converted),
        "emptied": len(emptied),
        "abandoned": len(pieces) - len(converted) - len(emptied),
    }


def stock_answers(orders, inventory):
    on_hand, taken = defaultdict(Decimal), {}
    for event in sorted(orders + inventory, key=lambda e: (when(e), int(e["id"].rsplit("-", 1)[1]))):
        data, kind = event["data"], event["type"]
        pieces = [(line["sku"], number(line, "quantity")) for line in data.get("lines", [])]
        if kind == "order.placed":
            taken[data["order_id"]] = pieces
            for sku, quantity in pieces:
                on_hand[sku] -= quantity
        elif kind == "order.cancelled":
            for sku, quantity in taken[data["order_id"]]:
                on_hand[sku] += quantity
        elif kind == "order.returned":
            for sku, quantity in pieces:
                on_hand[sku] += quantity
        elif kind in ("inventory.received", "inventory.adjusted", "purchase_order.received"):
            on_hand[data["sku"]] += number(data, "quantity")
        elif kind == "inventory.counted":
            on_hand[data["sku"]] = number(data, "on_hand")
    return {sku: str(pieces) for sku, pieces in sorted(on_hand.items())}


def main():
    families = {name: events(name) for name in ("storefront", "orders", "payments", "inventory")}
    storefront, orders, payments, inventory = families.values()
    everything = [event for found in families.values() for event in found]
    assert len({e["id"] for e in everything}) == len(everything), "an id comes twice"
    answers = {
        "events": {name: len(found) for name, found in families.items()},
        "types": dict(sorted(Counter(e["type"] for e in everything).items())),
        "orders": order_answers(orders, payments),
        "payments_by_provider": payment_answers(payments),
        "funnel": funnel_answers(storefront, orders, payments),
        "carts": cart_answers(storefront, orders),
        "closing_stock": stock_answers(orders, inventory),
    }
    written = json.dumps(answers, indent=2, ensure_ascii=False) + "\n"
    target = HERE / "answers.json"
    if "--check" in sys.argv:
        if target.read_text(encoding="utf-8") != written:
            sys.exit("answers.json is stale: run python3 sample-data/small/answers.py")
    else:
        target.write_text(written, encoding="utf-8")


main()
