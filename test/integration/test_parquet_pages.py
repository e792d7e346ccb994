"""Where Parquet's pages end."""

import json

import pytest

# Bytes that have room for 3,750 numbers, or for 7,500 places in a dictionary.
SMALL = "page-size=30000"


@pytest.mark.parametrize(
    "options, pages",
    [
        ("", 3),  # 20,480 rows
        ("page-rows=10000", 5),
        (f"{SMALL},dictionary=false", 25),  # 2,048
        (SMALL, 9),  # 6,144
        ("page-size=8000,dictionary=false", 50),  # 1,000: no room for 2,048
    ],
)
def test_pages_end_where_a_reader_has_taken_2048_rows_a_time_unless_asked_otherwise(decant, tmp_path, options, pages):
    query = "SELECT (hashint4(i) % 100)::bigint AS n FROM generate_series(1, 50000) i"  # a dictionary pays
    path = tmp_path / "many.parquet"
    arguments = ("--parquet", options) if options else ()
    decant("export", "--query", query, "--format", "parquet", "-o", path, *arguments)
    (group,) = json.loads(decant("describe", path, "--json").out)["rowGroups"]
    assert sum(kind["count"] for kind in group["chunks"][0]["pages"] if kind["kind"] == "data") == pages
