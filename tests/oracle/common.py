"""What the oracles share: the exports as rows of Python, the shop's clock, and a comparison that shows what differs.

An export folder holds events.orders.parquet, marts.NAME.parquet and so on, settings.shops.parquet and
settings.fx_rates.parquet where there are any, and as_of.txt with the moment that the run took for now.
"""

import sys
from collections import Counter
from datetime import datetime, timezone
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
# ISO 4217; every other currency has two.
DECIMALS = {
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0),
}
ZERO = Decimal(0)


def rounded(value, places, how=ROUND_HALF_UP):
    return None if value is None else value.quantize(Decimal(1).scaleb(-places), rounding=how)


def to_base(amount, rate, currency, base):
    """An amount in the base currency, rounded once; itself where nothing is converted."""
    if currency == base:
        return amount
    if rate is None:
        return None
    return rounded(amount * rate, DECIMALS.get(base, 2), ROUND_HALF_EVEN)


def rate_of(count, of, places=6):
    return None if not of else rounded(Decimal(count) / Decimal(of), places)


class Exports:
    """The exports of one run in a folder, the shops' currencies and clocks, and how many comparisons failed."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.duck = duckdb.connect()
        self.told_as_of = (self.folder / "as_of.txt").read_text().strip()
        self.shops = {}
        if self.has("settings.shops"):
            for row in self.found(f"select shop, currency, timezone from {self.file('settings.shops')}"):
                self.shops[row["shop"]] = (row["currency"], ZoneInfo(row["timezone"]))
        self.faults = 0

    def file(self, table):
        return f"'{self.folder / f'{table}.parquet'}'"

    def found(self, query):
        """Rows as dictionaries."""
        found = self.duck.execute(query)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row)) for row in found.fetchall()]

    def currency(self, shop):
        return self.shops.get(shop, ("SAR", None))[0]

    def zone(self, shop):
        return self.shops.get(shop, (None, ZoneInfo("Asia/Riyadh")))[1]

    def finish(self):
        sys.exit(1 if self.faults else 0)

    def has(self, table):
        return (self.folder / f"{table}.parquet").exists()


class Export(Exports):
    """The same with times as microseconds since 1970, and rows compared as bags."""

    def __init__(self, folder):
        super().__init__(folder)
        self.as_of = moment(self.told_as_of)

    def rows(self, query, *tables):
        """Rows as dictionaries; {} stands for a table's file."""
        return self.found(query.format(*map(self.file, tables)))

    def table(self, table, *columns):
        """These columns of a table; `name:us` is a time as microseconds."""
        chosen = ", ".join(f"epoch_us({c[:-3]}) as {c[:-3]}" if c.endswith(":us") else c for c in columns)
        return self.rows(f"select {chosen} from {{}}", table)

    def day(self, shop, us):
        return datetime.fromtimestamp(us / 1_000_000, timezone.utc).astimezone(self.zone(shop)).date()

    def compare(self, what, expected, found):
        """Both are lists of tuples; the order does not matter, how often a row stands does."""
        missing, surplus = Counter(expected), Counter(found)
        missing, surplus = missing - surplus, surplus - missing
        if not missing and not surplus:
            print(f"same: {what}, {len(found)} rows")
            return
        self.faults += 1
        print(f"DIFFERENT: {what}: {sum(missing.values())} rows expected, {sum(surplus.values())} found instead")
        for row in sorted(missing, key=str)[:5]:
            print("  expected", shown(row))
        for row in sorted(surplus, key=str)[:5]:
            print("  found   ", shown(row))


def shown(row):
    return ", ".join(str(value) for value in row)


def moment(text):
    """Microseconds since 1970 of a time such as 2026-03-01T10:00:00Z."""
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1_000_000)


def newest_tellings(export):
    """By (shop, order): the first time it was told, and the newest telling, an edit before what it edits."""
    told = {}
    for row in export.rows(
        "select shop, order_id, source, event_id, epoch_us(event_time) as at, type = 'order.edited' as edited, "
        "lines, currency, discount, tax, shipping, total from {} where type in ('order.placed', 'order.edited')",
        "events.orders",
    ):
        key = (row["shop"], row["order_id"])
        rank = (row["at"], row["edited"], row["source"], row["event_id"])
        first, best, newest = told.get(key, (row["at"], None, None))
        if best is None or rank > best:
            best, newest = rank, row
        told[key] = (min(first, row["at"]), best, newest)
    return {key: (first, newest) for key, (first, _, newest) in told.items()}


class Payment:
    """Which orders were paid, and which were never sold."""

    def __init__(self, export):
        orders = export.table("events.orders", "shop", "order_id", "type")
        payments = export.table("events.payments", "shop", "order_id", "type", "amount") if export.has("events.payments") else []
        self.tells = {r["shop"] for r in payments} | {r["shop"] for r in orders if r["type"] == "order.paid"}
        self.said_paid = {(r["shop"], r["order_id"]) for r in orders if r["type"] == "order.paid"}
        self.cancelled = {(r["shop"], r["order_id"]) for r in orders if r["type"] == "order.cancelled"}
        self.captured = Counter()
        self.has_capture = set()
        for r in payments:
            if r["type"] == "payment.captured" and r["order_id"] is not None:
                self.has_capture.add((r["shop"], r["order_id"]))
                self.captured[(r["shop"], r["order_id"])] += r["amount"] or 0

    def is_sale(self, key, lines):
        unpaid = key not in self.said_paid and key not in self.has_capture
        return bool(lines) and not (key in self.cancelled and unpaid)

    def is_paid(self, key, lines):
        return self.is_sale(key, lines) and (
            key in self.said_paid or self.captured[key] > 0 or key[0] not in self.tells
        )
