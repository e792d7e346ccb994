"""parquet-cli, with which people of Spark and Hadoop look into files, finds nothing wrong with ours."""

import re

import pyarrow.parquet as pq
import pytest
from support import matrix, values
from support.readers import parquet_cli

pytestmark = pytest.mark.long
NULLS = "i % 7 = 3"


@pytest.fixture(scope="module", params=matrix.PROFILES)
def path(db, decant, tmp_path_factory, request):
    path = tmp_path_factory.mktemp("cli") / "all.parquet"
    if not db.column("SELECT 1 FROM pg_class WHERE relname = 'types'"):
        db.execute(values.TYPES_SQL)
        db.execute(matrix.NESTED_TYPES)
        matrix.create_table(db, "types", matrix.FLAT + matrix.NESTED, NULLS)
    options = f"{matrix.SMALL_PARTS},bloom=int8+text+uuid,profile={request.param}"
    decant("export", "--quiet", "--table", "types", "--order-by", "row", "-o", path, "--parquet", options)
    return path


def leaves(path):
    return [column.path for column in pq.ParquetFile(path).schema]


def test_meta_lists_every_leaf_of_every_row_group(path):
    said = parquet_cli("meta", path)
    assert "Created by: decant version " in said and "decant.types:" in said
    groups = re.findall(r"^Row group \d+:\s+count: (\d+)", said, re.MULTILINE)
    assert groups == ["110", "110", "80"]
    for leaf in leaves(path):
        assert len(re.findall(rf"^{re.escape(leaf)}\s", said, re.MULTILINE)) == 3, leaf


def test_statistics_are_trusted(path):
    assert "has no corrupt stats" in parquet_cli("check-stats", path)


def test_the_indexes_of_every_leaf_are_read(path):
    said = parquet_cli("column-index", path)
    for leaf in leaves(path):
        assert said.count(f"offset index for column {leaf}:") == 3, leaf
        assert not re.search(rf"offset index for column {re.escape(leaf)}:\s+NONE", said), leaf
    assert re.search(r"column index for column int4:\s+Boundary order", said)


def test_pages_and_bloom_filters_are_read(path):
    said = parquet_cli("pages", path)
    assert all(f"Column: {leaf}\n" in said for leaf in leaves(path))
    answers = parquet_cli("bloom-filter", path, "-c", "int8", "-v", "4294967296,77")
    assert len(re.findall(r"value 4294967296 .*maybe.*", answers)) == 3, answers
    assert answers.count("value 77 NOT exists") == 3, answers
