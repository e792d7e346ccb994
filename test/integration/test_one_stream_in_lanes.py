"""A query is one stream: read by one lane, encoded by others, and the same as if one did both."""

import json
import zlib

import pytest

ROWS = 30000
QUERY = "SELECT * FROM source ORDER BY id"
DOCUMENT = """jsonb_build_object('a', i, 'b', jsonb_build_object('c', 'é "' || i), 'late', CASE WHEN i > 20000 THEN i END)"""


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute(
        f"CREATE TABLE source AS SELECT i AS id, 'name ' || i AS name, CASE WHEN i % 3 = 0 THEN i / 7.0 END AS n, "
        f"{DOCUMENT} AS d, CASE WHEN i % 9000 = 0 THEN repeat('long ', 300000) END AS t FROM generate_series(1, {ROWS}) i"
    )
    db.execute("ANALYZE source")


def export(decant, lanes, *args):
    return decant.export("--query", QUERY, "--lanes", lanes, *args)


@pytest.mark.parametrize("output_format", ["csv", "json", "ndjson", "xml"])
@pytest.mark.parametrize("lanes", [2, 3, 8])
def test_text_is_the_same_byte_for_byte(decant, output_format, lanes):
    args = ("--format", output_format)
    assert export(decant, lanes, *args) == export(decant, 1, *args)


def test_csv_is_what_copy_writes(db, decant):
    assert export(decant, 4, "--format", "csv", "--no-flatten") == db.csv(QUERY)


def test_gzip_is_one_member_that_holds_the_same(decant):
    unpacker = zlib.decompressobj(wbits=31)
    whole = unpacker.decompress(export(decant, 4, "--format", "csv", "--compress", "gzip"))
    assert unpacker.eof and not unpacker.unused_data
    assert whole == export(decant, 1, "--format", "csv")


def test_parquet_holds_the_same_rows_in_order(decant, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    tables = []
    for lanes in (1, 4):
        path = tmp_path / f"{lanes}.parquet"
        decant("export", "--query", QUERY, "--lanes", lanes, "--parquet", "row-group-rows=7000", "-o", path)
        tables.append(pq.read_table(path))
    assert tables[0].equals(tables[1])
    assert tables[0]["id"].to_pylist() == list(range(1, ROWS + 1))


def test_it_takes_one_connection_and_says_so(decant):
    run = decant("export", "--query", QUERY, "--lanes", 4, "--format", "csv", "--json", "-o", "/dev/null")
    summary = json.loads(run.err)
    assert summary["lanes"] == 1
    assert summary["how"] == "one lane: a query is one stream; encoded by 3 others"


def test_a_value_that_cannot_be_said_is_named_with_its_row(decant, tmp_path):
    query = f"SELECT i, CASE WHEN i = 23456 THEN 'NaN' ELSE i::float8 END AS f FROM generate_series(1, {ROWS}) i"
    run = decant("export", "--query", query, "--lanes", 4, "-o", tmp_path / "out.json", code=1)
    assert "row 23456:" in run.err and '"f"' in run.err
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_server_in_mid_stream_leaves_no_file(decant, tmp_path):
    query = f"SELECT i, 1 / (25000 - i) AS n FROM generate_series(1, {ROWS}) i"
    run = decant("export", "--query", query, "--lanes", 4, "-o", tmp_path / "out.csv", code=3)
    assert "division by zero" in run.err
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_it(decant):
    run = decant("export", "--query", QUERY, "--lanes", 4, "--format", "csv", "-o", "/dev/full", code=4)
    assert "No space left" in run.err


def test_large_values_stay_within_the_budget(decant):
    query = "SELECT i, CASE WHEN i % 1500 = 0 THEN repeat('0123456789abcdef', 1572864) END AS t FROM generate_series(1, 6000) i"
    run = decant("export", "--query", query, "--lanes", 4, "--format", "csv", "--json", "-o", "/dev/null")
    summary = json.loads(run.err)
    assert summary["lanes"] == 1 and "encoded by" in summary["how"]
    assert summary["peakMemoryBytes"] <= summary["memoryBudgetBytes"] + 3 * 24 * 1024 * 1024
