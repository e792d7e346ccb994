"""
Every type that PostgreSQL has built in, with its extremes, and what can be made of it: arrays, domains,
composites. test_every_type.py checks against the catalog that none is missing.
"""

from dataclasses import dataclass, field

from support import values

BYTES = "\\x" + bytes(range(256)).hex()


@dataclass
class Type:
    name: str  # as SQL writes it
    values: list  # SQL expressions, each of this type or a literal of it
    family: str = "text"  # of support/parquet.py
    since: int = 0  # server version
    special: list = field(default_factory=list)  # values that some formats cannot say


def q(*texts):
    return values.quoted(*texts)


FLOATS = ["NaN", "Infinity", "-Infinity"]
DATES = ["infinity", "-infinity"]

TYPES = [
    Type("bool", ["true", "false"], "bool"),
    Type("bytea", q("\\x", "\\x00", BYTES), "bytea"),
    Type('"char"', q("a", "", ",", '"', "\\377", "\\200")),
    Type("name", q("", "it's", "x" * 63, '"q"')),
    Type("int8", q("0", "-9223372036854775808", "9223372036854775807"), "int"),
    Type("int2", q("0", "-32768", "32767"), "int"),
    Type("int4", q("0", "-2147483648", "2147483647"), "int"),
    Type("regproc", q("now", "-", "0", "4294967295")),
    Type("text", values.texts(values.NASTY_TEXT[:40])),
    Type("oid", q("0", "2147483648", "4294967295"), "int"),
    Type("tid", q("(0,0)", "(4294967295,65535)")),
    Type("xid", q("0", "4294967295")),
    Type("cid", q("0", "4294967295")),
    Type("json", values.texts(values.JSON_TEXTS), "json"),
    Type("xml", q("<a>x &amp; y</a>", "text", '<b c="d"/>', ""), "xml"),
    Type("point", q("(1,2)", "(-0,1e-300)", "(1.7976931348623157e308,5e-324)", "(NaN,-Infinity)")),
    Type("lseg", q("[(1,2),(3,4)]", "[(Infinity,0),(0,0)]")),
    Type("path", q("[(1,2),(3,4)]", "((1,2),(3,4))", "((0,0))")),
    Type("box", q("(3,4),(1,2)", "(0,0),(0,0)")),
    Type("polygon", q("((0,0),(1,1),(2,0))", "((0,0))")),
    Type("line", q("{1,2,3}", "{0,-1,1e300}")),
    Type("cidr", q("1.2.3.0/24", "::/0", "255.255.255.255/32", "2001:db8::/32")),
    Type("float4", q("0", "-0", "3.4028235e38", "1e-45", "0.1", "1e15", "1e16"), "float", special=q(*FLOATS)),
    Type(
        "float8",
        q("0", "-0", "1.7976931348623157e308", "5e-324", "0.1", "1e15", "1e16", "1e23"),
        "float",
        special=q(*FLOATS),
    ),
    Type("circle", q("<(1,2),3>", "<(0,0),0>")),
    Type("macaddr8", q("00:00:00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff:ff:ff")),
    Type("money", q("0", "-92233720368547758.08", "92233720368547758.07")),
    Type("macaddr", q("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff")),
    Type("inet", q("1.2.3.4", "1.2.3.4/8", "0.0.0.0/0", "::1", "fe80::1/64", "::ffff:1.2.3.4")),
    Type("aclitem", q("postgres=r/postgres", "=UC/postgres", "postgres=arwdDxt*/postgres")),
    Type("char(8)", q("", "ab", "ab      ", "12345678", 'a"b', "é")),
    Type("bpchar", q("", "ab  ", "x")),
    Type("varchar", q("", "ab  ", "a,b")),
    Type("varchar(40)", q("", "short", 'with, "quotes"')),
    Type(
        "date",
        q("2000-01-01", "1970-01-01", "0001-01-01", "0001-12-31 BC", "4713-01-01 BC", "5874897-12-31"),
        "date",
        special=q(*DATES),
    ),
    Type("time", q("00:00", "24:00:00", "23:59:59.999999", "12:34:56.7")),
    Type("time(3)", q("00:00", "12:34:56.789")),
    Type(
        "timestamp",
        q("2000-01-01", "0001-12-31 23:59:59 BC", "4714-11-24 00:00:00 BC", "294246-12-31 23:59:59.999999"),
        "timestamp",
        special=q(*DATES, "294276-12-31 23:59:59.999999", "294247-01-10 04:00:54.775808"),
    ),
    Type(
        "timestamptz",
        q(
            "2000-01-01 00:00:00+00",
            "0044-03-15 10:00:00+00 BC",
            "2024-03-31 02:30:00.01+01",
            "10000-01-01 00:00:00+00",
        ),
        "timestamptz",
        special=q(*DATES, "294276-12-31 23:59:59.999999+00"),
    ),
    Type("interval", q("0", "178000000 years", "-178000000 years", "-1 mon +2 days -03:04:05.678", "2 days")),
    Type("timetz", q("00:00+00", "24:00:00+15:59:59", "23:59:59.999999-15:59:59", "12:00:00+05:30")),
    Type("bit(5)", ["B'00000'", "B'10101'"]),
    Type("varbit", ["B''", "B'1'", "B'0110101011110000'"]),
    Type(
        "numeric",
        [
            *q("0", "-0.00", "1e-200", "1e30"),
            "('1' || repeat('0', 1000))::numeric",
            "('0.' || repeat('9', 2000))::numeric",
            "'9e131071'",
        ],
        "text",
        special=q("NaN"),
    ),
    Type("numeric(9,2)", q("0", "-9999999.99", "9999999.99"), "decimal", special=q("NaN")),
    Type("numeric(38,10)", q("0", "1e-10", "-" + "9" * 28 + "." + "9" * 10), "decimal", special=q("NaN")),
    Type("refcursor", q("", "a cursor")),
    Type("regprocedure", q("sqrt(numeric)", "-", "4294967295")),
    Type("regoper", q("pg_catalog.||/", "0")),
    Type("regoperator", q("+(integer,integer)", "0")),
    Type("regclass", q("pg_class", "-", "4294967295")),
    Type("regtype", q("integer", "character varying", "text[]", "-")),
    Type("uuid", q("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff")),
    Type("txid_snapshot", q("1:1:", "10:20:10,14,15")),
    Type("pg_lsn", q("0/0", "FFFFFFFF/FFFFFFFF")),
    Type("tsvector", q("", "a:1A,2B fat:3 'x y':4", "cat")),
    Type("tsquery", q("", "a & !b | c <-> d", "'x y':*AB")),
    Type("regconfig", q("simple", "english", "-")),
    Type("regdictionary", q("simple", "-")),
    Type("jsonb", values.texts(values.JSON_TEXTS), "json"),
    Type("int4range", q("empty", "[1,5)", "(,)", "[3,]", "[-2147483648,2147483647)")),
    Type("numrange", q("empty", "[1.50,5)", "(,)", "[NaN,NaN]")),
    Type("tsrange", q("empty", "[2000-01-01 12:00,2001-01-01)", "[,infinity]")),
    Type("tstzrange", q("empty", "[2000-01-01 12:00+00,2001-01-01 00:00+00)")),
    Type("daterange", q("empty", "[2000-01-01,2001-01-01)", "[-infinity,infinity]")),
    Type("int8range", q("empty", "[-9223372036854775808,9223372036854775807)")),
    Type("jsonpath", q("$", 'strict $.a[*]."x y" ? (@ > 1)')),
    Type("regnamespace", q("pg_catalog", "-")),
    Type("regrole", q("postgres", "-", "4294967295")),
    Type("regcollation", q('"C"', "-"), since=130000),
    Type("int4multirange", q("{}", "{[1,2),[5,)}"), since=140000),
    Type("nummultirange", q("{}", "{(,1.5],[2,2]}"), since=140000),
    Type("tsmultirange", q("{}", '{["2000-01-01 12:00",infinity]}'), since=140000),
    Type("tstzmultirange", q("{}", '{["2000-01-01 12:00+00",]}'), since=140000),
    Type("datemultirange", q("{}", "{[2000-01-01,2000-02-01)}"), since=140000),
    Type("int8multirange", q("{}", "{[1,9223372036854775807)}"), since=140000),
    Type("pg_snapshot", q("1:1:", "10:20:10,14,15"), since=130000),
    Type("xid8", q("0", "18446744073709551615"), since=130000),
    Type("int2vector", q("", "1 2 3"), "nested"),
    Type("oidvector", q("", "1 4294967295"), "nested"),
]

# The catalogs' own: no table of a user's can hold a value of them.
MADE_BY_SERVER = {
    "pg_node_tree",
    "pg_ndistinct",
    "pg_dependencies",
    "pg_mcv_list",
    "pg_brin_bloom_summary",
    "pg_brin_minmax_multi_summary",
    "gtsvector",
    "_gtsvector",
}


def types(version):
    return [t for t in TYPES if t.since <= version]


def column_name(prefix, t):
    return prefix + "".join(c if c.isalnum() else "_" for c in t.name)


def create(db, table, made_of):
    """
    A table of one column per (name, SQL type, values); a row holds each column's next value, going round, with NULL
    as one more of them; the last row is NULL throughout.
    """
    columns = [values.Column(name, sql_type, list(cells)) for name, sql_type, cells in made_of]
    values.create_table(db, table, columns)


def scalars(version, with_special=True):
    return [
        (column_name("c_", t), t.name, t.values + (t.special if with_special else [])) for t in types(version)
    ]


def array_of(t, cells):
    return f"ARRAY[{', '.join(f'{cell}::{t.name}' for cell in cells)}]::{t.name}[]"


def arrays(version, with_special=True):
    """One dimension with a NULL, two dimensions, no items, another lower bound."""
    made = []
    for t in types(version):
        if t.name in ("int2vector", "oidvector"):
            continue
        cells = t.values[:4] + (t.special if with_special else [])
        one, two = cells[0], cells[-1]
        inner = f"ARRAY[{one}::{t.name}, {two}::{t.name}]"
        shifted = f"array_fill({two}::{t.name}, ARRAY[2], ARRAY[-1])"
        made.append(
            (
                column_name("a_", t),
                f"{t.name}[]",
                [array_of(t, [*cells, "NULL"]), f"ARRAY[{inner}, {inner}]::{t.name}[]", "'{}'", shifted],
            )
        )
    return made


def create_domains(db):
    """d_x: over the type; da_x: over its array. Arrays of domains need no type of their own."""
    for t in types(db.version):
        db.execute(f"CREATE DOMAIN {column_name('d_', t)} AS {t.name}")
        if t.name not in ("int2vector", "oidvector"):
            db.execute(f"CREATE DOMAIN {column_name('da_', t)} AS {t.name}[]")


def domains(version, with_special=True):
    return [
        (column_name("d_", t), column_name("d_", t), t.values[:4] + (t.special if with_special else []))
        for t in types(version)
    ]


def domains_over_arrays(version, with_special=True):
    return [("d" + name, "d" + name, cells) for name, _, cells in arrays(version, with_special)]


def arrays_of_domains(version, with_special=True):
    made = []
    for t in types(version):
        if t.name in ("int2vector", "oidvector"):
            continue
        domain = column_name("d_", t)
        cells = t.values[:3] + (t.special if with_special else [])
        items = ", ".join([*(f"{cell}::{t.name}::{domain}" for cell in cells), "NULL"])
        made.append((column_name("ad_", t), f"{domain}[]", [f"ARRAY[{items}]::{domain}[]", "'{}'"]))
    return made


def create_composite(db, name="everything"):
    fields = ", ".join(f"{column_name('f_', t)} {t.name}" for t in types(db.version))
    db.execute(f"CREATE TYPE {name} AS ({fields})")


def composites(version, with_special=True):
    """A composite of every type, an array of it, and it in a further composite with an array inside."""

    def row(index):
        cells = []
        for t in types(version):
            choices = t.values + (t.special if with_special else [])
            cells.append(f"{choices[index % len(choices)]}::{t.name}")
        return f"ROW({', '.join(cells)})::everything"

    nulls = f"ROW({', '.join(['NULL'] * len(types(version)))})::everything"
    return [
        ("whole", "everything", [row(0), row(1), row(-1), nulls]),
        ("several", "everything[]", [f"ARRAY[{row(0)}, NULL, {nulls}]", "'{}'"]),
    ]
