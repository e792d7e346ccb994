"""Exports that spare the server: gentle ones, and those with a rate limit."""

import gzip
import pathlib
import signal
import time

import pytest
from support.cluster import Cluster
from support.database import Database
from support.parquet import parquet_file

LIMIT = 4 << 20  # bytes a second, as --max-rate 4MB


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    """`large` takes a moment to be read; others are small."""
    db.execute(
        "CREATE TABLE large AS SELECT i AS id, i % 10 AS ten, repeat(md5(i::text), 25) AS filler"
        " FROM generate_series(1, 60000) i"
    )
    db.execute("CREATE TABLE records (id int8 PRIMARY KEY, ten int, filler text, meta jsonb)")
    db.execute(
        "INSERT INTO records SELECT i, i % 10, md5(i::text), jsonb_build_object('a', i, 'b', jsonb_build_object('c', i))"
        " || CASE WHEN i % 5000 = 0 THEN jsonb_build_object('rare' || i, 1) ELSE '{}' END FROM generate_series(1, 60000) i"
    )
    db.execute("DELETE FROM records WHERE id % 7 = 0")
    db.execute("CREATE INDEX ON records (ten)")
    db.execute("CREATE TABLE parted (id int8, t text) PARTITION BY RANGE (id)")
    for k in range(4):
        db.execute(f"CREATE TABLE parted_{k} PARTITION OF parted FOR VALUES FROM ({k * 10000}) TO ({k * 10000 + 10000})")
    db.execute("INSERT INTO parted SELECT i, md5(i::text) FROM generate_series(0, 39999) i")
    db.execute("VACUUM ANALYZE")


def scans(db, table):
    """Sequential and index scans so far; counted when a backend ends."""
    db.execute("SELECT pg_stat_clear_snapshot()")
    return db.rows("SELECT seq_scan, coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = %s", (table,))[0]


def scans_after(db, table, before, seconds=10):
    """What an export that is over has added."""
    end = time.monotonic() + seconds
    while (now := scans(db, table)) == before and time.monotonic() < end:
        time.sleep(0.05)
    return now[0] - before[0], now[1] - before[1]


# --- gentle ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("arguments", [
    ("--table", "large"), ("--table", "records"), ("--table", "parted"),
    ("--table", "records", "--where", "id > 30000"), ("--table", "records", "--where", "ten = 3"),
    ("--table", "parted", "--where", "id >= 15000"), ("--table", "records", "--limit", "500"),
    ("--table", "records", "--order-by", "id desc", "--no-flatten"), ("--query", "SELECT * FROM parted ORDER BY id"),
], ids=" ".join)  # fmt: skip
@pytest.mark.parametrize("output_format", ["csv", "json", "xml"])
def test_a_gentle_export_gives_the_bytes_of_any_other(decant, output_format, arguments):
    plain = decant.export(*arguments, "--format", output_format, "--lanes", 3)
    assert decant.export(*arguments, "--format", output_format, "--gentle", "--lanes", 3) == plain


def test_a_gentle_export_is_compressed_and_columnar_like_any_other(decant):
    plain = decant.export("--table", "records")
    assert gzip.decompress(decant.export("--table", "records", "--gentle", "--compress", "gzip")) == plain
    parquet = [decant.export("--table", "records", "--format", "parquet", *more) for more in ((), ("--gentle",))]
    assert parquet_file(parquet[0]).read().equals(parquet_file(parquet[1]).read())


def test_a_gentle_export_reads_each_leaf_by_one_sequential_scan(db, decant):
    for table, leaves in ("large", ["large"]), ("parted", ["parted_0", "parted_3"]):
        before = {leaf: scans(db, leaf) for leaf in leaves}
        summary = decant("export", "--table", table, "--gentle", "--json", "-o", "/dev/null").summary
        assert summary["lanes"] == 1
        assert "gentle" in summary["how"]
        assert {leaf: scans_after(db, leaf, before[leaf]) for leaf in leaves} == {leaf: (1, 0) for leaf in leaves}


def test_a_gentle_export_sends_one_plain_statement_without_ranges_or_parallel_workers(db, decant):
    process = decant.start("export", "--table", "large", "--gentle", "--max-rate", "1MB", "-o", "/dev/null")
    (found,) = db.wait_for_backends(present=True)
    statement = found[2].removeprefix("COPY (").rpartition(") TO STDOUT")[0]
    assert "ctid" not in statement and "ONLY" in statement
    plan = db.column("EXPLAIN " + statement)
    assert len(plan) == 1 and plan[0].startswith("Seq Scan on large")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130


def cached_share(db, table):
    return db.value(
        "SELECT (count(*) FILTER (WHERE b.bufferid IS NOT NULL) / max(pg_relation_size(c.oid) / 8192.0))::float8"
        " FROM pg_class c LEFT JOIN pg_buffercache b ON b.relfilenode = c.relfilenode AND b.relforknumber = 0"
        " AND b.reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " WHERE c.relname = %s", (table,))  # fmt: skip


@pytest.fixture
def small_server():
    """What a ring buffer is for depends on shared_buffers: a server of this test's own, which has 128 MB of them."""
    cluster = Cluster(pathlib.Path(__file__).resolve().parents[2] / "build")
    try:
        yield Database(cluster.start().conninfo, "spared")
    finally:
        cluster.stop()


def test_a_gentle_export_of_a_large_table_leaves_the_servers_cache_alone(small_server, decant):
    small_server.execute("CREATE EXTENSION pg_buffercache")
    small_server.execute(
        "CREATE TABLE uncached AS SELECT i AS id, repeat(md5(i::text), 25) AS filler FROM generate_series(1, 60000) i"
    )
    # Ranges of blocks pass through the whole cache; before 14, where there are none, those of a key do.
    small_server.execute("CREATE UNIQUE INDEX ON uncached (id)")
    small_server.execute("VACUUM ANALYZE uncached")
    small_server.execute("CHECKPOINT")
    before = cached_share(small_server, "uncached")
    export = ("export", "--db", small_server.conninfo, "--table", "uncached", "--format", "csv", "-o", "/dev/null")
    decant(*export, "--gentle")
    assert cached_share(small_server, "uncached") < before + 0.1 < 0.7
    decant(*export)
    assert cached_share(small_server, "uncached") > 0.9  # what gentle is there for


def test_a_service_reads_gently_by_default_where_it_is_told_to(make_service):
    service = make_service("--gentle")
    assert "gentle" in service.finish(format="csv", table="parted")["how"]
    assert "gentle" not in service.finish(format="csv", table="parted", gentle=False)["how"]


def test_a_request_can_ask_to_be_gentle(service):
    assert "gentle" in service.finish(format="csv", table="parted", gentle=True)["how"]
    assert "gentle" not in service.finish(format="csv", table="parted")["how"]


# --- rate limits ----------------------------------------------------------------------------------
@pytest.mark.parametrize("lanes", [1, 3])
def test_a_limited_export_is_not_faster_than_its_limit_and_gives_the_same_bytes(decant, tmp_path, lanes):
    target = tmp_path / "out.csv"
    arguments = ("--table", "large", "--where", "ten < 2", "--lanes", lanes)
    summary = decant("export", *arguments, "--max-rate", "4MB", "--json", "-o", target).summary
    assert summary["bytesRead"] > 9_000_000
    assert summary["seconds"] >= summary["bytesRead"] / LIMIT - 0.2  # a tenth of a second may be saved up
    assert summary["secondsPaused"] > 0
    assert "at most 4.00 MB/s" in summary["how"]
    assert target.read_bytes() == decant.export(*arguments)


def test_an_export_without_a_limit_does_not_pause(decant):
    summary = decant("export", "--table", "large", "--json", "-o", "/dev/null").summary
    assert summary["secondsPaused"] == 0
    assert summary["bytesRead"] > 48_000_000


def test_a_limited_query_pauses_too(decant):
    query = "SELECT repeat('x', 1000) AS t FROM generate_series(1, 8000)"
    summary = decant("export", "--query", query, "--max-rate", "4MB/s", "--json", "-o", "/dev/null").summary
    assert summary["seconds"] >= summary["bytesRead"] / LIMIT - 0.2


def test_the_exports_of_a_service_share_its_limit(make_service):
    service = make_service("--max-rate", "4MB")
    where = [{"column": "ten", "op": "=", "value": 1}]
    begun = time.monotonic()
    exports = [service.create(format="csv", table="large", where=where) for _ in range(2)]
    ended = [service.wait(export) for export in exports]
    seconds = time.monotonic() - begun
    assert [status["status"] for status in ended] == ["completed"] * 2
    assert all(status["bytesWritten"] > 4_800_000 for status in ended)
    assert seconds >= 2 * 4_800_000 / LIMIT - 0.2


def test_a_request_may_lower_the_services_limit_but_not_raise_it(make_service):
    service = make_service("--max-rate", "1MB")
    shown = {}
    for wanted in ("64kB", "1GB"):
        export = service.create(format="csv", table="large", maxRate=wanted)
        service.wait(export, states=("running",))
        while not (status := service.status(export))["bytesRead"]:
            time.sleep(0.02)
        shown[wanted] = status["maxRate"]
        service.request("DELETE", f"/exports/{export}")
    assert shown == {"64kB": 64 << 10, "1GB": 1 << 20}


def test_a_running_export_shows_its_snapshot_its_limit_and_what_it_has_read(service):
    export = service.create(format="csv", table="large", maxRate="1MB", gentle=True)
    service.wait(export, states=("running",))
    while not (status := service.status(export))["secondsPaused"]:
        assert status["status"] == "running"
        time.sleep(0.02)
    assert status["gentle"] is True
    assert status["maxRate"] == 1 << 20
    assert 0 < status["bytesRead"] < 48_000_000
    assert status["snapshotAt"].startswith("20") and status["snapshotAt"] >= status["createdAt"][:10]
    assert service.request("DELETE", f"/exports/{export}").status == 204


def test_the_snapshot_of_a_running_export_is_that_of_the_finished_one(service):
    export = service.create(format="csv", table="large", where=[{"column": "ten", "op": "=", "value": 1}], maxRate="4MB")
    service.wait(export, states=("running",))
    while not (running := service.status(export))["snapshotAt"]:
        time.sleep(0.02)
    assert running["status"] == "running"
    assert service.wait(export)["snapshotAt"] == running["snapshotAt"]


def test_an_ended_export_says_how_it_was_read_also_after_a_restart(service):
    export = service.create(format="csv", table="parted", maxRate="100MB", gentle=True)
    ended = service.wait(export)
    assert ended["gentle"] is True and ended["maxRate"] == 100 << 20
    assert ended["bytesRead"] > 0 and ended["secondsPaused"] >= 0 and ended["memoryBudgetBytes"] > 1 << 20
    service.stop()
    service.start()
    again = service.status(export)
    for key in ("gentle", "maxRate", "bytesRead", "secondsPaused", "memoryBudgetBytes"):
        assert again[key] == ended[key], key


def test_an_export_that_pauses_is_cancelled_at_once(db, service, decant, tmp_path):
    export = service.create(format="csv", table="large", maxRate="32kB", gentle=True)
    db.wait_for_backends(present=True)
    assert service.request("DELETE", f"/exports/{export}").status == 204
    assert service.status(export)["status"] == "cancelled"
    db.wait_for_backends(present=False)
    target = tmp_path / "out.csv"
    process = decant.start("export", "--table", "large", "--gentle", "--max-rate", "32kB", "-o", target)
    db.wait_for_backends(present=True)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert list(tmp_path.glob("out*")) == []
    db.wait_for_backends(present=False)


def test_the_benchmark_keeps_to_the_services_limit(db, make_service):
    db.execute("CREATE TABLE IF NOT EXISTS small AS SELECT i AS id, repeat('x', 1000) AS t FROM generate_series(1, 4000) i")
    service = make_service("--gentle", "--max-rate", "4MB", "--table", "small")
    report = service.get("/exports/benchmark", timeout=120).json
    assert all("gentle" in result["how"] and "at most 4.00 MB/s" in result["how"] for result in report["results"])
    assert all(result["durationSeconds"] >= 0.7 for result in report["results"])


@pytest.mark.parametrize("rate", ["0", "10", "1TB/h", "fast", "-1MB"])
def test_a_wrong_rate_is_refused(decant, service, rate):
    assert "max-rate" in decant("export", "--table", "large", "--max-rate", rate, code=2).err
    answer = service.request("POST", "/exports", {"format": "csv", "table": "large", "maxRate": rate})
    assert (answer.status, answer.json["field"]) == (400, "maxRate")
