"""The traps of Parquet's statistics: what is written must bound every value in every reader's order, or be left out."""

import json
import math
from decimal import Decimal

import datafusion
import pyarrow.parquet as pq
import pytest


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute("CREATE TABLE traps (nan float8, zero float8, big numeric(38,2), long_text text, high text, nothing text, "
               "nulls int4, doc text NOT NULL)")
    db.execute("""INSERT INTO traps SELECT CASE WHEN i = 7 THEN float8 'NaN' ELSE i END, CASE WHEN i % 2 = 0 THEN 0.0 ELSE -0.0 END,
                    (i - 500) * 10000000000000000000000000::numeric, repeat('ä', 100) || i, repeat(U&'\\+10FFFF', 40), NULL,
                    CASE WHEN i > 200 THEN i END, 'x' FROM generate_series(1, 1000) i""")


@pytest.fixture(scope="module")
def path(decant, tmp_path_factory):
    to = tmp_path_factory.mktemp("traps") / "x.parquet"
    decant("export", "--quiet", "--table", "traps", "-o", to, "--parquet", "page-rows=100,dictionary=false")
    return to


@pytest.fixture(scope="module")
def chunks(decant, path):
    said = json.loads(decant("describe", "--json", path).out)
    return {chunk["path"]: chunk for chunk in said["rowGroups"][0]["chunks"]}


def statistics(path, name):
    metadata = pq.ParquetFile(path).metadata
    names = [metadata.schema.column(i).name for i in range(metadata.num_columns)]
    return metadata.row_group(0).column(names.index(name)).statistics


def test_a_chunk_with_a_nan_has_no_bounds_and_counts_it(path, chunks):
    assert not statistics(path, "nan").has_min_max
    assert chunks["nan"]["nans"] == 1 and "columnIndex" not in chunks["nan"] and "offsetIndex" in chunks["nan"]


def test_zero_is_bounded_by_both_zeros(path):
    zero = statistics(path, "zero")
    assert (math.copysign(1, zero.min), math.copysign(1, zero.max)) == (-1.0, 1.0)


def test_wide_decimals_are_bounded_as_signed_numbers(path, chunks):
    assert Decimal(chunks["big"]["min"]) == -499 * Decimal(10) ** 25
    assert Decimal(chunks["big"]["max"]) == 500 * Decimal(10) ** 25
    assert chunks["big"]["minIsExact"] and chunks["big"]["maxIsExact"]


def test_long_texts_are_cut_between_characters_and_said_to_be(path, chunks):
    bounds = statistics(path, "long_text")
    assert bounds.min == "ä" * 32 and bounds.max == "ä" * 31 + "å"
    assert not chunks["long_text"]["minIsExact"] and not chunks["long_text"]["maxIsExact"]


def test_a_text_that_cannot_be_raised_has_no_bounds(path, chunks):
    assert "max" not in chunks["high"] and "min" not in chunks["high"]


def test_nulls_are_counted_and_pages_of_nulls_have_no_bounds(path, chunks, decant):
    assert statistics(path, "nothing").null_count == 1000 and not statistics(path, "nothing").has_min_max
    assert statistics(path, "nulls").null_count == 200 and statistics(path, "nulls").min == 201
    assert statistics(path, "doc").null_count == 0
    assert "columnIndex" in chunks["nulls"] and chunks["nothing"]["pages"] == [
        {"kind": "data", "encoding": "PLAIN", "count": 10}]
    assert json.loads(decant("verify", "--json", path).out)["whole"] is True  # null pages, orders, counts agree


def test_a_column_has_bounds_in_all_row_groups_or_in_none(db, decant, tmp_path):
    """Else DataFusion, with its defaults, takes those that there are for the whole file's, and loses rows."""
    db.execute("CREATE TABLE some_nan (id int4, real float8, high text, sparse int4)")
    db.execute("""INSERT INTO some_nan SELECT i, CASE WHEN i = 250 THEN float8 'NaN' ELSE i END,
                    CASE WHEN i = 150 THEN repeat(U&'\\+10FFFF', 17) ELSE 'a' END, CASE WHEN i > 100 THEN i END
                    FROM generate_series(1, 400) i""")
    path = tmp_path / "x.parquet"
    decant("export", "--quiet", "--table", "some_nan", "-o", path, "--lanes", 1, "--parquet", "row-group-rows=100")
    groups = json.loads(decant("describe", "--json", path).out)["rowGroups"]
    said = {chunk["path"]: [] for chunk in groups[0]["chunks"]}
    for group in groups:
        for chunk in group["chunks"]:
            said[chunk["path"]].append(("min" in chunk, "max" in chunk, "columnIndex" in chunk))
    every, index_alone, nothing = (True, True, True), (False, False, True), (False, False, False)
    assert said["id"] == [every] * 4
    assert said["real"] == [index_alone, index_alone, nothing, index_alone]
    assert said["high"] == [index_alone, nothing, index_alone, index_alone]
    assert said["sparse"] == [index_alone, every, every, every]  # a chunk of nothing but nulls has none to say
    context = datafusion.SessionContext()
    context.register_parquet("t", str(path))
    assert context.sql("SELECT id FROM t WHERE real = 'NaN'::float8").to_pydict() == {"id": [250]}
    assert context.sql("SELECT id FROM t WHERE high > 'b'").to_pydict() == {"id": [150]}
