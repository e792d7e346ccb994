"""Databases whose encoding, settings or search path are not the usual ones: the files do not show it."""

import csv
import json
import pathlib

import pytest
from psycopg import sql
from support import values
from support.cluster import Cluster
from support.database import Database
from support.oracle import NIL, array_items, unescape_xml_name, xml_of_json, xml_rows
from support.parquet import READERS, column_values, parquet_file, server_values

SAMPLE_COLUMNS = [
    "a_bool",
    "a_float4",
    "a_float8",
    "a_numeric",
    "a_numeric_9_2",
    "a_text",
    "a_char",
    "a_json",
    "a_jsonb",
    "a_bytea",
    "a_date",
    "a_time",
    "a_timetz",
    "a_timestamp",
    "a_timestamptz",
    "an_interval",
    "a_money",
    "a_composite_array",
    "a_regclass",
    "an_xml",
    "an_hstore",
    "a_point",
]

# Each is the default of a database and of a role, as people set them.
SETTINGS = {
    "a time zone with summer time": {"TimeZone": "America/St_Johns"},
    "German dates": {"DateStyle": "German, DMY"},
    "SQL dates": {"DateStyle": "SQL, DMY", "TimeZone": "Asia/Kolkata"},
    "Postgres dates": {"DateStyle": "Postgres, MDY", "IntervalStyle": "sql_standard"},
    "ISO intervals": {"IntervalStyle": "iso_8601"},
    "verbose intervals": {"IntervalStyle": "postgres_verbose"},
    "floats cut short": {"extra_float_digits": "-15"},
    "floats rounded": {"extra_float_digits": "0"},
    "escaped bytea": {"bytea_output": "escape", "xmlbinary": "hex"},
    "backslashes escape": {
        "standard_conforming_strings": "off",
        "backslash_quote": "on",
        "escape_string_warning": "off",
    },
    "an odd search path": {"search_path": '"odd; schema", public'},
    "an isolation of its own": {
        "default_transaction_isolation": "serializable",
        "default_transaction_read_only": "on",
        "default_transaction_deferrable": "on",
    },
    "another client's encoding": {"client_encoding": "LATIN1"},
    "documents of XML": {"xmloption": "document"},
    "short waits": {
        "statement_timeout": "60s",
        "lock_timeout": "1s",
        "idle_in_transaction_session_timeout": "1s",
    },
    "nulls that are texts": {"array_nulls": "off", "transform_null_equals": "on"},
    "few digits of money": {"lc_monetary": "C", "lc_numeric": "C", "lc_messages": "C"},
}


def made_of(db):
    return [column for column in values.columns(db.version, for_xml=True) if column.name in SAMPLE_COLUMNS]


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute(values.TYPES_SQL)
    values.create_table(db, "sample", made_of(db))
    db.execute('CREATE SCHEMA "odd; schema"')
    # What an unqualified name must not find: another table, function and operator of a name that decant uses.
    db.execute('CREATE TABLE "odd; schema".other AS SELECT 1 AS one')
    db.execute(
        """CREATE FUNCTION "odd; schema".to_json(anyelement) RETURNS json LANGUAGE sql AS $$ SELECT 'null'::json $$"""
    )
    db.execute(
        """CREATE FUNCTION "odd; schema".textcat_all(text) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$"""
    )


@pytest.fixture(scope="module")
def usual(db, decant):
    """The bytes of each format under the defaults; the other tests of this tree check what they are."""
    return {name: export(decant, name) for name in ("csv", "ndjson", "json", "xml", "parquet")}


def export(decant, output_format, **options):
    written = decant.export("--table", "public.sample", "--format", output_format, **options)
    return parquet_file(written).read() if output_format == "parquet" else written


@pytest.mark.parametrize("of", ["database", "role"])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_no_default_of_a_database_or_role_changes_a_byte(db, decant, usual, settings, of):
    target = f"DATABASE {db.name}" if of == "database" else "ROLE decant_odd"
    conninfo = db.conninfo if of == "database" else db.conninfo.replace("user=postgres", "user=decant_odd")
    if of == "role":
        db.execute("DROP ROLE IF EXISTS decant_odd; CREATE ROLE decant_odd LOGIN SUPERUSER")
    try:
        for name, value in settings.items():
            shown = value if name == "search_path" else sql.Literal(value).as_string(db.connection)
            db.execute(f"ALTER {target} SET {name} = {shown}")
        for output_format, expected in usual.items():
            assert export(decant, output_format, db=conninfo) == expected, output_format
    finally:
        db.execute(f"ALTER {target} RESET ALL")


def test_a_table_is_found_where_the_search_path_leads(db, decant):
    try:
        db.execute(f'ALTER DATABASE {db.name} SET search_path = "odd; schema"')
        assert decant.export("--table", "other", "--format", "csv") == b"one\n1\n"
        assert "sample" in decant("export", "--table", "sample", "--format", "csv", code=(2, 3)).err
    finally:
        db.execute(f"ALTER DATABASE {db.name} RESET ALL")


# --- money ----------------------------------------------------------------------------------------
# Each with a currency of another number of decimals, and signs and separators in other places.
MONEY = {
    "de_DE.UTF-8": "1.234.567,89",
    "ja_JP.UTF-8": "1,234,568",
    "ar_BH.UTF-8": "1,234,567.890",
}
AMOUNTS = ["0", "0.05", "-0.005", "-1234567.89", "9223372036854775.80", "-9223372036854775.80"]
PRICES = "public.prices"


@pytest.fixture(scope="module")
def money_server():
    """A server that has these locales: the system's need not."""
    cluster = Cluster(pathlib.Path(__file__).resolve().parents[2] / "build", locales=MONEY)
    try:
        yield cluster.start().conninfo
    finally:
        cluster.stop()


@pytest.fixture(scope="module", params=MONEY)
def money_db(money_server, request):
    """lc_monetary is the one setting of texts that is the database's own."""
    db = Database(money_server, "decant_money")
    try:
        db.execute(f"ALTER DATABASE {db.name} SET lc_monetary = '{request.param}'")
        db.connection.close()
        db.connection = db.connect()
        db.execute("CREATE DOMAIN fee AS money; CREATE TYPE priced AS (id int, price money, fees fee[])")
        rows = ", ".join(f"({i}, '{amount}'::numeric::money)" for i, amount in enumerate(AMOUNTS))
        db.execute(f"""CREATE TABLE {PRICES} AS
            SELECT id, price, price::fee AS fee, ARRAY[price, NULL, 0.5::numeric::money] AS list,
              ROW(id, price, ARRAY[price])::priced AS one, ARRAY[ROW(id, price, NULL)::priced, NULL] AS many,
              jsonb_build_object('price', price, 'all', ARRAY[price]) AS doc
            FROM (VALUES {rows}, ({len(AMOUNTS)}, NULL)) amounts (id, price)""")
        db.locale = request.param
        yield db
    finally:
        db.drop()


def export_prices(decant, db, output_format, *more):
    return decant.export("--table", PRICES, "--format", output_format, *more, db=db.conninfo)


def test_csv_and_json_hold_money_as_the_database_writes_it(money_db, decant):
    query = f"SELECT * FROM {PRICES}"
    assert MONEY[money_db.locale] in money_db.value(f"SELECT price::text FROM {PRICES} WHERE id = 3")
    assert export_prices(decant, money_db, "csv", "--no-flatten") == money_db.csv(query)
    assert export_prices(decant, money_db, "ndjson") == money_db.ndjson(query)
    assert array_items(export_prices(decant, money_db, "json")) == money_db.json_rows(query)
    texts = money_db.column(f"SELECT price::text FROM {PRICES}")
    flat = list(csv.DictReader(export_prices(decant, money_db, "csv").decode().splitlines()))
    assert [row["price"] for row in flat] == [text or "" for text in texts]
    assert [row["doc.price"] for row in flat] == [text or "null" for text in texts]


def test_xml_holds_money_as_the_database_writes_it(money_db, decant):
    rows = [dict(row) for row in xml_rows(export_prices(decant, money_db, "xml"))]
    texts = [text or NIL for text in money_db.column(f"SELECT price::text FROM {PRICES}")]
    assert [row["price"] for row in rows] == [row["fee"] for row in rows] == texts
    for nested in "list", "one", "many", "doc":
        expected = map(xml_of_json, money_db.column(f"SELECT to_json({nested})::text FROM {PRICES}"))
        assert [row[nested] for row in rows] == list(expected), nested


@pytest.mark.parametrize("profile", ["portable", "modern"])
def test_parquet_holds_money_as_the_database_writes_it(money_db, decant, tmp_path, profile):
    path = tmp_path / "prices.parquet"
    path.write_bytes(export_prices(decant, money_db, "parquet", "--parquet", f"profile={profile}"))
    expected = [json.loads(text) for text in money_db.json_rows(f"SELECT * FROM {PRICES}")]
    for reader, read in READERS.items():
        file = read(path)
        for name in "price", "fee", "list", "one", "many":
            assert column_values(file.column(name)) == [row[name] for row in expected], (reader, name)


def test_in_the_order_of_money_every_row_comes_once(money_db, decant):
    """The bounds of ranges are texts that the server must read as it wrote them."""
    db = money_db
    db.execute("""CREATE TABLE many AS SELECT i AS id, repeat('x', 200) AS pad,
                    ((i * 7919 % 20011 - 9999)::numeric * 1234.56)::money AS price FROM generate_series(1, 20000) i""")
    db.execute("CREATE INDEX ON many (price, id); ANALYZE many; ALTER TABLE many SET (parallel_workers = 0)")
    for order in "price", "price DESC":
        arguments = ("--table", "many", "--format", "csv", "--order-by", f"{order.lower()},id", "--lanes", 3)
        written = decant.export(*arguments, db=db.conninfo)
        assert written == db.csv(f"SELECT * FROM many ORDER BY {order}, id")


# --- encodings ------------------------------------------------------------------------------------
ENCODINGS = {
    "LATIN1": "naïve ÀÉÎÕÜ ß ÿ \x85\xa0",
    "LATIN9": "œuvre 5 €",
    "WIN1252": "“quoted” – 5 €",
    "KOI8R": "Привет ╔═╗",
    "EUC_JP": "日本語 テスト ｶﾀｶﾅ",
    "EUC_KR": "한국어",
    "EUC_CN": "汉语",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_database_in_another_encoding_is_exported_in_utf8(server, decant, tmp_path, encoding):
    text = ENCODINGS[encoding]
    db = Database(server, f"decant_{encoding.lower()}", encoding=encoding)
    try:
        db.execute("SET client_encoding = 'UTF8'")
        word = text.split()[0]
        db.execute(f"CREATE TYPE {values.name('kind ' + word)} AS ENUM ('{word}')")
        db.execute(
            f"CREATE TABLE {values.name('t ' + word)} (id int, {values.name(word)} text, c char(9), doc json, docb jsonb, "
            f"list text[], kind {values.name('kind ' + word)}, x xml, v tsvector)"
        )
        cells = (
            1,
            text,
            word[:9],
            json.dumps({word: text}, ensure_ascii=False),
            json.dumps({"k": text}, ensure_ascii=False),
        )
        db.execute(
            f"INSERT INTO {values.name('t ' + word)} VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (*cells, [text, None], word, f"<a>{word}</a>", f"'{word}'"),
        )
        table, query = values.name("t " + word), f"SELECT * FROM {values.name('t ' + word)}"
        options = {"db": db.conninfo}
        assert decant.export("--table", table, "--format", "csv", "--no-flatten", **options) == db.csv(query)
        assert decant.export("--table", table, "--format", "ndjson", **options) == db.ndjson(query)
        (row,) = xml_rows(decant.export("--table", table, "--format", "xml", **options))
        found = {unescape_xml_name(tag): value for tag, value in row}
        assert found[word] == text and found["doc"] == [(word, text)] and found["kind"] == word
        path = tmp_path / "t.parquet"
        decant("export", "--quiet", "--table", table, "-o", path, **options)
        for reader in READERS.values():
            assert column_values(reader(path).column(word)) == [text]
        # A condition and a renamed column travel the other way.
        where = ("--where", f"{word} = {text}", "--columns", f"{word}=x y", "--format", "csv")
        assert decant.export("--table", table, *where, **options) == db.csv(
            query.replace("*", f'{values.name(word)} AS "x y"')
        )
    finally:
        db.drop()


# --- no encoding ----------------------------------------------------------------------------------
BYTES = {
    "latin": b"caf\xe9",
    "cut": b"a\xe2\x82",
    "overlong": b"\xc0\xaf",
    "surrogate": b"\xed\xa0\x80",
    "high": b"\xff\xfe",
}


class AsciiDatabase(Database):
    """What it holds is bytes: its texts are read as bytes."""

    def connect(self, **parameters):
        connection = super().connect(client_encoding="SQL_ASCII", **parameters)
        return connection

    def bytes_of(self, statement):
        return self.copy(f"COPY ({statement}) TO STDOUT (FORMAT csv)")


@pytest.fixture(scope="module")
def ascii_db(server):
    db = AsciiDatabase(server, "decant_ascii", encoding="SQL_ASCII")
    try:
        db.execute("CREATE TABLE good (id int, t text, doc jsonb)")
        db.execute(
            b"""INSERT INTO good VALUES (1, 'na\xc3\xafve', '{"k\xc3\xa9": "\xe2\x82\xac"}'), (2, '', '[]'), (3, NULL, NULL)"""
        )
        for name, raw in BYTES.items():
            db.execute(f"CREATE TABLE t_{name} (id int, t text)")
            db.execute(f"INSERT INTO t_{name} VALUES (1, 'good'), (2, '".encode() + raw + b"')")
            for kind in ("json", "jsonb"):
                db.execute(f"CREATE TABLE {kind}_{name} (id int, t {kind})")
                db.execute(f"INSERT INTO {kind}_{name} VALUES (2, '{{".encode() + b'"k": "' + raw + b"\"}')")
            db.execute(f"CREATE TABLE list_{name} (id int, t text[])")
            db.execute(f"INSERT INTO list_{name} VALUES (2, ARRAY['".encode() + raw + b"'])")
        db.execute(b'CREATE SCHEMA "sch\xe9ma"')
        db.execute(b'CREATE TABLE "sch\xe9ma"."t\xe9" (id int, "caf\xe9" text, plain text)')
        db.execute(b"INSERT INTO \"sch\xe9ma\".\"t\xe9\" VALUES (1, 'x\xe9', 'y')")
        db.execute(b'CREATE TYPE odd AS ("f\xe9" int, plain text)')
        db.execute("CREATE TABLE with_field AS SELECT 1 AS id, ARRAY[ROW(7, 'x')::odd] AS c")
        yield db
    finally:
        db.drop()


HOLDERS = [f"{kind}_{name}" for kind in ("t", "json", "jsonb", "list") for name in BYTES]


def replaced(raw):
    """Each byte that is no part of UTF-8 becomes one U+FFFD."""
    text = raw.decode("utf-8", "surrogateescape")
    return "".join("\ufffd" if "\udc80" <= c <= "\udcff" else c for c in text)


def raw_of(table):
    return BYTES[table.partition("_")[2]]


@pytest.mark.parametrize("output_format", ["csv", "ndjson", "xml", "parquet"])
def test_utf8_in_a_database_without_encoding_is_utf8(ascii_db, decant, output_format):
    options = ("--no-flatten",) if output_format == "csv" else ()
    written = decant.export("--table", "good", "--format", output_format, *options, db=ascii_db.conninfo)
    if output_format == "parquet":
        assert parquet_file(written).read().column("t").to_pylist() == ["naïve", "", None]
    elif output_format == "csv":
        assert written == ascii_db.csv("SELECT * FROM good")
    else:
        assert "naïve".encode() in written and "€".encode() in written


@pytest.mark.parametrize("table", HOLDERS)
def test_csv_passes_bytes_through(ascii_db, decant, table):
    written = decant.export("--table", table, "--format", "csv", "--no-flatten", db=ascii_db.conninfo)
    assert written == ascii_db.csv(f"SELECT * FROM {table}") and raw_of(table) in written


@pytest.mark.parametrize("output_format", ["json", "ndjson", "xml", "parquet"])
@pytest.mark.parametrize("table", HOLDERS)
def test_bytes_that_are_not_utf8_are_an_error_that_names_the_column(
    ascii_db, decant, tmp_path, table, output_format
):
    path = tmp_path / "out"
    run = decant(
        "export", "--table", table, "--format", output_format, "-o", path, db=ascii_db.conninfo, code=1
    )
    assert ('"t"' in run.err or '"t[]"' in run.err) and not path.exists()


@pytest.mark.parametrize("table", HOLDERS)
@pytest.mark.parametrize("special", ["null", "replace"])
def test_bytes_that_are_not_utf8_become_what_special_says(ascii_db, decant, tmp_path, table, special):
    expected = None if special == "null" else replaced(raw_of(table))
    arguments = ("--table", table, "--special", special, "--where", "id = 2")
    options = {"db": ascii_db.conninfo}
    last = json.loads(decant.export(*arguments, "--format", "ndjson", **options))["t"]
    assert flat(last) == expected
    (row,) = xml_rows(decant.export(*arguments, "--format", "xml", **options))
    assert flat(row[1][1]) == (expected if expected is not None else "nil")
    path = tmp_path / "t.parquet"
    decant("export", "--quiet", *arguments, "-o", path, **options)
    for reader in READERS.values():
        (value,) = column_values(reader(path).column("t"))
        if isinstance(value, bytes):
            value = value.decode()
        if isinstance(value, list):  # null is the item then, not the array
            (value,) = value
        if value is None or not table.startswith("json"):
            assert value == expected
        else:
            assert expected in value


def flat(value):
    """The one text that a small nested value holds."""
    while isinstance(value, (list, dict, tuple)):
        value = list(value.values())[0] if isinstance(value, dict) else value[-1]
    return value


def test_names_that_are_not_utf8_are_found_and_go_into_csv_as_they_are(ascii_db, decant):
    table = b'"sch\xe9ma"."t\xe9"'
    written = run_bytes(decant, ascii_db, b"--table", table, b"--format", b"csv")
    assert written.out == b"id,caf\xe9,plain\n1,x\xe9,y\n"


@pytest.mark.parametrize("output_format", ["json", "ndjson", "xml", "parquet"])
def test_a_name_that_is_not_utf8_is_refused_where_the_format_needs_utf8_until_it_is_given_another(
    ascii_db, decant, output_format
):
    table, chosen = b'"sch\xe9ma"."t\xe9"', output_format.encode()
    refused = run_bytes(decant, ascii_db, b"--table", table, b"--format", chosen, code=(1, 2))
    assert "not UTF-8" in refused.err or "no UTF-8" in refused.err
    arguments = (b"--table", table, b"--columns", b"id,caf\xe9=caf\xc3\xa9", b"--special", b"replace")
    written = run_bytes(decant, ascii_db, *arguments, b"--format", chosen).out
    if output_format == "parquet":
        file = parquet_file(written)
        assert file.read().column("café").to_pylist() == ["x\ufffd"]
        assert file.metadata.metadata[b"decant.source"].decode() == "sch\ufffdma.t\ufffd"
    else:
        assert "caf" in written.decode() and "x\ufffd" in written.decode()


def test_a_field_whose_name_is_not_utf8_is_refused_in_parquet_until_it_is_within_json(ascii_db, decant, tmp_path):
    """Polars, DuckDB and DataFusion refuse a file that has such a name anywhere in its schema."""
    arguments = ("--quiet", "--table", "with_field", "-o", tmp_path / "x.parquet")
    refused = decant("export", *arguments, db=ascii_db.conninfo, code=2)
    assert '"c"' in refused.err and "no UTF-8" in refused.err and not (tmp_path / "x.parquet").exists()
    decant("export", *arguments, "--parquet", "nested=json", "--special", "replace", db=ascii_db.conninfo)
    for reader in READERS.values():
        (value,) = column_values(reader(tmp_path / "x.parquet").column("c"))
        text = value.decode() if isinstance(value, bytes) else value
        assert json.loads(text) == [{"f\ufffd": 7, "plain": "x"}]


def run_bytes(decant, db, *arguments, code=0):
    """Arguments that are no text: the command line takes what the file system would."""
    shown = [argument.decode("utf-8", "surrogateescape") for argument in arguments]
    return decant("export", "--quiet", *shown, db=db.conninfo, code=code)


def test_the_service_lists_and_describes_tables_whose_names_are_not_utf8(ascii_db, make_service):
    service = make_service(conninfo=ascii_db.conninfo)
    listed = [table["name"] for table in service.get("/tables").json["tables"]]
    assert "sch\ufffdma.t\ufffd" in listed and "public.good" in listed
