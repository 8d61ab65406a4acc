"""Customers, cohorts, RFM and repeat rate from the orders, one by one in Python: `python oracle_customers.py EXPORT_DIR`.

Who was paid comes from the raw events; the net sales of an order are those of marts.orders, which oracle_sales.py proves.
"""

import sys
from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal

from common import ZERO, Export, Payment, newest_tellings, rate_of, rounded

SEGMENTS = [
    ("Champions", (5, 5), (5, 5), (5, 5)),
    ("Potential Loyalist", (3, 5), (3, 5), (2, 5)),
    ("Loyal", (2, 4), (2, 4), (2, 4)),
    ("Promising", (3, 4), (1, 3), (3, 5)),
    ("New", (4, 5), (1, 3), (1, 5)),
    ("Can't Lose", (1, 2), (3, 4), (4, 5)),
    ("At Risk", (1, 2), (2, 5), (4, 5)),
    ("Need Attention", (1, 3), (3, 5), (3, 5)),
    ("About To Sleep", (2, 3), (1, 3), (1, 4)),
    ("Lost", (1, 1), (1, 5), (1, 5)),
]


def segment(r, f, m):
    for name, *ranges in SEGMENTS:
        if m is not None and all(low <= score <= high for score, (low, high) in zip((r, f, m), ranges)):
            return name
    return "Others"


def score(value, values):
    """1 and the whole fifths of all that are strictly below, at most 5."""
    return min(5, 1 + 5 * sum(1 for other in values if other < value) // len(values))


def months(day):
    return day.year * 12 + day.month - 1


def main(folder):
    export = Export(folder)
    payment, told = Payment(export), newest_tellings(export)
    orders = []
    for o in export.table(
        "marts.orders", "shop", "order_id", "customer_id", "placed_at:us", "currency", "net_sales", "base_net_sales",
        '"returns"', "base_currency",
    ):
        if o["customer_id"] is None:
            continue
        key = (o["shop"], o["order_id"])
        lines = told[key][1]["lines"] if key in told else None
        o["sale"], o["paid"] = payment.is_sale(key, lines), payment.is_paid(key, lines)
        o["day"] = export.day(o["shop"], o["placed_at"])
        o["counts"] = o["paid"] or (not o["sale"] and o["returns"] != 0)
        orders.append(o)

    by_customer = defaultdict(list)
    for o in orders:
        by_customer[(o["shop"], o["customer_id"])].append(o)
    expected = []
    for key, own in by_customer.items():
        paid = [o for o in own if o["paid"]]
        currencies = {o["currency"] for o in own if o["counts"]}
        bases = [o["base_net_sales"] for o in own if o["paid"] or not o["sale"]]
        base = None if None in bases else sum(bases, ZERO)
        net = sum((o["net_sales"] for o in own if o["counts"]), ZERO) if len(currencies) <= 1 else base
        expected.append(key + (
            sum(o["sale"] for o in own), len(paid), len(paid) >= 2, net, base,
            min((o["placed_at"] for o in paid), default=None), max((o["placed_at"] for o in paid), default=None),
        ))
    names = ("shop", "customer_id", "placed_orders", "orders", "is_repeat", "net_sales", "base_net_sales",
             "first_order_at:us", "last_order_at:us")
    export.compare("customers", expected, [tuple(r.values()) for r in export.table("marts.customers", *names)])

    cohort_rows, rfm_rows, repeat_rows = [], [], []
    for shop in {o["shop"] for o in orders}:
        known = [o for o in orders if o["shop"] == shop and o["counts"] and o["placed_at"] <= export.as_of]
        paid = [o for o in known if o["paid"]]
        if not paid:
            continue
        one_currency = len({o["currency"] for o in known}) == 1
        value = (lambda o: o["net_sales"]) if one_currency else (lambda o: o["base_net_sales"])
        today = export.day(shop, export.as_of)
        cohort_rows += cohorts(shop, known, paid, value, months(today))
        rfm_rows += rfm(shop, known, paid, value, today)
        repeat_rows += repeats(shop, paid, months(today))
    names = ("shop", "year(cohort_month) * 12 + month(cohort_month) - 1 as c", "month_number", "customers", "active",
             "retention", "net_sales", "ltv")
    export.compare("cohorts", cohort_rows, [tuple(r.values()) for r in export.table("marts.cohorts", *names)])
    names = ("shop", "customer_id", "recency_days", "frequency", "monetary", "r", "f", "m", "segment")
    export.compare("rfm", rfm_rows, [tuple(r.values()) for r in export.table("marts.rfm", *names)])
    names = ("shop", "year(month) * 12 + month(month) - 1 as c", "customers", "repeat_customers", "returning_customers",
             "repeat_rate")
    export.compare("repeat_monthly", repeat_rows, [tuple(r.values()) for r in export.table("marts.repeat_monthly", *names)])
    export.finish()


def cohorts(shop, known, paid, value, this_month):
    first = {}
    for o in paid:
        first[o["customer_id"]] = min(first.get(o["customer_id"], 10**6), months(o["day"]))
    sizes, active, sales = Counter(first.values()), defaultdict(set), defaultdict(lambda: ZERO)
    for o in known:
        if o["customer_id"] in first:
            cohort = first[o["customer_id"]]
            month = max(months(o["day"]), cohort)
            if o["paid"]:
                active[(cohort, month)].add(o["customer_id"])
            so_far, amount = sales[(cohort, month)], value(o)
            sales[(cohort, month)] = None if so_far is None or amount is None else so_far + amount
    rows = []
    for cohort, size in sizes.items():
        total = ZERO
        for month in range(cohort, this_month + 1):
            net = sales[(cohort, month)]
            total = None if total is None or net is None else total + net
            over, number = month < this_month, len(active[(cohort, month)])
            is_told = over or month == cohort
            rows.append((
                shop, cohort, month - cohort, size, number if is_told else None,
                rate_of(number, size) if is_told else None,
                (None if total is None else net) if over else None,
                rounded(total / size, 4) if over and total is not None else None,
            ))
    return rows


def rfm(shop, known, paid, value, today):
    newest = max(o["day"] for o in paid)
    scored_on = today if (today - newest).days < 365 else newest
    since = scored_on - timedelta(days=365)
    measured = {}
    for customer in {o["customer_id"] for o in paid}:
        own = [o for o in known if o["customer_id"] == customer]
        recent = [o for o in own if since < o["day"] <= scored_on]
        amounts = [value(o) for o in recent]
        measured[customer] = (
            (scored_on - max(o["day"] for o in own if o["paid"])).days,
            sum(o["paid"] for o in recent),
            None if None in amounts else sum(amounts, ZERO),
        )
    recencies = [-r for r, _, _ in measured.values()]
    frequencies = [f for _, f, _ in measured.values()]
    amounts = [m for _, _, m in measured.values() if m is not None]
    rows = []
    for customer, (recency, frequency, monetary) in measured.items():
        r, f = score(-recency, recencies), score(frequency, frequencies)
        m = None if monetary is None else score(monetary, amounts)
        rows.append((shop, customer, recency, frequency, monetary, r, f, m, segment(r, f, m)))
    return rows


def repeats(shop, paid, this_month):
    orders, first = Counter(), {}
    for o in paid:
        month = months(o["day"])
        orders[(month, o["customer_id"])] += 1
        first[o["customer_id"]] = min(first.get(o["customer_id"], month), month)
    rows = []
    for month in {month for month, _ in orders}:
        here = {customer: number for (m, customer), number in orders.items() if m == month}
        again = sum(number >= 2 for number in here.values())
        returning = sum(first[customer] < month for customer in here)
        rows.append((shop, month, len(here), again, returning,
                     rate_of(again, len(here)) if month < this_month else None))
    return rows


if __name__ == "__main__":
    main(sys.argv[1])
