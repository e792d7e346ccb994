"""
Readers skip row groups and pages by what a file says of them: statistics, the page index, bloom filters. Whoever
skips must find the same rows in a file that says nothing, by the same reader's own rules of comparison (they differ
about NaN), around every border of a row group's values.
"""

import datetime
import functools
import operator
from decimal import Decimal

import datafusion
import duckdb
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

ROWS = 4000
PARTS = "row-group-rows=900,page-rows=60"
SILENT = ",statistics=false,page-index=false"
OPERATORS = {"eq": operator.eq, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge}
SQL = {"eq": "=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}

# Values that follow the rows loosely, so that there is something to skip, with what is hard at the borders.
COLUMNS = {
    "an_int": ("int4", "(i - 2000) * 3"),
    "sparse": ("int8", "CASE WHEN i % 900 > 700 THEN (i - 1000) * 4294967296 END"),
    "an_oid": ("oid", "i::int8 * 1000000"),
    "small": ("numeric(9,2)", "(2000 - i) * 1.01"),
    "large": ("numeric(18,4)", "(i - 2000) * 1000000.0001"),
    "wide": ("numeric(38,10)", "(i - 2000) * 1e20 + 0.0000000001"),
    "real": ("float4", "(i - 2000) / 8.0"),
    "zeros": (
        "float8",
        "CASE i / 450 % 3 WHEN 0 THEN '0'::float8 WHEN 1 THEN '-0'::float8 ELSE (i % 3 - 1)::float8 END",
    ),
    "with_nan": (
        "float8",
        "CASE WHEN i / 900 % 2 = 0 AND i % 300 = 7 THEN 'NaN'::float8 ELSE i - 2000.5 END",
    ),
    "only_nan": ("float8", "CASE WHEN i / 60 % 2 = 0 THEN 'NaN'::float8 ELSE i END"),
    "a_text": ("text", "'key ' || lpad(i::text, 5, '0')"),
    "long_text": ("text", "repeat('x', 60 + i / 1000) || lpad(i::text, 5, '0')"),
    "high_text": ("text", "repeat('\U0010ffff', 15 + i / 900) || 'é' || i % 7"),
    "bytes": ("bytea", "decode(repeat('ff', 62 + i / 900) || lpad(to_hex(i), 4, '0'), 'hex')"),
    "few": ("text", "'label ' || i / 500"),
    "day": ("date", "'1970-01-01'::date + (i - 2000)"),
    "moment": ("timestamp", "'1970-01-01'::timestamp + (i - 2000) * interval '61.000001 s'"),
    "flag": ("bool", "i / 900 % 2 = 0"),
}


@pytest.fixture(scope="module")
def files(db, decant, tmp_path_factory):
    """profile -> the file that says all, and the one that says nothing."""
    folder = tmp_path_factory.mktemp("predicates")
    definitions = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    cells = ", ".join(f"CASE WHEN i % 11 <> 5 THEN ({value})::{kind} END" for kind, value in COLUMNS.values())
    db.execute(f"CREATE TABLE borders (row int4 NOT NULL, {definitions})")
    db.execute(f"INSERT INTO borders SELECT i, {cells} FROM generate_series(0, {ROWS - 1}) i")

    def export(profile, extra):
        path = folder / f"{profile}{len(extra)}.parquet"
        options = f"{PARTS},profile={profile}{extra}"
        decant("export", "--quiet", "--table", "borders", "-o", path, "--lanes", 1, "--parquet", options)
        return path

    return {profile: (export(profile, ""), export(profile, SILENT)) for profile in ("portable", "modern")}


def neighbours(value):
    """What lies just beside a value, and has a border of its own in truncated statistics."""
    if isinstance(value, str):
        return [value[:64], value[:-1], value + "\0", value + "z"]
    if isinstance(value, bytes):
        return [value[:64], value + b"\0"]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, datetime.datetime):
        return [value + datetime.timedelta(microseconds=1)]
    if isinstance(value, datetime.date):
        return [value + datetime.timedelta(days=1)]
    if isinstance(value, Decimal):
        return [value + Decimal(1).scaleb(value.as_tuple().exponent), -value]
    return [value + 1] if abs(value) < 2**62 else []


def borders(table, name):
    """The first and last values of row groups and pages, and what is beside them."""
    column = table.column(name)
    positions = [0, 59, 60, 450, 899, 900, 1799, 1800, 1980, 2000, 2700, ROWS - 1]
    values = {v for v in column.take(positions).to_pylist() if v is not None and v == v}
    values |= {v for v in list(pc.min_max(column).as_py().values()) if v is not None}
    values |= {beside for value in list(values) for beside in neighbours(value)}
    if pa.types.is_floating(column.type):
        values |= {0.0, 1.0}
        return [*sorted(values), -0.0, float("nan")]
    if pa.types.is_unsigned_integer(column.type):
        return sorted(v for v in values if 0 <= v < 2**32)
    return sorted(values)


@functools.cache
def duckdb_connection():
    return duckdb.connect(config={"threads": 1})


def by_pyarrow(path, name, compare, value, kind):
    return pq.read_table(
        path, columns=["row"], filters=OPERATORS[compare](pc.field(name), pa.scalar(value, kind))
    )


def by_duckdb(path, name, compare, value, kind):
    statement = f"SELECT row FROM read_parquet(?) WHERE {name} {SQL[compare]} ?"
    return duckdb_connection().execute(statement, [str(path), value]).to_arrow_table()


def by_polars(path, name, compare, value, kind):
    literal = polars.lit(polars.from_arrow(pa.array([value], kind))).first()
    return (
        polars.scan_parquet(path)
        .filter(OPERATORS[compare](polars.col(name), literal))
        .select("row")
        .collect()
        .to_arrow()
    )


def by_datafusion(path, name, compare, value, kind):
    settings = datafusion.SessionConfig().set("datafusion.execution.parquet.pushdown_filters", "true")
    frame = datafusion.SessionContext(settings.with_target_partitions(1)).read_parquet(str(path))
    condition = OPERATORS[compare](datafusion.col(name), datafusion.lit(pa.scalar(value, kind)))
    batches = frame.filter(condition).select(datafusion.col("row")).collect()
    return pa.Table.from_batches(batches) if batches else pa.table({"row": pa.array([], pa.int32())})


ENGINES = {"pyarrow": by_pyarrow, "DuckDB": by_duckdb, "Polars": by_polars, "DataFusion": by_datafusion}


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("profile", ["portable", "modern"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_predicate_finds_the_same_rows_where_the_file_says_what_it_holds(files, engine, profile, step):
    telling, silent = files[profile]
    table = pq.read_table(silent)
    wrong = []
    for name in COLUMNS:
        kind = table.schema.field(name).type
        for value in borders(table, name)[::step]:
            for compare in OPERATORS:
                want, found = (
                    sorted(ENGINES[engine](path, name, compare, value, kind).column("row").to_pylist())
                    for path in (silent, telling)
                )
                if want != found:
                    wrong.append(f"{name} {SQL[compare]} {value!r}: {len(found)} rows, not {len(want)}")
    assert not wrong, "\n".join(wrong[:40])


def test_datafusion_skips_pages_by_the_page_index(files):
    """Not in vain: the reader says how many rows it did not have to look at."""
    telling, _ = files["portable"]
    context = datafusion.SessionContext()
    context.register_parquet("t", str(telling))
    plan = context.sql("EXPLAIN ANALYZE SELECT row FROM t WHERE an_int = 30").collect()
    text = " ".join(str(value) for batch in plan for value in batch.column(1).to_pylist())
    assert "page_index_rows_pruned" in text and "row_groups_pruned_statistics" in text
