"""orderBy over several lanes: key ranges give what one ORDER BY gives, whatever the keys and the statistics."""

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SLOW = ("--max-rate", "10MB")  # a second or two: no lane is through with all before another has begun
PAD = "repeat(md5(i::text), 40)"  # 1,280 bytes: a few thousand rows are several splits

# column, type, value of row i (i from 0), the type's way to be ordered included
KEYS = [
    ("k_int", "int", "i * 7 - 9000"),
    ("k_bigint", "bigint", "(i - 1500) * 3037000499::bigint"),
    ("k_numeric", "numeric", "CASE WHEN i % 500 = 0 THEN 'NaN' ELSE i / 8 + 0.50 END"),
    (
        "k_float",
        "float8",
        """CASE i % 400 WHEN 0 THEN 'NaN'::float8 WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN '-0'
           WHEN 4 THEN 0 ELSE (i - 1500) / 3.0 END""",
    ),
    ("k_text_c", 'text COLLATE "C"', "chr(65 + i % 60) || i || E'\\\\ \\n''\"é'"),
    (
        "k_text_icu",
        'text COLLATE "en-x-icu"',
        "CASE i % 3 WHEN 0 THEN 'A' WHEN 1 THEN 'a' ELSE 'ä' END || i / 3",
    ),
    ("k_text_blind", "text COLLATE blind", "CASE i % 2 WHEN 0 THEN 'KEY ' ELSE 'key ' END || i / 2"),
    ("k_varchar", "varchar(30)", "'v' || i % 700"),
    ("k_char", "char(9)", "i::text"),
    (
        "k_moment",
        "timestamptz",
        "CASE i WHEN 5 THEN 'infinity' WHEN 6 THEN '-infinity' ELSE '2024-01-01'::timestamptz + i * interval '1.000001 s' END",
    ),
    ("k_date", "date", "'2000-01-01'::date + i % 900"),
    ("k_uuid", "uuid", "md5(i::text)::uuid"),
    ("k_bytea", "bytea", "decode(md5(i::text), 'hex')"),
    ("k_mood", "mood", "('{low,middling,high}'::mood[])[1 + i % 3]"),
    ("k_bool", "bool", "i % 2 = 0"),
    ("k_domain", "small", "i % 999"),
    ("k_array", "int[]", "ARRAY[i % 50, i]"),
    ("k_range", "int4range", "int4range(i, i + 3)"),
    ("k_all_null", "int", "NULL"),
    ("k_all_equal", "int", "7"),
    ("k_skewed", "int", "CASE WHEN i % 20 = 0 THEN i ELSE 100 END"),
]
NO_RANGES = {"k_array", "k_all_null", "k_all_equal"}  # an array type has no array type; no two keys differ
ROWS = 3000


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    # Whether ranges cost more than one sort is the planner's word, and tables of tests are small: here they never do.
    db.execute(f"ALTER DATABASE {db.name} SET random_page_cost = 0")
    db.execute(f"ALTER DATABASE {db.name} SET seq_page_cost = 100")
    db.execute("CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    db.execute("CREATE TYPE mood AS ENUM ('low', 'middling', 'high')")
    db.execute("CREATE DOMAIN small AS int CHECK (VALUE < 1000)")
    columns = ", ".join(f"{name} {kind}" for name, kind, _ in KEYS)
    # Every 11th key is NULL; the order of the keys is not that of the rows.
    shown = ", ".join(
        f"CASE WHEN i % 11 <> 10 OR {i % 2} = 1 THEN ({expr})::{kind.partition(' ')[0]} END"
        for i, (_, kind, expr) in enumerate(KEYS)
    )
    db.execute(f"CREATE TABLE keyed (n int PRIMARY KEY, {columns}, pad text)")
    db.execute(
        f"INSERT INTO keyed SELECT i, {shown}, {PAD} FROM (SELECT i * 1237 % {ROWS} FROM generate_series(1, {ROWS}) i) g(i)"
    )
    for name, _, _ in KEYS:
        db.execute(f"CREATE INDEX ON keyed ({name})")
    db.execute("VACUUM ANALYZE keyed")


def make(db, table, rows, key="i", kind="int NOT NULL", index="CREATE INDEX ON {} (key)", analyze=True):
    db.execute(f"DROP TABLE IF EXISTS {table}")
    db.execute(f"CREATE TABLE {table} (key {kind}, n int, pad text) WITH (autovacuum_enabled = off)")
    db.execute(f"INSERT INTO {table} SELECT {key}, i, {PAD} FROM generate_series(1, {rows}) i")
    db.execute(index.format(table))
    if analyze:
        db.execute(f"ANALYZE {table}")


def export(decant, table, order, *more, lanes=3, how="ranges of"):
    run = decant(
        "export",
        "--json",
        "--table",
        table,
        "--format",
        "csv",
        "--order-by",
        order,
        "--lanes",
        lanes,
        "--csv",
        "null=<null>",
        *more,
    )
    assert how in run.summary["how"], run.summary["how"]
    return run


def splits(run):
    return int(run.summary["how"].split()[0])


def oracle(db, table, order, columns="*"):
    return db.copy(
        f"COPY (SELECT {columns} FROM {table} ORDER BY {order}) TO STDOUT (FORMAT csv, HEADER, NULL '<null>')"
    )


@pytest.mark.parametrize("direction", ["", " desc"])
@pytest.mark.parametrize("key", [name for name, _, _ in KEYS])
def test_ranges_of_a_key_give_what_order_by_gives(db, decant, key, direction):
    how = "" if key in NO_RANGES else "ranges of"
    run = export(decant, "keyed", f"{key}{direction},n", how=how)
    assert run.out == oracle(db, "keyed", f"{key}{direction}, n")
    if key not in NO_RANGES:
        assert splits(run) > 1
    assert export(decant, "keyed", f"{key}{direction},n", lanes=1, how="").out == run.out


def test_several_columns_are_ordered_within_the_ranges_of_the_first(db, decant):
    run = export(decant, "keyed", "k_mood desc,k_skewed,k_uuid desc,n")
    assert run.out == oracle(db, "keyed", "k_mood DESC, k_skewed, k_uuid DESC, n")


@pytest.mark.parametrize("lanes", [2, 5])
def test_ranges_are_read_by_several_lanes_and_are_of_like_size(db, decant, lanes):
    make(db, "even", 20000)
    run = export(decant, "even", "key", lanes=lanes)
    assert run.out == oracle(db, "even", "key")
    assert run.summary["lanes"] == lanes and splits(run) >= 8


def test_a_filter_is_kept_within_the_ranges(db, decant):
    make(db, "even", 20000)
    run = export(decant, "even", "key desc", "--where", "n > 777", "--where", "n != 5000")
    assert run.out == oracle(db, "even WHERE n > 777 AND n <> 5000", "key DESC")


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_a_table_of_hardly_any_rows_is_ordered(db, decant, rows):
    make(db, "tiny", rows)
    assert export(decant, "tiny", "key", how="").out == oracle(db, "tiny", "key")


def test_a_table_that_was_never_analyzed_is_cut_by_its_rows(db, decant):
    make(db, "fresh", 10000, analyze=False)
    run = export(decant, "fresh", "key desc")
    assert splits(run) > 4
    assert run.out == oracle(db, "fresh", "key DESC")


def test_statistics_of_other_rows_do_no_harm(db, decant):
    make(db, "stale", 10000)
    db.execute("DELETE FROM stale WHERE key > 100")
    db.execute("VACUUM stale")
    db.execute(f"INSERT INTO stale SELECT i - 1000000, i, {PAD} FROM generate_series(1, 8000) i")
    run = export(decant, "stale", "key")
    assert run.out == oracle(db, "stale", "key")


def test_rows_that_moved_within_their_blocks_are_all_there(db, decant):
    make(db, "moved", 6000, kind="int")
    db.execute("UPDATE moved SET key = -key WHERE n % 2 = 0")
    db.execute("UPDATE moved SET key = NULL WHERE n % 30 = 0")
    assert export(decant, "moved", "key,n").out == oracle(db, "moved", "key, n")
    assert export(decant, "moved", "key desc,n").out == oracle(db, "moved", "key DESC, n")


def test_rows_that_come_and_go_meanwhile_are_not_of_the_snapshot(db, decant):
    make(db, "busy", 8000, kind="int PRIMARY KEY", index="")
    expected = oracle(db, "busy", "key", "key, pad")
    db.execute("ALTER TABLE busy ALTER n SET DEFAULT 1")
    stop = threading.Event()

    def disturb():
        with db.connect() as other:
            at = 0
            while not stop.is_set():
                at += 1
                # Same content as far as it is compared: a row that was seen twice or not at all would show.
                other.execute("DELETE FROM busy WHERE key > 8000")
                other.execute("INSERT INTO busy SELECT 8000 + i, 1, 'late' FROM generate_series(1, 50) i")
                other.execute("UPDATE busy SET n = n + 1 WHERE mod(key, 100) = %s", (at % 100,))

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for _ in range(5):
            written = export(decant, "busy", "key", "--columns", "key,pad").out
            rows = written.splitlines(keepends=True)
            kept = [row for row in rows if b"late" not in row]
            late = [int(row.split(b",")[0]) for row in rows if b"late" in row]
            assert b"".join(kept) == expected
            assert late in ([], list(range(8001, 8051)))
    finally:
        stop.set()
        thread.join()


def test_a_partitioned_table_is_ordered_as_a_whole(db, decant):
    db.execute("CREATE TABLE slices (key int, day date, pad text) PARTITION BY LIST (day)")
    for i in range(5):
        db.execute(f"CREATE TABLE slice_{i} PARTITION OF slices FOR VALUES IN ('2024-01-0{i + 1}')")
    db.execute(f"""INSERT INTO slices SELECT i * 7919 % 12007, '2024-01-01'::date + i % 5, {PAD}
                   FROM generate_series(1, 12000) i""")
    db.execute("CREATE INDEX ON slices (key)")
    db.execute("ANALYZE slices")
    for order in ("key", "key desc"):
        run = export(decant, "slices", order, *SLOW)
        assert splits(run) > 4 and run.summary["lanes"] == 3
        assert run.out == oracle(db, "slices", order)


def test_a_child_without_the_index_is_ordered_too(db, decant):
    make(db, "forebear", 5000)
    db.execute("CREATE TABLE offspring () INHERITS (forebear)")
    db.execute(f"INSERT INTO offspring SELECT -i, i, {PAD} FROM generate_series(1, 5000) i")
    db.execute("ANALYZE offspring")
    run = export(decant, "forebear", "key", how="one lane: no index leads to ranges of key")
    assert run.out == oracle(db, "forebear", "key")


@pytest.mark.parametrize(
    "index",
    [
        "SELECT 1 -- {}",
        "CREATE INDEX ON {} (key) WHERE n > 3",
        "CREATE INDEX ON {} (n, key)",
        "CREATE INDEX ON {} USING hash (key)",
        "CREATE INDEX ON {} ((key + 1))",
    ],
)
def test_without_a_fitting_index_the_server_orders_in_one_lane(db, decant, index):
    make(db, "plain", 5000, index=index)
    run = export(decant, "plain", "key", how="one lane: no index begins with")
    assert run.out == oracle(db, "plain", "key")


def test_an_index_of_another_collation_or_operator_class_leads_nowhere(db, decant):
    for index in ('CREATE INDEX ON {} (key COLLATE "en-x-icu")', "CREATE INDEX ON {} (key text_pattern_ops)"):
        make(db, "apart", 5000, key="md5(i::text)", kind='text COLLATE "de-x-icu"', index=index)
        run = export(decant, "apart", "key", how="one lane: ")
        assert run.out == oracle(db, "apart", "key")


def test_a_limit_is_taken_from_one_stream(db, decant):
    make(db, "even", 20000)
    run = export(decant, "even", "key desc", "--limit", 9000, how="one lane: a limit")
    assert run.out == oracle(db, "even", "key DESC LIMIT 9000")


def test_keys_too_long_to_be_bounds_are_left_out(db, decant):
    make(db, "long_keys", 4000, key="repeat(chr(97 + i % 26), 600) || i", kind='text COLLATE "C"')
    assert export(decant, "long_keys", "key", how="").out == oracle(db, "long_keys", "key")


def test_a_column_called_as_an_output_function_is_still_what_orders(db, decant):
    db.execute("DROP TABLE IF EXISTS named")
    db.execute("CREATE TABLE named (host inet, inet_out int)")
    db.execute("INSERT INTO named SELECT '10.0.0.0'::inet + i, -i FROM generate_series(1, 50) i")
    assert decant.export("--table", "named", "--format", "csv", "--order-by", "inet_out") == db.csv(
        "SELECT * FROM named ORDER BY named.inet_out"
    )


def test_json_columns_of_an_ordered_export_are_flattened_alike_over_any_lanes(db, decant):
    db.execute("DROP TABLE IF EXISTS documents")
    db.execute("CREATE TABLE documents (key int PRIMARY KEY, doc jsonb, pad text)")
    db.execute(f"""INSERT INTO documents SELECT i, jsonb_build_object('a', i, 'b' || i % 7, i), {PAD}
                   FROM generate_series(1, 20000) i""")
    db.execute("ANALYZE documents")
    one = export(decant, "documents", "key", lanes=1).out
    assert export(decant, "documents", "key", lanes=4).out == one
    assert one.splitlines()[0].startswith(b"key,doc.a,doc.b0,doc.b1,")
    filtered = export(decant, "documents", "key", "--where", "key < 15000").out
    assert filtered.splitlines()[:50] == one.splitlines()[:50] and len(filtered.splitlines()) == 15000


def test_row_groups_are_ordered(db, decant, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    make(db, "even", 20000)
    path = tmp_path / "ordered.parquet"
    run = decant(
        "export",
        "--json",
        "--table",
        "even",
        "--order-by",
        "key desc",
        "--lanes",
        2,
        "--parquet",
        "row-group-rows=4000",
        "-o",
        path,
    )
    assert "ranges of key" in run.summary["how"]
    file = pq.ParquetFile(path)
    assert file.read(["key"]).column("key").to_pylist() == list(range(20000, 0, -1))
    assert max(file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)) <= 8000


def test_a_table_called_index_scan_is_read_by_all_lanes(db, decant):
    if db.version < 140000:
        pytest.skip("no block ranges, and the table has no key")
    db.execute('CREATE TABLE "Index Scan" (id int, pad text)')
    db.execute(f'INSERT INTO "Index Scan" SELECT i, {PAD} FROM generate_series(1, 40000) i')
    run = decant(
        "export", "--json", "--table", '"Index Scan"', "--where", "id > 3", "--lanes", 2, "--format", "csv"
    )
    assert run.summary["lanes"] == 2


# --- tables without ranges of ctid ----------------------------------------------------------------
@pytest.fixture
def no_ctid_ranges(db):
    """As servers before PostgreSQL 14 are."""
    db.execute(f"ALTER DATABASE {db.name} SET enable_tidscan = off")
    yield
    db.execute(f"ALTER DATABASE {db.name} RESET enable_tidscan")


def plain_export(decant, table, *more, lanes=3):
    return decant("export", "--json", "--table", table, "--format", "csv", "--lanes", lanes, *more)


def test_without_block_ranges_a_unique_key_is_what_cuts(db, decant, no_ctid_ranges):
    make(db, "old", 12000, kind="int PRIMARY KEY", index="", key="i * 7919 % 12007")
    run = plain_export(decant, "old", *SLOW)
    assert "ranges of a unique key" in run.summary["how"] and run.summary["lanes"] == 3
    assert run.out == db.csv("SELECT * FROM old ORDER BY key")
    assert plain_export(decant, "old", lanes=1).out == run.out
    filtered = plain_export(decant, "old", "--where", "n > 100")
    assert filtered.out == db.csv("SELECT * FROM old WHERE n > 100 ORDER BY key")


@pytest.mark.parametrize("order", ["random()", "i"])
def test_without_block_ranges_the_number_of_lanes_does_not_change_the_order(db, decant, no_ctid_ranges, order):
    """Neither of a table that is read by its key, nor of one where that would cost too much."""
    db.execute("DROP TABLE IF EXISTS old")
    db.execute(f"CREATE TABLE old AS SELECT i AS key, 'label ' || i AS t FROM generate_series(1, 50000) i ORDER BY {order}")
    db.execute("ALTER TABLE old ADD PRIMARY KEY (key)")
    db.execute("ANALYZE old")
    db.execute(f"ALTER DATABASE {db.name} RESET random_page_cost; ALTER DATABASE {db.name} RESET seq_page_cost")
    try:
        written = [plain_export(decant, "old", lanes=lanes).out for lanes in (1, 2, 4)]
    finally:
        db.execute(f"ALTER DATABASE {db.name} SET random_page_cost = 0; ALTER DATABASE {db.name} SET seq_page_cost = 100")
    assert written[0] == written[1] == written[2]


def test_a_unique_key_of_several_columns_orders_by_all_of_them(db, decant, no_ctid_ranges):
    make(db, "old", 12000, kind="int", key="i % 5", index="CREATE UNIQUE INDEX ON {} (key, n)")
    db.execute("INSERT INTO old VALUES (NULL, 1, 'x'), (NULL, 1, 'x'), (NULL, 2, 'x'), (1, NULL, 'x')")
    run = plain_export(decant, "old")
    assert run.out == db.csv("SELECT * FROM old ORDER BY key, n")


def test_a_leaf_of_another_access_method_is_cut_by_the_statistics_of_its_key(db, decant):
    db.execute("CREATE ACCESS METHOD other_heap TYPE TABLE HANDLER heap_tableam_handler")
    db.execute("CREATE TABLE other (key int PRIMARY KEY, pad text) USING other_heap")
    db.execute(f"INSERT INTO other SELECT i, {PAD} FROM generate_series(1, 12000) i")
    db.execute("ANALYZE other")
    run = plain_export(decant, "other", *SLOW)
    assert "ranges of a unique key" in run.summary["how"] and run.summary["lanes"] == 3
    assert run.out == db.csv("SELECT * FROM other ORDER BY key")
    assert (
        export(decant, "other", "key desc").out.splitlines()
        == db.csv("SELECT * FROM other ORDER BY key DESC").splitlines()
    )


# --- any keys -------------------------------------------------------------------------------------
VALUES = {
    "int8": st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3),
    "float8": st.floats(),
    "numeric": st.decimals(-(10**20), 10**20, places=3) | st.sampled_from(["1.0", "1.00", "1", "NaN"]),
    'text COLLATE "C"': st.text(
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8
    ),
    'text COLLATE "en-x-icu"': st.text("aAbBäÄ-_ '\"\\\n{},NUL", max_size=5),
    "text COLLATE blind": st.text("aAbB", max_size=2),
    "bytea": st.binary(max_size=5).map(lambda value: "\\x" + value.hex()),
}


@pytest.mark.parametrize("kind", VALUES)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_keys_are_ordered(db, decant, kind, data):
    keys = data.draw(st.lists(VALUES[kind] | st.none(), min_size=1, max_size=40))
    descending = data.draw(st.sampled_from(["", " desc"]))
    db.execute("DROP TABLE IF EXISTS any_keys")
    db.execute(f"CREATE TABLE any_keys (key {kind}, n int, pad text)")
    statement = f"INSERT INTO any_keys VALUES (%s::text::{kind.partition(' ')[0]}, %s)"
    with db.connection.cursor() as cursor:
        cursor.executemany(statement, [(None if k is None else str(k), i) for i, k in enumerate(keys)])
    db.execute(
        "UPDATE any_keys SET pad = (SELECT string_agg(md5(n::text || i), '') FROM generate_series(1, 60) i)"
    )
    # Enough of them for several splits, the same keys again and again.
    db.execute(
        f"INSERT INTO any_keys SELECT key, n + 40 * i, pad FROM any_keys, generate_series(1, {2000 // len(keys)}) i"
    )
    db.execute("CREATE INDEX ON any_keys (key)")
    run = export(decant, "any_keys", f"key{descending},n", how="")
    assert run.out == oracle(db, "any_keys", f"key{descending}, n")
