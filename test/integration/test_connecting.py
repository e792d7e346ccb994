"""Connecting to a server that refuses, does not answer, or falls silent."""

import signal
import socket
import struct
import threading
import time

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from support.proxy import Proxy

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104


class Refuser:
    """A server that answers every connection's startup packet with one error."""

    def __init__(self, sqlstate, message):
        fields = b"".join(k + v.encode() + b"\0" for k, v in
                          ((b"S", "FATAL"), (b"V", "FATAL"), (b"C", sqlstate), (b"M", message)))  # fmt: skip
        self.answer = b"E" + struct.pack(">I", len(fields) + 5) + fields + b"\0"
        self.tries = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.conninfo = f"host=127.0.0.1 port={self.listener.getsockname()[1]} user=u password=wrong dbname=d"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                while packet := client.recv(4096):
                    if struct.unpack(">I", packet[4:8])[0] in (SSL_REQUEST, GSS_REQUEST):
                        client.sendall(b"N")
                        continue
                    self.tries += 1
                    client.sendall(self.answer)
                    break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


@pytest.mark.parametrize("sqlstate, tries", [
    ("28P01", 1), ("28000", 1), ("3D000", 1), ("42501", 1), ("53300", 3), ("57P03", 3)
])  # fmt: skip
def test_a_refused_connection_is_tried_again_only_where_that_can_help(decant, tmp_path, sqlstate, tries):
    with Refuser(sqlstate, "sorry: 12345: no") as refuser:
        done = decant("export", "--table", "t", "-o", tmp_path / "x.csv", db=refuser.conninfo, code=3)
        assert refuser.tries == tries
    assert "sorry: 12345: no" in done.err
    assert f"SQLSTATE {sqlstate}" in done.err
    assert f"{sqlstate}:" not in done.err and "LOCATION" not in done.err  # what libpq is asked for is not shown
    assert "wrong" not in done.err


def test_a_job_with_a_wrong_password_fails_and_says_so(make_service):
    with Refuser("28P01", "password authentication failed") as refuser:
        answer = make_service(conninfo=refuser.conninfo).request("POST", "/exports", {"format": "csv"})
    assert (answer.status, answer.json["code"], answer.json["sqlstate"]) == (502, "source_failed", "28P01")


@pytest.fixture
def deaf():
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_connecting_is_interrupted_at_once(decant, deaf, tmp_path):
    process = decant.start("export", "--table", "t", "-o", tmp_path / "x.csv", db=f"host=127.0.0.1 port={deaf}")
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(8) == 130  # libpq's own way would take 15 s


def test_a_host_that_does_not_answer_is_passed_over(db, decant, deaf):
    real = conninfo_to_dict(db.conninfo)
    both = make_conninfo(
        db.conninfo, host=f"127.0.0.1,{real['host']},127.0.0.1", port=f"{deaf},{real['port']},{deaf}", connect_timeout=2
    )
    assert decant.export("--query", "SELECT 1 AS x", db=both, timeout=30) == b"x\n1\n"


def test_hosts_that_do_not_answer_are_an_error_that_names_one(decant, deaf):
    conninfo = f"host=127.0.0.1,127.0.0.1 port={deaf},{deaf} connect_timeout=2"
    said = decant("describe", db=conninfo, code=3, timeout=30).err
    assert f"port {deaf} does not answer within 2 s" in said


def test_a_superusers_service_warns_once_and_another_ones_does_not(db, make_service):
    db.execute("CREATE TABLE IF NOT EXISTS records AS SELECT 1 AS id")
    db.execute("DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    db.execute("GRANT SELECT ON records TO reader")
    service = make_service()
    for _ in range(2):
        service.finish(format="csv")
    assert service.log.count("SUPERUSER") == 1
    service = make_service(conninfo=make_conninfo(db.conninfo, user="reader"))
    service.finish(format="csv")
    assert "SUPERUSER" not in service.log
    db.execute("REVOKE ALL ON records FROM reader; DROP ROLE reader")


# --- silence --------------------------------------------------------------------------------------
class Silencer(Proxy):
    """After so many bytes of the server's nothing comes through any more, and nothing is closed."""

    def _relay(self, s):
        if s in self.servers and self.cut_at is not None and self.from_server >= self.cut_at:
            s.recv(65536)
            return True
        if s in self.servers and self.cut_at is not None:
            cut, self.cut_at = self.cut_at, None
            try:
                return super()._relay(s)
            finally:
                self.cut_at = cut
        return super()._relay(s)


@pytest.mark.long
def test_a_server_that_is_silent_for_long_but_works_is_waited_for(db, decant):
    query = "SELECT 1 AS x, pg_sleep(70)::text AS s"
    sessions = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
    before = db.value(sessions)
    assert decant.export("--query", query, timeout=150) == b'x,s\n1,""\n'
    end = time.monotonic() + 10
    while db.value(sessions) < before + 2 and time.monotonic() < end:
        time.sleep(0.1)
    assert db.value(sessions) == before + 2  # the export's own, and the one that asked


@pytest.mark.long
def test_a_server_that_is_silent_and_gone_fails_the_export(db, decant):
    info = psycopg.connect(db.conninfo, autocommit=True).info
    query = "SELECT repeat('x', 1000) AS t FROM generate_series(1, 200000)"
    with Silencer(info, cut_at=500_000) as proxy:
        conninfo = make_conninfo(db.conninfo, host="127.0.0.1", port=proxy.port)
        done = decant("export", "--query", query, "-q", db=conninfo, code=3, timeout=150)
    assert "has long sent nothing" in done.err


def test_a_query_is_stopped_although_the_cancel_request_goes_nowhere(db, decant, tmp_path):
    info = psycopg.connect(db.conninfo, autocommit=True).info
    query = "SELECT repeat('x', 1000) AS t FROM generate_series(1, 2000000)"
    with Silencer(info, cut_at=500_000) as proxy:
        conninfo = make_conninfo(db.conninfo, host="127.0.0.1", port=proxy.port)
        process = decant.start("export", "--query", query, "-o", tmp_path / "x.csv", db=conninfo)
        while proxy.from_server < 500_000:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert list(tmp_path.iterdir()) == []
