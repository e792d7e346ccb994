"""The commands around the export: describe, bench, and a service that seeds."""

import json
import os
import time

import pytest

ROWS = 60_000


@pytest.fixture(autouse=True)
def no_table(db):
    db.execute("DROP TABLE IF EXISTS public.records")


def test_describe_lists_tables_and_columns(db, decant):
    db.execute('CREATE TABLE IF NOT EXISTS "Odd Name" (id int NOT NULL, "a b" numeric(5,2))')
    assert "Odd Name" in decant("describe").out.decode()
    shown = decant("describe", '"Odd Name"').out.decode()
    assert "a b" in shown and "numeric(5,2)" in shown and "not null" in shown
    run = decant("describe", "nowhere", code=3)
    assert "nowhere" in run.err


def test_the_benchmark_measures_each_format_and_leaves_no_file(db, decant, tmp_path):
    decant("seed", "--rows", ROWS)
    run = decant("bench", "--json", "--data", tmp_path)
    report = json.loads(run.out)
    assert report["datasetRowCount"] == ROWS
    assert [result["format"] for result in report["results"]] == ["csv", "json", "xml", "parquet"]
    for result in report["results"]:
        assert result["durationSeconds"] > 0 and result["peakMemoryMB"] > 1 and result["fileSizeBytes"] > ROWS
    assert os.listdir(tmp_path) == []
    table = decant("bench", "--rows", 1000, "--data", tmp_path).out.decode()
    assert "parquet" in table and "1,000" in table.replace("1000", "1,000")


def test_the_service_seeds_only_when_asked_and_is_of_use_meanwhile(db, make_service):
    service = make_service()
    assert db.value("SELECT to_regclass('records') IS NULL")
    assert service.stop() == 0
    service = make_service("--seed", "--seed-rows", str(ROWS))
    end = time.monotonic() + 90
    while service.get("/ready").json["status"] == "seeding" and time.monotonic() < end:
        assert service.get("/health").status == 200
        time.sleep(0.1)
    assert service.get("/ready").json["status"] == "ready"
    assert db.value("SELECT count(*) FROM records") == ROWS
    assert service.finish(format="csv")["rowsWritten"] == ROWS
    assert service.stop() == 0
    service = make_service("--seed", "--seed-rows", str(ROWS))
    end = time.monotonic() + 20
    while "Database already seeded" not in service.log and time.monotonic() < end:
        time.sleep(0.1)
    assert "Database already seeded" in service.log
