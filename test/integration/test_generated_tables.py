"""
Tables made at random: types, made-up ones among them, values, NULLs, names of everything. In every format, and the
server is the judge of every value.
"""

import re
import struct
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from support import generated, values
from support.oracle import (
    NIL,
    array_items,
    element_value,
    parse_json,
    parse_xml,
    unescape_xml_name,
    xml_of_json,
    xml_rows,
)
from support.parquet import READERS, SERVER_TEXT, column_values, float_bits, mend_pairs, moment_us
from support.parquet_options import (
    ParquetOracle,
    Refused,
    can_be_special_without_text,
    expected_columns,
    json_as_text,
    parquet_options,
    plain,
)
from support.text_options import (
    NOT_XML,
    csv_options,
    expected_csv,
    expected_json,
    expected_xml_rows,
    json_options,
    xml_options,
)

VALUE_ERROR = 1
XML_NUMBERS = {"Infinity": "INF", "-Infinity": "-INF"}
PARQUET_FIRST_US, PARQUET_LAST_US = -(2**63), 2**63 - 1
# What --special null makes of the values that Parquet cannot hold.
PARQUET_TEXT = {
    **SERVER_TEXT,
    "date": ("CASE WHEN isfinite({0}) THEN ({0} - '1970-01-01'::date)::text END", int),
    "timestamp": ("CASE WHEN isfinite({0}) THEN encode(timestamp_send({0}), 'hex') END", moment_us),
    "timestamptz": ("CASE WHEN isfinite({0}) THEN encode(timestamptz_send({0}), 'hex') END", moment_us),
}


def check_csv(db, decant, table):
    written = decant.export("--table", table.quoted, "--format", "csv", "--no-flatten")
    assert written == db.csv(f"SELECT * FROM {table.quoted}")


def check_ndjson(db, decant, table):
    written = decant.export("--table", table.quoted, "--format", "ndjson", "--special", "string")
    assert written == db.ndjson(f"SELECT * FROM {table.quoted}")
    for line in written.decode().split("\n")[:-1]:
        assert [key for key, _ in parse_json(line)[1]] == [column.name for column in table.columns]


def xml_expression(column):
    name = values.name(column.name)
    if column.family in ("json", "nested"):
        return f"CASE WHEN num_nulls({name}) = 0 THEN to_json({name})::text END"
    if column.family == "xml":
        return f"{name}::text"
    if column.family in ("date", "timestamp", "timestamptz"):  # the server's XML knows no infinite ones
        return f"CASE WHEN isfinite({name}) THEN xmlforest({name} AS v)::text ELSE '<v>' || {name}::text || '</v>' END"
    return f"xmlforest({name} AS v)::text"


def can_be_xml(value):
    """What --special string leaves of a text."""
    if isinstance(value, list):
        # A name can stand for any code point, but half a surrogate pair is none.
        return [(re.sub("[\ud800-\udfff]", "\ufffd", key), can_be_xml(inner)) for key, inner in value]
    return value if value == NIL else NOT_XML.sub("\ufffd", value)


def expected_xml(column, cell):
    if cell is None:
        return NIL
    if column.family in ("json", "nested"):
        return can_be_xml(xml_of_json(cell))
    cell = can_be_xml(cell)
    if column.family == "xml":
        return cell
    text = element_value(parse_xml(cell))
    if column.family == "bytea":
        return re.sub(r"\s", "", text)
    return XML_NUMBERS.get(text, text) if column.family in ("float", "decimal") else text


def check_xml(db, decant, table):
    written = decant.export("--table", table.quoted, "--format", "xml", "--special", "string")
    expressions = ", ".join(map(xml_expression, table.columns))
    expected = [
        [(column.name, expected_xml(column, cell)) for column, cell in zip(table.columns, row)]
        for row in db.rows(f"SELECT {expressions} FROM {table.quoted}")
    ]
    assert [[(unescape_xml_name(tag), value) for tag, value in row] for row in xml_rows(written)] == expected


def expected_parquet(column, cell):
    if cell is None:
        return None
    value = PARQUET_TEXT[column.family][1](cell)
    if column.family in ("timestamp", "timestamptz") and value > PARQUET_LAST_US:
        return None
    if isinstance(value, Decimal) and not value.is_finite():
        return None
    if column.family in ("json", "nested") and mend_pairs(value) != value:
        return None
    if column.family == "float":
        return float_bits(as_float4(value) if column.is_float4 else value)
    return value


def as_float4(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def check_parquet(db, decant, table, folder):
    path = folder / "table.parquet"
    # Nested columns as text, so that every value has one to be compared with; LIST, group and MAP have their own tests.
    options = ("--special", "null", "--parquet", "nested=json")
    decant("export", "--quiet", "--table", table.quoted, "-o", path, *options)
    expressions = ", ".join(PARQUET_TEXT[c.family][0].format(values.name(c.name)) for c in table.columns)
    rows = db.rows(f"SELECT {expressions} FROM {table.quoted}")
    for name, reader in READERS.items():
        read = reader(path)
        assert read.num_rows == len(rows) and read.num_columns == len(table.columns)
        for i, column in enumerate(table.columns):
            written = read.column(i)
            column.is_float4 = str(written.type) == "float"
            found = column_values(written)
            if column.family == "float":
                found = list(map(float_bits, found))
            if column.family in ("json", "nested"):  # some readers give annotated JSON as text, some as bytes
                found = [value.decode() if isinstance(value, bytes) else value for value in found]
            assert found == [expected_parquet(column, row[i]) for row in rows], (
                name,
                column.name,
                column.type,
            )


# --- with options ---------------------------------------------------------------------------------
def check_counts(run, o):
    """Whatever was written otherwise was counted, by column."""
    assert run.summary["specialsByColumn"] == o.counts
    assert run.summary["specials"] == sum(o.counts.values())


def export_as_asked(decant, table, o, *arguments):
    """None where a value is in the file's way and the policy is to fail."""
    arguments = ["--table", table.quoted, *o.arguments, *arguments]
    if o.special == "error" and o.counts:
        run = decant("export", *arguments, code=VALUE_ERROR)
        assert "special" in run.err
        return None
    run = decant("export", *arguments, "--json")
    check_counts(run, o)
    return run.out


def check_csv_as_asked(db, decant, table, o):
    expected = expected_csv(db, table, o)
    assert decant.export("--table", table.quoted, "--no-flatten", *o.arguments) == expected


def check_json_as_asked(db, decant, table, o):
    expected = expected_json(db, table, o)
    in_lines = len(table.columns) % 2
    written = export_as_asked(decant, table, o, "--format", "ndjson" if in_lines else "json")
    if written is None:
        return
    if in_lines:
        lines = "".join(line.replace("\n", "").replace("\r", "") + "\n" for line in expected)
        assert written == lines.encode()
    else:
        assert array_items(written) == expected


def check_xml_as_asked(db, decant, table, o):
    expected = expected_xml_rows(db, table, o)
    written = export_as_asked(decant, table, o, "--format", "xml")
    if written is None:
        return
    assert written.startswith(b"<?xml ") == (o["declaration"] == "true")
    if o["values"] == "elements":
        rows = xml_rows(written, o["root"], o["row"])
    else:
        rows = [list(row.attrib.items()) for row in parse_xml(written)]
    assert [[(unescape_xml_name(tag), value) for tag, value in row] for row in rows] == expected


def check_parquet_as_asked(db, decant, table, folder, o):
    path = folder / "asked.parquet"
    arguments = ["--table", table.quoted, "-o", path, *o.arguments]
    oracle = ParquetOracle(o, db.version)
    if o.special == "string" and any(can_be_special_without_text(c.kind, oracle) for c in table.columns):
        assert "special=string cannot apply" in decant("export", *arguments, code=2).err
        return
    try:
        expected = expected_columns(db, table, o)
    except Refused:
        path.unlink(missing_ok=True)
        assert "special" in decant("export", *arguments, code=VALUE_ERROR).err
        assert not path.exists()
        return
    check_counts(decant("export", *arguments, "--json"), o)
    decant("verify", path)
    for name, reader in READERS.items():
        read = reader(path)
        assert read.num_columns == len(table.columns)
        for column, found, values_expected in zip(table.columns, read.columns, expected):
            found = [json_as_text(column.kind, value) for value in plain(found)]
            assert found == values_expected, (name, column.name, column.type, o)


def check(db, decant, table, folder, asked):
    try:
        generated.create(db, table)
        check_csv(db, decant, table)
        check_ndjson(db, decant, table)
        check_xml(db, decant, table)
        check_parquet(db, decant, table, folder)
        check_csv_as_asked(db, decant, table, asked["csv"])
        check_json_as_asked(db, decant, table, asked["json"])
        check_xml_as_asked(db, decant, table, asked["xml"])
        check_parquet_as_asked(db, decant, table, folder, asked["parquet"])
    finally:
        generated.drop(db, table)


@st.composite
def asked_of(draw, table):
    return {
        "csv": draw(csv_options(table)),
        "json": draw(json_options()),
        "xml": draw(xml_options()),
        "parquet": draw(parquet_options()),
    }


@pytest.fixture(scope="module", autouse=True)
def extensions(db):
    db.execute(generated.EXTENSIONS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("generated")


def check_many(db, decant, folder, count, first_seed):
    @seed(first_seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # making a failure smaller takes minutes, and most tables are small
    )
    @given(data=st.data())
    def check_one(data):
        table = data.draw(generated.tables(db.version))
        check(db, decant, table, folder, data.draw(asked_of(table)))

    check_one()


def test_a_table_of_any_types_is_what_the_server_says(db, decant, folder):
    check_many(db, decant, folder, 15, 0)


@pytest.mark.long
@pytest.mark.parametrize("part", range(1, 21))
def test_thousands_of_tables_of_any_types_are_what_the_server_says(db, decant, folder, part):
    check_many(db, decant, folder, 100, part)
