"""Reads Parquet with other people's readers, into Python values that can be compared with the server's."""

import io
import re
import struct
from decimal import Decimal

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq


def read_pyarrow(path, verify=True):
    return pq.ParquetFile(path, page_checksum_verification=verify).read()


def read_duckdb(path):
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.sql("SELECT * FROM read_parquet(?)", params=[str(path)]).to_arrow_table()


def read_polars(path):
    return polars.read_parquet(path).to_arrow()


EPOCH_US = 946_684_800_000_000  # PostgreSQL counts from 2000
READERS = {"pyarrow": read_pyarrow, "duckdb": read_duckdb, "polars": read_polars}


def parquet_file(data):
    return pq.ParquetFile(io.BytesIO(data), page_checksum_verification=True)


def column_values(column):
    """Dates as days and timestamps as microseconds, for Python's own types end at the year 9999."""
    if isinstance(column.type, pa.ExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    elif pa.types.is_timestamp(column.type):
        assert column.type.unit == "us", column.type
        column = column.cast(pa.int64())
    return column.to_pylist()


def float_bits(value):
    """Equal exactly where the doubles are: -0 is not 0, and one NaN is another."""
    return None if value is None else struct.pack(">d", value)


# In JSON's text: an escape that is a character or the whole of a pair, else half a pair.
ESCAPE = re.compile(
    r"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\[^u]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4})"
    r"|\\u[0-9a-fA-F]{4}"
)


def mend_pairs(json_text):
    """U+FFFD for the escapes of halves of surrogate pairs, of which no reader can make a character."""
    return ESCAPE.sub(lambda found: found[1] or "\ufffd", json_text)


def moment_us(sent):
    """Microseconds since 1970 from the server's binary form, in hexadecimal: exact in every version and year."""
    return int.from_bytes(bytes.fromhex(sent), signed=True) + EPOCH_US


# Per family of support/values.py: the server's text of a value, and the Python value that it stands for.
SERVER_TEXT = {
    "bool": ("{0}::text", lambda text: text == "true"),
    "int": ("{0}::text", int),
    "float": ("{0}::text", float),
    "decimal": ("{0}::text", Decimal),
    "date": ("({0} - '1970-01-01'::date)::text", int),
    "timestamp": ("encode(timestamp_send({0}), 'hex')", moment_us),
    "timestamptz": ("encode(timestamptz_send({0}), 'hex')", moment_us),
    "bytea": ("encode({0}, 'hex')", bytes.fromhex),
    "json": ("{0}::text", str),
    "xml": ("{0}::text", str),
    # The type's own output function: a cast would add a mask to inet and strip char(8).
    "text": ("CASE WHEN num_nulls({0}) = 0 THEN format('%s', {0}) END", str),
    "nested": ("CASE WHEN num_nulls({0}) = 0 THEN to_json({0})::text END", str),
}


def server_values(db, table, column, order=""):
    expression, convert = SERVER_TEXT[column.family]
    quoted = '"' + column.name.replace('"', '""') + '"'
    texts = db.column(f"SELECT {expression.format(quoted)} FROM {table} {order}")
    return [None if text is None else convert(text) for text in texts]
