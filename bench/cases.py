"""What is measured: the reference, and decant in every format and compression."""

import json
import os
import re
import subprocess
from dataclasses import dataclass, field

from measuring import RunFailed, run_measured

FLOOR = "floor"


@dataclass(eq=False)     # a key of dicts
class Case:
    """One program, or pipeline, that exports the whole table."""

    name: str
    commands: list          # argument vectors, piped into each other; OUT stands for the output's path
    extension: str = None   # of the file that is written; None: the output goes to /dev/null
    to_stdout: bool = False  # the output is what the last command prints
    base: str = FLOOR       # the case whose time is 1
    beside: str = None      # the case of decant that does the same
    group: str = "decant"   # the part of the table; "reference", "decant" or "peers"
    rows: object = None     # gives the rows from what was printed (standard output, standard error)
    environment: dict = field(default_factory=dict)


OUT = "@OUT@"


def last_json(text):
    """The last JSON object that begins a line: decant's summary comes after any other words."""
    decoder, found = json.JSONDecoder(), None
    for match in re.finditer(r"^\{", text, re.MULTILINE):
        try:
            found = decoder.raw_decode(text, match.start())[0]
        except ValueError:
            pass
    if found is None:
        raise RunFailed(f"no summary in: {text[-500:]}")
    return found


def summary(out, err):
    return last_json(err)


def printed_json(out, err):
    return last_json(out)


def copy_tag(out, err):
    """psql prints "COPY 10000000"."""
    found = re.findall(r"^COPY (\d+)$", out, re.MULTILINE)
    if not found:
        raise RunFailed(f"psql printed no count: {out[-200:]}")
    return {"rows": int(found[-1])}


def floor_case(options, connections):
    argv = [options.floor, "--json", "--table", options.table, "--connections", str(connections),
            "--split-blocks", str(options.split_blocks)]
    return Case(FLOOR, [argv], group="reference", rows=printed_json)


def psql_cases(options, server):
    def psql(*words):
        return server.psql + ["-c", *words]
    copy = f"(SELECT * FROM {options.table}) TO"
    to_stdout = psql(f"COPY {copy} STDOUT (FORMAT csv, HEADER)")
    return [
        Case("psql \\copy csv", [psql(f"\\copy {copy} '/dev/null' (FORMAT csv, HEADER)")], group="reference",
             beside="csv", rows=copy_tag),
        Case("psql \\copy csv to a file", [psql(f"\\copy {copy} '{OUT}' (FORMAT csv, HEADER)")], "csv",
             group="reference", beside="csv to a file", rows=copy_tag),
        Case("psql \\| gzip -1 to a file", [to_stdout, ["gzip", "-1"]], "csv.gz", to_stdout=True, group="reference",
             beside="csv + gzip to a file"),
        Case("psql \\| gzip to a file", [to_stdout, ["gzip"]], "csv.gz", to_stdout=True, group="reference",
             beside="csv + gzip to a file"),
    ]


def export(options, *arguments, source=None, lanes=None):
    return [[options.decant, "export", *(source or ["--table", options.table]), "--lanes", str(lanes or options.lanes),
             "--json", "-o", OUT, *arguments]]


def decant_cases(options):
    cases = []
    texts = [("csv", ["--format", "csv"]), ("csv --no-flatten", ["--format", "csv", "--no-flatten"]),
             ("json", ["--format", "json"]), ("ndjson", ["--format", "ndjson"]), ("xml", ["--format", "xml"])]
    for name, arguments in texts:
        cases.append(Case(name, export(options, *arguments), rows=summary))
        cases.append(Case(f"{name} to a file", export(options, *arguments), arguments[1], rows=summary))
    for name, arguments in texts:
        if name == "csv --no-flatten":
            continue
        for codec, extension in (("gzip", "gz"), ("zstd", "zst")):
            cases.append(Case(f"{name} + {codec} to a file", export(options, *arguments, "--compress", codec),
                              f"{arguments[1]}.{extension}", rows=summary))
    for codec in ("snappy", "zstd", "lz4_raw", "gzip", "none"):
        arguments = ["--format", "parquet", "--parquet", f"compression={codec}"]
        cases.append(Case(f"parquet {codec} to a file", export(options, *arguments), "parquet", rows=summary))
        if codec == "zstd":
            cases.append(Case("parquet zstd", export(options, *arguments), rows=summary))
    return cases


# The cases that docs/performance.md sets limits for: --short
SHORT = re.compile(r"psql \\copy csv$|server alone|floor of one|csv, one lane|csv \+ |parquet (snappy|zstd) to a file|"
                   r"(csv|csv --no-flatten|json|ndjson|xml)( to a file)?$")


def ordered_cases(options, server):
    """One lane, since a query in a key's order cannot be cut; beside it the server alone, which sends nothing, and a
    reader that discards what it sends."""
    key = server.key_of(options.table)
    if not key:
        return []
    query = f"SELECT * FROM {options.table} ORDER BY {key}"
    cases, base = [], FLOOR
    if server.can_write_files():
        base = "server alone, in the key's order"
        cases.append(Case(base, [server.psql + ["-c", f"COPY ({query}) TO '/dev/null' (FORMAT binary)"]],
                          group="reference", rows=copy_tag))
    discard = [options.floor, "--json", "--query", query, "--connections", "1"]
    cases.append(Case("floor of one lane, in the key's order", [discard], base=base, group="reference", rows=printed_json))
    cases.append(Case("csv, one lane in the key's order", export(options, "--format", "csv", source=["--query", query]),
                      base=base, rows=summary))
    return cases


def run_case(case, options, server):
    """Gives a Run. Its file is removed before the next case, so that its pages are dropped and not written back."""
    if options.before:
        subprocess.run(options.before, shell=True, check=True, stdout=subprocess.DEVNULL)
    path = os.path.join(options.data, f"decant-bench.{case.extension}") if case.extension else "/dev/null"
    commands = [[word.replace(OUT, path) for word in argv] for argv in case.commands]
    try:
        run, out, err = run_measured(commands, {**server.environment, **case.environment},
                                     path if case.to_stdout else None)
        size = os.stat(path).st_size if case.extension else None
    finally:
        if case.extension and os.path.exists(path):
            os.unlink(path)
    said = case.rows(out, err) if case.rows else {}
    run.rows = said.get("rows", 0)
    run.bytes = said.get("bytes", 0) if size is None else size
    run.peak_bytes = max(run.peak_bytes, said.get("peakMemoryBytes", 0))
    if size is not None and said.get("bytes", size) != size:
        raise RunFailed(f"{case.name}: the file has {size} bytes, but the program said {said['bytes']}")
    return run
