"""Visits, funnel, carts, checkouts, attribution and pairs from the raw events in Python: `python oracle_behaviour.py DIR`.

Payment attempts (marts.payment_attempts) and the channel of a visit (marts.sessions) are taken as given; the rest is
computed from events.
"""

import sys
from bisect import bisect_left
from collections import Counter, defaultdict
from decimal import Decimal
from itertools import combinations

from common import DAY_US, DECIMALS, MINUTE_US, ZERO, Export, Payment, newest_tellings, rate_of, rounded

STEPS = ["product_view", "add_to_cart", "begin_checkout", "payment_attempt", "purchase"]
STEP_OF = {
    "storefront.view_item": "product_view",
    "storefront.add_to_cart": "add_to_cart",
    "storefront.begin_checkout": "begin_checkout",
    "storefront.add_payment_info": "payment_attempt",
    "storefront.purchase": "purchase",
}
COUPONS = {"storefront.apply_coupon", "storefront.deny_coupon", "storefront.remove_coupon"}
CHECKOUT = {"storefront.begin_checkout", "storefront.add_shipping_info", "storefront.add_payment_info"}
CART = {"storefront.add_to_cart", "storefront.remove_from_cart", "storefront.view_cart", "storefront.purchase"} | CHECKOUT | COUPONS


def storefront(export):
    rows = export.table(
        "events.storefront", "shop", "source", "event_id", "event_time:us", "type", "session_id", "visitor_id",
        "cart_id", "checkout_id", "order_id", "sku", "quantity", "unit_price", "value", "items", "shipping",
        "payment_method", "coupon",
    )
    rows.sort(key=lambda r: (r["event_time"], r["source"], r["event_id"]))
    return rows


def visits(rows):
    """Names each row's visit: the shop's number, or a new one after 30 silent minutes. Gives the first moments."""
    last, started = {}, {}
    for r in rows:
        if r["session_id"] is not None:
            r["visit"] = (r["shop"], "n", r["session_id"])
        else:
            who = (r["shop"], r["visitor_id"])
            before = last.get(who)
            if before is None or r["event_time"] - before[0] >= 30 * MINUTE_US:
                before = (r["event_time"], r["event_time"])
            last[who] = (r["event_time"], before[1])
            r["visit"] = (r["shop"], "v", r["visitor_id"], before[1])
        started.setdefault(r["visit"], r["event_time"])
    return started


def name_of(visit):
    """The visit's session_id as text sorts, for ties."""
    return visit[2] if visit[1] == "n" else f"{visit[2]}@"


def steps_of_visits(rows, orders, payments):
    steps = defaultdict(list)
    touches = defaultdict(dict)
    for r in rows:
        step = STEP_OF.get(r["type"])
        if step:
            steps[r["visit"]].append((r["event_time"], step))
        session = r["session_id"] if r["session_id"] is not None else None
        names = [("checkout", r["checkout_id"]), ("cart", r["cart_id"]), ("order", r["order_id"]), ("session", session)]
        for kind, name in names:
            if name is not None:
                touches[(r["shop"], kind, name)].setdefault(r["visit"], r["event_time"])
    links = {}
    for o in orders:
        link = links.setdefault((o["shop"], o["order_id"]), {"session_id": None, "checkout_id": None, "cart_id": None})
        for name in link:
            if o[name] is not None:
                link[name] = max(link[name] or "", o[name])
    told = [(p, "payment_attempt") for p in payments
            if p["type"] in ("payment.initiated", "payment.authorized", "payment.captured", "payment.failed")]
    told += [(o, "purchase") for o in orders if o["type"] in ("order.placed", "order.paid")]
    for event, step in told:
        link = links.get((event["shop"], event["order_id"]), {})
        checkout = link.get("checkout_id")
        if step == "payment_attempt":
            checkout = event["checkout_id"] or checkout
        names = [("session", link.get("session_id")), ("checkout", checkout), ("order", event["order_id"]),
                 ("cart", link.get("cart_id"))]
        for kind, name in names:
            found = touches.get((event["shop"], kind, name), {}) if name is not None else {}
            fit = [(since, v) for v, since in found.items() if since <= event["event_time"] or kind in ("session", "order")]
            if fit:
                newest = max(since for since, _ in fit)
                visit = min((v for since, v in fit if since == newest), key=name_of)
                steps[visit].append((event["event_time"], step))
                break
    return steps


def funnel(export, started, steps):
    closed, opened = defaultdict(Counter), defaultdict(Counter)
    for visit, at in started.items():
        day = (visit[0], export.day(visit[0], at))
        closed[day]["session"] += 1
        own, since = steps.get(visit, []), None
        for place, step in enumerate(STEPS):
            times = [t for t, s in own if s == step]
            opened[day][step] += bool(times)
            if place and since is None:
                continue
            since = min((t for t in times if place == 0 or t >= since), default=None)
            closed[day][step] += since is not None
    names = ["shop", "day", *(f"sum({s})::bigint as {s}" for s in ["sessions", *STEPS]),
             *(f"sum(open_{s})::bigint as open_{s}" for s in STEPS)]
    found = [tuple(r.values()) for r in export.rows(f"select {', '.join(names)} from {{}} group by shop, day", "marts.funnel_daily")]
    expected = [day + tuple(closed[day][s] for s in ["session", *STEPS]) + tuple(opened[day][s] for s in STEPS) for day in closed]
    export.compare("funnel_daily", expected, found)
    expected = []
    for day, c in closed.items():
        o, before = {"session": c["session"], **opened[day]}, None
        for step in ["session", *STEPS]:
            expected.append(day + (
                step, rate_of(c[step], c[before]) if before else None, rate_of(c[step], c["session"]),
                rate_of(o[step], o[before]) if before else None, rate_of(o[step], o["session"]),
            ))
            before = step
    names = ("shop", "day", "step", "step_rate", "from_start_rate", "open_step_rate", "open_from_start_rate")
    export.compare("funnel_steps_daily", expected, [tuple(r.values()) for r in export.table("marts.funnel_steps_daily", *names)])


def moved(r):
    """Pieces and worth that an event puts into a cart, or takes out."""
    sign = {"storefront.add_to_cart": 1, "storefront.remove_from_cart": -1}.get(r["type"], 0)
    if r["items"]:
        pieces = sum((i["quantity"] if i["quantity"] is not None else 1) for i in r["items"])
        amounts = [(i["quantity"] if i["quantity"] is not None else 1) * i["unit_price"] for i in r["items"] if i["unit_price"] is not None]
        amount = sum(amounts, ZERO) if amounts else None
    else:
        pieces, amount = r["quantity"] if r["quantity"] is not None else Decimal(1), None
    if amount is None and r["unit_price"] is not None:
        amount = (r["quantity"] if r["quantity"] is not None else 1) * r["unit_price"]
    if amount is None:
        amount = r["value"] or ZERO
    return sign * Decimal(pieces), sign * rounded(Decimal(amount), 4)


def carts(export, rows, orders):
    touches, checkouts = defaultdict(list), defaultdict(set)
    for r in rows:
        if r["cart_id"] is not None or r["type"] in CART:
            cart = (r["shop"], r["cart_id"] or r["session_id"] or r["visitor_id"])
            touches[cart].append(r)
            if r["checkout_id"] is not None:
                checkouts[(r["shop"], r["checkout_id"])].add(cart)
    placed = defaultdict(list)
    for o in orders:
        if o["type"] == "order.placed":
            for cart in {(o["shop"], o["cart_id"])} | checkouts.get((o["shop"], o["checkout_id"]), set()):
                placed[cart].append(o["event_time"])
    made = {}
    for cart, events in touches.items():
        created = next((r["event_time"] for r in events if r["type"] == "storefront.add_to_cart"), None)
        if created is None:
            continue
        bought = placed.get(cart, []) + [r["event_time"] for r in events if r["type"] == "storefront.purchase"]
        converted = min((t for t in bought if t >= created), default=None)
        own = [r for r in events if r["event_time"] >= created and (converted is None or r["event_time"] <= converted)]
        pieces = worth = ZERO
        removed = left = False
        for place, r in enumerate(own):
            p, w = moved(r)
            pieces, worth, removed = pieces + p, worth + w, removed or r["type"] == "storefront.remove_from_cart"
            until = own[place + 1]["event_time"] if place + 1 < len(own) else converted
            left = left or (pieces > 0 and until is not None and until - r["event_time"] >= 60 * MINUTE_US)
        state = ("converted" if converted is not None else "emptied" if removed and pieces <= 0
                 else "abandoned" if own[-1]["event_time"] + 60 * MINUTE_US <= export.as_of else "open")
        made[cart] = (created, state, converted is not None and left, max(pieces, ZERO), max(worth, ZERO))
    found = export.table("marts.carts", "shop", "cart_id", "created_at:us", "state", "is_recovered", "pieces", "value")
    export.compare("carts", [cart + row for cart, row in made.items()], [tuple(r.values()) for r in found])
    days = defaultdict(Counter)
    for (shop, _), (created, state, recovered, _, _) in made.items():
        days[(shop, export.day(shop, created))].update([state, "started"] + ["recovered"] * recovered)
    expected = [day + tuple(c[s] for s in ("started", "converted", "abandoned", "open", "emptied", "recovered")) for day, c in days.items()]
    names = ", ".join(f"sum({s})::bigint" for s in ("started", "converted", "abandoned", "open", "emptied", "recovered"))
    found = export.rows(f"select shop, day, {names} from {{}} where population = 'cart' group by shop, day", "marts.abandonment_daily")
    export.compare("abandonment_daily of carts", expected, [tuple(r.values()) for r in found])


def checkouts(export, rows, orders):
    begun, steps = {}, defaultdict(list)
    for r in rows:
        if r["type"] in CHECKOUT | COUPONS | {"storefront.purchase"}:
            key = (r["shop"], r["checkout_id"] or r["cart_id"] or r["session_id"] or r["visitor_id"])
            steps[key].append(r)
            if r["type"] in CHECKOUT:
                begun.setdefault(key, [r["event_time"], None])
                if r["cart_id"] is not None:
                    begun[key][1] = max(begun[key][1] or "", r["cart_id"])
    of_cart = defaultdict(list)
    for key, (at, cart) in begun.items():
        if cart is not None:
            of_cart[(key[0], cart)].append((at, key[1], key))
    placed, of_order = defaultdict(list), {}
    for o in orders:
        if o["type"] != "order.placed":
            continue
        key = (o["shop"], o["checkout_id"]) if o["checkout_id"] is not None else None
        if key is None and o["cart_id"] is not None:
            # At one moment, the checkout with the greater name is the later one.
            before = [entry for entry in of_cart[(o["shop"], o["cart_id"])] if entry[0] <= o["event_time"]]
            key = max(before)[2] if before else None
        if key is not None:
            placed[key].append(o["event_time"])
            order = (o["shop"], o["order_id"])
            of_order[order] = max(of_order.get(order, ""), key[1])
    for key, events in steps.items():
        for r in events:
            if r["type"] == "storefront.purchase":
                placed[key].append(r["event_time"])
                if r["order_id"] is not None:
                    order = (r["shop"], r["order_id"])
                    of_order[order] = max(of_order.get(order, ""), key[1])
    attempts = defaultdict(list)
    for a in export.table("marts.payment_attempts", "shop", "attempt_id", "provider", "order_id", "checkout_id",
                          "attempted_at:us", "outcome", "decline_class"):
        checkout = a["checkout_id"] or of_order.get((a["shop"], a["order_id"]))
        if checkout is not None:
            attempts[(a["shop"], checkout)].append(a)
    expected = []
    for key, (started, _) in begun.items():
        converted = min((t for t in placed[key] if t >= started), default=None)
        tried = sorted(attempts[key], key=lambda a: (a["attempted_at"], a["attempt_id"], a["provider"]))
        happened = [(r["event_time"], False, r["source"], r["event_id"], r["type"] == "storefront.add_payment_info", False) for r in steps[key]]
        happened += [(a["attempted_at"], True, a["provider"], a["attempt_id"], True, a["outcome"] in ("declined", "error")) for a in tried]
        happened = sorted(h for h in happened if converted is None or h[0] <= converted)
        last = happened[-1][0]
        payment_at = min((h[0] for h in happened if h[4]), default=None)
        is_left = last + 10 * MINUTE_US <= export.as_of
        state = "converted" if converted is not None else "abandoned" if is_left else "open"
        paid = converted is not None or any(a["outcome"] in ("captured", "authorized") for a in tried)
        hard = bool(tried) and tried[-1]["decline_class"] == "hard"
        pay = None if payment_at is None else "converted" if paid else "declined" if hard else "abandoned" if is_left else "open"
        loss = None
        if any(h[1] for h in happened):
            ended = happened[-1][5]
            if not ended or (converted is not None and converted < last + DAY_US):
                loss = False
            elif export.as_of >= last + DAY_US:
                loss = True
        expected.append(key + (started, last, state, payment_at, pay, loss))
    found = export.table("marts.checkouts", "shop", "checkout_id", "started_at:us", "last_activity_at:us", "state",
                         "payment_at:us", "payment_state", "is_declined_loss")
    export.compare("checkouts", expected, [tuple(r.values()) for r in found])


def reasons(export):
    """Every abandoned cart, checkout and payment has one reason: the sums are those of abandonment_daily."""
    sums = "select shop, day, population, currency, sum(abandoned)::bigint, sum({}) from {{}} group by all having sum(abandoned) > 0"
    expected = [tuple(r.values()) for r in export.rows(sums.format("value_abandoned"), "marts.abandonment_daily")]
    found = [tuple(r.values()) for r in export.rows(sums.format("value"), "marts.abandonment_reasons")]
    export.compare("abandonment_reasons and abandonment_daily", expected, found)


def attribution(export, rows):
    sessions = export.table("marts.sessions", "shop", "session_id", "visitor_id", "customer_id", "started_at:us", "channel", "campaign")
    visitor = lambda r: ("v", r["visitor_id"]) if r["visitor_id"] is not None else ("s", r["session_id"])
    by_visitor, of_customer, of_session = defaultdict(list), defaultdict(set), defaultdict(set)
    for s in sessions:
        by_visitor[(s["shop"], visitor(s))].append((s["started_at"], s["session_id"], s["channel"], s["campaign"] or ""))
        of_session[(s["shop"], s["session_id"])].add(visitor(s))
        if s["customer_id"] is not None:
            of_customer[(s["shop"], s["customer_id"])].add(visitor(s))
    for known in by_visitor.values():
        known.sort()
    named = defaultdict(set)
    for r in rows:
        for kind in ("order_id", "checkout_id", "cart_id"):
            if r[kind] is not None:
                named[(r["shop"], kind, r[kind])].add(visitor(r))
    totals = defaultdict(lambda: [ZERO, ZERO])
    for o in export.table("marts.orders", "shop", "order_id", "customer_id", "placed_at:us", "session_id", "checkout_id",
                          "cart_id", "net_sales", "currency", "is_sale"):
        if not o["is_sale"]:
            continue
        shop, at = o["shop"], o["placed_at"]
        people = of_session.get((shop, o["session_id"]), set()) | of_customer.get((shop, o["customer_id"]), set())
        for kind in ("order_id", "checkout_id", "cart_id"):
            people = people | named.get((shop, kind, o[kind]), set())
        touches = set()
        for person in people:
            own = by_visitor[(shop, person)]
            for entry in own[bisect_left(own, (at - 30 * DAY_US,)):]:
                if entry[0] > at:
                    break
                touches.add(entry)
        touches = sorted(touches) or [(0, None, "unknown", "")]
        number = len(touches)
        cut = lambda amount, places: rounded(amount, places, "ROUND_DOWN")
        money, part = cut(o["net_sales"] / number, DECIMALS.get(o["currency"], 2)), cut(Decimal(1) / number, 6)
        # Whole minor units first: what lies below them is the last visit's.
        day = (shop, export.day(shop, at))
        for place, (_, _, channel, campaign) in enumerate(touches):
            is_last = place == number - 1
            given = [("linear", 1 - part * place if is_last else part, o["net_sales"] - money * place if is_last else money)]
            given += [("first", Decimal(1), o["net_sales"])] * (place == 0) + [("last", Decimal(1), o["net_sales"])] * is_last
            for model, orders, sales in given:
                total = totals[day + (model, channel, campaign, o["currency"])]
                total[0] += orders
                total[1] += sales
    names = ("shop", "day", "model", "channel", "campaign", "currency", "orders", "net_sales")
    found = [tuple(r.values()) for r in export.table("marts.attribution", *names)]
    export.compare("attribution", [key + tuple(total) for key, total in totals.items()], found)


def pairs(export):
    payment, alone, both, baskets = Payment(export), Counter(), Counter(), Counter()
    worth = defaultdict(lambda: defaultdict(lambda: ZERO))
    for line in export.table("marts.order_lines", "shop", "order_id", "sku", "quantity", "gross_sales", "discount"):
        if line["quantity"] > 0:
            worth[(line["shop"], line["order_id"])][line["sku"]] += line["gross_sales"] - line["discount"]
    for key, order in ((key, told) for key, (_, told) in newest_tellings(export).items()):
        if payment.is_paid(key, order["lines"]) and worth[key]:
            skus = [sku for _, sku in sorted((-value, sku) for sku, value in worth[key].items())][:40]
            baskets[key[0]] += 1
            alone.update((key[0], sku) for sku in skus)
            both.update((key[0], *couple) for couple in combinations(sorted(skus), 2))
    expected = []
    for (shop, one, other), number in both.items():
        if number >= 2:
            for a, b in ((one, other), (other, one)):
                n, of_a, of_b = baskets[shop], alone[(shop, a)], alone[(shop, b)]
                expected.append((shop, a, b, number, rate_of(number, n), rate_of(number, of_a), rate_of(number * n, of_a * of_b)))
    names = ("shop", "sku", "with_sku", "orders", "support", "confidence", "lift")
    export.compare("product_pairs", expected, [tuple(r.values()) for r in export.table("marts.product_pairs", *names)])


def main(folder):
    export = Export(folder)
    rows = storefront(export)
    orders = export.table("events.orders", "shop", "order_id", "event_time:us", "type", "session_id", "checkout_id", "cart_id")
    payments = export.table("events.payments", "shop", "order_id", "event_time:us", "type", "checkout_id")
    started = visits(rows)
    funnel(export, started, steps_of_visits(rows, orders, payments))
    carts(export, rows, orders)
    checkouts(export, rows, orders)
    reasons(export)
    attribution(export, rows)
    pairs(export)
    export.finish()


if __name__ == "__main__":
    main(sys.argv[1])
