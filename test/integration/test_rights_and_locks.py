"""What a role may read is exported, however the right was given; and locks of others neither hang nor harm."""

import os
import signal
import subprocess
import threading
import time

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

SOURCE, INTERRUPTED = 3, 130


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute(
        "CREATE TABLE plain AS SELECT i AS id, repeat(md5(i::text), 6) AS t FROM generate_series(1, 60000) i"
    )
    db.execute("CREATE MATERIALIZED VIEW stored AS SELECT * FROM plain")
    db.execute("CREATE TABLE parts (id int, t text) PARTITION BY RANGE (id)")
    for i in range(3):
        db.execute(
            f"CREATE TABLE part{i} PARTITION OF parts FOR VALUES FROM ({i * 20000}) TO ({(i + 1) * 20000})"
        )
    db.execute("INSERT INTO parts SELECT i, repeat(md5(i::text), 20) FROM generate_series(0, 59999) i")
    # Servers before 14 have no ranges of blocks: there the lanes share a leaf by the ranges of a unique key.
    for leaf in ("plain", "stored", "part0", "part1", "part2"):
        db.execute(f"CREATE UNIQUE INDEX ON {leaf} (id)")
    db.execute("VACUUM ANALYZE plain, stored, parts")


@pytest.fixture
def role(db, request):
    """A role of the test's own, and its connection string."""
    name = f"role_{os.getpid()}_{request.node.name[:30]}".replace("[", "_").replace("]", "_")
    db.execute(f'CREATE ROLE "{name}" LOGIN')
    yield name, make_conninfo(db.conninfo, user=name)
    db.execute(f'DROP OWNED BY "{name}"')
    db.execute(f'DROP ROLE "{name}"')


def export(decant, conninfo, *arguments):
    done = decant("export", "--format", "csv", "--json", *arguments, db=conninfo)
    return done.out.decode(), done.summary


def in_order(db, table, columns="*"):
    return db.csv(f"SELECT {columns} FROM {table}").decode()


# --- rights -----------------------------------------------------------------------------------------
def test_a_materialized_view_is_read_by_all_lanes(db, decant):
    written, summary = export(decant, db.conninfo, "--table", "stored", "--lanes", 3)
    assert written == in_order(db, "stored")
    assert 1 < summary["lanes"] <= 3 and not summary["how"].startswith("1 split ")
    assert ("block ranges" if db.version >= 140000 else "ranges of a unique key") in summary["how"]


def test_a_right_to_the_parent_alone_is_enough(db, decant, role):
    name, conninfo = role
    db.execute(f'GRANT SELECT ON parts TO "{name}"')
    written, summary = export(decant, conninfo, "--table", "parts", "--lanes", 3)
    assert written == in_order(db, "parts")
    assert summary["lanes"] == 1 and "partitions" in summary["how"]


def test_a_right_to_some_columns_is_enough_for_those(db, decant, role):
    name, conninfo = role
    db.execute(f'GRANT SELECT (id) ON plain TO "{name}"')
    written, _ = export(decant, conninfo, "--table", "plain", "--columns", "id", "--lanes", 3)
    assert written == in_order(db, "plain", "id")
    refused = decant("export", "--table", "plain", db=conninfo, code=SOURCE)
    assert "42501" in refused.err


def test_a_role_without_any_right_is_refused(decant, role):
    refused = decant("export", "--table", "plain", db=role[1], code=SOURCE)
    assert "permission denied" in refused.err and "42501" in refused.err


def test_foreign_partitions_are_read_beside_the_others(db, decant):
    db.execute("CREATE EXTENSION IF NOT EXISTS file_fdw")
    db.execute("CREATE SERVER IF NOT EXISTS files FOREIGN DATA WRAPPER file_fdw")
    db.execute(
        "CREATE FOREIGN TABLE far PARTITION OF parts FOR VALUES FROM (60000) TO (70000) SERVER files "
        "OPTIONS (program 'echo 60000,far away', format 'csv')"
    )
    try:
        written, summary = export(decant, db.conninfo, "--table", "parts", "--lanes", 2)
        assert sorted(written.splitlines()) == sorted(in_order(db, "parts").splitlines())
        assert summary["rows"] == 60001
    finally:
        db.execute("DROP FOREIGN TABLE far")


def test_tables_without_keys_are_read_leaf_by_leaf_where_there_are_no_ranges_of_ctid(db, decant, role):
    name, conninfo = role
    db.execute("CREATE TABLE keyless AS SELECT * FROM plain")
    db.execute("CREATE TABLE keyless_parts (LIKE plain) PARTITION BY HASH (id)")
    for i in range(2):
        values = f"FOR VALUES WITH (MODULUS 2, REMAINDER {i})"
        db.execute(f"CREATE TABLE keyless{i} PARTITION OF keyless_parts {values}")
    db.execute("INSERT INTO keyless_parts SELECT * FROM plain")
    db.execute("ANALYZE keyless, keyless_parts")
    db.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{name}"')
    db.execute(f'ALTER ROLE "{name}" SET enable_tidscan = off')
    for table in ("keyless", "keyless_parts"):
        written, summary = export(decant, conninfo, "--table", table, "--lanes", 2)
        assert sorted(written.splitlines()) == sorted(in_order(db, table).splitlines())
        assert summary["how"].endswith("by leaf")


def test_without_ranges_of_ctid_the_paths_of_a_large_table_come_from_a_sample(db, decant, role):
    name, conninfo = role
    db.execute(
        "CREATE TABLE documents AS SELECT i AS id, json_build_object('k', i, 'filler', repeat('x', 300)) AS j "
        "FROM generate_series(1, 100000) i"
    )
    db.execute("ANALYZE documents")
    db.execute(f'GRANT SELECT ON documents TO "{name}"')
    db.execute(f'ALTER ROLE "{name}" SET enable_tidscan = off')
    written, _ = export(decant, conninfo, "--table", "documents")
    assert written.splitlines()[0] == "id,j.filler,j.k,j._other"  # not every row was looked at


def test_lanes_beyond_the_connection_limit_drop_out(db, decant, role):
    name, conninfo = role
    db.execute(f'GRANT SELECT ON plain TO "{name}"')
    expected = in_order(db, "plain")
    for limit in (1, 2):
        db.execute(f'ALTER ROLE "{name}" CONNECTION LIMIT {limit}')
        written, summary = export(decant, conninfo, "--table", "plain", "--lanes", 6)
        assert written == expected
        assert summary["lanes"] <= limit and "too many connections" in summary["how"]


# --- locks ------------------------------------------------------------------------------------------
def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def someone_waits_for_a_lock(db):
    return db.value(
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
        "WHERE NOT granted AND d.datname = current_database()"
    )


def test_a_change_that_waits_for_the_export_does_not_hang_it(db, decant, tmp_path):
    """The holder has every lock; a lane that comes late must not queue behind the one who waits for the holder."""
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    process = decant.start("export", "--table", "parts", "--format", "csv", "--json", "--lanes", 4, "-o", fifo)
    reader = open(fifo, "rb")  # noqa: SIM115: read to its end below
    head = reader.read(10)
    time.sleep(0.5)  # the lanes have run as far ahead as they may: not to the last partition

    def change():
        with psycopg.connect(db.conninfo) as other:
            other.execute("LOCK TABLE part2 IN ACCESS EXCLUSIVE MODE")

    changer = threading.Thread(target=change)
    changer.start()
    wait_until(lambda: someone_waits_for_a_lock(db))
    written = (head + reader.read()).decode()
    reader.close()
    _, err = process.communicate(timeout=60)
    changer.join(60)
    assert process.returncode == 0, err
    assert not changer.is_alive()
    assert written.count("\n") == 60001
    assert b"lock timeout" in err  # that is how the late lanes left


def test_a_request_for_a_table_that_is_locked_is_answered_soon(db, service):
    with psycopg.connect(db.conninfo) as blocker:
        blocker.execute("LOCK TABLE plain IN ACCESS EXCLUSIVE MODE")
        begun = time.monotonic()
        answer = service.request("POST", "/exports", {"table": "plain", "format": "csv"})
        assert answer.status == 503 and "locked" in answer.json["error"]
        assert time.monotonic() - begun < 15
    assert service.request("POST", "/exports", {"table": "plain", "format": "csv"}).status == 201


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_cancel_is_heard_while_the_export_waits_for_a_lock(db, decant, tmp_path, sent):
    with psycopg.connect(db.conninfo) as blocker:
        blocker.execute("LOCK TABLE plain IN ACCESS EXCLUSIVE MODE")
        process = decant.start("export", "--table", "plain", "-o", tmp_path / "out.csv")
        wait_until(lambda: someone_waits_for_a_lock(db))
        process.send_signal(sent)
        assert process.wait(10) == INTERRUPTED
        process.communicate()
        wait_until(lambda: not db.backends())
    assert os.listdir(tmp_path) == []


def test_a_truncate_that_came_first_is_seen_and_never_half(db, decant):
    """The export waits behind it, and its snapshot is taken after the lock."""
    db.execute("CREATE TABLE emptied AS SELECT * FROM plain")
    with psycopg.connect(db.conninfo) as other:
        other.execute("TRUNCATE emptied")
        other.execute("INSERT INTO emptied VALUES (1, 'new')")
        process = decant.start("export", "--table", "emptied", "--format", "csv")
        wait_until(lambda: someone_waits_for_a_lock(db))
        other.commit()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out == b"id,t\n1,new\n"


def test_a_truncate_between_the_snapshot_and_a_lock_that_could_not_be_taken_first(db, decant, role):
    """A right to one column only: LOCK TABLE is not allowed, so the snapshot may be older than the truncation."""
    name, conninfo = role
    db.execute("CREATE TABLE partly AS SELECT * FROM plain")
    db.execute(f'GRANT SELECT (id) ON partly TO "{name}"')
    with psycopg.connect(db.conninfo) as other:
        other.execute("TRUNCATE partly")
        other.execute("INSERT INTO partly VALUES (1, 'new')")
        process = decant.start(
            "export", "--table", "partly", "--columns", "id", "--format", "csv", db=conninfo
        )
        wait_until(lambda: someone_waits_for_a_lock(db))
        other.commit()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out == b"id\n1\n"  # the empty table of the older snapshot was not taken for the truth


def test_partitions_that_come_and_go_meanwhile_are_in_or_out_as_a_whole(db, decant):
    db.execute("CREATE TABLE moving (id int, t text) PARTITION BY LIST (id)")
    for i in range(4):
        db.execute(f"CREATE TABLE moving{i} PARTITION OF moving FOR VALUES IN ({i})")
        db.execute(f"INSERT INTO moving SELECT {i}, repeat('x', 200) FROM generate_series(1, 5000)")
    stop = threading.Event()

    def move():
        connection = db.connect()
        while not stop.is_set():
            connection.execute("ALTER TABLE moving DETACH PARTITION moving3")
            connection.execute("ALTER TABLE moving ATTACH PARTITION moving3 FOR VALUES IN (3)")

    mover = threading.Thread(target=move)
    mover.start()
    try:
        for _ in range(15):
            done = decant("export", "--table", "moving", "--format", "csv", "--lanes", 3, code=(0, SOURCE))
            if done.code == 0:
                assert done.out.count(b"\n") in (15001, 20001)
    finally:
        stop.set()
        mover.join(30)


def test_an_export_that_ends_leaves_no_connection_whatever_its_end(db, decant, tmp_path):
    full = {"stdout": subprocess.DEVNULL}
    decant("export", "--table", "plain", "--lanes", 4, "-o", tmp_path / "a.csv")
    decant("export", "--table", "plain", "--lanes", 4, "-o", "/dev/full", code=4)
    decant(
        "export",
        "--query",
        "SELECT 1 / (id - 30000) FROM plain",
        "-o",
        tmp_path / "b.csv",
        code=SOURCE,
        **full,
    )
    wait_until(lambda: not db.backends())
    assert os.listdir(tmp_path) == ["a.csv"]
