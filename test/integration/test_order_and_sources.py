"""What can be exported, in which order: tables, partitions, children, views, queries, filters, limits."""

import json
import threading

import pyarrow.parquet as pq
import pytest
from support import values
from support.command import filter_arguments
from support.database import Database
from support.parquet import parquet_file


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute("CREATE TABLE numbered (id int PRIMARY KEY, grp int, label text, amount numeric(10,2))")
    db.execute("""INSERT INTO numbered SELECT i, i % 10, CASE WHEN i % 4 > 0 THEN 'label ' || i END, i / 4.0
                  FROM generate_series(1, 50000) i""")
    # Not in the order of the ids any more: updated rows moved to the end.
    db.execute("UPDATE numbered SET label = label || '!' WHERE id % 7 = 0")
    db.execute("VACUUM ANALYZE numbered")


def ids(written):
    return [int(line.split(",")[0]) for line in written.decode().splitlines()[1:]]


# --- order ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_rows_come_in_the_order_of_the_table(db, decant, lanes):
    written = decant.export("--table", "numbered", "--format", "csv", "--lanes", lanes)
    assert ids(written) == db.column("SELECT id FROM numbered ORDER BY ctid")


def test_order_by_sorts_up_and_down(db, decant):
    written = decant.export("--table", "numbered", "--format", "csv", "--order-by", "grp desc,id")
    assert ids(written) == db.column("SELECT id FROM numbered ORDER BY grp DESC, id")


def test_a_limit_takes_the_first_rows_of_the_order(db, decant):
    written = decant.export(
        "--table", "numbered", "--format", "csv", "--order-by", "amount desc", "--limit", 17
    )
    assert ids(written) == db.column("SELECT id FROM numbered ORDER BY amount DESC LIMIT 17")


@pytest.mark.parametrize("limit", [0, 1, 49999, 50000, 60000])
def test_a_limit_without_an_order_gives_as_many_rows(decant, limit):
    written = decant.export("--table", "numbered", "--format", "csv", "--limit", limit, "--lanes", 4)
    assert len(set(ids(written))) == len(ids(written)) == min(limit, 50000)


# --- leaves ---------------------------------------------------------------------------------------
def physical(db, table, columns="id"):
    """Rows by leaf and place: (tableoid, ctid)."""
    return db.rows(f"SELECT tableoid::regclass::text, {columns} FROM {table} ORDER BY tableoid, ctid")


def assert_leaf_by_leaf(db, table, found):
    """Each leaf's rows stand together, in their place's order."""
    expected = physical(db, table)
    assert sorted(found) == sorted(row[1] for row in expected)
    leaf_of = {row[1]: row[0] for row in expected}
    leaves = list(dict.fromkeys(leaf_of[i] for i in found))
    for leaf in leaves:
        assert [i for i in found if leaf_of[i] == leaf] == [i for name, i in expected if name == leaf]
    assert found == [i for leaf in leaves for i in found if leaf_of[i] == leaf], "leaves are mixed"


def test_a_table_with_inheritance_children_gives_the_rows_of_all(db, decant):
    db.execute("CREATE TABLE parent (id int, label text)")
    db.execute("CREATE TABLE child_a (extra int) INHERITS (parent)")
    db.execute("CREATE TABLE grandchild (more int) INHERITS (child_a)")
    db.execute("CREATE TABLE child_b (before int, label text, id int)")
    db.execute("ALTER TABLE child_b INHERIT parent")
    db.execute("INSERT INTO parent SELECT i, 'p' FROM generate_series(1, 3000) i")
    db.execute("INSERT INTO child_a SELECT i, 'a', 1 FROM generate_series(3001, 6000) i")
    db.execute("INSERT INTO grandchild SELECT i, 'g', 1, 2 FROM generate_series(6001, 9000) i")
    db.execute("INSERT INTO child_b SELECT 1, 'b', i FROM generate_series(9001, 12000) i")
    written = decant.export("--table", "parent", "--format", "csv", "--lanes", 3)
    assert_leaf_by_leaf(db, "parent", ids(written))
    assert sorted(written.decode().splitlines()[1:]) == sorted(
        f"{i},{label}" for i, label in db.rows("SELECT id, label FROM parent")
    )
    assert written == decant.export("--table", "parent", "--format", "csv", "--lanes", 1)


def test_a_child_may_hold_nulls_where_its_parent_says_not_null(db, decant, tmp_path):
    """Until PostgreSQL 18 a child could drop NOT NULL; what is foreign never kept it."""
    if db.version >= 180000:
        pytest.skip("its children keep NOT NULL")
    db.execute("CREATE TABLE strict (id int NOT NULL, label text NOT NULL)")
    db.execute("CREATE TABLE lax () INHERITS (strict)")
    db.execute("ALTER TABLE lax ALTER label DROP NOT NULL")
    db.execute("INSERT INTO strict SELECT i, 'p' FROM generate_series(1, 3000) i")
    db.execute("INSERT INTO lax SELECT i, NULL FROM generate_series(3001, 6000) i")
    path = tmp_path / "strict.parquet"
    decant("export", "--table", "strict", "-o", path)
    table = pq.read_table(path)
    assert [field.nullable for field in table.schema] == [False, True]
    assert sorted(table.to_pylist(), key=lambda row: row["id"]) == [
        {"id": i, "label": "p" if i <= 3000 else None} for i in range(1, 6001)
    ]
    db.execute("DROP TABLE strict CASCADE")


def test_a_foreign_partition_may_hold_nulls_where_the_table_says_not_null(db, decant, tmp_path):
    rows = db.value("SHOW data_directory") + "/mixed.csv"
    db.execute(f"COPY (SELECT 101, NULL) TO '{rows}' (FORMAT csv)")
    db.execute("CREATE EXTENSION IF NOT EXISTS file_fdw")
    db.execute("CREATE SERVER IF NOT EXISTS files FOREIGN DATA WRAPPER file_fdw")
    db.execute("CREATE TABLE mixed (id int NOT NULL, label text NOT NULL) PARTITION BY RANGE (id)")
    db.execute("CREATE TABLE mixed_own PARTITION OF mixed FOR VALUES FROM (0) TO (100)")
    db.execute(f"""CREATE FOREIGN TABLE mixed_far PARTITION OF mixed FOR VALUES FROM (100) TO (200)
                   SERVER files OPTIONS (filename '{rows}', format 'csv')""")
    db.execute("INSERT INTO mixed VALUES (1, 'one')")
    path = tmp_path / "mixed.parquet"
    decant("export", "--table", "mixed", "-o", path)
    assert pq.read_table(path).to_pylist() == [{"id": 1, "label": "one"}, {"id": 101, "label": None}]
    db.execute("ALTER TABLE mixed DETACH PARTITION mixed_far")
    decant("export", "--table", "mixed", "-o", path)
    assert [field.nullable for field in pq.read_table(path).schema] == [False, False]
    db.execute("DROP TABLE mixed")
    db.execute("DROP FOREIGN TABLE mixed_far")


def test_partitions_whose_columns_stand_otherwise_or_were_dropped(db, decant):
    db.execute(
        "CREATE TABLE parts (id int NOT NULL, label text, amount numeric(9,2)) PARTITION BY RANGE (id)"
    )
    db.execute("CREATE TABLE part_a PARTITION OF parts FOR VALUES FROM (0) TO (3000)")
    db.execute("CREATE TABLE part_b (amount numeric(9,2), gone text, id int NOT NULL, label text)")
    db.execute("ALTER TABLE part_b DROP COLUMN gone")
    db.execute("ALTER TABLE parts ATTACH PARTITION part_b FOR VALUES FROM (3000) TO (6000)")
    db.execute(
        "CREATE TABLE part_c PARTITION OF parts FOR VALUES FROM (6000) TO (9000) PARTITION BY HASH (id)"
    )
    for i in range(3):
        db.execute(f"CREATE TABLE part_c{i} PARTITION OF part_c FOR VALUES WITH (MODULUS 3, REMAINDER {i})")
    db.execute("CREATE TABLE part_rest PARTITION OF parts DEFAULT")
    db.execute("ALTER TABLE parts ADD COLUMN late int DEFAULT 7")
    db.execute("INSERT INTO parts SELECT i, 'l' || i, i / 2.0 FROM generate_series(0, 10000) i")
    written = decant.export("--table", "parts", "--format", "csv", "--lanes", 3)
    assert_leaf_by_leaf(db, "parts", ids(written))
    by_id = {line.split(",")[0]: line for line in written.decode().splitlines()[1:]}
    copied = db.csv("SELECT * FROM parts").decode().splitlines()[1:]
    assert by_id == {line.split(",")[0]: line for line in copied}


def test_a_partitioned_table_without_partitions_is_empty(db, decant):
    db.execute("CREATE TABLE hollow (id int) PARTITION BY RANGE (id)")
    assert decant.export("--table", "hollow", "--format", "csv") == b"id\n"


def test_hundreds_of_partitions_come_in_one_file(db, decant):
    db.execute("CREATE TABLE sliced (id int) PARTITION BY LIST (id)")
    for i in range(300):
        db.execute(f"CREATE TABLE slice_{i} PARTITION OF sliced FOR VALUES IN ({i})")
    db.execute("INSERT INTO sliced SELECT i % 300 FROM generate_series(1, 3000) i")
    written = decant.export("--table", "sliced", "--format", "csv", "--lanes", 4)
    assert sorted(ids(written)) == sorted(i % 300 for i in range(1, 3001))


def test_columns_that_were_dropped_leave_no_trace(db, decant):
    db.execute("CREATE TABLE shrunk (a int, b text, c int)")
    db.execute("INSERT INTO shrunk VALUES (1, 'x', 2)")
    db.execute("ALTER TABLE shrunk DROP COLUMN b")
    db.execute("ALTER TABLE shrunk ADD COLUMN d int DEFAULT 5")
    assert decant.export("--table", "shrunk", "--format", "csv") == b"a,c,d\n1,2,5\n"


def test_generated_columns_have_their_values(db, decant):
    db.execute("CREATE TABLE generated (a int, twice int GENERATED ALWAYS AS (a * 2) STORED)")
    db.execute("INSERT INTO generated VALUES (4)")
    assert decant.export("--table", "generated", "--format", "csv") == b"a,twice\n4,8\n"


# --- other sources --------------------------------------------------------------------------------
def test_a_view_and_a_materialized_view_are_exported(db, decant):
    db.execute("CREATE VIEW seen AS SELECT id, upper(label) AS big FROM numbered WHERE grp = 3")
    db.execute("CREATE MATERIALIZED VIEW kept AS SELECT * FROM seen ORDER BY id DESC")
    for relation in ("seen", "kept"):
        written = decant.export("--table", relation, "--format", "csv", "--lanes", 2)
        assert written == db.csv(f"SELECT * FROM {relation}")


def test_a_foreign_table_is_exported(db, decant):
    db.execute("CREATE EXTENSION IF NOT EXISTS file_fdw")
    db.execute("CREATE SERVER IF NOT EXISTS files FOREIGN DATA WRAPPER file_fdw")
    db.execute("""CREATE FOREIGN TABLE passwd (name text, x text, uid int, gid int, gecos text, home text, shell text)
                  SERVER files OPTIONS (filename '/etc/passwd', delimiter ':')""")
    assert decant.export("--table", "passwd", "--format", "csv") == db.csv("SELECT * FROM passwd")


def test_an_unlogged_table_in_another_schema_is_exported(db, decant):
    db.execute('CREATE SCHEMA "Other.Schema"')
    db.execute('CREATE UNLOGGED TABLE "Other.Schema"."the ""table""" AS SELECT 1 AS one')
    assert decant.export("--table", '"Other.Schema"."the ""table"""', "--format", "csv") == b"one\n1\n"


QUERIES = [
    "SELECT id, label FROM numbered WHERE grp = 1 ORDER BY id",
    "SELECT 1 AS one;",
    "SELECT 1 AS one ;  \n",
    "SELECT 1 AS one -- a comment at the end",
    "SELECT 1 AS one; -- behind the semicolon",
    "/* before */ SELECT 1 AS one /* behind */",
    "WITH w AS (SELECT 1 AS a UNION ALL SELECT 2) SELECT * FROM w",
    "VALUES (1, 'x'), (2, 'y')",
    "TABLE numbered",
    "SELECT 'a;b--c/*d*/' AS t, $$)$$ AS u",
    "(SELECT 1 AS one)",
    'SELECT 1 AS "a""b", 2 AS "with space"',
    "SELECT id FROM numbered ORDER BY id LIMIT 3",
    "SELECT count(*) FROM numbered",
    "SELECT i, repeat('x', i) FROM generate_series(0, 5) i",
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_gives_what_the_server_gives(db, decant, query):
    plain = query.rpartition("; -- behind")[0] or query.rstrip().rstrip(";")
    assert decant.export("--query", query, "--format", "csv") == db.csv(plain + "\n")


def test_a_query_is_read_from_a_file(db, decant, tmp_path):
    path = tmp_path / "query.sql"
    path.write_text("SELECT id FROM numbered -- all of them\nWHERE grp = 2\nORDER BY id;\n")
    assert decant.export("--query-file", path, "--format", "csv") == db.csv(
        "SELECT id FROM numbered WHERE grp = 2 ORDER BY id"
    )


# --- filters --------------------------------------------------------------------------------------
FILTERS = [
    (("id", "=", "77"), "id = 77"),
    (("id", "!=", "77"), "id <> 77"),
    (("id", "<", "100"), "id < 100"),
    (("id", "<=", "100"), "id <= 100"),
    (("id", ">", "49900"), "id > 49900"),
    (("amount", ">=", "12400.5"), "amount >= 12400.5"),
    (("id", "in", "5", "4", "70000"), "id IN (5, 4, 70000)"),
    (("label", "like", "label 1234%"), "label LIKE 'label 1234%'"),
    (("label", "is_null"), "label IS NULL"),
    (("label", "not_null"), "label IS NOT NULL"),
    (("label", "=", "label 5"), "label = 'label 5'"),
]


@pytest.mark.parametrize("given, condition", FILTERS)
@pytest.mark.parametrize("lanes", [1, 3])
def test_a_filter_gives_the_rows_that_the_server_gives(db, decant, given, condition, lanes):
    written = decant.export(
        "--table", "numbered", "--format", "csv", "--lanes", lanes, *filter_arguments(given)
    )
    assert sorted(ids(written)) == db.column(f"SELECT id FROM numbered WHERE {condition} ORDER BY id")


def test_filters_are_joined_by_and(db, decant):
    written = decant.export(
        "--table",
        "numbered",
        "--format",
        "csv",
        *filter_arguments(("grp", "=", "3"), ("id", "<", "500"), ("label", "not_null")),
    )
    assert sorted(ids(written)) == db.column(
        "SELECT id FROM numbered WHERE grp = 3 AND id < 500 AND label IS NOT NULL ORDER BY id"
    )


def test_a_filter_without_an_index_keeps_the_order_of_the_table(db, decant):
    written = decant.export(
        "--table", "numbered", "--format", "csv", "--lanes", 4, *filter_arguments(("grp", "=", "3"))
    )
    assert ids(written) == db.column("SELECT id FROM numbered WHERE grp = 3 ORDER BY ctid")


HOSTILE = [
    "'",
    "''",
    "\\",
    "\\'",
    "' OR 1=1 --",
    "'; DROP TABLE numbered; --",
    "$$",
    "%",
    "_",
    '"',
    "\n",
    "é",
    "",
    "x' UNION SELECT 1,2,'3',4 --",
    "E'\\x27'",
    "::int",
    "\\x27",
    "U&'\\0027'",
    "NULL",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_value_is_only_a_value(service, db, decant, text):
    db.execute("DROP TABLE IF EXISTS hostile")
    db.execute("CREATE TABLE hostile (id int, t text)")
    for i, value in enumerate([*HOSTILE, "other"]):
        db.execute("INSERT INTO hostile VALUES (%s, %s)", (i, value))
    status = service.finish(
        table="hostile",
        format="csv",
        columns=[{"source": "id"}],
        where=[{"column": "t", "op": "=", "value": text}],
    )
    written = service.download(status["exportId"]).body
    assert written.decode() == f"id\n{HOSTILE.index(text)}\n"
    assert db.value("SELECT count(*) FROM numbered") == 50000


def test_a_typed_filter_compares_as_its_type_does(db, decant):
    db.execute("CREATE TYPE mood AS ENUM ('low', 'high')")
    db.execute(
        "CREATE TABLE typed (id int, moment timestamptz, day date, u uuid, b bool, e mood, n inet, a int[])"
    )
    db.execute("""INSERT INTO typed VALUES
      (1, '2024-01-01 00:00+00', '2024-01-01', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', true, 'low', '10.0.0.1', '{1,2}'),
      (2, '2024-01-01 01:00+00', '2024-02-01', 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', false, 'high', '10.0.0.9', '{3}')""")
    for given, expected in [
        (("moment", ">", "2024-01-01 00:30:00"), [2]),
        (("moment", "=", "2024-01-01T01:00:00+01:00"), [1]),
        (("day", "<=", "2024-01-31"), [1]),
        (("u", "=", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), [1]),
        (("b", "=", "false"), [2]),
        (("e", ">", "low"), [2]),
        (("n", "<", "10.0.0.5"), [1]),
        (("a", "=", "{1,2}"), [1]),
        (("e", "in", "low", "high"), [1, 2]),
    ]:
        written = decant.export(
            "--table", "typed", "--format", "csv", "--columns", "id", *filter_arguments(given)
        )
        assert ids(written) == expected, given


def test_a_filter_may_use_a_column_that_is_not_exported(db, decant):
    written = decant.export(
        "--table", "numbered", "--format", "csv", "--columns", "id", *filter_arguments(("grp", "=", "9"))
    )
    assert sorted(ids(written)) == db.column("SELECT id FROM numbered WHERE grp = 9 ORDER BY id")


# --- splits ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("output_format", ["csv", "json", "parquet"])
def test_a_table_whose_first_half_is_gone_gives_the_other_half(db, decant, output_format):
    db.execute("DROP TABLE IF EXISTS halved")
    db.execute(
        "CREATE TABLE halved AS SELECT i AS id, repeat('x', 100) AS filler FROM generate_series(1, 100000) i"
    )
    db.execute("DELETE FROM halved WHERE id <= 50000 OR id % 1000 = 1")
    db.execute("VACUUM halved")
    written = decant.export("--table", "halved", "--format", output_format, "--columns", "id", "--lanes", 3)
    expected = db.column("SELECT id FROM halved ORDER BY ctid")
    if output_format == "csv":
        assert ids(written) == expected
    elif output_format == "json":
        assert [row["id"] for row in json.loads(written)] == expected
    else:
        assert parquet_file(written).read().column("id").to_pylist() == expected


def test_a_table_that_is_only_dead_rows_is_empty(db, decant):
    db.execute("CREATE TABLE dead AS SELECT i AS id FROM generate_series(1, 50000) i")
    db.execute("DELETE FROM dead")
    assert decant.export("--table", "dead", "--format", "csv", "--lanes", 3) == b"id\n"
    assert (
        parquet_file(decant.export("--table", "dead", "--format", "parquet", "--lanes", 3)).metadata.num_rows
        == 0
    )


def test_rows_that_grow_the_table_meanwhile_are_not_of_the_snapshot(db, decant):
    db.execute(
        "CREATE TABLE growing AS SELECT i AS id, repeat('x', 200) AS filler FROM generate_series(1, 20000) i"
    )
    stop = threading.Event()

    def grow():
        with db.connect() as connection:
            while not stop.is_set():
                connection.execute(
                    "INSERT INTO growing SELECT -1, repeat('y', 200) FROM generate_series(1, 100)"
                )

    thread = threading.Thread(target=grow, daemon=True)
    thread.start()
    try:
        for _ in range(5):
            written = ids(decant.export("--table", "growing", "--format", "csv", "--lanes", 3))
            assert written[:20000] == list(range(1, 20001))
            assert (len(written) - 20000) % 100 == 0, "a transaction was seen in part"
    finally:
        stop.set()
        thread.join(30)


def test_every_lane_that_cannot_connect_is_left_out_and_no_row_is_lost(db, decant):
    """A role with one connection to spare: the first connection reads alone."""
    db.execute("DROP ROLE IF EXISTS decant_narrow")
    db.execute("CREATE ROLE decant_narrow LOGIN SUPERUSER CONNECTION LIMIT 1")
    db.execute("ALTER ROLE decant_narrow NOSUPERUSER")
    db.execute("GRANT SELECT ON numbered TO decant_narrow")
    try:
        run = decant(
            "export",
            "--table",
            "numbered",
            "--format",
            "csv",
            "--lanes",
            4,
            "--json",
            db=db.conninfo + " user=decant_narrow",
        )
        assert ids(run.out) == db.column("SELECT id FROM numbered ORDER BY ctid")
        assert run.summary["lanes"] == 1
    finally:
        db.execute("DROP OWNED BY decant_narrow")
        db.execute("DROP ROLE decant_narrow")


# --- the role's own world -------------------------------------------------------------------------
def test_operators_and_functions_of_a_hostile_search_path_are_never_called(db, decant):
    db.execute("CREATE SCHEMA evil")
    db.execute("CREATE TABLE evil.caught (what text)")
    for argument in ("int4, int4", "text, text", "tid, tid", "int8, int8", "oid, oid", "name, name"):
        left, right = argument.split(", ")
        for operator, function in (("=", "eq"), (">=", "ge"), ("<", "lt")):
            db.execute(f"""CREATE FUNCTION evil.{function}({argument}) RETURNS bool LANGUAGE plpgsql AS
                           $$ BEGIN RAISE EXCEPTION 'evil operator called'; END $$""")
            db.execute(f"""CREATE OPERATOR evil.{operator} (LEFTARG = {left}, RIGHTARG = {right},
                           FUNCTION = evil.{function})""")
    for function in (
        "count(text)",
        "format_type(oid, int4)",
        "pg_table_size(regclass)",
        "to_json(numeric)",
        "now()",
    ):
        name, arguments = function[:-1].split("(")
        db.execute(f"""CREATE FUNCTION evil.{name}({arguments}) RETURNS text LANGUAGE plpgsql AS
                       $$ BEGIN RAISE EXCEPTION 'evil function called'; END $$""")
    db.execute("CREATE TABLE evil.pg_class (oid oid, relname name)")
    hostile = {"PGOPTIONS": "-c search_path=evil,pg_catalog,public"}
    written = decant.export(
        "--table",
        "public.numbered",
        "--format",
        "csv",
        "--lanes",
        2,
        *filter_arguments(("id", "<", "1000"), ("label", "like", "label%")),
        environment=hostile,
    )
    assert sorted(ids(written)) == db.column(
        "SELECT id FROM numbered WHERE id < 1000 AND label LIKE 'label%' ORDER BY id"
    )


def test_a_search_path_finds_the_table_that_the_role_would_find(db, decant):
    db.execute("CREATE SCHEMA nearer")
    db.execute("CREATE TABLE nearer.twice AS SELECT 'nearer' AS place")
    db.execute("CREATE TABLE public.twice AS SELECT 'public' AS place")
    environment = {"PGOPTIONS": "-c search_path=nearer,public"}
    assert decant.export("--table", "twice", "--format", "csv", environment=environment) == b"place\nnearer\n"
    assert decant.export("--table", "twice", "--format", "csv") == b"place\npublic\n"


@pytest.mark.parametrize(
    "setting",
    [
        "datestyle=german",
        "timezone=Asia/Tokyo",
        "intervalstyle=iso_8601",
        "extra_float_digits=-5",
        "bytea_output=escape",
        "standard_conforming_strings=off",
        "client_encoding=latin1",
        "synchronize_seqscans=on",
        "default_transaction_read_only=on",
        "enable_tidscan=off",
        "statement_timeout=0",
        "quote_all_identifiers=on",
    ],
)
def test_settings_of_the_role_do_not_change_a_byte(db, decant, setting):
    query = """SELECT '2024-01-02 03:04:05.678+00'::timestamptz AS a, '1 day 2 hours'::interval AS b, 0.1::float8 + 0.2 AS c,
               decode('dead', 'hex') AS d, date '2024-01-02' AS e, 'Łódź' AS f, E'it''s \\\\ here' AS g"""
    environment = {"PGOPTIONS": f"-c {setting}"}
    assert decant.export("--query", query, "--format", "csv", environment=environment) == db.csv(query)
    assert decant.export("--query", query, "--format", "ndjson", environment=environment) == db.ndjson(query)
    written = decant.export(
        "--table",
        "numbered",
        "--format",
        "csv",
        "--lanes",
        2,
        environment=environment,
        *filter_arguments(("label", "!=", "it's \\ here")),
    )
    assert sorted(ids(written)) == db.column("SELECT id FROM numbered WHERE label IS NOT NULL ORDER BY id")


def test_row_level_security_is_an_error_and_not_fewer_rows(db, decant):
    db.execute("DROP ROLE IF EXISTS decant_tenant")
    db.execute("CREATE ROLE decant_tenant LOGIN")
    db.execute("CREATE TABLE secrets AS SELECT i AS id FROM generate_series(1, 10) i")
    db.execute("ALTER TABLE secrets ENABLE ROW LEVEL SECURITY")
    db.execute("CREATE POLICY few ON secrets USING (id < 5)")
    db.execute("GRANT SELECT ON secrets TO decant_tenant")
    try:
        run = decant(
            "export", "--table", "secrets", "--format", "csv", db=db.conninfo + " user=decant_tenant", code=3
        )
        assert "row-level security" in run.err or "row level security" in run.err
    finally:
        db.execute("DROP OWNED BY decant_tenant")
        db.execute("DROP ROLE decant_tenant")


# --- what one file may hold -----------------------------------------------------------------------
def test_a_database_in_another_encoding_is_exported_as_utf8(server, decant):
    latin = Database(server, "decant_latin1", encoding="LATIN1")
    try:
        latin.execute("CREATE TABLE words (w text)")
        latin.execute("INSERT INTO words VALUES ('naïve'), ('ÀÉÎ')")
        assert (
            decant.export("--table", "words", "--format", "csv", db=latin.conninfo).decode()
            == "w\nnaïve\nÀÉÎ\n"
        )
    finally:
        latin.drop()


@pytest.mark.parametrize("megabytes", [300, pytest.param(2048, marks=pytest.mark.long)])
@pytest.mark.parametrize("output_format", ["csv", "ndjson", "parquet"])
def test_a_small_heap_that_hides_much_toast_passes_in_bounded_memory(
    db, decant, tmp_path, megabytes, output_format
):
    """One split of a few heap blocks gives many chunks: each must be handed on, none kept until the end."""
    rows = megabytes
    db.execute("DROP TABLE IF EXISTS heavy")
    db.execute("CREATE TABLE heavy (id int, body text)")
    db.execute("ALTER TABLE heavy ALTER body SET STORAGE EXTENDED")  # compressed on disk: 1 MB takes 12 kB
    db.execute(
        "INSERT INTO heavy SELECT i, repeat(md5(i::text), 32768) FROM generate_series(1, %s) i", (rows,)
    )
    db.execute("VACUUM ANALYZE heavy")
    assert db.value("SELECT pg_relation_size('heavy')") < 2 * 1024 * 1024
    run = decant(
        "export",
        "--table",
        "heavy",
        "--format",
        output_format,
        "--lanes",
        2,
        "--json",
        "-o",
        "/dev/null",
        timeout=900,
    )
    assert run.summary["rows"] == rows
    if output_format != "parquet":
        assert run.summary["bytes"] > rows * 1024 * 1024
    assert run.summary["peakMemoryBytes"] < (48 if output_format == "parquet" else 32) * 1024 * 1024


def test_the_values_of_a_hostile_table_name_are_exported_and_nothing_else(db, decant):
    quoted = values.name('x"; DROP TABLE numbered; --')
    column = values.name('c"; DROP TABLE numbered; --')
    db.execute(f"CREATE TABLE {quoted} AS SELECT 1 AS {column}")
    assert decant.export("--table", quoted, "--format", "ndjson") == b'{"c\\"; DROP TABLE numbered; --":1}\n'
    assert db.value("SELECT count(*) FROM numbered") == 50000
