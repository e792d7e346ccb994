"""
The text of a value that all readers of Parquet are compared by (test/interop/readers/README.md): as the server
says it, in SQL, and as an Arrow array holds it.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# In two parts, which doubles hold: that is what extract gives before PostgreSQL 14.
EPOCH_MICROSECONDS = (
    "(extract(epoch FROM date_trunc('minute', {0}))::numeric * 1000000 + extract(microseconds FROM {0})::numeric)"
    "::numeric(40,0)::text"
)
NAN_BITS = {"float4": "7fc00000", "float8": "7ff8000000000000"}

# Its months, days and microseconds, which are told apart by nothing but the fields of its text.
INTERVAL_PARTS = """CASE WHEN {0} IS NOT NULL THEN json_build_object(
  'months', (extract(year FROM {0}) * 12 + extract(month FROM {0}))::int8::text, 'days', extract(day FROM {0})::int8::text,
  'micros', (extract(hour FROM {0}) * 3600000000 + extract(minute FROM {0}) * 60000000
             + extract(microseconds FROM {0}))::int8::text) END"""

# Where a type has one in Parquet, and is not text.
TYPED_SQL = {"time": EPOCH_MICROSECONDS, "interval": INTERVAL_PARTS}

# Per family: the server's expression.
SQL = {
    "bool": "{0}::text",
    "int": "{0}::text",
    "float4": "CASE WHEN {0} = 'NaN' THEN '7fc00000' ELSE encode(float4send({0}), 'hex') END",
    "float8": "CASE WHEN {0} = 'NaN' THEN '7ff8000000000000' ELSE encode(float8send({0}), 'hex') END",
    "decimal": "{0}::text",
    "date": "({0} - '1970-01-01'::date)::text",
    "timestamp": EPOCH_MICROSECONDS,
    "bytea": "encode({0}, 'hex')",
    "json": "{0}::text",
    "uuid": "replace({0}::text, '-', '')",
    "time": "{0}::text",
    "interval": "{0}::text",
    # The type's own output function: a cast would add a mask to inet and strip char(8).
    "text": "CASE WHEN num_nulls({0}) = 0 THEN format('%s', {0}) END",
}


def server_sql(kind, expression, is_typed=False, depth=0):
    """The SQL of a value's text; for nested kinds of its JSON. kind: a family, ("array", kind),
    ("row", {name: kind}) or "hstore". is_typed: time is TIME and an interval a group, not STRING."""
    if kind == "hstore":
        pairs = f"SELECT json_agg(json_build_array(key, value)) FROM each({expression})"
        return f"CASE WHEN num_nulls({expression}) = 0 THEN coalesce(({pairs}), '[]') END"
    if isinstance(kind, str):
        return (TYPED_SQL if is_typed and kind in TYPED_SQL else SQL)[kind].format(expression)
    if kind[0] == "array":
        at = f"i{depth}"
        item = server_sql(kind[1], f"({expression})[{at}]", is_typed, depth + 1)
        items = f"SELECT json_agg({item} ORDER BY {at}) FROM generate_subscripts({expression}, 1) {at}"
        return f"CASE WHEN num_nulls({expression}) = 0 THEN coalesce(({items}), '[]') END"
    fields = ", ".join(
        f"'{name}', {server_sql(field, f'({expression}).{name}', is_typed, depth)}"
        for name, field in kind[1].items()
    )
    return f"CASE WHEN num_nulls({expression}) = 0 THEN json_build_object({fields}) END"


def hex_bits(array):
    """Each float by its bits, the sign first; every NaN as one."""
    width = array.type.bit_width // 8
    numbers = pc.fill_null(array, 0).to_numpy(zero_copy_only=False)
    text = numbers.astype(f">f{width}").tobytes().hex()
    nan = NAN_BITS[f"float{width}"]
    valid = array.is_valid().to_pylist()
    return [
        (nan if np.isnan(number) else text[i * width * 2 : (i + 1) * width * 2]) if is_valid else None
        for i, (number, is_valid) in enumerate(zip(numbers, valid))
    ]


def list_texts(array):
    values = iter(arrow_texts(array.flatten()))
    lengths = array.value_lengths().to_pylist()
    return [None if n is None else [next(values) for _ in range(n)] for n in lengths]


def map_texts(array):
    entries = pa.StructArray.from_arrays([array.keys, array.items], ["key", "value"])
    listed = pa.ListArray.from_arrays(array.offsets, entries, mask=array.is_null())
    return [
        row and [[entry["key"], entry["value"]] for entry in row] if row is not None else None
        for row in list_texts(listed)
    ]


def struct_texts(array):
    names = [field.name for field in array.type]
    columns = [arrow_texts(child) for child in array.flatten()]
    valid = array.is_valid().to_pylist()
    return [
        dict(zip(names, (column[i] for column in columns))) if is_valid else None
        for i, is_valid in enumerate(valid)
    ]


def arrow_texts(array):
    """The texts of an Arrow array."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return arrow_texts(array.storage)
    if pa.types.is_dictionary(kind):
        return arrow_texts(array.dictionary_decode())
    if pa.types.is_map(kind):
        return map_texts(array)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return list_texts(array)
    if pa.types.is_struct(kind):
        return struct_texts(array)
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        return hex_bits(array)
    if pa.types.is_decimal(kind):
        return [None if value is None else format(value, "f") for value in array.to_pylist()]
    if pa.types.is_date32(kind):
        array = array.cast(pa.int32())
    elif pa.types.is_time64(kind):  # polars has nanoseconds
        array = array.cast(pa.time64("us")).cast(pa.int64())
    elif pa.types.is_timestamp(kind):
        assert kind.unit == "us", kind
        array = array.cast(pa.int64())
    if pa.types.is_boolean(array.type) or pa.types.is_integer(array.type):
        return array.cast(pa.string()).to_pylist()
    values = array.to_pylist()
    return [value.hex() if isinstance(value, bytes) else value for value in values]


def table_texts(table):
    """The columns of a table as texts, in order."""
    return [[text for chunk in column.chunks for text in arrow_texts(chunk)] for column in table.columns]
