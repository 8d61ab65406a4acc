"""Reads one Delta table with three engines that are not ours and prints what each found, as JSON.

    python read.py TABLE_DIRECTORY COLUMN_OF_DECIMALS

Rows, distinct (source, event_id) and the exact sum of a decimal column must agree between all of them and with Mizan.
"""

import json
import os
import sys
from decimal import Decimal

table, column = sys.argv[1], sys.argv[2]
found = {}

import deltalake

delta = deltalake.DeltaTable(table)
arrow = delta.to_pyarrow_table() if hasattr(delta, "to_pyarrow_table") else delta.to_pyarrow_dataset().to_table()
identities = {(row["source"], row["event_id"]) for row in arrow.select(["source", "event_id"]).to_pylist()}
amounts = [value for value in arrow.column(column).to_pylist() if value is not None]
found["deltalake"] = {"rows": arrow.num_rows, "identities": len(identities), "sum": str(sum(amounts, Decimal(0)))}

import polars

frame = polars.read_delta(table)
total = frame.get_column(column).drop_nulls().to_list()
found["polars"] = {
    "rows": frame.height,
    "identities": frame.select(["source", "event_id"]).unique().height,
    "sum": str(sum(total, Decimal(0))),
}

import chdb

# It reads nothing outside the folder that it runs in.
os.chdir(table)
answer = chdb.query(
    f"SELECT count() AS rows, uniqExact(source, event_id) AS identities, toString(sum({column})) AS sum "
    f"FROM deltaLakeLocal('{table}')",
    "JSONEachRow",
)
row = json.loads(str(answer).strip())
found["clickhouse"] = {"rows": int(row["rows"]), "identities": int(row["identities"]), "sum": row["sum"] or "0"}

for engine in found.values():
    engine["sum"] = format(Decimal(engine["sum"]).normalize(), "f")
print(json.dumps(found))
