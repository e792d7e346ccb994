"""How cost grows: with rows, with lanes, with columns."""

import json
import os
import statistics

import cases
import datasets
import report
from rounds import say

ROWS = (100_000, 1_000_000, 10_000_000)
MORE_ROWS = 30_000_000
LANES = (1, 2, 4, 8)
COLUMNS = (5, 50, 200, 1600)
CELLS = 40_000_000      # of each table of the columns' measurement: 8 million rows to 25,000


def growing(options):
    """floor, CSV and Parquet of one table over a number of lanes."""
    return [cases.floor_case(options, options.lanes),
            cases.Case("csv", cases.export(options, "--format", "csv"), rows=cases.summary),
            cases.Case("parquet zstd", cases.export(options, "--format", "parquet", "--parquet", "compression=zstd"),
                       rows=cases.summary)]


def busy_seconds():
    """CPU time of the whole machine since it started, all but idle and waiting for disks."""
    with open("/proc/stat", encoding="ascii") as f:
        times = [int(word) for word in f.readline().split()[1:9]]
    return (sum(times) - times[3] - times[4]) / os.sysconf("SC_CLK_TCK")


class Point:
    """One place on the axis: a table and a number of lanes, with the runs of each case there."""

    def __init__(self, label, options, **changed):
        self.label = label
        self.options = type(options)(**{**vars(options), **changed})
        self.runs = {case.name: [] for case in growing(self.options)}

    def run_round(self, server, warm=False):
        for case in growing(self.options):
            before = busy_seconds()
            run = cases.run_case(case, self.options, server)
            others = busy_seconds() - before - run.user_seconds - run.system_seconds
            if not warm:
                self.runs[case.name].append((run, max(0.0, others)))

    def cells(self):
        """Per case: seconds, × floor, own CPU seconds, the server's, peak MB."""
        floor = self.runs[cases.FLOOR]
        for name, runs in self.runs.items():
            median = lambda value: statistics.median(value(run, others) for run, others in runs)
            times = statistics.median(r[0].seconds / f[0].seconds for r, f in zip(runs, floor))
            peak = max(run.peak_bytes for run, _ in runs)
            yield [self.label, name, f"{median(lambda r, o: r.seconds):.2f}", f"{times:.2f}",
                   f"{median(lambda r, o: r.rows / r.seconds):,.0f}",
                   f"{median(lambda r, o: r.user_seconds + r.system_seconds):.2f}", f"{median(lambda r, o: o):.2f}",
                   f"{peak / 1048576:.1f}"]


def row_points(options, server):
    points, there = [], int(server.run(f"SELECT count(*) FROM {options.table}"))
    for rows in ROWS + ((MORE_ROWS,) if options.more_rows else ()):
        rows = int(rows * options.rows_factor)
        table = f"{datasets.SCHEMA}.rows_{rows}"
        if rows == there:
            table = options.table
        else:
            sql = datasets.first_rows(rows, table, options.table)
            datasets.make(server, datasets.Dataset("rows", table, rows, sql))
        points.append(Point(f"{rows:,}", options, table=table))
    return points


def lane_points(options, server):
    return [Point(f"{lanes}", options, lanes=lanes) for lanes in LANES]


def column_points(options, server):
    points = []
    for count in COLUMNS:
        rows = max(1, int(CELLS * options.rows_factor) // count)
        table = f"{datasets.SCHEMA}.columns_{count}_{rows}"
        datasets.make(server, datasets.Dataset("columns", table, rows, datasets.columns(count, rows, table)))
        points.append(Point(f"{count:,} × {rows:,}", options, table=table))
    return points


KINDS = {"rows": ("rows", row_points), "lanes": ("lanes", lane_points), "columns": ("columns × rows", column_points)}


def table(title, points):
    rows = [[title, "case", "seconds", "× floor", "rows/s", "own CPU s", "server's CPU s", "peak MB"]]
    for point in points:
        rows += point.cells()
    return report.columns(rows, "ll" + "r" * 6)


def describe(kind, options):
    what = {"rows": f"the first rows of `{options.table}`, {options.lanes} lanes",
            "lanes": f"`{options.table}`; the floor has as many connections as decant",
            "columns": f"integer, real, date and smallint columns, {options.lanes} lanes"}[kind]
    return f"**{kind.capitalize()}**: {what}; to /dev/null; medians of {options.rounds} rounds."


def measure(options, server):
    """Each kind's block is written as soon as it is whole; its tables stay for the next time."""
    about = report.about(server)
    for kind in options.growth or KINDS:
        title, make_points = KINDS[kind]
        points = make_points(options, server)
        for point in points:
            point.run_round(server, warm=True)
        for number in range(options.rounds):
            for point in points if number % 2 == 0 else points[::-1]:
                say(f"{kind}, round {number + 1}: {point.label}")
                point.run_round(server)
        say("")
        text = f"{describe(kind, options)} {report.about_text(about)}\n\n{table(title, points)}"
        print(text + "\n")
        if options.write:
            report.write_block(options.write, f"growth by {kind}", text)
        if options.json:
            save(options.json, about, kind, points)


def save(path, about, kind, points):
    kept = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            kept = json.load(f)
    kept["about"] = about
    kept[kind] = [{"label": p.label, "runs": {name: [{**vars(run), "server_seconds": others} for run, others in runs]
                                              for name, runs in p.runs.items()}} for p in points]
    with open(path, "w", encoding="utf-8") as f:
        json.dump(kept, f, indent=1)
