"""Values far larger than the buffers: memory stays within the budget and a few times the largest row, and the bytes are right."""

import csv
import hashlib
import io
import json

import pytest

MIB = 1024 * 1024
ROW_MIB = 24
FORMATS = [
    ("csv", "none"),
    ("csv", "gzip"),
    ("csv", "zstd"),
    ("json", "none"),
    ("ndjson", "none"),
    ("xml", "none"),
    ("parquet", None),
]
# Every format escapes some of it, and no piece of a power of two ends with it.
UNIT = """'a "b", <c> & d\\e é' || chr(10)"""
UNIT_BYTES = 20


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    times = ROW_MIB * MIB // UNIT_BYTES
    # One block or less of each holds a large row, so that both lanes meet some at the same time.
    db.execute("CREATE TABLE large (id int, t text)")
    db.execute(
        f"INSERT INTO large SELECT i, CASE WHEN i % 40 = 0 THEN i || repeat({UNIT}, {times}) ELSE repeat('small', 400) END "
        "FROM generate_series(1, 480) i"
    )
    db.execute("CREATE UNIQUE INDEX ON large (id)")  # what lanes share it by before PostgreSQL 14
    db.execute("CREATE TABLE documents (id int, d jsonb)")
    db.execute(
        "INSERT INTO documents SELECT i, jsonb_build_object('a', jsonb_build_object('b', repeat('x \"y\" ', 2000000)), "
        "'c', i) FROM generate_series(1, 6) i"
    )
    db.execute("VACUUM ANALYZE")


def wide_table(db, rows):
    columns = ", ".join(f"c{i} {('int', 'text', 'float8')[i % 3]}" for i in range(1600))
    cells = ", ".join(("i", f"'t' || i % {i + 7}", "0.5")[i % 3] if i % 2 else "NULL" for i in range(1600))
    db.execute(f"CREATE TABLE wide ({columns})")
    db.execute(f"INSERT INTO wide SELECT {cells} FROM generate_series(1, {rows}) i")
    db.execute("VACUUM ANALYZE wide")


def check(decant, table, output_format, codec, row_bytes, rows, *more):
    arguments = ["--compress", codec] if codec else []
    run = decant("export", "--table", table, "--format", output_format, *arguments, *more, "--json", "-o", "/dev/null")
    summary = run.summary
    assert summary["rows"] == rows
    times = 5 if output_format == "parquet" else 3
    budget = summary["memoryBudgetBytes"]
    assert budget == sum(summary["memoryBudget"].values())
    assert summary["peakMemoryBytes"] <= budget + times * row_bytes, f"{summary}"
    return summary


@pytest.mark.parametrize("output_format, codec", FORMATS)
@pytest.mark.parametrize("lanes", [2, 4])
def test_large_rows_in_every_lane_take_their_turns(decant, output_format, codec, lanes):
    summary = check(decant, "large", output_format, codec, ROW_MIB * MIB, 480, "--lanes", lanes)
    if output_format != "parquet":
        assert summary["lanes"] > 1


@pytest.mark.parametrize("output_format, codec", [("csv", "none"), ("json", "none"), ("xml", "none"), ("parquet", None)])
def test_large_documents_flattened_or_not(decant, output_format, codec):
    check(decant, "documents", output_format, codec, 14 * MIB, 6, "--lanes", 2)


def test_csv_of_large_rows_is_what_copy_writes(db, decant):
    whole = decant.export("--table", "large", "--format", "csv", "--lanes", 2)
    assert hashlib.sha256(whole).digest() == hashlib.sha256(db.csv("SELECT * FROM large")).digest()


def test_json_of_large_rows_holds_the_values(decant):
    csv.field_size_limit(1 << 30)
    expected = list(csv.reader(io.StringIO(decant.export("--table", "large", "--format", "csv").decode(), newline="")))
    got = json.loads(decant.export("--table", "large", "--format", "json", "--lanes", 2))
    assert [[str(row["id"]), row["t"]] for row in got] == expected[1:]


def test_a_refused_value_late_in_a_large_row_fails_with_its_own_reason(db, decant, tmp_path):
    db.execute("CREATE TABLE refused (t text, f float8)")
    db.execute("INSERT INTO refused SELECT repeat('long ', 4000000), 'NaN'")
    run = decant("export", "--table", "refused", "-o", tmp_path / "out.json", code=1)
    assert "NaN" in run.err
    assert list(tmp_path.iterdir()) == []


def test_wide_rows_stay_within_the_budget(db, decant):
    wide_table(db, 2000)
    for output_format in ("csv", "json", "xml", "parquet"):
        check(decant, "wide", output_format, None, MIB // 8, 2000, "--lanes", 2)


def test_a_limit_is_kept_and_one_that_is_too_low_is_refused(decant):
    usual = check(decant, "documents", "parquet", None, 14 * MIB, 6)
    least = check(decant, "documents", "parquet", None, 14 * MIB, 6, "--memory", "24MB")
    assert least["memoryBudgetBytes"] <= 24 * MIB < usual["memoryBudgetBytes"]
    run = decant("export", "--table", "documents", "--format", "csv", "--memory", "2MB", "-o", "/dev/null", code=2)
    assert "memory" in run.err and "at least" in run.err


@pytest.mark.long
@pytest.mark.parametrize("output_format, codec", FORMATS)
def test_a_hundred_megabytes_in_one_value(db, decant, output_format, codec):
    if db.value("SELECT to_regclass('hundred') IS NULL"):
        db.execute(f"CREATE TABLE hundred AS SELECT i AS id, repeat({UNIT}, 5242880) AS t FROM generate_series(1, 6) i")
    check(decant, "hundred", output_format, codec, 100 * MIB, 6, "--lanes", 2)


@pytest.mark.long
@pytest.mark.parametrize("output_format", ["csv", "json", "xml", "parquet"])
def test_half_a_gigabyte_of_bytes_in_one_value(db, decant, output_format):
    if db.value("SELECT to_regclass('half_gigabyte') IS NULL"):
        db.execute("CREATE TABLE half_gigabyte AS SELECT decode(repeat('00ff41', 166666666), 'hex') AS b")
    check(decant, "half_gigabyte", output_format, None, 499_999_998, 1)


@pytest.mark.long
def test_sixteen_hundred_columns_of_twenty_thousand_rows(db, decant):
    db.execute("DROP TABLE IF EXISTS wide")
    wide_table(db, 20000)
    for output_format in ("csv", "json", "xml", "parquet"):
        check(decant, "wide", output_format, None, MIB // 8, 20000, "--lanes", 2)
