"""Tables made at random: types, values, NULLs, names. The server is the judge of every byte."""

import itertools
import json
import math
import random
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import values
from support.parquet import column_values, float_bits, parquet_file, server_values

TEXT = st.text(st.characters(blacklist_characters="\x00", blacklist_categories=("Cs",)), max_size=40)
INTERVAL = st.tuples(
    st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6), st.integers(-(10**15), 10**15)
)


def integers(bits):
    edge = 2 ** (bits - 1)
    return st.one_of(st.integers(-edge, edge - 1), st.sampled_from([-edge, edge - 1, 0, -1])).map(
        lambda n: f"'{n}'"
    )


def floats(width):
    # Numbers that no JSON can say have tests of their own.
    return st.floats(width=width, allow_nan=False, allow_infinity=False).map(lambda f: f"'{f!r}'")


def decimals(precision, scale):
    limit = 10**precision - 1

    def spell(n):  # not by Decimal's own arithmetic, which rounds to 28 digits
        digits = str(abs(n)).zfill(scale + 1)
        whole, fraction = digits[: len(digits) - scale], digits[len(digits) - scale :]
        return f"'{'-' if n < 0 else ''}{whole}.{fraction}'" if scale else f"'{n}'"

    return st.one_of(st.integers(-limit, limit), st.sampled_from([-limit, limit])).map(spell)


def json_text():
    leaf = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        TEXT,
        st.floats(allow_nan=False, allow_infinity=False),
    )
    tree = st.recursive(
        leaf,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
        max_leaves=12,
    )
    layouts = st.sampled_from([{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}])
    return st.tuples(tree, layouts).map(
        lambda pair: values.literal(json.dumps(pair[0], **pair[1]).replace("\\u0000", "?"))
    )


def moments(sql_type):
    """Every instant that the type can hold, in microseconds around 2000."""
    return st.one_of(
        st.integers(-211_810_000_000_000_000, 9_214_000_000_000_000_000), st.integers(-(10**15), 10**15)
    ).map(
        lambda us: (
            f"(timestamp '2000-01-01' + {us // 86_400_000_000} * interval '1 day'"
            f" + {us % 86_400_000_000} * interval '1 microsecond')"
            + (" AT TIME ZONE 'UTC'" if sql_type == "timestamptz" else "")
        )
    )


# Type, family of support/parquet.py, literals.
TYPES = [
    ("bool", "bool", st.sampled_from(["true", "false"])),
    ("int2", "int", integers(16)),
    ("int4", "int", integers(32)),
    ("int8", "int", integers(64)),
    ("float4", "float", floats(32)),
    ("float8", "float", floats(64)),
    (
        "numeric",
        "text",
        st.decimals(allow_nan=False, allow_infinity=False)
        .filter(lambda d: abs(d.adjusted()) < 200)
        .map(lambda d: f"'{d:f}'"),
    ),
    ("numeric(7,2)", "decimal", decimals(7, 2)),
    ("numeric(18,0)", "decimal", decimals(18, 0)),
    ("numeric(38,19)", "decimal", decimals(38, 19)),
    ("text", "text", TEXT.map(values.literal)),
    ("varchar(100)", "text", TEXT.map(values.literal)),
    ("char(50)", "text", TEXT.map(values.literal)),
    ("json", "json", json_text()),
    ("jsonb", "json", json_text()),
    ("bytea", "bytea", st.binary(max_size=40).map(lambda b: f"'\\x{b.hex()}'")),
    (
        "date",
        "date",
        st.integers(-2_451_545, 2_145_031_948 - 10_957).map(lambda d: f"(date '2000-01-01' + {d})"),
    ),
    ("timestamp", "timestamp", moments("timestamp")),
    ("timestamptz", "timestamptz", moments("timestamptz")),
    (
        "time",
        "text",
        st.integers(0, 86_400_000_000).map(
            lambda us: (
                "'24:00'" if us == 86_400_000_000 else f"(time '00:00' + {us} * interval '1 microsecond')"
            )
        ),
    ),
    ("uuid", "text", st.uuids().map(lambda u: f"'{u}'")),
    (
        "interval",
        "text",
        INTERVAL.map(
            lambda i: f"make_interval(months => {i[0]}, days => {i[1]}) + {i[2]} * interval '1 microsecond'"
        ),
    ),
    ("inet", "text", st.ip_addresses().map(lambda ip: f"'{ip}'")),
    (
        "int4[]",
        "nested",
        st.lists(st.one_of(st.none(), st.integers(-99, 99)), max_size=5).map(
            lambda items: "'{" + ",".join("NULL" if i is None else str(i) for i in items) + "}'"
        ),
    ),
    (
        "text[]",
        "nested",
        st.lists(TEXT, max_size=3).map(
            lambda items: "ARRAY[" + ",".join(map(values.literal, items)) + "]::text[]"
        ),
    ),
]
COLUMN_NAME = (
    st.one_of(st.sampled_from(values.NASTY_NAMES), TEXT)
    .map(lambda text: text.encode()[:60].decode(errors="ignore"))
    .filter(bool)
)


@st.composite
def tables(draw):
    """Columns as (name, type, family, not null) and rows of SQL literals."""
    chosen = draw(st.lists(st.tuples(st.sampled_from(TYPES), st.booleans()), min_size=1, max_size=8))
    names = draw(st.lists(COLUMN_NAME, min_size=len(chosen), max_size=len(chosen), unique=True))
    columns = [(name, kind[0], kind[1], not_null) for name, (kind, not_null) in zip(names, chosen)]
    cells = [kind[2] if not_null else st.one_of(kind[2], st.just("NULL")) for kind, not_null in chosen]
    return columns, draw(st.lists(st.tuples(*cells), max_size=12))


counter = itertools.count()


def check(db, decant, made):
    columns, rows = made
    table = f"random_{next(counter)}"
    definitions = ", ".join(
        f"{values.name(name)} {kind}{' NOT NULL' if not_null else ''}" for name, kind, _, not_null in columns
    )
    db.execute(f"CREATE TABLE {table} ({definitions})")
    try:
        for row in rows:
            db.execute(f"INSERT INTO {table} VALUES ({', '.join(row)})")
        source = f"SELECT * FROM {table}"
        assert decant.export("--table", table, "--format", "csv", "--no-flatten") == db.csv(source)
        assert decant.export("--table", table, "--format", "ndjson", "--special", "string") == db.ndjson(
            source
        )
        written = parquet_file(decant.export("--table", table, "--format", "parquet")).read()
        assert written.column_names == [name for name, *_ in columns]
        for name, kind, family, _ in columns:
            if family != "nested":
                check_parquet(db, table, values.Column(name, kind, [], family), written.column(name))
    finally:
        db.execute(f"DROP TABLE {table}")


def check_parquet(db, table, column, written):
    read, expected = column_values(written), server_values(db, table, column)
    if column.family == "float":
        if column.type == "float4":
            expected = [None if v is None else as_float4(v) for v in expected]
        read, expected = list(map(float_bits, read)), list(map(float_bits, expected))
    assert read == expected, column


def as_float4(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


COMMON = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=60, derandomize=True, **COMMON)
@given(made=tables())
def test_a_table_of_any_types_is_what_the_server_says(db, decant, made):
    check(db, decant, made)


@pytest.mark.long
@settings(max_examples=2000, **COMMON)
@given(made=tables())
def test_thousands_of_tables_of_any_types_are_what_the_server_says(db, decant, made):
    check(db, decant, made)


def test_every_code_point_passes_through_csv_and_json(db, decant):
    db.execute(
        "CREATE TABLE code_points AS SELECT i, 'a' || chr(i) || 'b' AS t FROM generate_series(1, 1114111) i "
        "WHERE i NOT BETWEEN 55296 AND 57343"
    )
    assert decant.export("--table", "code_points", "--format", "csv") == db.csv("SELECT * FROM code_points")
    assert decant.export("--table", "code_points", "--format", "ndjson") == db.ndjson(
        "SELECT * FROM code_points"
    )


def test_every_int2_and_every_date_of_four_digit_years_passes(db, decant):
    db.execute("""CREATE TABLE numbers_and_days AS SELECT (i % 65536 - 32768)::int2 AS n, date '0001-01-01' + i AS d,
                  (date '0001-01-01' + i)::timestamp + i * interval '23 seconds' AS t FROM generate_series(0, 3652058) i
                  WHERE i < 65536 OR i % 7 = 0""")
    assert decant.export("--table", "numbers_and_days", "--format", "csv") == db.csv(
        "SELECT * FROM numbers_and_days"
    )


@pytest.mark.parametrize("rows", [200_000, pytest.param(10_000_000, marks=pytest.mark.long)])
def test_random_doubles_and_floats_are_the_text_of_the_server(db, decant, rows):
    """From random bits, so that every exponent comes."""
    db.execute("DROP TABLE IF EXISTS random_floats")
    db.execute("CREATE TABLE random_floats (a float8, b float4)")
    generator = random.Random(20240229)
    with db.connection.cursor().copy("COPY random_floats FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for start in range(0, rows, 10000):
            block = []
            for _ in range(min(10000, rows - start)):
                double, single = generator.randbytes(8), generator.randbytes(4)
                if not math.isfinite(struct.unpack(">d", double)[0]):
                    double = bytes(8)
                if not math.isfinite(struct.unpack(">f", single)[0]):
                    single = bytes(4)
                block.append(b"\0\x02\0\0\0\x08" + double + b"\0\0\0\x04" + single)
            copy.write(b"".join(block))
        copy.write(b"\xff\xff")
    assert decant.export("--table", "random_floats", "--format", "csv", timeout=600) == db.csv(
        "SELECT * FROM random_floats"
    )
