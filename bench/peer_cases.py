"""What people would use instead: each program as its documentation has it, installed by bench/peers/install."""

import os

from cases import OUT, Case, printed_json

HERE = os.path.dirname(os.path.abspath(__file__))

# The cases of decant that stand beside them.
COMPARED = ("csv to a file", "csv --no-flatten to a file", "csv + gzip to a file",
            "json to a file", "ndjson to a file",
            "xml to a file", "parquet snappy to a file", "parquet zstd to a file")


def python_case(options, name, way, extension, beside, key=""):
    python = os.path.join(options.peer_folder, "python/bin/python")
    argv = [python, os.path.join(HERE, "peers/to_file.py"), way, options.table, key, OUT]
    return Case(name, [argv], extension, group="peers", beside=beside, rows=printed_json)


def node_case(options, name, what, extension, beside):
    program = os.path.join(options.peer_folder, "node/export.js")
    return Case(f"Node: {name}", [["node", program, what, options.table, OUT]], extension, group="peers",
                beside=beside, rows=printed_json)


def psql_into_duckdb(options, server):
    """The way where DuckDB's extension for PostgreSQL is not to be had."""
    case = python_case(options, "psql \\| DuckDB: parquet zstd", "duckdb_csv", "parquet", "parquet zstd to a file")
    copy = f"COPY (SELECT * FROM {options.table}) TO STDOUT (FORMAT csv, HEADER)"
    case.commands.insert(0, server.psql + ["-c", copy])
    return case


def parquet_cases(options, server):
    zstd, key = "parquet zstd to a file", server.number_key_of(options.table)
    password = {k: v for k, v in server.environment.items() if k == "PGPASSWORD"}
    pg2parquet = os.path.join(options.peer_folder, "cargo/bin/pg2parquet")
    return [
        python_case(options, "DuckDB postgres: parquet zstd", "duckdb_postgres", "parquet", zstd),
        psql_into_duckdb(options, server),
        python_case(options, "ADBC → pyarrow: parquet zstd", "adbc", "parquet", zstd),
        python_case(options, "ConnectorX → pyarrow: parquet zstd", "connectorx_whole", "parquet", zstd, key),
        python_case(options, "ConnectorX stream → pyarrow: parquet zstd", "connectorx_stream", "parquet", zstd, key),
        python_case(options, "polars: parquet zstd", "polars", "parquet", zstd, key),
        # It prints no count: that it ended well must do. It asks a terminal where it is given no password.
        Case("pg2parquet: parquet zstd", [[pg2parquet, "export", "--quiet", "-t", options.table, "-o", OUT]], "parquet",
             group="peers", beside=zstd, environment={"PGPASSWORD": "none", **password, "DATABASE_URL": server.url()}),
    ]


def peer_cases(options, server):
    return [
        python_case(options, "DuckDB postgres: csv", "duckdb_postgres", "csv", "csv --no-flatten to a file"),
        python_case(options, "DuckDB postgres: csv + gzip", "duckdb_postgres", "csv.gz", "csv + gzip to a file"),
        python_case(options, "DuckDB postgres: ndjson", "duckdb_postgres", "json", "ndjson to a file"),
        node_case(options, "csv", "csv", "csv", "csv to a file"),
        node_case(options, "csv + gzip", "csv-gzip", "csv.gz", "csv + gzip to a file"),
        node_case(options, "csv + gzip, rows gathered", "csv-gathered-gzip", "csv.gz", "csv + gzip to a file"),
        node_case(options, "json", "json", "json", "json to a file"),
        node_case(options, "ndjson", "ndjson", "ndjson", "ndjson to a file"),
        node_case(options, "xml", "xml", "xml", "xml to a file"),
        node_case(options, "parquet snappy", "parquet", "parquet", "parquet snappy to a file"),
        *parquet_cases(options, server),
    ]
