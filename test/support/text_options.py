"""
Options of the text formats, drawn at random, and what a file that was asked for with them must hold: by
COPY's own options, and by what the server says of every value.
"""

import re
from dataclasses import dataclass, field

from hypothesis import strategies as st

from . import values
from .command import as_option
from .oracle import NIL, element_value, parse_json, parse_xml

SIGNS = list(",;|\t '\"\\.:-+=/aN0~\x1f\x01")
ZONES = ["Europe/Berlin", "America/New_York", "Africa/Monrovia", "Asia/Kathmandu", "Etc/GMT+5", "-3"]
ZONES += ["+05:30"]
MOMENTS = ("timestamp", "timestamptz")
SPECIAL_NUMBERS = "('NaN', 'Infinity', '-Infinity')"
LARGEST = {
    "float4": "'3.4028235e38'::float4",
    "float8": "'1.7976931348623157e308'::float8",
    "numeric": "NULL::numeric",
}
POLICIES = ["error", "null", "string", "replace"]
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
HALF_PAIR = re.compile("[\ud800-\udfff]")


@dataclass
class Options:
    """What was asked for, by the options' names; those with the default's value are asked for, too."""

    group: str
    asked: dict
    special: str = "error"
    counts: dict = field(default_factory=dict)  # of special values, by column: the oracle's

    def __getitem__(self, name):
        return self.asked[name]

    @property
    def arguments(self):
        given = {name: as_option(str(value)) for name, value in self.asked.items() if value is not None}
        spelled = ",".join(f"{name}={value}" for name, value in given.items())
        return [f"--{self.group}", spelled, "--special", self.special]

    def count(self, column, number=1):
        if number:
            self.counts[column.name] = self.counts.get(column.name, 0) + number


def is_one_of(column, names):
    return column.kind.shape == "scalar" and column.kind.base_name in names


def boolean():
    return st.sampled_from(["true", "false"])


def styles():
    return {
        "timestamps": st.sampled_from(["postgresql", "iso"]),
        "zone": st.one_of(st.just("UTC"), st.sampled_from(ZONES)),
        "bytea": st.sampled_from(["hex", "base64"]),
    }


def base64_of(name):
    return f"replace(encode({name}, 'base64'), E'\\n', '')"


# --- CSV ------------------------------------------------------------------------------------------
@st.composite
def csv_options(draw, table):
    delimiter, quote = draw(st.lists(st.sampled_from(SIGNS), min_size=2, max_size=2, unique=True))
    null = st.text(st.sampled_from([*SIGNS, "L", "é"]), max_size=3)
    names = [column.name for column in table.columns]
    asked = {
        "delimiter": delimiter,
        "quote": quote,
        "escape": draw(st.none() | st.sampled_from([*SIGNS, quote])),
        "null": draw(st.none() | null.filter(lambda text: delimiter not in text and quote not in text)),
        "header": draw(boolean()),
        "newline": draw(st.sampled_from(["lf", "crlf"])),
        "bom": draw(boolean()),
    }
    force = draw(st.sampled_from([None, "all", "non-numeric", "columns"]))
    if force == "columns":
        forced = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        asked["force-quote-columns"] = ",".join(map(values.name, forced))
    elif force:
        asked["force-quote"] = force
    asked |= {name: draw(strategy) for name, strategy in styles().items()}
    return Options("csv", asked)


def csv_expression(column, o):
    name = values.name(column.name)
    if o["timestamps"] == "iso" and is_one_of(column, MOMENTS):
        return f"(to_json({name}) #>> '{{}}') AS {name}"
    if o["bytea"] == "base64" and is_one_of(column, ["bytea"]):
        return f"{base64_of(name)} AS {name}"
    return name


def copy_options(table, o):
    given = ["FORMAT csv", f"HEADER {o['header']}"]
    for name in ("delimiter", "quote", "escape", "null"):
        if o[name] is not None:
            given.append(f"{name.upper()} {values.literal(o[name])}")
    force = o.asked.get("force-quote-columns")
    if o.asked.get("force-quote") == "all":
        force = "*"
    elif "force-quote" in o.asked:
        force = ", ".join(values.name(c.name) for c in table.columns if not c.kind.is_number)
    if force:
        given.append("FORCE_QUOTE *" if force == "*" else f"FORCE_QUOTE ({force})")
    return ", ".join(given)


def expected_csv(db, table, o):
    expressions = ", ".join(csv_expression(column, o) for column in table.columns)
    statement = f"COPY (SELECT {expressions} FROM {table.quoted}) TO STDOUT ({copy_options(table, o)})"
    with db.zone(o["zone"]):
        lines = db.copied(statement)
    if o["header"] == "true" and o.asked.get("force-quote") == "non-numeric":
        quote, escape = o["quote"], o["escape"] or o["quote"]
        signs = f"[{re.escape(quote + escape)}]"
        escaped = [re.sub(signs, lambda m: escape + m[0], column.name) for column in table.columns]
        lines[0] = o["delimiter"].join(quote + name + quote for name in escaped).encode() + b"\n"
    end = b"\r\n" if o["newline"] == "crlf" else b"\n"
    return (b"\xef\xbb\xbf" if o["bom"] == "true" else b"") + b"".join(line[:-1] + end for line in lines)


# --- JSON -----------------------------------------------------------------------------------------
@st.composite
def json_options(draw):
    asked = {
        "numbers": draw(st.sampled_from(["number", "bigint-string", "string"])),
        "nulls": draw(st.sampled_from(["keep", "omit"])),
        **{name: draw(strategy) for name, strategy in styles().items()},
    }
    return Options("json", asked, draw(st.sampled_from(POLICIES)))


def json_is_quoted(column, o):
    wide = is_one_of(column, ("int8", "numeric"))
    return (o["numbers"] != "number" and wide) or (
        o["numbers"] == "string" and is_one_of(column, ("int2", "int4", "float4", "float8"))
    )


def json_expression(column, o):
    """The value's JSON, and whether it is one that JSON has no number for."""
    name = values.name(column.name)
    plain, special = name, "false"
    if json_is_quoted(column, o):
        plain = f"{name}::text"
    elif is_one_of(column, LARGEST):
        special = f"coalesce({name}::text IN {SPECIAL_NUMBERS}, false)"
        largest = LARGEST[column.kind.base_name]
        if o.special == "null":
            plain = f"CASE WHEN NOT {special} THEN {name} END"
        elif o.special == "replace":
            plain = f"""CASE {name}::text WHEN 'NaN' THEN NULL WHEN 'Infinity' THEN {largest}
                        WHEN '-Infinity' THEN -{largest} ELSE {name} END"""
    elif o["timestamps"] == "postgresql" and is_one_of(column, MOMENTS):
        plain = f"{name}::text"
    elif o["bytea"] == "base64" and is_one_of(column, ["bytea"]):
        plain = base64_of(name)
    return f"to_json({plain})::text, {special}, num_nulls({name}) > 0"


def expected_json(db, table, o):
    """The text of every row's object, line breaks between a json value's tokens and all."""
    keys = [db.value(f"SELECT to_json({values.literal(c.name)}::text)::text") for c in table.columns]
    expressions = ", ".join(json_expression(column, o) for column in table.columns)
    with db.zone(o["zone"]):
        rows = db.rows(f"SELECT {expressions} FROM {table.quoted}")
    lines = []
    for row in rows:
        members = []
        for i, (column, key) in enumerate(zip(table.columns, keys)):
            text, is_special, is_null = row[3 * i : 3 * i + 3]
            o.count(column, int(is_special))
            if not (o["nulls"] == "omit" and (is_null or text is None)):
                members.append(f"{key}:{'null' if text is None else text}")
        lines.append("{" + ",".join(members) + "}")
    return lines


# --- XML ------------------------------------------------------------------------------------------
NEAREST = {  # what `replace` makes of -infinity and infinity, by type, in PostgreSQL's spelling
    "date": ("4714-11-24 BC", "5874897-12-31"),
    "timestamp": ("4714-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999"),
    "timestamptz": ("4714-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00"),
}


@st.composite
def xml_options(draw):
    in_attributes = draw(st.booleans())
    asked = {
        "root": draw(st.sampled_from(["records", "r", "Zeilen", "日本", "a.b-c"])),
        "row": draw(st.sampled_from(["record", "x", "é", "_row"])),
        "values": "attributes" if in_attributes else "elements",
        "null": draw(st.sampled_from(["auto", "absent", "empty"] + ([] if in_attributes else ["xsi"]))),
        "json": draw(st.sampled_from(["auto", "text"] + ([] if in_attributes else ["nested"]))),
        "indent": draw(st.sampled_from([0, 0, 1, 8])),
        "declaration": draw(boolean()),
        **{name: draw(strategy) for name, strategy in styles().items()},
    }
    return Options("xml", asked, draw(st.sampled_from(POLICIES)))


def xml_expression(column, o):
    name = values.name(column.name)
    if column.family in ("json", "nested"):
        return f"CASE WHEN num_nulls({name}) = 0 THEN to_json({name})::text END"
    if column.family == "xml":
        return f"{name}::text"
    if column.family == "bytea":
        return base64_of(name) if o["bytea"] == "base64" else f"upper(encode({name}, 'hex'))"
    if column.family in NEAREST:  # the server's XML knows no infinite ones
        finite = f"{name}::text" if o["timestamps"] == "postgresql" else f"to_json({name}) #>> '{{}}'"
        return f"CASE WHEN isfinite({name}) THEN {finite} ELSE {name}::text END"
    return f"xmlforest({name} AS v)::text"


class XmlOracle:
    def __init__(self, options):
        self.o = options
        self.null = options["null"]
        if self.null == "auto":
            self.null = "absent" if options["values"] == "attributes" else "xsi"
        self.json_is_text = options["json"] == "text" or options["values"] == "attributes"

    def clean(self, column, text):
        if not NOT_XML.search(text):
            return text
        self.o.count(column)
        return NIL if self.o.special == "null" else NOT_XML.sub("\ufffd", text)

    def mend(self, column, text):
        """Half a surrogate pair: under every policy that is no error the same."""
        self.o.count(column, int(bool(HALF_PAIR.search(text))))
        return HALF_PAIR.sub("\ufffd", text)

    def infinite(self, column, text):
        self.o.count(column)
        if self.o.special == "null":
            return NIL
        if self.o.special != "replace":
            return text
        nearest = NEAREST[column.family][text == "infinity"]
        if column.family == "date" or self.o["timestamps"] == "postgresql":
            return nearest
        return re.sub(r"(\d) (\d)", r"\1T\2", nearest).replace("+00", "+00:00")

    def nest(self, column, value):
        """NIL, a text, or a list of (name, value)."""
        if value is None:
            return NIL
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, tuple):
            members = [(self.mend(column, key), self.nest(column, item)) for key, item in value[1]]
            return self.with_nulls(members) or ""
        if isinstance(value, list):
            return [("item", self.shown(self.nest(column, item))) for item in value] or ""
        return self.clean(column, self.mend(column, str(value)))

    def with_nulls(self, members):
        is_shown = self.null != "absent"
        return [(name, self.shown(value)) for name, value in members if is_shown or value != NIL]

    def shown(self, value):
        return "" if value == NIL and self.null != "xsi" else value

    def value(self, column, cell):
        if cell is None:
            return NIL
        if column.family in ("json", "nested") and not self.json_is_text:
            return self.nest(column, parse_json(cell))
        if column.family in ("json", "nested", "xml"):
            return self.clean(column, cell)
        if column.family in NEAREST:
            return self.infinite(column, cell) if "infinity" in cell else cell
        if column.family == "bytea":
            return cell
        cell = self.clean(column, cell)
        if cell == NIL:
            return NIL
        text = element_value(parse_xml(cell))
        return {"Infinity": "INF", "-Infinity": "-INF"}.get(text, text) if column.family == "float" else text

    def row(self, table, cells):
        found = [(column.name, self.value(column, cell)) for column, cell in zip(table.columns, cells)]
        return self.with_nulls(found)


def expected_xml_rows(db, table, o):
    """Every row as a list of (name, value)."""
    expressions = ", ".join(xml_expression(column, o) for column in table.columns)
    with db.zone(o["zone"]):
        rows = db.rows(f"SELECT {expressions} FROM {table.quoted}")
    oracle = XmlOracle(o)
    return [oracle.row(table, row) for row in rows]
