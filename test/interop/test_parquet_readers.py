"""Parquet, judged by readers that no one here wrote, against what the server itself says."""

from decimal import Decimal

import duckdb
import fastparquet
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import values
from support.parquet import (
    READERS,
    SERVER_TEXT,
    column_values,
    float_bits,
    parquet_file,
    read_pyarrow,
    server_values,
)

CODECS = {"zstd": "ZSTD", "snappy": "SNAPPY", "gzip": "GZIP", "none": "UNCOMPRESSED"}
# What the file is to say of each column: physical type, logical type as pyarrow prints it.
SCHEMA = {
    "a_bool": ("BOOLEAN", "None"),
    "a_int2": ("INT32", "Int(bitWidth=16, isSigned=true)"),
    "a_int4": ("INT32", None),
    "a_int8": ("INT64", None),
    "an_oid": ("INT32", "Int(bitWidth=32, isSigned=false)"),
    "a_float4": ("FLOAT", "None"),
    "a_float8": ("DOUBLE", "None"),
    "a_numeric": ("BYTE_ARRAY", "String"),
    "a_numeric_9_2": ("INT32", "Decimal(precision=9, scale=2)"),
    "a_numeric_18_4": ("INT64", "Decimal(precision=18, scale=4)"),
    "a_numeric_38_10": ("FIXED_LEN_BYTE_ARRAY", "Decimal(precision=38, scale=10)"),
    "a_numeric_60_5": ("BYTE_ARRAY", "String"),
    "a_numeric_5_m2": ("INT32", "Decimal(precision=7, scale=0)"),
    "a_numeric_3_5": ("INT32", "Decimal(precision=5, scale=5)"),
    "a_text": ("BYTE_ARRAY", "String"),
    "a_char": ("BYTE_ARRAY", "String"),
    "a_json": ("BYTE_ARRAY", "JSON"),
    "a_jsonb": ("BYTE_ARRAY", "JSON"),
    "a_bytea": ("BYTE_ARRAY", "None"),
    "a_date": ("INT32", "Date"),
    "a_timestamp": ("INT64", "Timestamp(isAdjustedToUTC=false, timeUnit=microseconds"),
    "a_timestamptz": ("INT64", "Timestamp(isAdjustedToUTC=true, timeUnit=microseconds"),
    "a_time": ("BYTE_ARRAY", "String"),
    "a_uuid": ("BYTE_ARRAY", "String"),
    "an_enum": ("BYTE_ARRAY", "String"),
    "an_inet": ("BYTE_ARRAY", "String"),
    "a_money": ("BYTE_ARRAY", "String"),
}


def made_of(db):
    return [values.Column("id", "int4", [], "int"), *values.columns(db.version)]


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute(values.TYPES_SQL)
    columns = values.columns(db.version)
    values.create_table(db, "all_types", columns)
    values.create_table(db, "all_not_null", columns, not_null=True)
    values.create_table(db, "one_row", columns, rows=1, not_null=True)
    db.execute("CREATE TABLE no_rows (LIKE all_types)")
    definitions = ", ".join(f"c{i} {('int', 'text', 'numeric(9,2)')[i % 3]}" for i in range(1600))
    db.execute(f"CREATE TABLE widest ({definitions})")
    cells = ", ".join(("i", "'t' || i", "1.50")[i % 3] if i % 5 else "NULL" for i in range(1600))
    db.execute(f"INSERT INTO widest SELECT {cells} FROM generate_series(1, 50) i")
    names = ", ".join(f"{values.name(n)} int" for n in values.NASTY_NAMES)
    db.execute(f"CREATE TABLE odd_names ({names})")
    db.execute(f"INSERT INTO odd_names VALUES ({', '.join(str(i) for i in range(len(values.NASTY_NAMES)))})")
    db.execute("""CREATE TABLE many (id int8 NOT NULL, few text NOT NULL, distinct_text text, amount numeric(18,4),
                                     moment timestamptz, measure float8, doc jsonb, flag bool, empty text)""")
    db.execute("""INSERT INTO many SELECT i, 'label ' || i % 20, CASE WHEN i % 3 > 0 THEN md5(i::text) END,
                    CASE WHEN i % 1000 < 900 THEN i * 1.25 - 100000 END, timestamptz '2020-01-01' + i * interval '1 second',
                    CASE WHEN i % 2 = 0 THEN i / 7.0 END, jsonb_build_object('n', i, 'city', 'Łódź'), i % 5 = 0, NULL
                  FROM generate_series(1, 300000) i""")
    db.execute("VACUUM ANALYZE many")


@pytest.fixture
def write(decant, tmp_path):
    """Exports to a file and gives its path."""

    def export(*arguments, **options):
        path = tmp_path / f"export{len(list(tmp_path.iterdir()))}.parquet"
        decant("export", "--quiet", "-o", path, *arguments, **options)
        return path

    return export


def assert_same(read, expected, column):
    if column.family == "float":
        read, expected = list(map(float_bits, read)), list(map(float_bits, expected))
    if column.family == "json":  # some readers give annotated JSON as text, some as bytes
        read = [value.decode() if isinstance(value, bytes) else value for value in read]
    assert read == expected, column.name


def expected_of(db, table, column):
    expected = server_values(db, table, column)
    if column.type == "float4":  # the text is that of a float4, the reader gives it as a double
        return [None if v is None else pa.scalar(v, pa.float32()).as_py() for v in expected]
    return expected


@pytest.mark.parametrize("table", ["all_types", "all_not_null", "one_row"])
@pytest.mark.parametrize("codec", CODECS)
def test_every_type_has_the_values_of_the_server_in_every_reader(db, write, table, codec):
    # Some of the arrays are no LIST: test_nested_parquet.py has nested values.
    path = write("--table", table, "--parquet", f"compression={codec},nested=json")
    for name, reader in READERS.items():
        read = reader(path)
        assert read.column_names == [column.name for column in made_of(db)], name
        for column in made_of(db):
            if column.family != "nested":
                assert_same(column_values(read.column(column.name)), expected_of(db, table, column), column)


@pytest.mark.parametrize("codec", CODECS)
def test_the_codec_asked_for_is_the_one_in_the_file(write, codec):
    metadata = pq.ParquetFile(write("--table", "many", "--parquet", f"compression={codec}")).metadata
    used = {
        metadata.row_group(g).column(c).compression
        for g in range(metadata.num_row_groups)
        for c in range(metadata.num_columns)
    }
    # A chunk that does not shrink may stay as it is.
    assert CODECS[codec] in used and used <= {CODECS[codec], "UNCOMPRESSED"}


def test_each_column_is_typed_as_documented(db, write):
    schema = pq.ParquetFile(write("--table", "all_types", "--parquet", "nested=json")).schema
    found = {schema.column(i).name: schema.column(i) for i in range(len(schema))}
    for name, (physical, logical) in SCHEMA.items():
        if name not in found:
            assert db.version < 150000
            continue
        assert found[name].physical_type == physical, name
        if logical is not None:
            assert str(found[name].logical_type).startswith(logical), (name, str(found[name].logical_type))


def test_a_decimal_takes_the_least_width_that_holds_it(write):
    columns = ", ".join(f"0::numeric({p}) AS p{p}" for p in range(1, 39))
    schema = pq.ParquetFile(write("--query", f"SELECT {columns}")).schema
    for i, precision in enumerate(range(1, 39)):
        column = schema.column(i)
        if precision <= 9:
            assert column.physical_type == "INT32"
        elif precision <= 18:
            assert column.physical_type == "INT64"
        else:
            assert column.physical_type == "FIXED_LEN_BYTE_ARRAY"
            # The least n with 10^precision - 1 <= 2^(8n - 1) - 1.
            assert column.length == next(n for n in range(1, 17) if 10**precision <= 2 ** (8 * n - 1))


def test_columns_that_are_not_null_are_required_and_others_optional(write):
    for table, level in (("all_not_null", 0), ("all_types", 1)):
        schema = pq.ParquetFile(write("--table", table, "--parquet", "nested=json")).schema
        levels = {
            schema.column(i).name: schema.column(i).max_definition_level
            for i in range(len(schema))
            if schema.column(i).max_repetition_level == 0
        }
        levels.pop("id")
        assert set(levels.values()) == {level}, {name for name, found in levels.items() if found != level}


def test_no_rows_are_a_file_without_a_row_group(db, write):
    path = write("--table", "no_rows")
    metadata = pq.ParquetFile(path).metadata
    assert metadata.num_rows == 0 and metadata.num_row_groups == 0
    for reader in READERS.values():
        assert reader(path).num_rows == 0


def test_1600_columns_come_back(db, write):
    path = write("--table", "widest")
    for reader in READERS.values():
        read = reader(path)
        assert read.num_columns == 1600 and read.num_rows == 50
        assert read.column("c1").to_pylist() == [f"t{i}" for i in range(1, 51)]
        assert read.column("c2").to_pylist() == [Decimal("1.50")] * 50
        assert read.column("c5").to_pylist() == [None] * 50


def test_names_come_back_as_the_catalog_spells_them(db, write):
    path = write("--table", "odd_names")
    for name in ("pyarrow", "polars"):
        read = READERS[name](path)
        assert read.column_names == values.NASTY_NAMES
        assert [read.column(i).to_pylist() for i in range(read.num_columns)] == [
            [i] for i in range(len(values.NASTY_NAMES))
        ]


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_several_row_groups_keep_the_order_of_the_table(db, write, lanes):
    path = write("--table", "many", "--parquet", "row-group-rows=40000", "--lanes", lanes)
    ids = db.column("SELECT id FROM many ORDER BY ctid")
    metadata = pq.ParquetFile(path).metadata
    assert metadata.num_row_groups >= 7 and metadata.num_rows == 300000
    assert max(metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)) <= 40000
    for reader in READERS.values():
        read = reader(path)
        # Not the order of the ids: the server puts a short row into the room that is left in an earlier block.
        assert read.column("id").to_pylist() == ids
        assert read.column("few").to_pylist() == [f"label {i % 20}" for i in ids]


@pytest.mark.parametrize("dictionary", ["true", "false"])
def test_nulls_dictionaries_and_plain_pages_hold_the_values_of_the_server(db, write, dictionary):
    path = write("--table", "many", "--parquet", f"dictionary={dictionary}")
    columns = [
        values.Column(name, kind, [], family)
        for name, kind, family in (
            ("distinct_text", "text", "text"),
            ("amount", "numeric", "decimal"),
            ("moment", "timestamptz", "timestamptz"),
            ("measure", "float8", "float"),
            ("doc", "jsonb", "json"),
            ("flag", "bool", "bool"),
            ("empty", "text", "text"),
        )
    ]
    expected = {column.name: server_values(db, "many", column) for column in columns}
    for reader in READERS.values():
        read = reader(path)
        for column in columns:
            assert_same(column_values(read.column(column.name)), expected[column.name], column)


def test_a_column_of_few_values_is_dictionary_encoded(write):
    metadata = pq.ParquetFile(write("--table", "many")).metadata
    few = next(
        metadata.row_group(0).column(c)
        for c in range(metadata.num_columns)
        if metadata.row_group(0).column(c).path_in_schema == "few"
    )
    assert "RLE_DICTIONARY" in few.encodings and few.has_dictionary_page


def test_statistics_are_the_least_and_greatest_value_of_the_server(db, write):
    metadata = pq.ParquetFile(write("--table", "many", "--parquet", "row-group-rows=50000")).metadata
    names = ("id", "few", "distinct_text", "amount", "measure", "empty")
    rows = db.rows(f"SELECT {', '.join(names)} FROM many ORDER BY ctid")
    first = 0
    for g in range(metadata.num_row_groups):
        group = metadata.row_group(g)
        chunks = {group.column(c).path_in_schema: group.column(c) for c in range(group.num_columns)}
        for name, column in zip(names, zip(*rows[first : first + group.num_rows])):
            present = [value for value in column if value is not None]
            found = chunks[name].statistics
            assert found.null_count == len(column) - len(present), (g, name)
            if present:
                assert (found.min, found.max) == (min(present), max(present)), (g, name)
        first += group.num_rows


def test_statistics_of_floats_never_hold_nan_and_cover_both_zeros(db, write):
    db.execute("CREATE TABLE odd_floats (mixed float8, nothing float8, zeros float8)")
    db.execute(
        "INSERT INTO odd_floats VALUES (1, 'NaN', 0), (-1, 'NaN', 0), ('NaN', 'NaN', 0), (2, 'NaN', 0)"
    )
    mixed, nothing, zeros = (
        pq.ParquetFile(write("--table", "odd_floats")).metadata.row_group(0).column(c).statistics
        for c in range(3)
    )
    # Some writers say nothing of a chunk that holds NaN: a reader then cannot prune, and misses nothing.
    assert not mixed.has_min_max or (mixed.min, mixed.max) == (-1.0, 2.0)
    assert not nothing.has_min_max
    assert float_bits(zeros.min) == float_bits(-0.0) and float_bits(zeros.max) == float_bits(0.0)


@pytest.mark.parametrize(
    "condition",
    [
        "id = 1",
        "id > 299990",
        "few = 'label 7'",
        "distinct_text < '01'",
        "amount < -99990",
        "measure > 42850",
        "empty IS NOT NULL",
        "flag AND id % 100 = 0",
        "moment >= '2020-01-04 11:00:00+00'",
    ],
)
def test_a_reader_that_prunes_by_statistics_finds_every_row(db, write, condition):
    path = write("--table", "many", "--parquet", "row-group-rows=30000")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(
            f"SELECT id FROM read_parquet(?) WHERE {condition} ORDER BY id", [str(path)]
        ).fetchall()
    assert [row[0] for row in found] == db.column(f"SELECT id FROM many WHERE {condition} ORDER BY id")


def test_every_chunk_has_a_page_index(write):
    metadata = pq.ParquetFile(write("--table", "many")).metadata
    for g in range(metadata.num_row_groups):
        for c in range(metadata.num_columns):
            chunk = metadata.row_group(g).column(c)
            assert chunk.has_offset_index and (chunk.has_column_index or chunk.path_in_schema == "measure")


def test_a_changed_byte_in_a_page_is_found_by_its_checksum(write):
    path = write("--table", "many", "--columns", "id,distinct_text", "--parquet", "compression=none")
    data = bytearray(path.read_bytes())
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(1)
    data[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 1
    with pytest.raises(OSError, match="(?i)crc"):
        parquet_file(bytes(data)).read()


def test_a_file_written_to_standard_output_is_the_same_table(db, decant, write):
    piped = parquet_file(decant.export("--table", "many", "--format", "parquet")).read()
    assert piped.equals(read_pyarrow(write("--table", "many")))


def test_fastparquet_reads_it(db, write):
    path = write(
        "--table",
        "many",
        "--columns",
        "id,few,distinct_text,measure",
        "--limit",
        1000,
        "--order-by",
        "id",
        "--parquet",
        "compression=snappy",
    )
    frame = fastparquet.ParquetFile(str(path)).to_pandas()
    assert list(frame["id"]) == list(range(1, 1001))
    assert list(frame["few"]) == db.column("SELECT few FROM many ORDER BY id LIMIT 1000")


def test_the_file_says_who_wrote_it_and_from_what(write):
    metadata = pq.ParquetFile(write("--table", "many", "--limit", 1)).metadata
    assert metadata.created_by.startswith("decant version ")
    assert metadata.metadata[b"decant.source"] == b"public.many"
    assert metadata.metadata[b"decant.snapshot"]


def test_a_decimal_that_is_not_a_number_is_an_error_by_default_and_null_on_demand(db, decant, tmp_path):
    path = tmp_path / "nan.parquet"
    db.execute("CREATE TABLE costs (price numeric(9,2))")
    db.execute("INSERT INTO costs VALUES (1), ('NaN'), (2)")
    run = decant("export", "--table", "costs", "-o", path, code=1)
    assert "price" in run.err and "NaN" in run.err and not path.exists()
    run = decant("export", "--table", "costs", "-o", path, "--special", "null", "--json")
    assert read_pyarrow(path).column("price").to_pylist() == [Decimal("1.00"), None, Decimal("2.00")]
    assert run.summary["specials"] == 1


@pytest.mark.parametrize(
    "value",
    [
        "'infinity'::date",
        "'-infinity'::timestamp",
        "'infinity'::timestamptz",
        "'294276-12-31 23:59:59'::timestamp",
    ],
)
def test_a_moment_beyond_parquet_is_an_error_by_default_and_null_on_demand(decant, tmp_path, value):
    path = tmp_path / "far.parquet"
    run = decant("export", "--query", f"SELECT {value} AS moment", "-o", path, code=1)
    assert "moment" in run.err and not path.exists()
    decant("export", "--query", f"SELECT {value} AS moment", "-o", path, "--special", "null")
    assert read_pyarrow(path).column("moment").to_pylist() == [None]


def test_a_special_that_cannot_apply_is_refused_before_a_byte_is_written(decant, tmp_path):
    path = tmp_path / "never.parquet"
    run = decant(
        "export", "--query", "SELECT 1.5::numeric(9,2) AS price", "-o", path, "--special", "string", code=2
    )
    assert "special" in run.err and not path.exists()


def test_under_special_null_a_required_column_that_can_be_special_is_optional(db, write):
    db.execute("CREATE TABLE prices (id int NOT NULL, price numeric(9,2) NOT NULL, day date NOT NULL)")
    db.execute("INSERT INTO prices VALUES (1, 'NaN', 'infinity'), (2, 1.5, '2024-01-01')")
    path = write("--table", "prices", "--special", "null")
    schema = pq.ParquetFile(path).schema
    assert [schema.column(i).max_definition_level for i in range(3)] == [0, 1, 1]
    for reader in READERS.values():
        assert column_values(reader(path).column("price")) == [None, Decimal("1.50")]


def test_a_value_of_many_megabytes_has_its_place(db, write):
    path = write("--query", "SELECT i, repeat(md5(i::text), 400000) AS t FROM generate_series(1, 4) i")
    for reader in READERS.values():
        texts = reader(path).column("t").to_pylist()
        assert [len(text) for text in texts] == [12800000] * 4
        assert texts[3][:32] == db.value("SELECT md5('4')")


def test_all_families_have_an_oracle(db):
    assert {column.family for column in values.COLUMNS} <= set(SERVER_TEXT)
