#!/usr/bin/env python3
"""Compares star tables with what independent SQL makes of the same raw lines, cell by cell.

    compare.py RAW_DIR STAR_DIR [--calendar 2022..2027] [--tables a,b] [--json]

RAW_DIR holds `<table>.jsonl`, STAR_DIR `<star_table>.parquet`. The SQL stands beside this file, one a star table. It
sees each source table as a relation that has every column as the exact text of its JSON value (null for null), and
`_record`, the number of the line. Exit code: 0 all equal, 1 a difference or a missing file, 2 usage.

Needs the Python package `duckdb`.
"""

import argparse
import json
import sys
from pathlib import Path

import duckdb

# The columns of the source, so that an empty file has them too.
SOURCES = {
    "address": "address_id address_line_1 address_line_2 district city postal_code country phone created_at"
    " last_updated",
    "counterparty": "counterparty_id counterparty_legal_name legal_address_id commercial_contact delivery_contact"
    " created_at last_updated",
    "currency": "currency_id currency_code created_at last_updated",
    "department": "department_id department_name location manager created_at last_updated",
    "design": "design_id created_at design_name file_location file_name last_updated",
    "payment": "payment_id created_at last_updated transaction_id counterparty_id payment_amount currency_id"
    " payment_type_id paid payment_date company_ac_number counterparty_ac_number",
    "payment_type": "payment_type_id payment_type_name created_at last_updated",
    "purchase_order": "purchase_order_id created_at last_updated staff_id counterparty_id item_code item_quantity"
    " item_unit_price currency_id agreed_delivery_date agreed_payment_date agreed_delivery_location_id",
    "sales_order": "sales_order_id created_at last_updated design_id staff_id counterparty_id units_sold unit_price"
    " currency_id agreed_delivery_date agreed_payment_date agreed_delivery_location_id",
    "staff": "staff_id first_name last_name department_id email_address created_at last_updated",
    "transaction": "transaction_id transaction_type sales_order_id purchase_order_id created_at last_updated",
    "_calendar": "date",
}

# The relations that each star table is made from, its own first. The first column of a star table is its key.
STARS = {
    "dim_date": ["_calendar"],
    "dim_staff": ["staff", "department"],
    "dim_location": ["address"],
    "dim_counterparty": ["counterparty", "address"],
    "dim_currency": ["currency"],
    "dim_design": ["design"],
    "dim_payment_type": ["payment_type"],
    "dim_transaction": ["transaction"],
    "fact_sales_order": ["sales_order"],
    "fact_purchase_order": ["purchase_order"],
    "fact_payment": ["payment"],
}

# A JSON number as a value. The quote before the colon ends a key: it stands behind a letter, so it is neither escaped
# nor the start of a text, and within a text no such quote can stand.
NUMBER_VALUE = r'([A-Za-z0-9_]":\s*)(-?[0-9][0-9.eE+-]*)(\s*[,}])'

EXAMPLES_MAX = 5


def quoted(name):
    """A name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(text):
    """A text as a literal of SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def load_source(connection, table, path):
    """Makes the relation of a source table. Numbers become texts before they are parsed, so no digit is lost."""
    columns = SOURCES[table].split()
    paths = ", ".join(text_literal(f"$.{column}") for column in columns)
    values = ", ".join(f"texts[{place}] AS {quoted(column)}" for place, column in enumerate(columns, 1))
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE {quoted(table)} AS
        WITH lines AS (
            SELECT row_number() OVER () AS _record, CAST(json AS VARCHAR) AS line
            FROM read_json_objects({text_literal(path)}, format = 'newline_delimited', compression = 'uncompressed')
        ), parsed AS (
            SELECT _record, json_extract_string(
                CAST(regexp_replace(line, {text_literal(NUMBER_VALUE)}, '\\1"\\2"\\3', 'g') AS JSON), [{paths}]) AS texts
            FROM lines
        )
        SELECT {values}, _record FROM parsed""")


def load_calendar(connection, years):
    """Makes the relation `_calendar`, a line for each day of the years."""
    first, last = years
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE _calendar AS
        SELECT strftime(day, '%Y-%m-%d') AS "date", row_number() OVER (ORDER BY day) AS _record
        FROM range(DATE '{first}-01-01', DATE '{last + 1}-01-01', INTERVAL 1 DAY) AS days (day)""")


def star_sql(star):
    """The SQL of a star table."""
    return Path(__file__).with_name(f"{star}.sql").read_text(encoding="utf-8")


def describe(connection, relation):
    """Column names and types of a relation, in order."""
    return [(row[0], row[1]) for row in connection.execute(f"DESCRIBE {relation}").fetchall()]


def one(connection, sql):
    """The one row that a query gives."""
    return connection.execute(sql).fetchone()


class Comparison:
    """What was found about one star table."""

    def __init__(self, star):
        self.table, self.status = star, "equal"
        self.rows = self.left_out = self.cells = self.differences = 0
        self.examples = []

    def differ(self, count, *examples):
        """Notes so many differences, and shows some of them."""
        if count:
            self.status = "different"
            self.differences += count
            self.examples += examples

    def line(self):
        """The comparison as a line."""
        if self.status == "skipped":
            return f"{self.table}: skipped, {self.examples[0]}"
        left_out = f", {self.left_out} left out" if self.left_out else ""
        return f"{self.table}: {self.rows} rows{left_out}, {self.cells} cells compared, {self.differences} differences"


def compare_columns(result, expected, actual):
    """Compares names, order and types of columns; gives the names that both sides have."""
    expected_names, actual_names = [name for name, _ in expected], [name for name, _ in actual]
    types = dict(actual)
    for name, kind in expected:
        if name not in types:
            result.differ(1, f"column `{name}`: missing")
        elif types[name] != kind:
            result.differ(1, f"column `{name}`: type {kind} expected, {types[name]} found")
    for name in actual_names:
        if name not in expected_names:
            result.differ(1, f"column `{name}`: not expected")
    shared = [name for name in expected_names if name in types]
    if [name for name in actual_names if name in shared] != shared:
        result.differ(1, f"columns in another order: {', '.join(actual_names)}")
    return shared


def compare_cells(connection, result, key, columns, same_types):
    """Compares the cells of rows that both sides have, and names the rows that one side lacks."""
    key_name = quoted(key)
    for verb, one_side, other in [("missing", "expected", "actual"), ("not expected", "actual", "expected")]:
        rows = f"FROM {one_side} ANTI JOIN {other} ON expected.{key_name} IS NOT DISTINCT FROM actual.{key_name}"
        count = one(connection, f"SELECT count(*) {rows}")[0]
        keys = connection.execute(f"SELECT {key_name} {rows} ORDER BY 1 LIMIT {EXAMPLES_MAX}").fetchall()
        result.differ(count, *(f"row {key} = {value}: {verb}" for (value,) in keys))

    doubled = f"FROM actual GROUP BY {key_name} HAVING count(*) > 1"
    keys = connection.execute(f"SELECT {key_name}, count(*) {doubled} ORDER BY 1 LIMIT {EXAMPLES_MAX}").fetchall()
    count = one(connection, f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n {doubled})")[0]
    result.differ(int(count), *(f"row {key} = {value}: {times} times" for value, times in keys))

    joined = f"FROM expected INNER JOIN actual ON expected.{key_name} IS NOT DISTINCT FROM actual.{key_name}"
    # Of two types, only the texts can be compared.
    side = "{side}.{name}" if same_types else "CAST({side}.{name} AS VARCHAR)"
    unequal = {
        name: " IS DISTINCT FROM ".join(side.format(side=s, name=quoted(name)) for s in ("expected", "actual"))
        for name in columns
    }
    counts = ", ".join(f"count(*) FILTER ({condition})" for condition in unequal.values())
    matched, *differing = one(connection, f"SELECT count(*), {counts} {joined}")
    result.cells = matched * len(columns)
    for (name, condition), count in zip(unequal.items(), differing):
        if count:
            cells = connection.execute(f"""
                SELECT expected.{key_name}, expected.{quoted(name)}, actual.{quoted(name)} {joined}
                WHERE {condition} ORDER BY 1 LIMIT {EXAMPLES_MAX}""").fetchall()
            result.differ(count, *(f"row {key} = {row}, column `{name}`: {want!r} expected, {got!r} found"
                                   for row, want, got in cells))


def compare_star(connection, star, source, path):
    """Compares one star table."""
    result = Comparison(star)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE expected AS {star_sql(star)}")
    result.rows = one(connection, "SELECT count(*) FROM expected")[0]
    versions = "*" if star.startswith("fact_") else f"DISTINCT {quoted(SOURCES[source].split()[0])}"
    result.left_out = one(connection, f"SELECT count({versions}) FROM {quoted(source)}")[0] - result.rows
    if not path.is_file():
        result.status, result.differences = "missing", 1
        result.examples.append(f"no file {path}")
        return result

    read = f"read_parquet({text_literal(path)}, hive_partitioning = false"
    expected, actual = describe(connection, "expected"), describe(connection, f"SELECT * FROM {read})")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE actual AS SELECT * FROM {read}, file_row_number = true)")
    shared = compare_columns(result, expected, actual)
    key = expected[0][0]
    if key not in shared:
        return result
    kinds = dict(actual)
    same_types = all(kinds.get(name) == kind for name, kind in expected)
    compare_cells(connection, result, key, shared, same_types)

    if same_types:
        # Whole rows as multisets: says nothing new if the cells are right, and doubts the join above if they are not.
        names = ", ".join(map(quoted, shared))
        unmatched = sum(
            one(connection, f"SELECT count(*) FROM (SELECT {names} FROM {a} EXCEPT ALL SELECT {names} FROM {b})")[0]
            for a, b in [("expected", "actual"), ("actual", "expected")])
        if unmatched and not result.differences:
            result.differ(unmatched, f"{unmatched} rows differ as multisets")
    if star.startswith("fact_"):
        unordered = f"""FROM (SELECT {quoted(key)} AS key, lag({quoted(key)}) OVER (ORDER BY file_row_number) AS before
            FROM actual) WHERE key < before"""
        rows = connection.execute(f"SELECT key, before {unordered} LIMIT {EXAMPLES_MAX}").fetchall()
        count = one(connection, f"SELECT count(*) {unordered}")[0]
        result.differ(count, *(f"row {key} = {row}: stands behind {before}" for row, before in rows))
    return result


def compare_all(raw, star_folder, years, stars):
    """Compares star tables one after the other; a generator of comparisons."""
    connection = duckdb.connect()
    loaded = set()
    for star in stars:
        needed = [(table, raw / f"{table}.jsonl") for table in STARS[star] if table != "_calendar"]
        absent = [path.name for _, path in needed if not path.is_file()]
        if absent:
            result = Comparison(star)
            result.status, result.examples = "skipped", [f"no {' and no '.join(absent)}"]
            yield result
            continue
        for table, path in needed:
            if table not in loaded:
                load_source(connection, table, path)
                loaded.add(table)
        load_calendar(connection, years)
        yield compare_star(connection, star, STARS[star][0], star_folder / f"{star}.parquet")


def parse_years(text):
    """Reads `2022..2027` or `2024`."""
    first, _, last = text.partition("..")
    years = int(first), int(last or first)
    if not 1 <= years[0] <= years[1] <= 9998:
        raise ValueError(text)
    return years


def parse_stars(text):
    """Reads names of star tables with commas between."""
    stars = [name.strip() for name in text.split(",")]
    unknown = [name for name in stars if name not in STARS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no star table is called {', '.join(unknown)}; there are {', '.join(STARS)}")
    return stars


def main():
    """Compares, prints, and tells by the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("raw", type=Path, metavar="RAW_DIR", help="folder of <table>.jsonl")
    parser.add_argument("star", type=Path, metavar="STAR_DIR", help="folder of <star_table>.parquet")
    parser.add_argument("--calendar", type=parse_years, default=(2022, 2027), metavar="FIRST..LAST",
                        help="the years of dim_date, both included (2022..2027)")
    parser.add_argument("--tables", type=parse_stars, default=list(STARS), metavar="A,B", help="only these star tables")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()

    results = []
    for result in compare_all(arguments.raw, arguments.star, arguments.calendar, arguments.tables):
        results.append(result)
        if not arguments.json:
            print(result.line(), flush=True)
            for example in result.examples[:EXAMPLES_MAX] if result.status != "skipped" else []:
                print(f"  {example}")
    cells, differences = sum(r.cells for r in results), sum(r.differences for r in results)
    # A comparison of nothing is no success.
    is_empty = all(result.status == "skipped" for result in results)
    is_equal = differences == 0 and not is_empty
    if arguments.json:
        print(json.dumps({"equal": is_equal, "cells": cells, "differences": differences,
                          "tables": [vars(result) for result in results]}, indent=2, default=str))
    else:
        print(f"total: {cells} cells compared, {differences} differences{', nothing to compare' if is_empty else ''}")
    return 0 if is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
