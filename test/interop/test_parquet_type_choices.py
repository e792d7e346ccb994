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


def parts(months, days, micros):
    return {"months": months, "days": days, "micros": micros}


MOST = ("2147483647 mons 2147483647 days", parts(2**31 - 1, 2**31 - 1, 0))
INTERVALS = [("1 year 2 days 3.5 s", parts(12, 2, 3_500_000)), ("-1 mon +2 days -03:04:05.678901", parts(-1, 2, -11_045_678_901)),
             ("0", parts(0, 0, 0)), ("-178000000 years", parts(-2_136_000_000, 0, 0)), MOST, (None, None)]


@pytest.mark.parametrize("options", ["profile=modern", "interval=struct", "interval=struct,dictionary=false"])
def test_an_interval_is_a_group_of_its_parts_in_every_reader(write, options):
    literals = ", ".join(f"({i}, {repr(text) if text else 'NULL'}::interval)" for i, (text, _) in enumerate(INTERVALS))
    path = write(f"SELECT * FROM (VALUES {literals}) v(i, span)", options)
    for name, read in READERS.items():
        assert read(path).column("span").to_pylist() == [expected for _, expected in INTERVALS], name


def test_an_interval_is_text_in_portable_files_and_those_that_ask_for_it(write):
    for options in ("profile=portable", "profile=modern,interval=string"):
        assert pq.read_table(write("SELECT interval '36 h' AS span", options)).column(0).to_pylist() == ["36:00:00"]


def test_an_interval_that_is_not_null_is_a_required_group(db, decant, tmp_path):
    db.execute("CREATE TABLE shifts AS SELECT interval '8 h' AS length; ALTER TABLE shifts ALTER length SET NOT NULL")
    path = tmp_path / "shifts.parquet"
    decant("export", "--quiet", "-o", path, "--table", "shifts", "--parquet", "interval=struct")
    assert not pq.read_schema(path).field("length").nullable
    assert pq.ParquetFile(path).schema.column(0).max_definition_level == 0
    for name, read in READERS.items():
        assert read(path).column(0).to_pylist() == [parts(0, 0, 8 * 3_600_000_000)], name


@pytest.mark.parametrize("neighbour", ["int4", "inet"])  # the server takes a composite with an inet in it apart
def test_intervals_within_nested_types_are_groups_too(db, write, neighbour):
    db.execute(f"""CREATE DOMAIN positive AS interval CHECK (VALUE > '0');
                   CREATE TYPE stay AS (beside {neighbour}, span interval, spans interval[], bound positive)""")
    try:
        query = """SELECT ROW(NULL, '1 day', ARRAY['1 mon', NULL]::interval[], '1 s')::stay AS one,
                          ARRAY[ROW(NULL, NULL, NULL, NULL), ROW(NULL, '2 s', '{}', NULL)]::stay[] AS many,
                          '1 us'::positive AS alone, '{}'::interval[] AS none"""
        expected = {
            "one": {"beside": None, "span": parts(0, 1, 0), "spans": [parts(1, 0, 0), None], "bound": parts(0, 0, 10**6)},
            "many": [{"beside": None, "span": None, "spans": None, "bound": None},
                     {"beside": None, "span": parts(0, 0, 2 * 10**6), "spans": [], "bound": None}],
            "alone": parts(0, 0, 1),
            "none": [],
        }
        path = write(query, "interval=struct")
        for name, read in READERS.items():
            assert read(path).to_pylist() == [expected], name
    finally:
        db.execute("DROP TYPE stay; DROP DOMAIN positive")


def test_an_infinite_interval_is_special_as_a_group(db, decant, write):
    if db.version < 170000:
        pytest.skip("intervals are finite before PostgreSQL 17")
    query = "SELECT interval '-infinity' AS span, ARRAY[interval 'infinity'] AS spans"
    assert pq.read_table(write(query, "interval=string")).to_pylist() == [{"span": "-infinity", "spans": ["infinity"]}]
    failed = decant("export", "--format", "parquet", "--query", query, "--parquet", "interval=struct", code=VALUE_ERROR)
    assert '"span"' in failed.err and "-infinity" in failed.err
    read = pq.read_table(write(query, "interval=struct", "--special", "null")).to_pylist()
    assert read == [{"span": None, "spans": [None]}]
    ends = [parts(-(2**31), -(2**31), -(2**63)), parts(2**31 - 1, 2**31 - 1, 2**63 - 1)]
    read = pq.read_table(write(query, "interval=struct", "--special", "replace")).to_pylist()
    assert read == [{"span": ends[0], "spans": [ends[1]]}]


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
