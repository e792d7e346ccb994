#!/usr/bin/env python3
"""Measures decant against the floor (a reader that discards, bench/floor.c) and against psql's \\copy.

All cases run one after the other, for several rounds; each round begins with another case, so that a machine
that changes its pace in between does not favour one. What stands in a row was measured by this run alone.
docs/performance.md says what the figures mean.
"""
import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BEGIN = "<!-- figures: written by bench/run.py --write; do not edit by hand -->"
END = "<!-- end of figures -->"


@dataclass
class Case:
    """What runs. `export` holds decant's arguments; a case without them is a `command`."""
    name: str
    export: list = None
    command: list = None
    to_file: bool = False
    runs: list = field(default_factory=list)


@dataclass
class Run:
    seconds: float
    cpu_seconds: float
    rows: int = 0
    bytes: int = 0
    peak_bytes: int = 0
    ratio: float = 0.0     # to the floor of the same round


def text_cases(name, args):
    return [Case(name, args), Case(f"{name} to a file", args, to_file=True)]


def make_cases(options):
    copy = f"\\copy (SELECT * FROM {options.table}) TO '/dev/null' (FORMAT csv, HEADER)"
    cases = [
        Case("floor", command=[options.floor, "--json", "--table", options.table, "--connections", str(options.lanes),
                               "--split-blocks", str(options.split_blocks)]),
        Case("psql \\copy csv", command=["psql", "-XqAt", "-d", options.db_without_password, "-c", copy]),
    ]
    cases += text_cases("csv", ["--format", "csv"])
    cases += text_cases("csv --no-flatten", ["--format", "csv", "--no-flatten"])
    cases += text_cases("json", ["--format", "json"])
    cases += text_cases("ndjson", ["--format", "ndjson"])
    cases += text_cases("xml", ["--format", "xml"])
    cases += [
        Case("csv + gzip to a file", ["--format", "csv", "--compress", "gzip"], to_file=True),
        Case("csv + zstd to a file", ["--format", "csv", "--compress", "zstd"], to_file=True),
        Case("parquet snappy to a file", ["--format", "parquet", "--parquet", "compression=snappy"], to_file=True),
        Case("parquet zstd to a file", ["--format", "parquet", "--parquet", "compression=zstd"], to_file=True),
        Case("parquet zstd", ["--format", "parquet", "--parquet", "compression=zstd"]),
    ]
    if options.only:
        wanted = re.compile(options.only)
        cases = [c for c in cases if c.name == "floor" or wanted.search(c.name)]
    return cases


def run_measured(argv, environment):
    """Wall time, and user + system time of this child alone (wait4), and what it printed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.monotonic()
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        printed, said = out.read().decode(), err.read().decode()
    if process.returncode != 0:
        sys.exit(f"{argv[0]} ended with {process.returncode}: {said.strip()[-500:]}")
    return Run(seconds, used.ru_utime + used.ru_stime), printed, said


def last_json(text):
    """The last JSON object that begins a line: decant's summary comes after any other words."""
    decoder, found = json.JSONDecoder(), None
    for match in re.finditer(r"^\{", text, re.MULTILINE):
        try:
            found = decoder.raw_decode(text, match.start())[0]
        except ValueError:
            pass
    return found or sys.exit(f"no summary in: {text[-500:]}")


def run_export(case, options, environment):
    path = os.path.join(options.data, "decant-bench.out") if case.to_file else "/dev/null"
    argv = [options.decant, "export", "--table", options.table, "--lanes", str(options.lanes), "--json", "-o", path]
    try:
        run, _, said = run_measured(argv + case.export, environment)
        size = os.stat(path).st_size if case.to_file else None
    finally:
        if case.to_file and os.path.exists(path):
            os.unlink(path)    # before the next case, so that its pages are dropped and not written back
    summary = last_json(said)
    run.rows, run.bytes, run.peak_bytes = summary["rows"], summary["bytes"], summary["peakMemoryBytes"]
    if size is not None and size != run.bytes:
        sys.exit(f"{case.name}: the file has {size} bytes, but the export said {run.bytes}")
    return run


def run_case(case, options, environment):
    if case.export:
        return run_export(case, options, environment)
    run, printed, _ = run_measured(case.command, environment)
    if case.name == "floor":
        figures = last_json(printed)
        run.rows, run.bytes = figures["rows"], figures["bytes"]
    return run


def run_rounds(cases, options, environment):
    floor = cases[0]
    run_case(floor, options, environment)      # fills the server's cache; not counted
    for number in range(options.rounds):
        turn = number % len(cases)
        for case in cases[turn:] + cases[:turn]:
            if sys.stderr.isatty():
                print(f"\r\033[Kround {number + 1} of {options.rounds}: {case.name}", end="", file=sys.stderr)
            case.runs.append(run_case(case, options, environment))
        for case in cases:
            run = case.runs[-1]
            run.ratio = run.seconds / floor.runs[-1].seconds
            if run.rows and run.rows != floor.runs[-1].rows:
                sys.exit(f"{case.name}: {run.rows} rows, but the floor has {floor.runs[-1].rows}")
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    for case in cases:
        if case.command and case is not floor:
            for run in case.runs:
                run.rows = floor.runs[0].rows


def machine(options, environment):
    def show(setting):
        return subprocess.run(["psql", "-XAt", "-d", options.db_without_password, "-c", f"SHOW {setting}"], check=True,
                              env=environment, text=True, capture_output=True).stdout.strip()
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        model = re.search(r"^model name\s*:\s*(.*)$", f.read(), re.MULTILINE)
    with open("/proc/meminfo", encoding="ascii") as f:
        memory_kb = int(re.search(r"^MemTotal:\s*(\d+)", f.read(), re.MULTILINE).group(1))
    return {"cores": os.cpu_count(), "cpu": model.group(1).strip() if model else platform.machine(),
            "memoryGB": round(memory_kb / 1048576), "postgresql": show("server_version").split(" ")[0],
            "sharedBuffers": show("shared_buffers"), "lanes": options.lanes, "rounds": options.rounds}


def figures(case):
    seconds = [r.seconds for r in case.runs]
    middle = statistics.median(seconds)
    rows = case.runs[-1].rows
    return {"name": case.name, "seconds": middle, "minSeconds": min(seconds), "maxSeconds": max(seconds),
            "ratio": statistics.median(r.ratio for r in case.runs), "rows": rows, "rowsPerSecond": rows / middle,
            "bytes": case.runs[-1].bytes, "cpuSeconds": statistics.median(r.cpu_seconds for r in case.runs),
            "peakMB": max(r.peak_bytes for r in case.runs) / 1048576}


def table(results):
    lines = ["| case | seconds (median) | min-max | × floor | rows/s | MB out | own CPU s | peak MB |",
             "|---|---:|---:|---:|---:|---:|---:|---:|"]
    for r in results:
        size = f"{r['bytes'] / 1e6:,.0f}" if r["bytes"] else ""
        peak = f"{r['peakMB']:.1f}" if r["peakMB"] else ""
        lines.append(f"| {r['name']} | {r['seconds']:.2f} | {r['minSeconds']:.2f}-{r['maxSeconds']:.2f} "
                     f"| {r['ratio']:.2f} | {r['rowsPerSecond']:,.0f} | {size} | {r['cpuSeconds']:.2f} | {peak} |")
    return "\n".join(lines)


def describe(about, results):
    return (f"{results[0]['rows']:,} rows, lanes: {about['lanes']}, rounds: {about['rounds']}. Server and client on the "
            f"same machine: {about['cores']} cores ({about['cpu']}), {about['memoryGB']} GB; "
            f"PostgreSQL {about['postgresql']}, shared_buffers {about['sharedBuffers']}.")


def write_block(path, block):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    begin, end = text.find(BEGIN), text.find(END)
    if begin < 0 or end < begin:
        sys.exit(f"{path} has no block of figures to replace")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"{text[:begin]}{BEGIN}\n\n{block}\n\n{text[end:]}")


def split_password(db):
    """psql takes the connection string as an argument, which others can see: its password goes another way."""
    if "://" in db:
        parts = urllib.parse.urlsplit(db)
        user, colon, password = parts.netloc.rpartition("@")[0].partition(":")
        if not colon:
            return db, None
        host = parts.netloc.rpartition("@")[2]
        return urllib.parse.urlunsplit(parts._replace(netloc=f"{user}@{host}")), urllib.parse.unquote(password)
    found = re.search(r"\bpassword\s*=\s*('(?:[^'\\]|\\.)*'|\S+)", db)
    if not found:
        return db, None
    return db[:found.start()] + db[found.end():], re.sub(r"\\(.)", r"\1", found.group(1).strip("'"))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--db", default=os.environ.get("DATABASE_URL", ""), help="connection string of the server")
    parser.add_argument("--table", default="public.records")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--lanes", type=int, default=min(4, os.cpu_count()), help="connections, of the floor too")
    parser.add_argument("--split-blocks", type=int, default=512, help="heap blocks a COPY of the floor")
    parser.add_argument("--only", metavar="REGEX", help="only cases whose name matches, and the floor")
    parser.add_argument("--data", default=os.environ.get("TMPDIR", "/var/tmp"), help="folder for outputs")
    parser.add_argument("--decant", default=os.path.join(ROOT, "build/release/src/decant"))
    parser.add_argument("--floor", default=os.path.join(ROOT, "build/release/bench/floor"))
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON, every single run included")
    parser.add_argument("--write", metavar="FILE", help="replace the block of figures in docs/performance.md")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 1
    return options


def main():
    options = parse_arguments()
    environment = dict(os.environ, DATABASE_URL=options.db)   # decant and the floor read it there
    options.db_without_password, password = split_password(options.db)
    if password is not None:
        environment["PGPASSWORD"] = password
    cases = make_cases(options)
    run_rounds(cases, options, environment)
    about, results = machine(options, environment), [figures(c) for c in cases]
    block = f"{describe(about, results)}\n\n{table(results)}"
    print(block)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump({"machine": about, "results": results,
                       "runs": {c.name: [vars(r) for r in c.runs] for c in cases}}, f, indent=1)
    if options.write:
        write_block(options.write, block)


if __name__ == "__main__":
    main()
