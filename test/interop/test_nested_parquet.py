"""Arrays, composites and hstore in Parquet, judged by other people's readers, against what row_to_json says."""

import datetime
import itertools
import json
import uuid
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import values
from support.database import Database
from support.parquet import READERS, parquet_file
from support.server_text import interval_parts

USAGE = 2
TYPES = """
CREATE EXTENSION hstore;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN price AS numeric(10,2);
CREATE TYPE place AS (x float8, y float8, label text);
CREATE TYPE item AS (sku text, quantity int, price price, tags text[], at timestamptz, mood mood);
CREATE TYPE purchase AS (id int8, items item[], origin place, took interval, net inet, extra hstore);
CREATE DOMAIN nice_item AS item;
CREATE DOMAIN ints AS int[];
CREATE TYPE every_scalar AS (a bool, b int2, c int4, d int8, e oid, f float4, g float8, h numeric, i numeric(20,3),
  j varchar(9), k char(5), l name, m jsonb, n bytea, o date, p time, q timestamp, r timestamptz, s uuid, t mood,
  u inet, v interval, w timetz, x money, y int4range, z bit(3));
"""
EVERY_SCALAR = """ROW(true, -2, 3, 4, 4294967295, 1.5, -2.25, 12345678901234567890.0123456789, 12345678901234567.891,
  'var', 'ch', 'name', '{"a": [1, "x"]}', '\\x00ff', '2024-02-29', '23:59:59.123456', '2024-02-29 01:02:03.000004',
  '2024-02-29 01:02:03+00', '01234567-89ab-cdef-0123-456789abcdef', 'happy', '10.1.2.3/8', '1 mon -2 days 03:00',
  '01:02:03+02', '12.50', '[1,5)', '101')::every_scalar"""
COLUMNS = {
    "numbers": ("int[]", ["'{1,NULL,3}'", "'{}'", "'{NULL}'"]),
    "texts": ("text[] NOT NULL", ["'{a,NULL,\"\",NULL}'", "'{}'", "'{\"\"}'"]),
    "prices": ("numeric(9,2)[]", ["'{1.50,NULL,-9999999.99}'", "'{}'", "NULL"]),
    "an_item": (
        "item",
        ["ROW('s', 1, 2.5, '{x}', '2020-01-01Z', 'ok')", "ROW(NULL, NULL, NULL, NULL, NULL, NULL)", "NULL"],
    ),
    "items": (
        "item[]",
        [
            "ARRAY[ROW('p', 1, 9.99, '{}', NULL, 'sad')::item, NULL, ROW(NULL, NULL, NULL, NULL, NULL, NULL)::item]",
            "'{}'",
            "NULL",
        ],
    ),
    "a_purchase": (
        "purchase",
        [
            """ROW(7, ARRAY[ROW('z', 3, 1, '{t1,t2}', NULL, NULL)::item], ROW(1, 2, 'l')::place, '1 day 02:00',
                   '10.0.0.1/8', 'k=>v, n=>NULL')""",
            "ROW(NULL, NULL, NULL, NULL, NULL, NULL)",
            "NULL",
        ],
    ),
    "purchases": (
        "purchase[]",
        [
            """ARRAY[ROW(8, NULL, NULL, '3 mons', '::1', '')::purchase, NULL,
                     ROW(9, ARRAY[NULL, ROW('a', 1, 1, '{u}', NULL, NULL)::item], NULL, NULL, NULL, NULL)::purchase]""",
            "'{}'",
            "NULL",
        ],
    ),
    "pairs": ("hstore", ['\'a=>1, b=>NULL, "c d"=>""\'', "''", "NULL"]),
    "maps": ("hstore[]", ["ARRAY['a=>1'::hstore, NULL, '']", "'{}'", "NULL"]),
    "spans": ("interval[]", ["'{1 day,NULL,-3 mons}'", "'{}'", "NULL"]),
    "moods": ("mood[]", ["'{ok,NULL}'", "'{}'", "NULL"]),
    "a_domain": ("nice_item", ["ROW('d', 1, 1, NULL, NULL, NULL)", "NULL", "NULL"]),
    "a_list_domain": ("ints", ["'{5}'", "'{}'", "NULL"]),
    "lists": ("ints[]", ['\'{"{1,2}",NULL,"{}"}\'', "'{}'", "NULL"]),
    "a_vector": ("int2vector", ["'1 2 3'", "''", "NULL"]),
    "networks": ("inet[]", ["'{10.1.2.3,::2,10.0.0.0/8}'", "'{}'", "NULL"]),
    "documents": ("jsonb[]", ["ARRAY['{\"a\": 1}'::jsonb, NULL]", "'{}'", "NULL"]),
    "every": ("every_scalar", [EVERY_SCALAR, "NULL", "NULL"]),
    "everies": ("every_scalar[]", [f"ARRAY[{EVERY_SCALAR}, NULL]", "'{}'", "NULL"]),
}


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute(TYPES)
    definitions = ", ".join(f"{name} {column[0]}" for name, column in COLUMNS.items())
    db.execute(f"CREATE TABLE nested ({definitions})")
    for i in range(3):
        row = ", ".join(column[1][i] for column in COLUMNS.values())
        db.execute(f"INSERT INTO nested VALUES ({row})")
    db.execute("""CREATE TABLE many AS SELECT i,
                    CASE WHEN i % 11 > 0 THEN ARRAY(SELECT CASE WHEN k % 5 > 0 THEN i * k END
                                                    FROM generate_series(1, i % 7) k) END AS numbers,
                    CASE WHEN i % 13 > 0 THEN ARRAY(SELECT md5((i * k)::text) FROM generate_series(1, i % 4) k) END AS texts,
                    ARRAY(SELECT ROW('sku ' || k % 10, k, i % 100, ARRAY['t' || i % 3], NULL, 'ok')::item
                          FROM generate_series(1, i % 3) k) AS items,
                    CASE WHEN i % 3 > 0 THEN hstore(ARRAY['a', 'b' || i % 5], ARRAY[i::text, NULL]) END AS pairs
                  FROM generate_series(1, 20000) i""")
    db.execute("""CREATE TABLE dimensions (id int, numbers int[], spans interval[], texts text[])""")
    db.execute(
        "INSERT INTO dimensions VALUES (1, '{{1,2},{3,4}}', NULL, NULL), (2, '[0:1]={5,6}', NULL, NULL), (3, '{7}', NULL, NULL)"
    )
    db.execute("CREATE TABLE shifted_spans AS SELECT '[2:3]={1 day,2 days}'::interval[] AS spans")


@pytest.fixture
def write(decant, tmp_path):
    def export(*arguments):
        path = tmp_path / f"export{len(list(tmp_path.iterdir()))}.parquet"
        decant("export", "--quiet", "-o", path, *arguments)
        return path

    return export


def said(db, query):
    """The rows as row_to_json says them: numbers as Decimal, so that not a digit is lost."""
    return [json.loads(text, parse_float=Decimal) for text in db.json_rows(query)]


def is_same_number(read, said):
    if isinstance(read, str):  # a numeric without precision is its text
        return read == (format(said, "f") if isinstance(said, Decimal) else str(said))
    if isinstance(read, float):
        return read == float(said)
    return read == said


def is_same_text(read, said):
    if isinstance(read, dict):
        return list(read.items()) == list(zip(("months", "days", "micros"), interval_parts(said)))
    if isinstance(read, bytes):
        return said in ("\\x" + read.hex(), str(uuid.UUID(bytes=read)) if len(read) == 16 else None)
    if isinstance(read, datetime.datetime):
        return read == datetime.datetime.fromisoformat(said)
    if isinstance(read, datetime.date):
        return read == datetime.date.fromisoformat(said)
    if isinstance(read, datetime.time):
        return read == datetime.time.fromisoformat(said)
    if isinstance(read, uuid.UUID):
        return str(read) == said
    if isinstance(read, (int, float)) and not isinstance(read, bool):  # oid, NaN
        return str(read) == said or repr(read) == repr(float(said))
    return read == said


def is_same(read, said):
    """A reader's value and what the JSON of it says: the latter knows fewer types."""
    if read is None or said is None:
        return read is said
    if isinstance(read, (str, bytes)) and isinstance(said, (dict, list)):  # a JSON leaf
        return json.loads(read, parse_float=Decimal) == said
    if isinstance(said, list):
        return len(read) == len(said) and all(map(is_same, read, said))
    if isinstance(said, dict):
        if isinstance(read, list):  # a map
            read = {k: v for k, v in (pair if isinstance(pair, tuple) else pair.values() for pair in read)}
        return list(read) == list(said) and all(is_same(read[key], said[key]) for key in said)
    if isinstance(said, bool) or isinstance(read, bool):
        return read is said
    return is_same_number(read, said) if isinstance(said, (int, Decimal)) else is_same_text(read, said)


def assert_same(path, expected, readers=READERS):
    for name in readers:
        rows = READERS[name](path).to_pylist()
        assert len(rows) == len(expected), name
        for read, row in zip(rows, expected):
            for column in row:
                assert is_same(read[column], row[column]), (name, column, read[column], row[column])


@pytest.mark.parametrize(
    "options", ["", "profile=modern", "dictionary=false,compression=none", "page-rows=2"]
)
def test_nested_values_are_those_of_the_server_in_every_reader(db, write, options):
    arguments = ["--parquet", options] if options else []
    assert_same(write("--table", "nested", *arguments), said(db, "SELECT * FROM nested"))


def test_the_same_of_a_query_and_of_a_view(db, write):
    expected = said(db, "SELECT * FROM nested")
    db.execute("CREATE VIEW nested_view AS SELECT * FROM nested")
    assert_same(write("--table", "nested_view"), expected)
    assert_same(write("--query", "SELECT * FROM nested"), expected)


def test_types_are_lists_groups_and_maps_of_the_types_that_columns_have(write):
    schema = pq.ParquetFile(write("--table", "nested")).schema_arrow
    item = pa.struct(
        [
            ("sku", pa.string()),
            ("quantity", pa.int32()),
            ("price", pa.decimal128(10, 2)),
            ("tags", pa.list_(pa.string())),
            ("at", pa.timestamp("us", "UTC")),
            ("mood", pa.string()),
        ]
    )

    def is_same_type(found, expected):  # but for the names of what lists and maps hold
        return str(found).replace("element:", "item:") == str(expected).replace("element:", "item:")

    assert is_same_type(schema.field("numbers").type, pa.list_(pa.int32()))
    assert is_same_type(schema.field("prices").type, pa.list_(pa.decimal128(9, 2)))
    assert is_same_type(schema.field("an_item").type, item)
    assert is_same_type(schema.field("items").type, pa.list_(item))
    assert is_same_type(schema.field("lists").type, pa.list_(pa.list_(pa.int32())))
    assert pa.types.is_map(schema.field("pairs").type)
    assert not schema.field("texts").nullable and schema.field("numbers").nullable
    ids = []

    def collect(field):
        ids.append(field.metadata[b"PARQUET:field_id"])
        for i in range(field.type.num_fields if pa.types.is_nested(field.type) else 0):
            inner = field.type.field(i)
            if inner.metadata or not pa.types.is_nested(inner.type):
                collect(inner)

    for field in schema:
        if not pa.types.is_map(field.type):  # between a map and its parts pyarrow shows a group without an id
            collect(field)
    assert len(ids) == len(set(ids))


def test_many_rows_in_many_pages_and_row_groups_come_back(db, write):
    expected = said(db, "SELECT * FROM many ORDER BY i")
    options = ("row-group-rows=7000,page-rows=500", "profile=modern,page-size=4KiB", "dictionary=false")
    for asked in options:
        path = write("--table", "many", "--parquet", asked)
        assert_same(path, expected, ["pyarrow"])
    assert pq.ParquetFile(path).metadata.num_rows == 20000
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT count(*), sum(len(numbers)), sum(list_sum(numbers)), count(DISTINCT texts[1]) FROM read_parquet(?)",
            [str(path)],
        ).fetchone()
    assert [int(v) for v in found] == [
        int(v)
        for v in db.rows("""SELECT count(*), sum(cardinality(numbers)),
                              sum((SELECT sum(n) FROM unnest(numbers) n)), count(DISTINCT texts[1]) FROM many""")[
            0
        ]
    ]


def test_counts_in_the_footer_are_of_entries_and_of_missing_values(db, write):
    metadata = pq.ParquetFile(write("--query", "SELECT * FROM many ORDER BY i LIMIT 1000")).metadata
    columns = {
        metadata.row_group(0).column(i).path_in_schema: metadata.row_group(0).column(i)
        for i in range(metadata.num_columns)
    }
    numbers = columns["numbers.list.element"]
    entries, present, least, most = db.rows(
        """SELECT sum(greatest(coalesce(cardinality(numbers), 0), 1)),
             sum((SELECT count(n) FROM unnest(numbers) n)),
             min((SELECT min(n) FROM unnest(numbers) n)), max((SELECT max(n) FROM unnest(numbers) n))
           FROM many WHERE i <= 1000"""
    )[0]
    assert numbers.num_values == entries
    assert numbers.statistics.null_count == entries - present
    assert (numbers.statistics.min, numbers.statistics.max) == (least, most)
    assert "items.list.element.tags.list.element" in columns and "pairs.key_value.key" in columns


def test_an_array_of_more_dimensions_is_an_error_that_names_column_and_dimensions(decant):
    failed = decant("export", "--table", "dimensions", "-f", "parquet", code=1)
    assert '"numbers"' in failed.err and "[1:2][1:2]" in failed.err and "nested=json" in failed.err


def test_an_array_of_more_dimensions_is_null_or_json_where_asked_for(decant):
    def numbers(*arguments):
        written = decant.export("--table", "dimensions", "-f", "parquet", *arguments)
        return parquet_file(written).read().column("numbers").to_pylist()

    assert numbers("--special", "null") == [None, None, [7]]
    assert numbers("--parquet", "nested=json") == ["[[1,2],[3,4]]", "[5,6]", "[7]"]
    failed = decant("export", "--table", "dimensions", "-f", "parquet", "--special", "string", code=USAGE)
    assert "special=string" in failed.err


def test_a_list_begins_where_it_will_where_asked_for(decant):
    query = "SELECT numbers FROM dimensions WHERE id > 1 ORDER BY id"
    written = decant.export("--query", query, "-f", "parquet", "--special", "replace")
    assert parquet_file(written).read().column("numbers").to_pylist() == [[5, 6], [7]]
    for special in (
        "error",
        "replace",
    ):  # the server has taken these apart: there is nothing to put in their place
        failed = decant("export", "--table", "shifted_spans", "-f", "parquet", "--special", special, code=1)
        assert "[2:3]" in failed.err
    written = decant.export("--table", "shifted_spans", "-f", "parquet", "--special", "null")
    assert parquet_file(written).read().column("spans").to_pylist() == [None]


def test_a_value_within_a_list_that_has_no_equal_follows_the_policy(decant):
    query = "SELECT ARRAY['infinity', '2024-01-01']::date[] AS dates, ARRAY['NaN', '1']::numeric(5,1)[] AS numbers"
    failed = decant("export", "--query", query, "-f", "parquet", code=1)
    assert '"dates[]"' in failed.err and "infinity" in failed.err
    row = (
        parquet_file(decant.export("--query", query, "-f", "parquet", "--special", "null"))
        .read()
        .to_pylist()[0]
    )
    assert row == {"dates": [None, datetime.date(2024, 1, 1)], "numbers": [None, Decimal("1.0")]}


def test_what_cannot_be_told_as_a_tree_is_json(db, write):
    db.execute("CREATE TYPE nothing AS ()")
    query = "SELECT ROW(1, 'a') AS r, ARRAY[ROW(2, 'b')] AS rs, ROW()::nothing AS n, '{1}'::int[] AS l"
    read = pq.ParquetFile(write("--query", query)).read().to_pylist()
    assert read == [{"r": '{"f1":1,"f2":"a"}', "rs": '[{"f1":2,"f2":"b"}]', "n": "{}", "l": [1]}]


def test_hstore_is_right_where_the_database_is_not_utf8(server, decant):
    latin = Database(server, "nested_latin1", encoding="LATIN1")
    latin.execute("CREATE EXTENSION hstore; CREATE TYPE pair AS (k text, v text)")
    latin.execute(
        "CREATE TABLE t AS SELECT hstore('clé', 'é') AS h, ROW('é', 'è')::pair AS c, ARRAY['é', 'à'] AS a"
    )
    written = decant.export("--table", "t", "-f", "parquet", db=latin.conninfo)
    row = parquet_file(written).read().to_pylist()[0]
    assert json.loads(row["h"]) == {"clé": "é"}
    assert row["c"] == {"k": "é", "v": "è"} and row["a"] == ["é", "à"]
    latin.drop()


def test_a_dropped_field_is_not_there(db, write):
    db.execute("CREATE TYPE changing AS (a int, b text, c int)")
    db.execute("CREATE TABLE changed (v changing)")
    db.execute("INSERT INTO changed VALUES (ROW(1, 'x', 2))")
    db.execute("ALTER TYPE changing DROP ATTRIBUTE b CASCADE")
    assert_same(write("--table", "changed"), [{"v": {"a": 1, "c": 2}}])


def test_a_very_long_array_is_one_value(db, write):
    db.execute(
        "CREATE TABLE long AS SELECT ARRAY(SELECT n % 1000003 FROM generate_series(1, 3000000) n) AS numbers"
    )
    (row,) = (
        pq.ParquetFile(write("--table", "long"), page_checksum_verification=True).read().column("numbers")
    )
    expected = pa.array([n % 1000003 for n in range(1, 3000001)], pa.int32())
    assert pa.array(row.values, pa.int32()).equals(expected)


TEXT = st.text(st.characters(blacklist_characters="\x00", blacklist_categories=("Cs",)), max_size=20)
# SQL type, whether arrays of it may be made, and the SQL of a value.
SCALARS = [
    ("bool", st.sampled_from(["true", "false"])),
    ("int2", st.integers(-(2**15), 2**15 - 1).map(str)),
    ("int4", st.integers(-(2**31), 2**31 - 1).map(lambda n: f"'{n}'")),
    ("int8", st.integers(-(2**63), 2**63 - 1).map(lambda n: f"'{n}'")),
    ("float8", st.floats(allow_nan=False, allow_infinity=False).map(lambda f: f"'{f!r}'")),
    ("numeric", st.decimals(allow_nan=False, allow_infinity=False, places=3).map(lambda d: f"'{d:f}'")),
    ("numeric(12,3)", st.integers(-(10**12) + 1, 10**12 - 1).map(lambda n: f"({n}::numeric / 1000)")),
    (
        "numeric(30,3)",
        st.integers(-(10**30) + 1, 10**30 - 1).map(lambda n: f"({n}::numeric * 0.001)::numeric(30,3)"),
    ),
    ("text", TEXT.map(values.literal)),
    ("bytea", st.binary(max_size=9).map(lambda b: f"'\\x{b.hex()}'")),
    (
        "jsonb",
        st.dictionaries(TEXT, st.integers(-9, 9), max_size=3).map(lambda d: values.literal(json.dumps(d))),
    ),
    ("date", st.dates().map(lambda d: f"'{d.isoformat()}'")),
    ("timestamp", st.datetimes().map(lambda t: f"'{t.isoformat()}'")),
    ("timestamptz", st.datetimes().map(lambda t: f"'{t.isoformat()}Z'")),
    ("uuid", st.uuids().map(lambda u: f"'{u}'")),
    ("mood", st.sampled_from(["'sad'", "'ok'", "'happy'"])),
    ("interval", st.integers(-(10**6), 10**6).map(lambda n: f"'{n} hours'")),
    ("inet", st.ip_addresses().map(lambda ip: f"'{ip}'")),
    (
        "hstore",
        st.dictionaries(TEXT, st.one_of(st.none(), TEXT), max_size=3).map(
            lambda d: (
                "hstore(ARRAY["
                + ", ".join(map(values.literal, d))
                + "]::text[], ARRAY["
                + ", ".join("NULL" if v is None else values.literal(v) for v in d.values())
                + "]::text[])"
            )
        ),
    ),
]
counter = itertools.count()


class Made:
    """A type made for one example: its SQL name, the statements that make it, and a strategy of values' SQL."""

    def __init__(self, name, statements, value):
        self.name, self.statements, self.value = name, statements, value

    def nullable(self):
        return st.one_of(self.value, st.just("NULL"))


def scalar(pair):
    kind, value = pair
    return Made(kind, [], value.map(lambda sql: f"({sql})::{kind}"))


def array_of(made):
    items = st.lists(made.nullable(), max_size=4)
    return Made(
        f"{made.name}[]", made.statements, items.map(lambda list: f"ARRAY[{', '.join(list)}]::{made.name}[]")
    )


def composite_of(fields):
    name = f"made_{next(counter)}"
    columns = ", ".join(f"f{i} {field.name}" for i, field in enumerate(fields))
    statements = [
        *itertools.chain(*(field.statements for field in fields)),
        f"CREATE TYPE {name} AS ({columns})",
    ]
    row = st.tuples(*(field.nullable() for field in fields))
    return Made(name, statements, row.map(lambda cells: f"ROW({', '.join(cells)})::{name}"))


def domain_of(made):
    name = f"made_{next(counter)}"
    return Made(
        name,
        [*made.statements, f"CREATE DOMAIN {name} AS {made.name}"],
        made.value.map(lambda sql: f"({sql})::{name}"),
    )


def wrap(inner):
    return st.one_of(
        inner.filter(lambda made: not made.name.endswith("[]")).map(array_of),
        st.lists(inner, min_size=1, max_size=4).map(composite_of),
        inner.map(domain_of),
    )


MADE_TYPES = st.recursive(st.sampled_from(SCALARS).map(scalar), wrap, max_leaves=6)


@st.composite
def nested_tables(draw):
    columns = draw(st.lists(MADE_TYPES, min_size=1, max_size=3))
    rows = draw(st.lists(st.tuples(*(column.nullable() for column in columns)), min_size=1, max_size=6))
    options = draw(
        st.sampled_from(
            ["page-rows=1", "page-rows=3", "dictionary=false", "profile=modern", "row-group-rows=2"]
        )
    )
    return columns, rows, options


def check(db, decant, tmp_path, made):
    columns, rows, options = made
    statements = dict.fromkeys(itertools.chain(*(column.statements for column in columns)))
    table = f"random_{next(counter)}"
    db.execute("BEGIN; " + "; ".join(statements)) if statements else db.execute("BEGIN")
    try:
        definitions = ", ".join(f"c{i} {column.name}" for i, column in enumerate(columns))
        db.execute(f"CREATE TABLE {table} ({definitions})")
        for row in rows:
            db.execute(f"INSERT INTO {table} VALUES ({', '.join(row)})")
    except Exception:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
    path = tmp_path / f"{table}.parquet"
    decant("export", "--quiet", "--table", table, "-o", path, "--parquet", options)
    assert_same(path, said(db, f"SELECT * FROM {table}"))
    path.unlink()
    db.execute(f"DROP TABLE {table}")


COMMON = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=30, derandomize=True, **COMMON)
@given(made=nested_tables())
def test_nested_types_made_at_random_come_back(db, decant, tmp_path, made):
    check(db, decant, tmp_path, made)


@pytest.mark.long
@settings(max_examples=600, **COMMON)
@given(made=nested_tables())
def test_many_more_nested_types_made_at_random_come_back(db, decant, tmp_path, made):
    check(db, decant, tmp_path, made)
