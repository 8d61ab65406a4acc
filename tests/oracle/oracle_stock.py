"""Stock: times out of stock, lost demand, demand by day, service and what to reorder, product by product.

python oracle_stock.py EXPORT_DIR
"""

import math
import sys
from collections import defaultdict
from datetime import datetime, time, timedelta
from decimal import Decimal
from statistics import NormalDist, stdev

from common import rate_of
from ledger import Ledger, in_order, places, table

TELLS = {"received", "returned", "adjusted", "transferred", "counted"}
DAY = 86400


def main():
    ledger = Ledger(sys.argv[1])
    moves = defaultdict(list)
    for m in ledger.rows("marts.stock_movements"):
        moves[(m["shop"], m["sku"], m["location"])].append(m)
    events = ledger.rows("events.inventory")
    promised = defaultdict(list)
    for e in events:
        if e["type"] in ("inventory.reserved", "inventory.released"):
            sign = 1 if e["type"] == "inventory.reserved" else -1
            promised[(e["shop"], e["sku"], e["location"] or "default")].append((e["event_time"], sign * e["quantity"]))
    known, states = {}, {}
    for key, found in moves.items():
        found.sort(key=lambda m: m["movement"])
        first = next((m["moved_at"] for m in found if m["kind"] in TELLS), None)
        if first is None:
            continue
        known[key] = first
        times = sorted({m["moved_at"] for m in found} | {at for at, _ in promised[key]})
        states[key] = [(at, available(found, promised[key], at)) for at in times if at >= first]
    outs = {key: runs(told) for key, told in states.items()}
    lost = lost_demand(ledger, outs, states)
    ledger.compare("stockout_intervals", {
        key + (start,): (end,) + lost.get(key + (start,), (0, Decimal(0)))
        for key, found in outs.items() for start, end in found}, {
        (r["shop"], r["sku"], r["location"], r["from_time"]): (r["to_time"], r["lost_views"], r["lost_units"])
        for r in ledger.rows("marts.stockout_intervals")})
    demand = demand_by_day(ledger, moves, known, outs)
    ledger.compare("demand_daily", demand, {
        (r["shop"], r["sku"], r["location"], r["day"]): (
            r["units"], r["units_supplied"], r["lines"], r["lines_supplied"], r["out_seconds"], r["was_out"],
            r["was_in_stock"]) for r in ledger.rows("marts.demand_daily")})
    service(ledger, known, outs, demand)
    reorder(ledger, events, known, states, demand)
    ledger.finish()


def available(found, promised, at):
    held = max(sum((amount for when, amount in promised if when <= at), Decimal(0)), Decimal(0))
    return [m["on_hand"] for m in found if m["moved_at"] <= at][-1:] and (
        [m["on_hand"] for m in found if m["moved_at"] <= at][-1] - held)


def runs(told):
    found, since = [], None
    for at, left in told:
        if left <= 0 and since is None:
            since = at
        elif left > 0 and since is not None:
            found.append((since, at))
            since = None
    return found + ([(since, None)] if since else [])


def lost_demand(ledger, outs, states):
    lost = {}
    of_product = defaultdict(list)
    for key in states:
        of_product[key[:2]].append(key)
    for e in ledger.rows("events.storefront", "type in ('storefront.view_item', 'storefront.add_to_cart')"):
        items = [(e["sku"], e["quantity"])] if e["sku"] else [(i["sku"], i["quantity"]) for i in e["items"] or []]
        for sku, quantity in items:
            at, open_ = e["event_time"], []
            keys = [key for key in of_product.get((e["shop"], sku), []) if states[key][0][0] <= at]
            for key in keys:
                open_ += [(start, key[2], key) for start, end in outs[key] if start <= at and (end is None or at < end)]
            if not keys or len(open_) < len(keys):
                continue
            start, _, key = max(open_)
            views, units = lost.get(key + (start,), (0, Decimal(0)))
            if e["type"].endswith("view_item"):
                views += 1
            else:
                units += quantity if quantity is not None else 1
            lost[key + (start,)] = (views, units)
    return lost


def demand_by_day(ledger, moves, known, outs):
    days = {}
    for key, found in moves.items():
        for m in found:
            if m["kind"] == "sold" and m["quantity"] < 0:
                asked, before = -m["quantity"], m["on_hand"] - m["quantity"]
                d = days.setdefault(key + (ledger.day(key[0], m["moved_at"]),), [Decimal(0), None, 0, None, 0, False])
                d[0] += asked
                d[2] += 1
                if key in known and m["moved_at"] >= known[key]:
                    d[1] = (d[1] or 0) + min(asked, max(before, 0))
                    d[3] = (d[3] or 0) + (before >= asked)
    for key, found in outs.items():
        for start, end in found:
            begins, ends = ledger.local(key[0], start), ledger.local(key[0], end or ledger.as_of)
            day = begins.date()
            while day <= ends.date():
                midnight = datetime.combine(day, time())
                seconds = (math.floor(min(ends, midnight + timedelta(days=1)).timestamp())
                           - math.floor(max(begins, midnight).timestamp()))
                if ends > midnight or end is None or begins >= midnight:
                    d = days.setdefault(key + (day,), [Decimal(0), Decimal(0), 0, 0, 0, False])
                    d[4] += max(seconds, 0)
                    d[5] = True
                day += timedelta(days=1)
    expected = {}
    for key, d in days.items():
        whole = (not d[5] and key[:3] in known and ledger.day(key[0], known[key[:3]]) < key[3]
                 and key[3] < ledger.day(key[0], ledger.as_of))
        expected[key] = (*d[:4], min(d[4], DAY), d[5], whole)
    return expected


def service(ledger, known, outs, demand):
    expected = {}
    places_of = defaultdict(list)
    for key, first in known.items():
        places_of[(key[0], key[2])].append((key, ledger.local(key[0], first)))
    by_day = defaultdict(list)
    for key, d in demand.items():
        by_day[(key[0], key[2], key[3])].append(d)
    for (shop, location), found in places_of.items():
        now, day = ledger.local(shop, ledger.as_of), min(first for _, first in found).date()
        while day <= now.date():
            midnight = datetime.combine(day, time())
            end = min(math.floor(now.timestamp()), math.floor((midnight + timedelta(days=1)).timestamp()))
            begun = [first for _, first in found if first.date() <= day]
            seconds = sum(end - math.floor(max(first, midnight).timestamp()) for first in begun)
            told = by_day[(shop, location, day)]
            out = sum(d[4] for d in told)
            asked = sum((d[0] for d in told if d[1] is not None), Decimal(0))
            given = sum((d[1] for d in told if d[1] is not None), Decimal(0))
            expected[(shop, location, day)] = (
                len(begun), seconds, out, asked, given, rate_of(out, seconds), rate_of(given, asked))
            day += timedelta(days=1)
    ledger.compare("stock_service_daily", expected, {
        (r["shop"], r["location"], r["day"]): (
            r["products"], r["known_seconds"], r["out_seconds"], r["units"], r["units_supplied"], r["stockout_rate"],
            r["unit_fill_rate"]) for r in ledger.rows("marts.stock_service_daily")})


def reorder(ledger, events, known, states, demand):
    policy = table("reorder_policy")
    newest, of_supplier, orders = defaultdict(dict), {}, {}
    for e in in_order(events):
        if e["sku"]:
            told = newest[(e["shop"], e["sku"])]
            for field in ("supplier", "min_order_qty", "unit_cost", "reorder_point"):
                if e[field] is not None:
                    told[field] = e[field]
            if e["pack_size"]:
                told["pack_size"] = e["pack_size"]
            if e["type"] == "product.upserted" and e["lead_time_days"] is not None:
                told["lead"] = e["lead_time_days"]
        if e["type"] == "supplier.upserted" and e["lead_time_days"] is not None:
            of_supplier[(e["shop"], e["supplier"])] = e["lead_time_days"]
        kind = e["type"].partition("purchase_order.")[2]
        if kind and e["sku"]:
            o = orders.setdefault((e["shop"], e["sku"], e["location"] or "default", e["purchase_order_id"]),
                                  {"open": Decimal(0), "eta": None, "supplier": None})
            o["open"] += e["quantity"] if kind == "placed" else -e["quantity"]
            o.setdefault(kind, e["event_time"])
            o["supplier"] = max(filter(None, (o["supplier"], e["supplier"])), default=None)
            if kind == "placed" and e["eta"]:
                o["eta"] = max(filter(None, (o["eta"], e["eta"])))
    took, supplier_took = defaultdict(list), defaultdict(list)
    for key, o in orders.items():
        if key[3] and "placed" in o and "received" in o and o["received"] >= o["placed"]:
            days = (o["received"] - o["placed"]).total_seconds() / DAY
            took[key[:3]].append(days)
            if o["supplier"]:
                supplier_took[(key[0], o["supplier"])].append(days)
    expected = {}
    for key, first in known.items():
        told, currency = newest[key[:2]], ledger.currency(key[0])
        rule = max((r for r in policy if r["currency"] in ("*", currency)), key=lambda r: r["currency"] != "*")
        seen = next((s for s in (took[key], supplier_took[(key[0], told.get("supplier"))]) if len(s) >= 3), None)
        stated = told.get("lead", of_supplier.get((key[0], told.get("supplier")), None))
        lead = sum(seen) / len(seen) if seen else float(stated if stated is not None else rule["lead_time_days"])
        spread = stdev(seen) if seen else 0.0
        limit = ledger.as_of + timedelta(days=lead)
        coming = sum(max(o["open"], 0) for k, o in orders.items() if k[:3] == key and "placed" in o
                     and (o["eta"] is None or o["eta"] <= limit or (seen is None and stated is None)))
        today, sold = ledger.day(key[0], ledger.as_of), []
        day = max(today - timedelta(days=90), ledger.day(key[0], first) + timedelta(days=1))
        while day < today:
            d = demand.get(key + (day,))
            if d is None or d[6]:
                sold.append(float(d[0]) if d else 0.0)
            day += timedelta(days=1)
        left = states[key][-1][1]
        position = left + coming
        mean = sum(sold) / len(sold) if len(sold) >= 14 else None
        point, safety = told.get("reorder_point"), None
        if mean is not None:
            z = NormalDist().inv_cdf(float(rule["service_level"]))
            safety = z * math.sqrt(lead * stdev(sold) ** 2 + mean**2 * spread**2)
            point = point if point is not None else Decimal(mean * lead + safety)
        is_due = point is not None and position <= places(point, 4) and (mean or 0) > 0
        eoq = None
        if mean and told.get("unit_cost") and rule["order_cost"]:
            eoq = math.sqrt(2 * mean * 365 * float(rule["order_cost"])
                            / (float(told["unit_cost"]) * float(rule["holding_rate"])))
        quantity = None if point is None else 0
        if is_due:
            pack = told.get("pack_size", 1)
            wanted = max(eoq or 0, float(point - position), float(told.get("min_order_qty", 0)))
            quantity = math.ceil(wanted / float(pack) - 1e-7) * pack
        expected[key] = (len(sold), left, coming, near(mean), near(lead), near(safety), near(point), near(eoq), is_due,
                         quantity)
    ledger.compare("reorder", expected, {
        (r["shop"], r["sku"], r["location"]): (
            r["in_stock_days"], r["available"], r["on_order"], near(r["demand_per_day"]), near(r["lead_time_days"]),
            near(r["safety_stock"]), near(r["reorder_point"]), near(r["eoq"]), r["is_due"], r["suggested_quantity"])
        for r in ledger.rows("marts.reorder")})


class Near:
    """A statistic: doubles on both sides and rounding in between, so they agree to two thousandths."""

    def __init__(self, value):
        self.value = float(value)

    def __eq__(self, other):
        return isinstance(other, Near) and abs(self.value - other.value) <= 0.002

    def __repr__(self):
        return f"{self.value:.4f}"


def near(value):
    return None if value is None else Near(value)


if __name__ == "__main__":
    main()
