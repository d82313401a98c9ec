#!/usr/bin/env python3
"""Checks the oracle itself on a folder of raw lines, before any plugin is trusted to it.

    self_check.py RAW_DIR

The relations must hold what Python's own JSON reader reads, digit for digit and in the order of the lines. What the SQL
makes must compare equal to itself, and each planted fault must be found. Exit code: 0 all as it should be, 1 not, 2 usage.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

sys.dont_write_bytecode = True
import compare

# A fault in fact_sales_order or another table, each as the query that writes it from the right rows.
FAULTS = {
    "a hundredth too much": ("fact_sales_order", "SELECT * REPLACE (CAST(CASE WHEN sales_record_id = 7 THEN"
                             " unit_price + 0.01 ELSE unit_price END AS DECIMAL(10, 2)) AS unit_price) FROM star"),
    "a microsecond late": ("fact_sales_order", "SELECT * REPLACE (CASE WHEN sales_record_id = 7 THEN created_time +"
                           " INTERVAL 1 MICROSECOND ELSE created_time END AS created_time) FROM star"),
    "an empty text for null": ("dim_location", "SELECT * REPLACE (coalesce(district, '') AS district) FROM star"),
    "null for a text": ("dim_design", "SELECT * REPLACE (CASE WHEN design_id = 5 THEN NULL ELSE file_name END AS"
                        " file_name) FROM star"),
    "money as double": ("fact_sales_order", "SELECT * REPLACE (CAST(unit_price AS DOUBLE) AS unit_price) FROM star"),
    "time as text": ("fact_sales_order", "SELECT * REPLACE (CAST(created_time AS VARCHAR) AS created_time) FROM star"),
    "a wide key": ("dim_staff", "SELECT * REPLACE (CAST(staff_id AS BIGINT) AS staff_id) FROM star"),
    "a row less": ("fact_purchase_order", "SELECT * FROM star WHERE purchase_record_id <> 3"),
    "a row twice": ("dim_currency", "SELECT * FROM star UNION ALL SELECT * FROM star WHERE currency_id = 2"),
    "a row more": ("dim_currency", "SELECT * FROM star UNION ALL SELECT 99, 'XXX', 'None'"),
    "another order": ("fact_sales_order", "SELECT * FROM star ORDER BY sales_record_id DESC"),
    "another name": ("dim_staff", "SELECT * RENAME (location AS place) FROM star"),
    "a column more": ("dim_staff", "SELECT *, 1 AS extra FROM star"),
    "columns swapped": ("dim_date", "SELECT date_id, month, year, * EXCLUDE (date_id, month, year) FROM star"),
    "Sunday first": ("dim_date", "SELECT * REPLACE (CAST(day_of_week % 7 + 1 AS INTEGER) AS day_of_week) FROM star"),
    "no rows": ("dim_staff", "SELECT * FROM star LIMIT 0"),
    "no file": ("dim_staff", None),
}


def as_text(value):
    """What the relation has to hold for a value whose numbers were kept as text."""
    return str(value).lower() if isinstance(value, bool) else value


def check_source(connection, table, path):
    """Compares a relation with Python's own reading; gives the number of cells."""
    compare.load_source(connection, table, path)
    columns = compare.SOURCES[table].split()
    relation = connection.execute(f"SELECT * FROM {compare.quoted(table)} ORDER BY _record")
    cells = 0
    with path.open(encoding="utf-8", newline="\n") as lines:
        for record, line in enumerate(lines, 1):
            row = json.loads(line, parse_int=str, parse_float=str)
            expected = (*(as_text(row.get(column)) for column in columns), record)
            actual = relation.fetchone()
            if expected != actual:
                raise SystemExit(f"{path.name}, line {record}: {expected} expected, {actual} found")
            cells += len(columns)
    if relation.fetchone() is not None:
        raise SystemExit(f"{path.name}: more rows than lines")
    return cells


def run_compare(raw, star_folder, *more):
    """Runs the comparison as a user would; gives exit code and output."""
    command = [sys.executable, str(Path(compare.__file__)), str(raw), str(star_folder), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def main():
    """Runs all checks."""
    if len(sys.argv) != 2:
        print("usage: self_check.py RAW_DIR", file=sys.stderr)
        return 2
    raw = Path(sys.argv[1])
    connection = duckdb.connect()
    present = {table: raw / f"{table}.jsonl" for table in compare.SOURCES}
    present = {table: path for table, path in present.items() if path.is_file()}
    cells = sum(check_source(connection, table, path) for table, path in present.items())
    print(f"{cells} cells of {len(present)} source tables are read as they are")

    compare.load_calendar(connection, (2022, 2027))
    stars = [star for star, needs in compare.STARS.items() if all(n in present or n == "_calendar" for n in needs)]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)

        def write(star, sql):
            path = folder / f"{star}.parquet"
            connection.execute(f"COPY ({sql}) TO {compare.text_literal(path)} (FORMAT parquet)")

        for star in stars:
            write(star, compare.star_sql(star))
        code, output = run_compare(raw, folder)
        print(output, end="")
        if code != 0:
            raise SystemExit("the right star tables are said to differ")

        missed = []
        for fault, (star, sql) in FAULTS.items():
            connection.execute(f"CREATE OR REPLACE TEMP TABLE star AS {compare.star_sql(star)}")
            if sql is None:
                (folder / f"{star}.parquet").unlink()
            else:
                write(star, sql)
            code, output = run_compare(raw, folder, "--tables", star)
            lines = output.splitlines()
            print(f"{fault}: {'found' if code == 1 else 'MISSED'}: {lines[0]}\n{chr(10).join(lines[1:2])}")
            if code != 1 or "Traceback" in output:
                missed.append(fault)
            write(star, compare.star_sql(star))
    print(f"{len(FAULTS) - len(missed)} of {len(FAULTS)} planted faults were found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
