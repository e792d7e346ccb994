"""JSON rows have the values of row_to_json; NDJSON with special=string is byte for byte row_to_json."""

import json

import pytest
from support import values
from support.oracle import UNPACK, array_items

SPECIAL_NUMBERS = "SELECT 1 AS id, 'NaN'::float8 AS a, '-Infinity'::float4 AS b, 'NaN'::numeric AS c"


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute(values.TYPES_SQL)
    made_of = values.columns(db.version)
    values.create_table(db, "all_types", made_of)
    values.create_table(db, "all_not_null", made_of, not_null=True)
    values.create_table(db, "one_row", made_of, rows=1, not_null=True)
    db.execute("CREATE TABLE no_rows (LIKE all_types)")
    columns = ", ".join(f"c{i} {('int', 'text', 'jsonb')[i % 3]}" for i in range(1600))
    db.execute(f"CREATE TABLE widest ({columns})")
    cells = ", ".join(
        ("1", "'a\"b'", """'{"a": [1, 2]}'""")[i % 3] if i % 4 == 1 else "NULL" for i in range(1600)
    )
    db.execute(f"INSERT INTO widest SELECT {cells} FROM generate_series(1, 12)")
    names = ", ".join(f"{values.name(n)} int" for n in values.NASTY_NAMES)
    db.execute(f"CREATE TABLE odd_names ({names})")
    db.execute("INSERT INTO odd_names VALUES (1), (2)")
    db.execute("""CREATE TABLE many AS SELECT i AS id, jsonb_build_object('n', i, 't', repeat('"', i % 7)) AS doc
                  FROM generate_series(1, 120000) i""")


TABLES = ["all_types", "all_not_null", "one_row", "no_rows", "widest", "odd_names", "many"]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("codec", ["none", "gzip", "zstd"])
def test_ndjson_is_the_bytes_of_row_to_json(db, decant, table, codec):
    written = decant.export(
        "--table", table, "--format", "ndjson", "--special", "string", "--compress", codec
    )
    assert UNPACK[codec](written) == db.ndjson(f"SELECT * FROM {table}")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("codec", ["none", "gzip", "zstd"])
def test_an_array_holds_the_texts_of_row_to_json(db, decant, table, codec):
    written = decant.export("--table", table, "--format", "json", "--special", "string", "--compress", codec)
    assert array_items(UNPACK[codec](written)) == db.json_rows(f"SELECT * FROM {table}")


@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_rows_of_several_lanes_join_into_one_array(db, decant, lanes):
    written = decant.export("--table", "many", "--format", "json", "--lanes", lanes)
    assert [row["id"] for row in json.loads(written)] == list(range(1, 120001))


def test_no_rows_are_an_empty_array_and_an_empty_ndjson(decant):
    assert json.loads(decant.export("--table", "no_rows", "--format", "json")) == []
    assert decant.export("--table", "no_rows", "--format", "ndjson") == b""


@pytest.mark.parametrize("text", [*values.NASTY_TEXT, *values.NOT_XML_TEXT])
def test_a_text_is_escaped_as_the_server_escapes_it(db, decant, text):
    query = f"SELECT {values.literal(text)} AS t"
    assert decant.export("--query", query, "--format", "ndjson") == db.ndjson(query)


@pytest.mark.parametrize("text", values.JSON_TEXTS + values.JSON_SPACED)
def test_json_text_is_embedded_as_it_stands(db, decant, text):
    query = f"SELECT {values.literal(text)}::json AS plain, {values.literal(text)}::jsonb AS binary"
    (written,) = array_items(decant.export("--query", query, "--format", "json"))
    assert [written] == db.json_rows(query)


@pytest.mark.parametrize("text", values.JSON_TEXTS + values.JSON_SPACED)
def test_a_row_of_ndjson_is_one_line_whatever_json_it_holds(db, decant, text):
    query = f"SELECT {values.literal(text)}::json AS doc"
    written = decant.export("--query", query, "--format", "ndjson")
    assert written.count(b"\n") == 1 and b"\r" not in written
    assert written == db.ndjson(query)


@pytest.mark.parametrize("output_format", ["json", "ndjson"])
def test_a_number_that_json_cannot_say_is_an_error_that_names_the_column(decant, output_format):
    run = decant(
        "export", "--query", "SELECT 1 AS id, 'NaN'::float8 AS measure", "--format", output_format, code=1
    )
    assert "measure" in run.err and "NaN" in run.err


@pytest.mark.parametrize(
    "value", ["'Infinity'::float8", "'-Infinity'::float4", "'NaN'::numeric", "'NaN'::float4"]
)
def test_every_number_that_json_cannot_say_is_an_error_by_default(decant, value):
    decant("export", "--query", f"SELECT {value} AS measure", "--format", "json", code=1)


def test_special_null_writes_null_and_counts(decant):
    run = decant("export", "--query", SPECIAL_NUMBERS, "--format", "ndjson", "--special", "null", "--json")
    assert json.loads(run.out) == {"id": 1, "a": None, "b": None, "c": None}
    assert run.summary["specials"] == 3


def test_special_string_writes_what_the_server_writes(db, decant):
    written = decant.export("--query", SPECIAL_NUMBERS, "--format", "ndjson", "--special", "string")
    assert written == db.ndjson(SPECIAL_NUMBERS)


def test_infinite_dates_are_the_strings_of_the_server(db, decant):
    query = "SELECT 'infinity'::date AS a, '-infinity'::timestamp AS b, 'infinity'::timestamptz AS c"
    assert decant.export("--query", query, "--format", "ndjson") == db.ndjson(query)


def test_keys_stand_in_the_order_of_the_columns_asked_for(decant):
    written = decant.export(
        "--table", "many", "--columns", "doc=Z,id=A", "--format", "ndjson", "--limit", 1, "--order-by", "id"
    )
    assert written == b'{"Z":{"n": 1, "t": "\\""},"A":1}\n'


def test_a_deeply_nested_document_passes_as_it_stands(db, decant):
    query = "SELECT (repeat('[', 3000) || repeat(']', 3000))::json AS deep"
    assert decant.export("--query", query, "--format", "ndjson") == db.ndjson(query)
