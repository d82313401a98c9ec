#!/usr/bin/env bash
# Brings two days of a source through the whole line, into star tables: demo.sh HOST PLUGINS OUT PYTHON
set -euo pipefail
host=$1 plugins=$2 out=$3 python=$4 raw=$3/raw
export HOST_LAKE_RAW=file:$out/lake/raw HOST_LAKE_STAR=file:$out/lake/star HOST_CHECKPOINTS_URL=file:$out/lake/checkpoints
export HOST_PLUGINS_PATH=$plugins HOST_LOG=error
rm -rf "$out/lake"

step() {
    echo "$1"
    shift
    "$host" "$@"
    echo
}

# A folder of <table>.jsonl stands for the database.
HOST_SOURCE_URL=dir:$raw step "the first day: every row of every table becomes a packet, and the packets star tables" sync
HOST_SOURCE_URL=dir:$raw-next-day step "a day later: new orders, payments that were made, silent edits" sync
HOST_SOURCE_URL=dir:$raw-next-day step "the sweep: rows that are gone" reconcile
step "what the sweep found becomes a row of the table of deletions" process
step "where each table stands" status
"$python" "$(dirname "$0")/demo.py" "$out/lake/star"
