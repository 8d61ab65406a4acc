"""Sales, products and base currency from the raw orders, in Python's decimal: `python oracle_sales.py EXPORT_DIR`.

What came back is taken from marts.returned_lines (which tie a return to its line); all else is computed from events.
"""

import sys
from collections import Counter, defaultdict
from decimal import Decimal
from statistics import median

from common import ZERO, Export, Payment, newest_tellings, rate_of, rounded, to_base


def lines_of(order):
    """The lines of an order with their shares of the order's discount, each step rounded to four places."""
    lines = order["lines"] or []
    worth = [
        rounded(l["quantity"] * (l["unit_price"] or ZERO), 4) - (l["discount"] or ZERO) for l in lines
    ]
    whole, so_far, discount = sum(worth, ZERO), ZERO, order["discount"] or ZERO
    made = []
    for place, (line, own) in enumerate(zip(lines, worth)):
        if whole == 0:
            share = discount if place == 0 else ZERO
        else:
            share = rounded(discount * (so_far + own) / whole, 4) - rounded(discount * so_far / whole, 4)
        so_far += own
        gross = rounded(line["quantity"] * (line["unit_price"] or ZERO), 4)
        made.append((line["sku"], line["quantity"], gross, (line["discount"] or ZERO) + share))
    return made


def rates(export):
    table = defaultdict(list)
    if export.has("settings.fx_rates"):
        for row in export.rows("select * from {}", "settings.fx_rates"):
            table[(row["from_currency"], row["to_currency"])].append((row["date"], row["rate"]))
    for known in table.values():
        known.sort()

    def rate(currency, base, day):
        if currency == base:
            return Decimal(1)
        before = [value for date, value in table[(currency, base)] if date <= day]
        return before[-1] if before else None

    return rate


def add(total, amount):
    """A sum that is unknown as soon as a part of it is."""
    return None if total is None or amount is None else total + amount


def main(folder):
    export = Export(folder)
    payment, rate = Payment(export), rates(export)
    told = newest_tellings(export)
    returned = export.table(
        "marts.returned_lines", "shop", "order_id", "sku", "returned_at:us", "quantity", "value", "tax", "currency"
    )
    heard = {}
    for r in export.table("events.orders", "shop", "order_id", "event_time:us", "type", "shipping", "currency"):
        key = (r["shop"], r["order_id"])
        heard[key] = min(heard.get(key, r["event_time"]), r["event_time"])
    back_of_order, base_back_of_order = Counter(), {}
    days = defaultdict(lambda: defaultdict(lambda: ZERO))
    products = defaultdict(lambda: defaultdict(lambda: ZERO))
    base_net = defaultdict(lambda: ZERO)
    counted, values = defaultdict(Counter), defaultdict(list)
    sold_products = defaultdict(set)

    def day_rate(key, currency):
        placed_at = told[key][0] if key in told else heard[key]
        base = export.currency(key[0])
        return base, rate(currency, base, export.day(key[0], placed_at))

    for r in returned:
        key = (r["shop"], r["order_id"])
        lines = told[key][1]["lines"] if key in told else None
        if key in payment.cancelled and not payment.is_sale(key, lines):
            continue
        base, fx = day_rate(key, r["currency"])
        at = (r["shop"], export.day(r["shop"], r["returned_at"]), r["currency"])
        days[at]["returned_units"] += r["quantity"]
        days[at]["returns"] += r["value"]
        days[at]["tax"] -= r["tax"]
        products[at[:2] + (r["sku"], at[2])]["returns"] += r["value"]
        converted = to_base(r["value"], fx, r["currency"], base)
        base_net[at] = add(base_net[at], None if converted is None else -converted)
        back_of_order[key] += r["value"]

    for key, (placed_at, order) in told.items():
        shop, currency = key[0], order["currency"]
        at = (shop, export.day(shop, placed_at), currency)
        if not payment.is_sale(key, order["lines"]):
            continue
        base, fx = day_rate(key, currency)
        gross = discounts = ZERO
        for sku, quantity, line_gross, discount in lines_of(order):
            product = products[at[:2] + (sku, currency)]
            product["units"] += quantity
            product["gross"] += line_gross
            product["discounts"] += discount
            sold_products[at[:2] + (sku, currency)].add(key)
            days[at]["units"] += quantity
            gross, discounts = gross + line_gross, discounts + discount
            base_net[at] = add(base_net[at], to_base(line_gross - discount, fx, currency, base))
        days[at]["gross"] += gross
        days[at]["discounts"] += discounts
        days[at]["returns_of_orders"] += back_of_order[key]
        counted[at]["orders"] += 1
        is_free = gross == discounts
        counted[at]["free"] += is_free
        if payment.is_paid(key, order["lines"]) and not is_free:
            values[at].append(gross - discounts - back_of_order[key])
    # What came back without a known order counts, in the cohort view, when it was first heard of.
    for key, value in back_of_order.items():
        if key not in told and value:
            currency = next(r["currency"] for r in returned if (r["shop"], r["order_id"]) == key)
            days[(key[0], export.day(key[0], heard[key]), currency)]["returns_of_orders"] += value

    expected = []
    for at in days.keys() | counted.keys():
        d, c, v = days[at], counted[at], values[at]
        expected.append(at + (
            c["orders"], d["units"], d["returned_units"], d["gross"], d["discounts"], d["returns"],
            d["gross"] - d["discounts"] - d["returns"], d["returns_of_orders"],
            len(v), c["free"], rounded(sum(v) / len(v), 4) if v else None, rounded(median(v), 4) if v else None,
            base_net[at],
        ))
    names = (
        "shop", "day", "currency", "orders", "units", "returned_units", "gross_sales", "discounts", "\"returns\"",
        "net_sales", "returns_of_orders", "paid_orders", "free_orders", "aov", "aov_median", "base_net_sales",
    )
    # A day on which only shipping was paid back has no sales to compare.
    found = [tuple(r.values()) for r in export.table("marts.sales_daily", *names)]
    found = [row for row in found if any(row[3:9]) or row[10]]
    export.compare("sales_daily", [row for row in expected if any(row[3:9]) or row[10]], found)

    expected = [
        at + (len(sold_products[at]), p["units"], p["gross"], p["discounts"], p["returns"],
              p["gross"] - p["discounts"] - p["returns"])
        for at, p in products.items()
    ]
    names = ("shop", "day", "sku", "currency", "orders", "units", "gross_sales", "discounts", "\"returns\"", "net_sales")
    export.compare("products_daily", expected, [tuple(r.values()) for r in export.table("marts.products_daily", *names)])

    # Products, orders and days have the same sum.
    sums = {
        mart: sorted(tuple(r.values()) for r in export.rows(
            f"select shop, currency, sum({net}) from {{}} group by all having sum({net}) <> 0", f"marts.{mart}"))
        for mart, net in (("order_lines", "net_sales"), ("orders", "net_sales"), ("sales_daily", "net_sales"),
                          ("products_daily", "net_sales"))
    }
    cohort = sorted(tuple(r.values()) for r in export.rows(
        "select shop, currency, sum(net_sales_of_orders) from {} group by all having sum(net_sales_of_orders) <> 0",
        "marts.sales_daily"))
    for mart in ("orders", "sales_daily", "products_daily"):
        export.compare(f"net sales of {mart} and of order_lines", sums["order_lines"], sums[mart])
    export.compare("net sales by the day of the order", sums["order_lines"], cohort)

    views, visitors, carts = Counter(), Counter(), Counter()
    seen = export.rows(
        "select shop, epoch_us(event_time) as at, type, coalesce('v ' || visitor_id, 's ' || session_id) as visitor, "
        "coalesce(cart_id, session_id, visitor_id) as cart, sku, items from {} "
        "where type in ('storefront.view_item', 'storefront.add_to_cart') order by event_time",
        "events.storefront",
    )
    filled, met = set(), set()
    for r in seen:
        for sku in [item["sku"] for item in r["items"] or []] or [r["sku"]]:
            at = (r["shop"], export.day(r["shop"], r["at"]), sku)
            if r["type"] == "storefront.view_item":
                views[at] += 1
                if (at, r["visitor"]) not in met:
                    met.add((at, r["visitor"]))
                    visitors[at] += 1
            elif (r["shop"], r["cart"], sku) not in filled:
                filled.add((r["shop"], r["cart"], sku))
                carts[at] += 1
    expected = [at + (views[at], visitors[at], carts[at]) for at in views.keys() | carts.keys()]
    names = ("shop", "day", "sku", "views", "visitors", "carts")
    found = [tuple(r.values()) for r in export.table("marts.product_interest_daily", *names)]
    export.compare("product_interest_daily", expected, found)

    of_product = defaultdict(Counter)
    for at, p in products.items():
        of_product[(at[0], at[2])].update(orders=len(sold_products[at]), units=p["units"])
    for (shop, _, sku), number in visitors.items():
        of_product[(shop, sku)]["visitors"] += number
    expected = [
        key + (c["orders"], Decimal(c["units"]), c["visitors"], rate_of(c["orders"], c["visitors"]))
        for key, c in of_product.items()
    ]
    found = [tuple(r.values()) for r in export.table("marts.products", "shop", "sku", "orders", "units", "visitors", "conversion")]
    with_carts = {(at[0], at[2]) for at in carts} - of_product.keys()
    expected += [key + (0, ZERO, 0, None) for key in with_carts]
    export.compare("products", expected, found)
    export.finish()


if __name__ == "__main__":
    main(sys.argv[1])
