"""Turns one NDJSON file of storefront events into the stored table of each engine, and prints a table.

    python3 bench/ingest.py EVENTS.ndjson --mizan target/dist/mizan

Each run is a process of its own, so that its peak memory is its own. See bench/README.md.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENGINES = ["duckdb", "polars", "clickhouse", "mizan"]
NAMES = {"duckdb": "DuckDB (Parquet)", "polars": "Polars (Parquet)", "clickhouse": "ClickHouse (MergeTree)", "mizan": "Mizan"}
TEXT = [
    "session_id", "visitor_id", "customer_id", "cart_id", "sku", "currency", "page_url", "referrer", "utm_source",
    "utm_medium", "utm_campaign", "device", "country", "language",
]
NUMBERS = ["quantity", "unit_price", "value"]


def duckdb_load(source, folder, threads):
    import duckdb

    kinds = ", ".join([f"{name} VARCHAR" for name in TEXT] + [f"{name} DECIMAL(18,4)" for name in NUMBERS])
    con = duckdb.connect()
    con.execute(f"SET threads = {threads}; SET preserve_insertion_order = false")
    con.execute(f"""
        COPY (
            SELECT id, source, type, "time", shop, unnest(data)
            FROM read_json('{source}', format = 'newline_delimited', columns = {{
                id: 'VARCHAR', source: 'VARCHAR', type: 'VARCHAR', "time": 'TIMESTAMPTZ', shop: 'VARCHAR',
                data: 'STRUCT({kinds})'}})
        ) TO '{folder}/events.parquet' (FORMAT parquet, COMPRESSION zstd)""")
    return con.execute(f"SELECT count(*) FROM '{folder}/events.parquet'").fetchone()[0]


def polars_load(source, folder, threads):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars as pl

    fields = [pl.Field(name, pl.String) for name in TEXT + NUMBERS]
    schema = {name: pl.String for name in ["id", "source", "type", "time", "shop"]} | {"data": pl.Struct(fields)}
    target = f"{folder}/events.parquet"
    (
        pl.scan_ndjson(source, schema=schema)
        .unnest("data")
        .with_columns(
            pl.col("time").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us").dt.replace_time_zone("UTC"),
            pl.col(NUMBERS).cast(pl.Decimal(18, 4)),
        )
        .sink_parquet(target, compression="zstd")
    )
    return pl.scan_parquet(target).select(pl.len()).collect().item()


def clickhouse_load(source, folder, threads):
    from chdb import session

    low = {"currency", "referrer", "utm_source", "utm_medium", "utm_campaign", "device", "country", "language"}
    text = ", ".join(f"{name} {'LowCardinality(String)' if name in low else 'String'}" for name in TEXT)
    numbers = ", ".join(f"{name} Nullable(Decimal(18, 4))" for name in NUMBERS)
    tuple_of = ", ".join([f"{name} String" for name in TEXT] + [f"{name} Nullable(Decimal(18, 4))" for name in NUMBERS])
    flat = ", ".join(f"data.{name} AS {name}" for name in TEXT + NUMBERS)
    clickhouse = session.Session(f"{folder}/clickhouse")
    clickhouse.query("CREATE DATABASE bench ENGINE = Atomic")
    clickhouse.query(f"""
        CREATE TABLE bench.events (id String, source LowCardinality(String), type LowCardinality(String),
            time DateTime64(6, 'UTC'), shop LowCardinality(String), {text}, {numbers})
        ENGINE = MergeTree PARTITION BY toDate(time) ORDER BY (type, time)""")
    clickhouse.query(f"""
        INSERT INTO bench.events SELECT id, source, type, time, shop, {flat}
        FROM file('{source}', 'JSONEachRow',
            'id String, source String, type String, time DateTime64(6, \\'UTC\\'), shop String, data Tuple({tuple_of})')
        SETTINGS max_threads = {threads}, max_insert_threads = {threads}, date_time_input_format = 'best_effort'""")
    rows = int(str(clickhouse.query("SELECT count() FROM bench.events", "CSV")).strip())
    size = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'bench'"
    # Merges leave their inputs on disk for a while: what counts is the parts that are in use.
    Path(folder, "stored_bytes").write_text(str(clickhouse.query(size, "CSV")).strip())
    return rows


LOADERS = {"duckdb": duckdb_load, "polars": polars_load, "clickhouse": clickhouse_load}


def in_process(engine, source, folder, threads):
    """The child's part for the engines that are Python packages: load, count, report."""
    begun = time.perf_counter()
    rows = LOADERS[engine](source, folder, threads)
    print(json.dumps({"rows": rows, "seconds": time.perf_counter() - begun}))


def stored_bytes(engine, folder):
    told = folder / "stored_bytes"
    if told.exists():
        return int(told.read_text())
    root = folder / "lake" if engine == "mizan" else folder
    if not root.exists():
        sys.exit(f"{root} is missing: did the layout of the data directory change?")
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def peak_of(process):
    """Waits for a child; gives its exit status and its own peak resident memory in bytes."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss * 1024


def run(engine, source, folder, threads, mizan):
    if engine == "mizan":
        command = [mizan, "import", source, "--data", str(folder), "--json"]
    else:
        command = [sys.executable, __file__, source, "--child", engine, "--folder", str(folder), "--threads", str(threads)]
    environment = os.environ | {"TOKIO_WORKER_THREADS": str(threads), "POLARS_MAX_THREADS": str(threads)}
    cores = sorted(os.sched_getaffinity(0))[:threads]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=out, stderr=err, env=environment, preexec_fn=lambda: os.sched_setaffinity(0, cores)
        )
        code, peak = peak_of(process)
        wall = time.perf_counter() - begun
        out.seek(0)
        err.seek(0)
        printed = out.read()
        if code != 0:
            sys.exit(f"{engine} failed with {code}:\n{printed}\n{err.read()[-3000:]}")
    if engine == "mizan":
        counted = subprocess.run(
            [mizan, "sql", "SELECT count(*) AS n FROM events.storefront", "--data", str(folder), "--format", "csv"],
            check=True, capture_output=True, text=True,
        )
        rows, seconds = int(counted.stdout.split()[-1]), wall
    else:
        told = json.loads(printed.splitlines()[-1])
        # Without the start of Python itself, which Mizan does not have.
        rows, seconds = told["rows"], told["seconds"]
    return {"rows": rows, "seconds": seconds, "peak": peak, "stored": stored_bytes(engine, folder)}


def table(results, lines, source):
    base = statistics.median(r["seconds"] for r in results.get("duckdb", []) or [{"seconds": float("nan")}])
    yield f"{lines:,} events, {os.path.getsize(source) / 1e9:.2f} GB of NDJSON"
    yield ""
    yield "| engine | seconds: least | median | most | events/s | time beside DuckDB | bytes an event | peak memory, MB |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for engine, runs in results.items():
        seconds = sorted(r["seconds"] for r in runs)
        median = statistics.median(seconds)
        yield (
            f"| {NAMES[engine]} | {seconds[0]:.1f} | {median:.1f} | {seconds[-1]:.1f} | {lines / median:,.0f} "
            f"| {median / base:.2f} | {runs[-1]['stored'] / lines:.1f} | {max(r['peak'] for r in runs) / 1e6:,.0f} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="NDJSON file of storefront events")
    parser.add_argument("--mizan", help="the program; without it only the peers run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--engines", default=",".join(ENGINES), help="which, in which order")
    parser.add_argument("--scratch", default=None, help="folder for the tables, on the disk to be measured")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    source = os.path.abspath(options.source)
    if options.child:
        return in_process(options.child, source, options.folder, options.threads)
    with open(source, "rb") as file:
        lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 22), b""))
    engines = [e for e in options.engines.split(",") if e != "mizan" or options.mizan]
    results = {engine: [] for engine in engines}
    # Rounds rather than blocks: a slow minute of the machine hits all engines alike.
    for number in range(1, options.runs + 1):
        for engine in engines:
            folder = Path(tempfile.mkdtemp(prefix=f"bench-{engine}-", dir=options.scratch))
            try:
                result = run(engine, source, folder, options.threads, options.mizan)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            print(f"run {number} {engine}: {result['seconds']:.1f} s", file=sys.stderr)
            if result["rows"] != lines:
                sys.exit(f"{engine} stored {result['rows']} rows of {lines}")
            results[engine].append(result)
    print("\n".join(table(results, lines, source)))


main()
