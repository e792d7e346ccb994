"""Types that Parquet can write in several ways: uuid, time, and numeric without precision."""

import uuid
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.parquet import READERS

VALUE_ERROR = 1
IDS = ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "7f000000-0000-4000-8000-0000000000ff",
       "80000000-0000-4000-8000-000000000001"]
TIMES = ["00:00:00", "23:59:59.999999", "12:34:56.5", "00:00:00.000001"]


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute("CREATE TABLE moments (id uuid NOT NULL, at time, zoned timetz)")
    for i in range(4):
        db.execute(f"INSERT INTO moments VALUES ('{IDS[i]}', '{TIMES[i]}', '{TIMES[i]}+02')")
    db.execute("CREATE TABLE numbers (n numeric)")
    db.execute("INSERT INTO numbers VALUES (0), (-0.1), (123456789012.25), (1e-7), (NULL)")


@pytest.fixture
def write(decant, tmp_path):
    def export(query, options, *arguments, **more):
        path = tmp_path / "export.parquet"
        decant("export", "--quiet", "-o", path, "--query", query, "--parquet", options, *arguments, **more)
        return path

    return export


def micros(text):
    hours, minutes, seconds = text.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000_000 + int(Decimal(seconds) * 1_000_000)


def as_uuid(value):
    return str(value if isinstance(value, uuid.UUID) else uuid.UUID(bytes=value) if isinstance(value, bytes) else value)


@pytest.mark.parametrize("options", ["profile=modern", "uuid=uuid,time=time", "profile=modern,dictionary=false"])
def test_uuid_and_time_are_annotated_in_every_reader(write, options):
    path = write("SELECT id, at FROM moments", options)
    schema = pq.ParquetFile(path).schema
    assert (schema.column(0).physical_type, schema.column(0).length) == ("FIXED_LEN_BYTE_ARRAY", 16)
    assert str(schema.column(0).logical_type) == "UUID"
    assert str(schema.column(1).logical_type).startswith("Time(isAdjustedToUTC=false, timeUnit=microseconds")
    for name, read in READERS.items():
        table = read(path)
        assert [as_uuid(v) for v in table.column("id").to_pylist()] == IDS, name
        times = table.column("at")
        unit = 1000 if times.type == pa.time64("ns") else 1
        assert [v // unit for v in times.cast(pa.int64()).to_pylist()] == [micros(t) for t in TIMES], name


def test_portable_files_and_those_that_ask_for_it_have_texts(write):
    for options in ("profile=portable", "profile=modern,uuid=string,time=string"):
        table = pq.read_table(write("SELECT * FROM moments", options))
        assert table.column("id").to_pylist() == IDS
        assert table.column("at").to_pylist() == TIMES
        assert table.column("zoned").to_pylist() == [t + "+02" for t in TIMES]


def test_statistics_of_uuids_are_in_the_order_of_their_bytes(write):
    statistics = pq.ParquetFile(write("SELECT id FROM moments", "uuid=uuid")).metadata.row_group(0).column(0).statistics
    assert (statistics.min, statistics.max) == (uuid.UUID(IDS[0]).bytes, uuid.UUID(IDS[1]).bytes)


def test_the_time_24_00_is_special(decant, write):
    query = "SELECT time '24:00:00' AS late"
    failed = decant("export", "--format", "parquet", "--query", query, "--parquet", "time=time", code=VALUE_ERROR)
    assert '"late"' in failed.err and "24:00:00" in failed.err
    for special, expected in (("null", None), ("replace", 86_399_999_999)):
        read = pq.read_table(write(query, "time=time", "--special", special)).column(0)
        assert read.cast(pa.int64()).to_pylist() == [expected]


def test_numerics_are_exact_texts_doubles_or_decimals(write):
    query = "SELECT n FROM numbers"
    texts = pq.read_table(write(query, "profile=modern")).column(0).to_pylist()
    assert texts == ["0", "-0.1", "123456789012.25", "0.0000001", None]
    for name, read in READERS.items():
        values = read(write(query, "numeric=double")).column(0).to_pylist()
        assert values == [0.0, -0.1, 123456789012.25, 1e-7, None], name
        values = read(write(query, "numeric=decimal:20:7")).column(0).to_pylist()
        assert values == [Decimal(0), Decimal("-0.1"), Decimal("123456789012.25"), Decimal("1e-7"), None], name


@pytest.mark.parametrize("value, place", [("1000", "before"), ("0.125", "behind")])
def test_a_number_that_does_not_fit_the_decimal_is_an_error_that_names_it(decant, write, value, place):
    failed = decant("export", "--format", "parquet", "--query", f"SELECT {value}::numeric AS n", "--parquet",
                    "numeric=decimal:5:2", code=VALUE_ERROR)
    assert value in failed.err and '"n"' in failed.err and place in failed.err
    assert pq.read_table(write(f"SELECT {value}::numeric AS n", "numeric=decimal:5:2", "--special", "null")).column(0).to_pylist() == [None]


def test_a_number_beyond_all_doubles_is_special(db, decant, write):
    query = "SELECT -1e400::numeric AS n"
    decant("export", "--format", "parquet", "--query", query, "--parquet", "numeric=double", code=VALUE_ERROR)
    replaced = pq.read_table(write(query, "numeric=double", "--special", "replace")).column(0).to_pylist()
    assert replaced == [-1.7976931348623157e308]
    if db.version >= 140000:  # before, a numeric is finite or not a number
        assert pq.read_table(write("SELECT 'Infinity'::numeric AS n", "numeric=double")).column(0).to_pylist() == [float("inf")]


@pytest.mark.parametrize("choice", ["float", "decimal", "decimal:39:2", "decimal:5:6", "decimal:5:2x", "decimal:5"])
def test_a_choice_that_does_not_exist_is_refused(decant, choice):
    failed = decant("export", "--format", "parquet", "--query", "SELECT 1.5 AS n", "--parquet", f"numeric={choice}", code=2)
    assert "parquet.numeric" in failed.err
