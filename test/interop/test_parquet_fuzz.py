"""
Random schemas of random values, written by decant and read back: pyarrow and duckdb must give what was put into
the server, row by row. The seed is in the test's name, so that a finding can be repeated.
"""

import random

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support.parquet import read_duckdb

TEXTS = np.array(
    ["", "a", "label", "Łódź", "x" * 70, "日本" * 30, 'q"u,o\nte', "\U0001f600", "NULL", "\\N", "\x7f"],
    object,
)


def integers(width):
    def draw(rng, count):
        info = np.iinfo(f"int{width}")
        shape = rng.integers(0, 5)
        if shape == 0:  # anything
            return rng.integers(info.min, info.max, count, f"int{width}", endpoint=True)
        if shape == 1:  # the ends: differences overflow
            return rng.choice(np.array([info.min, info.max, 0, -1, 1], f"int{width}"), count)
        if shape == 2:  # ascending
            return np.sort(rng.integers(info.min, info.max, count, f"int{width}"))
        if shape == 3:  # runs
            return np.repeat(rng.integers(-100, 100, count // 50 + 1, f"int{width}"), 50)[:count]
        return rng.integers(-3, 9, count, f"int{width}")  # few

    return draw


def floats(kind):
    def draw(rng, count):
        bits = np.dtype(kind).itemsize * 8
        shape = rng.integers(0, 3)
        if shape == 0:  # any bits; one NaN is as good as another
            return rng.integers(0, 2**bits - 1, count, f"uint{bits}").view(kind)
        if shape == 1:
            return rng.choice(np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1.5], kind), count)
        return rng.normal(0, 1e6, count).astype(kind)

    return draw


def texts(rng, count):
    shape = rng.integers(0, 4)
    if shape == 0:
        return rng.choice(TEXTS, count)
    if shape == 1:  # a common prefix
        return np.array([f"https://example.org/{n}" for n in np.sort(rng.integers(0, 10**9, count))], object)
    if shape == 2:  # all lengths
        return np.array(["ß" * (n % 200) for n in range(count)], object)[rng.permutation(count)]
    return np.array([f"{n:x}" for n in rng.integers(0, 2**62, count)], object)


def decimals(precision, scale):
    def draw(rng, count):
        most = 10**precision - 1
        pick = random.Random(int(rng.integers(0, 2**31)))
        few = [pick.randint(-most, most) for _ in range(20)] + [most, -most, 0, 1, -1]
        unscaled = (
            pick.choices(few, k=count)
            if pick.random() < 0.5
            else [pick.randint(-most, most) for _ in range(count)]
        )
        return pa.array(unscaled, pa.decimal128(38, 0)).cast(pa.decimal128(38, 0)), scale

    return draw


# Name in SQL -> the Arrow type of its column, and how values are drawn.
KINDS = {
    "bool": (pa.bool_(), lambda rng, count: rng.random(count) < rng.choice([0.01, 0.5, 1.0])),
    "int2": (pa.int16(), integers(16)),
    "int4": (pa.int32(), integers(32)),
    "int8": (pa.int64(), integers(64)),
    "oid": (pa.uint32(), lambda rng, count: rng.integers(0, 2**32, count).astype("uint32")),
    "float4": (pa.float32(), floats("float32")),
    "float8": (pa.float64(), floats("float64")),
    "text": (pa.string(), texts),
    "bytea": (
        pa.binary(),
        lambda rng, count: np.array([rng.bytes(n) for n in rng.integers(0, 90, count)], object),
    ),
    "date": (pa.date32(), lambda rng, count: rng.integers(-700000, 2932896, count).astype("int32")),
    "timestamp": (pa.timestamp("us"), lambda rng, count: rng.integers(-(2**55), 2**57, count)),
    "numeric(9,2)": (pa.decimal128(9, 2), decimals(9, 2)),
    "numeric(18,6)": (pa.decimal128(18, 6), decimals(18, 6)),
    "numeric(19,0)": (pa.decimal128(19, 0), decimals(19, 0)),
    "numeric(38,12)": (pa.decimal128(38, 12), decimals(38, 12)),
}


def nulls(rng, count):
    shape = rng.integers(0, 7)
    if shape == 0:
        return np.ones(count, bool)
    if shape == 1:
        return np.arange(count) % 2 == 0
    if shape == 2:
        return rng.random(count) < 0.01
    if shape == 3:
        return rng.random(count) < 0.9
    if shape == 4:  # long runs
        return np.repeat(rng.random(count // 97 + 1) < 0.5, 97)[:count]
    return np.zeros(count, bool)


def column(rng, kind, count):
    arrow_type, draw = KINDS[kind]
    drawn, mask = draw(rng, count), nulls(rng, count)
    if pa.types.is_decimal(arrow_type):
        values = pa.Array.from_buffers(
            pa.decimal128(38, arrow_type.scale), count, drawn[0].buffers(), 0
        ).cast(arrow_type)
        return pc.if_else(pa.array(mask), pa.scalar(None, arrow_type), values)
    return pa.array(drawn, arrow_type, mask=mask)


def listed(rng, values):
    """An array of arrays that holds the values, in order: its lengths are random, zero and NULL among them."""
    lengths, left = [], len(values)
    while left > 0:
        lengths.append(int(min(left, rng.choice([0, 0, 1, 2, 3, 40]))))
        left -= lengths[-1]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype("int32")
    mask = (np.diff(offsets) == 0) & (rng.random(len(lengths)) < 0.5)
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(mask))


def lists(rng, kind, rows):
    """Of all the values that one column has, cut or filled up with NULL."""
    array = listed(rng, column(rng, kind, rows))
    return pa.concat_arrays([array[:rows], pa.nulls(max(0, rows - len(array)), array.type)])


def random_kinds(rng):
    """The first numbers the rows."""
    kinds = ["int4", *rng.choice(list(KINDS), int(rng.integers(1, 9)))]
    return kinds + [f"{kind}[]" for kind in rng.choice(list(KINDS), int(rng.integers(0, 3)))]


def random_columns(rng, kinds, rows):
    made = [
        lists(rng, kind[:-2], rows) if kind.endswith("[]") else column(rng, kind, rows) for kind in kinds[1:]
    ]
    return [pa.array(np.arange(rows, dtype="int32")), *made]


def random_table(seed, rows):
    """Names, SQL types and Arrow arrays."""
    rng = np.random.default_rng(seed)
    kinds = random_kinds(rng)
    return [f"c{i}" for i in range(len(kinds))], kinds, random_columns(rng, kinds, rows)


def create(db, table, names, kinds, columns):
    """NOT NULL where nothing speaks against it, for every other column."""
    not_null = [
        " NOT NULL" if array.null_count == 0 and i % 2 == 0 else "" for i, array in enumerate(columns)
    ]
    definitions = ", ".join(f"{n} {k}{c}" for n, k, c in zip(names, kinds, not_null))
    db.execute(f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} ({definitions})")


def fill(db, table, columns):
    with db.connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT csv, NULL 'NIL')") as copy:
        copy.write(csv_of(columns))


def csv_of(columns):
    lines = pc.binary_join_element_wise(*map(csv_text, columns), ",")
    return "".join(f"{line}\n" for line in lines.to_pylist()).encode()


def csv_text(array):
    """Each value as a CSV field that is quoted, or NIL."""
    if pa.types.is_list(array.type):
        text = list_text(array)
    else:
        text = scalar_text(array)
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
    return pc.fill_null(quoted, "NIL")


def scalar_text(array):
    kind = array.type
    if pa.types.is_binary(kind):
        return pa.array([None if v is None else f"\\x{v.hex()}" for v in array.to_pylist()], pa.string())
    if pa.types.is_date32(kind):
        return pa.array(day_texts(array.cast(pa.int32()).to_pylist()), pa.string())
    if pa.types.is_timestamp(kind):
        return pa.array(moment_texts(array.cast(pa.int64()).to_pylist()), pa.string())
    if pa.types.is_floating(kind):
        return pa.array([None if v is None else repr(v) for v in exact_floats(array)], pa.string())
    return array.cast(pa.string())


def exact_floats(array):
    """As doubles, which say a float exactly; with NaN apart from NULL."""
    values = pc.fill_null(array, 0).to_numpy(zero_copy_only=False).astype("float64")
    return [float(v) if ok else None for v, ok in zip(values, array.is_valid().to_pylist())]


def day_texts(days):
    return [
        None if d is None else str(np.datetime64(d, "D")) if d > -719528 else bc(str(np.datetime64(d, "D")))
        for d in days
    ]


def moment_texts(moments):
    return [
        None
        if m is None
        else (str if m > -719528 * 86400 * 10**6 else lambda v: bc(str(v)))(np.datetime64(m, "us")).replace(
            "T", " "
        )
        for m in moments
    ]


def bc(text):
    """numpy counts the years before 1 astronomically: 0 is 1 BC."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text)
    year, _, rest = rest.partition("-")
    return f"{1 - sign * int(year):04d}-{rest} BC"


def list_text(array):
    """PostgreSQL's array text: every item in double quotes."""
    items = iter(scalar_text(array.flatten()).to_pylist())
    texts = []
    for n in array.value_lengths().to_pylist():
        if n is None:
            texts.append(None)
            continue
        cells = [next(items) for _ in range(n)]
        quoted = [
            "NULL" if c is None else '"' + c.replace("\\", "\\\\").replace('"', '\\"') + '"' for c in cells
        ]
        texts.append("{" + ",".join(quoted) + "}")
    return pa.array(texts, pa.string())


def comparable(array):
    """What is equal exactly when the values are: floats as bits, nested values taken apart."""
    kind = array.type
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_list(kind):
        return [array.value_lengths(), *comparable(array.flatten())]
    if pa.types.is_floating(kind):
        width = kind.bit_width
        bits = np.where(np.isnan(v := pc.fill_null(array, 0).to_numpy(zero_copy_only=False)), np.nan, v)
        return [pc.if_else(array.is_valid(), pa.array(bits.astype(v.dtype).view(f"int{width}")), None)]
    if pa.types.is_date32(kind):
        return [array.cast(pa.int32())]
    if pa.types.is_timestamp(kind):
        return [array.cast(pa.int64())]
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return [array.cast(pa.string())]
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return [array.cast(pa.binary())]
    return [array]


def random_options(seed, rows):
    rng = np.random.default_rng([seed, 1])
    options = [
        f"profile={rng.choice(['portable', 'modern'])}",
        f"compression={rng.choice(['none', 'snappy', 'gzip:1', 'zstd:1', 'zstd:3', 'lz4_raw'])}",
        f"row-group-rows={rng.choice([max(1, rows // 300), rows // 7 + 1, rows, 10 * rows])}",
        f"page-rows={rng.choice([1 + rows // 1000, 7, 100, 20000])}",
        f"page-size={rng.choice(['1KiB', '4KiB', '1MiB'])}",
    ]
    return ",".join(map(str, options)), str(rng.choice([1, 2, 3]))


def check(db, decant, folder, seed, rows):
    names, kinds, columns = random_table(seed, rows)
    create(db, "fuzzed", names, kinds, columns)
    fill(db, "fuzzed", columns)
    options, lanes = random_options(seed, rows)
    path = folder / "fuzzed.parquet"
    decant("export", "--quiet", "--table", "fuzzed", "-o", path, "--lanes", lanes, "--parquet", options)
    check_file(decant, path, dict(zip(names, columns)), f"{kinds} {options} lanes {lanes}")


def check_file(decant, path, columns, how):
    decant("verify", path)  # readers that skip no pages do not see the page index
    readers = {
        "pyarrow": lambda: pq.ParquetFile(path, page_checksum_verification=True).read(),
        "duckdb": lambda: read_duckdb(path),
    }
    for reader, read in readers.items():
        table = read()
        # Short rows may lie before longer ones: the numbers say where each is.
        order = pc.sort_indices(table.column("c0"))
        for name, array in columns.items():
            got = comparable(table.column(name).take(order))
            for a, b in zip(comparable(array), got, strict=True):
                assert a.type == b.type, (reader, name, how, a.type, b.type)
                assert a.equals(b), f"{reader} {name} {how}: {first_difference(a, b)}"
    path.unlink()


def first_difference(a, b):
    if len(a) != len(b):
        return f"{len(b)} values, not {len(a)}"
    at = next(i for i, (x, y) in enumerate(zip(a.to_pylist(), b.to_pylist())) if x != y)
    return f"value {at} is {b[at]!r}, not {a[at]!r}"


@pytest.mark.parametrize("seed", range(12))
def test_random_tables_come_back(db, decant, tmp_path, seed):
    check(db, decant, tmp_path, seed, [1, 2, 9, 500, 3000][seed % 5])


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1060))
def test_random_tables_of_many_rows_come_back(db, decant, tmp_path, seed):
    check(db, decant, tmp_path, seed, [1000, 20000, 100000][seed % 3])


# --- millions of rows -----------------------------------------------------------------------------
BLOCK_ROWS = 60000
BLOCKS = 5


def fill_with_blocks(db, rng, kinds, rows):
    """
    A table of whole blocks, some alike, one behind the other; each has shapes of its own, so that row groups
    differ in what pays for them. Returns its columns.
    """
    names = [f"c{i}" for i in range(len(kinds))]
    blocks = [random_columns(rng, kinds, BLOCK_ROWS) for _ in range(BLOCKS)]
    together = [pa.concat_arrays(arrays) for arrays in zip(*blocks)]
    create(db, "many", names, kinds, together)
    for i, columns in enumerate(blocks):
        create(db, f"block{i}", names, kinds, columns)
        fill(db, f"block{i}", columns)
    chosen = rng.integers(0, BLOCKS, rows // BLOCK_ROWS)
    for n, block in enumerate(chosen):
        others = ", ".join(names[1:])
        db.execute(f"INSERT INTO many SELECT c0 + {n * BLOCK_ROWS}, {others} FROM block{block}")
    columns = {name: pa.chunked_array([blocks[k][i] for k in chosen]) for i, name in enumerate(names)}
    columns["c0"] = pa.chunked_array([pa.array(np.arange(rows, dtype="int32"))])
    return columns


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2000, 2008))
def test_random_tables_of_millions_of_rows_come_back(db, decant, tmp_path, seed):
    """Large row groups in little memory: what is finished of them lies in the temporary file."""
    rows = 33 * BLOCK_ROWS
    rng = np.random.default_rng(seed)
    kinds = random_kinds(rng)
    columns = fill_with_blocks(db, rng, kinds, rows)
    profile, codec = ("portable", "modern")[seed % 2], ("none", "snappy", "zstd:1")[seed % 3]
    group_rows = rng.choice([rows // 7, rows // 2, rows])
    options = f"profile={profile},compression={codec},row-group-rows={group_rows}"
    path = tmp_path / "many.parquet"
    arguments = ["--table", "many", "-o", path, "--lanes", "2", "--memory", "32MB", "--parquet", options]
    summary = decant("export", *arguments, "--json").summary
    assert summary["rows"] == rows and summary["peakMemoryBytes"] < 48 << 20
    check_file(decant, path, columns, f"{kinds} {options}")
