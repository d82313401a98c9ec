#!/usr/bin/env python3
"""Holds what the star tables say is current against the source database itself.

    current.py RAW_LAKE STAR_LAKE DATABASE_URL

RAW_LAKE and STAR_LAKE are folders, up to date with the database, whose deleted rows were looked for. Of each fact, the
query in its property `star.current` has to give the rows that the SQL of `tests/oracle` makes of the source as it is now,
their record ids apart; and the table `deletions` has to list the keys that packets brought and the source lacks. Prints
one JSON document: the rows of each fact, and the keys that are gone. Exit code: 0 if all is so.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
from duckdb_extensions import import_extension

from export import packets

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "oracle"))
from compare import SOURCES, STARS, load_source, quoted, star_sql  # noqa: E402


def rows_of_source(url, table):
    """The rows of a table of the database, as JSON Lines."""
    sql = f"SELECT row_to_json(rows) FROM public.{quoted(table)} AS rows"
    return subprocess.run(["psql", "-qAtX", "-c", sql, url], check=True, capture_output=True).stdout


def keys_of_packets(raw_lake, table, key):
    """The keys of all rows that packets brought."""
    lines = (line for manifest in packets(raw_lake, table) for data in manifest["data"]
             for line in (raw_lake / data["key"]).read_bytes().splitlines())
    return {str(json.loads(line)[key]) for line in lines}


def current_query(star_lake, table):
    """The property of a table that gives its current rows."""
    query = None
    for entry in sorted((star_lake / table / "_delta_log").glob("*.json")):
        for action in map(json.loads, entry.read_text().splitlines()):
            query = action.get("metaData", {}).get("configuration", {}).get("star.current", query)
    return query


def compare_fact(connection, star_lake, fact):
    """Compares the current rows of a fact; gives how many there are."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE expected AS {star_sql(fact)}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE current_rows AS {current_query(star_lake, fact)}")
    record = connection.execute("DESCRIBE expected").fetchone()[0]
    columns = ", ".join(f"{quoted(name)}::VARCHAR" if not name.endswith("_time") else f"{quoted(name)}::TIME"
                        for name, *_ in connection.execute("DESCRIBE expected").fetchall() if name != record)
    sides = [f"SELECT {columns} FROM {side}" for side in ("expected", "current_rows")]
    for one, other, what in [(*sides, "lacks"), (*reversed(sides), "has")]:
        differing = connection.execute(f"{one} EXCEPT ALL {other}").fetchall()
        assert not differing, f"the current rows of {fact}: it {what} {len(differing)}, like {differing[0]}"
    return connection.execute("SELECT count(*) FROM current_rows").fetchone()[0]


def main():
    """Compares, and tells what was compared."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("raw", type=Path, metavar="RAW_LAKE")
    parser.add_argument("star", type=Path, metavar="STAR_LAKE")
    parser.add_argument("url", metavar="DATABASE_URL")
    arguments = parser.parse_args()

    connection = duckdb.connect()
    import_extension("delta", con=connection)
    for path in arguments.star.iterdir():
        if (path / "_delta_log").is_dir():
            connection.execute(f"CREATE VIEW {quoted(path.name)} AS FROM delta_scan('{path}')")
    listed = connection.execute("SELECT \"table\", \"key\" FROM deletions").fetchall()
    facts, gone_keys = {}, 0
    with tempfile.TemporaryDirectory() as folder:
        for table in (table for table in SOURCES if table != "_calendar"):
            path = Path(folder) / f"{table}.jsonl"
            path.write_bytes(rows_of_source(arguments.url, table))
            load_source(connection, table, path)
            key = SOURCES[table].split()[0]
            now = {value for (value,) in connection.execute(f"SELECT {key} FROM {quoted(table)}").fetchall()}
            gone = keys_of_packets(arguments.raw, table, key) - now
            unlisted = gone - {value for name, value in listed if name == table}
            assert not unlisted, f"keys of {table} that are gone and not listed: {sorted(unlisted)[:5]}"
            gone_keys += len(gone)
        for fact in (star for star in STARS if star.startswith("fact_")):
            facts[fact] = compare_fact(connection, arguments.star, fact)
    json.dump({"current": facts, "gone": gone_keys}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
