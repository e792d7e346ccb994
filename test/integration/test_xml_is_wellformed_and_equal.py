"""XML is well-formed whatever the data, and a parser gives the values that the server gives."""

import re

import pytest
from support import values
from support.oracle import (
    IS_XML_NAME,
    NIL,
    UNPACK,
    element_value,
    parse_xml,
    unescape_xml_name,
    xml_of_json,
    xml_rows,
)

NESTED = ("json", "nested")


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute(values.TYPES_SQL)
    made_of = values.columns(db.version, for_xml=True)
    values.create_table(db, "all_types", made_of)
    values.create_table(db, "one_row", made_of, rows=1, not_null=True)
    db.execute("CREATE TABLE no_rows (LIKE all_types)")
    columns = ", ".join(f"c{i} {('int', 'text', 'jsonb')[i % 3]}" for i in range(1600))
    db.execute(f"CREATE TABLE widest ({columns})")
    cells = ", ".join(
        ("1", "'<&>'", """'{"a": [1, 2]}'""")[i % 3] if i % 4 == 1 else "NULL" for i in range(1600)
    )
    db.execute(f"INSERT INTO widest SELECT {cells} FROM generate_series(1, 12)")
    db.execute("CREATE TABLE many AS SELECT i AS id, '<' || i || '&>' AS t FROM generate_series(1, 120000) i")


def expected_rows(db, table, made_of):
    """What the server says: xmlforest for scalars, to_json for what nests."""
    expressions = []
    for c in made_of:
        column = values.name(c.name)
        if c.family in NESTED:
            expressions.append(f"CASE WHEN num_nulls({column}) = 0 THEN to_json({column})::text END")
        elif c.family == "xml":
            expressions.append(f"{column}::text")
        else:
            expressions.append(f"xmlforest({column} AS v)::text")
    rows = db.rows(f"SELECT {', '.join(expressions)} FROM {table}")
    return [[(c.name, expected_value(c, cell)) for c, cell in zip(made_of, row)] for row in rows]


def expected_value(column, cell):
    if column.family in NESTED:
        return xml_of_json(cell)
    if cell is None:
        return NIL
    if column.family == "xml":
        return cell
    text = element_value(parse_xml(cell))
    return re.sub(r"\s", "", text) if column.family == "bytea" else text


@pytest.mark.parametrize("table", ["all_types", "one_row"])
@pytest.mark.parametrize("codec", ["none", "gzip", "zstd"])
def test_every_type_has_the_values_of_the_server(db, decant, table, codec):
    made_of = [values.Column("id", "int4", [], "int"), *values.columns(db.version, for_xml=True)]
    written = UNPACK[codec](decant.export("--table", table, "--format", "xml", "--compress", codec))
    rows, expected = xml_rows(written), expected_rows(db, table, made_of)
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected):
        assert len(row) == len(wanted)
        for (tag, value), wanted_cell in zip(row, wanted):
            assert (unescape_xml_name(tag), value) == wanted_cell


def test_no_rows_are_an_empty_root(decant):
    assert xml_rows(decant.export("--table", "no_rows", "--format", "xml")) == []


def test_1600_columns_are_1600_elements(decant):
    rows = xml_rows(decant.export("--table", "widest", "--format", "xml"))
    assert len(rows) == 12 and all(len(row) == 1600 for row in rows)
    nested = [("a", [("item", "1"), ("item", "2")])]
    assert rows[0][:6] == [("c0", NIL), ("c1", "<&>"), ("c2", NIL), ("c3", NIL), ("c4", NIL), ("c5", nested)]


@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_rows_of_several_lanes_join_into_one_document(decant, lanes):
    rows = xml_rows(decant.export("--table", "many", "--format", "xml", "--lanes", lanes))
    assert rows == [[("id", str(i)), ("t", f"<{i}&>")] for i in range(1, 120001)]


def test_root_and_row_are_named_by_option(decant):
    written = decant.export("--query", "SELECT 1 AS x", "--format", "xml", "--xml", "root=export,row=line")
    assert xml_rows(written, "export", "line") == [[("x", "1")]]


@pytest.mark.parametrize("column_name", values.NASTY_NAMES)
def test_a_column_name_is_escaped_as_the_server_escapes_it(db, decant, column_name):
    quoted = values.name(column_name)
    (tag,) = [
        child.tag
        for child in parse_xml(
            "<row>" + db.value(f"SELECT xmlforest(t.{quoted})::text FROM (SELECT 1 AS {quoted}) t") + "</row>"
        )
    ]
    written = decant.export("--query", f"SELECT 1 AS {quoted}", "--format", "xml")
    assert xml_rows(written) == [[(tag, "1")]]
    assert unescape_xml_name(tag) == column_name


@pytest.mark.parametrize(
    "key",
    [
        "",
        " ",
        "_x_",
        "_x0041_",
        "a b",
        "1",
        "<",
        "&",
        "xml",
        "XML",
        "a:b",
        "-",
        ".",
        "日本",
        "\U0001f600",
        "\u0300",
        "\n",
        "é",
        "item",
        "·",
        "\ufffe",
        "x" * 500,
    ],
)
def test_a_key_of_json_becomes_a_name_that_stands_for_it(decant, key):
    query = f"SELECT jsonb_build_object({values.literal(key)}::text, 1) AS doc"
    (record,) = parse_xml(decant.export("--query", query, "--format", "xml"))
    (element,) = record[0]
    assert IS_XML_NAME.fullmatch(element.tag)
    assert unescape_xml_name(element.tag) == key and element.text == "1"


@pytest.mark.parametrize("text", values.JSON_TEXTS + values.JSON_SPACED[:3])
def test_json_nests_as_elements(decant, text):
    query = f"SELECT {values.literal(text)}::json AS plain, {values.literal(text)}::jsonb AS binary"
    (row,) = xml_rows(decant.export("--query", query, "--format", "xml"))
    assert row[0] == ("plain", xml_of_json(text))
    assert row[1][0] == "binary"


@pytest.mark.parametrize("text", values.NASTY_TEXT)
def test_a_parser_gives_a_text_back_as_it_was(decant, text):
    written = decant.export("--query", f"SELECT {values.literal(text)} AS t", "--format", "xml")
    assert xml_rows(written) == [[("t", text)]]


@pytest.mark.parametrize("text", values.NOT_XML_TEXT)
@pytest.mark.parametrize("wrap", ["{}", "to_json({}::text)", "jsonb_build_object('k', {}::text)"])
def test_a_character_that_xml_cannot_hold_is_an_error_that_names_the_column(decant, text, wrap):
    query = f"SELECT 1 AS id, {wrap.format(values.literal(text))} AS remark"
    run = decant("export", "--query", query, "--format", "xml", code=1)
    assert "remark" in run.err


@pytest.mark.parametrize("text", values.NOT_XML_TEXT)
def test_a_character_that_xml_cannot_hold_is_replaced_on_demand(decant, text):
    query = f"SELECT {values.literal(text)} AS t"
    run = decant("export", "--query", query, "--format", "xml", "--special", "replace", "--json")
    forbidden = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
    assert xml_rows(run.out) == [[("t", forbidden.sub("\ufffd", text))]]
    assert run.summary["specials"] >= 1


def test_a_character_that_xml_cannot_hold_becomes_null_on_demand(decant):
    run = decant(
        "export", "--query", "SELECT E'a\\x01b' AS t", "--format", "xml", "--special", "null", "--json"
    )
    assert xml_rows(run.out) == [[("t", NIL)]]
    assert run.summary["specials"] == 1


def test_not_a_number_and_the_infinities_are_spelled_as_xml_schema_does(decant):
    query = "SELECT 'NaN'::float8 AS a, 'Infinity'::float8 AS b, '-Infinity'::float4 AS c"
    assert xml_rows(decant.export("--query", query, "--format", "xml")) == [
        [("a", "NaN"), ("b", "INF"), ("c", "-INF")]
    ]


@pytest.mark.parametrize("value", ["'infinity'::date", "'-infinity'::timestamp", "'infinity'::timestamptz"])
def test_an_infinite_date_is_an_error_by_default_and_a_string_on_demand(decant, value):
    query = f"SELECT {value} AS moment"
    run = decant("export", "--query", query, "--format", "xml", code=1)
    assert "moment" in run.err
    written = decant.export("--query", query, "--format", "xml", "--special", "string")
    assert xml_rows(written) == [[("moment", value.split("'")[1])]]


def test_null_and_the_empty_string_differ(decant):
    written = decant.export("--query", "SELECT NULL::text AS a, '' AS b", "--format", "xml")
    assert xml_rows(written) == [[("a", NIL), ("b", "")]]
