"""Measures the way from packets to star tables, and the whole line, each in the same run as what it is held against.

star.py --host HOST --totesys TOTESYS --plugins DIR --readers PYTHON --out DIR [--rows 1000000] [--rounds 5] [--large]

Starts a PostgreSQL of its own. READERS is a Python with DuckDB and its scanner of Postgres. Prints a table of ratios and
writes DIR/star.json. A ratio is the median of the paired rounds' ratios; below 1 we are faster. With --large also ten times
the rows, a dimension of 5,000,000 keys, and thousands of small packets.
"""

import argparse
import itertools
import json
import pathlib
import shutil
import subprocess
import sys
import os

from bench import DUCKDB_WAYS, duckdb_copy
from ingest import Server, median_ratio, run

# The same columns of the star table, made by DuckDB's scanner of Postgres. Texts become dates, as in ours.
SCANNER = """
    LOAD postgres_scanner; SET threads = 2; SET preserve_insertion_order = false;
    ATTACH '{url}' AS source (TYPE postgres, READ_ONLY);
    COPY (
        SELECT sales_order_id,
            created_at::DATE AS created_date, created_at::TIME AS created_time,
            last_updated::DATE AS last_updated_date, last_updated::TIME AS last_updated_time,
            staff_id AS sales_staff_id, counterparty_id, units_sold, unit_price, currency_id, design_id,
            agreed_payment_date::DATE AS agreed_payment_date, agreed_delivery_date::DATE AS agreed_delivery_date,
            agreed_delivery_location_id
        FROM source.public.sales_order
    ) TO '{target}' (FORMAT parquet, COMPRESSION zstd)
"""

SCANNER_PROGRAM = """
import duckdb, sys
from duckdb_extensions import import_extension
connection = duckdb.connect()
import_extension("postgres_scanner", con=connection)
connection.execute(sys.argv[1])
"""

# Prints what the statement took: what Python takes to start is not DuckDB's.
DUCKDB_PROGRAM = """
import duckdb, sys, time
connection = duckdb.connect()
connection.execute(sys.argv[1])
started = time.perf_counter()
connection.execute(sys.argv[2])
print(time.perf_counter() - started)
"""

# Tables of Delta Lake have no times of day: in them a time is text. With text DuckDB writes the same columns as we do.
TIMES = {"": "TIME", ", times as text": "TIME::VARCHAR"}


class Bench:
    """The lake, the plugins and what was measured."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.out = pathlib.Path(arguments.out).resolve()
        self.lake = self.out / "star-lake"
        self.plugins = pathlib.Path(arguments.plugins).resolve()
        self.results = []

    def note(self, name, value, bound, detail):
        """Notes a figure and prints it."""
        self.results.append({"name": name, "value": value, "bound": bound, "detail": detail})
        print(f"{name:60} {value:8.3f}  bound {bound}  {detail}", flush=True)

    def host(self, *command, url=None, plugins=None):
        """Runs the host: its wall seconds, its processor seconds, its peak memory in MiB."""
        environment = {
            "HOST_LAKE_RAW": f"file:{self.lake}/raw",
            "HOST_LAKE_STAR": f"file:{self.lake}/star",
            "HOST_CHECKPOINTS_URL": f"file:{self.lake}/checkpoints",
            "HOST_PLUGINS_PATH": str(plugins or self.plugins),
            "HOST_LOG": "error",
        }
        if url:
            environment["HOST_SOURCE_URL"] = url
        return run([self.arguments.host, *command], environment)

    def some_plugins(self, *names):
        """A folder with these plugins alone."""
        folder = self.out / ("plugins-" + "-".join(names))
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in names:
            shutil.copy(self.plugins / f"{name}.wasm", folder)
        return folder

    def fresh(self, *parts):
        """Removes the lake, or parts of it."""
        for part in parts or ["raw", "star", "checkpoints"]:
            shutil.rmtree(self.lake / part, ignore_errors=True)
        os.sync()

    def orders(self, server):
        """Sales orders from Postgres to star Parquet, and from the lake."""
        rows, rounds = self.arguments.rows, self.arguments.rounds
        url = server.load_orders("orders", rows)
        plugins = self.some_plugins("fact_sales_order", "dim_date")
        target = self.out / "scanner.parquet"
        pairs, ours, theirs = [], [], []
        self.host("status", url=url, plugins=plugins)
        for _ in range(rounds):
            self.fresh()
            ours.append(self.host("sync", url=url, plugins=plugins)[0])
            target.unlink(missing_ok=True)
            os.sync()
            program = [self.arguments.readers, "-c", SCANNER_PROGRAM, SCANNER.format(url=url, target=target)]
            theirs.append(run(program)[0])
            pairs.append((ours[-1], theirs[-1]))
        self.note("Postgres to star Parquet / DuckDB's postgres_scanner", median_ratio(pairs), 2.5,
                  f"{min(ours):.2f} s / {min(theirs):.2f} s, {rows:,} rows, a durable raw packet besides")

        lines = next((self.lake / "raw/sales_order").glob("2*/*/*/*.jsonl"))
        for (way, (keep_order, record_id)), (times, time) in itertools.product(DUCKDB_WAYS.items(), TIMES.items()):
            pairs, ours, theirs = [], [], []
            for _ in range(rounds):
                self.fresh("star")
                ours.append(self.host("process", plugins=plugins)[0])
                target.unlink(missing_ok=True)
                os.sync()
                settings = f"SET threads = 2; SET preserve_insertion_order = {keep_order}"
                program = [sys.executable, "-c", DUCKDB_PROGRAM, settings, duckdb_copy(lines, target, record_id, time)]
                theirs.append(float(subprocess.run(program, check=True, capture_output=True, text=True).stdout))
                pairs.append((ours[-1], theirs[-1]))
            self.note(f"host process / DuckDB, {way}{times}", median_ratio(pairs), 0.8,
                      f"{min(ours):.2f} s / {min(theirs):.2f} s, {rows:,} lines")

    def unchanged(self, server):
        """A sync with one changed row in one of eleven tables, and one with none."""
        url = server.database("everything")
        subprocess.run([self.arguments.totesys, "--postgres", url, "--orders", str(self.arguments.rows)], check=True,
                       stdout=subprocess.DEVNULL)
        server.sql("VACUUM ANALYZE", url)
        self.fresh()
        self.host("sync", url=url)
        for table, column in [("sales_order", "staff_id"), ("design", "file_name"), ("staff", "last_name")]:
            pairs, changed, unchanged = [], [], []
            for _ in range(self.arguments.rounds):
                self.host("sync", url=url)
                unchanged.append(self.host("sync", url=url)[0])
                value = f"1 + {column} % 3" if column == "staff_id" else f"{column} || 'x'"
                server.sql(f"UPDATE {table} SET {column} = {value} WHERE {table}_id = 7", url)
                changed.append(self.host("sync", url=url)[0])
                pairs.append((changed[-1], unchanged[-1]))
            self.note(f"sync with a changed row of {table} / with none", median_ratio(pairs), 3,
                      f"{min(changed):.2f} s / {min(unchanged):.2f} s")

    def growth(self, server):
        """Ten times the rows: memory of the process."""
        rows = self.arguments.rows * 10
        url = server.load_orders("many", rows)
        plugins = self.some_plugins("fact_sales_order", "dim_date")
        self.fresh()
        self.host("ingest", url=url, plugins=plugins)
        seconds, _, memory = self.host("process", plugins=plugins)
        self.note("MiB of host process", memory, 256, f"{rows:,} rows in {seconds:.1f} s")

    def dimension(self):
        """A large dimension, and ten rows of it that change."""
        keys = self.arguments.rows * 5
        source = self.out / "designs"
        shutil.rmtree(source, ignore_errors=True)
        source.mkdir()
        self.fresh()

        def write(changed):
            with open(source / "design.jsonl", "w", encoding="utf-8") as file:
                for key in range(1, keys + 1):
                    name = "changed" if key in changed else "Oak"
                    file.write(f'{{"design_id":{key},"created_at":"2022-11-03T14:20:49.962","design_name":"{name}",'
                               f'"file_location":"/usr/share/{key % 977}","file_name":"oak-{key:08}.json",'
                               f'"last_updated":"2022-11-03T14:20:49.962"}}\n')

        plugins = self.some_plugins("dim_design")
        write(set())
        self.host("ingest", url=f"dir:{source}", plugins=plugins)
        seconds, _, memory = self.host("process", plugins=plugins)
        folder = self.lake / "star/dim_design"
        before = {path.name: path.stat().st_size for path in folder.glob("*.parquet")}
        write({key * (keys // 11) for key in range(1, 11)})
        self.host("ingest", url=f"dir:{source}", plugins=plugins)
        again, _, _ = self.host("process", plugins=plugins)
        written = sum(path.stat().st_size for path in folder.glob("*.parquet") if path.name not in before)
        self.note("share of a dimension's bytes that ten changed rows rewrite", written / sum(before.values()), 0.02,
                  f"{keys:,} keys in {len(before):,} files: {seconds:.1f} s, {memory:.0f} MiB; the change {again:.2f} s")


def main():
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", required=True)
    parser.add_argument("--totesys", required=True)
    parser.add_argument("--plugins", required=True)
    parser.add_argument("--readers", required=True, help="a Python with DuckDB's scanner of Postgres")
    parser.add_argument("--out", required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", action="store_true")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    bench.out.mkdir(parents=True, exist_ok=True)
    server = Server(arguments.totesys)
    try:
        bench.orders(server)
        bench.unchanged(server)
        if arguments.large:
            bench.growth(server)
            bench.dimension()
    finally:
        server.stop()
    path = bench.out / "star.json"
    path.write_text(json.dumps(bench.results, indent=2) + "\n")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
