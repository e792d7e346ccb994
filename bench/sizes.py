#!/usr/bin/env python3
"""How large decant's Parquet files are beside DuckDB's and pyarrow's of the same rows, and where their bytes are.

decant exports the table; the peers read that file and write it again, so that all hold the same rows in the same order.
Each writes with its own defaults but for the compression, which is zstd 3 for all, and once more with its default
codec. Then, column by column: bytes, encodings, bits a value, and the order-0 entropy of the values, which is what an
encoder that knew how often each value comes, but nothing of their order or digits, would need for each of them.
--read compares instead how long DuckDB and pyarrow take to read the files, and how long a selective filter takes.
"""

import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

from server import Server

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENTROPY_ROWS = 1_000_000    # the first of a file: counting all values of a large one takes its time


@dataclass
class Column:
    stored: int = 0
    plain: int = 0
    values: int = 0
    encodings: set = field(default_factory=set)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--sizes", action="store_true", help=argparse.SUPPRESS)
    add("--db", default=os.environ.get("DATABASE_URL", ""), help="connection string of the server")
    add("--table", default="records", help="the table that is exported")
    add("--decant", default=os.path.join(ROOT, "build/release/src/decant"))
    add("--data", default=os.environ.get("TMPDIR", "/var/tmp"), help="folder for the files")
    add("--files", metavar="FOLDER", help="keep the files there, and take those that are there already")
    add("--profiles", nargs="*", default=["portable", "modern"], help="of decant")
    add("--flatten", action="store_true", help="also a file whose JSON columns are flattened by a full pass")
    add("--read", type=int, default=0, metavar="ROUNDS", help="measure how long the files take to read, instead")
    add("--only", metavar="REGEX", default="", help="with --read: the readers whose name has it")
    add("--no-defaults", action="store_true", help="zstd 3 alone, not the peers' default codecs")
    return parser.parse_args()


def export(options, server, path, *arguments):
    argv = [options.decant, "export", "--quiet", "--format", "parquet", "--table", options.table, "-o", path, *arguments]
    subprocess.run(argv, env=server.environment, check=True)


def duckdb_write(source, path, extra):
    import duckdb

    db = duckdb.connect()
    db.execute("SET threads = 2; SET memory_limit = '2GB'; SET TimeZone = 'UTC'")
    db.execute(f"COPY (FROM read_parquet('{source}')) TO '{path}' (FORMAT parquet{extra})")


def pyarrow_write(source, path, **extra):
    import pyarrow.parquet as parquet

    file = parquet.ParquetFile(source)
    with parquet.ParquetWriter(path, file.schema_arrow, **extra) as writer:
        for batch in file.iter_batches(batch_size=1 << 20):
            writer.write_batch(batch)


def writers(options, server):
    """What each file's name is, and what writes it, from the file of the first."""
    made = {}
    for profile in options.profiles:
        arguments = ["--parquet", f"profile={profile}"]
        made[f"decant {profile}"] = lambda s, p, a=arguments: export(options, server, p, *a)
    if options.flatten:
        made["decant modern, flattened"] = lambda s, p: export(
            options, server, p, "--parquet", "profile=modern", "--flatten", "--discover", "full")
    zstd = ", COMPRESSION zstd, COMPRESSION_LEVEL 3"
    made["DuckDB"] = lambda s, p: duckdb_write(s, p, zstd)
    made["DuckDB v2"] = lambda s, p: duckdb_write(s, p, zstd + ", PARQUET_VERSION v2")
    made["pyarrow"] = lambda s, p: pyarrow_write(s, p, compression="zstd", compression_level=3)
    if not options.no_defaults:
        made["DuckDB, default codec"] = lambda s, p: duckdb_write(s, p, "")
        made["pyarrow, default codec"] = lambda s, p: pyarrow_write(s, p)
    return made


def read_columns(path):
    import pyarrow.parquet as parquet

    metadata, columns = parquet.ParquetFile(path).metadata, {}
    for g in range(metadata.num_row_groups):
        for c in range(metadata.num_columns):
            chunk = metadata.row_group(g).column(c)
            column = columns.setdefault(chunk.path_in_schema, Column())
            column.stored += chunk.total_compressed_size
            column.plain += chunk.total_uncompressed_size
            column.values += chunk.num_values
            column.encodings |= set(chunk.encodings) - {"RLE", "BIT_PACKED"}
    return columns


def entropies(path):
    """Bits a value, by column."""
    import pyarrow
    import pyarrow.compute as compute
    import pyarrow.parquet as parquet

    found, file = {}, parquet.ParquetFile(path)
    for place, name in enumerate(file.schema.names):
        batches, rows = [], 0
        for batch in file.iter_batches(columns=[file.schema.column(place).path]):
            batches.append(batch)
            rows += batch.num_rows
            if rows >= ENTROPY_ROWS:
                break
        values = pyarrow.Table.from_batches(batches).column(0).slice(0, ENTROPY_ROWS).combine_chunks()
        if isinstance(values, pyarrow.ExtensionArray):    # JSON
            values = values.storage
        if pyarrow.types.is_nested(values.type):
            continue
        counts = compute.value_counts(values).field("counts").to_pylist()
        found[file.schema.column(place).path] = -sum(n / len(values) * math.log2(n / len(values)) for n in counts)
    return found


SHORT = {"RLE_DICTIONARY": "dictionary", "PLAIN_DICTIONARY": "dictionary", "PLAIN": "plain",
         "DELTA_BINARY_PACKED": "delta", "DELTA_LENGTH_BYTE_ARRAY": "delta length",
         "DELTA_BYTE_ARRAY": "delta strings", "BYTE_STREAM_SPLIT": "split"}


def encodings(column):
    """A dictionary page is PLAIN itself, which says nothing of the data pages."""
    found = {SHORT.get(e, e) for e in column.encodings}
    if len(found) > 1 and "dictionary" in found:
        found.discard("plain")
    return ", ".join(sorted(found))


def print_columns(name, columns, entropy):
    print(f"\n**{name}**\n\n| column | encoding | bytes | share | bits a value | entropy of the values |\n"
          "|---|---|---:|---:|---:|---:|")
    total = sum(c.stored for c in columns.values())
    for path, c in columns.items():
        bits = f"{entropy[path]:.2f}" if path in entropy else ""
        print(f"| {path} | {encodings(c)} | {c.stored:,} | {100 * c.stored / total:.1f} % | {8 * c.stored / c.values:.2f} "
              f"| {bits} |")


def print_comparison(files):
    """One column of the table for each file, its bits a value for each of the columns."""
    read = {name: read_columns(path) for name, path in files.items()}
    first = next(iter(read.values()))
    files = [name for name, columns in read.items() if set(columns) == set(first)]
    print("\n| bits a value | " + " | ".join(files) + " |\n|---|" + "---:|" * len(files))
    for path in first:
        cells = [f"{8 * read[n][path].stored / read[n][path].values:.2f}" for n in files]
        print(f"| {path} | " + " | ".join(cells) + " |")


def print_totals(files):
    sizes = {name: os.stat(path).st_size for name, path in files.items()}
    compared = [name for name in sizes if not name.startswith("decant")]
    print("\n| file | bytes | " + " | ".join(f"of {n}" for n in compared) + " |\n|---|---:|" + "---:|" * len(compared))
    for name, size in sizes.items():
        print(f"| {name} | {size:,} | " + " | ".join(f"{size / sizes[n]:.3f}" for n in compared) + " |")


def make_files(options, server, folder):
    files = {}
    for name, write in writers(options, server).items():
        path = os.path.join(folder, name.replace(",", "").replace(" ", "-") + ".parquet")
        if not os.path.exists(path):
            print(f"{name} …", file=sys.stderr)
            write(next(iter(files.values()), None), path + ".part")
            os.rename(path + ".part", path)
        files[name] = path
    return files


# ---- Reading back ----

def read_duckdb(path):
    """Every value of every column, and no result to speak of."""
    import duckdb

    db = duckdb.connect()
    names = [row[0] for row in db.execute(f"DESCRIBE FROM read_parquet('{path}')").fetchall()]
    hashed = ", ".join(f'bit_xor(hash("{n}"))' for n in names)
    db.execute("SET threads = 2")
    return lambda: db.execute(f"SELECT {hashed} FROM read_parquet('{path}')").fetchall()


def read_pyarrow(path):
    import pyarrow.parquet as parquet

    def scan():
        for _ in parquet.ParquetFile(path).iter_batches(batch_size=65536):
            pass
    return scan


def filter_datafusion(path):
    """One value of the first column, which lies in one page of one row group where it is sorted."""
    import datafusion
    import pyarrow.parquet as parquet

    file = parquet.ParquetFile(path)
    name = file.schema.names[0]
    batch = next(file.iter_batches(columns=[name], row_groups=[file.num_row_groups // 2]))
    value = batch.column(0)[len(batch) // 2].as_py()
    config = datafusion.SessionConfig().set("datafusion.execution.parquet.pushdown_filters", "true")
    session = datafusion.SessionContext(config.set("datafusion.execution.parquet.enable_page_index", "true"))
    session.register_parquet("t", path)
    return lambda: session.sql(f'SELECT * FROM t WHERE "{name}" = {value}').collect()


READERS = {"DuckDB, all values": read_duckdb, "pyarrow, all values": read_pyarrow,
           "datafusion, one value of the first column": filter_datafusion}


def seconds_of(function, what):
    """None where the reader cannot read the file: some lack what other writers write."""
    started = time.monotonic()
    try:
        function()
    except Exception as problem:    # each reader has its own
        print(f"{what}: {problem}", file=sys.stderr)
        return None
    return time.monotonic() - started


def print_reading(files, rounds, only):
    print("\n| seconds (median) | " + " | ".join(files) + " |\n|---|" + "---:|" * len(files))
    for reader, prepare in READERS.items():
        if not re.search(only, reader):
            continue
        try:
            functions = {name: prepare(path) for name, path in files.items()}
        except ImportError:
            print(f"{reader}: not installed", file=sys.stderr)
            continue
        times = {name: [] for name in files}
        for round_number in range(rounds + 1):      # the first fills the caches
            for name, function in functions.items():
                seconds = seconds_of(function, f"{reader}, {name}")
                if round_number and seconds is not None:
                    times[name].append(seconds)
        print(f"| {reader} | " + " | ".join(f"{statistics.median(t):.3f}" if t else "fails" for t in times.values()) + " |")


def main():
    options = parse_arguments()
    server = Server(options.db)
    with tempfile.TemporaryDirectory(dir=options.data) as temporary:
        folder = options.files or temporary
        os.makedirs(folder, exist_ok=True)
        files = make_files(options, server, folder)
        if options.read:
            print_reading({n: p for n, p in files.items() if "default codec" not in n}, options.read, options.only)
            return
        entropy = entropies(next(iter(files.values())))
        print_totals(files)
        print_comparison(files)
        for name, path in files.items():
            if name.startswith("decant"):
                print_columns(name, read_columns(path), entropy)


if __name__ == "__main__":
    main()
