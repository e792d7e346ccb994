"""decant describe FILE.parquet: what the footer says, of decant's own files and of others'."""

import datetime
import decimal
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute("CREATE TABLE things (id int8 NOT NULL, label text, amount numeric(12,2), day date, moment timestamptz)")
    db.execute("""INSERT INTO things SELECT i, CASE WHEN i % 4 > 0 THEN 'label ' || i % 5 END, i * 1.5, date '2020-01-01' + i,
                    timestamptz '2020-01-01' + i * interval '1 hour' FROM generate_series(1, 1000) i""")


@pytest.fixture
def path(decant, tmp_path):
    to = tmp_path / "x.parquet"
    decant("export", "--quiet", "--table", "things", "-o", to, "--parquet", "page-rows=100")
    return to


def described(decant, path):
    return json.loads(decant("describe", "--json", path).out)


def test_people_see_columns_sizes_bounds_and_row_groups(decant, path):
    text = decant("describe", path).out.decode()
    assert "1,000 rows, 5 columns" in text and "written by decant version" in text
    assert "decant.source = public.things" in text
    for part in ("not null, 1 to 1000", "250 nulls, \"label 0\" to \"label 4\"", "DECIMAL(12,2) as INT64", "1.50 to 1500.00",
                 "2020-01-02 to 2022-09-27", "2020-01-01 01:00:00+00 to 2020-02-11 16:00:00+00", "RLE_DICTIONARY", "ZSTD"):
        assert part in text, part


def test_one_row_is_no_rows_and_no_row_group_is_said(decant, tmp_path):
    for name, query in (("one", "SELECT 1 AS a"), ("none", "SELECT 1 AS a WHERE false")):
        decant("export", "--quiet", "--query", query, "-o", tmp_path / f"{name}.parquet")
    one, none = (decant("describe", tmp_path / f"{name}.parquet").out.decode() for name in ("one", "none"))
    assert "Parquet, 1 row, 1 column," in one and "1 row  " in one
    assert "Parquet, 0 rows, 1 column," in none and "may be null" in none and "no row groups" in none
    assert b"1 row in 1 row group, 1 column; 1 page, each" in decant("verify", tmp_path / "one.parquet").out


def test_json_says_what_another_reader_reads(decant, path):
    said, metadata = described(decant, path), pq.ParquetFile(path).metadata
    assert (said["rows"], len(said["columns"])) == (metadata.num_rows, metadata.num_columns)
    assert {entry["key"]: entry["value"] for entry in said["keyValues"]} == {
        key.decode(): value.decode() for key, value in metadata.metadata.items()}
    for group, shown in enumerate(said["rowGroups"]):
        assert shown["rows"] == metadata.row_group(group).num_rows
        for number, chunk in enumerate(shown["chunks"]):
            other = metadata.row_group(group).column(number)
            assert chunk["compressedBytes"] == other.total_compressed_size
            assert chunk["plainBytes"] == other.total_uncompressed_size
            assert chunk["dataOffset"] == other.data_page_offset
            assert chunk["nulls"] == other.statistics.null_count
            assert chunk["path"] == other.path_in_schema


def test_other_peoples_nested_files_can_be_described(decant, tmp_path):
    table = pa.table({
        "list": pa.array([[1, None], None, []], pa.list_(pa.int32())),
        "map": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int64())),
        "dec": pa.array([decimal.Decimal("-1.50"), decimal.Decimal("10.25"), None], pa.decimal128(30, 2)),
        "ms": pa.array([datetime.datetime(2020, 1, 1), None, datetime.datetime(1969, 12, 31)], pa.timestamp("ms")),
        "raw": pa.array([b"\xff\x00", b"", None]), "un": pa.array([4000000000, 1, 2], pa.uint32()),
    })
    pq.write_table(table, tmp_path / "x.parquet", store_schema=False)
    said = described(decant, tmp_path / "x.parquet")
    by_path = {chunk["path"]: chunk for chunk in said["rowGroups"][0]["chunks"]}
    assert set(by_path) == {"list.list.element", "map.key_value.key", "map.key_value.value", "dec", "ms", "raw", "un"}
    assert (by_path["dec"]["min"], by_path["dec"]["max"]) == ("-1.50", "10.25")
    assert by_path["ms"]["min"] == "1969-12-31 00:00:00"
    assert by_path["un"]["max"] == "4000000000"
    assert by_path["raw"]["max"] == "0xff00"
    assert "repeated" in decant("describe", tmp_path / "x.parquet").out.decode()


def test_what_is_no_parquet_file_is_an_error(decant, tmp_path, path):
    (tmp_path / "text.parquet").write_text("no Parquet, but long enough to hold a footer")
    assert "not a Parquet file" in decant("describe", tmp_path / "text.parquet", code=1).err
    (tmp_path / "cut.parquet").write_bytes(path.read_bytes()[:-1])
    assert "not a whole Parquet file" in decant("describe", tmp_path / "cut.parquet", code=1).err
    decant("describe", tmp_path / "none.parquet", code=1)
    decant("describe", "--json", code=2)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_of_a_broken_footer_nothing_is_printed(decant, path, tmp_path, form):
    data = path.read_bytes()
    end = len(data) - 8
    start = end - int.from_bytes(data[-8:-4], "little")
    broken = 0
    for at in range(start, end, 29):
        (tmp_path / "broken.parquet").write_bytes(data[:at] + b"\xff" + data[at + 1 :])
        run = decant("describe", *form, tmp_path / "broken.parquet", code=(0, 1))
        broken += run.code != 0
        assert run.code == 0 or (run.out == b"" and "broken.parquet: " in run.err)
    assert broken > 5


def test_standard_input_is_described_where_it_is_a_file(decant, path):
    with path.open("rb") as file:
        assert json.loads(decant("describe", "--json", "-", stdin=file).out)["rows"] == 1000
    read_end, write_end = os.pipe()
    os.close(write_end)
    assert "no regular file" in decant("describe", "-", stdin=read_end, code=1).err
    os.close(read_end)


def test_decimals_of_any_width_and_scale_are_shown_exactly(decant, tmp_path):
    wide = decimal.Decimal("-123456789012345678901234567890.5")
    small = decimal.Decimal("1E-45")
    table = pa.table({"d": pa.array([wide, small], pa.decimal256(76, 45))})
    pq.write_table(table, tmp_path / "x.parquet")
    chunk = described(decant, tmp_path / "x.parquet")["rowGroups"][0]["chunks"][0]
    assert [decimal.Decimal(chunk["min"]), decimal.Decimal(chunk["max"])] == [wide, small]


def test_a_table_is_still_a_table(decant):
    assert b"public.things: table" in decant("describe", "public.things").out


def test_no_byte_of_the_footer_makes_it_crash(decant, path, tmp_path):
    data = path.read_bytes()
    footer = int.from_bytes(data[-8:-4], "little") + 8
    for at in range(len(data) - footer, len(data), 7):
        (tmp_path / "mutant.parquet").write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        decant("describe", tmp_path / "mutant.parquet", code=(0, 1))
        decant("describe", "--json", tmp_path / "mutant.parquet", code=(0, 1))
