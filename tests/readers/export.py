#!/usr/bin/env python3
"""Reads star tables with other people's readers of Delta Lake, and writes what they see as plain files.

    export.py RAW_LAKE STAR_LAKE OUT [--reader deltalake|polars|duckdb]

RAW_LAKE and STAR_LAKE are folders. OUT gets `raw/<table>.jsonl`, the rows of all packets of each table in the order in
which they arrived, and `star/<star table>.parquet`: what `tests/oracle/compare.py` compares. A time of day, which is text
in a Delta table, becomes one again. Prints one JSON document: per star table the rows, the columns with their types, and
the first and the last year of the calendar.
"""

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def packets(raw_lake, table):
    """The manifests of a table, in order."""
    return [json.loads(path.read_text()) for path in sorted((raw_lake / table / "packets").glob("*.packet.json"))]


def export_raw(raw_lake, out):
    """Writes the lines of all packets, table by table; each object is held against its digest."""
    out.mkdir(parents=True, exist_ok=True)
    for table in sorted(path.name for path in raw_lake.iterdir() if (path / "packets").is_dir()):
        with open(out / f"{table}.jsonl", "wb") as file:
            for manifest in packets(raw_lake, table):
                for data in manifest["data"]:
                    lines = (raw_lake / data["key"]).read_bytes()
                    assert hashlib.sha256(lines).hexdigest() == data["sha256"], data["key"]
                    file.write(lines)


def read_deltalake(path):
    """The table as deltalake-py reads it."""
    from deltalake import DeltaTable
    return pa.table(DeltaTable(str(path)).to_pyarrow_table())


def read_polars(path):
    """The table as Polars reads it."""
    import polars
    table = polars.read_delta(str(path)).to_arrow()
    # Its texts have 64-bit offsets, and views.
    return pa.table([column.cast(pa.string()) if pa.types.is_large_string(column.type) or
                     pa.types.is_string_view(column.type) else column for column in table.columns],
                    names=table.column_names)


def read_duckdb(path):
    """The table as DuckDB's extension reads it."""
    from duckdb_extensions import import_extension
    connection = duckdb.connect()
    import_extension("delta", con=connection)
    return connection.execute(f"SELECT * FROM delta_scan('{path}')").to_arrow_table()


READERS = {"deltalake": read_deltalake, "polars": read_polars, "duckdb": read_duckdb}


def with_times(table):
    """Texts `HH:MM:SS.ffffff` as times of day, in columns that are called so."""
    for index, name in enumerate(table.column_names):
        if name.endswith("_time") and pa.types.is_string(table.column(index).type):
            micros = pc.strptime(pc.binary_join_element_wise("1970-01-01 ", pc.utf8_slice_codeunits(
                table.column(index), 0, 8), ""), format="%Y-%m-%d %H:%M:%S", unit="us").cast(pa.int64())
            fraction = pc.utf8_slice_codeunits(table.column(index), 9, 15).cast(pa.int64())
            table = table.set_column(index, name, pc.add(micros, fraction).cast(pa.time64("us")))
    return table


def main():
    """Reads, writes, and tells what was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("raw", type=Path, metavar="RAW_LAKE")
    parser.add_argument("star", type=Path, metavar="STAR_LAKE")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--reader", choices=READERS, default="deltalake")
    arguments = parser.parse_args()

    export_raw(arguments.raw, arguments.out / "raw")
    (arguments.out / "star").mkdir(parents=True, exist_ok=True)
    document = {}
    for path in sorted(path for path in arguments.star.iterdir() if (path / "_delta_log").is_dir()):
        table = READERS[arguments.reader](path)
        types = {field.name: str(field.type) for field in table.schema}
        document[path.name] = {"rows": table.num_rows, "columns": types}
        if path.name == "dim_date":
            document[path.name]["years"] = [pc.min(table["year"]).as_py(), pc.max(table["year"]).as_py()]
        if path.name.startswith("fact_"):
            table = table.sort_by(table.column_names[0])
        pq.write_table(with_times(table), arguments.out / "star" / f"{path.name}.parquet")
    json.dump(document, sys.stdout, indent=2)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
    # The readers' own threads may still run, and abort where the interpreter takes itself down.
    os._exit(0)
