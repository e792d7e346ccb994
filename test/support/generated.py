"""
Tables made at random (hypothesis): any types, made to measure where the server lets them be, any values, NULLs, names.

A value is the text that its type's input function reads, so values nest: in arrays, composites, ranges.
"""

import json
import struct
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from . import values


@dataclass(frozen=True)
class Kind:
    """A type, how its values are made, and how XML and Parquet treat it (support/parquet.py)."""

    sql: str
    family: str
    texts: st.SearchStrategy
    since: int = 0  # server version
    setup: tuple = ()  # statements that make the type
    delimiter: str = ","  # of its arrays
    shape: str = "scalar"  # or list, struct, map
    parts: tuple = ()  # the list's item, the struct's fields
    names: tuple = ()  # of the fields
    of: str = ""  # the type beneath a domain; what a made-up type is

    @property
    def base(self):
        return self.of or self.sql

    @property
    def base_name(self):
        return self.base.split("(")[0]

    @property
    def is_number(self):
        return self.shape == "scalar" and self.base_name in NUMBERS


NUMBERS = ("int2", "int4", "int8", "oid", "float4", "float8", "numeric")


@dataclass
class Column(values.Column):
    kind: Kind = None

    def _repr_pretty_(self, printer, cycle):
        """For hypothesis: the kind is long, and made of what the type says."""
        printer.text(f"Column({self.name!r}, {self.type!r}, {self.values!r})")


@dataclass
class Table:
    schema: str
    name: str
    setup: list
    columns: list  # of values.Column; its values are SQL literals
    not_null: list
    rows: list = field(default_factory=list)

    @property
    def quoted(self):
        return values.name(self.schema) + "." + values.name(self.name)


# --- texts ----------------------------------------------------------------------------------------
CHARACTERS = st.one_of(
    st.characters(codec="utf-8", exclude_characters="\x00"),
    st.sampled_from(
        "\x01\b\t\n\v\f\r\x1b\x1f \"'\\,;{}[]()<>&=$%/\x7f\x80\x85\xa0\ud7ff\ue000\ufdd0\ufeff\ufffd\ufffe"
    ),
    st.sampled_from("aAzZ09 "),
)
TEXT = st.one_of(st.text(CHARACTERS, max_size=12), st.sampled_from(values.NASTY_TEXT[:-3]))
WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)


def limited(length):
    return TEXT.map(lambda text: text[:length])


def name_of(bytes_max):
    return (
        st.one_of(st.sampled_from(values.NASTY_NAMES), TEXT)
        .map(lambda text: text.encode()[:bytes_max].decode(errors="ignore"))
        .filter(bool)
    )


NAME = name_of(60)


# --- numbers --------------------------------------------------------------------------------------
def integers(least, greatest):
    edges = [least, greatest, *(n for n in (0, -1, 9, 10, 99, 100, 9999, 10000) if least <= n <= greatest)]
    return st.one_of(st.integers(least, greatest), st.sampled_from(edges)).map(str)


def signed(bits):
    return integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def float_text(value):
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(repr(value), repr(value))


def floats(width):
    shape, integer = {32: (">f", ">I"), 64: (">d", ">Q")}[width]
    from_bits = st.integers(0, 2**width - 1).map(
        lambda bits: struct.unpack(shape, struct.pack(integer, bits))[0]
    )
    return st.one_of(from_bits, st.floats(width=width), st.integers(-(10**6), 10**6).map(float)).map(
        float_text
    )


def spell_decimal(n, scale):
    """n / 10^scale, not by Decimal's own arithmetic, which rounds to 28 digits."""
    if scale <= 0:
        return f"{n}{'0' * -scale}"
    digits = str(abs(n)).zfill(scale + 1)
    return f"{'-' if n < 0 else ''}{digits[:-scale]}.{digits[-scale:]}"


def decimals(precision, scale):
    limit = 10**precision - 1
    finite = st.one_of(st.integers(-limit, limit), st.sampled_from([-limit, limit, 0, 1, -1]))
    return finite.map(lambda n: spell_decimal(n, scale))


NUMERIC = st.one_of(
    st.tuples(st.integers(-(10**45), 10**45), st.integers(-30, 60)).map(lambda pair: spell_decimal(*pair)),
    st.integers(-(10**9), 10**9).map(lambda n: spell_decimal(n, 4)),
    st.sampled_from(["NaN", "1e1000", "-1e-1000", "0.00000", "-0", "1" * 300 + "." + "2" * 300]),
)


def decimal_kinds():
    usual = st.integers(1, 60).flatmap(lambda p: st.tuples(st.just(p), st.integers(0, p)))
    odd = st.tuples(st.integers(1, 30), st.integers(-20, 38)).filter(lambda pair: not 0 <= pair[1] <= pair[0])
    return st.one_of(
        usual.map(lambda pair: decimal_kind(*pair, since=0)),
        odd.map(lambda pair: decimal_kind(*pair, since=150000)),
    )


def decimal_kind(precision, scale, since):
    # Digits that Parquet's DECIMAL needs: a negative scale becomes zeros, a scale beyond the precision the precision.
    digits = max(precision - min(scale, 0), scale)
    family = "decimal" if digits <= 38 else "text"
    texts = st.one_of(decimals(precision, scale), decimals(precision, scale), st.just("NaN"))
    return Kind(f"numeric({precision},{scale})", family, texts, since)


# --- days and times -------------------------------------------------------------------------------
DAY_US = 86_400_000_000


def spell_day(day):
    """A day, counted from 2000-01-01, as (year, month and day). Howard Hinnant's civil_from_days."""
    z = day + 730_425
    era, doe = divmod(z, 146_097)
    yoe = (doe - doe // 1460 + doe // 36_524 - doe // 146_096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    month = mp + 3 if mp < 10 else mp - 9
    year = yoe + era * 400 + (month <= 2)
    return year, f"{month:02}-{doy - (153 * mp + 2) // 5 + 1:02}"


def date_text(day):
    year, rest = spell_day(day)
    return f"{year:04}-{rest}" if year > 0 else f"{1 - year:04}-{rest} BC"


def time_text(us):
    return (
        f"{us // 3_600_000_000:02}:{us // 60_000_000 % 60:02}:{us // 1_000_000 % 60:02}.{us % 1_000_000:06}"
    )


def moment_text(us, zone=""):
    day, rest = divmod(us, DAY_US)
    year, month_day = spell_day(day)
    text = f"{year if year > 0 else 1 - year:04}-{month_day} {time_text(rest)}{zone}"
    return text if year > 0 else text + " BC"


# The Julian day 0 of the server's calendar, and its ends.
FIRST_DAY, LAST_DAY = -2_451_545, 2_145_031_948 - 10_957
FIRST_US, LAST_US = FIRST_DAY * DAY_US, 9_223_371_331_200_000_000 - 1
INFINITIES = st.sampled_from(["infinity", "-infinity"])
DATE = st.one_of(
    st.integers(FIRST_DAY, LAST_DAY).map(date_text),
    st.integers(-730_119, 2_921_939).map(date_text),
    st.sampled_from([FIRST_DAY, LAST_DAY]).map(date_text),
    INFINITIES,
)


def moments(zone=""):
    us = st.one_of(
        st.integers(FIRST_US, LAST_US), st.integers(-(10**15), 10**15), st.sampled_from([FIRST_US, LAST_US])
    )
    return st.one_of(
        us.map(lambda n: moment_text(n, zone)), us.map(lambda n: moment_text(n, zone)), INFINITIES
    )


TIME = st.one_of(
    st.integers(0, DAY_US - 1).map(time_text), st.sampled_from(["24:00:00", "00:00:00", "01:02:03.000004"])
)
ZONE = st.integers(-15 * 3600 - 59 * 60 - 59, 15 * 3600 + 59 * 60 + 59).map(
    lambda s: f"{'-' if s < 0 else '+'}{abs(s) // 3600:02}:{abs(s) // 60 % 60:02}:{abs(s) % 60:02}"
)
INTERVAL = st.tuples(
    st.integers(-(2**31), 2**31 - 2), st.integers(-(2**31), 2**31 - 2), st.integers(-(10**15), 10**15)
).map(lambda i: f"{i[0]} mons {i[1]} days {i[2]} us")


# --- json -----------------------------------------------------------------------------------------
def json_trees(leaf_text):
    leaf = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        leaf_text,
        st.floats(allow_nan=False, allow_infinity=False),
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(leaf_text, inner, max_size=3)),
        max_leaves=8,
    )


LAYOUTS = st.sampled_from([{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}])
BLANKS = st.text(" \t\n\r", max_size=3)
# What a json value may hold, and jsonb not, or other than as written.
HOSTILE_JSON = st.sampled_from(
    [
        *values.JSON_TEXTS,
        *values.JSON_SPACED,
        '"\\u0000"',
        '{"\\u0000":"\\ud800","\\udc00":"\\ud800\\u0041"}',
        '{"a":1,"a":{"a":[]},"a":"\\u0001"}',
        "1e99999",
        "-0.00e-0",
        "[" * 40 + "]" * 40,
        '{"a":"\x7f\u0080\ufffe"}',
        '"\\b\\f\\t\\u001F\\/"',
    ]
)


def dump(pair):
    return json.dumps(pair[0], **pair[1])


JSONB = st.one_of(
    st.tuples(json_trees(TEXT), LAYOUTS).map(dump), st.sampled_from(values.JSON_TEXTS + values.JSON_SPACED)
)
JSON = st.one_of(
    st.tuples(BLANKS, st.tuples(json_trees(TEXT), LAYOUTS).map(dump), BLANKS).map("".join), HOSTILE_JSON
)


# --- others ---------------------------------------------------------------------------------------
def quote_part(text):
    """A text as part of an array's, composite's, range's or hstore's."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def points(count):
    number = st.one_of(st.integers(-1000, 1000).map(float), st.floats(-1e300, 1e300)).map(repr)
    pair = st.tuples(number, number).map(lambda p: f"({p[0]},{p[1]})")
    return st.lists(pair, min_size=count[0], max_size=count[1]).map(",".join)


def bits(least, greatest):
    return st.text("01", min_size=least, max_size=greatest)


def mac(count):
    return st.lists(st.integers(0, 255), min_size=count, max_size=count).map(
        lambda b: ":".join(f"{x:02x}" for x in b)
    )


def networks():
    four = st.tuples(st.ip_addresses(v=4), st.integers(0, 32)).map(lambda p: f"{p[0]}/{p[1]}")
    six = st.tuples(st.ip_addresses(v=6), st.integers(0, 128)).map(lambda p: f"{p[0]}/{p[1]}")
    return st.one_of(st.ip_addresses().map(str), four, six)


CIDR = st.sampled_from(["10.0.0.0/8", "1.2.3.4/32", "0.0.0.0/0", "::/0", "2001:db8::/32", "fe80::1/128"])
HSTORE = st.dictionaries(TEXT, st.one_of(st.none(), TEXT), max_size=4).map(
    lambda d: ", ".join(f"{quote_part(k)}=>{'NULL' if v is None else quote_part(v)}" for k, v in d.items())
)
LEXEME = TEXT.map(lambda text: text.replace("\\", "\\\\").replace("'", "''")).filter(bool)
TSVECTOR = st.lists(
    st.tuples(LEXEME, st.sampled_from(["", ":1", ":3A,16383"])).map(lambda p: f"'{p[0]}'{p[1]}"), max_size=3
).map(" ".join)
TSQUERY = st.lists(LEXEME.map(lambda text: f"'{text}'"), min_size=1, max_size=3).map(" & !".join)
XML = st.sampled_from(
    ["", "text", "<a/>", '<a b="c">x &amp; y</a><!-- z -->', "<a><![CDATA[<&>]]></a>", "<?pi x?> é"]
)
LSN = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)).map(lambda p: f"{p[0]:X}/{p[1]:X}")

SCALARS = [
    Kind("bool", "bool", st.sampled_from(["true", "false"])),
    Kind("int2", "int", signed(16)),
    Kind("int4", "int", signed(32)),
    Kind("int8", "int", signed(64)),
    Kind("oid", "int", integers(0, 2**32 - 1)),
    Kind("float4", "float", floats(32)),
    Kind("float8", "float", floats(64)),
    Kind("numeric", "text", NUMERIC),
    Kind("text", "text", TEXT),
    Kind("varchar", "text", TEXT),
    Kind("varchar(7)", "text", limited(7)),
    Kind("char(9)", "text", limited(9)),
    Kind("char", "text", limited(1)),
    Kind('"char"', "text", st.characters(min_codepoint=1, max_codepoint=127)),
    Kind("name", "text", NAME),
    Kind("citext", "text", TEXT),
    Kind("json", "json", JSON),
    Kind("jsonb", "json", JSONB),
    Kind("bytea", "bytea", st.binary(max_size=80).map(lambda b: "\\x" + b.hex())),
    Kind("date", "date", DATE),
    Kind("time", "text", TIME),
    Kind("time(3)", "text", TIME),
    Kind("timetz", "text", st.tuples(TIME, ZONE).map("".join)),
    Kind("timestamp", "timestamp", moments()),
    Kind("timestamp(0)", "timestamp", moments().filter(lambda text: "294276-12-31 23:59:59" not in text)),
    Kind("timestamptz", "timestamptz", moments("+00")),
    Kind("interval", "text", INTERVAL),
    Kind("uuid", "text", st.uuids().map(str)),
    Kind("inet", "text", networks()),
    Kind("cidr", "text", CIDR),
    Kind("macaddr", "text", mac(6)),
    Kind("macaddr8", "text", mac(8)),
    Kind("bit(11)", "text", bits(11, 11)),
    Kind("varbit", "text", bits(0, 40)),
    Kind("money", "text", st.integers(-(2**63), 2**63 - 1).map(lambda n: spell_decimal(n, 2))),
    Kind("tsvector", "text", TSVECTOR),
    Kind("tsquery", "text", TSQUERY),
    Kind("pg_lsn", "text", LSN),
    Kind("txid_snapshot", "text", st.sampled_from(["1:1:", "10:20:10,14,15"])),
    Kind("pg_snapshot", "text", st.sampled_from(["1:1:", "10:20:10,14,15"])),
    Kind("xid", "text", integers(0, 2**32 - 1)),
    Kind("xid8", "text", integers(0, 2**64 - 1)),
    Kind("cid", "text", integers(0, 2**32 - 1)),
    Kind(
        "tid",
        "text",
        st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 65535)).map(lambda p: f"({p[0]},{p[1]})"),
    ),
    Kind("regclass", "text", st.sampled_from(["pg_class", "4294967295", "-"])),
    Kind("regtype", "text", st.sampled_from(["int4", "timestamp with time zone", '"char"', "4294967295"])),
    Kind("regproc", "text", st.sampled_from(["now", "4294967295"])),
    Kind("refcursor", "text", TEXT),
    Kind("aclitem", "text", st.sampled_from(["=r/postgres", "postgres=arw*/postgres"])),
    Kind("oidvector", "nested", st.sampled_from(["", "1", "1 4294967295 0"]), shape="list"),
    Kind("int2vector", "nested", st.sampled_from(["", "-1", "1 32767 0"]), shape="list"),
    Kind("point", "text", points((1, 1))),
    Kind("lseg", "text", points((2, 2)).map(lambda p: f"[{p}]")),
    Kind("box", "text", points((2, 2)), delimiter=";"),
    Kind(
        "path",
        "text",
        st.tuples(st.sampled_from(["[]", "()"]), points((1, 4))).map(lambda p: p[0][0] + p[1] + p[0][1]),
    ),
    Kind("polygon", "text", points((1, 4)).map(lambda p: f"({p})")),
    Kind(
        "line",
        "text",
        st.tuples(st.integers(1, 99), st.integers(-99, 99), st.floats(-1e9, 1e9)).map(
            lambda p: f"{{{p[0]},{p[1]},{p[2]!r}}}"
        ),
    ),
    Kind(
        "circle", "text", st.tuples(points((1, 1)), st.floats(0, 1e300)).map(lambda p: f"<{p[0]},{p[1]!r}>")
    ),
    Kind("xml", "xml", XML),
    Kind(
        "jsonpath",
        "text",
        st.sampled_from(["$", 'strict $."a b"[*] ? (@ > 1.50 && @ like_regex "^x")', "$.*"]),
    ),
    Kind("hstore", "nested", HSTORE, shape="map"),
    Kind("ltree", "text", st.lists(WORD, max_size=4).map(".".join)),
    Kind("lquery", "text", st.sampled_from(["*.a", "a.*{1,2}.!b"])),
    Kind(
        "cube",
        "text",
        st.lists(st.integers(-99, 99), min_size=1, max_size=4).map(lambda l: f"({', '.join(map(str, l))})"),
    ),
]
EXTENSIONS = "CREATE EXTENSION IF NOT EXISTS hstore; CREATE EXTENSION IF NOT EXISTS citext;"
EXTENSIONS += "CREATE EXTENSION IF NOT EXISTS ltree; CREATE EXTENSION IF NOT EXISTS cube;"


# --- types made to measure ------------------------------------------------------------------------
class Maker:
    """Draws types; those that have to be made get a name in the table's own schema."""

    def __init__(self, draw, schema, version):
        self.draw, self.schema, self.version = draw, schema, version
        self.scalars = [kind for kind in SCALARS if kind.since <= version]
        self.count = 0

    def kind(self, depth=2):
        ways = [self.scalar, self.scalar, self.scalar, self.scalar, self.decimal]
        if depth:
            ways += [self.array, self.array, self.composite, self.domain, self.enum, self.range]
        way = self.draw(st.sampled_from(ways))
        return way() if way in (self.scalar, self.decimal, self.enum, self.range) else way(depth)

    def scalar(self):
        return self.draw(st.sampled_from(self.scalars))

    def decimal(self):
        return self.draw(decimal_kinds().filter(lambda kind: kind.since <= self.version))

    def new_name(self):
        self.count += 1
        tail = f"{self.count}"
        return (
            values.name(self.schema) + "." + values.name(self.draw(name_of(63 - 4 - len(tail))) + " t" + tail)
        )

    def array(self, depth):
        item = self.kind(depth - 1)
        if item.sql.endswith("]") or item.sql in ("oidvector", "int2vector"):
            return item  # an array of arrays is an array of more dimensions; and vectors are none of it
        texts = array_texts(item)
        return Kind(item.sql + "[]", "nested", texts, item.since, item.setup, shape="list", parts=(item,))

    def composite(self, depth):
        name = self.new_name()
        fields = [self.kind(depth - 1) for _ in range(self.draw(st.integers(1, 4)))]
        names = self.draw(st.lists(NAME, min_size=len(fields), max_size=len(fields), unique=True))
        made = ", ".join(f"{values.name(n)} {f.sql}" for n, f in zip(names, fields))
        setup = tuple(s for f in fields for s in f.setup) + (f"CREATE TYPE {name} AS ({made})",)
        cells = st.tuples(*(st.one_of(st.none(), f.texts, f.texts) for f in fields))
        texts = cells.map(composite_text)
        return Kind(name, "nested", texts, 0, setup, shape="struct", parts=tuple(fields), names=tuple(names))

    def domain(self, depth):
        """And domains over domains."""
        kind = self.kind(depth - 1)
        for _ in range(self.draw(st.sampled_from([1, 1, 1, 2, 3]))):
            name, base = self.new_name(), kind
            made = (*base.setup, f"CREATE DOMAIN {name} AS {base.sql}")
            kind = replace(base, sql=name, setup=made, of=base.base)
        return kind

    def enum(self):
        name = self.new_name()
        labels = self.draw(st.lists(name_of(63), min_size=1, max_size=5, unique=True))
        made = ", ".join(map(values.literal, labels))
        setup = (f"CREATE TYPE {name} AS ENUM ({made})",)
        return Kind(name, "text", st.sampled_from(labels), 0, setup, of="enum")

    def range(self):
        number = st.integers(-(10**6), 10**6)
        simple = [
            ("int4", number, str),
            ("int8", st.integers(-(2**62), 2**62), str),
            ("num", st.integers(-(10**30), 10**30), lambda n: spell_decimal(n, 10)),
            ("date", st.integers(-700_000, LAST_DAY - 1), date_text),
            ("ts", st.integers(-(10**16), 10**16), moment_text),
            ("tstz", st.integers(-(10**16), 10**16), lambda n: moment_text(n, "+00")),
        ]
        subtype, bound, spell = self.draw(st.sampled_from([*simple, ("text", None, None)]))
        ranges = text_ranges() if subtype == "text" else number_ranges(bound, spell)
        if subtype == "text":
            name = self.new_name()
            # Its multirange takes a name of its own, which must not be too long, nor that of another.
            multi = f', multirange_type_name = "m {self.count}"' if self.version >= 140000 else ""
            made = f'CREATE TYPE {name} AS RANGE (subtype = text, collation = "C"{multi})'
            return Kind(name, "text", ranges, 0, (made,), of="range")
        if self.version >= 140000 and self.draw(st.booleans()):
            return Kind(
                f"{subtype}multirange",
                "text",
                st.lists(ranges, max_size=3).map(lambda r: "{" + ",".join(r) + "}"),
            )
        return Kind(f"{subtype}range", "text", ranges)


def composite_text(cells):
    return "(" + ",".join("" if cell is None else quote_part(cell) for cell in cells) + ")"


def number_ranges(bound, spell):
    ends = st.tuples(bound, bound).map(sorted)
    closed = st.tuples(st.sampled_from("[("), ends, st.sampled_from("])")).map(
        lambda r: f"{r[0]}{quote_part(spell(r[1][0]))},{quote_part(spell(r[1][1]))}{r[2]}"
    )
    half = st.tuples(bound, st.booleans()).map(
        lambda r: f"[{spell(r[0])!s},)" if r[1] else f"(,{quote_part(spell(r[0]))}]"
    )
    half = half.map(lambda text: text if " " not in text or '"' in text else f'["{text[1:-2]}",)')
    return st.one_of(closed, closed, half, st.sampled_from(["empty", "(,)"]))


def text_ranges():
    """Bounds in the order of their bytes, which is that of the collation C."""
    ends = st.tuples(TEXT, TEXT).map(lambda pair: sorted(pair, key=str.encode))
    return ends.map(lambda e: f"[{quote_part(e[0])},{quote_part(e[1])}]")


@st.composite
def array_texts(draw, item):
    shape = draw(st.one_of(st.lists(st.integers(1, 3), max_size=1), st.lists(st.integers(1, 3), max_size=4)))
    if not shape or draw(st.integers(0, 9)) == 0:
        return "{}"
    bounds = ""
    if draw(st.integers(0, 3)) == 0:
        lower = [draw(st.integers(-5, 5)) for _ in shape]
        bounds = "".join(f"[{low}:{low + size - 1}]" for low, size in zip(lower, shape)) + "="
    pool = draw(st.lists(st.one_of(st.none(), item.texts, item.texts), min_size=1, max_size=4))
    taken = iter(range(10**6))

    def spell(dimensions):
        if not dimensions:
            text = pool[next(taken) % len(pool)]
            return "NULL" if text is None else quote_part(text)
        return "{" + item.delimiter.join(spell(dimensions[1:]) for _ in range(dimensions[0])) + "}"

    return bounds + spell(shape)


# --- tables ---------------------------------------------------------------------------------------
@st.composite
def tables(draw, version, columns_max=30, rows_max=12):
    """
    Each column has a pool of values that its rows go through, for a value drawn for each cell would be
    more than hypothesis likes to draw.
    """
    schema = draw(name_of(50)) + " s"
    table = Table(schema, draw(NAME), [f"CREATE SCHEMA {values.name(schema)}"], [], [])
    maker = Maker(draw, schema, version)
    count = draw(st.one_of(st.integers(1, 6), st.integers(1, columns_max)))
    names = draw(st.lists(NAME, min_size=count, max_size=count, unique=True))
    row_count = draw(st.integers(0, rows_max))
    cells = []
    for name in names:
        kind = maker.kind(draw(st.sampled_from([2, 2, 2, 3, 4])))
        not_null = draw(st.integers(0, 3)) == 0
        nothing = [] if not_null else [st.none()]
        pool = draw(st.lists(st.one_of(kind.texts, kind.texts, *nothing), min_size=1, max_size=5))
        step = draw(st.integers(1, 3))
        literals = ["NULL" if text is None else values.literal(text) for text in pool]
        table.setup += kind.setup
        table.columns.append(Column(name, kind.sql, literals, kind.family, kind=kind))
        table.not_null.append(not_null)
        cells.append([literals[i * step % len(literals)] for i in range(row_count)])
    table.rows = list(zip(*cells)) if row_count else []
    return table


def create(db, table):
    for statement in dict.fromkeys(table.setup):  # a type that two columns share is made once
        db.execute(statement)
    definitions = ", ".join(
        f"{values.name(c.name)} {c.type}{' NOT NULL' if not_null else ''}"
        for c, not_null in zip(table.columns, table.not_null)
    )
    db.execute(f"CREATE TABLE {table.quoted} ({definitions})")
    if table.rows:
        lines = ", ".join("(" + ", ".join(row) + ")" for row in table.rows)
        db.execute(f"INSERT INTO {table.quoted} VALUES {lines}")


def drop(db, table):
    db.execute("SET client_min_messages = warning")
    db.execute(f"DROP SCHEMA IF EXISTS {values.name(table.schema)} CASCADE")
