"""The encodings of the modern profile, judged by readers that no one here wrote, against what the server itself says."""

import pyarrow.parquet as pq
import pytest
from support.parquet import READERS, column_values, float_bits, server_values
from support.values import Column

LARGEST, SMALLEST = 2**63 - 1, -(2**63)

# Each column's values by the row's number i, and which family it is compared as.
COLUMNS = {
    "rising": ("int8", "i", "int"),
    "falling": ("int4", "-i", "int"),
    "small": ("int2", "i % 7", "int"),
    "random": ("int4", "hashint4(i)", "int"),
    "extremes": ("int8", f"(CASE i % 3 WHEN 0 THEN {LARGEST} WHEN 1 THEN {SMALLEST} ELSE i END)::int8", "int"),
    "extremes4": ("int4", "(CASE i % 3 WHEN 0 THEN 2147483647 WHEN 1 THEN -2147483648 ELSE i END)::int4", "int"),
    "label": ("text", "'label ' || hashint4(i) % 50", "text"),
    "equal": ("int8", "42", "int"),
    "ids": ("oid", "4294967295 - i", "int"),
    "days": ("date", "date '2000-01-01' + hashint4(i) % 9000", "date"),
    "moment": ("timestamptz", "timestamptz '2020-01-01Z' + i * interval '1.000007 s'", "timestamptz"),
    "price": ("numeric(9,2)", "(hashint4(i) & 65535) / 100.0", "decimal"),
    "amount": ("numeric(18,4)", "hashint8(i) / 10000.0", "decimal"),
    "wide": ("numeric(30,2)", "i / 4.0", "decimal"),
    "single": ("float4", "(hashint4(i) / 1000.0)::float4", "float"),
    "measure": ("float8", "CASE i % 100 WHEN 1 THEN 'NaN' WHEN 2 THEN '-0' WHEN 3 THEN '-Infinity' ELSE (i / 7.0)::float8 END", "float"),
    "ratio": ("float8", "1 + (hashint4(i) & 65535) / 65536.0 + i * 1e-9", "float"),
    "path": ("text", "'/srv/files/' || lpad((i / 40)::text, 8, '0') || '/part-' || i % 40", "text"),
    "words": ("text", "md5(i::text) || repeat('x', i % 50)", "text"),
    "empty": ("text", "''", "text"),
    "doc": ("jsonb", "jsonb_build_object('n', i, 'city', 'Łódź', 'score', hashint4(i))", "json"),
    "raw": ("bytea", "decode(md5(i::text), 'hex')", "bytea"),
    "large": ("text", "CASE WHEN i % 3000 = 7 THEN repeat(md5(i::text), 60000) ELSE i::text END", "text"),
    "nothing": ("int8", "NULL", "int"),
    "flag": ("bool", "i % 3 = 0", "bool"),
}
ROWS = 12000


def create(db, table, rows, cell):
    names = ", ".join(f"{name} {kind}" for name, (kind, _, _) in COLUMNS.items())
    cells = ", ".join(cell(f"({expression})::{kind}") for kind, expression, _ in COLUMNS.values())
    db.execute(f"CREATE TABLE {table} ({names})")
    db.execute(f"INSERT INTO {table} SELECT {cells} FROM generate_series(1, {rows}) i")
    db.execute(f"VACUUM ANALYZE {table}")


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    create(db, "whole", ROWS, lambda cell: cell)
    create(db, "holey", ROWS, lambda cell: f"CASE WHEN hashint4(i + 5) % 3 = 0 THEN {cell} END")
    create(db, "single", 1, lambda cell: cell)


@pytest.fixture
def write(decant, tmp_path):
    def export(table, options):
        path = tmp_path / f"{table}.parquet"
        decant("export", "--quiet", "-o", path, "--table", table, "--parquet", "profile=modern," + options)
        return path

    return export


def assert_reads_back(db, path, table):
    expected = {name: server_values(db, table, Column(name, kind, [], family)) for name, (kind, _, family) in COLUMNS.items()}
    for reader, read in READERS.items():
        found = read(path)
        assert found.column_names == list(COLUMNS), reader
        for name, (kind, _, family) in COLUMNS.items():
            values, wanted = column_values(found.column(name)), expected[name]
            if family == "json":
                values = [v.decode() if isinstance(v, bytes) else v for v in values]
            if family == "float" and kind == "float4":
                pairs = [(v, w) for v, w in zip(values, wanted)]
                assert all((v is None) == (w is None) and (v is None or abs(v - w) <= abs(w) * 1e-6) for v, w in pairs)
                continue
            if family == "float":
                values, wanted = list(map(float_bits, values)), list(map(float_bits, wanted))
            assert values == wanted, (reader, name)


@pytest.mark.parametrize("table", ["whole", "holey", "single"])
@pytest.mark.parametrize(
    "options",
    ["compression=zstd", "compression=none,dictionary=false", "compression=snappy,page-rows=130,row-group-rows=5000"],
)
def test_every_encoding_gives_the_values_of_the_server_in_every_reader(db, write, table, options):
    assert_reads_back(db, write(table, options), table)


def encodings(path):
    metadata, found = pq.ParquetFile(path).metadata, {}
    for g in range(metadata.num_row_groups):
        for c in range(metadata.num_columns):
            chunk = metadata.row_group(g).column(c)
            found.setdefault(chunk.path_in_schema, set()).update(set(chunk.encodings) - {"RLE"})
    return found


def test_each_column_takes_the_encoding_that_suits_its_values(write):
    found = encodings(write("whole", "compression=zstd"))
    assert found["rising"] == {"DELTA_BINARY_PACKED"}
    assert found["falling"] == {"DELTA_BINARY_PACKED"}
    assert found["moment"] == {"DELTA_BINARY_PACKED"}
    assert found["ratio"] == {"BYTE_STREAM_SPLIT"}
    # DuckDB before 2.0 takes no other split values than floats.
    for name, (kind, _, _) in COLUMNS.items():
        assert kind.startswith("float") or "BYTE_STREAM_SPLIT" not in found[name], name
    assert found["path"] == {"DELTA_BYTE_ARRAY"}
    assert found["words"] <= {"DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"}
    assert "RLE_DICTIONARY" in found["label"]
    # Several readers take no other encoding of fixed byte arrays and booleans.
    assert found["wide"] == {"PLAIN"} and found["flag"] == {"PLAIN"}


def test_the_portable_profile_uses_no_encoding_that_a_reader_may_lack(db, decant, tmp_path):
    path = tmp_path / "portable.parquet"
    decant("export", "--quiet", "-o", path, "--table", "whole")
    assert set().union(*encodings(path).values()) <= {"PLAIN", "RLE_DICTIONARY"}
    assert_reads_back(db, path, "whole")


def without_moment(path):
    moment = pq.ParquetFile(path).metadata.metadata[b"decant.snapshot"]
    return path.read_bytes().replace(moment, b"")


def test_the_same_rows_make_the_same_file(write):
    """No trial depends on row groups that the same lane has made before."""
    options = "row-group-rows=3000"
    assert without_moment(write("whole", options)) == without_moment(write("whole", options))
