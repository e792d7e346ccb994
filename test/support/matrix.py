"""
The columns of the interop matrix: every kind of Parquet column × where its nulls are, as tables of the server,
with the server's own word on each value.
"""

from dataclasses import dataclass

from support.canonical import server_sql
from support.values import ENUM_VALUES, NASTY_TEXT, NOT_XML_TEXT, quoted, texts

ROWS = 300
# Row groups of 110 rows, pages of 13: several of both, none of them even.
SMALL_PARTS = "row-group-rows=110,page-rows=13"
CODECS = ("none", "snappy", "gzip", "zstd", "lz4_raw")
PROFILES = ("portable", "modern")


@dataclass
class Column:
    name: str
    type: str
    kind: object  # see canonical.server_sql
    values: list  # SQL expressions; {i} is the row's number, from 0


def fixed(precision, scale):
    """The extremes of a numeric(p,s), and what is around zero."""
    most = "9" * (precision - scale) + ("." + "9" * scale if scale else "")
    least = "0." + "0" * (scale - 1) + "1" if scale else "1"
    return quoted("0", most, "-" + most, least, "-" + least, "10.5", "-128", "127", "-129", "255")


FLOATS = ["0", "-0", "1", "-1.5", "0.1", "1e15", "NaN", "Infinity", "-Infinity", "16777217"]
LONG_TEXTS = [
    "repeat('x', 63)",
    "repeat('x', 64)",
    "repeat('x', 65)",
    "repeat('é', 40)",
    "repeat('\U0010fffd', 30)",
]

FLAT = [
    Column("bool", "bool", "bool", ["true", "false", "false"]),
    Column("bool_of_runs", "bool", "bool", ["{i} / 40 % 2 = 0"]),
    Column("int2", "int2", "int", quoted("0", "-1", "-32768", "32767", "99", "-100")),
    Column("int4", "int4", "int", quoted("0", "-1", "-2147483648", "2147483647", "10", "1000000000")),
    Column("int4_ascending", "int4", "int", ["{i} * 3 - 100"]),
    Column("int8", "int8", "int", quoted("0", "-1", "-9223372036854775808", "9223372036854775807", "4294967296")),
    Column("int8_of_random", "int8", "int", ["hashint8extended({i}, 7)"]),
    Column("oid", "oid", "int", quoted("0", "1", "2147483647", "2147483648", "4294967295")),
    Column("float4", "float4", "float4", quoted(*FLOATS, "3.4028235e38", "1e-45", "1.17549435e-38")),
    Column("float8", "float8", "float8", quoted(*FLOATS, "1.7976931348623157e308", "5e-324", "9007199254740993")),
    Column("float8_without_NaN", "float8", "float8", ["sin({i})", "0", "'-0'", "{i}"]),
    Column("numeric", "numeric", "text", quoted("0", "-0.00", "1e-30", "1e30", "-1.50", "1" + "0" * 200, "NaN")),
    Column("numeric_4_2", "numeric(4,2)", "decimal", quoted("0", "99.99", "-99.99", "-1.28", "1.27", "-0.01")),
    Column("numeric_9_2", "numeric(9,2)", "decimal", fixed(9, 2)),
    Column("numeric_18_4", "numeric(18,4)", "decimal", fixed(18, 4)),
    Column("numeric_20_0", "numeric(20,0)", "decimal", quoted("0", "1", "-1", "127", "-128", "128", "-129", "9" * 20, "-" + "9" * 20)),
    Column("numeric_38_10", "numeric(38,10)", "decimal", fixed(38, 10)),
    Column("numeric_38_38", "numeric(38,38)", "decimal", quoted("0", "0." + "9" * 38, "-0." + "9" * 38, "1e-38")),
    Column("numeric_60_5", "numeric(60,5)", "text", quoted("0", "1.00001", "9" * 55 + ".99999")),
    Column("text", "text", "text", texts(NASTY_TEXT + NOT_XML_TEXT)),
    Column("text_of_few_values", "text", "text", ["'label ' || {i} % 4"]),
    Column("text_of_long_values", "text", "text", [f"{long} || {{i}} % 7" for long in LONG_TEXTS]),
    Column("text_all_different", "text", "text", ["md5({i}::text)"]),
    Column("char_8", "char(8)", "text", quoted("", "ab", "ab      ", "12345678")),
    Column("jsonb", "jsonb", "json", texts(["{}", "[]", "null", "1.50", '"text"', '{"a":[1,{"b":null}]}'])),
    Column("json", "json", "json", texts(['{ "a" : 1 ,\n\t"a" : [ 1 ] }', " [ ]\n", '"\\u0041"', "-0", "1e400"])),
    Column("bytea", "bytea", "bytea", [*quoted("\\x", "\\x00", "\\xdeadbeef", "\\xff"), "decode(repeat('ff', 90), 'hex')"]),
    Column("date", "date", "date", quoted("2000-01-01", "1970-01-01", "0001-01-01", "4713-01-01 BC", "9999-12-31", "5874897-12-31")),
    Column("timestamp", "timestamp", "timestamp",
           quoted("2000-01-01", "1999-12-31 23:59:59.999999", "0001-01-01 BC", "9999-12-31 23:59:59.999999",
                  "1970-01-01 00:00:00.000001", "294246-12-31 23:59:59", "4713-01-01 00:00:00 BC")),
    Column("timestamptz", "timestamptz", "timestamp",
           ["'2024-02-29 12:00+00'::timestamptz + {i} * interval '61.000001 s'", "'1969-12-31 23:59:59.999999+00'"]),
    Column("time", "time", "time", quoted("00:00", "23:59:59.999999", "12:34:56.7")),
    Column("interval", "interval", "interval", quoted("0", "-1 mon +2 days -03:04:05.678", "178000000 years")),
    Column("uuid", "uuid", "uuid", ["md5({i}::text)::uuid", *quoted("00000000-0000-0000-0000-000000000000",
                                                                  "ffffffff-ffff-ffff-ffff-ffffffffffff")]),
    Column("enum", "mood", "text", texts(ENUM_VALUES)),
    Column("inet", "inet", "text", quoted("1.2.3.4", "1.2.3.0/24", "::1")),
]  # fmt: skip

# Types that the nested columns are made of.
NESTED_TYPES = """
CREATE TYPE point_of_sale AS (id int4, price numeric(9,2), label text, tags text[], moment timestamptz);
CREATE TYPE shop AS (name text, sales point_of_sale[], owner point_of_sale, extra hstore);
"""
SALE = (
    "row",
    {"id": "int", "price": "decimal", "label": "text", "tags": ("array", "text"), "moment": "timestamp"},
)
SHOP = ("row", {"name": "text", "sales": ("array", SALE), "owner": SALE, "extra": "hstore"})
SALES = [
    "ROW({i}, {i} * 1.25, 'label ' || {i} % 3, ARRAY['a', NULL, ''], '2024-02-29 12:00+00')::point_of_sale",
    "ROW(NULL, NULL, NULL, NULL, NULL)::point_of_sale",
    "ROW(-1, -0.01, '', '{}', NULL)::point_of_sale",
]
HSTORES = [
    "''::hstore",
    "'a=>1, b=>NULL'::hstore",
    "hstore('key ' || {i}, '')",
    """(hstore('x "y"', 'q, r') || hstore('', 'z'))""",
]


def arrays(items, item_type):
    """None, one, two, many, with NULLs and of NULLs."""
    two = ", ".join(items[:2])
    return [
        f"'{{}}'::{item_type}[]",
        f"ARRAY[{items[0]}]::{item_type}[]",
        f"ARRAY[{two}, NULL]::{item_type}[]",
        f"ARRAY[NULL, NULL]::{item_type}[]",
        f"ARRAY[{', '.join(items * 3)}]::{item_type}[]",
    ]


def array_of(name):
    item = next(column for column in FLAT if column.name == name)
    return Column(f"{name}_array", f"{item.type}[]", ("array", item.kind), arrays(item.values, item.type))


NESTED = [
    *map(array_of, ("bool", "int2", "int4", "int8", "oid", "float4", "float8", "numeric", "numeric_9_2", "numeric_18_4",
                    "numeric_38_10", "text", "char_8", "jsonb", "bytea", "date", "timestamp", "timestamptz", "uuid",
                    "interval", "enum", "inet")),
    Column("long_array", "int4[]", ("array", "int"), ["ARRAY(SELECT generate_series({i}, {i} + {i} % 70))"]),
    Column("composite", "point_of_sale", SALE, SALES),
    Column("composite_array", "point_of_sale[]", ("array", SALE), arrays(SALES, "point_of_sale")),
    Column("hstore", "hstore", "hstore", HSTORES),
    Column("hstore_array", "hstore[]", ("array", "hstore"), arrays(HSTORES, "hstore")),
    Column("deep", "shop", SHOP, [
        f"ROW('shop', ARRAY[{SALES[0]}, NULL, {SALES[2]}], {SALES[1]}, {HSTORES[1]})::shop",
        f"ROW(NULL, '{{}}', NULL, {HSTORES[0]})::shop",
        "ROW('none', NULL, NULL, NULL)::shop",
    ]),
    Column("deep_array", "shop[]", ("array", SHOP), [
        f"ARRAY[ROW('shop', ARRAY[{SALES[0]}, {SALES[1]}], {SALES[2]}, {HSTORES[2]})::shop, NULL]",
        "'{}'::shop[]",
        "ARRAY[ROW(NULL, NULL, NULL, NULL)::shop]",
    ]),
]  # fmt: skip

NULLS = {
    "none": "false",
    "some": "i % 7 = 3",
    "all": "true",
    "alternating": "i % 2 = 0",
    "leading and trailing": "i < 120 OR i > 250",
}


def name(text):
    return '"' + text.replace('"', '""') + '"'


def create_table(db, table, columns, is_null, rows=ROWS):
    """Row i holds each column's i-th value, going round, or NULL where is_null says so of i."""
    constraint = " NOT NULL" if is_null == "false" else ""
    definitions = [f"{name(c.name)} {c.type}{constraint}" for c in columns]
    db.execute(f"CREATE TABLE {name(table)} (row int4 NOT NULL, {', '.join(definitions)})")
    cells = [f"CASE WHEN {is_null} THEN NULL ELSE {choice(c)} END" for c in columns]
    db.execute(
        f"INSERT INTO {name(table)} SELECT i, {', '.join(cells)} FROM generate_series(0, {rows - 1}) i"
    )


def choice(column):
    """The SQL of a row's value."""
    values = [f"({value.replace('{i}', 'i')})::{column.type}" for value in column.values]
    if len(values) == 1:
        return values[0]
    cases = " ".join(f"WHEN {at} THEN {value}" for at, value in enumerate(values))
    return f"(CASE i % {len(values)} {cases} END)"


def expected_texts(db, table, columns, is_typed=False):
    """Per column, the server's text of every value, in the table's order."""
    expressions = ", ".join(server_sql(c.kind, name(c.name), is_typed) for c in columns)
    rows = db.rows(f"SELECT row::text, {expressions} FROM {name(table)} ORDER BY ctid")
    names = ["row", *(c.name for c in columns)]
    return {column: [row[i] for row in rows] for i, column in enumerate(names)}
