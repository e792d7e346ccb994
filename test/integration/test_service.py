"""The HTTP service: exports as jobs, their status, events and downloads, and what it says about itself."""

import base64
import datetime
import hashlib
import http.client
import json
import os
import re
import socket
import threading
import time
import uuid

import pytest
from openapi_spec_validator import validate
from support import values
from support.oracle import UNPACK, array_items, xml_rows
from support.parquet import parquet_file
from support.service import Service, reset_on_close

UNKNOWN = uuid.UUID(int=1)  # no export has this id
STATUS_FIELDS = {
    "status",
    "format",
    "table",
    "rowsWritten",
    "rowsEstimated",
    "bytesWritten",
    "percent",
    "rowsPerSecond",
    "etaSeconds",
    "attempt",
    "createdAt",
    "startedAt",
    "finishedAt",
    "snapshotAt",
    "sha256",
    "fileName",
    "error",
}


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute("""CREATE TABLE records (id bigserial PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now(),
                  name varchar(255) NOT NULL, value decimal(18,4) NOT NULL, metadata jsonb NOT NULL)""")
    db.execute("""INSERT INTO records (created_at, name, value, metadata)
                  SELECT timestamptz '2024-01-01' + i * interval '1 minute', 'Näme, "' || i || '"', i / 8.0,
                    jsonb_build_object('city', 'Łódź', 'n', i, 'tags', jsonb_build_array(i % 3, '<&>'))
                  FROM generate_series(1, 30000) i""")
    db.execute("VACUUM ANALYZE records")
    db.execute("CREATE TABLE little AS SELECT i AS id, i * 2 AS twice FROM generate_series(1, 100) i")
    # About 1 MB a second for 10 s.
    db.execute(
        "CREATE VIEW slow AS SELECT i AS id, repeat(md5(i::text), 320) AS filler, pg_sleep(0.01)::text AS s "
        "FROM generate_series(1, 1000) i"
    )


# --- the flow that callers of the old service know ------------------------------------------------
def test_post_answers_201_with_the_id_and_pending(service):
    answer = service.request(
        "POST",
        "/exports",
        {
            "format": "csv",
            "columns": [{"source": "id", "target": "ID"}, {"source": "metadata.city", "target": "City"}],
        },
    )
    assert answer.status == 201
    assert set(answer.json) >= {"exportId", "status"} and answer.json["status"] == "pending"
    assert str(uuid.UUID(answer.json["exportId"])) == answer.json["exportId"]
    assert answer.headers["Location"].endswith(f"/exports/{answer.json['exportId']}")
    assert answer.headers["Content-Type"].startswith("application/json")
    lines = service.download(answer.json["exportId"]).body.decode().splitlines()
    assert lines[0] == "ID,City" and lines[1] == "1,Łódź" and len(lines) == 30001


def test_the_default_table_is_records(db, service):
    export = service.finish(format="csv", flatten=False)
    assert export["table"].endswith("records") and export["rowsWritten"] == 30000
    assert service.download(export["exportId"]).body == db.csv("SELECT * FROM records")


@pytest.mark.parametrize("output_format", ["csv", "json", "ndjson", "xml", "parquet"])
@pytest.mark.parametrize("compression", [None, "gzip", "zstd:3"])
def test_every_format_and_compression_is_downloaded_whole(db, service, output_format, compression):
    body = {"format": output_format, "table": "records", "columns": [{"source": "id"}, {"source": "name"}]}
    if compression and output_format == "parquet":
        codec = compression.partition(":")[0]
        export = service.finish(**body, parquet={"compression": codec})["exportId"]
    else:
        export = service.finish(**body, **({"compression": compression} if compression else {}))["exportId"]
    answer = service.download(export)
    assert answer.status == 200
    codec = (compression or "none").partition(":")[0]
    data = answer.body if output_format == "parquet" else UNPACK[codec](answer.body)
    query = "SELECT id, name FROM records"
    if output_format == "csv":
        assert data == db.csv(query)
    elif output_format == "ndjson":
        assert data == db.ndjson(query)
    elif output_format == "json":
        assert array_items(data) == db.json_rows(query)
    elif output_format == "xml":
        assert xml_rows(data) == [[("id", str(i)), ("name", name)] for i, name in db.rows(query)]
    else:
        table = parquet_file(data).read()
        assert list(zip(*table.to_pydict().values())) == db.rows(query)


def test_the_benchmark_measures_every_format_on_the_whole_table(service):
    answer = service.get("/exports/benchmark", timeout=300)
    assert answer.status == 200
    assert answer.json["datasetRowCount"] == 30000
    assert [result["format"] for result in answer.json["results"]] == ["csv", "json", "xml", "parquet"]
    for result in answer.json["results"]:
        assert result["durationSeconds"] > 0 and result["fileSizeBytes"] > 100_000
        assert 1 < result["peakMemoryMB"] <= result["memoryBudgetMB"] < 64
    assert service.files == []


def test_the_benchmark_of_a_table_that_is_not_there_is_not_found(make_service):
    answer = make_service("--table", "nowhere").get("/exports/benchmark", timeout=60)
    assert answer.status == 404
    assert answer.json["code"] == "not_found" and "nowhere" in answer.json["error"]


def test_a_benchmarks_leftover_folder_is_swept_at_the_next_start(service):
    export = service.finish(format="csv", table="records")["exportId"]
    spool = os.path.dirname(next(name for name in service.files if export in name))
    service.stop()
    folder = os.path.join(service.data, spool, "benchmark-Xy3z9Q")
    os.makedirs(folder)
    with open(os.path.join(folder, "csv.csv"), "w", encoding="utf-8") as output:
        output.write("half")
    service.start()
    assert service.get("/ready").status == 200
    assert not os.path.exists(folder)


# --- download -------------------------------------------------------------------------------------
@pytest.fixture
def finished(service):
    export = service.finish(format="csv", table="records", flatten=False)
    return export, service.download(export["exportId"])


def test_a_finished_download_has_length_type_name_etag_and_digest(finished):
    export, answer = finished
    headers = answer.headers
    assert int(headers["Content-Length"]) == len(answer.body) == export["bytesWritten"]
    assert headers["Content-Type"] == "text/csv; charset=utf-8"
    assert (
        headers["Content-Disposition"].startswith("attachment;")
        and "filename*=UTF-8''" in headers["Content-Disposition"]
    )
    assert "records.csv" in headers["Content-Disposition"]
    assert re.fullmatch(r'"[^"]+"', headers["ETag"])
    assert headers["Accept-Ranges"] == "bytes"
    assert "Content-Encoding" not in headers
    digest = hashlib.sha256(answer.body).hexdigest()
    assert export["sha256"] == digest
    assert base64.b64encode(bytes.fromhex(digest)).decode() in headers["Repr-Digest"]
    assert headers["Repr-Digest"].startswith("sha-256=:")


def test_a_compressed_download_is_a_file_and_not_a_transfer_coding(service):
    export = service.finish(format="csv", table="records", compression="gzip")
    answer = service.download(export["exportId"], headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Type"] == "application/gzip" and "Content-Encoding" not in answer.headers
    assert "records.csv.gz" in answer.headers["Content-Disposition"] and export["fileName"].endswith(
        ".csv.gz"
    )
    assert int(answer.headers["Content-Length"]) == len(answer.body)


def test_head_has_the_headers_of_get_and_no_body(service, finished):
    export, answer = finished
    head = service.request("HEAD", f"/exports/{export['exportId']}/download")
    assert head.status == 200 and head.body == b""
    for name in (
        "Content-Length",
        "Content-Type",
        "ETag",
        "Content-Disposition",
        "Accept-Ranges",
        "Repr-Digest",
    ):
        assert head.headers[name] == answer.headers[name]


RANGES = [
    ("bytes=0-0", (0, 1)),
    ("bytes=0-99", (0, 100)),
    ("bytes=100-", (100, None)),
    ("bytes=-50", (-50, None)),
    ("bytes=5-999999999999999", (5, None)),
    ("bytes=-999999999999999", (0, None)),
    ("bytes=7-7", (7, 8)),
]


@pytest.mark.parametrize("text, part", RANGES)
def test_a_range_is_answered_with_its_part(service, finished, text, part):
    export, whole = finished
    answer = service.download(export["exportId"], headers={"Range": text})
    wanted = whole.body[part[0] : part[1]]
    start = len(whole.body) - len(wanted) if part[0] < 0 else part[0]
    assert answer.status == 206 and answer.body == wanted
    assert int(answer.headers["Content-Length"]) == len(wanted)
    assert answer.headers["Content-Range"] == f"bytes {start}-{start + len(wanted) - 1}/{len(whole.body)}"
    assert answer.headers["ETag"] == whole.headers["ETag"]


@pytest.mark.parametrize("text", ["bytes=999999999999-", "bytes=-0", "bytes=99999999999-99999999999999"])
def test_a_range_outside_is_416_with_the_size(service, finished, text):
    export, whole = finished
    answer = service.download(export["exportId"], headers={"Range": text})
    assert answer.status == 416 and answer.headers["Content-Range"] == f"bytes */{len(whole.body)}"


@pytest.mark.parametrize(
    "text",
    [
        "bytes=0-1,5-6",
        "bytes=9-3",
        "bytes=a-b",
        "lines=0-1",
        "bytes=",
        "bytes=--1",
        "bytes=18446744073709551616-",
        "bytes=0-18446744073709551616",
        "bytes 0-1",
    ],
)
def test_what_is_no_single_range_is_the_whole_or_refused_but_never_another_part(service, finished, text):
    export, whole = finished
    answer = service.download(export["exportId"], headers={"Range": text})
    if answer.status == 206:  # an end beyond the file is its end
        assert text == "bytes=0-18446744073709551616" and answer.body == whole.body
    elif answer.status == 200:
        assert answer.body == whole.body
    else:
        assert answer.status == 416 and text == "bytes=18446744073709551616-"


def test_if_range_with_the_same_etag_resumes_and_with_another_starts_anew(service, finished):
    export, whole = finished
    path = export["exportId"]
    same = service.download(path, headers={"Range": "bytes=10-19", "If-Range": whole.headers["ETag"]})
    other = service.download(path, headers={"Range": "bytes=10-19", "If-Range": '"another"'})
    weak = service.download(path, headers={"Range": "bytes=10-19", "If-Range": "W/" + whole.headers["ETag"]})
    dated = service.download(
        path, headers={"Range": "bytes=10-19", "If-Range": "Wed, 21 Oct 2015 07:28:00 GMT"}
    )
    assert (same.status, same.body) == (206, whole.body[10:20])
    for answer in (other, weak, dated):
        assert (answer.status, answer.body) == (200, whole.body)


def test_a_download_in_pieces_is_the_whole(service, finished):
    export, whole = finished
    pieces, step = [], 100_003
    for start in range(0, len(whole.body), step):
        answer = service.download(
            export["exportId"],
            headers={"Range": f"bytes={start}-{start + step - 1}", "If-Range": whole.headers["ETag"]},
        )
        assert answer.status == 206
        pieces.append(answer.body)
    assert hashlib.sha256(b"".join(pieces)).hexdigest() == export["sha256"]


def test_a_download_follows_a_running_export_and_ends_with_it(db, service):
    export = service.create(format="ndjson", table="slow", limit=400)
    answer = service.open("GET", f"/exports/{export}/download")
    assert answer.status == 200
    assert answer.headers["Transfer-Encoding"] == "chunked" and answer.headers["Content-Length"] is None
    first = answer.read(10000)
    assert service.status(export)["status"] == "running", "bytes come before the export has ended"
    body = first + answer.read()
    assert [json.loads(line)["id"] for line in body.splitlines()] == list(range(1, 401))
    status = service.wait(export, seconds=5)
    assert status["status"] == "completed" and hashlib.sha256(body).hexdigest() == status["sha256"]


def test_head_of_a_running_export_answers_at_once_without_a_length(service):
    export = service.create(format="csv", table="slow")
    head = service.request("HEAD", f"/exports/{export}/download")
    assert head.status == 200 and head.headers["Content-Length"] is None
    assert head.headers["Content-Type"] == "text/csv; charset=utf-8"
    service.request("DELETE", f"/exports/{export}")


def test_an_http_1_0_client_gets_409_until_the_export_is_complete(service):
    export = service.create(format="csv", table="slow", limit=200)
    request = f"GET /exports/{export}/download HTTP/1.0\r\nHost: 127.0.0.1:{service.port}\r\n\r\n".encode()
    assert service.raw(request).split(b"\r\n")[0].split()[1] == b"409"
    assert service.wait(export)["status"] == "completed"
    answer = service.raw(request)
    assert answer.split(b"\r\n")[0].split()[1] == b"200"
    assert answer.partition(b"\r\n\r\n")[2] == service.download(export).body


def test_followers_of_a_cancelled_export_break(db, service):
    export = service.create(format="csv", table="slow")
    follower = service.open("GET", f"/exports/{export}/download")
    assert follower.read(1000)
    assert service.request("DELETE", f"/exports/{export}").status == 204
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        while follower.read(65536):
            pass


def test_followers_of_an_export_that_fails_break_and_later_ones_are_told_why(db, service):
    db.execute("""CREATE OR REPLACE VIEW failing AS SELECT i AS id, repeat(md5(i::text), 320) AS filler,
                  pg_sleep(0.002)::text AS s, 1 / (900 - i) AS q FROM generate_series(1, 1000) i""")
    export = service.create(format="json", table="failing")
    follower = service.open("GET", f"/exports/{export}/download")
    got = b""
    with pytest.raises((http.client.IncompleteRead, ConnectionError)) as broken:
        while piece := follower.read(65536):
            got += piece
    got += getattr(broken.value, "partial", b"")
    assert not got.rstrip().endswith(b"]")
    status = service.wait(export)
    assert status["status"] == "failed" and "division by zero" in json.dumps(status)
    later = service.download(export)
    assert later.status == 409 and "division by zero" in later.body.decode()
    assert service.files == []


def test_a_reader_that_leaves_does_not_end_the_export(service):
    export = service.create(format="csv", table="slow", limit=300)
    follower = service.open("GET", f"/exports/{export}/download")
    follower.read(100)
    reset_on_close(follower.connection.sock) if follower.connection.sock else None
    follower.close()
    follower.connection.close()
    assert service.wait(export)["status"] == "completed"


def test_many_followers_get_the_same_bytes(service):
    export = service.create(format="ndjson", table="slow", limit=300)
    digests = []

    def follow():
        digests.append(hashlib.sha256(service.download(export).body).hexdigest())

    threads = [threading.Thread(target=follow) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(digests) == {service.wait(export)["sha256"]} and len(digests) == 12


# --- status, list, events -------------------------------------------------------------------------
def test_the_status_says_what_the_contract_lists(service):
    status = service.finish(format="csv", table="records")
    assert STATUS_FIELDS <= set(status)
    assert (status["rowsWritten"], status["percent"], status["attempt"]) == (30000, 100, 1)
    assert status["error"] is None and status["fileName"] == "records.csv"
    moments = [
        datetime.datetime.fromisoformat(status[name])
        for name in ("createdAt", "startedAt", "snapshotAt", "finishedAt")
    ]
    assert moments == sorted(moments) and all(
        moment.utcoffset() == datetime.timedelta(0) for moment in moments
    )


def test_a_running_export_shows_its_progress(db, service):
    export = service.create(format="csv", table="slow")
    db.wait_for_backends(present=True)
    seen = set()
    end = time.monotonic() + 30
    while time.monotonic() < end and len(seen) < 3:
        status = service.status(export)
        if status["status"] == "running" and status["rowsWritten"]:
            seen.add(status["rowsWritten"])
        time.sleep(0.2)
    assert len(seen) >= 3, "rowsWritten does not move"
    assert service.request("DELETE", f"/exports/{export}").status == 204


def test_the_list_is_newest_first_and_pages_without_gaps_or_repeats(service):
    made = [service.create(format="csv", table="little", limit=i) for i in range(1, 8)]
    for export in made:
        service.wait(export)
    whole = service.get("/exports").json
    assert [item.get("exportId", item.get("id")) for item in whole["exports"]] == made[::-1] and whole[
        "next"
    ] is None
    found, path = [], "/exports?limit=3"
    while path:
        page = service.get(path).json
        assert len(page["exports"]) <= 3
        found += [item.get("exportId", item.get("id")) for item in page["exports"]]
        if len(found) == 3:  # a new one does not shift the pages that follow
            service.wait(service.create(format="csv", table="little"))
        path = f"/exports?limit=3&cursor={page['next']}" if page["next"] else None
    assert found == made[::-1]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=x", "limit=99999999999999999999", "cursor=nonsense", "sort=up"]
)
def test_a_wrong_parameter_of_the_list_is_400(service, query):
    answer = service.get(f"/exports?{query}")
    assert answer.status == 400 and answer.json["code"] == "invalid_request"


def read_events(answer):
    """The data of each server-sent event, until the stream ends."""
    data = []
    for line in answer:
        line = line.decode().rstrip("\r\n")
        if line.startswith("data:"):
            data.append(line[5:].strip())
        elif line == "" and data:
            yield json.loads("\n".join(data))
            data = []


def test_events_tell_the_progress_to_the_end(service):
    export = service.create(format="csv", table="slow", limit=300)
    answer = service.open("GET", f"/exports/{export}/events")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/event-stream")
    events = list(read_events(answer))
    assert len(events) >= 3
    assert events[-1]["status"] == "completed" and events[-1]["rowsWritten"] == 300
    assert [event["rowsWritten"] or 0 for event in events] == sorted(
        event["rowsWritten"] or 0 for event in events
    )


def test_events_of_a_finished_export_say_its_end_and_end(service):
    export = service.finish(format="csv", table="little")["exportId"]
    events = list(read_events(service.open("GET", f"/exports/{export}/events")))
    assert [event["status"] for event in events] == ["completed"]


# --- delete ---------------------------------------------------------------------------------------
def test_a_running_export_is_cancelled_and_its_query_is_gone(db, service):
    export = service.create(format="csv", table="slow")
    db.wait_for_backends(present=True)
    assert service.request("DELETE", f"/exports/{export}").status == 204
    db.wait_for_backends(present=False, seconds=3)  # 2 s is the promise; the rest is for a busy machine
    assert service.wait(export)["status"] == "cancelled"
    assert service.files == []
    answer = service.download(export)
    assert answer.status == 409 and "cancel" in answer.json["error"]


def test_a_silent_query_is_cancelled_too(db, make_service):
    service = make_service("--allow-query")
    export = service.create(
        format="csv", query="SELECT count(*) AS n FROM generate_series(1, 100000000000) i"
    )
    db.wait_for_backends(present=True)
    assert service.request("DELETE", f"/exports/{export}").status == 204
    db.wait_for_backends(present=False, seconds=3)
    assert service.wait(export)["status"] == "cancelled"


def test_a_finished_export_loses_its_file_and_is_gone(service):
    export = service.finish(format="csv", table="records")["exportId"]
    assert len(service.files) == 1
    assert service.request("DELETE", f"/exports/{export}").status == 204
    assert service.files == []
    assert service.status(export)["status"] == "expired"
    answer = service.download(export)
    assert answer.status == 410 and answer.json["code"] == "gone"


def test_an_open_download_of_a_deleted_export_ends_well(db, service):
    db.execute(
        "CREATE TABLE IF NOT EXISTS wide_rows AS SELECT i AS id, repeat(md5(i::text), 300) AS t FROM generate_series(1, 3000) i"
    )
    export = service.finish(format="csv", table="wide_rows")
    answer = service.open("GET", f"/exports/{export['exportId']}/download")
    first = answer.read(1000)
    assert service.request("DELETE", f"/exports/{export['exportId']}").status == 204
    assert hashlib.sha256(first + answer.read()).hexdigest() == export["sha256"]
    assert service.download(export["exportId"]).status == 410


def test_deleting_twice_changes_nothing(service):
    export = service.finish(format="csv", table="little")["exportId"]
    assert [service.request("DELETE", f"/exports/{export}").status for _ in range(2)] == [204, 204]
    assert service.status(export)["status"] == "expired"


def test_a_finished_export_expires(make_service):
    service = make_service("--expire-after", "2s")
    export = service.finish(format="csv", table="little")["exportId"]
    assert service.wait(export, states=("expired",), seconds=30)
    assert service.download(export).status == 410 and service.files == []


# --- refusals -------------------------------------------------------------------------------------
REFUSED = {
    "an unknown field": ({"format": "csv", "colour": 1}, 400, "colour"),
    "an unknown field of a column": (
        {"format": "csv", "columns": [{"sorce": "id"}]},
        400,
        "columns[0].sorce",
    ),
    "an unknown field of a filter": (
        {"format": "csv", "where": [{"column": "id", "op": "=", "valu": 1}]},
        400,
        "where[0].valu",
    ),
    "no format": ({"table": "records"}, 400, "format"),
    "an unknown format": ({"format": "xlsx"}, 400, "format"),
    "a format that is no text": ({"format": 7}, 400, "format"),
    "an unknown table": ({"format": "csv", "table": "nowhere"}, 404, "nowhere"),
    "an unknown column": ({"format": "csv", "columns": [{"source": "nope"}]}, 400, "nope"),
    "an empty list of columns": ({"format": "csv", "columns": []}, 400, "columns"),
    "columns that are no list": ({"format": "csv", "columns": "id"}, 400, "columns"),
    "duplicate targets": (
        {"format": "csv", "columns": [{"source": "id", "target": "A"}, {"source": "name", "target": "A"}]},
        400,
        "A",
    ),
    "an unknown codec": ({"format": "csv", "compression": "rar"}, 400, "compression"),
    "a level that there is not": ({"format": "csv", "compression": "zstd:99"}, 400, "compression"),
    "compression of parquet": ({"format": "parquet", "compression": "gzip"}, 400, "compression"),
    "an unknown option": ({"format": "csv", "csv": {"colour": "red"}}, 400, "csv.colour"),
    "a wrong option": ({"format": "csv", "csv": {"header": "maybe"}}, 400, "csv.header"),
    "options of another format": ({"format": "csv", "json": {}}, 400, "json"),
    "an unknown operator": (
        {"format": "csv", "where": [{"column": "id", "op": "~", "value": 1}]},
        400,
        "where[0].op",
    ),
    "a filter without a value": ({"format": "csv", "where": [{"column": "id", "op": "="}]}, 400, "where[0]"),
    "a filter of an unknown column": (
        {"format": "csv", "where": [{"column": "nope", "op": "=", "value": 1}]},
        400,
        "nope",
    ),
    "a filter's value that is not of the type": (
        {"format": "csv", "where": [{"column": "id", "op": "=", "value": "one"}]},
        400,
        "one",
    ),
    "a negative limit": ({"format": "csv", "limit": -1}, 400, "limit"),
    "a limit that is no whole number": ({"format": "csv", "limit": 1.5}, 400, "limit"),
    "a limit beyond all numbers": ({"format": "csv", "limit": 10**30}, 400, "limit"),
    "an order by an unknown column": ({"format": "csv", "orderBy": ["nope"]}, 400, "nope"),
    "a special that there is not": ({"format": "csv", "special": "shrug"}, 400, "special"),
    "a query where none is allowed": ({"format": "csv", "query": "SELECT 1"}, (400, 403), "query"),
    "table and query": ({"format": "csv", "table": "records", "query": "SELECT 1"}, (400, 403), "query"),
    "a flatten that is no boolean": ({"format": "csv", "flatten": "yes"}, 400, "flatten"),
    "a discovery that there is not": ({"format": "csv", "discover": "half"}, 400, "discover"),
    "a full discovery where JSON stays whole": (
        {"format": "csv", "flatten": False, "discover": "full"},
        400,
        '"field": "discover"',
    ),
    "a sample in a format that does not flatten": (
        {"format": "json", "sampleRows": 5},
        400,
        '"field": "sampleRows"',
    ),
    "a limit of paths that are named one by one": (
        {"format": "csv", "columns": ["metadata.city"], "maxPaths": 5},
        400,
        '"field": "maxPaths"',
    ),
    "an option that names a column that is not there": (
        {"format": "csv", "flatten": False, "csv": {"forceQuoteColumns": "nope"}},
        400,
        "csv.forceQuoteColumns: the output",
    ),
    "an option that names no column whatever paths there are": (
        {"format": "csv", "csv": {"forceQuoteColumns": "id,metadata,metadata.any,metadatas"}},
        400,
        'no column \\"metadatas\\"',
    ),
    "a Bloom filter of no column whatever paths there are": (
        {"format": "parquet", "flatten": True, "parquet": {"bloom": "nope"}},
        400,
        "parquet.bloom",
    ),
    "a body that is a list": ([], 400, "object"),
    "a body that is a text": ('"csv"', 400, "object"),
    "a body that is no JSON": ('{"format": "csv"', 400, ""),
    "a body that is empty": ("", 400, ""),
    "a body with a comma too many": ('{"format": "csv",}', 400, ""),
    "a field twice": ('{"format": "csv", "format": "json"}', 400, "format"),
    "a body nested too deep": ('{"format": ' + "[" * 100 + "]" * 100 + "}", 400, ""),
    "a name with a zero byte": ('{"format": "csv", "table": "rec\\u0000ords"}', (400, 404), ""),
}


@pytest.fixture(scope="module")
def shared_service(binary, db, tmp_path_factory):
    """One service for tests that leave nothing behind."""
    service = Service(binary, db.conninfo, str(tmp_path_factory.mktemp("shared")))
    try:
        yield service.start()
    finally:
        service.dispose()


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_request_is_refused_with_the_field_and_makes_no_job(shared_service, case):
    body, status, word = REFUSED[case]
    answer = shared_service.request("POST", "/exports", body, headers={"Content-Type": "application/json"})
    assert answer.status in (status if isinstance(status, tuple) else (status,)), answer.body
    assert set(answer.json) >= {"error", "code"} and word in json.dumps(answer.json, ensure_ascii=False)
    assert shared_service.get("/exports").json["exports"] == []


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/nowhere", 404),
        ("GET", "/exports/not-a-uuid", 404),
        ("GET", f"/exports/{UNKNOWN}", 404),
        ("GET", f"/exports/{UNKNOWN}/download", 404),
        ("GET", f"/exports/{UNKNOWN}/events", 404),
        ("DELETE", f"/exports/{UNKNOWN}", 404),
        ("PUT", "/exports", 405),
        ("DELETE", "/exports", 405),
        ("POST", "/health", 405),
        ("GET", "/tables/nowhere", 404),
        ("GET", "/exports/../../etc/passwd", 404),
        ("GET", "/exports/%2e%2e%2fdecant.db/download", 404),
        ("PATCH", f"/exports/{UNKNOWN}", 405),
        ("GET", "/exports/%00", 404),
        ("GET", "//exports", 404),
    ],
)
def test_a_wrong_path_or_method_is_answered_in_json(shared_service, method, path, status):
    answer = shared_service.request(method, path)
    assert answer.status in (status, 400), answer.body
    assert set(answer.json) >= {"error", "code"}
    if answer.status == 405:
        assert answer.headers["Allow"]


def test_a_body_beyond_1_mib_is_refused(shared_service):
    body = json.dumps({"format": "csv", "columns": [{"source": "x" * 100}] * 20000}).encode()
    assert len(body) > 1 << 20
    try:
        answer = shared_service.request("POST", "/exports", body)
        assert answer.status == 413 and answer.json["code"]
    except (ConnectionError, http.client.HTTPException):
        pass  # it may close while the body is still being sent
    assert shared_service.get("/health").status == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health HTTP/1.1\r\n\r\n",  # no Host
        b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n",  # DNS rebinding
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /exports HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 70000 + b"\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"POST /exports HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    ],
)
def test_a_malformed_request_is_refused_and_the_service_lives(shared_service, head):
    try:
        answer = shared_service.raw(
            head.replace(b"127.0.0.1", f"127.0.0.1:{shared_service.port}".encode()), shutdown=True
        )
        assert answer == b"" or answer.split()[1].startswith(b"4"), answer[:200]
    except ConnectionError:
        pass
    assert shared_service.get("/health").status == 200


def test_a_file_name_of_a_hostile_table_is_clean_in_the_header(db, service):
    hostile = 'evil"; x=/../\r\nSet-Cookie: a=b;\u202e.exe'
    db.execute(f"CREATE TABLE {values.name(hostile)} AS SELECT 1 AS id")
    try:
        export = service.finish(format="csv", table=values.name(hostile))["exportId"]
        answer = service.download(export)
        disposition = answer.headers["Content-Disposition"]
        assert answer.headers["Set-Cookie"] is None and answer.body == b"id\n1\n"
        plain = re.search(r'filename="([^"]*)"', disposition).group(1)
        assert (
            not set(plain) & set('"\\/\r\n;')
            and "\u202e" not in disposition
            and "%E2%80%AE" not in disposition
        )
    finally:
        db.execute(f"DROP TABLE {values.name(hostile)}")


# --- at once --------------------------------------------------------------------------------------
def test_two_exports_at_once_are_both_whole(db, service):
    running = [service.create(format=f, table="records", flatten=False) for f in ("csv", "csv")]
    assert {service.wait(export)["status"] for export in running} == {"completed"}
    expected = db.csv("SELECT * FROM records")
    assert all(service.download(export).body == expected for export in running)


def test_more_exports_than_connections_wait_their_turn(db, make_service):
    service = make_service("--max-connections", "2")
    running = [service.create(format="csv", table="slow", limit=60) for _ in range(6)]
    most = 0
    while any(service.status(export)["status"] in ("pending", "running") for export in running):
        most = max(most, len(db.backends()))
        time.sleep(0.05)
    assert {service.status(export)["status"] for export in running} == {"completed"}
    assert most <= 2 + 1  # describing a request takes one for a moment


def test_numbers_of_a_filter_are_used_as_written(db, service):
    db.execute(
        "CREATE TABLE precise AS SELECT 0.1::numeric AS n UNION ALL SELECT 0.10000000000000000001 UNION ALL SELECT 9007199254740993"
    )
    for number, count in (
        ("0.10000000000000000001", 1),
        ("0.1", 1),
        ("9007199254740993", 1),
        ("9007199254740992", 0),
    ):
        body = f'{{"format":"csv","table":"precise","where":[{{"column":"n","op":"=","value":{number}}}]}}'
        export = service.request("POST", "/exports", body, headers={"Content-Type": "application/json"}).json[
            "exportId"
        ]
        assert service.wait(export)["rowsWritten"] == count, number


@pytest.mark.parametrize("order", [["id desc"], [{"column": "id", "descending": True}]])
def test_the_order_is_given_as_text_or_object(db, service, order):
    export = service.finish(format="csv", table="little", orderBy=order, limit=3)["exportId"]
    assert service.download(export).body == b"id,twice\n100,200\n99,198\n98,196\n"


def test_a_query_is_exported_where_the_operator_allows_it(make_service):
    service = make_service("--allow-query")
    export = service.finish(format="csv", query="SELECT 1 AS one, 'x' AS two;")
    assert service.download(export["exportId"]).body == b"one,two\n1,x\n"


# --- about itself ---------------------------------------------------------------------------------
def test_health_and_ready(shared_service):
    assert shared_service.get("/health").json == {"status": "ok"}
    assert shared_service.get("/ready").status == 200


def test_the_command_asks_for_health(shared_service, decant):
    decant("health", f"http://127.0.0.1:{shared_service.port}")
    decant("health", "http://127.0.0.1:1", code=1)


def test_formats_lists_formats_codecs_and_options(shared_service):
    text = json.dumps(shared_service.get("/formats").json)
    for word in ("csv", "json", "ndjson", "xml", "parquet", "gzip", "zstd", "delimiter", "compression"):
        assert f'"{word}"' in text


def test_tables_lists_what_may_be_exported(shared_service):
    tables = shared_service.get("/tables").json["tables"]
    assert {"public.records", "public.little", "public.slow"} <= {table["name"] for table in tables}
    assert not any("pg_catalog" in table["name"] or "information_schema" in table["name"] for table in tables)


def test_a_table_shows_its_columns_types_and_a_few_rows(shared_service):
    table = shared_service.get("/tables/public.records").json
    assert [(column["name"], column["type"]) for column in table["columns"]] == [
        ("id", "bigint"),
        ("created_at", "timestamp with time zone"),
        ("name", "character varying(255)"),
        ("value", "numeric(18,4)"),
        ("metadata", "jsonb"),
    ]
    assert 25000 < table["rowsEstimated"] < 35000 and table["bytesEstimated"] > 1_000_000
    rows = next(value for key, value in table.items() if "ample" in key or key == "rows")
    assert 1 <= len(rows) <= 20 and "Näme" in json.dumps(rows, ensure_ascii=False)


def test_the_openapi_document_is_valid_and_names_every_call(shared_service):
    document = shared_service.get("/openapi.json").json
    validate(document)
    assert document["openapi"].startswith("3.1")
    for path, methods in {
        "/exports": {"get", "post"},
        "/exports/{id}": {"get", "delete"},
        "/exports/{id}/download": {"get"},
        "/exports/{id}/events": {"get"},
        "/exports/benchmark": {"get"},
        "/tables": {"get"},
        "/formats": {"get"},
        "/health": {"get"},
        "/ready": {"get"},
        "/metrics": {"get"},
    }.items():
        assert methods <= set(document["paths"][path]), path


def test_metrics_are_prometheus_text_and_count_the_exports(service):
    service.finish(format="csv", table="records")
    service.finish(format="json", table="little")
    answer = service.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples = {}
    for line in answer.body.decode().splitlines():
        if line and not line.startswith("#"):
            found = re.fullmatch(
                r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\.)*",?)*\})? (\S+)',
                line,
            )
            assert found, line
            samples[found.group(1) + (found.group(2) or "")] = float(found.group(3))
    completed = {
        name: value
        for name, value in samples.items()
        if 'state="completed"' in name or 'status="completed"' in name
    }
    assert sum(completed.values()) == 2
    assert any("csv" in name and value == 1 for name, value in completed.items())
    assert any(
        name.startswith("decant_") and "rows" in name and value == 30100 for name, value in samples.items()
    )
    assert any("spool" in name and value > 1_000_000 for name, value in samples.items())
    assert any(name.endswith('_bucket{le="+Inf"}') or 'le="+Inf"' in name for name in samples)


def test_the_root_names_the_service(shared_service):
    answer = shared_service.get("/")
    assert answer.status == 200 and b"decant" in answer.body


def test_a_second_service_on_the_same_folder_is_refused(db, service, binary):
    second = Service(binary, db.conninfo, service.folder)
    try:
        with pytest.raises(AssertionError, match="did not start"):
            second.start()
        assert second.process.returncode not in (0, None)
    finally:
        second.dispose()
    assert service.get("/health").status == 200


def test_an_address_that_others_reach_needs_an_explicit_flag(db, decant, tmp_path):
    run = decant("serve", "--listen", "0.0.0.0:0", "--data", tmp_path / "data", code=2, timeout=20)
    assert "listen" in run.err


def test_a_port_that_is_taken_is_a_clear_error(decant, service, tmp_path):
    run = decant(
        "serve",
        "--listen",
        f"127.0.0.1:{service.port}",
        "--data",
        tmp_path / "other",
        code=(1, 2, 4),
        timeout=20,
    )
    assert str(service.port) in run.err


def test_a_slow_header_is_cut_off(service):
    with socket.create_connection(("127.0.0.1", service.port)) as s:
        s.settimeout(20)
        started = time.monotonic()
        try:
            for _ in range(200):
                s.sendall(b"G")
                time.sleep(0.1)
                s.setblocking(False)
                try:
                    if s.recv(100) == b"":
                        break
                except BlockingIOError:
                    pass
                s.setblocking(True)
        except OSError:
            pass
        assert time.monotonic() - started < 16, "10 s is the limit for headers"
    assert service.get("/health").status == 200
