#!/usr/bin/env python3
"""Measures what an export does to a pgbench that runs beside it, and to the server's cache.

pgbench runs for some seconds, alone and beside exports that are repeated as long as it runs: its transactions a second,
their mean time and 99th percentile (from its own log). Before each run its tables are read into shared_buffers;
afterwards pg_buffercache says how much of them is still there. docs/operations.md shows the figures and says what
follows from them.

The exported table should be larger than shared_buffers, and pgbench's tables should fit into them. Needs a superuser
(pg_prewarm, pg_buffercache) and pgbench; makes pgbench's tables where there are none.
"""

import argparse
import glob
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass

from server import Server

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORKLOADS = {"select-only": ["-S"], "tpcb-like": []}
# Loaded before each run and looked for after it: what pgbench works on, but not what it only appends to.
WORKING_SET = ("pgbench_accounts", "pgbench_accounts_pkey", "pgbench_branches", "pgbench_branches_pkey",
               "pgbench_tellers", "pgbench_tellers_pkey")


@dataclass
class Run:
    workload: str
    case: str
    transactions_per_second: float
    mean_ms: float
    p99_ms: float
    cached_percent: float
    exported_rows: int
    export_mb_per_second: float


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--beside", action="store_true", help=argparse.SUPPRESS)
    add("--db", default=os.environ.get("DATABASE_URL", ""), help="connection string of a server to measure on")
    add("--table", default="records", help="the table that is exported")
    add("--scale", type=int, default=12, help="of pgbench's tables, where they are made")
    add("--clients", type=int, default=2, help="of pgbench")
    add("--seconds", type=int, default=20, help="of each run")
    add("--rounds", type=int, default=3)
    add("--rate", default="20MB", help="the rate limit of the last case")
    add("--workload", choices=sorted(WORKLOADS), help="only this one")
    add("--decant", default=os.path.join(ROOT, "build/release/src/decant"))
    add("--json", metavar="FILE", help="keep every run there; runs that it holds already are counted, too")
    add("--report", action="store_true", help="no measuring: the table of --json's runs")
    options = parser.parse_args()
    if options.report and not options.json:
        parser.error("--report needs --json")
    return options


def cases(options):
    """Name and the arguments of `decant export`; None: pgbench alone."""
    return {
        "alone": None,
        "export, 2 lanes": ["--lanes", "2"],
        "export, 1 lane": ["--lanes", "1"],
        "--gentle": ["--gentle"],
        f"--gentle --max-rate {options.rate}": ["--gentle", "--max-rate", options.rate],
    }


class Exports:
    """Exports the table again and again until it is stopped; what it did meanwhile is in `rows` and `bytes_read`."""

    def __init__(self, options, server, arguments):
        self.argv = [options.decant, "export", "--table", options.table, "--format", "csv", "--json", "-o", "/dev/null"]
        self.argv += arguments
        self.environment = server.environment
        self.rows = self.bytes_read = self.seconds = 0
        self.process, self.is_over = None, False
        self.error = ""
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.thread.join()
        if self.error:
            sys.exit(f"the export failed: {self.error}")

    def _run(self):
        while not self.is_over:
            self.process = subprocess.Popen(self.argv, env=self.environment, stderr=subprocess.PIPE, text=True)
            _, said = self.process.communicate()
            if self.process.returncode == 0:
                summary = json.loads(said.strip().splitlines()[-1])
                self.rows += summary["rows"]
                self.bytes_read += summary["bytesRead"]
                self.seconds += summary["seconds"]
            elif not self.is_over:
                self.error = said.strip()
                return


def prepare(options, server):
    server.run("CREATE EXTENSION IF NOT EXISTS pg_prewarm; CREATE EXTENSION IF NOT EXISTS pg_buffercache;")
    if server.run("SELECT to_regclass('pgbench_accounts')") == "":
        subprocess.run(["pgbench", "-i", "-q", "-s", str(options.scale)], env=server.environment, check=True)


def warm(server):
    names = ", ".join(f"'{name}'" for name in WORKING_SET)
    server.run(f"CHECKPOINT; SELECT pg_prewarm(c) FROM unnest(ARRAY[{names}]::regclass[]) c;")


def cached_percent(server):
    names = ", ".join(f"'{name}'" for name in WORKING_SET)
    return float(server.run(f"""
        WITH wanted AS (SELECT pg_relation_filenode(c) AS node, pg_relation_size(c) / 8192 AS pages
                        FROM unnest(ARRAY[{names}]::regclass[]) c),
             cached AS (SELECT count(*) AS pages FROM pg_buffercache b JOIN wanted w ON b.relfilenode = w.node
                        WHERE b.relforknumber = 0
                          AND b.reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
        SELECT round(100.0 * cached.pages / (SELECT sum(pages) FROM wanted), 1) FROM cached;"""))


def latencies_ms(folder):
    """Of pgbench's own log: the third field is the transaction's time in microseconds."""
    found = []
    for path in glob.glob(os.path.join(folder, "log.*")):
        with open(path, encoding="ascii") as log:
            found += [int(line.split()[2]) / 1000 for line in log]
    return found


def run_pgbench(options, server, workload):
    with tempfile.TemporaryDirectory() as folder:
        argv = ["pgbench", "-n", "-c", str(options.clients), "-j", "1", "-T", str(options.seconds), "-l",
                "--log-prefix", os.path.join(folder, "log"), *WORKLOADS[workload]]
        done = subprocess.run(argv, env=server.environment, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"pgbench failed: {done.stderr.strip()}")
        return latencies_ms(folder)


def measure(options, server, workload, case, arguments):
    warm(server)
    if arguments is None:
        exports, times = None, run_pgbench(options, server, workload)
    else:
        with Exports(options, server, arguments) as exports:
            times = run_pgbench(options, server, workload)
            cached = cached_percent(server)  # with the export still running
    if exports is None:
        cached = cached_percent(server)
    times.sort()
    return Run(workload, case, len(times) / options.seconds, statistics.fmean(times), times[len(times) * 99 // 100], cached,
               exports.rows if exports else 0,
               exports.bytes_read / exports.seconds / 1e6 if exports and exports.seconds else 0)


def load(path):
    if not path or not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return [Run(**run) for run in json.load(f)]


def save(path, runs):
    if path:
        with open(path, "w", encoding="utf-8") as f:
            json.dump([asdict(run) for run in runs], f, indent=1)


def print_table(runs):
    for workload in WORKLOADS:
        of_workload = [run for run in runs if run.workload == workload]
        if not of_workload:
            continue
        print(f"\n| {workload}, beside it: | transactions/s | mean ms | p99 ms | working set still cached | export reads MB/s |")
        print("|---|---:|---:|---:|---:|---:|")
        for case in dict.fromkeys(run.case for run in of_workload):
            of_case = [run for run in of_workload if run.case == case]
            median = lambda field: statistics.median(getattr(run, field) for run in of_case)
            rate = median("export_mb_per_second")
            print(f"| {case} | {median('transactions_per_second'):,.0f} | {median('mean_ms'):.2f} | {median('p99_ms'):.2f}"
                  f" | {median('cached_percent'):.0f} % | {f'{rate:.0f}' if rate else ''} |")
    print(f"\nMedians of {min(count_runs(runs))} to {max(count_runs(runs))} runs.")


def count_runs(runs):
    keys = [(run.workload, run.case) for run in runs]
    return [keys.count(key) for key in set(keys)]


def main():
    options = parse_arguments()
    runs = load(options.json)
    if options.report:
        return print_table(runs)
    server = Server(options.db)
    prepare(options, server)
    for number in range(options.rounds):
        for workload in [options.workload] if options.workload else WORKLOADS:
            for case, arguments in cases(options).items():
                print(f"round {number + 1}, {workload}, {case} …", file=sys.stderr)
                runs.append(measure(options, server, workload, case, arguments))
                save(options.json, runs)
    print_table(runs)


if __name__ == "__main__":
    main()
