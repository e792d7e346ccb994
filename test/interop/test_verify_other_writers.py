"""decant verify takes the files of other people's writers for whole, in every encoding that they write."""

import datetime
import decimal
import json

import duckdb
import fastparquet
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = 3000


@pytest.fixture(scope="module")
def table():
    rows = range(ROWS)
    moment = datetime.datetime(2020, 1, 1)
    return pa.table({
        "id": pa.array(rows, pa.int64()),
        "few": pa.array([("a", "bb", None)[i % 3] for i in rows]),
        "text": pa.array([None if i % 7 == 0 else "x" * (i % 50) + str(i) for i in rows]),
        "real": pa.array([i / 7 if i % 11 else None for i in rows]),
        "real4": pa.array([float(i % 100) for i in rows], pa.float32()),
        "flag": pa.array([i % 3 == 0 if i % 5 else None for i in rows]),
        "day": pa.array([moment.date() + datetime.timedelta(days=i % 1000) for i in rows]),
        "moment": pa.array([moment + datetime.timedelta(seconds=i) for i in rows], pa.timestamp("us")),
        "amount": pa.array([decimal.Decimal(i - ROWS // 2) / 100 for i in rows], pa.decimal128(30, 2)),
        "list": pa.array([None if i % 13 == 0 else [j if j % 3 else None for j in range(i % 6)] for i in rows],
                         pa.list_(pa.int32())),
        "lists": pa.array([None if i % 13 == 0 else [[str(j)] * (j % 3) for j in range(i % 4)] for i in rows],
                          pa.list_(pa.list_(pa.string()))),
        "struct": pa.array([None if i % 17 == 0 else {"a": i, "b": None if i % 2 else str(i)} for i in rows],
                           pa.struct([("a", pa.int32()), ("b", pa.string())])),
        "map": pa.array([None if i % 17 == 0 else [(f"k{j}", j) for j in range(i % 3)] for i in rows],
                        pa.map_(pa.string(), pa.int64())),
        "nothing": pa.array([None] * ROWS, pa.string()),
        "fixed": pa.array([i.to_bytes(16, "big") for i in rows], pa.binary(16)),
        "unsigned": pa.array([i * 80000 for i in rows], pa.uint32()),
    })


def verify(decant, path):
    said = json.loads(decant("verify", "--json", path, code=(0, 1)).out)
    assert said["whole"] is True, said["error"]
    return said


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_pyarrow(decant, table, tmp_path, codec, version):
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, compression=codec, data_page_version=version, write_page_index=True,
                   write_page_checksum=True, row_group_size=1000, data_page_size=2000)
    said = verify(decant, path)
    assert said["rows"] == ROWS and said["pagesWithChecksum"] == said["pages"] > 100
    assert said["pagesNotLookedInto"] == (said["pages"] if codec == "brotli" else 0)


ENCODINGS = {"id": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY", "few": "DELTA_LENGTH_BYTE_ARRAY",
             "real": "BYTE_STREAM_SPLIT", "real4": "BYTE_STREAM_SPLIT", "flag": "RLE", "moment": "DELTA_BINARY_PACKED",
             "day": "DELTA_BINARY_PACKED", "fixed": "DELTA_BYTE_ARRAY", "unsigned": "DELTA_BINARY_PACKED"}


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_pyarrow_with_every_encoding(decant, table, tmp_path, version):
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, use_dictionary=False, column_encoding=ENCODINGS, data_page_version=version,
                   write_page_index=True, data_page_size=2000, sorting_columns=[pq.SortingColumn(0)])
    assert verify(decant, path)["pagesNotLookedInto"] == 0


def test_pyarrow_without_rows(decant, table, tmp_path):
    pq.write_table(table.slice(0, 0), tmp_path / "x.parquet")
    assert verify(decant, tmp_path / "x.parquet")["rows"] == 0


@pytest.mark.parametrize("version", ["V1", "V2"])
@pytest.mark.parametrize("codec", ["snappy", "zstd", "gzip", "uncompressed", "lz4_raw"])
def test_duckdb(decant, table, tmp_path, codec, version):
    path = tmp_path / "x.parquet"
    with duckdb.connect() as connection:
        connection.register("t", table)
        connection.execute(f"COPY t TO '{path}' (FORMAT parquet, COMPRESSION {codec}, PARQUET_VERSION {version})")
    said = verify(decant, path)
    assert said["chunksWithBloomFilter"] > 0 and said["pagesNotLookedInto"] == 0


@pytest.mark.parametrize("codec", ["snappy", "zstd", "gzip", "uncompressed", "lz4"])
def test_polars(decant, table, tmp_path, codec):
    path = tmp_path / "x.parquet"
    polars.from_arrow(table.drop(["map"])).write_parquet(path, compression=codec, row_group_size=1000)
    assert verify(decant, path)["pagesNotLookedInto"] == 0


@pytest.mark.parametrize("codec", ["SNAPPY", "ZSTD", "GZIP", "UNCOMPRESSED"])
def test_fastparquet(decant, table, tmp_path, codec):
    frame = table.drop(["list", "lists", "struct", "map", "amount", "unsigned", "fixed", "day", "nothing"]).to_pandas()
    fastparquet.write(str(tmp_path / "x.parquet"), frame, compression=codec, row_group_offsets=1000)
    assert verify(decant, tmp_path / "x.parquet")["rows"] == ROWS
