"""Through TLS libpq reads the rows, not decant's own framing: the bytes must be the same, and the errors."""

import gzip
import os
import shutil
import signal

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

SOURCE, INTERRUPTED = 3, 130
KEY, CERTIFICATE = "decant-test.key", "decant-test.crt"


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute(
        "CREATE TABLE plain AS SELECT i AS id, repeat(md5(i::text), 6) AS t, "
        "json_build_object('k', i, 'deep', json_build_object('x', i % 7)) AS j FROM generate_series(1, 60000) i"
    )
    db.execute(
        "CREATE TABLE fat AS SELECT i AS id, repeat('x', 3000000 + i) AS t FROM generate_series(1, 5) i"
    )
    db.execute("VACUUM ANALYZE plain, fat")


@pytest.fixture(scope="module")
def tls(db):
    """The cluster speaks TLS with a certificate that the server itself makes, for as long as this module runs."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    db.execute(
        "COPY (SELECT 1) TO PROGRAM 'umask 077; openssl req -new -x509 -days 1 -nodes -batch -subj /CN=decant "
        f"-keyout {KEY} -out {CERTIFICATE}'"
    )
    settings = {"ssl_key_file": KEY, "ssl_cert_file": CERTIFICATE, "ssl": "on"}
    for name, value in settings.items():
        db.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    db.execute("SELECT pg_reload_conf()")
    encrypted = make_conninfo(db.conninfo, sslmode="require")
    for _ in range(50):  # the postmaster reads its settings a moment later
        try:
            psycopg.connect(encrypted).close()
            break
        except psycopg.OperationalError as error:
            failure = error
    else:
        raise AssertionError(f"no TLS: {failure}")
    yield encrypted
    for name in settings:
        db.execute(f"ALTER SYSTEM RESET {name}")
    db.execute("SELECT pg_reload_conf()")
    db.execute(f"COPY (SELECT 1) TO PROGRAM 'rm -f {KEY} {CERTIFICATE}'")


def test_a_rate_limit_holds_through_tls(decant, tls, db):
    arguments = ("export", "--table", "plain", "--no-flatten", "--lanes", 2, "--json")
    summary = decant(*arguments, "--max-rate", "8MB", db=tls).summary
    plain = decant(*arguments, db=db.conninfo).summary
    assert summary["seconds"] >= summary["bytesRead"] / (8 << 20) - 0.2
    assert summary["secondsPaused"] > 0
    assert 0.99 < summary["bytesRead"] / plain["bytesRead"] < 1.01


def export(decant, conninfo, *arguments):
    return decant("export", "--quiet", *arguments, db=conninfo).out


@pytest.mark.parametrize("arguments", [["csv"], ["csv", "--compress", "gzip"], ["json"], ["ndjson"], ["xml"]])
@pytest.mark.parametrize("lanes", [1, 3])
def test_an_export_through_tls_gives_the_same_bytes(db, decant, tls, arguments, lanes):
    common = ["--table", "plain", "--lanes", lanes, "--format", *arguments]
    plain = make_conninfo(db.conninfo, sslmode="disable")
    unpack = gzip.decompress if "gzip" in arguments else bytes
    assert unpack(export(decant, tls, *common)) == unpack(export(decant, plain, *common))


def test_huge_rows_and_ordered_rows_pass_through_tls(db, decant, tls):
    assert export(decant, tls, "--table", "fat", "--format", "csv") == db.csv("SELECT * FROM fat")
    ordered = export(
        decant, tls, "--table", "plain", "--columns", "id", "--format", "csv", "--order-by", "id desc"
    )
    assert ordered == db.csv("SELECT id FROM plain ORDER BY id DESC")


def test_every_lane_is_encrypted(db, decant, tls, tmp_path):
    process = decant.start(
        "export",
        "--query",
        "SELECT pg_sleep(0.001), i FROM generate_series(1, 5000) i",
        "-o",
        tmp_path / "a",
        db=tls,
    )
    db.wait_for_backends(True)
    encrypted = db.column(
        "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
        "WHERE application_name LIKE 'decant/%' AND datname = current_database()"
    )
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == INTERRUPTED
    process.communicate()
    assert encrypted and all(encrypted)
    db.wait_for_backends(False)
    assert os.listdir(tmp_path) == []


def test_an_error_of_a_late_row_has_its_sqlstate_through_tls(decant, tls, tmp_path):
    query = "SELECT id, 1 / (id - 50000) FROM plain"
    refused = decant("export", "--query", query, "-o", tmp_path / "out.csv", db=tls, code=SOURCE)
    assert "22012" in refused.err and "division by zero" in refused.err
    assert os.listdir(tmp_path) == []


def test_a_backend_that_is_ended_fails_the_export_through_tls(db, decant, tls):
    process = decant.start(
        "export",
        "--query",
        "SELECT pg_sleep(0.001), i FROM generate_series(1, 5000) i",
        "--format",
        "csv",
        db=tls,
    )
    db.wait_for_backends(True)
    db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name LIKE 'decant/%' AND datname = current_database()"
    )
    _, err = process.communicate(timeout=30)
    assert process.returncode == SOURCE  # the header has left: no second attempt
    assert b"57P01" in err
