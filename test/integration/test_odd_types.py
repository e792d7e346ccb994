"""Types that extensions and users make: odd names, other schemas, missing functions; and what no table can hold."""

import pytest
from support.oracle import xml_rows
from support.parquet import parquet_file

ODD = '"odd; schema"'
PAIR = f'{ODD}."we;ird ""type"'

# Extension, schema to put it in (None: wherever it likes), and expressions of its types.
EXTENSIONS = [
    (
        "hstore",
        ODD,
        [f"""'a=>1,b=>NULL,"c d"=>"q\\"q"'::{ODD}.hstore""", f"ARRAY['a=>1'::{ODD}.hstore, NULL]"],
    ),
    ("citext", None, ["'CaSe'::citext", "ARRAY['A'::citext]"]),
    ("ltree", None, ["'a.b.c'::ltree", "'*.b'::lquery", "'a & b'::ltxtquery"]),
    ("cube", None, ["'(1,2),(3,4)'::cube"]),
    ("seg", None, ["'1.50 .. 2'::seg"]),
    ("isn", None, ["'978-0-11-000533-1'::isbn13", "'0-11-000533-3'::isbn"]),
    ("intarray", None, ["'1&2'::query_int"]),
    ("lo", None, ["5::lo"]),
    (
        "postgis",
        None,
        [
            "'POINT(1 2)'::geometry",
            "'SRID=4326;POINT(1 2)'::geography",
            "'LINESTRING Z (1 2 3,4 5 6)'::geometry(LineStringZ)",
            "ARRAY['POINT(1 2)'::geometry]",
            "'BOX(1 2,3 4)'::box2d",
            "'BOX3D(1 2 3,3 4 5)'::box3d",
        ],
    ),
]

MADE_HERE = {
    "a composite with odd names": f"""ROW(1, 'x"y')::{PAIR}""",
    "an array of it": f"ARRAY[ROW(1, 'x')::{PAIR}, NULL]",
    "a domain over that array": f'ARRAY[ROW(1, NULL)::{PAIR}]::{ODD}."do main"',
    "an enum with a quote": f"""'y''z'::{ODD}."en'um\"""",
    "an array of it too": f"""ARRAY['x', 'y''z']::{ODD}."en'um"[]""",
    "a domain over a domain": f'ARRAY[ROW(2, NULL)::{PAIR}]::{ODD}."domain of a domain"',
    "a composite with arrays and domains in it": f"ROW(ARRAY[1,NULL], ARRAY[ROW(1, 'x')::{PAIR}], 'a')::{ODD}.nest",
    "an array of such": f"ARRAY[ROW('{{}}', NULL, NULL)::{ODD}.nest]",
    "a range of text": f"""'["a,b","c""d"]'::{ODD}.text_range""",
    "an array of ranges": f"ARRAY['[a,b]'::{ODD}.text_range]",
    "no send function": f"'x y'::{ODD}.silent",
    "an array of it without send function": f"ARRAY['x y'::{ODD}.silent]",
    "a composite with it": f"ROW('x y'::{ODD}.silent)::{ODD}.silent_row",
    "a cast to json of its own": f"'red'::{ODD}.colour",
    "an array of what has a cast to json": f"ARRAY['red'::{ODD}.colour]",
}

SETUP = f"""
CREATE SCHEMA {ODD};
CREATE TYPE {PAIR} AS (a int, "b""c" text);
CREATE DOMAIN {ODD}."do main" AS {PAIR}[];
CREATE DOMAIN {ODD}."domain of a domain" AS {ODD}."do main" CHECK (cardinality(VALUE) < 5);
CREATE TYPE {ODD}."en'um" AS ENUM ('x', 'y''z');
CREATE DOMAIN {ODD}.letter AS text CHECK (length(VALUE) = 1);
CREATE TYPE {ODD}.nest AS (grid int[], pairs {PAIR}[], letter {ODD}.letter);
CREATE TYPE {ODD}.text_range AS RANGE (subtype = text);
CREATE TYPE {ODD}.silent;
CREATE FUNCTION {ODD}.silent_in(cstring) RETURNS {ODD}.silent LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION {ODD}.silent_out({ODD}.silent) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE {ODD}.silent (INPUT = {ODD}.silent_in, OUTPUT = {ODD}.silent_out);
CREATE TYPE {ODD}.silent_row AS (s {ODD}.silent);
CREATE TYPE {ODD}.colour AS ENUM ('red');
CREATE FUNCTION {ODD}.colour_to_json({ODD}.colour) RETURNS json LANGUAGE sql IMMUTABLE
  AS $$ SELECT json_build_object('colour', $1::text) $$;
CREATE CAST ({ODD}.colour AS json) WITH FUNCTION {ODD}.colour_to_json({ODD}.colour);
"""


@pytest.fixture(scope="module", autouse=True)
def types(db):
    db.execute(SETUP)


def check(db, decant, expressions):
    """A table of the values, one of NULLs beside it, in every format."""
    selected = ", ".join(f'{expression} AS "{i}"' for i, expression in enumerate(expressions))
    db.execute(f"CREATE TABLE odd AS SELECT {selected}")
    try:
        db.execute("INSERT INTO odd DEFAULT VALUES")
        assert decant.export("--table", "odd", "--no-flatten") == db.csv("SELECT * FROM odd")
        assert decant.export("--table", "odd", "--format", "ndjson") == db.ndjson("SELECT * FROM odd")
        rows = xml_rows(decant.export("--table", "odd", "--format", "xml"))
        assert len(rows) == 2 and all(len(row) == len(expressions) for row in rows)
        for option in ("nested=list", "nested=json"):
            written = decant.export("--table", "odd", "--format", "parquet", "--parquet", option)
            for column in parquet_file(written).read().columns:
                assert [value is None for value in column.to_pylist()] == [False, True]
    finally:
        db.execute("DROP TABLE odd")


@pytest.mark.parametrize("what", MADE_HERE)
def test_a_type_made_by_a_user_is_what_the_server_says(db, decant, what):
    check(db, decant, [MADE_HERE[what]])


@pytest.mark.parametrize("extension, schema, expressions", EXTENSIONS, ids=[e[0] for e in EXTENSIONS])
def test_the_types_of_an_extension_are_what_the_server_says(db, decant, extension, schema, expressions):
    if not db.rows("SELECT 1 FROM pg_available_extensions WHERE name = %s", (extension,)):
        pytest.skip(f"the extension {extension} is not installed")
    db.execute(f"CREATE EXTENSION {extension} {'SCHEMA ' + schema if schema else ''}")
    try:
        check(db, decant, expressions)
    finally:
        db.execute(f"DROP EXTENSION {extension} CASCADE")


def test_a_table_of_a_schema_beside_the_search_path_has_its_own_types(db, decant):
    db.execute(f"CREATE TABLE {ODD}.things AS SELECT {MADE_HERE['a composite with odd names']} AS v")
    assert decant.export("--table", f"{ODD}.things", "--format", "csv") == db.csv(
        f"SELECT * FROM {ODD}.things"
    )


def test_a_type_that_hides_a_built_in_one_is_not_taken_for_it(db, decant):
    """The same names, in a schema that the role's search_path puts first."""
    db.execute(f"""CREATE TYPE {ODD}.int4 AS ENUM ('one'); CREATE TYPE {ODD}.jsonb AS (x int);
                   CREATE FUNCTION {ODD}.to_json(anyelement) RETURNS json LANGUAGE sql AS $$ SELECT '"fooled"'::json $$;
                   CREATE FUNCTION {ODD}.enum_out(anyenum) RETURNS cstring LANGUAGE internal AS 'enum_out';
                   CREATE TABLE hidden AS SELECT 'one'::{ODD}.int4 AS i, ROW(1)::{ODD}.jsonb AS j, 7 AS plain""")
    name = db.name
    db.execute(f"ALTER DATABASE {name} SET search_path = {ODD}, pg_catalog, public")
    try:
        assert decant.export("--table", "public.hidden", "--no-flatten") == b"i,j,plain\none,(1),7\n"
        written = decant.export("--table", "public.hidden", "--format", "ndjson")
        assert written == b'{"i":"one","j":{"x":1},"plain":7}\n'
        assert xml_rows(decant.export("--table", "public.hidden", "--format", "xml")) == [
            [("i", "one"), ("j", [("x", "1")]), ("plain", "7")]
        ]
    finally:
        db.execute(f"ALTER DATABASE {name} RESET search_path")


# What only a query can give. The expression, COPY's text and to_json's of it.
PSEUDO = {
    "unknown": "'text'",
    "an untyped NULL": "NULL",
    "record": "ROW(1, 'a b', ARRAY[1, 2])",
    "an empty record": "ROW()",
    "an array of records": "ARRAY[ROW(1, 'x'), ROW(2, 'y')]",
    "cstring": "'text'::cstring",
    "void": "pg_sleep(0)",
    "a function's row": """json_each('{"a": 1}')""",
    "a whole row": "(SELECT t FROM (VALUES (1, 'x')) t(a, b))",
    "anyarray": "(SELECT histogram_bounds FROM pg_stats WHERE tablename = 'measured')",
}


@pytest.mark.parametrize("what", PSEUDO)
def test_a_pseudo_type_of_a_query_is_what_the_server_says(db, decant, what):
    db.execute(
        "CREATE TABLE IF NOT EXISTS measured AS SELECT generate_series(1, 1000) AS i; ANALYZE measured"
    )
    query = f"SELECT {PSEUDO[what]} AS v, 1 AS one"
    assert decant.export("--query", query, "--format", "csv") == db.csv(query)
    assert decant.export("--query", query, "--format", "ndjson") == db.ndjson(query)
    assert len(xml_rows(decant.export("--query", query, "--format", "xml"))) == 1
    assert parquet_file(decant.export("--query", query, "--format", "parquet")).metadata.num_rows == 1


def test_an_array_of_records_nests_in_xml(decant):
    written = decant.export("--query", "SELECT ARRAY[ROW(1, 'x'), ROW(2, NULL)] AS v", "--format", "xml")
    items = [("item", [("f1", "1"), ("f2", "x")]), ("item", [("f1", "2"), ("f2", ("nil",))])]
    assert xml_rows(written) == [[("v", items)]]


def test_a_cursor_s_name_is_a_text_though_its_output_function_is_another_type_s(db, decant):
    query = "SELECT 'a cursor'::refcursor AS c, NULL::refcursor AS n, ''::refcursor AS e"
    assert decant.export("--query", query, "--format", "csv") == db.csv(query) == b'c,n,e\na cursor,,""\n'


def test_a_type_may_be_dropped_and_made_anew_while_a_service_runs(db, service):
    db.execute("CREATE TYPE changing AS ENUM ('a', 'b'); CREATE TABLE changed AS SELECT 'b'::changing AS v")

    def exported():
        return service.download(service.finish(table="changed", format="ndjson")["exportId"]).body

    assert exported() == b'{"v":"b"}\n'
    db.execute("DROP TABLE changed; DROP TYPE changing; CREATE TYPE changing AS (x int, y text)")
    db.execute("CREATE TABLE changed AS SELECT ROW(1, 'one')::changing AS v")
    assert exported() == b'{"v":{"x":1,"y":"one"}}\n'
    db.execute("ALTER TYPE changing ADD ATTRIBUTE z bool CASCADE")
    assert exported() == b'{"v":{"x":1,"y":"one","z":null}}\n'
    db.execute("DROP TABLE changed; DROP TYPE changing; CREATE DOMAIN changing AS int[]")
    db.execute("CREATE TABLE changed AS SELECT ARRAY[1, 2]::changing AS v")
    assert exported() == b'{"v":[1,2]}\n'
