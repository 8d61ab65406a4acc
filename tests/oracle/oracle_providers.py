"""Provider cost: fees of charges, costs by day, lines by exact fractions, changes of price, and the what-if.

python oracle_providers.py EXPORT_DIR [TABLES_DIR]

TABLES_DIR holds a provider_terms.csv beside the built-in one, as a project's models/tables would.
"""

import math
import sys
from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from statistics import NormalDist

from ledger import Ledger, attempts_of, places, table

EURO = "AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK".split()
DECIMALS = {row["currency"]: int(row["exponent"]) for row in table("currencies")}


def main():
    ledger = Ledger(sys.argv[1])
    terms = table("provider_terms") + (table("provider_terms", Path(sys.argv[2])) if len(sys.argv) > 2 else [])
    attempts = attempts_of(ledger)
    charges = charges_of(ledger, terms, attempts)
    ledger.compare("payment_fees", {
        key: (c["day"], c["group"], c["amount"], c["fee"], c["expected"]) for key, c in charges.items()}, {
        (r["shop"], r["provider"], r["attempt_id"]): (
            r["day"], r["price_group"], r["amount"], r["fee"], r["expected_fee"])
        for r in ledger.rows("marts.payment_fees")})
    costs(ledger, attempts, charges)
    lines(ledger, charges)
    changes(ledger, charges)
    what_if(ledger, terms, attempts, charges)
    ledger.finish()


def cell_of(ledger, key, a):
    home, country = ledger.currency(key[0]), (a["country"] or "").upper()
    at_home = country == home[:2] or (home == "EUR" and country in EURO)
    return (a["method"] or "unknown", a["network"] or "unknown", a["funding"] or "unknown",
            "unknown" if not country else "domestic" if at_home else "foreign", a["currency"])


def terms_of(terms, shop, provider, cell, day):
    told = (shop, *cell)
    names = ("shop", "method", "network", "funding", "domestic", "currency")
    fitting = [
        t for t in terms if t["provider"] == provider and all(t[n] in ("*", v) for n, v in zip(names, told))
        and (not t["valid_from"] or date.fromisoformat(t["valid_from"]) <= day)
        and (not t["valid_to"] or date.fromisoformat(t["valid_to"]) >= day)]
    return max(fitting, key=lambda t: ([t[n] != "*" for n in names], t["valid_from"] or ""), default=None)


def fee_by(t, amount, currency):
    unit = Decimal(1).scaleb(-DECIMALS.get(currency, 2))
    number = {k: Decimal(t[k]) if t[k] else None for k in ("percent_bps", "fixed", "minimum", "maximum", "tax_percent")}
    fee = amount * (number["percent_bps"] or 0) / 10000 + (number["fixed"] or 0)
    if number["maximum"] is not None:
        fee = min(fee, number["maximum"])
    fee = max(fee, number["minimum"] or 0).quantize(unit, ROUND_HALF_UP)
    return fee + (fee * (number["tax_percent"] or 0) / 100).quantize(unit, ROUND_HALF_UP)


def charges_of(ledger, terms, attempts):
    settled = defaultdict(Decimal)
    for e in ledger.rows("events.payments", "type = 'payment.settled' and payment_id is not null and fee is not null"):
        settled[(e["shop"], e["provider"], e["payment_id"], e["attempt_id"] or "")] += e["fee"]
    taken = {key: a for key, a in attempts.items() if a["stage"] == "captured" and a["captured"] > 0}
    of_payment = defaultdict(int)
    for key, a in taken.items():
        of_payment[key[:2] + (a["payment_id"],)] += 1
    charges = {}
    for key, a in taken.items():
        fee, payment = a["fees"]["processing"], key[:2] + (a["payment_id"],)
        if fee is None:
            fee = settled.get(payment + (key[2],))
        if fee is None and of_payment[payment] == 1:
            fee = settled.get(payment + ("",))
        day, cell = ledger.day(key[0], a["captured_at"]), cell_of(ledger, key, a)
        t = terms_of(terms, key[0], key[1], cell, day)
        charges[key] = {
            "day": day, "cell": cell, "group": "/".join((key[1], *cell)), "amount": a["captured"], "fee": fee,
            "expected": fee_by(t, a["captured"], a["currency"]) if t else None, "attempt": a}
    return charges


def costs(ledger, attempts, charges):
    days = defaultdict(lambda: defaultdict(Decimal))
    orders = defaultdict(set)
    for key, a in attempts.items():
        d = days[(key[0], ledger.day(key[0], a["at"]), key[1], a["method"] or "unknown", a["currency"])]
        d["attempted"] += a["stage"] != "untold"
        if key not in charges:
            f = a["fees"]
            d["other"] += (f["processing"] or 0) - f["credit"] + f["refund"] + f["chargeback"]
    for key, c in charges.items():
        day = (key[0], c["day"], key[1], c["cell"][0], c["cell"][4])
        d, f = days[day], c["attempt"]["fees"]
        d["captured"] += 1
        d["amount"] += c["amount"]
        if c["fee"] is not None:
            d["settled"] += c["amount"]
            d["processing"] += c["fee"]
        d["credit"] += f["credit"]
        d["more"] += f["refund"] + f["chargeback"]
        orders[day].add(c["attempt"]["order_id"] or ("payment", c["attempt"]["payment_id"]))
    expected = {}
    for key, d in days.items():
        fees = d["processing"] - d["credit"]
        whole = fees + d["more"] + d["other"]
        count = len(orders[key])
        expected[key] = (int(d["attempted"]), int(d["captured"]), d["amount"], fees, whole, count,
                         places(fees * 10000 / d["settled"], 4) if d["settled"] else None,
                         places(whole / count, 4) if count else None)
    # Monthly fees are in the fixture; without them the rest must agree.
    ledger.compare("provider_costs", expected, {
        (r["shop"], r["day"], r["provider"], r["method"], r["currency"]): (
            r["attempted"], r["captured"], r["captured_amount"], r["fees"], r["all_in_fees"] - r["fixed_fees"],
            r["orders"], r["effective_fee_rate"],
            places((r["all_in_fees"] - r["fixed_fees"]) / r["orders"], 4) if r["orders"] else None)
        for r in ledger.rows("marts.provider_costs")})


def fit(points):
    """Slope, start and squared error of the best line, in exact fractions; None where amounts do not differ."""
    n, mean_x = len(points), sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / n
    sxx = sum((x - mean_x) ** 2 for x, _ in points)
    if not sxx:
        return None
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sxx
    start = mean_y - slope * mean_x
    return slope, start, sum((y - start - slope * x) ** 2 for x, y in points)


def lines(ledger, charges):
    groups = defaultdict(list)
    for key, c in charges.items():
        if c["fee"] is not None:
            groups[(key[0], c["day"].replace(day=1), c["group"])].append(
                (Fraction(c["amount"]), Fraction(c["fee"]), c["cell"][4]))
    expected = {}
    for key, found in groups.items():
        points = [(x, y) for x, y, _ in found]
        line = fit(points) if len(points) >= 3 else None
        if line is None:
            expected[key] = (len(points), None, None, None)
            continue
        unit = Fraction(1, 10 ** DECIMALS.get(found[0][2], 2))
        close = sum(abs(y - line[1] - line[0] * x) <= unit for x, y in points)
        expected[key] = (len(points), round(float(line[0] * 10000), 4), round(float(line[1]), 4),
                         round(close / len(points), 4))
    ledger.compare("fee_lines", expected, {
        (r["shop"], r["month"], r["price_group"]): (
            r["charges"], *(None if r[n] is None else round(float(r[n]), 4)
                            for n in ("percent_bps", "fixed", "explained_share")))
        for r in ledger.rows("marts.fee_lines")})


def changes(ledger, charges):
    groups = defaultdict(lambda: defaultdict(list))
    for key, c in charges.items():
        if c["fee"] is not None:
            groups[(key[0], c["group"], c["cell"][4])][c["day"]].append((Fraction(c["amount"]), Fraction(c["fee"])))
    expected, month = {}, timedelta(days=28)
    for (shop, group, currency), days in groups.items():
        unit, clear = Fraction(1, 10 ** DECIMALS.get(currency, 2)), {}
        for day in days:
            before = [p for d, ps in days.items() if day - month <= d < day for p in ps]
            after = [p for d, ps in days.items() if day <= d < day + month for p in ps]
            if len(before) < 8 or len(after) < 8:
                continue
            b, a, c = fit(before), fit(after), fit(before + after)
            if not (b and a and c):
                continue
            apart, n = b[2] + a[2], len(before) + len(after)
            mean = sum(x for x, _ in before + after) / n
            moved = abs(a[1] + a[0] * mean - b[1] - b[0] * mean)
            clear[day] = ((c[2] - apart) / 2 / max(apart / (n - 4), unit**2 / 12), moved, b, a)
        for day, (f, moved, b, a) in clear.items():
            rivals = [g for d, (g, *_) in clear.items() if d != day and abs((d - day).days) <= 28]
            if f >= 20 and moved >= unit and f >= max(rivals, default=0):
                found = (b[0] * 10000, b[1], a[0] * 10000, a[1])
                expected[(shop, group, day)] = tuple(round(float(v), 4) for v in found)
    ledger.compare("fee_changes", expected, {
        (r["shop"], r["price_group"], r["changed_on"]): tuple(
            round(float(r[n]), 4) for n in ("before_bps", "before_fixed", "after_bps", "after_fixed"))
        for r in ledger.rows("marts.fee_changes")})


def what_if(ledger, terms, attempts, charges):
    since = ledger.as_of - timedelta(days=90)
    cells, own = defaultdict(list), defaultdict(lambda: [0, 0])
    for key, a in attempts.items():
        if a["stage"] in ("pending", "untold") or not a["amount"] or a["amount"] <= 0 or a["off_network"]:
            continue
        if since < a["at"] <= ledger.as_of:
            cell = (key[0],) + cell_of(ledger, key, a)
            cells[cell].append(a["amount"])
            own[cell + (key[1],)][0] += 1
            own[cell + (key[1],)][1] += a["is_authorized"]
    seen = defaultdict(list)
    for key, c in charges.items():
        if c["fee"] is not None and since < c["attempt"]["captured_at"] <= ledger.as_of:
            seen[(key[0],) + c["cell"] + (key[1],)].append((Fraction(c["amount"]), Fraction(c["fee"])))
    table_ = {}
    for cell, amounts in cells.items():
        for provider in {k[-1] for k in own if k[0] == cell[0] and k[5] == cell[5]}:
            key, fees = cell + (provider,), None
            t = terms_of(terms, cell[0], provider, cell[1:], ledger.day(cell[0], ledger.as_of))
            asked = sum(amounts)
            if t:
                fees = float(sum(fee_by(t, amount, cell[5]) for amount in amounts))
            elif seen[key]:
                line = fit(seen[key]) if len(seen[key]) >= 3 else None
                fees = (float(line[0] * Fraction(asked) + line[1] * len(amounts)) if line else
                        float(sum(y for _, y in seen[key]) / sum(x for x, _ in seen[key]) * Fraction(asked)))
            table_[key] = (len(amounts), float(asked), *own.get(key, (0, 0)), fees)
    ledger.compare("provider_cells", {k: (v[0], round(v[1], 2), v[2], v[3], None if v[4] is None else round(v[4], 2))
                                      for k, v in table_.items()}, {
        (r["shop"], r["method"], r["network"], r["funding"], r["domestic"], r["currency"], r["provider"]): (
            r["attempts"], round(float(r["amount"]), 2), r["own_attempts"], r["own_approved"],
            None if r["fees"] is None else round(float(r["fees"]), 2)) for r in ledger.rows("marts.provider_cells")})
    expected = {}
    for scope in {(k[0], k[5], m) for k in table_ for m in (k[1], "all")}:
        inside = {k: v for k, v in table_.items()
                  if (k[0], k[5]) == scope[:2] and scope[2] in (k[1], "all")}
        providers = {k[-1] for k in inside if sum(v[2] for j, v in inside.items() if j[-1] == k[-1])}
        whole = sum(v[1] for k, v in inside.items() if k[-1] == min(providers))

        def is_known(cell, provider):
            v = inside[cell + (provider,)]
            return v[2] >= 30 and v[4] is not None

        names = {k[:-1] for k in inside}
        enough = {p for p in providers if sum(inside[c + (p,)][1] for c in names if is_known(c, p)) >= 0.8 * whole}
        shared = [c for c in names if enough and all(is_known(c, p) for p in enough)]
        asked = sum(inside[c + (next(iter(enough)),)][1] for c in shared) if enough else 0
        yields = {}
        for p in enough if asked >= 0.5 * whole else ():
            left = variance = 0.0
            for c in shared:
                _, amount, n, k, fees = inside[c + (p,)]
                left += k / n * (amount - fees)
                variance += (amount - fees) ** 2 * (k + 2) * (n - k + 2) / (n + 4) ** 3
            yields[p] = (left / asked, math.sqrt(variance) / asked)
        for p in providers:
            y = yields.get(p)
            rival = max((yields[q] for q in yields if q != p), default=None)
            sure = NormalDist().cdf((y[0] - rival[0]) / math.hypot(y[1], rival[1])) if y and rival else None
            expected[(*scope, p)] = (None if y is None else tuple(
                round(v, 4) for v in (y[0], y[0] - 1.959964 * y[1], y[0] + 1.959964 * y[1])),
                sure, bool(y and rival and y[0] > rival[0]))
    found = {
        (r["shop"], r["currency"], r["method"], r["provider"]): (
            None if r["net_yield"] is None else tuple(
                round(float(r[n]), 4) for n in ("net_yield", "net_yield_low", "net_yield_high")),
            None if r["sureness"] is None else float(r["sureness"]), r["is_best"])
        for r in ledger.rows("marts.provider_what_if")}
    # The mart has four decimals and an approximation of the normal distribution.
    for key, (of_yield, sure, is_best) in expected.items():
        told = found[key][1] if key in found else None
        if sure is not None and told is not None and abs(sure - told) < 0.0001:
            expected[key] = (of_yield, told, is_best)
    ledger.compare("provider_what_if", expected, found)


if __name__ == "__main__":
    main()
