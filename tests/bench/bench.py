"""Measures the plugin half against its peers, each in the same run as what it is held against.

bench.py --host HOST --totesys TOTESYS --plugins DIR --versions DIR --out DIR [--rows 1000000] [--rounds 5]

Prints a table of ratios and writes DIR/bench.json. A ratio is the median of the paired rounds' ratios; below 1 we are faster.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

COLUMNS = {
    "sales_order_id": "INTEGER",
    "created_at": "TIMESTAMP",
    "last_updated": "TIMESTAMP",
    "design_id": "INTEGER",
    "staff_id": "INTEGER",
    "counterparty_id": "INTEGER",
    "units_sold": "INTEGER",
    "unit_price": "DECIMAL(10, 2)",
    "currency_id": "INTEGER",
    "agreed_delivery_date": "DATE",
    "agreed_payment_date": "DATE",
    "agreed_delivery_location_id": "INTEGER",
}

# DuckDB's ways: with the same columns, and without the record ids, which lets it write the rows in any order: less work.
DUCKDB_WAYS = {
    "in order, with record ids": ("true", "(row_number() OVER ())::INTEGER AS sales_record_id,"),
    "out of order, without record ids": ("false", ""),
}


def duckdb_copy(source, target, record_id, time="TIME"):
    return f"""
        COPY (
            SELECT {record_id} sales_order_id,
                created_at::DATE AS created_date, created_at::{time} AS created_time,
                last_updated::DATE AS last_updated_date, last_updated::{time} AS last_updated_time,
                staff_id AS sales_staff_id, counterparty_id, units_sold, unit_price, currency_id, design_id,
                agreed_payment_date, agreed_delivery_date, agreed_delivery_location_id
            FROM read_json('{source}', format = 'newline_delimited', columns = {COLUMNS})
        ) TO '{target}' (FORMAT parquet, COMPRESSION zstd)
    """


def run_duckdb(source, target, threads, way):
    import duckdb

    keep_order, record_id = DUCKDB_WAYS[way]
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}; SET preserve_insertion_order = {keep_order}")
    started = time.perf_counter()
    connection.execute(duckdb_copy(source, target, record_id))
    seconds = time.perf_counter() - started
    connection.close()
    return seconds


def run_process(command, exits=(0,)):
    """Runs a command that ends with one of `exits`: its wall seconds and its peak memory in MiB."""
    started = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in exits:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return seconds, usage.ru_maxrss / 1024


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.out = pathlib.Path(arguments.out)
        self.plugin = pathlib.Path(arguments.plugins) / "fact_sales_order.wasm"
        self.results = []

    def rows_file(self, rows):
        folder = self.out / f"rows-{rows}"
        path = folder / "sales_order.jsonl"
        if not path.exists():
            command = [self.arguments.totesys, "--out", folder, "--orders", rows, "--table", "sales_order"]
            subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        return path

    def host_run(self, source, threads=2):
        target = self.out / "star"
        return [self.arguments.host, "run", "--plugin", self.plugin, "--input", source, "--out", target, "--threads", threads, "--json"]

    def note(self, name, value, bound, detail):
        self.results.append({"name": name, "value": value, "bound": bound, "detail": detail})
        print(f"  {name:<62} {value:>9.3f}  at most {bound:<6} {detail}", flush=True)

    def transform(self):
        """The plugin, the SDK natively, and serde_json natively, on one core."""
        source = self.rows_file(self.arguments.rows)
        cargo = ["cargo", "bench", "--quiet", "-p", "tests", "--bench", "transform", "--"]
        command = cargo + [str(self.plugin.resolve()), str(source.resolve())]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        seconds = json.loads(output.splitlines()[-1])
        ratio = lambda a, b: statistics.median(x / y for x, y in zip(seconds[a], seconds[b]))
        medians = {way: round(statistics.median(times), 3) for way, times in seconds.items()}
        self.note("plugin in the sandbox / serde_json natively", ratio("plugin", "serde"), 0.60, medians)
        self.note("plugin in the sandbox / the SDK natively", ratio("plugin", "sdk"), 2.2, medians)

    def file_to_parquet(self):
        """`host run` and DuckDB from JSON Lines to Parquet, two threads each."""
        source = self.rows_file(self.arguments.rows)
        target = self.out / "duckdb.parquet"
        run_process(self.host_run(source))
        for way in DUCKDB_WAYS:
            run_duckdb(source, target, 2, way)
        rounds = []
        for _ in range(self.arguments.rounds):
            host = run_process(self.host_run(source))[0]
            rounds.append((host, {way: run_duckdb(source, target, 2, way) for way in DUCKDB_WAYS}))
        for way in DUCKDB_WAYS:
            ratio = statistics.median(host / peers[way] for host, peers in rounds)
            detail = {
                "host": round(statistics.median(host for host, _ in rounds), 3),
                "duckdb": round(statistics.median(peers[way] for _, peers in rounds), 3),
            }
            self.note(f"host run / DuckDB, {way}", ratio, 0.55, detail)

    def hundred_lines(self):
        """A first look at 100 lines: whole processes."""
        source = self.out / "rows-100.jsonl"
        with open(self.rows_file(self.arguments.rows), "rb") as rows:
            source.write_bytes(b"".join(rows.readline() for _ in range(100)))
        copy = duckdb_copy(source, self.out / "duckdb.parquet", DUCKDB_WAYS["in order, with record ids"][1])
        peer = [sys.executable, "-c", f"import duckdb; duckdb.execute({copy!r})"]
        run_process(self.host_run(source))
        run_process(peer)
        rounds = [(run_process(self.host_run(source))[0], run_process(peer)[0]) for _ in range(4 * self.arguments.rounds)]
        ratio = statistics.median(host / peer for host, peer in rounds)
        detail = {
            "host": round(statistics.median(host for host, _ in rounds), 4),
            "python": round(statistics.median(peer for _, peer in rounds), 4),
        }
        self.note("host run on 100 lines / Python with DuckDB", ratio, 0.25, detail)

    def growth(self):
        """Memory and time of ten times as many rows."""
        small, large = self.rows_file(self.arguments.rows), self.rows_file(10 * self.arguments.rows)
        run_process(self.host_run(small))
        pairs = [(run_process(self.host_run(small)), run_process(self.host_run(large))) for _ in range(self.arguments.rounds)]
        one, ten = zip(*pairs)
        seconds = [statistics.median(run[0] for run in runs) for runs in (one, ten)]
        mebibytes = [max(run[1] for run in runs) for runs in (one, ten)]
        self.note("peak memory in MiB", mebibytes[0], 128, {"rows": self.arguments.rows})
        detail = {"rows": 10 * self.arguments.rows, "MiB": round(mebibytes[1], 1)}
        self.note("peak memory of ten times the rows / of the rows", mebibytes[1] / mebibytes[0], 1.1, detail)
        detail = {"seconds": [round(s, 3) for s in seconds]}
        growth = statistics.median(many[0] / few[0] for few, many in pairs)
        self.note("time of ten times the rows / of the rows", growth, 10.5, detail)

    def comparison(self):
        """`host plugin diff` of two versions and `host run` of one, and whether a join counts the same."""
        source = self.rows_file(self.arguments.rows)
        changed, moved = (pathlib.Path(self.arguments.versions) / f"orders_{name}.wasm" for name in ("changed", "shifted"))
        diff = lambda new: [self.arguments.host, "plugin", "diff", self.plugin, new, "--input", source, "--threads", 2, "--json"]
        run_process(diff(changed), exits=(1,))
        report = json.loads(subprocess.run([str(part) for part in diff(changed)], stdout=subprocess.PIPE).stdout)
        table = report["tables"][0]
        counts = {name: table[name] for name in ("same", "changed", "added", "gone")}
        counts["columns"] = {column["column"]: column["rows"] for column in table["columns"]}
        files = []
        for plugin in (self.plugin, changed):
            files.append(self.out / plugin.stem / "fact_sales_order.parquet")
            options = ["--out", files[-1].parent, "--max-rejects", "100%"]
            run_process([self.arguments.host, "run", "--plugin", plugin, "--input", source, "--json", *options])
        join = pathlib.Path(__file__).parent.parent / "oracle" / "join.py"
        joined = json.loads(subprocess.run([sys.executable, join, *files], check=True, stdout=subprocess.PIPE).stdout)
        if joined != counts:
            sys.exit(f"a join counts {joined}, and host plugin diff {counts}")
        for name, new, bound in (("values and rejects changed", changed, 3), ("every key moved", moved, 12)):
            rounds = [(run_process(self.host_run(source)), run_process(diff(new), exits=(1,))) for _ in range(self.arguments.rounds)]
            ratio = statistics.median(compared[0] / run[0] for run, compared in rounds)
            mebibytes = max(compared[1] for _, compared in rounds)
            self.note(f"host plugin diff, {name} / host run", ratio, bound, {"MiB": round(mebibytes, 1)})
            self.note(f"peak memory of host plugin diff, {name}, in MiB", mebibytes, 256, {"rows": self.arguments.rows})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--totesys", required=True)
    parser.add_argument("--plugins", required=True)
    parser.add_argument("--versions", required=True, help="the folder of later versions of fact_sales_order")
    parser.add_argument("--out", required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    bench = Bench(parser.parse_args())
    bench.out.mkdir(parents=True, exist_ok=True)
    print(f"{bench.arguments.rows:,} sales orders, {os.cpu_count()} processors")
    # First, while this process is small: a child counts the memory of the process that it is forked from as its own.
    bench.growth()
    bench.comparison()
    bench.transform()
    bench.file_to_parquet()
    bench.hundred_lines()
    path = bench.out / "bench.json"
    path.write_text(json.dumps(bench.results, indent=2) + "\n")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
