"""script/bench: what it measures is right and kept; no test here looks at a time."""

import json
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest
from support.command import clean_environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROWS = 3000

sys.path.insert(0, str(ROOT / "bench"))

import limits  # noqa: E402
import measuring  # noqa: E402
import report  # noqa: E402
import rounds  # noqa: E402
import server as bench_server  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def table(db):
    db.execute(
        f"""CREATE TABLE public.small AS SELECT i::bigint AS id, 'name ' || i AS name, i / 7.0 AS value,
                   jsonb_build_object('n', i) AS meta FROM generate_series(1, {ROWS}) i"""
    )
    db.execute("ALTER TABLE public.small ADD PRIMARY KEY (id)")


@pytest.fixture
def bench(db, binary, tmp_path):
    """bench("--quick", …) runs bench/run.py on the small table, its outputs in a folder that must end empty."""
    floor = binary.parents[1] / "bench" / "floor"

    def run(*arguments, code=0):
        outputs = tmp_path / "outputs"
        outputs.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, str(ROOT / "bench/run.py"), "--table", "public.small", "--decant", str(binary)]
            + ["--floor", str(floor), "--data", str(outputs), "--lanes", "2", "--connections", "2"]
            + ["--peer-folder", str(tmp_path / "no-peers"), *map(str, arguments)],
            env=clean_environment(DATABASE_URL=db.conninfo),
            text=True,
            capture_output=True,
            timeout=300,
        )
        assert done.returncode == code, done.stderr[-2000:]
        assert os.listdir(outputs) == []
        return done

    return run


def block_file(tmp_path, name):
    path = tmp_path / "page.md"
    path.write_text(
        f"before\n<!-- figures: {name}; by the test -->\nold\n<!-- end of figures: {name} -->\nafter\n"
    )
    return path


def test_every_case_is_measured_and_written_as_table_json_and_chart(bench, tmp_path):
    page, chart, kept = block_file(tmp_path, "records"), tmp_path / "chart.svg", tmp_path / "figures.json"
    bench("--quick", "--write", page, "--plot", chart, "--json", kept)
    kept_figures = json.loads(kept.read_text())
    figures = {f["name"]: f for f in kept_figures["figures"]}
    for name in (
        "floor",
        "psql \\copy csv",
        "psql \\| gzip to a file",
        "csv",
        "json to a file",
        "xml + zstd to a file",
        "parquet lz4_raw to a file",
        "csv, one lane in the key's order",
    ):
        assert figures[name]["rows"] == ROWS and figures[name]["ratio"] > 0, name
    assert {f["rows"] for f in figures.values()} == {ROWS}
    assert figures["csv, one lane in the key's order"]["base"] == "server alone, in the key's order"
    assert figures["csv"]["bytes"] == figures["csv to a file"]["bytes"] > ROWS
    assert figures["floor of one lane, in the key's order"]["base"] == "server alone, in the key's order"
    assert figures["csv"]["peakBytes"] > 1 << 20
    assert figures["csv"]["ratio"] > 0 and figures["csv"]["serverCpuSeconds"] >= 0
    assert all(len(r) == len(figures) for r in kept_figures["rounds"])
    text = page.read_text()
    assert text.startswith("before\n<!-- figures: records; by the test -->\n")
    assert text.endswith("<!-- end of figures: records -->\nafter\n")
    assert "old" not in text and f"{ROWS:,} rows" in text and text.count("\n| csv to a file | ") == 1
    bars = ElementTree.parse(chart).getroot().findall("{http://www.w3.org/2000/svg}rect")
    assert len(bars) > 5


def test_a_resumed_run_adds_rounds_and_another_machines_are_refused(bench, tmp_path):
    kept = tmp_path / "figures.json"
    bench("--quick", "--only", "^json$", "--json", kept)
    bench("--rounds", 2, "--only", "^(json|csv)$", "--json", kept, "--resume")
    kept_figures = json.loads(kept.read_text())
    assert {f["name"]: f["rounds"] for f in kept_figures["figures"]} == {"floor": 3, "json": 3, "csv": 2}
    shown = bench("--show", kept, "--plot", tmp_path / "chart.svg").stdout
    assert "| json | " in shown and (tmp_path / "chart.svg").stat().st_size > 500
    assert len(kept_figures["about"]["builds"]) == 1 and "of 2 builds" not in shown
    kept.write_text(kept.read_text().replace(kept_figures["about"]["builds"][0], "another"))
    shown = bench("--quick", "--only", "^json$", "--json", kept, "--resume").stdout
    assert "Rounds: 2 to 4, of 2 builds of decant." in shown
    changed = kept.read_text().replace('"lanes": 2', '"lanes": 3')
    kept.write_text(changed)
    assert "lanes" in bench("--quick", "--json", kept, "--resume", code=1).stderr


def test_a_peer_that_is_not_there_is_named_and_nothing_else_is_lost(bench, db, tmp_path):
    kept = tmp_path / "figures.json"
    done = bench("--quick", "--peers", "--peer-rows", 1000, "--only", "ADBC|^csv to", "--json", kept)
    kept_figures = json.loads(kept.read_text())
    assert "ADBC → pyarrow: parquet zstd" in kept_figures["failed"] and "ADBC" in done.stdout
    assert {"floor", "csv to a file"} <= {f["name"] for f in kept_figures["figures"]}
    rows = {f["rows"] for f in kept_figures["figures"]}
    assert rows == {1000}, "peers and decant read the same smaller table"
    assert db.value("SELECT count(*) FROM bench_data.small_1000") == 1000


@pytest.mark.long
def test_the_datasets_are_made_once_and_always_the_same(bench, db):
    bench("--make-datasets", "--rows-factor", 0.0002)
    tables = {"lineitem": 1000, "texts": 100, "wide": 200}
    digests = {}
    for name, rows in tables.items():
        assert db.value(f"SELECT count(*) FROM bench_data.{name}") == rows
        digests[name] = db.value(
            f"SELECT md5(string_agg(r::text, '|' ORDER BY r::text)) FROM bench_data.{name} r"
        )
    assert db.value("SELECT max(octet_length(body)) FROM bench_data.texts") > 8192
    assert (
        db.value(
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 'bench_data.wide'::regclass AND attnum > 0"
        )
        == 200
    )
    db.execute("DROP TABLE bench_data.texts")
    assert "lineitem" not in bench("--make-datasets", "--rows-factor", 0.0002).stderr
    for name, digest in digests.items():
        assert digest == db.value(
            f"SELECT md5(string_agg(r::text, '|' ORDER BY r::text)) FROM bench_data.{name} r"
        )


def test_a_round_that_is_ended_early_counts_as_far_as_it_came(bench, tmp_path):
    kept, seen = tmp_path / "figures.json", tmp_path / "seen"
    stop = f"echo >>{seen}; if [ $(wc -l <{seen}) = 8 ]; then kill -TERM $PPID; sleep 0.2; fi"
    bench("--rounds", 2, "--only", "^(csv|json|ndjson|xml)$", "--before", stop, "--json", kept, code=130)
    (only,) = json.loads(kept.read_text())["rounds"]
    assert list(only) == ["floor", "csv", "json", "ndjson"], "the floor ran after these, and not after xml"


def test_several_datasets_are_measured_in_one_run(bench, db, tmp_path):
    bench("--make-datasets", "lineitem", "--rows-factor", 0.0002)
    db.execute("CREATE TABLE public.records AS SELECT * FROM public.small")
    kept = tmp_path / "figures.json"
    bench("--quick", "--only", "^csv$", "--table", "", "--dataset", "records", "lineitem", "--json", kept)
    for name, table in ("records", "public.records"), ("lineitem", "bench_data.lineitem"):
        assert json.loads((tmp_path / f"figures.{name}.json").read_text())["about"]["table"] == table


def test_growth_is_measured_over_rows_lanes_and_columns(bench, tmp_path):
    page, kept = block_file(tmp_path, "growth by columns"), tmp_path / "growth.json"
    bench("--growth", "columns", "--rounds", 1, "--rows-factor", 0.001, "--write", page, "--json", kept)
    bench("--growth", "rows", "lanes", "--rounds", 1, "--rows-factor", 0.001, "--json", kept)
    kept_figures = json.loads(kept.read_text())["growth"]
    assert list(kept_figures["lanes"]) == ["1", "2", "4", "8"]
    rows = [point["rounds"][0]["csv"]["rows"] for point in kept_figures["rows"].values()]
    assert rows == [100, 1000, 10000], "a table with fewer rows is repeated"
    assert [p["rounds"][0]["csv"]["rows"] for p in kept_figures["columns"].values()] == [8000, 800, 200, 25]
    assert "| 1,600 × 25 | parquet zstd |" in page.read_text()


def test_rounds_of_growth_are_made_in_pieces(bench, tmp_path):
    page, kept = block_file(tmp_path, "growth by lanes"), tmp_path / "growth.json"
    piece = ("--growth", "lanes", "--json", kept, "--resume")
    bench(*piece, "--rounds", 1, "--only", "^[18]$")
    bench(*piece, "--rounds", 2, "--only", "^1$")
    points = json.loads(kept.read_text())["growth"]["lanes"]
    assert {label: len(point["rounds"]) for label, point in points.items()} == {"1": 3, "8": 1}
    bench("--show", kept, "--write", page)
    assert "Rounds: 1 to 3." in page.read_text() and page.read_text().count("\n| 8 | ") == 3


STAND_IN = """#!{python}
import functools, http.server, re, sys
text = open(sys.argv[sys.argv.index("-c") + 1]).read()
port, root = re.search(r"listen 127.0.0.1:(\\d+); root (\\S+);", text).groups()
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=root)
http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), handler).serve_forever()
"""


def test_the_service_is_measured_beside_another_server_and_with_a_follower(bench, tmp_path):
    nginx = tmp_path / "nginx"
    nginx.write_text(STAND_IN.format(python=sys.executable))
    nginx.chmod(0o700)
    page, kept = block_file(tmp_path, "service"), tmp_path / "service.json"
    bench("--service", "--rounds", 1, "--nginx", nginx, "--write", page, "--json", kept)
    kept_figures = json.loads(kept.read_text())
    assert [set(pair) for pair in kept_figures["downloads"]] == [{"decant", "nginx"}] * 2
    assert kept_figures["bytes"] > ROWS
    assert kept_figures["rateToNginx"] > 0 and kept_figures["ratioWithFollower"] > 0
    bench("--service", "--rounds", 1, "--nginx", nginx, "--json", kept, "--resume")
    assert "4 downloads, 2 jobs each" in bench("--show", kept).stdout
    assert "| nginx | " in page.read_text() and "| 1 follower | " in page.read_text()


def test_a_page_without_the_block_is_left_as_it_is(bench, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    assert "no block of figures" in bench("--quick", "--only", "^csv$", "--write", page, code=1).stderr
    assert page.read_text() == "nothing\n"


# ---- what it is made of -------------------------------------------------------------------------------


def test_the_peak_of_memory_is_the_programs_own_and_not_its_parents():
    ballast = bytearray(200 << 20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    run, _, _ = measuring.run_measured([["sleep", "0.1"]], dict(os.environ))
    assert 0 < run.peak_bytes < 50 << 20


def run_of(seconds, own, others, **more):
    return {"seconds": seconds, "user_seconds": own, "system_seconds": 0, "others_seconds": others, **more}


def test_a_ratio_by_cpu_time_counts_the_server_and_the_floors_beside():
    made = [
        {"floor": run_of(1, 0.1, 1.9), "csv": run_of(2, 0.5, 2.5, floor_seconds=1.6, floor_cpu_seconds=2.4)},
        {"floor": run_of(1, 0.1, 1.9)},
    ]
    assert rounds.ratio(made, "csv", "floor") == 1.25
    assert rounds.ratio(made, "csv", "floor", rounds.cpu) == 1.25
    assert rounds.ratio(made, "floor", "csv", rounds.cpu) == pytest.approx(2 / 3)
    before = [{"floor": run_of(1, 0.1, 0), "csv": run_of(2, 0.5, 0)}]
    assert rounds.ratio(before, "csv", "floor", rounds.cpu) is None, "files of before the server's time was noted"


def test_a_table_says_which_limits_are_kept():
    def figure(name, ratio, peak_mb, base="floor", **more):
        figures = {"cpuRatio": None, "ratioToDecant": None, **more}
        return {"name": name, "ratio": ratio, "base": base, "peakBytes": peak_mb << 20, **figures}

    said = limits.block(
        [
            figure("floor", 1, 9),
            figure("psql \\copy csv", 2.4, 9, ratioToDecant=2.2),
            figure("csv", 1.154, 16),
            figure("xml", 1.26, 17),
            figure("csv, one lane in the key's order", 1.05, 12, "server alone"),
        ]
    )
    assert "| csv | 1.15 |  | 1.15 | yes | 16.0 | 16 | yes |" in said
    assert "| xml | 1.26 |  | 1.25 | **no** | 17.0 | 16 | **no** |" in said
    assert "| csv, one lane in the key's order | 1.05¹ |  | 1.10 | yes |" in said
    assert "2.20 times as long as decant's CSV; at least 2.3 is wanted: **no**" in said
    assert "floor |" not in said.splitlines()[4] and limits.block([figure("floor", 1, 9)]) == ""


def test_what_a_host_steals_is_said_where_it_disturbs():
    calm, disturbed = run_of(10, 1, 1, stolen_seconds=0.5), run_of(10, 1, 1, stolen_seconds=2)
    assert report.stolen_text([{"csv": calm, "xml": calm}], 2) == ""
    said = report.stolen_text([{"csv": calm, "xml": disturbed}], 2)
    assert "1 of 2 runs, at most 10% (\"xml\")" in said


def test_a_pipeline_sums_its_programs_and_fails_with_any_of_them():
    shell = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done"
    _, printed, _ = measuring.run_measured([["sh", "-c", shell], ["cat"]], dict(os.environ))
    assert printed == "done\n"
    with pytest.raises(measuring.RunFailed, match="sh ended with 3: why"):
        measuring.run_measured([["sh", "-c", "echo why >&2; exit 3"], ["cat"]], dict(os.environ))


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:p%40ss@db:5433/sales?sslmode=require",
        "host=db port=5433 user=me password='p@ss' dbname=sales sslmode=require",
    ],
)
def test_a_password_never_stands_among_the_arguments(text):
    told = bench_server.Server(text)
    assert not any("p@ss" in word or "p%40ss" in word for word in told.psql)
    assert told.environment["PGPASSWORD"] == "p@ss" and told.environment["PGPORT"] == "5433"
    assert "sslmode='require'" in told.psql[-1]
    assert told.environment["BENCH_URL"] == "postgresql://me:p%40ss@db:5433/sales"
