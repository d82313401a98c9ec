"""Measures the way from Postgres to packets against its peers, each in the same run as what it is held against.

ingest.py --host HOST --totesys TOTESYS --out DIR [--rows 1000000] [--rounds 5] [--large]

Starts a PostgreSQL of its own. Prints a table of ratios and writes DIR/ingest.json. A ratio is the median of the paired rounds'
ratios; below 1 we are faster. With --large also ten times the rows, and eleven unchanged tables.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time


class Server:
    """A private PostgreSQL, which ends when its standard input does."""

    def __init__(self, totesys):
        self.totesys = totesys
        command = [totesys, "serve", "--orders", "10"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("postgres://"):
                self.url = line.strip()
                break
        else:
            sys.exit("the server does not start")
        self.postmaster = int(self.sql("SELECT pg_read_file('postmaster.pid')").split()[0])

    def sql(self, statement, url=None):
        command = ["psql", "-qAtX", "-c", statement, url or self.url]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def database(self, name):
        self.sql(f"CREATE DATABASE {name}")
        return self.url.rsplit("/", 1)[0] + "/" + name

    def load_orders(self, name, rows):
        url = self.database(name)
        command = [self.totesys, "--postgres", url, "--table", "sales_order", "--orders", str(rows)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        self.sql("VACUUM ANALYZE", url)
        self.sql("CHECKPOINT", url)
        return url

    def cpu_seconds(self):
        """What all sessions that have ended took."""
        time.sleep(0.2)
        fields = pathlib.Path(f"/proc/{self.postmaster}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def run(command, environment=None, stdout=subprocess.DEVNULL):
    """Runs a command that ends well: its wall seconds, its processor seconds, its peak memory in MiB."""
    started = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=stdout, env={**os.environ, **(environment or {})})
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class Bench:
    def __init__(self, arguments):
        self.host = arguments.host
        self.out = pathlib.Path(arguments.out)
        self.lake = self.out / "lake"
        self.rounds = arguments.rounds

    def ingest(self, url, keep=False):
        if not keep:
            shutil.rmtree(self.lake, ignore_errors=True)
            os.sync()
        environment = {
            "HOST_SOURCE_URL": url,
            "HOST_LAKE_RAW": f"file:{self.lake}/raw",
            "HOST_CHECKPOINTS_URL": f"file:{self.lake}/checkpoints",
            "HOST_LOG": "error",
        }
        return run([self.host, "ingest"], environment)

    def psql_copy(self, url):
        """The whole table in Postgres' own binary form, on the same disk."""
        path = self.out / "copy.bin"
        path.unlink(missing_ok=True)
        os.sync()
        statement = "COPY (SELECT * FROM sales_order) TO STDOUT (FORMAT binary)"
        script = 'psql -qX -c "$1" "$2" > "$3" && sync "$3"'
        return run(["bash", "-c", script, "copy", statement, url, path])

    def peer(self, name, url):
        path = self.out / "peer"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        os.sync()
        return run([sys.executable, __file__, "--peer", name, "--url", url, "--out", path])


def peer(name, url, out):
    """Another way from the table to Parquet: connectorx, ADBC, dlt."""
    query = "SELECT * FROM sales_order"
    if name == "connectorx":
        import connectorx
        import pyarrow.parquet

        pyarrow.parquet.write_table(connectorx.read_sql(url, query, return_type="arrow"), f"{out}/out.parquet")
    elif name == "ADBC":
        import adbc_driver_postgresql.dbapi
        import pyarrow.parquet

        with adbc_driver_postgresql.dbapi.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            pyarrow.parquet.write_table(cursor.fetch_arrow_table(), f"{out}/out.parquet")
    elif name == "dlt":
        import dlt
        from dlt.sources.sql_database import sql_table

        os.environ["DLT_DATA_DIR"] = f"{out}/dlt"
        url = url.replace("postgres://", "postgresql+psycopg2://")
        table = sql_table(credentials=url, table="sales_order", backend="pyarrow")
        destination = dlt.destinations.filesystem(bucket_url=f"file://{pathlib.Path(out).resolve()}")
        pipeline = dlt.pipeline("orders", destination=destination, dataset_name="raw", pipelines_dir=f"{out}/pipelines")
        pipeline.run(table, loader_file_format="parquet")


def median_ratio(pairs):
    return statistics.median(ours / theirs for ours, theirs in pairs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host")
    parser.add_argument("--totesys")
    parser.add_argument("--out", required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return peer(arguments.peer, arguments.url, arguments.out)
    bench = Bench(arguments)
    bench.out.mkdir(parents=True, exist_ok=True)
    server = Server(arguments.totesys)
    try:
        figures = measure(bench, server, arguments)
    finally:
        server.stop()
    (bench.out / "ingest.json").write_text(json.dumps(figures, indent=2) + "\n")
    for name, figure in figures.items():
        print(f"{name:60} {figure:10.3f}")


def measure(bench, server, arguments):
    figures = {}
    url = server.load_orders("orders", arguments.rows)
    walls, processors, memory = [], [], []
    bench.psql_copy(url)
    for _ in range(arguments.rounds):
        before = server.cpu_seconds()
        psql = bench.psql_copy(url)
        server_seconds = server.cpu_seconds() - before
        ours = bench.ingest(url)
        walls.append((ours[0], psql[0]))
        processors.append((ours[1], server_seconds))
        memory.append(ours[2])
    figures["host ingest / psql COPY binary and sync, wall"] = median_ratio(walls)
    figures["host ingest / the server, processor seconds"] = median_ratio(processors)
    figures["host ingest, seconds"] = statistics.median(ours for ours, _ in walls)
    figures["host ingest, MiB at its peak"] = max(memory)
    for name in ("connectorx", "ADBC", "dlt"):
        pairs = [(bench.ingest(url)[0], bench.peer(name, url)[0]) for _ in range(arguments.rounds)]
        figures[f"host ingest / {name} to Parquet, wall"] = median_ratio(pairs)
    shutil.rmtree(bench.out / "peer", ignore_errors=True)
    if arguments.large:
        large = server.load_orders("many_orders", 10 * arguments.rows)
        bench.ingest(large)
        pairs = []
        for _ in range(3):
            once = bench.ingest(url)
            many = bench.ingest(large)
            pairs.append((many[0], once[0]))
            memory.append(many[2])
        figures["ten times the rows / the rows, wall"] = median_ratio(pairs)
        figures["ten times the rows, MiB at its peak"] = max(memory)
        server.sql("DROP DATABASE many_orders")
        figures.update(measure_unchanged(bench, server, arguments.rows))
    shutil.rmtree(bench.lake, ignore_errors=True)
    return figures


def measure_unchanged(bench, server, rows):
    """Eleven tables of so many rows, none of which has changed, against eleven counts."""
    url = server.load_orders("eleven", rows)
    names = [f"sales_order_{number}" for number in range(1, 11)]
    for name in names:
        server.sql(f"CREATE TABLE {name} (LIKE sales_order INCLUDING ALL); INSERT INTO {name} SELECT * FROM sales_order", url)
    server.sql("ALTER DATABASE eleven SET max_parallel_workers_per_gather = 0")
    server.sql("VACUUM ANALYZE", url)
    server.sql("CHECKPOINT", url)
    bench.ingest(url)
    counts = ["-c"] + " -c ".join(f"SELECT_count(*)_FROM_{name}" for name in ["sales_order", *names]).split(" ")
    counts = [part.replace("_count", " count").replace("_FROM_", " FROM ") for part in counts]
    bench.ingest(url, keep=True)
    pairs = []
    for _ in range(5):
        theirs = run(["psql", "-qAtX", *counts, url])[0]
        pairs.append((bench.ingest(url, keep=True)[0], theirs))
    return {"eleven unchanged tables / eleven counts, wall": median_ratio(pairs)}


if __name__ == "__main__":
    main()
