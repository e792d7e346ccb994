"""Gaps that might be thought faults of our files are there with pyarrow's as well: they are the readers' own."""

from decimal import Decimal

import datafusion
import pyarrow as pa
import pyarrow.parquet as pq
from support.readers import READERS


def read(reader, path):
    READERS[reader].require()
    (rows,) = READERS[reader].read([path])
    return rows


def write(tmp_path, values, kind=None, name="c", **options):
    path = tmp_path / "of_pyarrow.parquet"
    pq.write_table(pa.table({name: pa.array(values, kind)}), path, compression="snappy", **options)
    return path


def test_fastparquet_loses_texts_of_plain_pages_behind_a_dictionary(tmp_path):
    texts = [f"value {i:05}" for i in range(2000)]
    path = write(tmp_path, texts, dictionary_pagesize_limit=2000, data_page_size=500, write_batch_size=50)
    (column,) = read("fastparquet", path).columns
    assert None in column and {text for text in column if text is not None} < set(texts)


def test_parquetjs_refuses_decimals_with_a_dictionary_and_names_with_a_comma(tmp_path):
    amounts = [Decimal("1.25"), Decimal("2.50")] * 50
    path = write(tmp_path, amounts, pa.decimal128(9, 2), store_decimal_as_integer=True)
    assert read("parquetjs", path).error
    assert read("parquetjs", write(tmp_path, [1, 2, 3], name="a,b")).error


def test_parquet_wasm_drops_a_byte_order_mark(tmp_path):
    assert read("parquet-wasm", write(tmp_path, ["\ufeffa"])).columns == [["a"]]


def test_datafusion_takes_the_bounds_of_some_row_groups_for_the_files(tmp_path):
    """Ours have them in all or none for its sake: https://github.com/apache/datafusion/issues/25226, mended after 55.0."""
    path, long = tmp_path / "of_pyarrow.parquet", "z" * 5000  # for such a text pyarrow writes no bounds
    with pq.ParquetWriter(path, pa.schema([("c", pa.string())])) as writer:
        writer.write_table(pa.table({"c": ["a", "b"]}))
        writer.write_table(pa.table({"c": [long, long]}))
    for collects, count in (("true", 0), ("false", 2)):
        settings = datafusion.SessionConfig().set("datafusion.execution.collect_statistics", collects)
        frame = datafusion.SessionContext(settings).read_parquet(str(path))
        assert frame.filter(datafusion.col("c") == datafusion.lit(long)).count() == count
