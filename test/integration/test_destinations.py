"""Where bytes go: a file is whole or not there; a device or pipe stays what it is."""

import os
import signal
import stat
import subprocess
import time

import pytest
from support.oracle import UNPACK

DESTINATION, FAILED, INTERRUPTED = 4, 1, 130


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute("CREATE TABLE small AS SELECT i AS id FROM generate_series(1, 10) i")
    db.execute(
        "CREATE TABLE big AS SELECT i AS id, repeat(md5(i::text), 8) AS filler FROM generate_series(1, 150000) i"
    )
    # Fails on a late row: by then bytes have been written.
    db.execute(
        "CREATE TABLE late_nan AS SELECT i AS id, CASE i WHEN 140000 THEN 'NaN'::float8 ELSE i END AS f "
        "FROM generate_series(1, 150000) i"
    )
    # Rows that come slowly, so that there is time to interrupt.
    db.execute(
        "CREATE VIEW slow AS SELECT i AS id, pg_sleep(0.01)::text AS s FROM generate_series(1, 6000) i"
    )


SMALL = "id\n" + "".join(f"{i}\n" for i in range(1, 11))


def test_a_file_is_written_and_its_folder_holds_nothing_else(db, decant, tmp_path):
    decant("export", "--table", "big", "-o", tmp_path / "big.csv")
    assert os.listdir(tmp_path) == ["big.csv"]
    assert (tmp_path / "big.csv").read_bytes() == db.csv("SELECT * FROM big")


def test_a_killed_export_leaves_nothing_and_spares_the_file_that_was_there(decant, tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("as it was\n")
    process = decant.start("export", "--table", "slow", "-o", target)
    end = time.monotonic() + 30
    while not any(
        str(tmp_path) in os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{process.pid}/fd")
    ):
        assert time.monotonic() < end
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert os.listdir(tmp_path) == ["out.csv"]
    assert target.read_text() == "as it was\n"


def test_a_finished_export_replaces_the_file_that_was_there_and_keeps_its_permissions(decant, tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("as it was\n")
    target.chmod(0o640)
    decant("export", "--table", "small", "--fsync", "-o", target)
    assert target.read_text() == SMALL
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["out.csv"]


def test_dev_null_stays_a_device(decant):
    decant("export", "--table", "small", "--format", "csv", "-o", "/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_fifo_stays_a_fifo_and_its_reader_gets_every_byte(decant, tmp_path):
    fifo = tmp_path / "pipe.csv"
    os.mkfifo(fifo)
    reader = subprocess.Popen(["cat", str(fifo)], stdout=subprocess.PIPE)
    decant("export", "--table", "small", "-o", fifo)
    assert reader.communicate(timeout=30)[0].decode() == SMALL
    assert stat.S_ISFIFO(os.stat(fifo).st_mode)


def test_a_dash_is_standard_output(decant):
    assert decant("export", "--table", "small", "--format", "csv", "-o", "-").out.decode() == SMALL


def test_dev_stdout_is_standard_output(decant):
    assert decant("export", "--table", "small", "--format", "csv", "-o", "/dev/stdout").out.decode() == SMALL


def test_a_symbolic_link_to_a_file_stays_one(decant, tmp_path):
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    link.symlink_to(target)
    decant("export", "--table", "small", "-o", link)
    assert link.read_text() == SMALL
    assert link.is_symlink() and target.read_text() == SMALL


def test_a_folder_that_is_not_there_is_a_destination_error(decant, tmp_path):
    run = decant("export", "--table", "small", "-o", tmp_path / "missing" / "out.csv", code=DESTINATION)
    assert "missing" in run.err
    assert os.listdir(tmp_path) == []


def test_a_folder_as_the_output_is_a_destination_error(decant, tmp_path):
    (tmp_path / "folder.csv").mkdir()
    run = decant("export", "--table", "small", "-o", tmp_path / "folder.csv", code=DESTINATION)
    assert "folder.csv" in run.err and os.listdir(tmp_path / "folder.csv") == []


@pytest.mark.parametrize("output_format", ["csv", "json", "xml", "parquet"])
def test_a_full_device_is_a_destination_error(decant, output_format):
    run = decant("export", "--table", "small", "--format", output_format, "-o", "/dev/full", code=DESTINATION)
    assert "No space left" in run.err


def test_standard_output_that_is_full_is_a_destination_error(decant):
    with open("/dev/full", "wb") as full:
        run = decant("export", "--table", "small", "--format", "csv", code=DESTINATION, stdout=full)
    assert "No space left" in run.err


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 4 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("output_format", ["csv", "json", "ndjson", "xml", "parquet"])
def test_a_file_system_that_fills_up_keeps_no_part_of_the_file(decant, tiny_disk, output_format):
    path = tiny_disk / f"big.{output_format}"
    options = ["--parquet", "compression=none"] if output_format == "parquet" else []
    run = decant("export", "--table", "big", "-o", path, *options, code=DESTINATION)
    assert "No space left" in run.err
    assert os.listdir(tiny_disk) == []


def test_a_full_file_system_keeps_the_old_file(decant, tiny_disk):
    path = tiny_disk / "big.csv"
    path.write_text("old")
    decant("export", "--table", "big", "-o", path, code=DESTINATION)
    assert path.read_text() == "old" and os.listdir(tiny_disk) == ["big.csv"]


def test_an_old_file_is_replaced_at_once_when_the_new_one_is_whole(decant, tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old and longer than the new one" * 100)
    with open(path, encoding="utf-8") as still_open:
        decant("export", "--table", "small", "-o", path)
        assert still_open.read().startswith("old and longer"), "the old file was written into"
    assert path.read_text() == SMALL


def test_an_old_file_stays_when_the_export_fails(decant, tmp_path):
    path = tmp_path / "out.json"
    path.write_text("old")
    decant("export", "--table", "late_nan", "-o", path, code=FAILED)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["out.json"]


@pytest.mark.parametrize("output_format", ["json", "ndjson"])
@pytest.mark.parametrize("codec", ["none", "gzip", "zstd"])
def test_an_export_that_fails_on_a_late_row_leaves_no_file(decant, tmp_path, output_format, codec):
    run = decant(
        "export",
        "--table",
        "late_nan",
        "--format",
        output_format,
        "--compress",
        codec,
        "-o",
        tmp_path / "out",
        code=FAILED,
    )
    assert "NaN" in run.err and '"f"' in run.err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("output_format", ["json", "xml"])
def test_on_standard_output_a_failed_export_lacks_its_end(db, decant, output_format):
    query = "SELECT id, 1 / (140000 - id) AS q FROM big"
    run = decant("export", "--query", query, "--format", output_format, code=3)
    assert run.out, "the rows before the failure have gone out"
    assert not run.out.rstrip().endswith((b"]", b"</records>"))
    assert "division by zero" in run.err


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_on_standard_output_a_failed_compressed_export_is_visibly_cut(decant, codec):
    query = "SELECT id, filler, 1 / (140000 - id) AS q FROM big"
    run = decant("export", "--query", query, "--format", "csv", "--compress", codec, code=3)
    assert run.out, "the rows before the failure have gone out"
    with pytest.raises(AssertionError, match="is cut"):
        UNPACK[codec](run.out)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("output_format", ["csv", "parquet"])
def test_an_interrupt_leaves_no_file_and_ends_the_query(db, decant, tmp_path, sent, output_format):
    process = decant.start("export", "--table", "slow", "-o", tmp_path / f"out.{output_format}")
    db.wait_for_backends(present=True)
    process.send_signal(sent)
    interrupted = time.monotonic()
    db.wait_for_backends(present=False, seconds=4)
    _, err = process.communicate(timeout=30)
    # 2 s is the promise; the rest is for a machine that is busy with other tests.
    assert time.monotonic() - interrupted < 4
    assert process.returncode == INTERRUPTED, err
    assert os.listdir(tmp_path) == []


def test_an_interrupt_of_a_query_that_is_silent_ends_it_too(db, decant, tmp_path):
    process = decant.start(
        "export",
        "--query",
        "SELECT count(*) AS n FROM generate_series(1, 100000000000) i",
        "-o",
        tmp_path / "out.csv",
    )
    db.wait_for_backends(present=True)
    process.send_signal(signal.SIGINT)
    db.wait_for_backends(present=False, seconds=4)
    process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED and os.listdir(tmp_path) == []


def test_an_interrupt_while_the_reader_of_a_pipe_is_slow_ends_too(db, decant):
    process = decant.start("export", "--table", "big", "--format", "csv", stdout=subprocess.PIPE)
    process.stdout.read(1000)  # and no more: the pipe is full
    db.wait_for_backends(present=True, may_rest=True)  # all of a split may have been sent by now
    process.send_signal(signal.SIGINT)
    db.wait_for_backends(present=False, seconds=4)
    process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED


@pytest.mark.parametrize("codec", ["none", "gzip"])
def test_a_reader_that_closes_the_pipe_is_a_destination_error(db, decant, codec):
    process = decant.start("export", "--table", "big", "--format", "csv", "--compress", codec)
    process.stdout.read(10)
    process.stdout.close()
    err = process.stderr.read().decode()
    assert process.wait(30) == DESTINATION, err
    assert "Broken pipe" in err
    db.wait_for_backends(present=False)


def test_two_exports_to_one_name_leave_one_whole_file(db, decant, tmp_path):
    path = tmp_path / "out.csv"
    processes = [decant.start("export", "--table", "big", "-o", path) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    for process in processes:
        process.communicate()
    assert path.read_bytes() == db.csv("SELECT * FROM big") and os.listdir(tmp_path) == ["out.csv"]


def test_the_file_has_the_permissions_that_the_umask_leaves(decant, tmp_path):
    decant("export", "--table", "small", "-o", tmp_path / "out.csv", umask=0o027)
    assert stat.S_IMODE(os.stat(tmp_path / "out.csv").st_mode) == 0o640


def test_the_summary_says_what_was_done(decant, tmp_path):
    path = tmp_path / "big.csv"
    run = decant("export", "--table", "big", "-o", path, "--json", "--lanes", 2)
    summary = run.summary
    assert summary["rows"] == 150000 and summary["bytes"] == path.stat().st_size
    assert summary["seconds"] > 0 and 1 << 20 < summary["peakMemoryBytes"] < 64 << 20
    assert 1 <= summary["lanes"] <= 2 and summary["how"] and summary["specials"] == 0
    assert run.out == b""


def test_on_a_terminal_a_long_export_shows_its_progress(decant):
    controller, terminal = os.openpty()
    try:
        process = decant.start(
            "export", "--table", "slow", "--limit", 300, "-o", "/dev/null", "--format", "csv", stderr=terminal
        )
        os.close(terminal)
        shown = b""
        try:
            while piece := os.read(controller, 4096):
                shown += piece
        except OSError:  # the end of a terminal
            pass
        assert process.wait(30) == 0
        assert b"\r" in shown and b"rows" in shown and len(shown.splitlines()) >= 2
    finally:
        os.close(controller)
