"""Many keys, deep and large documents, and JSON in every place that it can come from."""

import csv
import io
import json

import pytest
from support.parquet import READERS, parquet_file

MIB = 1024 * 1024


def rows_of(written):
    header, *rows = csv.reader(io.StringIO(written.decode(), newline=""))
    return header, rows


@pytest.fixture
def table(db):
    """table("name", "definition", "SELECT …") makes a table; all are dropped behind the test."""
    made = []

    def make(name, columns, query):
        db.execute(f"CREATE TABLE {name} ({columns})")
        made.append(name)
        db.execute(f"INSERT INTO {name} {query}")
        db.execute(f"ANALYZE {name}")

    yield make
    for name in made:
        db.execute(f"DROP TABLE {name} CASCADE")


@pytest.fixture
def endless(table):
    """20,000 keys, each in one row, beside two that every row has."""
    table(
        "endless",
        "id int, m jsonb",
        "SELECT i, jsonb_build_object('key' || i, i, 'a', i, 'b', 'x') FROM generate_series(1, 20000) i",
    )


@pytest.mark.long
def test_more_keys_than_columns_go_to_the_rest_of_a_sample(endless, decant):
    header, rows = rows_of(decant.export("--table", "endless", "--format", "csv", "--sample-rows", 20000))
    assert len(header) == 1 + 10000 + 1 and {"m.a", "m.b"} <= set(header) and header[-1] == "m._other"
    assert len(rows) == 20000
    place = {name: at for at, name in enumerate(header)}
    for i, row in enumerate(rows, 1):
        assert (row[place["m.a"]], row[place["m.b"]]) == (str(i), "x")
        own = row[place.get(f"m.key{i}", 0)]
        assert own == str(i) and (f"m.key{i}" in place or json.loads(row[-1]) == {f"key{i}": i})
        assert (f"m.key{i}" in place) == (row[-1] == "")


def test_the_limit_of_paths_is_an_option(endless, decant):
    header, rows = rows_of(decant.export("--table", "endless", "--format", "csv", "--max-paths", 2))
    assert header == ["id", "m.a", "m.b", "m._other"]
    assert all(json.loads(row[-1]) == {f"key{i}": i} for i, row in enumerate(rows, 1))


def test_too_many_keys_in_a_full_pass_are_an_error_that_names_the_cures(endless, decant):
    run = decant("export", "--table", "endless", "--format", "csv", "--discover", "full", code=2)
    assert '"m"' in run.err and "10000" in run.err
    assert all(cure in run.err for cure in ("discover sample", "do not flatten", "columns"))


def test_too_many_keys_of_several_connections_together_are_an_error_that_names_the_column(table, decant):
    """None of them sees too many by itself."""
    query = "SELECT repeat('x', 1900), jsonb_build_object('key' || i, i) FROM generate_series(1, 12000) i"
    table("shared_keys", "filler text, m jsonb", query)
    arguments = ["--table", "shared_keys", "--format", "csv", "--discover", "full", "--lanes", 3]
    assert 'column "m": ' in decant("export", *arguments, code=2).err


def test_a_request_sets_the_limits_too_and_refuses_what_is_beyond(service, endless):
    def post(**fields):
        return service.request("POST", "/exports", {"format": "csv", "table": "endless", **fields})

    assert post(sampleRows=5, maxPaths=2).status == 201
    for field, value in (("sampleRows", 0), ("maxPaths", 10001), ("maxPaths", "2")):
        answer = post(**{field: value})
        assert answer.status == 400 and field in answer.json["error"]


@pytest.mark.parametrize("output_format", ["csv", "ndjson", "xml", "parquet"])
def test_ten_thousand_levels_of_nesting_are_no_trouble(db, table, decant, output_format):
    depth = 10000
    for name, opening, closing in (("arrays", "[", "]"), ("objects", '{"k":', "}")):
        text = opening * depth + "7" + closing * depth
        db.execute("SET max_stack_depth = '6MB'")
        table(name, "m json", f"VALUES ('{text}'::json)")
        db.execute("RESET max_stack_depth")
        flat = ["--discover", "full"] if output_format == "csv" else []
        written = decant.export("--table", name, "--format", output_format, *flat, timeout=60)
        if output_format == "csv":
            header, rows = rows_of(written)
            assert rows[0][-1] == text
            assert header == (["m"] if name == "arrays" else ["m", "m._other"])
        elif output_format == "ndjson":
            assert written.decode() == '{"m":' + text + "}\n"
        elif output_format == "parquet":
            assert parquet_file(written).read().column("m").to_pylist() == [text]
        else:
            assert written.count(b"<item>" if name == "arrays" else b"<k>") == depth


@pytest.mark.long
def test_a_large_document_is_flattened_within_a_few_times_its_size(table, decant, tmp_path):
    table(
        "huge",
        "id int, m jsonb",
        "SELECT i, jsonb_build_object('a', i, 'list', array_fill('x \"y\"'::text, ARRAY[4500000])) "
        "FROM generate_series(1, 2) i",
    )
    size = 4500000 * 11
    for arguments in (["--format", "csv"], ["--format", "parquet", "--flatten"]):
        out = tmp_path / "out"
        run = decant("export", "--table", "huge", *arguments, "--discover", "full", "--lanes", 2, "--json", "-o", out)
        assert run.summary["peakMemoryBytes"] <= run.summary["memoryBudgetBytes"] + 5 * size
    values = parquet_file(out.read_bytes()).read().column("m.list").to_pylist()
    assert [len(json.loads(value)) for value in values] == [4500000] * 2


def test_a_domain_over_jsonb_is_flattened(db, table, decant):
    db.execute("CREATE DOMAIN settings AS jsonb CHECK (VALUE IS NOT NULL)")
    try:
        table("with_domain", "m settings", """VALUES ('{"a": 1}'), ('{"b": [2]}')""")
        written = decant.export("--table", "with_domain", "--format", "csv", "--discover", "full")
        assert rows_of(written) == (["m.a", "m.b"], [["1", ""], ["", "[2]"]])
    finally:
        db.execute("DROP DOMAIN settings CASCADE")


def test_several_columns_views_and_queries_are_flattened_and_typed(db, table, decant):
    table("two", "m jsonb, n json", """VALUES ('{"x": 1}', '{"x": 1.5, "y": "a"}'), (NULL, '{"y": null}')""")
    db.execute("CREATE VIEW seen AS SELECT n, m FROM two")
    for source in (["--table", "seen"], ["--query", "SELECT n, m FROM two"]):
        for discover in ("full", "sample"):
            written = decant.export(*source, "--format", "csv", "--discover", discover)
            assert rows_of(written) == (["n.x", "n.y", "m.x"], [["1.5", "a", "1"], ["", "null", ""]])
        written = decant.export(*source, "--format", "parquet", "--flatten", "--discover", "full")
        made = parquet_file(written).read()
        assert made.to_pylist() == [
            {"n.x": 1.5, "n.y": "a", "m.x": 1},
            {"n.x": None, "n.y": None, "m.x": None},
        ]


@pytest.mark.parametrize("discover", ["sample", "full"])
@pytest.mark.parametrize("output_format", ["csv", "parquet"])
def test_an_empty_table_has_the_column_itself(table, decant, discover, output_format):
    table("nothing", "id int, m jsonb", "SELECT 1, NULL::jsonb WHERE false")
    written = decant.export(
        "--table", "nothing", "--format", output_format, "--flatten", "--discover", discover
    )
    names = rows_of(written)[0] if output_format == "csv" else parquet_file(written).read().column_names
    assert names == ["id", "m"]


def test_a_sample_leaves_every_path_of_parquet_json(table, decant):
    table("small", "m jsonb", """VALUES ('{"n": 1, "s": "x", "z": null}')""")
    made = parquet_file(decant.export("--table", "small", "--format", "parquet", "--flatten")).read()
    assert [str(t) for t in made.schema.types] == ["extension<arrow.json>"] * 3
    assert made.to_pylist() == [{"m.n": "1", "m.s": '"x"', "m.z": "null"}]


def test_a_query_that_gives_other_types_the_second_time_is_an_error(decant, db):
    db.execute("CREATE TABLE switch AS SELECT 1 AS n")
    query = """SELECT CASE WHEN clock_timestamp() - transaction_timestamp() < '1 s' THEN '{"a": 1}'::jsonb
               ELSE '{"a": "1"}' END AS m FROM switch, pg_sleep(0.8)"""
    run = decant("export", "--query", query, "--format", "parquet", "--flatten", "--discover", "full", "-o", "/dev/null", code=1)
    assert 'the value "1"' in run.err and "discover sample" in run.err
    assert 'column "m", path ' in run.err


def test_other_peoples_readers_agree_on_typed_paths_and_skip_by_them(table, decant, tmp_path):
    table(
        "readings",
        "id int, m jsonb",
        """SELECT i, jsonb_build_object('n', i, 'd', i / 8.0, 'big', 12345678901234567.5 + i, 's', 'é' || i,
             't', i % 2 = 0, 'mix', CASE WHEN i % 2 = 0 THEN to_jsonb(i) ELSE to_jsonb('x'::text) END)
           FROM generate_series(1, 3000) i""",
    )
    path = tmp_path / "readings.parquet"
    decant("export", "--table", "readings", "--flatten", "--discover", "full", "--parquet", "page-rows=1000", "-o", path)
    tables = {name: read(path) for name, read in READERS.items()}
    for name, made in tables.items():
        assert made.column("m.n").to_pylist() == list(range(1, 3001)), name
        assert made.column("m.d").to_pylist() == [i / 8 for i in range(1, 3001)], name
        assert [str(v) for v in made.column("m.big").to_pylist()[:2]] == ["12345678901234568.5", "12345678901234569.5"]
        assert made.column("m.s").to_pylist() == [f"é{i}" for i in range(1, 3001)], name
        assert made.column("m.t").to_pylist() == [i % 2 == 0 for i in range(1, 3001)], name
    statistics = {}
    metadata = parquet_file(path.read_bytes()).metadata
    for i in range(metadata.num_columns):
        column = metadata.row_group(0).column(i)
        statistics[column.path_in_schema] = (column.statistics.min, column.statistics.max, column.statistics.null_count)
    assert statistics["m.n"] == (1, 3000, 0)
    assert statistics["m.d"] == (0.125, 375.0, 0)
    assert statistics["m.t"] == (False, True, 0)
    assert [str(v) for v in statistics["m.big"][:2]] == ["12345678901234568.5", "12345678901237567.5"]
