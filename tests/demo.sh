#!/usr/bin/env bash
# Brings two days of a source into a lake, and runs every plugin over its table: demo.sh HOST PLUGINS OUT
set -euo pipefail
host=$1 plugins=$2 raw=$3/raw star=$3/star
export HOST_LAKE_RAW=file:$3/lake/raw HOST_CHECKPOINTS_URL=file:$3/lake/checkpoints HOST_LOG=error
rm -rf "$3/lake"

# A folder of <table>.jsonl stands for the database.
ingest() {
    echo "$1"
    shift
    "$host" "$@"
    echo
}

HOST_SOURCE_URL=dir:$raw ingest "the first load: every row of every table becomes a packet" ingest
HOST_SOURCE_URL=dir:$raw-next-day ingest "a day later: new orders, payments that were made, silent edits" ingest
HOST_SOURCE_URL=dir:$raw-next-day ingest "the sweep: rows that are gone" reconcile
ingest "where each table stands" status

# Where the rows of a plugin come from, and what it looks rows up in.
run() {
    local plugin=$1 input=$2
    shift 2
    "$host" run --plugin "$plugins/$plugin.wasm" --input "$input" --out "$star" "$@"
    echo
}

run dim_date calendar:2022..2027
run dim_currency "$raw/currency.jsonl"
run dim_payment_type "$raw/payment_type.jsonl"
run dim_location "$raw/address.jsonl"
run dim_design "$raw/design.jsonl"
run dim_staff "$raw/staff.jsonl" --lookup department="$raw/department.jsonl"
run dim_counterparty "$raw/counterparty.jsonl" --lookup address="$raw/address.jsonl"
run dim_transaction "$raw/transaction.jsonl"
run fact_payment "$raw/payment.jsonl"
run fact_purchase_order "$raw/purchase_order.jsonl"
run fact_sales_order "$raw/sales_order.jsonl"

echo "eleven star tables are in $star; with DuckDB:"
echo "  duckdb -c \"select currency_name, sum(units_sold * unit_price) from '$star/fact_sales_order.parquet' join '$star/dim_currency.parquet' using (currency_id) group by all\""
