#!/usr/bin/env python3
"""Exports a table as users of a library would: to_file.py WHAT TABLE KEY FILE. Prints {"rows": N}.

The connection string stands in BENCH_URL. KEY is a whole-number column by which a library may cut the table, or "".
Where a library can stream, it does."""

import json
import os
import sys

URL = os.environ["BENCH_URL"]
CORES = os.cpu_count()
GROUP_ROWS = 122880   # of a Parquet row group; DuckDB's default


def write_batches(batches, path):
    import pyarrow.parquet as parquet

    rows = 0
    with parquet.ParquetWriter(path, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def duckdb_postgres(table, key, path):
    import duckdb
    import duckdb_extension_postgres_scanner as extension

    version = duckdb.__version__
    folder = os.path.join(os.path.dirname(extension.__file__), "extensions", f"v{version}")
    db = duckdb.connect(config={"preserve_insertion_order": False})
    db.load_extension(os.path.join(folder, "postgres_scanner.duckdb_extension"))
    db.execute(f"ATTACH '{URL}' AS server (TYPE postgres, READ_ONLY)")
    options = {"parquet": "FORMAT parquet, COMPRESSION zstd", "csv": "FORMAT csv, HEADER", "json": "FORMAT json",
               "gz": "FORMAT csv, HEADER, COMPRESSION gzip"}[path.rpartition(".")[2]]
    return db.execute(f"COPY (FROM server.{table}) TO '{path}' ({options})").fetchone()[0]


def duckdb_csv(table, key, path):
    """Standard input is psql's CSV."""
    import duckdb

    db = duckdb.connect(config={"preserve_insertion_order": False})
    return db.execute(f"COPY (FROM read_csv('/dev/stdin', header=true)) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
                      ).fetchone()[0]


def connectorx_whole(table, key, path):
    """Over as many connections as cores; the library then holds the whole table."""
    import connectorx
    import pyarrow.parquet as parquet

    cut = {"partition_on": key, "partition_num": CORES} if key else {}
    rows = connectorx.read_sql(URL, f"SELECT * FROM {table}", return_type="arrow", **cut)
    parquet.write_table(rows, path, compression="zstd")
    return rows.num_rows


def connectorx_stream(table, key, path):
    import connectorx

    cut = {"partition_on": key, "partition_num": CORES} if key else {}
    return write_batches(connectorx.read_sql(URL, f"SELECT * FROM {table}", return_type="arrow_stream",
                                             batch_size=GROUP_ROWS, **cut), path)


def adbc(table, key, path):
    import adbc_driver_postgresql.dbapi as driver

    with driver.connect(URL) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        return write_batches(cursor.fetch_record_batch(), path)


def polars(table, key, path):
    import polars

    cut = {"partition_on": key, "partition_num": CORES} if key else {}
    rows = polars.read_database_uri(f"SELECT * FROM {table}", URL, engine="connectorx", **cut)
    rows.write_parquet(path, compression="zstd")
    return rows.height


WAYS = {f.__name__: f for f in (duckdb_postgres, duckdb_csv, connectorx_whole, connectorx_stream, adbc, polars)}

if __name__ == "__main__":
    what, table, key, path = sys.argv[1:]
    print(json.dumps({"rows": WAYS[what](table, key, path)}))
