"""docs/types.md is a contract: what its tables say is held against real exports, row by row and cell by cell."""

import base64
import json
import re
import struct

import pyarrow as pa
import pytest
from support import values
from support.database import Database
from support.documented import quoted, table
from support.oracle import NIL, Number, parse_json, xml_of_json, xml_rows
from support.parquet import parquet_file

# A value of each type that the page names; where it quotes texts, they are those of these values.
SAMPLES = {
    "bool": ["true", "false"],
    "int2": ["'-32768'::int2"],
    "int4": ["7"],
    "int8": ["9223372036854775807"],
    "oid": ["4294967295::oid"],
    "float4": ["'0.1'::float4"],
    "float8": ["'1e23'::float8"],
    "numeric(p,s)": ["1.50::numeric(9,2)", "'-0.0001'::numeric(18,4)", "1::numeric(38,10)"],
    "numeric": ["1.500::numeric", "1e-30::numeric"],
    "text": ["'<a> & \"b\"'::text"],
    "varchar": ["'x'::varchar(9)"],
    "char(n)": ["'ab'::char(8)"],
    "name": ["'n'::name"],
    "json": ["""'{"a": [1, "x"]}'::json"""],
    "jsonb": ["""'{"a": [1, "x"]}'::jsonb"""],
    "bytea": ["'\\xdeadbeef'::bytea", "decode(repeat('ab', 100), 'hex')"],
    "date": ["date '2024-01-02'"],
    "timestamp": ["timestamp '2024-01-02 03:04:05.678'"],
    "timestamptz": ["timestamptz '2024-01-02 03:04:05.678+00'"],
    "time": ["time '03:04:05.678'"],
    "interval": ["interval '1 day 03:04:05.678'"],
    "uuid": ["gen_random_uuid()"],
    "arrays": ["ARRAY[1, NULL, 3]", "'{}'::text[]"],
    "composites": ["ROW(1, 'x')::sample_pair"],
    "hstore": ["'a=>1, b=>NULL'::hstore"],
    "all others": [
        "inet '10.0.0.1/8'",
        "'b'::sample_mood",
        "'[1,5)'::int4range",
        "B'101'",
    ],
}


def types_table():
    return table("types.md", "type", "CSV", "JSON", "XML", "Parquet")


def named_types(cell):
    """numeric(p,s) is one type, not two."""
    return [name.strip() for name in re.split(r",\s*(?![^()]*\))", cell)]


@pytest.fixture(scope="module", autouse=True)
def types(db):
    db.execute(
        "CREATE EXTENSION hstore; CREATE TYPE sample_pair AS (number int, label text); CREATE TYPE sample_mood AS ENUM ('a', 'b')"
    )


def test_every_type_of_the_page_has_a_sample_and_every_sample_is_on_the_page():
    assert [name for row in types_table() for name in named_types(row[0])] == list(SAMPLES)


ROWS = {row[0]: row for row in types_table()}


def query_of(row, wrapped="{}"):
    samples = [sample for name in named_types(row[0]) for sample in SAMPLES[name]]
    return "SELECT " + ", ".join(f'{wrapped.format(sample)} AS "{i}"' for i, sample in enumerate(samples))


@pytest.mark.parametrize("name", ROWS)
def test_csv_is_as_the_page_says(db, decant, name):
    query, said = query_of(ROWS[name]), ROWS[name][1]
    written = decant.export("--query", query, "--format", "csv", "--no-flatten")
    if "gen_random_uuid" not in query:
        assert written == db.csv(query)
    fields = written.decode().splitlines()[1]
    assert all(text in fields for text in quoted(said))
    if said == "digits":
        assert re.fullmatch(r"[-\d,]+", fields)


JSON_SAYS = {
    "`true`, `false`": lambda found: found is True or found is False,
    "number": lambda found: isinstance(found, Number),
    "exact number": lambda found: isinstance(found, Number),
    "string": lambda found: type(found) is str,
    "string, as `row_to_json`": lambda found: type(found) is str,
    "the same as a string": lambda found: type(found) is str,
    "embedded": lambda found: found == ("object", [("a", ["1", "x"])]),
    "as `to_json`": lambda found: found is not None,
}


@pytest.mark.parametrize("name", ROWS)
def test_json_is_as_the_page_says(db, decant, name):
    query, (_, csv_says, said, *_) = query_of(ROWS[name]), ROWS[name]
    written = decant.export("--query", query, "--format", "ndjson")
    if "gen_random_uuid" not in query:
        assert written == db.ndjson(query)
    found = [value for _, value in parse_json(written.decode())[1]]
    if said in JSON_SAYS:
        assert all(JSON_SAYS[said](value) for value in found)
    else:  # an example alone
        assert found == quoted(said)
    if said == "the same as a string" and "hex" not in csv_says:
        assert found == quoted(csv_says)


@pytest.mark.parametrize("name", ROWS)
def test_xml_is_as_the_page_says(db, decant, name):
    query, (_, csv_says, json_says, said, _) = query_of(ROWS[name]), ROWS[name]
    ((*cells,),) = xml_rows(decant.export("--query", query, "--format", "xml"))
    found = [value for _, value in cells]
    if said == "nested elements":
        (documents,) = db.rows(query_of(ROWS[name], "to_json({})::text"))
        assert found == [xml_of_json(document) for document in documents]
    elif said == "base64 without line breaks":
        (plain,) = db.rows(query)
        assert [base64.b64decode(text) for text in found] == list(plain)
        assert not any("\n" in text for text in found)
    elif said in ("the same", "as JSON"):
        assert found == quoted(csv_says if said == "the same" else json_says)
    elif quoted(said) and not said.startswith("the same;"):
        assert found == quoted(said)
    elif "gen_random_uuid" not in query:  # digits, exact, text, escaped text, PostgreSQL's own text
        assert found == server_texts(db, query)


def server_texts(db, query):
    row = db.copy(f"COPY ({query}) TO STDOUT (FORMAT text)").decode().rstrip("\n")
    return row.split("\t")


# What the page calls a type, and what pyarrow calls it.
PARQUET_SAYS = {
    "BOOLEAN": ("BOOLEAN", "None"),
    "INT32 (INT 16)": ("INT32", "Int(bitWidth=16, isSigned=true)"),
    "INT32 (UINT 32)": ("INT32", "Int(bitWidth=32, isSigned=false)"),
    "INT32": ("INT32", "None"),
    "INT64": ("INT64", "None"),
    "FLOAT": ("FLOAT", "None"),
    "DOUBLE": ("DOUBLE", "None"),
    "STRING": ("BYTE_ARRAY", "String"),
    "JSON": ("BYTE_ARRAY", "JSON"),
    "BYTE_ARRAY": ("BYTE_ARRAY", "None"),
    "DATE": ("INT32", "Date"),
    "TIMESTAMP(MICROS)": ("INT64", "Timestamp(isAdjustedToUTC=false, timeUnit=microseconds"),
    "TIMESTAMP(MICROS, UTC)": ("INT64", "Timestamp(isAdjustedToUTC=true, timeUnit=microseconds"),
    "TIME(MICROS)": ("INT64", "Time(isAdjustedToUTC=false, timeUnit=microseconds"),
    "UUID": ("FIXED_LEN_BYTE_ARRAY", "UUID"),
}

NESTED_SAYS = {"LIST": pa.types.is_list, "group": pa.types.is_struct, "MAP": pa.types.is_map}


def assert_parquet_type(column, said):
    physical, logical = PARQUET_SAYS[said]
    assert column.physical_type == physical, said
    assert str(column.logical_type).startswith(logical), (said, str(column.logical_type))


@pytest.mark.parametrize("name", [name for name in ROWS if "numeric" not in name])
def test_parquet_is_as_the_page_says(decant, name):
    said, _, others = ROWS[name][4].partition("; ")
    query = query_of(ROWS[name])
    schema = parquet_file(decant.export("--query", query, "--format", "parquet")).schema
    each = [text.strip() for text in re.split(r",\s*(?![^()]*\))", said)]
    if said in NESTED_SAYS:
        assert all(NESTED_SAYS[said](field.type) for field in schema.to_arrow_schema())
        return
    for i in range(len(schema)):
        assert_parquet_type(schema.column(i), each[i % len(each)])
    modern, is_other, _ = others.partition(" in profile modern")
    if is_other:
        written = decant.export("--query", query, "--format", "parquet", "--parquet", "profile=modern")
        schema = parquet_file(written).schema
        if modern in NESTED_SAYS:
            assert NESTED_SAYS[modern](schema.to_arrow_schema().field(0).type)
        else:
            assert_parquet_type(schema.column(0), modern)


def test_numerics_in_parquet_are_as_the_page_says(decant):
    assert ROWS["numeric(p,s)"][4] == "DECIMAL(p,s); STRING where p > 38"
    query = "SELECT 1::numeric(9,2) AS a, 1::numeric(38,10) AS b, 1::numeric(39,2) AS c, 1.5::numeric AS d"
    columns = parquet_file(decant.export("--query", query, "--format", "parquet")).schema
    found = [str(columns.column(i).logical_type) for i in range(4)]
    assert found == ["Decimal(precision=9, scale=2)", "Decimal(precision=38, scale=10)", "String", "String"]
    assert ROWS["numeric"][4] == "STRING; DOUBLE or DECIMAL by `--parquet numeric=…`"
    for option, physical in (("double", "DOUBLE"), ("decimal:9:3", "INT32")):
        written = decant.export(
            "--query", "SELECT 1.5::numeric", "--format", "parquet", "--parquet", f"numeric={option}"
        )
        assert parquet_file(written).schema.column(0).physical_type == physical


def test_null_and_no_rows_are_as_the_page_says(decant):
    (null, empty, none) = table("types.md", "", "CSV", "JSON, NDJSON", "XML", "Parquet")
    assert [row[0] for row in (null, empty, none)] == ["NULL", "empty text", "no rows"]
    query = "SELECT NULL::text AS x, '' AS y, 1 AS z"
    assert decant.export("--query", query, "--format", "csv") == b'x,y,z\n,"",1\n'
    assert null[1].startswith("empty, unquoted") and quoted(empty[1]) == ['""']
    assert decant.export("--query", query, "--format", "ndjson") == b'{"x":null,"y":"","z":1}\n'
    assert quoted(null[2]) == ["null"] and quoted(empty[2]) == ['""']
    written = decant.export("--query", query, "--format", "xml").decode()
    assert quoted(null[3])[0] in written and quoted(empty[3])[0].replace("x", "y") in written
    nothing = query + " WHERE false"
    assert decant.export("--query", nothing, "--format", "csv") == b"x,y,z\n" and none[1] == "the header"
    assert json.loads(decant.export("--query", nothing, "--format", "json")) == []
    assert decant.export("--query", nothing, "--format", "ndjson") == b""
    assert xml_rows(decant.export("--query", nothing, "--format", "xml")) == []
    assert parquet_file(decant.export("--query", nothing, "--format", "parquet")).metadata.num_row_groups == 0


# --- the table of special values -------------------------------------------------------------------

POLICIES = ["error", "null", "string", "replace"]
LARGEST_FLOAT4, LARGEST_FLOAT8 = 3.4028235e38, 1.7976931348623157e308
FAILS, REFUSED = object(), object()


def case(expression, null, string, replace, *options, fails=True):
    return (
        expression,
        {"error": FAILS if fails else None, "null": null, "string": string, "replace": replace},
        options,
    )


# From which server on there are such values.
SINCE = {"Infinity'::numeric": 140000, "infinity'::interval": 170000}
DECIMAL_END = "9" * 7 + ".99"
LAST_MOMENT = 2**63 - 1
POINT_1_2 = struct.pack("<BIdd", 1, 1, 1, 2)
INTERVAL_END = str({"months": 2**31 - 1, "days": 2**31 - 1, "micros": 2**63 - 1})
# By the page's first two cells: expressions, what each policy makes of them, options of the format.
SPECIAL = {
    ("float `Infinity`, `-Infinity`", "JSON"): [
        case("'Infinity'::float4", None, "Infinity", LARGEST_FLOAT4),
        case("'-Infinity'::float8", None, "-Infinity", -LARGEST_FLOAT8),
    ],
    ("float `NaN`; numeric `NaN`, `±Infinity`", "JSON"): [
        case("'NaN'::float8", None, "NaN", None),
        case("'NaN'::float4", None, "NaN", None),
        case("'NaN'::numeric", None, "NaN", None),
        case("'-Infinity'::numeric", None, "-Infinity", None),
    ],
    ("infinite date, timestamp", "XML"): [
        case("'infinity'::date", None, "infinity", "5874897-12-31"),
        case("'-infinity'::date", None, "-infinity", "4714-11-24 BC"),
        case("'infinity'::timestamp", None, "infinity", "294276-12-31T23:59:59.999999"),
        case("'-infinity'::timestamptz", None, "-infinity", "4714-11-24T00:00:00+00:00 BC"),
    ],
    (
        "a character that XML 1.0 cannot hold (most control characters, U+FFFE, U+FFFF)",
        "XML",
    ): [
        case(values.literal("a\x01\x02b"), None, "a\ufffd\ufffdb", "a\ufffd\ufffdb"),
        case(values.literal("\ufffe"), None, "\ufffd", "\ufffd"),
    ],
    ("half a surrogate pair, escaped in `json`", "XML"): [
        case("""'"a\\ud800b"'::json""", "a\ufffdb", "a\ufffdb", "a\ufffdb"),
    ],
    ("half a surrogate pair, escaped in `json`", "Parquet"): [
        case("""'"a\\ud800b"'::json""", None, '"a\ufffdb"', '"a\ufffdb"'),
        case("""'["\\udc00\\ud83d\\ude00\\\\ud800"]'::json""", None, *['["\ufffd\\ud83d\\ude00\\\\ud800"]'] * 2),
    ],
    ("infinite date, timestamp; a timestamp from 294247-01-10 on", "Parquet"): [
        case("'infinity'::date", None, REFUSED, 2**31 - 1),
        case("'-infinity'::date", None, REFUSED, -(2**31) + 1),
        case("'infinity'::timestamp", None, REFUSED, LAST_MOMENT),
        case("'-infinity'::timestamptz", None, REFUSED, -LAST_MOMENT),
        case("'294276-12-31'::timestamp", None, REFUSED, LAST_MOMENT),
    ],
    ("numeric `±Infinity` in a DECIMAL", "Parquet"): [  # numeric(p,s) holds none
        case("'Infinity'::numeric", None, REFUSED, DECIMAL_END, "numeric=decimal:9:2"),
        case("'-Infinity'::numeric", None, REFUSED, "-" + DECIMAL_END, "numeric=decimal:9:2"),
    ],
    ("numeric `NaN` in a DECIMAL", "Parquet"): [
        case("'NaN'::numeric(9,2)", None, REFUSED, FAILS),
        case("'NaN'::numeric", None, REFUSED, FAILS, "numeric=decimal:9:2"),
    ],
    ("an array of other than one dimension", "Parquet"): [
        case("'{{1,2},{3,4}}'::int[]", None, REFUSED, FAILS)
    ],
    ("an array that does not begin at 1", "Parquet"): [
        case("'[0:1]={5,6}'::int[]", None, REFUSED, [5, 6]),
        case("'[0:0]={10.0.0.1}'::inet[]", None, REFUSED, FAILS),
    ],
    ("time `24:00:00` as TIME", "Parquet"): [
        case("'24:00'::time", None, REFUSED, "23:59:59.999999", "time=time"),
    ],
    ("geometry with M as WKB", "Parquet"): [
        case("'POINT M(1 2 3)'::geometry", None, REFUSED, str(POINT_1_2)),
    ],
    ("curve, polyhedral surface, triangle as WKB", "Parquet"): [
        case("'CIRCULARSTRING(0 0, 1 1, 2 0)'::geometry", None, REFUSED, FAILS),
    ],
    ("infinite interval as a group (PostgreSQL 17)", "Parquet"): [
        case("'infinity'::interval", None, REFUSED, INTERVAL_END, "interval=struct"),
    ],
    ("numeric with too many digits before the point for the DECIMAL asked for", "Parquet"): [
        case("'-12345678'::numeric", None, REFUSED, "-" + DECIMAL_END, "numeric=decimal:9:2"),
    ],
    ("numeric with too many digits behind the point for the DECIMAL asked for", "Parquet"): [
        case("'1.234'::numeric", None, REFUSED, FAILS, "numeric=decimal:9:2"),
    ],
    ("numeric beyond all doubles as DOUBLE", "Parquet"): [
        case("'-1e400'::numeric", None, REFUSED, -LARGEST_FLOAT8, "numeric=double"),
    ],
}
IN_SQL_ASCII = ("bytes that are not UTF-8 (a database in SQL_ASCII)", "JSON, XML, Parquet")


def special_table():
    return table("types.md", "value", "in", "`error` (default)", "`null`", "`string`", "`replace`")


def test_every_row_of_the_table_of_special_values_is_tested_and_the_other_way_round():
    assert {(row[0], row[1]) for row in special_table()} == {*SPECIAL, IN_SQL_ASCII}


def read_back(output_format, written):
    """The only value of the only row."""
    if output_format == "XML":
        ((cell,),) = xml_rows(written)
        return None if cell[1] == NIL else cell[1]
    if output_format == "JSON":
        ((_, value),) = json.loads(written)[0].items()
        return value
    column = parquet_file(written).read().column(0)
    if str(column.type).startswith(("date", "timestamp")):
        column = column.cast("int32" if str(column.type).startswith("date") else "int64")
    (value,) = column.to_pylist()
    return value if isinstance(value, (int, float, list, type(None))) else str(value)


def assert_cell(said, wanted, output_format):
    """The page's words for what is expected."""
    if wanted is FAILS:
        assert said == "fails" or said.endswith(": fails")
    elif wanted is REFUSED:
        assert said == "refused"
    elif wanted is None:
        assert said == "null"
    elif isinstance(wanted, str) and "\ufffd" in wanted:
        assert said in ("U+FFFD", "U+FFFD for each")
    elif quoted(said):
        assert wanted.lstrip("-") in [text.strip('"') for text in quoted(said)]
    elif isinstance(wanted, list):
        assert said.startswith("its items")
    elif said != wanted:
        assert said.startswith(("the ", "without "))  # the largest …, the type's last …, the physical type's end


def check_case(decant, row, output_format, expression, wanted, options):
    arguments = ["--query", f"SELECT {expression} AS moment", "--format", output_format.lower()]
    for option in options:
        arguments += ["--parquet", option]
    for policy, said in zip(POLICIES, row[2:]):
        assert_cell(said, wanted[policy], output_format)
        code = 1 if wanted[policy] is FAILS else 2 if wanted[policy] is REFUSED else 0
        run = decant("export", *arguments, "--special", policy, "--json", code=code)
        if code:
            assert "moment" in run.err
            assert code == 1 or '"special"' in run.err or "special" in run.err
        else:
            assert read_back(output_format, run.out) == wanted[policy], (policy, expression)
            assert run.summary["specials"] == 1 and run.summary["specialsByColumn"] == {"moment": 1}


def has_postgis(db):
    """Creates the extension; false where it is not installed."""
    available = db.rows("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'")
    if available:
        db.execute("SET client_min_messages = error; CREATE EXTENSION IF NOT EXISTS postgis")
    return bool(available)


@pytest.mark.parametrize("key", SPECIAL, ids=lambda key: f"{key[1]}: {key[0]}"[:60])
def test_a_special_value_is_as_the_page_says(db, decant, key):
    (row,) = [row for row in special_table() if (row[0], row[1]) == key]
    for expression, wanted, options in SPECIAL[key]:
        if "::geometry" in expression and not has_postgis(db):
            continue
        needed = next((version for text, version in SINCE.items() if text in expression), 0)
        if db.version >= needed:
            check_case(decant, row, key[1], expression, wanted, options)


@pytest.fixture(scope="module")
def sql_ascii(server):
    database = Database(server, "decant_documented_sql_ascii", encoding="SQL_ASCII")
    database.execute("CREATE TABLE texts AS SELECT convert_from('\\x61ff62fe'::bytea, 'SQL_ASCII') AS moment")
    try:
        yield database
    finally:
        database.drop()


@pytest.mark.parametrize("output_format", ["JSON", "XML", "Parquet"])
def test_bytes_that_are_no_utf_8_are_as_the_page_says(decant, sql_ascii, output_format):
    (row,) = [row for row in special_table() if (row[0], row[1]) == IN_SQL_ASCII]
    repaired = "a\ufffdb\ufffd"
    _, wanted, _ = case("", None, repaired, repaired)
    for policy, said in zip(POLICIES, row[2:]):
        assert_cell(said, wanted[policy], output_format)
        arguments = [
            "export",
            "--table",
            "texts",
            "--format",
            output_format.lower(),
            "--special",
            policy,
            "--json",
        ]
        run = decant(*arguments, db=sql_ascii.conninfo, code=policy == "error")
        if policy == "error":
            assert "row at ctid (0,1)" in run.err and 'column "moment"' in run.err and "FF" in run.err
        else:
            assert read_back(output_format, run.out) == wanted[policy]
            assert run.summary["specials"] == 1
