"""
One table that holds every type PostgreSQL has built in, with its extremes, and tables of what can be made of them:
arrays, domains, domains over arrays, arrays of domains, composites. In every format, against the server's own word.
"""

import re
import shutil
import struct
import subprocess

import pyarrow as pa
import pytest
from support import every_type, values
from support.every_type import MADE_BY_SERVER, column_name
from support.oracle import NIL, element_value, parse_xml, unescape_xml_name, xml_of_json, xml_rows
from support.parquet import READERS, SERVER_TEXT, column_values, float_bits, server_values

TABLES = {
    "every_type": every_type.scalars,
    "every_array": every_type.arrays,
    "every_domain": every_type.domains,
    "every_domain_over_an_array": every_type.domains_over_arrays,
    "every_array_of_a_domain": every_type.arrays_of_domains,
    "every_composite": every_type.composites,
}
# What to_json says of these is more than a text: they are elements within elements in XML.
NESTED_TABLES = set(TABLES) - {"every_type", "every_domain"}


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    every_type.create_domains(db)
    every_type.create_composite(db)
    for table, made_of in TABLES.items():
        every_type.create(db, table, made_of(db.version))
    every_type.create(db, "without_special", every_type.scalars(db.version, with_special=False))
    every_type.create(db, "domains_without_special", every_type.domains(db.version, with_special=False))


def test_no_built_in_type_is_missing(db):
    built_in = db.column("""SELECT oid::regtype::text FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace
                            AND typtype IN ('b', 'r', 'm') AND (typcategory <> 'A' OR typelem = 0)""")
    known = {db.value("SELECT %s::regtype::text", (t.name,)) for t in every_type.types(db.version)}
    assert set(built_in) - known - MADE_BY_SERVER == set()


@pytest.mark.parametrize("table", TABLES)
def test_csv_is_the_bytes_of_copy(db, decant, table):
    assert decant.export("--table", table, "--no-flatten") == db.csv(f"SELECT * FROM {table}")


@pytest.mark.parametrize("table", TABLES)
def test_ndjson_is_the_bytes_of_row_to_json(db, decant, table):
    written = decant.export("--table", table, "--format", "ndjson", "--special", "string")
    assert written == db.ndjson(f"SELECT * FROM {table}")


def expected_elements(db, table, name, family):
    """What a parser is to give for each row of a column: xmlforest's text, or to_json's structure."""
    column = values.name(name)
    if table in NESTED_TABLES and name != "id" or family in ("json", "nested"):
        texts = db.column(
            f"SELECT CASE WHEN num_nulls({column}) = 0 THEN to_json({column})::text END FROM {table}"
        )
        return [xml_of_json(text) for text in texts]
    if family == "xml":
        texts = db.column(f"SELECT {column}::text FROM {table}")
        return [NIL if text is None else text for text in texts]
    finite, infinite = "true", "NULL"
    if family in ("date", "timestamp", "timestamptz"):  # xmlforest refuses the infinities
        finite, infinite = f"isfinite({column})", f"'<v>' || {column} || '</v>'"
    texts = db.column(
        f"SELECT CASE WHEN {finite} THEN xmlforest({column} AS v)::text ELSE {infinite} END FROM {table}"
    )
    return [NIL if text is None else spelled(element_value(parse_xml(text)), family) for text in texts]


def spelled(text, family):
    if family == "bytea":
        return re.sub(r"\s", "", text)
    return text.replace("Infinity", "INF") if family == "float" else text


def families(db):
    found = {"id": "int"}
    for t in every_type.types(db.version):
        for prefix in ("c_", "d_"):
            found[column_name(prefix, t)] = t.family
    return found


@pytest.mark.parametrize("table", TABLES)
def test_xml_passes_xmllint_and_has_the_values_of_xmlforest(db, decant, table, tmp_path):
    path = tmp_path / "every.xml"
    decant("export", "--table", table, "--special", "string", "-o", path)
    if shutil.which("xmllint"):
        subprocess.run(["xmllint", "--noout", "--huge", path], check=True)
    rows, known = xml_rows(path.read_bytes()), families(db)
    for i, name in enumerate(
        column.name for column in db.execute(f"SELECT * FROM {table} LIMIT 0").description
    ):
        assert {unescape_xml_name(row[i][0]) for row in rows} == {name}
        expected = expected_elements(db, table, name, known.get(name, "nested"))
        assert [row[i][1] for row in rows] == expected, name


def check_parquet(db, path, table, prefix):
    for reader_name, reader in READERS.items():
        read = reader(path)
        for t in every_type.types(db.version):
            if t.family == "nested":
                continue
            name = column_name(prefix, t)
            got = column_values(read.column(name))
            expected = server_values(db, table, values.Column(name, t.name, [], t.family))
            if t.family == "float":
                got, expected = list(map(float_bits, got)), list(map(float_bits, rounded(t, expected)))
            if t.family == "json":
                got = [value.decode() if isinstance(value, bytes) else value for value in got]
            assert got == expected, (reader_name, name)


def rounded(t, numbers):
    """A float4's shortest text stands for a double that is none: the file holds the float4."""
    if t.name != "float4":
        return numbers
    return [None if n is None else struct.unpack("<f", struct.pack("<f", n))[0] for n in numbers]


@pytest.mark.parametrize("table, prefix", [("without_special", "c_"), ("domains_without_special", "d_")])
def test_parquet_has_the_values_of_the_server_in_every_reader(db, decant, table, prefix, tmp_path):
    path = tmp_path / "every.parquet"
    decant("export", "--table", table, "-o", path)
    check_parquet(db, path, table, prefix)


def test_floats_that_are_no_numbers_are_not_special_in_parquet(db, decant, tmp_path):
    path = tmp_path / "floats.parquet"
    decant("export", "--table", "every_type", "--columns", "id,c_float4,c_float8", "-o", path)
    for reader in READERS.values():
        for name in ("c_float4", "c_float8"):
            texts = [None if v is None else str(v) for v in column_values(reader(path).column(name))]
            assert {"nan", "inf", "-inf"} <= set(texts)


def items_of_server(db, table, t, name):
    """Lists of items as the server says them; None for a NULL and for what is no LIST."""
    expression, convert = SERVER_TEXT[t.family]
    rows = db.column(f"""SELECT CASE WHEN cardinality({name}) = 0 THEN '{{}}'::text[]
                           WHEN array_ndims({name}) = 1 AND array_lower({name}, 1) = 1 THEN
                             ARRAY(SELECT {expression.format("item")} FROM unnest({name}) WITH ORDINALITY AS u(item, n)
                                   ORDER BY n) END FROM {table}""")
    return [row and [None if text is None else convert(text) for text in row] for row in rows]


def as_numbers(column):
    """Items that Python's own dates could not hold: as column_values does with scalars."""
    item = column.type.value_type
    if pa.types.is_date32(item) or pa.types.is_timestamp(item):
        number = pa.int32() if pa.types.is_date32(item) else pa.int64()
        return column.cast(pa.list_(number)).to_pylist()
    return column.to_pylist()


def test_an_array_of_every_type_is_a_list_with_the_values_of_the_server_in_every_reader(db, decant, tmp_path):
    table, path = "arrays_without_special", tmp_path / "every.parquet"
    every_type.create(db, table, every_type.arrays(db.version, with_special=False))
    run = decant("export", "--table", table, "--special", "null", "-o", path, "--json")
    assert run.summary["specials"] > 0  # two dimensions, another lower bound
    for reader_name, reader in READERS.items():
        read = reader(path)
        for t in every_type.types(db.version):
            if t.family == "nested":
                continue
            name = column_name("a_", t)
            got, expected = as_numbers(read.column(name)), items_of_server(db, table, t, name)
            if t.family == "float":
                expected = [row and rounded(t, row) for row in expected]
                got, expected = (
                    [row and list(map(float_bits, row)) for row in rows] for rows in (got, expected)
                )
            if t.family == "json":
                got = [row and [i.decode() if isinstance(i, bytes) else i for i in row] for row in got]
            assert got == expected, (reader_name, name)
