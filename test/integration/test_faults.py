"""What breaks in the middle is seen by everyone: nothing short is ever taken for whole."""

import http.client
import json
import os
import random
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from support.oracle import UNPACK
from support.parquet import parquet_file
from support.proxy import Proxy
from support.service import Service

FORMATS = [
    ("csv", "none"),
    ("csv", "gzip"),
    ("csv", "zstd"),
    ("json", "none"),
    ("json", "gzip"),
    ("ndjson", "none"),
    ("xml", "none"),
    ("xml", "zstd"),
    ("parquet", "none"),
]


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute(
        "CREATE TABLE little AS SELECT i AS id, md5(i::text) AS t, i * 1.5 AS n FROM generate_series(1, 300) i"
    )
    db.execute("CREATE TABLE big (id int8 PRIMARY KEY, filler text)")
    db.execute("INSERT INTO big SELECT i, repeat(md5(i::text), 8) FROM generate_series(1, 200000) i")
    db.execute("VACUUM ANALYZE big")
    # About 1 MB a second for 5 s: time to break things.
    db.execute(
        "CREATE VIEW slow AS SELECT i AS id, repeat(md5(i::text), 320) AS filler, pg_sleep(0.01)::text AS s "
        "FROM generate_series(1, 500) i"
    )


# --- the stream from the server is cut ------------------------------------------------------------
@pytest.fixture(scope="module")
def cut_export(db, decant):
    """Exports `little` through a proxy that cuts at a byte. Gives the run and the proxy."""

    def run(cut_at, reset, output_format, codec, *arguments):
        info = psycopg.connect(db.conninfo, autocommit=True).info
        with Proxy(info, cut_at, reset) as proxy:
            conninfo = make_conninfo(db.conninfo, host="127.0.0.1", port=proxy.port)
            codec_arguments = [] if output_format == "parquet" else ["--compress", codec]
            done = decant(
                "export",
                "--table",
                "little",
                "--format",
                output_format,
                *codec_arguments,
                "--lanes",
                1,
                *arguments,
                db=conninfo,
                code=(0, 1, 3, 4),
            )
            return done, proxy

    return run


def same_rows(data, reference, output_format, codec):
    if output_format == "parquet":
        return parquet_file(data).read().equals(parquet_file(reference).read())
    return UNPACK[codec](data) == UNPACK[codec](reference)


def cut_positions(total, count, seed):
    """Spread over the whole stream, and dense at its end, where the proof of wholeness is."""
    chosen = random.Random(seed)
    return sorted(
        {
            *(chosen.randrange(total) for _ in range(count // 2)),
            *(total - 1 - chosen.randrange(min(total, 400)) for _ in range(count - count // 2)),
        }
    )


def check_cuts(cut_export, positions_of, output_format, codec, reset):
    whole, proxy = cut_export(None, False, output_format, codec)
    assert whole.code == 0 and proxy.from_server > 10000
    failed = 0
    positions = positions_of(proxy.from_server)
    with ThreadPoolExecutor(14) as pool:  # a command that may try again waits before it does
        runs = list(pool.map(lambda position: cut_export(position, reset, output_format, codec), positions))
    for position, (done, proxy_now) in zip(positions, runs):
        if done.code == 0:
            # Only the farewell was cut: every byte that counts had come.
            assert same_rows(done.out, whole.out, output_format, codec), (
                f"short at byte {position}, exit code 0"
            )
        else:
            assert proxy_now.was_cut and done.code == 3, done.err
            failed += 1
    return failed


@pytest.mark.parametrize("output_format, codec", FORMATS)
@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
def test_a_stream_that_is_cut_is_never_taken_for_whole(cut_export, output_format, codec, reset):
    failed = check_cuts(
        cut_export,
        lambda total: cut_positions(total, 14, f"{output_format}{codec}{reset}"),
        output_format,
        codec,
        reset,
    )
    assert failed >= 7


@pytest.mark.long
@pytest.mark.parametrize("output_format, codec", FORMATS)
@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
def test_a_stream_that_is_cut_at_any_of_many_bytes_is_never_taken_for_whole(
    cut_export, output_format, codec, reset
):
    failed = check_cuts(
        cut_export, lambda total: range(0, total, max(1, total // 1200)), output_format, codec, reset
    )
    assert failed >= 1000


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
def test_a_stream_that_is_cut_leaves_no_file(cut_export, tmp_path, reset):
    formats = ("csv", "json", "parquet")
    lengths = [cut_export(None, False, output_format, "none")[1].from_server for output_format in formats]
    cuts = [
        (int(length * share), output_format, str(tmp_path / f"{output_format}-{share}"))
        for output_format, length in zip(formats, lengths)
        for share in (0.3, 0.9, 0.97)
    ]
    with ThreadPoolExecutor(len(cuts)) as pool:
        runs = pool.map(lambda cut: cut_export(cut[0], reset, cut[1], "none", "-o", cut[2])[0], cuts)
    for done in runs:
        assert done.code == 3, done.err
    assert os.listdir(tmp_path) == []


# --- the server's backend is ended ----------------------------------------------------------------
def terminate(db):
    """Ends every backend of decant that reads."""
    found = [pid for pid, state, query in db.backends() if "copy" in query.lower()]
    for pid in found:
        db.execute("SELECT pg_terminate_backend(%s)", (pid,))
    return found


def test_a_command_whose_backend_is_ended_writes_a_whole_file_or_none(db, decant, tmp_path):
    path = tmp_path / "out.csv"
    for _ in range(3):
        process = decant.start("export", "--table", "big", "-o", path, "--lanes", 2)
        db.wait_for_backends(present=True)
        terminate(db)
        _, err = process.communicate(timeout=120)
        if process.returncode == 0:
            assert path.read_bytes() == db.csv("SELECT * FROM big")
            path.unlink()
        else:
            assert process.returncode == 3 and b"57P01" in err, err
        assert os.listdir(tmp_path) == []


def test_on_standard_output_a_command_whose_backend_is_ended_fails(db, decant):
    process = decant.start("export", "--table", "slow", "--format", "json")
    process.stdout.read(1)
    db.wait_for_backends(present=True)
    assert terminate(db)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3 and b"57P01" in err
    assert not out.rstrip().endswith(b"]")


def test_a_job_whose_backend_is_ended_is_done_again_and_its_followers_break(db, service):
    export = service.create(table="slow", format="ndjson")
    follower = service.open("GET", f"/exports/{export}/download")
    assert follower.status == 200
    first = follower.read(1000)
    assert len(first) == 1000
    assert terminate(db)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        while follower.read(65536):
            pass
    status = service.wait(export)
    if status["status"] == "completed":
        assert status["attempt"] >= 2
        lines = service.download(export).body.splitlines()
        assert [json.loads(line)["id"] for line in lines] == list(range(1, 501))
    else:
        assert status["status"] == "failed" and "57P01" in json.dumps(status)
        assert service.download(export).status == 409
    assert [name for name in service.files if "partial" in name] == []


def test_a_job_that_is_ended_again_and_again_fails_with_its_sqlstate(db, service):
    export = service.create(table="slow", format="csv")
    stop = threading.Event()

    def end_them():
        with db.connect() as connection:
            while not stop.is_set():
                connection.execute("""SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
                                      AND application_name LIKE 'decant/%' AND query ILIKE 'copy%'""")
                time.sleep(0.05)

    thread = threading.Thread(target=end_them, daemon=True)
    thread.start()
    try:
        status = service.wait(export)
    finally:
        stop.set()
        thread.join(10)
    assert status["status"] == "failed" and "57P01" in json.dumps(status)
    assert status["attempt"] == 3
    assert service.files == []
    answer = service.download(export)
    assert answer.status == 409 and "57P01" in answer.body.decode() + json.dumps(status)


# --- the server refuses ---------------------------------------------------------------------------
def test_a_statement_timeout_fails_the_job_at_once_with_its_sqlstate(db, make_service):
    service = make_service(conninfo=make_conninfo(db.conninfo, options="-c statement_timeout=700ms"))
    export = service.create(table="slow", format="csv")
    status = service.wait(export)
    assert status["status"] == "failed" and status["attempt"] == 1
    assert "57014" in json.dumps(status) and "statement timeout" in json.dumps(status)
    assert service.files == []


def test_a_statement_timeout_fails_the_command(db, decant, tmp_path):
    run = decant(
        "export",
        "--table",
        "slow",
        "-o",
        tmp_path / "out.csv",
        code=3,
        environment={"PGOPTIONS": "-c statement_timeout=700ms"},
    )
    assert "57014" in run.err and os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "statement",
    ["DROP TABLE victim", "TRUNCATE victim", "ALTER TABLE victim DROP COLUMN filler", "VACUUM FULL victim"],
)
def test_a_table_is_not_changed_under_an_export(db, decant, tmp_path, statement):
    db.execute("DROP TABLE IF EXISTS victim")
    db.execute("CREATE TABLE victim AS SELECT * FROM big")
    expected = db.csv("SELECT * FROM victim")
    path = tmp_path / "out.csv"
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    process = decant.start("export", "--table", "victim", "--format", "csv", "-o", fifo, "--lanes", 2)
    with open(fifo, "rb") as reader:
        head = reader.read(100000)  # the export has begun and now waits for its reader
        done = threading.Event()

        def change():
            with db.connect() as connection:
                connection.execute(statement)
                done.set()

        thread = threading.Thread(target=change, daemon=True)
        thread.start()
        assert not done.wait(0.7), "the table was changed while it was read"
        rest = reader.read()
    _, err = process.communicate(timeout=60)
    assert done.wait(30)
    # A lane that could not lock any more drops out; the holder reads on.
    assert process.returncode == 0, err
    assert head + rest == expected
    path.unlink(missing_ok=True)


def test_a_table_that_is_locked_by_another_does_not_hang_a_cancel(db, service):
    db.execute("CREATE TABLE IF NOT EXISTS guarded AS SELECT 1 AS id")
    with db.connect() as holder, holder.transaction():
        export = service.create(table="guarded", format="csv")  # describing needs no lock that conflicts
        holder.execute("LOCK TABLE guarded IN ACCESS EXCLUSIVE MODE")
        second = service.request("POST", "/exports", {"table": "big", "format": "csv"})
        assert second.status == 201, "others go on"
        assert service.wait(second.json["exportId"])["status"] == "completed"
        assert service.request("DELETE", f"/exports/{export}").status == 204
    assert service.status(export)["status"] in ("cancelled", "expired", "completed")


# --- the service ends -----------------------------------------------------------------------------
def test_a_restart_keeps_what_was_finished(service):
    export = service.finish(table="little", format="csv")["exportId"]
    before = service.download(export)
    assert service.stop() == 0
    service.start()
    after = service.download(export)
    assert (
        after.status == 200 and after.body == before.body and after.headers["ETag"] == before.headers["ETag"]
    )
    assert service.status(export)["status"] == "completed"


def test_sigterm_during_an_export_leaves_it_to_the_next_start(db, service):
    export = service.create(table="slow", format="csv")
    db.wait_for_backends(present=True)
    assert service.stop() == 0
    db.wait_for_backends(present=False, seconds=5)
    assert [name for name in service.files if "partial" in name] == []
    service.start()
    status = service.wait(export)
    assert status["status"] == "completed"
    assert len(service.download(export).body.splitlines()) == 501


def test_kill_during_an_export_publishes_nothing_and_the_next_start_does_it_again(db, service):
    export = service.create(table="slow", format="json")
    db.wait_for_backends(present=True)
    time.sleep(1)
    service.kill()
    assert not any(name.endswith(".json") for name in service.files)
    service.start()
    status = service.wait(export)
    assert status["status"] == "completed" and status["attempt"] >= 2
    assert len(json.loads(service.download(export).body)) == 500
    assert len(service.files) == 1


def test_a_job_that_kills_the_service_three_times_is_given_up(db, service):
    export = service.create(table="slow", format="csv")
    for _ in range(3):
        db.wait_for_backends(present=True)
        service.kill()
        db.wait_for_backends(present=False)
        service.start()
    status = service.wait(export)
    assert status["status"] == "failed" and status["attempt"] <= 3
    assert service.files == []


def test_orphan_files_of_a_dead_service_are_removed_and_others_are_left(db, service):
    export = service.create(table="slow", format="csv")
    db.wait_for_backends(present=True)
    service.kill()
    with open(os.path.join(service.data, "notes.txt"), "w", encoding="ascii") as notes:
        notes.write("not decant's")
    service.start()
    service.request("DELETE", f"/exports/{export}")
    service.wait(export)
    db.wait_for_backends(present=False)
    assert service.files == ["notes.txt"]


def test_a_service_without_its_database_says_so_and_lives(make_service, db):
    service = make_service(
        conninfo="host=127.0.0.1 port=1 user=postgres password=s3cr3t-word dbname=postgres"
    )
    assert service.get("/health").status == 200
    assert service.get("/ready").status == 503
    answer = service.request("POST", "/exports", {"table": "little", "format": "csv"})
    assert answer.status in (502, 503)
    assert "s3cr3t" not in answer.body.decode() + service.log


def test_a_full_disk_fails_the_job_frees_the_room_and_the_service_lives(db, binary, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    place = tmp_path / "tiny"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], capture_output=True
    ).returncode:
        pytest.skip("no file system can be mounted here")
    service = Service(binary, db.conninfo, str(place))
    try:
        service.start()
        answer = service.request("POST", "/exports", {"table": "big", "format": "csv"})
        if answer.status != 507:  # admission may see at once that 50 MB have no room
            status = service.wait(answer.json["exportId"])
            assert status["status"] == "failed" and "space" in json.dumps(status).lower()
        assert [name for name in service.files if name.endswith((".csv", ".partial"))] == []
        assert service.finish(table="little", format="csv")["status"] == "completed"
    finally:
        service.dispose()
        subprocess.run(["umount", str(place)], check=True)
