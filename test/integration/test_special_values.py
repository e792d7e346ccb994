"""Values that a format cannot say: an error that names the very row, or what the policy `special` makes of them."""

import re

import duckdb
import pytest

AT_CTID = re.compile(r"row at ctid (\(\d+,\d+\))")


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute("""CREATE TABLE prices (id int, price float8, day date, remark text);
                  INSERT INTO prices SELECT i, i / 2.0, '2024-01-01', repeat('x', 100) FROM generate_series(1, 20000) i;
                  UPDATE prices SET price = 'NaN' WHERE id = 12345;  -- moves the row to the end
                  UPDATE prices SET day = 'infinity' WHERE id = 7777;
                  UPDATE prices SET remark = E'a\\x01b' WHERE id = 3333; ANALYZE prices""")
    db.execute("""CREATE TABLE measures (id int, at int, value float8) PARTITION BY RANGE (at);
                  CREATE TABLE measures_low PARTITION OF measures FOR VALUES FROM (0) TO (10);
                  CREATE TABLE "measures ""high"" part" PARTITION OF measures FOR VALUES FROM (10) TO (20);
                  INSERT INTO measures SELECT i, i % 20, i FROM generate_series(1, 5000) i;
                  UPDATE measures SET value = 'Infinity' WHERE id = 4219; ANALYZE measures""")


def place_of(run, db, table, condition):
    """The ctid that an error names is that of the row: what the server finds there fulfils the condition."""
    found = AT_CTID.search(run.err)
    assert found, run.err
    assert db.value(f"SELECT {condition} FROM {table} WHERE ctid = '{found.group(1)}'"), run.err
    return run.err


@pytest.mark.parametrize("lanes", [1, 3])
def test_an_error_names_table_column_row_and_value(db, decant, lanes):
    run = decant("export", "--table", "prices", "--format", "json", "--lanes", lanes, code=1)
    said = place_of(run, db, "prices", "price = 'NaN'")
    assert 'table "public.prices"' in said and 'column "price": NaN' in said and "special" in said


FAULTS = [
    ("xml", "day", "day = 'infinity'", "infinity", ["id,day"]),
    ("xml", "remark", "remark LIKE E'%\\x01%'", '"a\\x01b"', ["id,remark"]),
    ("parquet", "day", "day = 'infinity'", "infinity", ["id,day"]),
    ("ndjson", "price", "price = 'NaN'", "NaN", ["price"]),
]


@pytest.mark.parametrize("output_format, column, condition, value, columns", FAULTS)
def test_every_format_names_the_row(db, decant, output_format, column, condition, value, columns, tmp_path):
    path = tmp_path / "out"
    run = decant(
        "export", "--table", "prices", "--format", output_format, "--columns", *columns, "-o", path, code=1
    )
    said = place_of(run, db, "prices", condition)
    assert f'column "{column}": ' in said and value in said
    assert not path.exists()


def test_a_filter_does_not_mislead_the_count_of_rows(db, decant):
    run = decant("export", "--table", "prices", "--format", "json", "--where", "id >= 11000", code=1)
    place_of(run, db, "prices", "id = 12345")


def test_a_gentle_export_names_the_row_too(db, decant):
    run = decant("export", "--table", "prices", "--format", "json", "--gentle", code=1)
    place_of(run, db, "prices", "id = 12345")


def test_a_row_of_a_partition_is_named_with_the_partition(db, decant):
    run = decant("export", "--table", "measures", "--format", "ndjson", code=1)
    assert 'table "public.measures", partition "public"."measures ""high"" part", row at ctid' in run.err
    place_of(run, db, '"measures ""high"" part"', "id = 4219")


def test_a_row_of_a_query_is_named_by_its_number(decant):
    query = "SELECT CASE WHEN i = 17 THEN 'NaN' ELSE i::float8 END AS f FROM generate_series(1, 40) i"
    run = decant("export", "--query", query, "--format", "json", code=1)
    assert 'query, row 17: column "f": NaN' in run.err


def test_a_row_of_a_view_is_named_by_its_number(db, decant):
    db.execute("CREATE VIEW odd_prices AS SELECT id, price FROM prices WHERE id % 2 = 1 ORDER BY id")
    run = decant("export", "--table", "odd_prices", "--format", "json", code=1)
    assert 'view "public.odd_prices", row 6173: column "price": NaN' in run.err


def test_in_an_order_of_the_user_s_a_row_is_named_by_its_number(decant):
    run = decant("export", "--table", "prices", "--format", "json", "--order-by", "id", "--lanes", 1, code=1)
    assert re.search(r'table "public.prices", row 12345: column "price": NaN', run.err)


def test_a_null_in_a_column_that_is_not_null_is_named_with_its_row(db, decant, tmp_path):
    """Only a damaged catalog makes one, and a file that said 0 or nothing in its place would be wrong."""
    db.execute("CREATE TABLE damaged AS SELECT nullif(i, 321) AS i FROM generate_series(1, 500) i")
    db.execute(
        "UPDATE pg_attribute SET attnotnull = true WHERE attrelid = 'damaged'::regclass AND attname = 'i'"
    )
    run = decant("export", "--table", "damaged", "-o", tmp_path / "damaged.parquet", code=1)
    said = place_of(run, db, "damaged", "i IS NULL")
    assert 'column "i"' in said and "NULL" in said


def test_the_service_names_the_row_as_well(db, service):
    status = service.wait(service.create(table="prices", format="json"))
    assert status["status"] == "failed"
    found = AT_CTID.search(str(status["error"]))
    assert found and db.value(f"SELECT price = 'NaN' FROM prices WHERE ctid = '{found.group(1)}'")


def test_what_was_written_otherwise_is_counted_by_column_in_the_summary(db, decant, tmp_path):
    db.execute("""CREATE TABLE faulty AS SELECT i AS id, CASE WHEN i % 10 = 0 THEN 'NaN' ELSE i::float8 END AS often,
                  CASE WHEN i = 77 THEN '-Infinity' ELSE i::float4 END AS "once ""or"" twice" FROM generate_series(1, 1000) i""")
    run = decant(
        "export", "--table", "faulty", "--format", "json", "--special", "null", "--json", "--lanes", 2
    )
    assert run.summary["specials"] == 101
    assert list(run.summary["specialsByColumn"].items()) == [("often", 100), ('once "or" twice', 1)]
    run = decant("export", "--table", "faulty", "--special", "null", "-o", tmp_path / "faulty.json")
    assert r'101 written otherwise by --special ("often":100,"once \"or\" twice":1)' in run.err


@pytest.mark.parametrize("output_format", ["json", "xml", "parquet"])
def test_every_format_counts_by_column(decant, output_format):
    query = """SELECT i AS id, CASE WHEN i = 4 THEN 'NaN' ELSE i END::numeric(9,2) AS price,
                 CASE WHEN i > 5 THEN 'infinity'::timestamp ELSE '2024-01-01' END AS moment,
                 jsonb_build_object('k', CASE WHEN i = 9 THEN E'\\x01' ELSE 'x' END) AS doc FROM generate_series(1, 9) i"""
    expected = {"json": {"price": 1}, "xml": {"moment": 4, "doc": 1}, "parquet": {"moment": 4, "price": 1}}
    run = decant(
        "export", "--query", query.replace("i END::numeric", "i::numeric END::numeric"), "--format", output_format,
        "--special", "null", "--json",
    )  # fmt: skip
    assert run.summary["specialsByColumn"] == expected[output_format]


def test_the_status_of_an_export_counts_by_column(service):
    status = service.finish(table="measures", format="ndjson", special="replace")
    assert status["specials"] == 1 and status["specialsByColumn"] == {"value": 1}
    status = service.finish(table="measures", format="csv")
    assert status["specials"] == 0 and status["specialsByColumn"] == {}


def test_duckdb_reads_json_whose_half_surrogate_pairs_were_replaced(db, decant, tmp_path):
    """The server takes them into json, and DuckDB refuses a file with one of them."""
    db.execute(r"""CREATE TABLE cut_emoji AS SELECT i AS id, '{"k": "\ud83d"}'::json AS doc,
                   ARRAY['"\ude00\ud83d\ude00"'::json] AS docs FROM generate_series(1, 3) i""")
    path = tmp_path / "out.parquet"
    run = decant("export", "--table", "cut_emoji", "-o", path, code=1)
    assert r'column "doc": \ud83d at position 7 is half a surrogate pair' in run.err and "(0,1)" in run.err
    run = decant("export", "--table", "cut_emoji", "-o", path, "--special", "replace", "--json")
    assert run.summary["specialsByColumn"] == {"doc": 3, "docs": 3}
    read = duckdb.sql(f"SELECT doc, docs FROM '{path}'").fetchall()
    assert read == [('{"k": "\ufffd"}', ['"\ufffd\\ud83d\\ude00"'])] * 3
    decant("export", "--table", "cut_emoji", "-o", path, "--special", "null")
    assert duckdb.sql(f"SELECT doc, docs FROM '{path}'").fetchall() == [(None, [None])] * 3
    text = decant("export", "--table", "cut_emoji", "--format", "ndjson", "--columns", "doc").out
    assert text == b'{"doc":{"k": "\\ud83d"}}\n' * 3  # a file of text is as the server gives it


def test_a_long_list_of_columns_is_cut_and_the_total_stays(decant):
    columns = ", ".join(f"'NaN'::float8 AS \"{'c' * 40}{i}\"" for i in range(100))
    run = decant("export", "--query", f"SELECT {columns}", "--format", "json", "--special", "null", "--json")
    assert run.summary["specials"] == 100
    assert 5 < len(run.summary["specialsByColumn"]) < 100


def test_a_policy_that_cannot_apply_is_refused_when_the_export_is_asked_for(service):
    answer = service.request(
        "POST", "/exports", {"table": "prices", "format": "parquet", "special": "string"}
    )
    assert answer.status == 400 and answer.json["field"] == "special"
    assert 'column "day"' in answer.json["error"] and "null or replace" in answer.json["error"]


@pytest.mark.parametrize("way", [["--discover", "full"], ["--sample-rows", "100000"], []])
def test_a_document_that_is_none_is_named_while_paths_are_looked_for(db, decant, way):
    """Only a cast that checks nothing makes one."""
    db.execute("CREATE TABLE documents (id int, doc json, pad text)")
    try:
        db.execute("CREATE CAST (text AS json) WITHOUT FUNCTION")
        db.execute("""INSERT INTO documents SELECT i, CASE i WHEN 4321 THEN '{"a" 1}' ELSE '{"a": 1}' END::text::json,
                      repeat('x', 500) FROM generate_series(1, 5000) i""")
        db.execute("DROP CAST (text AS json)")
        db.execute("ANALYZE documents")
        run = decant("export", "--table", "documents", "--format", "csv", *way, code=3)
        assert 'table "public.documents", row ' in run.err and 'column "doc": ' in run.err
        found = AT_CTID.search(run.err)
        if way[:1] == ["--discover"]:
            assert found and db.value(f"SELECT id = 4321 FROM documents WHERE ctid = '{found.group(1)}'")
    finally:
        db.execute("DROP CAST IF EXISTS (text AS json)")
        db.execute("DROP TABLE documents")
