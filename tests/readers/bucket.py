#!/usr/bin/env python3
"""Reads star tables in a bucket with DuckDB, and brings lake and star tables into a folder.

    bucket.py ENDPOINT RAW STAR FOLDER

RAW and STAR are `s3://<bucket>/<prefix>` on the S3 at ENDPOINT. FOLDER gets `lake/raw` and `lake/star`. Prints one JSON document:
the rows of each star table, as DuckDB counts them in the bucket itself.
"""

import json
import sys
from pathlib import Path
from urllib.parse import urlparse

import boto3
import duckdb
from duckdb_extensions import import_extension


def download(client, url, folder):
    """Brings what lies below `url` into the folder; gives the names of the folders at the top."""
    place = urlparse(url)
    prefix = place.path.lstrip("/") + "/"
    names = set()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=place.netloc, Prefix=prefix):
        for found in page.get("Contents", []):
            below = found["Key"].removeprefix(prefix)
            names.add(below.split("/")[0])
            target = folder / below
            target.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(place.netloc, found["Key"], str(target))
    return names


def main():
    endpoint, raw, star, folder = sys.argv[1:]
    client = boto3.client("s3", endpoint_url=endpoint, region_name="eu-west-2", aws_access_key_id="x",
                          aws_secret_access_key="x")
    lake = Path(folder) / "lake"
    download(client, raw, lake / "raw")
    tables = [name for name in download(client, star, lake / "star") if (lake / "star" / name / "_delta_log").is_dir()]
    connection = duckdb.connect()
    for extension in ("delta", "httpfs"):
        import_extension(extension, con=connection)
    connection.execute(f"""CREATE SECRET (TYPE s3, KEY_ID 'x', SECRET 'x', REGION 'eu-west-2', USE_SSL false, URL_STYLE 'path',
                           ENDPOINT '{urlparse(endpoint).netloc}')""")
    rows = {}
    for table in sorted(tables):
        [(rows[table],)] = connection.execute(f"SELECT count(*) FROM delta_scan('{star}/{table}')").fetchall()
    print(json.dumps(rows))


main()
