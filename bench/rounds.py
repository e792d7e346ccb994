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
    """What was measured, as it goes into the file of --json after each round: the whole of it, or one part among
    others that are kept, which `part` leads to by its keys."""

    def __init__(self, about, path=None, resume=False, part=()):
        self.path, self.part = path, part
        self.about, self.cases, self.rounds, self.failed = about, {}, [], {}
        kept = read(path, part) if resume and path else {}
        if kept:
            check_same(path, kept["about"], about)
            self.cases, self.rounds = kept["cases"], kept["rounds"]
            self.about = {**kept["about"], **about, "builds": merged(kept["about"], about)}

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

    def kept(self):
        return {"about": self.about, "figures": figures(self), "failed": self.failed, "cases": self.cases,
                "rounds": self.rounds}

    def save(self):
        write(self.path, self.kept(), self.part)


def check_same(path, kept, about):
    """Rounds of another table or machine are not added up."""
    for key in ("table", "lanes", "cpu", "cores"):
        if kept[key] != about[key]:
            sys.exit(f"{path} cannot be resumed: {key} was {kept[key]}, not {about[key]}")


def merged(kept, about):
    """The programs that took part; files of before they were noted say nothing."""
    return list(dict.fromkeys(kept.get("builds", []) + about.get("builds", [])))


def read(path, part=()):
    """What a file of --json holds, or the part of it; {} where there is none."""
    if not path or not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as f:
        kept = json.load(f)
    for key in part:
        kept = kept.get(key, {})
    return kept


def write(path, kept, part=()):
    """Replaces a file of --json, or the part of it. The file is whole at any time."""
    if not path:
        return
    whole = within = read(path) if part else kept
    for key in part[:-1]:
        within = within.setdefault(key, {})
    if part:
        within[part[-1]] = kept
    with open(f"{path}.new", "w", encoding="utf-8") as f:
        json.dump(whole, f, indent=1)
    os.replace(f"{path}.new", path)


def seconds(run):
    return run["seconds"]


def own_cpu(run):
    return run["user_seconds"] + run["system_seconds"]


def cpu(run):
    """The program's and the server's. 0: a round of before the server's was noted."""
    others = run.get("others_seconds", 0)
    return others and own_cpu(run) + others


def ratio(rounds, name, base, what=seconds):
    """The median over the rounds that hold both; None where there is none. Beside a case stand the floors nearest to it."""
    nearest = "floor_seconds" if what is seconds else "floor_cpu_seconds"
    both = [(what(r[name]), base == cases.FLOOR and r[name].get(nearest) or what(r[base]))
            for r in rounds if name in r and base in r]
    ratios = [value / of for value, of in both if value and of]
    return statistics.median(ratios) if ratios else None


def figures(results):
    """A list of dicts, in the order of the cases."""
    made = []
    for name, case in results.cases.items():
        runs = [r[name] for r in results.rounds if name in r]
        median = lambda value: statistics.median(value(run) for run in runs)
        middle = median(seconds)
        made.append({
            "name": name, "group": case["group"], "rounds": len(runs), "seconds": middle,
            "minSeconds": min(map(seconds, runs)), "maxSeconds": max(map(seconds, runs)), "base": case["base"],
            "ratio": ratio(results.rounds, name, case["base"]),
            "cpuRatio": ratio(results.rounds, name, case["base"], cpu),
            "beside": case["beside"],
            "ratioToDecant": case["beside"] and ratio(results.rounds, name, case["beside"]),
            "rows": runs[-1]["rows"], "rowsPerSecond": runs[-1]["rows"] / middle,
            "bytes": runs[-1]["bytes"], "bytesPerSecond": runs[-1]["bytes"] / middle,
            "userSeconds": median(lambda run: run["user_seconds"]),
            "systemSeconds": median(lambda run: run["system_seconds"]),
            "ownCpuSeconds": median(own_cpu),
            "serverCpuSeconds": median(lambda run: run.get("others_seconds", 0)),
            "peakBytes": max(run["peak_bytes"] for run in runs)})
    return made


def say(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


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


def run_round(floor_case, rest, options, server, results, ran):
    """One run of each case into `ran`, of the floor again after every few of the others. What does not have the
    floor's rows ends the program."""
    floors = [run_one(floor_case, options, server, results)]
    for begin in range(0, len(rest), FLOOR_EVERY):
        group = {case: run_one(case, options, server, results) for case in rest[begin:begin + FLOOR_EVERY]}
        floors.append(run_one(floor_case, options, server, results))
        for case, run in group.items():
            if not run:
                continue
            run.floor_seconds = statistics.mean(floor.seconds for floor in floors[-2:])
            run.floor_cpu_seconds = statistics.mean(floor.cpu_seconds() for floor in floors[-2:])
            run.rows = run.rows or floors[0].rows     # a pipe that ended well and cannot say
            if run.rows != floors[0].rows:
                sys.exit(f"\n{case.name}: {run.rows} rows, but the floor has {floors[0].rows}")
            ran[case] = run
        ran[floor_case] = sorted(floors, key=lambda run: run.seconds)[len(floors) // 2]
    say("")


def run_rounds(wanted, names, options, server, results, after_round):
    """Each round begins with another case, so that a machine that changes its pace favours none; the floor is the
    first of `wanted`. `names` are those of all cases, in the order of the table. A round that is interrupted counts as
    far as it came."""
    for _ in range(options.rounds):
        floor_case, *others = [c for c in wanted if c.name not in results.failed]
        turn = len(results.rounds) * FLOOR_EVERY % max(1, len(others))
        ran = {}
        try:
            run_round(floor_case, others[turn:] + others[:turn], options, server, results, ran)
        finally:
            if ran:
                results.add_round({c: ran[c] for c in wanted if c in ran})
                results.sort(names)
                results.save()
                after_round()
