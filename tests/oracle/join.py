"""Compares two Parquet files of `fact_sales_order` by a join, independently of the host.

join.py OLD NEW

Prints how many rows of both are the same and how many changed, how many are of one file alone, and for each column in how many
rows of both it differs.
"""

import json
import sys

import duckdb


def compare(old, new):
    columns = [row[0] for row in duckdb.sql(f"DESCRIBE SELECT * FROM '{old}'").fetchall()]
    values = [column for column in columns if column != "sales_record_id"]
    differs = [f"old.{column} IS DISTINCT FROM new.{column}" for column in values]
    both, any_differs = "old.k IS NOT NULL AND new.k IS NOT NULL", " OR ".join(differs)
    by_column = ", ".join(f"count(*) FILTER ({both} AND {condition})" for condition in differs)
    side = "(SELECT *, sales_record_id AS k FROM '{}')"
    same, changed, added, gone, *counts = duckdb.sql(f"""
        SELECT
            count(*) FILTER ({both} AND NOT ({any_differs})),
            count(*) FILTER ({both} AND ({any_differs})),
            count(*) FILTER (old.k IS NULL),
            count(*) FILTER (new.k IS NULL),
            {by_column}
        FROM {side.format(old)} AS old FULL JOIN {side.format(new)} AS new ON old.k = new.k
    """).fetchall()[0]
    columns = {column: count for column, count in zip(values, counts) if count}
    return {"same": same, "changed": changed, "added": added, "gone": gone, "columns": columns}


if __name__ == "__main__":
    print(json.dumps(compare(*sys.argv[1:])))
