"""JSON columns in CSV become a column per path; a path can be picked in any format."""

import csv
import io
import json
from decimal import Decimal

import duckdb
import pyarrow.parquet as pq
import pytest
from support.oracle import array_items, xml_rows
from support.parquet import parquet_file


@pytest.fixture
def documents(db):
    """documents('{"a":1}', …) fills a table: (id, meta) and gives nothing; dropped behind the test."""
    made = []

    def make(*texts, type="jsonb", table="docs"):
        db.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, meta {type})")
        made.append(table)
        for i, text in enumerate(texts, 1):
            db.execute(f"INSERT INTO {table} VALUES (%s, %s)", (i, text))

    yield make
    for table in made:
        db.execute(f"DROP TABLE {table}")


def rows_of(written):
    header, *rows = csv.reader(io.StringIO(written.decode(), newline=""))
    return header, rows


@pytest.fixture
def flat(decant):
    """The header and rows of the flattened table; every path was seen unless said otherwise."""

    def export(*arguments, discover="full", table="docs"):
        return rows_of(decant.export("--table", table, "--format", "csv", "--discover", discover, *arguments))

    return export


def test_every_path_is_a_column_in_bytewise_order(documents, flat):
    documents('{"b":{"y":1,"x":2},"a":3}', '{"Z":4,"é":5,"a":6,"b":{"x":{"q":7}}}')
    header, rows = flat()
    assert header == ["id", "meta.Z", "meta.a", "meta.b.x", "meta.b.x.q", "meta.b.y", "meta.é"]
    assert rows == [["1", "", "3", "2", "", "1", ""], ["2", "4", "6", "", "7", "", "5"]]


def test_strings_lose_their_quotes_and_escapes_and_other_values_keep_their_text(documents, flat):
    documents(r'{"s":"a\"b\n\u0142,","n":1.50,"t":true,"f":false,"e":1e5}', type="json")
    header, rows = flat()
    assert dict(zip(header, rows[0])) == {
        "id": "1",
        "meta.s": 'a"b\nł,',
        "meta.n": "1.50",
        "meta.t": "true",
        "meta.f": "false",
        "meta.e": "1e5",
    }


def test_arrays_stay_json_text(documents, flat):
    documents('{"tags":["a,b",{"c":1}],"none":[]}')
    header, rows = flat()
    assert header == ["id", "meta.none", "meta.tags"]
    assert rows[0][1] == "[]" and json.loads(rows[0][2]) == ["a,b", {"c": 1}]


def test_the_empty_object_stays_itself(documents, flat):
    documents("{}", '{"a":{}}', '{"a":{"b":1}}')
    header, rows = flat()
    assert header == ["id", "meta", "meta.a", "meta.a.b"]
    assert rows == [["1", "{}", "", ""], ["2", "", "{}", ""], ["3", "", "", "1"]]


def test_a_scalar_or_array_at_the_top_goes_to_the_column_itself(documents, flat):
    documents("7", '"text"', "[1, 2]", "null", '{"a":1}')
    header, rows = flat()
    assert header == ["id", "meta", "meta.a"]
    assert rows == [["1", "7", ""], ["2", "text", ""], ["3", "[1, 2]", ""], ["4", "null", ""], ["5", "", "1"]]


def test_a_missing_key_and_sql_null_are_empty_and_json_null_is_null(documents, flat, decant):
    documents('{"a":null}', '{"b":1}', None, '{"a":""}')
    written = decant.export("--table", "docs", "--format", "csv", "--discover", "full")
    assert written == b'id,meta.a,meta.b\n1,null,\n2,,1\n3,,\n4,"",\n'


def test_the_last_of_duplicate_keys_wins_in_json(documents, flat):
    documents('{"a":1,"a":2,"o":{"x":1},"o":{"y":2}}', type="json")
    header, rows = flat()
    row = dict(zip(header, rows[0]))
    assert row["meta.a"] == "2" and row["meta.o.y"] == "2" and row.get("meta.o.x", "") == ""


def test_a_path_that_is_scalar_here_and_object_there_has_both_columns(documents, flat):
    documents('{"a":1}', '{"a":{"b":2}}')
    assert flat() == (["id", "meta.a", "meta.a.b"], [["1", "1", ""], ["2", "", "2"]])


def test_a_column_without_any_path_stays_a_column(documents, flat):
    documents(None, None)
    header, rows = flat()
    assert header[0] == "id" and len(rows) == 2 and all(cell == "" for row in rows for cell in row[1:])


def test_other_columns_keep_their_place(db, flat):
    db.execute("CREATE TABLE between (a int, meta jsonb, b text, more json)")
    db.execute("""INSERT INTO between VALUES (1, '{"x":1,"y":2}', 'b', '{"z":3}')""")
    try:
        assert flat(table="between") == (
            ["a", "meta.x", "meta.y", "b", "more.z"],
            [["1", "1", "2", "b", "3"]],
        )
    finally:
        db.execute("DROP TABLE between")


def test_a_full_discovery_has_no_column_for_the_rest(documents, flat):
    documents('{"a":1}')
    assert "meta._other" not in flat()[0]


def test_a_sample_has_a_last_column_for_what_it_did_not_see_and_loses_nothing(db, decant):
    db.execute("""CREATE TABLE rare AS SELECT i AS id, CASE i WHEN 60000 THEN '{"a":1,"late":{"x":[1],"y":null}}'
                    ELSE jsonb_build_object('a', i, 'b', jsonb_build_object('c', i::text))::text END::jsonb AS meta
                  FROM generate_series(1, 100000) i""")
    try:
        header, rows = rows_of(decant.export("--table", "rare", "--format", "csv", "--discover", "sample"))
        assert header[:3] == ["id", "meta.a", "meta.b.c"]
        assert header[-1] == "meta._other"
        assert len(rows) == 100000
        late = dict(zip(header, rows[59999]))
        if "meta.late.y" in header:  # the sample happened to see it
            assert late["meta.late.x"] == "[1]" and late["meta.late.y"] == "null"
        else:
            assert json.loads(late["meta._other"]) == {"late": {"x": [1], "y": None}}
        assert all(row[-1] == "" for i, row in enumerate(rows) if i != 59999)
        assert rows[0][1:3] == ["1", "1"]
        header, rows = rows_of(decant.export("--table", "rare", "--format", "csv", "--discover", "full"))
        assert header == ["id", "meta.a", "meta.b.c", "meta.late.x", "meta.late.y"]
        assert rows[59999] == ["60000", "1", "", "[1]", "null"]
    finally:
        db.execute("DROP TABLE rare")


def test_flattening_can_be_left_out(db, documents, decant):
    documents('{"a": {"b": [1, 2]}}')
    assert decant.export("--table", "docs", "--format", "csv", "--no-flatten") == db.csv("SELECT * FROM docs")


def test_a_query_is_flattened_too_and_runs_once(db, decant):
    db.execute("CREATE SEQUENCE runs")
    query = """SELECT i AS id, jsonb_build_object('n', i, 'even', i % 2 = 0) AS meta
               FROM (SELECT nextval('runs')::int AS i FROM generate_series(1, 5)) q"""
    try:
        header, rows = rows_of(
            decant.export(
                "--query",
                "SELECT i AS id, jsonb_build_object('n', i) AS meta FROM generate_series(1, 5) i;",
                "--format",
                "csv",
            )
        )
        assert [name for name in header if name != "meta._other"] == ["id", "meta.n"]
        assert [row[:2] for row in rows] == [[str(i), str(i)] for i in range(1, 6)]
        # Reading is read only: a query that writes is refused, whatever way it is read.
        decant("export", "--query", query, "--format", "csv", code=3)
    finally:
        db.execute("DROP SEQUENCE runs")


@pytest.mark.parametrize("output_format", ["csv", "json", "ndjson", "xml", "parquet"])
def test_a_path_is_picked_in_any_format(documents, decant, output_format):
    documents('{"address":{"city":"Łódź","geo":{"lat":51.75}},"tags":["x"]}', '{"address":"none"}', None)
    written = decant.export(
        "--table",
        "docs",
        "--format",
        output_format,
        "--columns",
        "id,meta.address.city=City,meta.address.geo.lat=Lat,meta.tags=Tags",
    )
    if output_format == "csv":
        assert written.decode() == 'id,City,Lat,Tags\n1,Łódź,51.75,"[""x""]"\n2,,,\n3,,,\n'
    elif output_format in ("json", "ndjson"):
        texts = array_items(written) if output_format == "json" else written.decode().splitlines()
        assert [json.loads(text) for text in texts] == [
            {"id": 1, "City": "Łódź", "Lat": 51.75, "Tags": ["x"]},
            {"id": 2, "City": None, "Lat": None, "Tags": None},
            {"id": 3, "City": None, "Lat": None, "Tags": None},
        ]
    elif output_format == "xml":
        rows = xml_rows(written)
        assert rows[0] == [("id", "1"), ("City", "Łódź"), ("Lat", "51.75"), ("Tags", [("item", "x")])]
        assert rows[1][1:] == [("City", ("nil",)), ("Lat", ("nil",)), ("Tags", ("nil",))]
    else:
        table = parquet_file(written).read()
        assert table.column_names == ["id", "City", "Lat", "Tags"]
        assert [value and value.strip('"') for value in table.column("City").to_pylist()] == [
            "Łódź",
            None,
            None,
        ]
        assert [value and json.loads(value) for value in table.column("Tags").to_pylist()] == [
            ["x"],
            None,
            None,
        ]


def test_a_picked_path_also_takes_an_object_whole(documents, decant):
    documents('{"address":{"city":"X"}}')
    written = decant.export("--table", "docs", "--format", "csv", "--columns", "meta.address=Address")
    header, rows = rows_of(written)
    assert header == ["Address"] and json.loads(rows[0][0]) == {"city": "X"}


def test_a_key_with_dots_or_quotes_is_written_as_a_json_string(documents, decant):
    documents(r'{"a.b":{"c":1},"q\"q":2,"":3," ":4}')
    for path, value in (('meta."a.b".c', "1"), (r'meta."q\"q"', "2"), ('meta.""', "3"), ('meta." "', "4")):
        run = decant("export", "--table", "docs", "--format", "csv", "--quiet", "--columns", f"{path}=it")
        assert rows_of(run.out) == (["it"], [[value]]), path


def test_an_exact_column_name_wins_over_a_path(db, decant):
    db.execute("""CREATE TABLE exact (meta jsonb, "meta.a" text)""")
    db.execute("""INSERT INTO exact VALUES ('{"a": "path"}', 'column')""")
    try:
        assert (
            decant.export("--table", "exact", "--format", "csv", "--columns", "meta.a=it") == b"it\ncolumn\n"
        )
    finally:
        db.execute("DROP TABLE exact")


def test_a_clash_of_names_is_refused(db, decant, tmp_path):
    db.execute("""CREATE TABLE clash (meta jsonb, "meta.a" text)""")
    db.execute("""INSERT INTO clash VALUES ('{"a": 1}', 'x')""")
    path = tmp_path / "out.csv"
    try:
        run = decant("export", "--table", "clash", "-o", path, "--discover", "full", code=(1, 2))
        assert "meta.a" in run.err and not path.exists()
    finally:
        db.execute("DROP TABLE clash")


def test_two_keys_with_one_spelling_are_a_clash(documents, decant):
    documents('{"a.b":1,"a":{"b":2}}')
    run = decant("export", "--table", "docs", "--format", "csv", "--discover", "full", code=(1, 2))
    assert "meta.a.b" in run.err


def test_parquet_keeps_json_whole_unless_asked_to_flatten(documents, decant):
    documents('{"a":{"b":1}}', '{"c":"x"}')
    whole = parquet_file(decant.export("--table", "docs", "--format", "parquet")).read()
    assert whole.column_names == ["id", "meta"]
    flat = parquet_file(
        decant.export("--table", "docs", "--format", "parquet", "--flatten", "--discover", "full")
    ).read()
    assert flat.column_names == ["id", "meta.a.b", "meta.c"]
    assert flat.column("meta.c").to_pylist()[0] is None


def test_a_thousand_paths_keep_every_value(db, flat):
    db.execute("""CREATE TABLE wide_docs AS SELECT i AS id, (SELECT jsonb_object_agg('k' || j, i * j)
                    FROM generate_series(i, 1000, i) j) AS meta FROM generate_series(1, 20) i""")
    try:
        header, rows = flat(table="wide_docs")
        assert header == ["id", *sorted(f"meta.k{j}" for j in range(1, 1001))]
        for i, row in enumerate(rows, 1):
            assert {k: v for k, v in zip(header[1:], row[1:]) if v} == {
                f"meta.k{j}": str(i * j) for j in range(i, 1001, i)
            }
    finally:
        db.execute("DROP TABLE wide_docs")


def test_more_paths_than_a_file_can_have_columns_is_a_clear_error(db, decant):
    db.execute("""CREATE TABLE endless AS SELECT jsonb_build_object('key' || i, i) AS meta
                  FROM generate_series(1, 20000) i""")
    try:
        run = decant("export", "--table", "endless", "--format", "csv", "--discover", "full", code=(1, 2))
        assert "meta" in run.err and "flatten" in run.err
    finally:
        db.execute("DROP TABLE endless")


def test_a_column_of_arrays_is_one_column(documents, flat):
    documents("[1]", "[2, 3]")
    assert flat() == (["id", "meta"], [["1", "[1]"], ["2", "[2, 3]"]])


def test_numbers_are_doubles_or_decimals_as_asked_for_and_readers_see_the_same_values(documents, decant, tmp_path):
    documents('{"price":19.90,"n":1,"far":1e-300}', '{"price":-1234.5,"n":2,"far":0.5}', '{"price":null,"n":3}')
    types = {
        "double": ["INTEGER", "DOUBLE", "BIGINT", "DOUBLE"],
        "decimal": ["INTEGER", "DOUBLE", "BIGINT", "DECIMAL(6,2)"],  # 1e-300 has too many digits
    }
    for choice, expected in types.items():
        path = tmp_path / f"{choice}.parquet"
        source = ("--table", "docs", "--flatten", "--discover", "full", "-o", path)
        decant("export", *source, "--format", "parquet", "--parquet", f"json-numbers={choice}")
        with duckdb.connect() as connection:
            result = connection.execute("SELECT * FROM read_parquet(?) ORDER BY 1", [str(path)])
            assert [str(column[1]) for column in result.description] == expected
            rows = result.fetchall()
        assert [row[3] for row in rows] == ([Decimal("19.90"), Decimal("-1234.50"), None] if choice == "decimal"
                                            else [19.9, -1234.5, None])
        assert [row[1] for row in rows] == [1e-300, 0.5, None]
        read = pq.read_table(path).to_pydict()
        assert [list(row) for row in zip(*read.values())] == [list(row) for row in rows]
