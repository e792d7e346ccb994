"""How cost grows: with rows, with lanes, with columns."""

import re
import sys

import cases
import datasets
import report
from rounds import Results, read, run_rounds, say, write

ROWS = (100_000, 1_000_000, 10_000_000)
MORE_ROWS = 30_000_000
LANES = (1, 2, 4, 8)
COLUMNS = (5, 50, 200, 1600)
CELLS = 40_000_000      # of each table of the columns' measurement: 8 million rows to 25,000
PART = "growth"         # of a file of --json: {kind: {label of a point: what rounds.Results keeps}}


def growing(options):
    """floor, CSV and Parquet of one table over a number of lanes."""
    return [cases.floor_case(options, options.lanes),
            cases.Case("csv", cases.export(options, "--format", "csv"), rows=cases.summary),
            cases.Case("parquet zstd", cases.export(options, "--format", "parquet", "--parquet", "compression=zstd"),
                       rows=cases.summary)]


class Point:
    """One place on the axis: a table and a number of lanes, with the results of its cases."""

    def __init__(self, label, options, **changed):
        self.label, self.options = label, type(options)(**{**vars(options), "rounds": 1, **changed})

    def open(self, kind, server):
        about = report.about(self.options, server)
        self.results = Results(about, self.options.json, self.options.resume, (PART, kind, self.label))
        cases.run_case(growing(self.options)[0], self.options, server)    # not counted: fills the server's cache

    def run_round(self, server):
        made = growing(self.options)
        run_rounds(made, [case.name for case in made], self.options, server, self.results, lambda: None)


def row_points(options, server):
    points, there = [], int(server.run(f"SELECT count(*) FROM {options.table}"))
    for rows in ROWS + ((MORE_ROWS,) if options.more_rows else ()):
        rows = int(rows * options.rows_factor)
        table = f"{datasets.SCHEMA}.rows_{rows}"
        if rows == there:
            table = options.table
        elif is_wanted(f"{rows:,}", options):
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
        table, label = f"{datasets.SCHEMA}.columns_{count}_{rows}", f"{count:,} × {rows:,}"
        if is_wanted(label, options):
            datasets.make(server, datasets.Dataset("columns", table, rows, datasets.columns(count, rows, table)))
        points.append(Point(label, options, table=table))
    return points


KINDS = {"rows": ("rows", row_points), "lanes": ("lanes", lane_points), "columns": ("columns × rows", column_points)}


def is_wanted(label, options):
    return not options.only or re.search(options.only, label)


def cells(label, figure):
    return [label, figure["name"], f"{figure['seconds']:.2f}", report.number(figure["ratio"], 2),
            report.number(figure["cpuRatio"], 2), report.number(figure["rowsPerSecond"]),
            f"{figure['ownCpuSeconds']:.2f}", report.number(figure["serverCpuSeconds"], 2),
            report.number(figure["peakBytes"], 1, 1048576)]


def describe(kind, about):
    return {"rows": f"the first rows of the table, {about['lanes']} lanes",
            "lanes": f"`{about['table']}`; the floor has as many connections as decant",
            "columns": f"integer, real, date and smallint columns, {about['lanes']} lanes"}[kind]


def block(kind, kept):
    """The text of a kind: {label: results} as they are kept."""
    order = lambda label: int(re.match(r"[\d,]+", label).group().replace(",", ""))
    points = {label: kept[label] for label in sorted(kept, key=order)}
    rows = [[KINDS[kind][0], "case", "seconds", "× floor", "CPU × floor", "rows/s", "own CPU s", "server's CPU s",
             "peak MB"]]
    for label, point in points.items():
        rows += [cells(label, figure) for figure in point["figures"]]
    counts = [figure["rounds"] for point in points.values() for figure in point["figures"]]
    about = next(iter(points.values()))["about"]
    builds = list(dict.fromkeys(build for point in points.values() for build in point["about"]["builds"]))
    parts = [f"**{kind.capitalize()}**: {describe(kind, about)}; to /dev/null. "
             f"{report.rounds_text(counts, {'builds': builds})} {report.about_text(about)}",
             report.columns(rows, "ll" + "r" * 7),
             report.stolen_text([r for point in points.values() for r in point["rounds"]], about["cores"])]
    return "\n\n".join(part for part in parts if part)


def publish(kind, kept, options):
    text = block(kind, kept)
    print(text + "\n")
    if options.write:
        report.write_block(options.write, f"growth by {kind}", text)


def show(options):
    for kind, kept in read(options.show, (PART,)).items():
        publish(kind, kept, options)


def measure(options, server):
    """Each kind's block is written as soon as it is whole; its tables stay for the next time."""
    for kind in options.growth or KINDS:
        points = [point for point in KINDS[kind][1](options, server) if is_wanted(point.label, options)]
        if not points:
            sys.exit(f"no point of {kind} matches {options.only}")
        if not options.resume:
            write(options.json, {}, (PART, kind))
        for point in points:
            point.open(kind, server)
        for number in range(options.rounds):
            for point in points if number % 2 == 0 else points[::-1]:
                say(f"{kind}, round {number + 1}: {point.label}")
                point.run_round(server)
        say("")
        kept = read(options.json, (PART, kind))
        kept.update({point.label: point.results.kept() for point in points})
        publish(kind, kept, options)
