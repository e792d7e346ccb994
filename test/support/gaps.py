"""
What readers cannot do, by name: docs/parquet.md shows this table, and the tests hold it to be true. What is not in
it is compared value by value.
"""

from dataclasses import dataclass

from support.matrix import CODECS
from support.readers import Reader

# Whose word the others' is held against.
SERVER = Reader("the server", "", "", "", None)


@dataclass
class Gap:
    reader: str
    what: str  # as docs/parquet.md says it
    columns: object = None  # which columns of the matrix it concerns
    excuses: object = lambda want, read: (
        True
    )  # which differences in them: of the server's text and the reader's
    codecs: tuple = ()  # files in these codecs are not read
    profiles: tuple = ()  # only in these; none: in all
    is_fatal: bool = False  # with such a column the whole file is refused: it is read without


def is_decimal(column):
    return column.kind == "decimal"


def is_json(column):
    return column.kind == "json"


def is_nested(column):
    return not isinstance(column.kind, str) or column.kind == "hstore"


def without_marks(value):
    """The value, also a nested one, its texts without a byte order mark at their start."""
    if isinstance(value, str):
        return value.removeprefix("\ufeff")
    if isinstance(value, (list, tuple)):
        return type(value)(map(without_marks, value))
    if isinstance(value, dict):
        return {name: without_marks(field) for name, field in value.items()}
    return value


NAN = ("7fc00000", "7ff8000000000000")

GAPS = [
    Gap("DuckDB", "of names that differ in case alone, the second gets another (`XMLName_1`)",
        lambda c: c.name == "XMLName", is_fatal=True),
    Gap("fastparquet", "decimals become doubles", is_decimal),
    Gap("fastparquet", "JSON is parsed, which loses digits, spaces and doubled keys", is_json),
    Gap("fastparquet", "dates outside of 1677 to 2262 wrap around", lambda c: c.kind == "date"),
    Gap("fastparquet", "null in a column of floats becomes NaN", lambda c: c.kind in ("float4", "float8"),
        lambda want, read: want is None and read in NAN),
    Gap("fastparquet", "texts in plain pages become null where other pages of the column have a dictionary",
        lambda c: c.kind in ("text", "uuid", "time", "interval"), lambda want, read: read is None),
    Gap("fastparquet", "lists, groups and maps become columns of their leaves", is_nested, is_fatal=True),
    Gap("parquet-wasm", "a byte order mark at the start of a text is dropped",
        lambda c: c.kind == "text" or is_nested(c), lambda want, read: without_marks(want) == read),
    Gap("fastparquet", "no delta or split encodings: not the modern profile", codecs=CODECS, profiles=("modern",)),
    Gap("parquetjs", "no delta or split encodings: not the modern profile", codecs=CODECS, profiles=("modern",)),
    Gap("parquetjs", "no zstd, no lz4_raw", codecs=("zstd", "lz4_raw")),
    Gap("parquetjs", "lists, groups and maps keep their inner names; not compared", is_nested, is_fatal=True),
    Gap("parquetjs", "a file is refused where a name has a comma", lambda c: "," in c.name, is_fatal=True),
    Gap("parquetjs", "a file is refused where decimals have a dictionary", is_decimal, is_fatal=True),
    Gap("parquetjs", "oid (UINT 32) of 2147483648 and more becomes negative", lambda c: c.name == "oid",
        lambda want, read: int(want) == int(read) + 2**32),
    Gap("parquetjs", "dates and moments are JavaScript's: milliseconds, to the year 275760",
        lambda c: c.kind in ("date", "timestamp"),
        lambda want, read: read == "NaN" or int(read) % 1000 == 0 and abs(int(want) - int(read)) < 1000),
    Gap("parquetjs", "JSON is parsed, which loses digits, spaces and doubled keys", is_json),
]  # fmt: skip


def gaps_of(reader, profile):
    return [gap for gap in GAPS if gap.reader == reader and (not gap.profiles or profile in gap.profiles)]


def reads_codec(reader, codec, profile):
    return not any(codec in gap.codecs for gap in gaps_of(reader, profile))


def can_open(reader, column, profile):
    """Whether a file with such a column can be read at all."""
    return not any(gap.is_fatal and gap.columns(column) for gap in gaps_of(reader, profile))


def is_excused(reader, column, profile, want, read):
    return any(
        gap.columns and gap.columns(column) and gap.excuses(want, read) for gap in gaps_of(reader, profile)
    )


def differences(reader, columns, expected, rows, profile):
    """
    Where what a Reader gave differs from the server's texts, but for its gaps. A column of both is "row", whose
    difference says that rows are missing or in another order.
    """
    if rows.error:
        return [rows.error]
    if rows.names != ["row", *(c.name for c in columns)]:
        return [f"columns {rows.names}"]
    if rows.columns[0] != expected["row"]:
        return [f"{len(rows.columns[0])} rows, or not in the table's order"]
    found = []
    for column, read in zip(columns, rows.columns[1:]):
        for i, (want, text) in enumerate(zip(expected[column.name], read, strict=True)):
            want, text = SERVER.plain(column.kind, want), reader.plain(column.kind, text)
            if want != text and not is_excused(reader.name, column, profile, want, text):
                found.append(f"{column.name}, row {i}: {shown(text)}, not {shown(want)}")
                break
    return found


def shown(value):
    text = repr(value)
    return text if len(text) < 500 else f"{text[:500]}… ({len(text)} characters)"
