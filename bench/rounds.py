"""Runs the cases round by round, keeps every run, and makes figures of them."""

import json
import os
import statistics
import sys
from dataclasses import asdict

import cases
from measuring import RunFailed

FLOOR_EVERY = 3     # cases between two runs of the floor: the machine's pace changes within a round, too


class Results:
    """What was measured, as it goes into the file of --json: whole after each round."""

    def __init__(self, about, path=None, resume=False):
        self.path = path
        self.about, self.cases, self.rounds, self.failed = about, {}, [], {}
        if resume and path and os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                kept = json.load(f)
            for key in ("table", "lanes", "cpu", "cores"):
                if kept["about"][key] != about[key]:
                    sys.exit(f"{path} cannot be resumed: {key} was {kept['about'][key]}, not {about[key]}")
            self.cases, self.rounds = kept["cases"], kept["rounds"]

    def add_round(self, ran):
        """ran: {case: Run}. A round without the case that another is compared with counts for nothing there."""
        for case in ran:
            self.cases.setdefault(case.name, {"group": case.group, "base": case.base, "beside": case.beside})
            self.failed.pop(case.name, None)
        self.rounds.append({case.name: asdict(run) for case, run in ran.items()})

    def sort(self, names):
        """In this order, whichever were measured first; cases of other runs come last."""
        place = {name: n for n, name in enumerate(names)}
        self.cases = dict(sorted(self.cases.items(), key=lambda case: place.get(case[0], len(place))))

    def save(self):
        if not self.path:
            return
        kept = {"about": self.about, "figures": figures(self), "failed": self.failed, "cases": self.cases,
                "rounds": self.rounds}
        with open(f"{self.path}.new", "w", encoding="utf-8") as f:
            json.dump(kept, f, indent=1)
        os.replace(f"{self.path}.new", self.path)


def ratio(rounds, name, base):
    """The median over the rounds that hold both; None where there is none. Beside a case stand the floors nearest to it."""
    both = [r[name]["seconds"] / (base == cases.FLOOR and r[name].get("floor_seconds") or r[base]["seconds"])
            for r in rounds if name in r and base in r]
    return statistics.median(both) if both else None


def figures(results):
    """A list of dicts, in the order of the cases."""
    made = []
    for name, case in results.cases.items():
        runs = [r[name] for r in results.rounds if name in r]
        seconds = [r["seconds"] for r in runs]
        middle = statistics.median(seconds)
        made.append({
            "name": name, "group": case["group"], "rounds": len(runs), "seconds": middle,
            "minSeconds": min(seconds), "maxSeconds": max(seconds), "base": case["base"],
            "ratio": ratio(results.rounds, name, case["base"]),
            "beside": case["beside"],
            "ratioToDecant": case["beside"] and ratio(results.rounds, name, case["beside"]),
            "rows": runs[-1]["rows"], "rowsPerSecond": runs[-1]["rows"] / middle,
            "bytes": runs[-1]["bytes"], "bytesPerSecond": runs[-1]["bytes"] / middle,
            "userSeconds": statistics.median(r["user_seconds"] for r in runs),
            "systemSeconds": statistics.median(r["system_seconds"] for r in runs),
            "peakBytes": max(r["peak_bytes"] for r in runs)})
    return made


def say(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def read_about(path):
    """What a file of --json says of the machine and the table; None where there is no file."""
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as f:
        return json.load(f)["about"]


def choose_connections(options, server):
    """The floor is a reader at its best: of a few numbers of connections, the one that takes least. Their runs also
    fill the server's cache; the first is made twice, since it may have read from the disk."""
    if options.connections:
        cases.run_case(cases.floor_case(options, options.connections), options, server)
        return options.connections
    taken = {}
    for number in (options.lanes, options.lanes, options.lanes + 1, 2 * options.lanes):
        say(f"the floor with {number} connections")
        taken[number] = cases.run_case(cases.floor_case(options, number), options, server).seconds
    say("")
    return min(taken, key=taken.get)


def run_one(case, options, server, results):
    """None for a peer that fails: it is left out, and the reason kept."""
    say(case.name)
    try:
        return cases.run_case(case, options, server)
    except RunFailed as failure:
        if case.group != "peers":
            sys.exit(f"\n{case.name}: {failure}")
        results.failed[case.name] = str(failure)
        return None


def run_round(wanted, options, server, results):
    """One run of each case but the floor, which stands first: it runs again after every few of the others."""
    floor_case, rest = wanted[0], wanted[1:]
    floors, ran = [run_one(floor_case, options, server, results)], {}
    for begin in range(0, len(rest), FLOOR_EVERY):
        group = {case: run_one(case, options, server, results) for case in rest[begin:begin + FLOOR_EVERY]}
        floors.append(run_one(floor_case, options, server, results))
        for case, run in group.items():
            if not run:
                continue
            run.floor_seconds = statistics.mean(floor.seconds for floor in floors[-2:])
            ran[case] = run
    ran[floor_case] = sorted(floors, key=lambda run: run.seconds)[len(floors) // 2]
    floor_rows = floors[0].rows
    for case, run in ran.items():
        run.rows = run.rows or floor_rows     # a pipe that ended well and cannot say
        if run.rows != floor_rows:
            sys.exit(f"\n{case.name}: {run.rows} rows, but the floor has {floor_rows}")
    say("")
    return ran


def run_rounds(wanted, names, options, server, results, after_round):
    """Each round begins with another case, so that a machine that changes its pace favours none. `names` are those
    of all cases, in the order of the table."""
    for number in range(options.rounds):
        floor_case, *others = [c for c in wanted if c.name not in results.failed]
        turn = number * FLOOR_EVERY % max(1, len(others))
        ran = run_round([floor_case, *others[turn:], *others[:turn]], options, server, results)
        results.add_round({c: ran[c] for c in wanted if c in ran})
        results.sort(names)
        results.save()
        after_round()
