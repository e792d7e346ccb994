"""The dialects of the text formats: CSV is what COPY writes with the same options, zones are what the server shows."""

import csv
import io
import json
import pathlib

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from support import values
from support.command import as_option
from support.database import set_zone
from support.oracle import NIL, element_value, parse_xml, unescape_xml_name
from support.text_options import SIGNS, ZONES

# --- CSV beside COPY ------------------------------------------------------------------------------
COLUMNS = "a text, b text, n int, x numeric, d date, f bool, y bytea, l text[], j jsonb"


@st.composite
def dialects(draw):
    """A dialect, and rows that are full of its own signs."""
    delimiter, quote = draw(st.lists(st.sampled_from(SIGNS), min_size=2, max_size=2, unique=True))
    escape = draw(st.none() | st.sampled_from([*SIGNS, quote]))
    null = draw(st.none() | st.text(st.sampled_from(SIGNS + ["L", "é"]), max_size=3))
    force = draw(st.sampled_from([None, "all", ["a"], ["b", "n"], ["x", "j"]]))
    header = draw(st.booleans())
    loaded = st.sampled_from([delimiter, quote, escape or quote, null or "", "\n", "\r", "\\.", "x", "é", "7"])
    text = st.none() | st.lists(loaded, max_size=40).map("".join)
    row = st.tuples(text, text, st.none() | st.integers(-9, 9), st.lists(text, max_size=2))
    return delimiter, quote, escape, null, force, header, draw(st.lists(row, max_size=8))


@pytest.fixture(scope="module")
def loaded_table(db):
    db.execute(f"CREATE TABLE loaded ({COLUMNS})")


def fill(db, rows):
    db.execute("TRUNCATE loaded")
    with db.connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO loaded VALUES (%s, %s, %s, %s, date '2024-01-01' + %s::int, %s::int > 0, %s, %s, to_jsonb(%s::text))",
            [(a, b, n, n, n, n, (a or "").encode(), items, b) for a, b, n, items in rows],
        )


def copy_statement(delimiter, quote, escape, null, force, header):
    options = [f"FORMAT csv, HEADER {header}"]
    given_options = [("DELIMITER", delimiter), ("QUOTE", quote), ("ESCAPE", escape), ("NULL", null)]
    options += [f"{name} {values.literal(text)}" for name, text in given_options if text is not None]
    if force:
        options.append(f"FORCE_QUOTE {'*' if force == 'all' else '(' + ', '.join(force) + ')'}")
    return f"COPY (SELECT * FROM loaded) TO STDOUT ({', '.join(options)})"


def csv_options(delimiter, quote, escape, null, force, header):
    named = [("delimiter", delimiter), ("quote", quote), ("escape", escape), ("null", null)]
    options = [f"{name}={as_option(text)}" for name, text in named if text is not None]
    options.append(f"header={'true' if header else 'false'}")
    if force == "all":
        options.append("force-quote=all")
    elif force:
        options.append("force-quote-columns=" + as_option(",".join(force)))
    return ",".join(options)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(dialect=dialects())
def test_csv_in_any_dialect_is_the_bytes_of_copy_or_both_refuse_it(db, decant, loaded_table, dialect):
    *options, rows = dialect
    fill(db, rows)
    try:
        expected = db.copy(copy_statement(*options))
    except psycopg.Error as error:
        run = decant("export", "--table", "loaded", "--no-flatten", "--csv", csv_options(*options), code=2)
        assert "csv." in run.err, f"the server says {error}"
        return
    assert decant.export("--table", "loaded", "--no-flatten", "--csv", csv_options(*options)) == expected


@pytest.mark.parametrize(
    ("options", "named", "cure"),
    [
        ("delimiter=\\x22", "csv.delimiter", "another delimiter or quote"),
        ("delimiter=ab", "csv.delimiter", "exactly 1 byte"),
        ("delimiter=§", "csv.delimiter", "exactly 1 byte"),
        ("delimiter=\\n", "csv.delimiter", "line break"),
        ("quote=\\r", "csv.quote", "line break"),
        ("escape=xy", "csv.escape", "0 to 1"),
        ("null=a\\,b", "csv.null", "delimiter"),
        ("null=a\\nb", "csv.null", "line break"),
        ("null=\"a", "csv.null", "quote"),
        ("force-quote=all,force-quote-columns=a", "csv.force-quote-columns", "one of the two"),
        ("force-quote-columns=nobody", "csv.force-quote-columns", "nobody"),
        ("force-quote=some", "csv.force-quote", "none, all, non-numeric"),
        ("newline=mac", "csv.newline", "lf, crlf"),
        ("timestamps=us", "csv.timestamps", "postgresql, iso"),
        ("bytea=base32", "csv.bytea", "hex, base64"),
        ("zone=Mars/Olympus", "csv.zone", "Europe/Berlin"),
        ("zone=UTC+2", "csv.zone", "+02:00"),
        ("zone=+25:00", "csv.zone", "+02:00"),
        ("zone=+2:     5", "csv.zone", "+02:00"),
        ("zone=+2:-5", "csv.zone", "+02:00"),
    ],
)
def test_what_cannot_be_is_refused_by_name_with_the_cure(decant, loaded_table, options, named, cure):
    run = decant("export", "--table", "loaded", "--csv", options, code=2)
    assert named in run.err and cure in run.err
    assert run.out == b""


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("values=attributes,null=xsi", "xml.null"),
        ("values=attributes,json=nested", "xml.json"),
        ("root=a b", "xml.root"),
        ("indent=9", "xml.indent"),
    ],
)
def test_xml_options_that_cannot_be_together_are_refused(decant, loaded_table, options, named):
    assert named in decant("export", "--table", "loaded", "--format", "xml", "--xml", options, code=2).err


def test_a_backslash_before_a_letter_is_itself(decant):
    query = "SELECT NULL::text AS a, 'N' AS b"
    assert decant.export("--query", query, "--csv", r"null=\N,header=false") == b"\\N,N\n"


def test_python_reads_what_is_quoted_for_it(decant):
    query = "SELECT 1 AS n, -2.5::numeric AS x, 'a' AS t, '7' AS s, '2024-01-01'::date AS d"
    written = decant.export("--query", query, "--csv", "force-quote=non-numeric,newline=crlf").decode()
    rows = list(csv.reader(io.StringIO(written, newline=""), quoting=csv.QUOTE_NONNUMERIC))
    assert rows == [["n", "x", "t", "s", "d"], [1.0, -2.5, "a", "7", "2024-01-01"]]
    assert written.count("\r\n") == 2


def test_excel_gets_a_mark_and_no_formula(decant):
    query = """SELECT '=1+1' AS a, '-5' AS b, '-5+cmd' AS c, '@x' AS d, E'\\tx' AS e, 'a=b' AS f, -7 AS g,
               NULL::text AS h, '+1' AS i, '-1.5e-7' AS j, '-2 days'::interval AS k, E'\\\\xfbef'::bytea AS "=l" """
    written = decant.export("--query", query, "--csv", "excel,bytea=base64")
    assert written.startswith(b"\xef\xbb\xbfa,b,")
    head, row = csv.reader(io.StringIO(written.decode("utf-8-sig"), newline=""))
    assert head[-1] == "'=l"
    assert row == ["'=1+1", "-5", "'-5+cmd", "'@x", "'\tx", "a=b", "-7", "", "'+1", "-1.5e-7", "-2 days", "'++8="]


# --- timestamps and zones -------------------------------------------------------------------------
INSTANTS = """
    ('4714-11-24 00:00+00 BC'), ('0044-03-15 12:00+00 BC'), ('0001-01-01 00:00+00'), ('1890-06-01 00:00:00.5+00'),
    ('1919-12-31 23:59:59.999999+00'), ('1972-01-06 23:00+00'), ('2024-03-31 00:59:59+00'), ('2024-03-31 01:00+00'),
    ('2024-10-27 00:30+00'), ('2024-10-27 01:30+00'), ('2500-07-01 00:00+00'), ('9999-12-31 23:30+00'),
    ('294276-12-31 23:59:59.999999+00'), ('infinity'), ('-infinity'), (NULL)
"""


@pytest.fixture(scope="module")
def instants(db):
    db.execute("CREATE TYPE meeting AS (at timestamptz, name text)")
    db.execute("CREATE DOMAIN moment AS timestamptz")
    db.execute(f"""CREATE TABLE instants AS SELECT i.t::timestamptz AS t, i.t::timestamptz::moment AS m,
        ARRAY[i.t::timestamptz] AS l, tstzrange(NULL, i.t::timestamptz) AS r, ROW(i.t::timestamptz, 'x')::meeting AS c,
        i.t::timestamptz AT TIME ZONE 'UTC' AS plain FROM (VALUES {INSTANTS}) i(t)""")


def session_in(db, zone):
    connection = db.connect()
    connection.execute(set_zone(zone))
    return connection


def copy_from(connection, statement):
    with connection.cursor().copy(statement) as copy:
        return b"".join(bytes(piece) for piece in copy)


@pytest.mark.parametrize("zone", ZONES)
def test_csv_in_a_zone_is_what_copy_writes_in_a_session_of_that_zone(db, decant, instants, zone):
    with session_in(db, zone) as connection:
        expected = copy_from(connection, "COPY (SELECT * FROM instants) TO STDOUT (FORMAT csv, HEADER)")
    assert decant.export("--table", "instants", "--csv", f"zone={zone}") == expected


@pytest.mark.parametrize("zone", ZONES)
def test_json_in_a_zone_is_row_to_json_in_a_session_of_that_zone(db, decant, instants, zone):
    with session_in(db, zone) as connection:
        rows = connection.execute("SELECT row_to_json(i)::text FROM instants i").fetchall()
        iso = connection.execute("SELECT to_json(t) #>> '{}', to_json(plain) #>> '{}' FROM instants").fetchall()
    written = decant.export("--table", "instants", "--format", "ndjson", "--json", f"zone={zone}").decode()
    assert written.splitlines() == [row[0] for row in rows]
    options = ["--columns", "t,plain", "--csv", f"timestamps=iso,header=false,zone={zone}"]
    written = decant.export("--table", "instants", *options).decode()
    assert [tuple(text or None for text in row) for row in csv.reader(io.StringIO(written))] == iso


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_zone_changes_no_row_of_a_filter(db, decant, instants, lanes):
    db.execute("""CREATE TABLE IF NOT EXISTS moments AS SELECT i AS id, timestamptz '2024-01-01 00:00+00'
                  + i * interval '1 minute' AS t FROM generate_series(1, 50000) i""")
    filters = ["--where", "t >= 2024-01-15 12:00", "--where", "t < 2024-01-20", "--columns", "id", "--lanes", lanes]
    expected = decant.export("--table", "moments", *filters)
    assert expected.count(b"\n") > 5000
    assert decant.export("--table", "moments", *filters, "--csv", "zone=Asia/Tokyo") == expected
    ordered = decant.export("--table", "moments", *filters, "--order-by", "t", "--csv", "zone=Asia/Tokyo")
    assert ordered == expected


@pytest.mark.parametrize(("type_name", "word"), [("timestamp", "now"), ("date", "tomorrow")])
def test_a_filter_s_now_is_that_of_utc_whatever_the_zone(decant, type_name, word):
    """Of the rows of three days around, an hour apart, those that UTC's clock has left behind."""
    query = f"""SELECT (now() AT TIME ZONE 'UTC' + i * interval '1 hour')::{type_name} AS t, 1 AS one
                FROM generate_series(-36, 36) i"""
    arguments = ["--query", query, "--where", f"t < {word}", "--columns", "one"]
    expected = decant.export(*arguments)
    assert 36 < expected.count(b"\n") < 73
    for zone in ("+15", "-15"):
        assert decant.export(*arguments, "--csv", f"zone={zone}") == expected


def test_like_on_a_text_that_the_zone_would_change_is_refused(decant, instants):
    arguments = ["--table", "instants", "--where", "t like 2024%", "--columns", "t"]
    assert b"2024-03-31" in decant.export(*arguments)
    run = decant("export", *arguments, "--csv", "zone=Europe/Berlin", code=2)
    assert "depends on the time zone" in run.err


def test_postgresql_timestamps_in_json_and_xml_are_the_server_s_text(db, decant, instants):
    arguments = ["--table", "instants", "--columns", "t,plain", "--special", "string"]
    shown = db.rows("SELECT t::text, plain::text FROM instants")
    lines = decant.export(*arguments, "--format", "ndjson", "--json", "timestamps=postgresql").splitlines()
    assert [tuple(json.loads(line).values()) for line in lines] == shown
    document = parse_xml(decant.export(*arguments, "--format", "xml", "--xml", "timestamps=postgresql"))
    cells = [tuple(element_value(cell) for cell in row) for row in document]
    assert cells == [tuple(NIL if text is None else text for text in row) for row in shown]


# --- bytea ----------------------------------------------------------------------------------------
def test_bytea_is_spelled_as_asked_in_every_format(db, decant):
    query = "SELECT decode(repeat('00ff7e', n), 'hex') AS b, ''::bytea AS e FROM generate_series(0, 40) n"
    base64, upper = zip(
        *db.rows(f"SELECT replace(encode(b, 'base64'), E'\\n', ''), upper(encode(b, 'hex')) FROM ({query}) q"),
        strict=True,
    )
    lower = tuple("\\x" + text.lower() for text in upper)
    for style, expected in [("base64", base64), ("hex", lower)]:
        written = decant.export("--query", query, "--csv", f"bytea={style}")
        assert [row[0] for row in csv.reader(io.StringIO(written.decode()))][1:] == list(expected)
        lines = decant.export("--query", query, "--format", "ndjson", "--json", f"bytea={style}").splitlines()
        assert [json.loads(line)["b"] for line in lines] == list(expected)
    assert decant.export("--query", query, "--csv", "bytea=base64").splitlines()[1] == b'"",""'
    for style, expected in [("base64", base64), ("hex", upper)]:
        written = decant.export("--query", query, "--format", "xml", "--xml", f"bytea={style}")
        assert [row[0].text or "" for row in parse_xml(written)] == list(expected)


# --- JSON -----------------------------------------------------------------------------------------
def test_numbers_in_quotes_are_the_server_s_text(db, decant):
    query = """SELECT 1::int2 AS a, 2::int4 AS b, 9007199254740993 AS c, 1.50::numeric AS d, 0.1::float8 AS e,
               'NaN'::numeric AS f, '-Infinity'::float4 AS g, true AS h, '{"i": 1}'::jsonb AS i"""
    (row,) = db.rows(f"SELECT a::text, b::text, c::text, d::text, e::text, f::text, g::text FROM ({query}) q")
    texts = dict(zip("abcdefg", row, strict=True))
    written = decant.export("--query", query, "--format", "ndjson", "--json", "numbers=string")
    assert json.loads(written) == {**texts, "h": True, "i": {"i": 1}}
    some = f"SELECT a, b, c, d, e, f FROM ({query}) q"
    written = decant.export("--query", some, "--format", "json", "--json", "numbers=bigint-string")
    (row,) = json.loads(written)
    assert row == {"a": 1, "b": 2, "c": texts["c"], "d": texts["d"], "e": 0.1, "f": "NaN"}


def test_nulls_are_left_out_wherever_they_stand(decant):
    query = "SELECT * FROM (VALUES (NULL::int, 1, NULL::text), (2, NULL, 'x'), (NULL, NULL, NULL), (3, 4, 'y')) v(a, b, c)"
    lines = decant.export("--query", query, "--format", "ndjson", "--json", "nulls=omit")
    assert lines == b'{"b":1}\n{"a":2,"c":"x"}\n{}\n{"a":3,"b":4,"c":"y"}\n'
    special = "SELECT 'NaN'::float8 AS a, 'null'::jsonb AS b"
    options = ["--format", "json", "--json", "nulls=omit", "--special", "null"]
    assert json.loads(decant.export("--query", special, *options)) == [{"b": None}]


# --- XML ------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def xml_table(db):
    db.execute(values.TYPES_SQL)
    values.create_table(db, "all_types", values.columns(db.version, for_xml=True))


def test_attributes_hold_the_texts_of_elements(db, decant, xml_table):
    arguments = ["--table", "all_types", "--format", "xml", "--special", "string"]
    elements = parse_xml(decant.export(*arguments, "--xml", "json=text"))
    attributes = parse_xml(decant.export(*arguments, "--xml", "values=attributes"))
    assert len(elements) == len(attributes) > 10
    for with_elements, with_attributes in zip(elements, attributes, strict=True):
        expected = {cell.tag: element_value(cell) for cell in with_elements}
        assert dict(with_attributes.attrib) == {name: text for name, text in expected.items() if text != NIL}
        assert len(with_attributes) == 0 and not with_attributes.text


def test_json_as_text_is_the_server_s_json(db, decant):
    query = """SELECT '{"a": [1, "<&>"]}'::jsonb AS j, ARRAY[1, NULL] AS l"""
    written = parse_xml(decant.export("--query", query, "--format", "xml", "--xml", "json=text"))
    assert [cell.text for cell in written[0]] == ['{"a": [1, "<&>"]}', "[1,null]"]


@pytest.mark.parametrize(
    ("style", "columns", "nested"),
    [
        ("xsi", '<a xsi:nil="true"/><b></b>', '<x xsi:nil="true"/><y><item xsi:nil="true"/><item>1</item></y>'),
        ("absent", "<b></b>", "<y><item/><item>1</item></y>"),
        ("empty", "<a/><b></b>", "<x/><y><item/><item>1</item></y>"),
    ],
)
def test_null_is_said_as_asked_also_in_nested_json(decant, style, columns, nested):
    query = """SELECT NULL::int AS a, ''::text AS b, '{"x": null, "y": [null, 1]}'::jsonb AS j
               FROM generate_series(1, 40)"""
    written = decant.export("--query", query, "--format", "xml", "--xml", f"null={style}").decode()
    parse_xml(written.encode())
    row = f"<record>{columns}<j>{nested}</j></record>"
    assert written.count(row) == 40, written[:400]


def test_indented_xml_has_the_values_of_plain_xml(decant, xml_table):
    arguments = ["--table", "all_types", "--format", "xml", "--special", "string"]
    plain = parse_xml(decant.export(*arguments))
    written = decant.export(*arguments, "--xml", "indent=2,declaration=no")
    assert written.startswith(b"<records") and b"\n  <record>\n    <id>0</id>\n" in written
    indented = parse_xml(written)
    assert [[(c.tag, element_value(c)) for c in row] for row in plain] == [
        [(c.tag, element_value(c)) for c in row] for row in indented
    ]
    assert unescape_xml_name(indented[0][0].tag) == "id"


# --- every option is where it should be -----------------------------------------------------------
def test_every_option_is_in_the_help_the_api_and_the_documentation(decant, service):
    text = (pathlib.Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    help_text = decant("help", "export").out.decode()
    schema = service.get("/openapi.json").json["components"]["schemas"]["ExportRequest"]["properties"]
    entries = [entry for entry in service.get("/formats").json["formats"] if entry["compression"]]
    assert [entry["group"] for entry in entries] == ["csv", "json", "json", "xml"]
    for entry in entries:
        section = text.split(f"\n## {entry['group'].upper()}", 1)[1].split("\n## ")[0]
        for option in entry["options"]:
            spelled = "".join("-" + c.lower() if c.isupper() else c for c in option["name"])
            assert f"| `{spelled}` |" in section, f"docs/formats.md lacks {entry['group']}.{spelled}"
            assert f" {spelled}=" in help_text
            assert option["name"] in schema[entry["name"]]["properties"]


def test_the_service_takes_the_same_options(service, instants, db):
    body = {"format": "ndjson", "table": "public.instants", "json": {"zone": "Europe/Berlin", "nulls": "omit"}}
    status = service.finish(**body)
    with session_in(db, "Europe/Berlin") as connection:
        (first,) = connection.execute("SELECT to_json(t) #>> '{}' FROM instants LIMIT 1").fetchone()
    assert json.loads(service.download(status["exportId"]).body.splitlines()[0])["t"] == first
    answer = service.request("POST", "/exports", {**body, "json": {"zone": "Nowhere"}})
    assert (answer.status, answer.json["field"]) == (400, "json.zone")


def test_the_service_refuses_what_cannot_be_together_also_where_columns_are_yet_to_be_found(service, db):
    db.execute("CREATE TABLE flattened (id int, m jsonb)")
    for options, field in [
        ({"delimiter": '"'}, "csv.delimiter"),
        ({"null": "a,b"}, "csv.null"),
        ({"forceQuote": "all", "forceQuoteColumns": "id"}, "csv.forceQuoteColumns"),
    ]:
        answer = service.request("POST", "/exports", {"format": "csv", "table": "flattened", "csv": options})
        assert (answer.status, answer.json["field"]) == (400, field)
        assert field in answer.json["error"]


def test_a_filter_s_wrong_value_is_the_request_s_fault_in_any_zone(service, instants):
    where = [{"column": "t", "op": ">", "value": "yesterdayish"}]
    for zone in ("UTC", "Europe/Berlin"):
        body = {"format": "csv", "table": "public.instants", "where": where, "csv": {"zone": zone}}
        answer = service.request("POST", "/exports", body)
        assert (answer.status, answer.json["field"]) == (400, "where")
        assert "yesterdayish" in answer.json["error"]
