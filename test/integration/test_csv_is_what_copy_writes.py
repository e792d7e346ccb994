"""CSV with --no-flatten is byte for byte what COPY (SELECT …) TO STDOUT (FORMAT csv, HEADER) writes."""

import csv
import io

import pytest
from support import values
from support.oracle import UNPACK

CODECS = ["none", "gzip", "zstd", "gzip:1", "gzip:3", "zstd:1", "zstd:9"]


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute(values.TYPES_SQL)
    made_of = values.columns(db.version)
    values.create_table(db, "all_types", made_of)
    values.create_table(db, "all_not_null", made_of, not_null=True)
    values.create_table(db, "one_row", made_of, rows=1, not_null=True)
    db.execute("CREATE TABLE no_rows (LIKE all_types)")
    db.execute("CREATE TABLE one_text (t text)")
    with db.connection.cursor().copy("COPY one_text FROM STDIN") as copy:
        for text in [*values.NASTY_TEXT, *values.NOT_XML_TEXT, None]:
            copy.write_row([text])
    columns = ", ".join(f"c{i} {('int', 'text', 'numeric')[i % 3]}" for i in range(1600))
    db.execute(f"CREATE TABLE widest ({columns})")
    cells = ", ".join("NULL" if i % 4 == 3 else ("1", "'a,b'", "1.50")[i % 3] for i in range(1600))
    db.execute(f"INSERT INTO widest SELECT {cells} FROM generate_series(1, 40)")
    names = ", ".join(f"{values.name(n)} int" for n in values.NASTY_NAMES)
    db.execute(f"CREATE TABLE odd_names ({names})")
    db.execute("INSERT INTO odd_names VALUES (1), (2)")
    db.execute("""CREATE TABLE many AS SELECT i AS id, repeat('"', i % 7) || i::text AS t, i * 1.5 AS n
                  FROM generate_series(1, 120000) i""")


@pytest.mark.parametrize("codec", CODECS)
def test_every_type_and_extreme_is_the_bytes_of_copy(db, decant, codec):
    written = decant.export("--table", "all_types", "--no-flatten", "--compress", codec)
    assert UNPACK[codec.partition(":")[0]](written) == db.csv("SELECT * FROM all_types")


@pytest.mark.parametrize(
    "table", ["all_not_null", "one_row", "no_rows", "one_text", "widest", "odd_names", "many"]
)
@pytest.mark.parametrize("codec", ["none", "gzip", "zstd"])
def test_a_table_is_the_bytes_of_copy(db, decant, table, codec):
    written = decant.export("--table", table, "--no-flatten", "--compress", codec)
    assert UNPACK[codec](written) == db.csv(f"SELECT * FROM {table}")


@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_the_number_of_lanes_does_not_change_a_byte(db, decant, lanes):
    assert decant.export("--table", "many", "--lanes", lanes) == db.csv("SELECT * FROM many")


def test_a_whole_export_is_the_same_bytes_twice_when_compressed(decant):
    first, second = (decant.export("--table", "many", "--compress", "gzip", "--lanes", 2) for _ in range(2))
    assert UNPACK["gzip"](first) == UNPACK["gzip"](second)


@pytest.mark.parametrize("text", [*values.NASTY_TEXT, *values.NOT_XML_TEXT])
def test_a_lone_text_is_quoted_exactly_when_copy_quotes_it(db, decant, text):
    query = f"SELECT {values.literal(text)} AS t"
    assert decant.export("--query", query, "--format", "csv") == db.csv(query)


@pytest.mark.parametrize("column_name", values.NASTY_NAMES)
def test_a_header_is_quoted_like_copy_quotes_it(db, decant, column_name):
    query = f"SELECT 1 AS {values.name(column_name)}, 2 AS other"
    assert decant.export("--query", query, "--format", "csv") == db.csv(query)


@pytest.mark.parametrize("table_name", values.NASTY_NAMES)
def test_a_table_is_found_by_its_name_as_the_catalog_spells_it(db, decant, table_name):
    quoted = values.name(table_name)
    db.execute(f"CREATE TABLE {quoted} AS SELECT 1 AS one")
    try:
        assert decant.export("--table", quoted, "--format", "csv") == b"one\n1\n"
        assert decant.export("--table", f"public.{quoted}", "--format", "csv") == b"one\n1\n"
        if not set(table_name) & set('."'):
            assert decant.export("--table", table_name, "--format", "csv") == b"one\n1\n"
    finally:
        db.execute(f"DROP TABLE {quoted}")


def test_columns_are_picked_ordered_and_renamed(db, decant):
    written = decant.export(
        "--table", "many", "--columns", "t=Text,id,n=The Number", "--limit", 5, "--order-by", "id"
    )
    assert written == db.csv('SELECT t AS "Text", id, n AS "The Number" FROM many ORDER BY id LIMIT 5')


def test_null_and_the_empty_string_differ(decant):
    written = decant.export("--query", "SELECT NULL::text AS a, '' AS b, NULL::int AS c", "--format", "csv")
    assert written == b'a,b,c\n,"",\n'


def test_the_delimiter_is_chosen_and_quotes_what_holds_it(db, decant):
    written = decant.export("--table", "one_text", "--csv", "delimiter=;")
    assert written == db.copy("COPY (SELECT * FROM one_text) TO STDOUT (FORMAT csv, HEADER, DELIMITER ';')")


def test_the_header_can_be_left_out(db, decant):
    written = decant.export("--table", "many", "--csv", "header=false")
    assert written == db.copy("COPY (SELECT * FROM many) TO STDOUT (FORMAT csv)")


def test_the_text_of_null_is_chosen_and_a_value_equal_to_it_is_quoted(db, decant):
    query = r"SELECT unnest(ARRAY[NULL, '\N', 'N', '']) AS a, 1 AS b"
    written = decant.export("--query", query, "--format", "csv", "--csv", r"null=\\N")
    assert written == db.copy(rf"COPY ({query}) TO STDOUT (FORMAT csv, HEADER, NULL '\N')")


def test_python_reads_back_what_was_written(db, decant):
    rows = list(csv.reader(io.StringIO(decant.export("--table", "many").decode(), newline="")))
    assert len(rows) == 120001
    assert rows[1:] == [list(row) for row in db.rows("SELECT id::text, t, n::text FROM many")]


def test_a_value_of_many_megabytes_passes_whole(db, decant):
    query = "SELECT repeat('long \"text\", ', 2500000) AS t"
    assert decant.export("--query", query, "--format", "csv") == db.csv(query)
