"""Tables of every type with its extremes, and every nasty character."""

from dataclasses import dataclass, field

NASTY_TEXT = [
    "",
    " ",
    "  leading and trailing  ",
    "plain",
    "a,b",
    '"',
    '""',
    'say "hi"',
    "'",
    "it's",
    "\\",
    "\\.",
    "\\N",
    "\\n",
    "NULL",
    "null",
    "line\nbreak",
    "\n",
    "\r",
    "carriage\rreturn",
    "dos\r\nline",
    "\ttab\t",
    "a;b",
    "a|b",
    "<&>",
    "]]>",
    "<![CDATA[x]]>",
    "&amp;",
    "<!-- -->",
    "<?xml?>",
    "=1+1",
    "@sum",
    "-1",
    "+1",
    "{",
    "}",
    '{"a":1}',
    "é",
    "ÀÉÎÕÜ ß ø",
    "日本語",
    "한국어",
    "العربية",
    "עברית",
    "e\u0301",
    "\U0001f600 \U0001f468\u200d\U0001f469",
    "\u2028line\u2029separators",
    "\ufeffbom",
    "\ufffd",
    "\u00a0nbsp",
    "\u200bzero width",
    "\u202ebidi",
    "\ue000 private",
    "\u0085next line",
    "\U0010fffd",
    "\x7f",
    "\u0080\u009f",
    "x" * 1000,
    '"' * 300,
    "é" * 5000,
]
# What XML 1.0 cannot hold.
NOT_XML_TEXT = [
    "\x01",
    "a\x08b",
    "\x0b",
    "\x0c",
    "\x1b[0m",
    "\x1f",
    "\ufffe",
    "\uffff",
    "".join(map(chr, range(1, 9))),
]

# Names for tables and columns, each at most 63 bytes.
NASTY_NAMES = [
    "plain",
    "UPPER Case",
    "with.dot",
    'with"quote',
    "with'quote",
    "with space",
    " leading",
    "trailing ",
    "comma,name",
    "semi;colon",
    "back\\slash",
    "new\nline",
    "tab\tname",
    "<&>",
    "]]>",
    "naïve",
    "日本",
    "\U0001f600",
    "1digit",
    "-dash",
    "a:b",
    "xmlname",
    "XMLName",
    "_x0041_",
    "_xFFFF_",
    "select",
    "$dollar",
    "%s%n",
    "--comment",
    "/*",
    "[0]",
    "a=b",
    "*",
    "x" * 63,
]


def literal(text):
    """An SQL literal of a text: no setting of the server matters."""
    return "U&'" + "".join(escape_character(c) for c in text) + "'"


def escape_character(c):
    if c in "'\\":
        return c * 2
    return c if 32 <= ord(c) < 127 else f"\\+{ord(c):06X}"


def name(text):
    return '"' + text.replace('"', '""') + '"'


@dataclass
class Column:
    name: str
    type: str
    values: list  # SQL expressions; NULL is added by the table
    family: str = "other"  # how XML and Parquet treat it: see the tests
    since: int = 0  # server version
    xml_values: list = field(default=None)  # where XML's oracle cannot take all of them


def texts(values):
    return [literal(value) for value in values]


def quoted(*values):
    return ["'" + value.replace("'", "''") + "'" for value in values]


JSON_TEXTS = [
    "{}",
    "[]",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1.50",
    "1e5",
    "-1E-7",
    '""',
    '"text"',
    '"\\u0041\\n\\"\\\\\\/"',
    '"\\ud83d\\ude00"',
    "[1,[2,[3,[]]],{}]",
    '{"a":1,"b":null,"c":[true,false],"d":{"e":"f"}}',
    '{"city":"Łódź","geo":{"lat":51.75,"lon":19.46},"tags":["a,b","c\\"d","<&>","x\\ny"]}',
    "12345678901234567890123456789.123456789",
    '{"":"empty key"," ":"blank","a.b":"dot","q\\"q":"quote","<&>":1}',
    '{"deep":{"deep":{"deep":{"deep":{"deep":[]}}}}}',
]
JSON_SPACED = ['{ "a" : 1 ,\n\t"b" : [ 1 , 2 ] }', " [ ]\n", '\r\n{"x":"y\\nz"}\r\n', '{"z":1,"a":2,"z":3}']

ENUM_VALUES = ["sad", "", 'it\'s, "ok"', "<glad>", "ünï"]

COLUMNS = [
    Column("a_bool", "bool", ["true", "false"], "bool"),
    Column("a_int2", "int2", quoted("0", "-1", "-32768", "32767", "99", "-100"), "int"),
    Column("a_int4", "int4", quoted("0", "-1", "-2147483648", "2147483647", "10", "1000000000"), "int"),
    Column(
        "a_int8",
        "int8",
        quoted("0", "-1", "-9223372036854775808", "9223372036854775807", "4294967296"),
        "int",
    ),
    Column("an_oid", "oid", quoted("0", "1", "2147483648", "4294967295"), "int"),
    Column(
        "a_float4",
        "float4",
        quoted(
            "0",
            "-0",
            "1",
            "-1.5",
            "0.1",
            "3.4028235e38",
            "1e-45",
            "1.17549435e-38",
            "1e15",
            "1e16",
            "123456.7",
            "1e-5",
            "1e-4",
            "16777216",
        ),
        "float",
    ),
    Column(
        "a_float8",
        "float8",
        quoted(
            "0",
            "-0",
            "1",
            "-1.5",
            "0.1",
            "1.7976931348623157e308",
            "5e-324",
            "2.2250738585072014e-308",
            "1e15",
            "1e16",
            "123456789012345680",
            "1e-5",
            "0.0001",
            "9007199254740993",
            "1e22",
            "1e23",
            "0.3",
            "2e-44",
        ),
        "float",
    ),
    Column(
        "a_numeric",
        "numeric",
        quoted(
            "0",
            "-0.00",
            "1",
            "0.1",
            "-1.50",
            "100000000000000000000",
            "1e-30",
            "1e30",
            "123456789012345678901234567890.123456789012345678901234567890",
            "9999",
            "10000",
            "0.0001",
            "0.00001",
            "-99999999.99999999",
            "1" + "0" * 200,
        ),
        "text",
    ),
    Column(
        "a_numeric_9_2",
        "numeric(9,2)",
        quoted("0", "0.01", "-0.01", "9999999.99", "-9999999.99", "1.5", "100"),
        "decimal",
    ),
    Column(
        "a_numeric_18_4",
        "numeric(18,4)",
        quoted("0", "0.0001", "99999999999999.9999", "-99999999999999.9999", "10.5"),
        "decimal",
    ),
    Column(
        "a_numeric_38_10",
        "numeric(38,10)",
        quoted(
            "0",
            "1e-10",
            "9999999999999999999999999999.9999999999",
            "-9999999999999999999999999999.9999999999",
            "-1",
        ),
        "decimal",
    ),
    Column("a_numeric_60_5", "numeric(60,5)", quoted("0", "1.00001", "9" * 55 + ".99999"), "text"),
    Column(
        "a_numeric_5_m2", "numeric(5,-2)", quoted("0", "100", "-9999900", "12300"), "decimal", since=150000
    ),
    Column("a_numeric_3_5", "numeric(3,5)", quoted("0", "0.00999", "-0.00001"), "decimal", since=150000),
    Column("a_text", "text", texts(NASTY_TEXT + NOT_XML_TEXT), "text", xml_values=texts(NASTY_TEXT)),
    Column("a_varchar", "varchar(40)", quoted("", "short", 'with, "quotes"'), "text"),
    Column("a_char", "char(8)", quoted("", "ab", "ab      ", "12345678", 'a"b'), "text"),
    Column("a_one_byte_char", '"char"', quoted("a", "", ",", '"'), "text"),
    Column("a_name", "name", quoted("", "relname", "it's"), "text"),
    Column("a_citext", "citext", quoted("", "CamelCase", "x,y"), "text"),
    Column(
        "a_json",
        "json",
        texts(JSON_TEXTS + JSON_SPACED),
        "json",
        xml_values=texts(JSON_TEXTS + JSON_SPACED[:3]),
    ),
    Column("a_jsonb", "jsonb", texts(JSON_TEXTS + JSON_SPACED), "json"),
    Column(
        "a_bytea",
        "bytea",
        quoted("\\x", "\\x00", "\\xdeadbeef", "\\x0a0d2c22", "\\x" + bytes(range(256)).hex()),
        "bytea",
    ),
    Column(
        "a_date",
        "date",
        quoted(
            "2000-01-01",
            "1970-01-01",
            "1999-12-31",
            "0001-01-01",
            "0001-12-31 BC",
            "9999-12-31",
            "10000-01-01",
            "4713-01-01 BC",
            "5874897-12-31",
            "2024-02-29",
            "1900-02-28",
        ),
        "date",
    ),
    Column(
        "a_time",
        "time",
        quoted("00:00", "24:00:00", "23:59:59.999999", "12:34:56.7", "01:02:03.000004"),
        "text",
    ),
    Column("a_timetz", "timetz", quoted("00:00+00", "23:59:59.999999-15:59:59", "12:00:00+05:30"), "text"),
    Column(
        "a_timestamp",
        "timestamp",
        quoted(
            "2000-01-01 00:00:00",
            "1999-12-31 23:59:59.999999",
            "0001-01-01 00:00:00",
            "0001-12-31 23:59:59 BC",
            "9999-12-31 23:59:59.999999",
            "10000-01-01 00:00:00",
            "4713-01-01 00:00:00 BC",
            "2024-02-29 12:34:56.7",
            "1970-01-01 00:00:00.000001",
            "294246-12-31 23:59:59",
        ),
        "timestamp",
    ),
    Column(
        "a_timestamptz",
        "timestamptz",
        quoted(
            "2000-01-01 00:00:00+00",
            "1999-12-31 23:59:59.999999+00",
            "2024-03-31 02:30:00+01",
            "0001-01-01 00:00:00+00",
            "0044-03-15 10:00:00+00 BC",
            "9999-12-31 23:59:59.999999+00",
            "10000-01-01 00:00:00+00",
            "1970-01-01 00:00:00.01+00",
        ),
        "timestamptz",
    ),
    Column(
        "an_interval",
        "interval",
        quoted(
            "0",
            "1 day",
            "-1 mon +2 days -03:04:05.678",
            "178000000 years",
            "00:00:00.000001",
            "1 year 2 mons 3 days 04:05:06",
        ),
        "text",
    ),
    Column(
        "a_uuid",
        "uuid",
        quoted(
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        ),
        "text",
    ),
    Column("an_enum", "mood", texts(ENUM_VALUES), "text"),
    Column("an_inet", "inet", quoted("1.2.3.4", "1.2.3.0/24", "::1", "fe80::1/64"), "text"),
    Column("a_cidr", "cidr", quoted("1.2.3.0/24", "::/0"), "text"),
    Column("a_macaddr", "macaddr", quoted("08:00:2b:01:02:03"), "text"),
    Column("a_macaddr8", "macaddr8", quoted("08:00:2b:01:02:03:04:05"), "text"),
    Column("a_bit", "bit(5)", ["B'00000'", "B'10101'"], "text"),
    Column("a_varbit", "varbit", ["B''", "B'1'", "B'0110101011110000'"], "text"),
    Column("a_money", "money", quoted("0", "-1234567.89", "92233720368547758.07"), "text"),
    Column("an_int4range", "int4range", quoted("empty", "[1,5)", "(,)", "[3,]"), "text"),
    Column("a_textrange", "text_range", quoted("[a,b]", '["a,b","c""d"]', "(,)"), "text"),
    Column("an_int4multirange", "int4multirange", quoted("{}", "{[1,2),[5,)}"), "text", since=140000),
    Column("a_tsvector", "tsvector", ["to_tsvector('simple', 'it''s a \"fat\" cat')", "''"], "text"),
    Column("a_tsquery", "tsquery", ["to_tsquery('simple', 'a & !b')", "''"], "text"),
    Column("a_pg_lsn", "pg_lsn", quoted("0/0", "FFFFFFFF/FFFFFFFF"), "text"),
    Column("a_point", "point", quoted("(1,2)", "(0.1,-1e300)"), "text"),
    Column("a_line", "line", quoted("{1,2,3}"), "text"),
    Column("a_lseg", "lseg", quoted("[(1,2),(3,4)]"), "text"),
    Column("a_box", "box", quoted("(3,4),(1,2)"), "text"),
    Column("a_path", "path", quoted("[(1,2),(3,4)]", "((1,2),(3,4))"), "text"),
    Column("a_polygon", "polygon", quoted("((0,0),(1,1),(2,0))"), "text"),
    Column("a_circle", "circle", quoted("<(1,2),3>"), "text"),
    Column("an_xml", "xml", quoted("<a>x &amp; y</a>", "text", '<b c="d"/>'), "xml"),
    Column("a_jsonpath", "jsonpath", quoted("$.a[*] ? (@ > 1)"), "text"),
    Column("an_xid", "xid", quoted("0", "4294967295"), "text"),
    Column("a_tid", "tid", quoted("(0,1)", "(4294967295,65535)"), "text"),
    Column("a_regclass", "regclass", quoted("pg_class"), "text"),
    Column("an_oidvector", "oidvector", quoted("1 2 3"), "nested"),
    Column("a_domain", "positive", quoted("1", "2147483647"), "int"),
    Column("a_text_domain", "short_text", texts(["", "a,b", "<&>"]), "text"),
    Column("a_json_domain", "json_document", texts(['{"a": [1, 2]}', "{}"]), "json"),
    Column("an_hstore", "hstore", quoted("", "a=>1, b=>NULL", '"x y"=>"q\\"q, r"'), "nested"),
    Column("an_int4_array", "int4[]", quoted("{}", "{1,NULL,3}", "{{1,2},{3,4}}", "[0:1]={5,6}"), "nested"),
    Column(
        "a_text_array",
        "text[]",
        ["ARRAY['', 'a,b', 'q\"q', NULL, 'NULL', '{}', E'\\\\', E'new\\nline', '<&>']", "'{}'"],
        "nested",
    ),
    Column("a_json_array", "jsonb[]", ["""ARRAY['{"a": 1}'::jsonb, 'null', NULL]"""], "nested"),
    Column(
        "a_composite",
        "pair",
        ["ROW(1, 'a')::pair", "ROW(NULL, NULL)::pair", "ROW(-1, 'x,\"y\" (z)')::pair", "ROW(2, '')::pair"],
        "nested",
    ),
    Column("a_composite_array", "pair[]", ["ARRAY[ROW(1,'a')::pair, NULL, ROW(NULL,'<&>')::pair]"], "nested"),
]

TYPES_SQL = f"""
CREATE EXTENSION IF NOT EXISTS hstore; CREATE EXTENSION IF NOT EXISTS citext;
CREATE TYPE mood AS ENUM ({", ".join(texts(ENUM_VALUES))});
CREATE TYPE text_range AS RANGE (subtype = text);
CREATE DOMAIN positive AS int4 CHECK (VALUE > 0);
CREATE DOMAIN short_text AS varchar(100) CHECK (length(VALUE) < 100);
CREATE DOMAIN json_document AS jsonb;
CREATE TYPE pair AS (number int4, label text);
"""


def columns(version, for_xml=False):
    """The columns that this server has; XML's oracle cannot take every value."""
    known = [column for column in COLUMNS if column.since <= version]
    if not for_xml:
        return known
    return [Column(c.name, c.type, c.xml_values or c.values, c.family, c.since, None) for c in known]


def create_table(db, table, made_of, rows=None, not_null=False, with_id=True):
    """
    A table of the given columns. Row i holds each column's i-th value, going round: NULL is one more value
    of each, unless not_null; one row has nothing but NULLs.
    """
    choices = [c.values if not_null else [*c.values, "NULL"] for c in made_of]
    if rows is None:
        rows = max(len(values) for values in choices)
    constraint = " NOT NULL" if not_null else ""
    definitions = [f"{name(c.name)} {c.type}{constraint}" for c in made_of]
    if with_id:
        definitions.insert(0, "id int4 NOT NULL")  # no key: without block ranges rows would come in its order
    db.execute(f"CREATE TABLE {table} ({', '.join(definitions)})")
    for start in range(0, rows, 50):
        lines = []
        for i in range(start, min(start + 50, rows)):
            cells = [f"{values[i % len(values)]}" for values in choices]
            lines.append("(" + ", ".join(([str(i)] if with_id else []) + cells) + ")")
        db.execute(f"INSERT INTO {table} VALUES {', '.join(lines)}")
    if not not_null:
        nulls = ["NULL"] * len(made_of)
        db.execute(f"INSERT INTO {table} VALUES ({', '.join(([str(rows)] if with_id else []) + nulls)})")
