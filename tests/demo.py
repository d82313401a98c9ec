"""Asks a few questions of the star tables in a folder: demo.py STAR_LAKE"""

import sys

import duckdb
from duckdb_extensions import import_extension

STAR_LAKE = sys.argv[1]
QUESTIONS = {
    "what was sold, by currency": """
        SELECT currency_name, count(*) AS orders, sum(units_sold * unit_price) AS value
        FROM fact_sales_order JOIN dim_currency USING (currency_id)
        GROUP BY ALL ORDER BY value DESC""",
    "orders that were edited after they came": """
        SELECT sales_order_id, count(*) AS versions, max(sales_record_id) AS newest
        FROM fact_sales_order GROUP BY ALL HAVING versions > 1 ORDER BY sales_order_id LIMIT 5""",
}

connection = duckdb.connect()
import_extension("delta", con=connection)
for table in ("fact_sales_order", "dim_currency"):
    connection.execute(f"CREATE VIEW {table} AS SELECT * FROM delta_scan('{STAR_LAKE}/{table}')")
for question, sql in QUESTIONS.items():
    print(question)
    print(connection.sql(sql))
print("the same tables, anywhere:")
print(f"  duckdb -c \"LOAD delta; SELECT count(*) FROM delta_scan('{STAR_LAKE}/fact_sales_order')\"")
