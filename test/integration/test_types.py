"""
Every value of the small types, and millions of the large ones, is the text of the server: compared in one go, as
COPY writes CSV and as row_to_json says it. test_generated_tables.py mixes types.
"""

import io
import random
import re
import struct

import numpy as np
import polars
import pyarrow as pa
import pytest
from support import values
from support.oracle import IS_XML_NAME, array_items, parse_xml, unescape_xml_name, xml_rows
from support.parquet import EPOCH_US, READERS, parquet_file

LONG = pytest.mark.long
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
CODE_POINTS = "generate_series(1, 1114111, {step}) i WHERE i NOT BETWEEN 55296 AND 57343"


def make(db, table, query):
    db.execute(f"DROP TABLE IF EXISTS {table}")
    db.execute(f"CREATE TABLE {table} AS {query}")


def assert_texts_of_the_server(db, decant, table):
    options = {"timeout": 1200}
    written = decant.export("--table", table, "--format", "csv", **options)
    assert written == db.csv(f"SELECT * FROM {table}")
    written = decant.export("--table", table, "--format", "ndjson", **options)
    # COPY's text format doubles backslashes, and escapes no other character that JSON can have.
    copied = db.copy(f"COPY (SELECT row_to_json(r) FROM {table} r) TO STDOUT")
    assert written == copied.replace(b"\\\\", b"\\")


# --- texts ----------------------------------------------------------------------------------------
def test_every_code_point_passes_through_csv_and_json(db, decant):
    make(db, "code_points", "SELECT i, 'a' || chr(i) || 'b' AS t FROM " + CODE_POINTS.format(step=1))
    assert_texts_of_the_server(db, decant, "code_points")


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=LONG)])
def test_every_code_point_passes_through_xml_and_parquet(db, decant, step):
    make(db, "code_points", "SELECT i, 'a' || chr(i) || 'b' AS t FROM " + CODE_POINTS.format(step=step))
    expected = [f"a{chr(i)}b" for i in db.column("SELECT i FROM code_points")]
    written = decant.export("--table", "code_points", "--columns", "t", "--format", "parquet")
    assert parquet_file(written).read().column("t").to_pylist() == expected
    written = decant.export(
        "--table", "code_points", "--columns", "t", "--format", "xml", "--special", "replace"
    )
    assert [row[0][1] for row in xml_rows(written)] == [NOT_XML.sub("\ufffd", text) for text in expected]


@pytest.mark.parametrize("step", [23, pytest.param(1, marks=LONG)])
@pytest.mark.parametrize("where", ["first", "later"])
def test_every_code_point_in_a_key_of_json_gives_an_xml_name_that_stands_for_it(db, decant, step, where):
    key = "chr(i) || 'b'" if where == "first" else "'a' || chr(i)"
    make(db, "keys", f"SELECT i, jsonb_build_object({key}, 1) AS doc FROM " + CODE_POINTS.format(step=step))
    top = parse_xml(decant.export("--table", "keys", "--columns", "doc", "--format", "xml"))
    tags = [record[0][0].tag for record in top]
    assert all(map(IS_XML_NAME.fullmatch, tags))
    expected = [chr(i) + "b" if where == "first" else "a" + chr(i) for i in db.column("SELECT i FROM keys")]
    assert list(map(unescape_xml_name, tags)) == expected


def tables_of_names(step):
    """All code points in the names of columns: 12 a name, 1,000 names a table."""
    points = [chr(i) for i in range(1, 1114112, step) if not 0xD800 <= i < 0xE000]
    names = ["".join(points[i : i + 12]) + f"{i:x}" for i in range(0, len(points), 12)]
    return [names[i : i + 1000] for i in range(0, len(names), 1000)]


@pytest.mark.parametrize("step", [101, pytest.param(1, marks=LONG)])
def test_every_code_point_in_the_name_of_a_column_is_spelled_as_the_server_spells_it(db, decant, step):
    for names in tables_of_names(step):
        db.execute("DROP TABLE IF EXISTS named")
        db.execute(f"CREATE TABLE named ({', '.join(values.name(name) + ' int' for name in names)})")
        db.execute("INSERT INTO named DEFAULT VALUES")
        query = "SELECT * FROM named"
        assert decant.export("--table", "named", "--format", "csv") == db.csv(query)
        assert decant.export("--table", "named", "--format", "ndjson") == db.ndjson(query)
        assert array_items(decant.export("--table", "named", "--format", "json")) == db.json_rows(query)
        (row,) = xml_rows(decant.export("--table", "named", "--format", "xml"))
        assert [unescape_xml_name(tag) for tag, _ in row] == names
        written = decant.export("--table", "named", "--format", "parquet")
        assert parquet_file(written).schema_arrow.names == names
        assert list(polars.read_parquet_schema(io.BytesIO(written))) == names


# --- numbers --------------------------------------------------------------------------------------
def test_every_int2_is_the_text_of_the_server(db, decant):
    make(db, "shorts", "SELECT i::int2 AS n, i::int2::text AS t FROM generate_series(-32768, 32767) i")
    assert_texts_of_the_server(db, decant, "shorts")
    (n, _) = parquet_file(decant.export("--table", "shorts", "--format", "parquet")).read().columns
    assert n.to_pylist() == list(range(-32768, 32768))


def random_floats(generator, shape, width):
    """From random bits, so that every exponent comes; JSON has tests of its own for what is not finite."""
    sent = generator.randbytes(width)
    exponent = struct.unpack(">Q" if width == 8 else ">I", sent)[0] >> (52 if width == 8 else 23)
    return bytes(width) if exponent % (2048 if width == 8 else 256) == shape else sent


@pytest.mark.parametrize("rows", [200_000, pytest.param(10_000_000, marks=LONG)])
def test_random_doubles_and_floats_are_the_text_of_the_server(db, decant, rows):
    db.execute("DROP TABLE IF EXISTS random_floats")
    db.execute("CREATE TABLE random_floats (a float8, b float4)")
    generator = random.Random(20240229)
    with db.connection.cursor().copy("COPY random_floats FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for start in range(0, rows, 10000):
            block = []
            for _ in range(min(10000, rows - start)):
                double, single = random_floats(generator, 2047, 8), random_floats(generator, 255, 4)
                block.append(b"\0\x02\0\0\0\x08" + double + b"\0\0\0\x04" + single)
            copy.write(b"".join(block))
        copy.write(b"\xff\xff")
    assert_texts_of_the_server(db, decant, "random_floats")


@pytest.mark.parametrize("rows", [200_000, pytest.param(10_000_000, marks=LONG)])
def test_random_numerics_are_the_text_of_the_server(db, decant, rows):
    """Of up to 60 digits, the point anywhere and far outside, zeros in front, behind and in between."""
    db.execute("DROP TABLE IF EXISTS random_numerics")
    db.execute("CREATE TABLE random_numerics (a numeric, b numeric(20, 7))")
    generator = random.Random(20240229)
    with db.connection.cursor().copy("COPY random_numerics FROM STDIN") as copy:
        for start in range(0, rows, 10000):
            copy.write("".join(random_numerics(generator) for _ in range(min(10000, rows - start))))
    assert_texts_of_the_server(db, decant, "random_numerics")


def random_numerics(generator):
    digits = generator.choice((1, 2, 4, 5, 8, 9, 12, 17, 20, 33, 60))
    number = generator.randrange(10**digits)
    if generator.random() < 0.3:  # base-10000 digits that are 0
        number -= number // 10**4 % 10**4 * 10**4
    sign = "-" if generator.random() < 0.5 else ""
    exponent = -generator.randrange(digits + 6) if generator.random() < 0.8 else generator.randrange(-70, 70)
    return f"{sign}{number}e{exponent}\t{sign}{generator.randrange(10 ** generator.randint(1, 20))}e-7\n"


# --- days and times -------------------------------------------------------------------------------
DAY_COLUMNS = {"d": ">i4", "t": ">i8", "z": ">i8"}


def binary_columns(db, table, columns):
    """The server's own numbers of columns without NULLs: days and microseconds since 2000."""
    row = [("fields", ">i2")]
    for name, kind in columns.items():
        row += [("length of " + name, ">i4"), (name, kind)]
    copied = db.copy(f"COPY (SELECT {', '.join(columns)} FROM {table}) TO STDOUT (FORMAT binary)")
    return np.frombuffer(copied[19:-2], dtype=row)


def numbers(column):
    width = pa.int32() if pa.types.is_date32(column.type) else pa.int64()
    return column.combine_chunks().cast(width).to_numpy()


def assert_days_of_the_server(db, decant, tmp_path, table, columns=("d", "t", "z")):
    assert_texts_of_the_server(db, decant, table)
    written = decant.export("--table", table, "--format", "xml", timeout=1200)
    forests = db.copy(f"COPY (SELECT xmlforest({', '.join(columns)}) FROM {table}) TO STDOUT")
    assert re.findall(rb"<record>(.*?)</record>", written) == forests.splitlines()
    path = tmp_path / "days.parquet"
    decant("export", "--quiet", "--table", table, "-o", path, timeout=1200)
    expected = binary_columns(db, table, {name: DAY_COLUMNS[name] for name in columns})
    for name, read in READERS.items():
        file = read(path)
        for column in columns:
            epoch = EPOCH_US // (86_400_000_000 if column == "d" else 1)
            assert np.array_equal(numbers(file.column(column)), expected[column] + epoch), (name, column)


DAYS = """SELECT d, d::timestamp + n * interval '23.000457 seconds' AS t,
            (d::timestamp - n * interval '17.25 seconds') AT TIME ZONE 'UTC' AS z
          FROM (SELECT '{first}'::date + i AS d, i % 86400 AS n FROM generate_series(1, {last}, {step}) i) days"""


@pytest.mark.parametrize("step", [37, pytest.param(1, marks=LONG)])
def test_every_day_to_the_year_9999_is_that_of_the_server(db, decant, tmp_path, step):
    make(db, "days", DAYS.format(first="0001-01-02", last=3652057, step=step))
    assert_days_of_the_server(db, decant, tmp_path, "days")


@pytest.mark.parametrize("step", [41, pytest.param(1, marks=LONG)])
def test_every_day_before_christ_is_that_of_the_server(db, decant, tmp_path, step):
    make(db, "days", DAYS.format(first="4713-01-02 BC", last=1721058, step=step))
    assert_days_of_the_server(db, decant, tmp_path, "days")


@pytest.mark.parametrize("step", [19937, pytest.param(213, marks=LONG)])
def test_days_beyond_the_year_9999_are_those_of_the_server(db, decant, tmp_path, step):
    make(db, "days", f"SELECT '10000-01-01'::date + i AS d FROM generate_series(0, 2142097999, {step}) i")
    assert_days_of_the_server(db, decant, tmp_path, "days", columns=("d",))
    make(db, "days", DAYS.format(first="9999-12-31", last=103800000, step=step // 20))
    assert_days_of_the_server(db, decant, tmp_path, "days")


@pytest.mark.parametrize("rows", [100_000, pytest.param(10_000_000, marks=LONG)])
def test_random_times_are_the_text_of_the_server(db, decant, rows):
    """Moments of a day in no order, with 0 to 6 digits behind the point."""
    make(
        db,
        "times",
        f"""SELECT '00:00'::time + us * interval '1 microsecond' AS t, '1970-01-01'::timestamp + us * interval '1 us' AS m
            FROM (SELECT i * 7919::int8 * 1000003 % 86400000000 / p * p AS us
                  FROM generate_series(0, {rows - 1}) i, LATERAL (SELECT (10 ^ (i % 7))::int8 AS p) power) moments""",
    )
    assert_texts_of_the_server(db, decant, "times")
