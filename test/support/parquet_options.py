"""
Options of Parquet, drawn at random, and what a column must hold that was asked for with them: made of the
text that the server's output functions write, by the column's type.
"""

import struct
from decimal import Decimal
from functools import partial

import pyarrow as pa
from hypothesis import strategies as st

from . import server_text, values
from .parquet import float_bits, mend_pairs
from .text_options import Options

DATE_MAX = 2**31 - 1
MICROS_MAX = 2**63 - 1
DOUBLE_MAX = float.fromhex("0x1.fffffffffffffp1023")
# What decant reads in binary within arrays and composites; the server takes apart what holds others.
READ_IN_BINARY = {
    *("bool", "int2", "int4", "int8", "oid", "float4", "float8", "numeric", "bytea", "uuid", "json", "jsonb"),
    *("text", "varchar", "char", "name", "citext", "refcursor", "enum"),
    *("date", "time", "timestamp", "timestamptz"),
}


@st.composite
def parquet_options(draw, nested=("list", "list", "json")):
    choices = {
        "profile": ["portable", "modern"],
        "compression": ["zstd:1", "zstd:6", "snappy", "gzip:1", "lz4_raw", "none"],
        "row-group-rows": [1, 2, 5, 1000000],
        "page-size": ["1KiB", "4MiB"],
        "page-rows": [1, 3, 20480],
        "uuid": ["auto", "string", "uuid"],
        "time": ["auto", "string", "time"],
        "interval": ["auto", "string", "struct"],
        "numeric": ["string", "string", "double", "decimal:38:9", "decimal:12:0"],
        "dictionary": ["true", "false"],
        "statistics": ["true", "false"],
        "page-index": ["true", "false"],
        "bloom": ["none", "auto"],
        "nested": list(nested),
    }
    asked = {name: draw(st.sampled_from(some)) for name, some in choices.items()}
    policy = draw(st.sampled_from(["error", "null", "null", "replace", "replace", "string"]))
    return Options("parquet", asked, policy)


class Refused(Exception):
    """The policy has nothing to write for the value."""


class AnyOf:
    """Equals each of the forms that readers give a value: a UUID is bytes, and text in DuckDB."""

    def __init__(self, *forms):
        self.forms = forms

    def __eq__(self, other):
        return other in self.forms

    def __repr__(self):
        return repr(self.forms)


class ParquetOracle:
    """Python values of the columns, as `plain` gives those that a reader has read; counts what is special."""

    def __init__(self, options, server_version):
        self.o = options
        self.knows_infinite_intervals = server_version >= 170000
        self.modern = options["profile"] == "modern"
        self.count = 0

    def has_own(self, name):
        return self.o[name] == name or (self.o[name] == "auto" and self.modern)

    def splits_intervals(self):
        return self.o["interval"] == "struct" or (self.o["interval"] == "auto" and self.modern)

    def is_text(self, kind):
        """Is the column JSON text, be it asked for or as the server cannot take its arrays of arrays apart?"""
        return kind.shape != "scalar" and (self.o["nested"] == "json" or has_mixed_lists(kind, self))

    def special(self, replacement=None):
        if self.o.special == "null":
            self.count += 1
            return None
        if replacement is None or self.o.special == "error":
            raise Refused
        self.count += 1
        return replacement

    def value(self, kind, text):
        if text is None:
            return None
        read = {"scalar": self.scalar, "list": self.list, "struct": self.struct, "map": self.map}
        return read[kind.shape](kind, text)

    def list(self, kind, text):
        if kind.base_name in ("int2vector", "oidvector"):
            return [int(item) for item in text.split()]
        (item,) = kind.parts
        lower, texts = server_text.array_parts(text, item.delimiter)
        if len(lower) > 1 or (len(lower) == 1 and lower[0] != 1):
            can_replace = len(lower) == 1 and not is_taken_apart(kind, self)
            if self.special(True if can_replace else None) is None:
                return None
        return [self.value(item, part) for part in texts]

    def struct(self, kind, text):
        fields = server_text.row_fields(text)
        return [self.value(part, field) for part, field in zip(kind.parts, fields, strict=True)]

    def map(self, kind, text):
        return server_text.hstore_pairs(text)

    def scalar(self, kind, text):
        if kind.family in ("date", "timestamp", "timestamptz"):
            return self.moment(kind, text)
        if kind.family == "decimal":
            return self.special() if text == "NaN" else Decimal(text)
        if kind.base_name == "numeric" and kind.base == "numeric" and self.o["numeric"] != "string":
            return self.fitted(text)
        if kind.base_name == "time" and self.has_own("time"):
            return self.special(86_399_999_999) if text == "24:00:00" else server_text.time_us(text)
        if kind.base_name == "interval" and self.splits_intervals():
            return server_text.interval_parts(text)
        if kind.base_name == "uuid" and self.has_own("uuid"):
            return AnyOf(bytes.fromhex(text.replace("-", "")), text)
        if kind.family == "json":
            return self.json(text)
        return PLAIN.get(kind.base_name, str)(text)

    def moment(self, kind, text):
        is_date = kind.family == "date"
        last = DATE_MAX if is_date else MICROS_MAX
        if "infinity" in text:
            return self.special(-last if text[0] == "-" else last)
        number = server_text.day_number(text) if is_date else server_text.moment_number(text)
        return self.special(last) if number > last else number

    def fitted(self, text):
        """A numeric without precision as a double, or as a decimal that may be too small for it."""
        if self.o["numeric"] == "double":
            value = float(text)
            if abs(value) == float("inf"):
                return self.special_bits(value)
            return float_bits(value)
        if text == "NaN":
            return self.special()
        _, precision, scale = self.o["numeric"].split(":")
        before, _, behind = text.lstrip("-0").partition(".")
        if len(before) > int(precision) - int(scale):
            largest = "9" * (int(precision) - int(scale)) + "." + "9" * int(scale)
            return self.special(Decimal("-" + largest if text[0] == "-" else largest))
        return Decimal(text) if len(behind.rstrip("0")) <= int(scale) else self.special()

    def special_bits(self, value):
        clamped = self.special(-DOUBLE_MAX if value < 0 else DOUBLE_MAX)
        return None if clamped is None else float_bits(clamped)

    def json(self, text):
        mended = mend_pairs(text)
        return text if mended == text else self.special(mended)


def as_float4(text):
    return float_bits(struct.unpack("<f", struct.pack("<f", float(text)))[0])


PLAIN = {
    "bool": lambda text: text == "t",
    "int2": int,
    "int4": int,
    "int8": int,
    "oid": int,
    "float4": as_float4,
    "float8": lambda text: float_bits(float(text)),
    "bytea": lambda text: bytes.fromhex(text[2:]),
}


def is_taken_apart(kind, oracle):
    if kind.base_name == "interval" and oracle.splits_intervals():
        return False
    if kind.shape == "scalar":
        return kind.base_name not in READ_IN_BINARY
    return any(is_taken_apart(part, oracle) for part in kind.parts)


def has_mixed_lists(kind, oracle):
    """Arrays of arrays (through a domain) of a type that has to be taken apart."""
    if kind.shape == "list" and kind.parts and kind.parts[0].shape == "list" and is_taken_apart(kind, oracle):
        return True
    return is_taken_apart(kind, oracle) and any(has_mixed_lists(part, oracle) for part in kind.parts)


def can_be_special_without_text(kind, oracle):
    """Does --special string have no text to write in place of such a column's values?"""
    if oracle.is_text(kind) or kind.shape == "map":
        return False
    if kind.shape == "list":
        return True
    if kind.shape == "struct":
        return any(can_be_special_without_text(part, oracle) for part in kind.parts)
    fitted = kind.base == "numeric" and oracle.o["numeric"] != "string"
    own_time = kind.base_name == "time" and oracle.has_own("time")
    own_interval = kind.base_name == "interval" and oracle.splits_intervals() and oracle.knows_infinite_intervals
    return kind.family in ("decimal", "date", "timestamp", "timestamptz") or fitted or own_time or own_interval


# --- what was read --------------------------------------------------------------------------------
def plain(array):
    """Values of a column of any depth: structs as lists of their fields, maps as lists of pairs."""
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in plain(chunk)]
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain(array.storage)
    if pa.types.is_map(kind):
        return array.to_pylist()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        # Not by array.flatten(), which cannot make an array of no JSON where all lists are NULL.
        items, ends, valid = plain(array.values), array.offsets.to_pylist(), array.is_valid().to_pylist()
        return [items[a:b] if is_valid else None for a, b, is_valid in zip(ends, ends[1:], valid)]
    if pa.types.is_struct(kind):
        rows, valid = list(zip(*map(plain, array.flatten()))), array.is_valid().to_pylist()
        return [list(row) if is_valid else None for row, is_valid in zip(rows, valid, strict=True)]
    return plain_scalars(array)


def json_as_text(kind, value):
    """A value whose annotated JSON is text, which some readers give as bytes, wherever in it that stands."""
    if isinstance(value, bytes) and (kind.family == "json" or kind.shape != "scalar"):
        return value.decode()
    if not isinstance(value, list) or not kind.parts:
        return value
    parts = kind.parts if kind.shape == "struct" else list(kind.parts) * len(value)
    return [json_as_text(part, item) for part, item in zip(parts, value, strict=True)]


def plain_scalars(array):
    kind = array.type
    if pa.types.is_date32(kind):
        array = array.cast(pa.int32())
    elif pa.types.is_timestamp(kind):
        assert kind.unit == "us", kind
        array = array.cast(pa.int64())
    elif pa.types.is_time64(kind):
        unit = {"us": 1, "ns": 1000}[kind.unit]
        return [None if v is None else v // unit for v in array.cast(pa.int64()).to_pylist()]
    elif pa.types.is_floating(kind):
        return list(map(float_bits, array.to_pylist()))
    return array.to_pylist()


def expression(column, oracle):
    name = values.name(column.name)
    if oracle.is_text(column.kind):
        return f"CASE WHEN num_nulls({name}) = 0 THEN to_json({name})::text END"
    return f"CASE WHEN num_nulls({name}) = 0 THEN format('%s', {name}) END"


def expected_columns(db, table, o):
    """The values of every column. Refused: no file can hold them."""
    oracle = ParquetOracle(o, db.version)
    expressions = ", ".join(expression(column, oracle) for column in table.columns)
    rows = db.rows(f"SELECT {expressions} FROM {table.quoted}")
    columns = []
    for i, column in enumerate(table.columns):
        before = oracle.count
        read = oracle.json if oracle.is_text(column.kind) else partial(oracle.value, column.kind)
        columns.append([None if row[i] is None else read(row[i]) for row in rows])
        o.count(column, oracle.count - before)
    return columns
