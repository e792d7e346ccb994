"""Tables for people: on standard output, and between the marks in docs/performance.md."""

import hashlib
import os
import platform
import re
import sys

STOLEN_SHARE = 0.03    # of the machine: what is below does not disturb a round
GROUPS = (("reference", "The server and its own client"), ("decant", "decant"), ("peers", "Other programs"))


def machine():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        model = re.search(r"^model name\s*:\s*(.*)$", f.read(), re.MULTILINE)
    with open("/proc/meminfo", encoding="ascii") as f:
        memory_kb = int(re.search(r"^MemTotal:\s*(\d+)", f.read(), re.MULTILINE).group(1))
    return {"cores": os.cpu_count(), "cpu": model.group(1).strip() if model else platform.machine(),
            "memoryGB": round(memory_kb / 1048576)}


def build_of(path):
    """Tells one build from another; '' where there is none."""
    try:
        with open(path, "rb") as f:
            return hashlib.sha256(f.read()).hexdigest()[:12]
    except OSError:
        return ""


def about(options, server):
    return {**machine(), "postgresql": server.run("SHOW server_version").split(" ")[0],
            "sharedBuffers": server.run("SHOW shared_buffers"), "table": options.table, "lanes": options.lanes,
            "builds": [build_of(options.decant)]}


def about_text(a):
    return (f"Server and client on the same machine: {a['cores']} cores ({a['cpu']}), {a['memoryGB']} GB; "
            f"PostgreSQL {a['postgresql']}, shared_buffers {a['sharedBuffers']}.")


def rounds_text(counts, about):
    """How many rounds there are, and whether they are of one program."""
    counts, builds = sorted(set(counts)), len(about.get("builds", []))
    text = f"Rounds: {counts[0]}" + (f" to {counts[-1]}" if len(counts) > 1 else "")
    return text + (f", of {builds} builds of decant." if builds > 1 else ".")


def heading(a, figures):
    return (f"`{a['table']}`: {figures[0]['rows']:,} rows. decant reads over {a['lanes']} connections, the floor over "
            f"{a['connections']}. {rounds_text([f['rounds'] for f in figures], a)} {about_text(a)}")


def stolen_text(rounds, cores):
    """'' where the host of a virtual machine took nothing to speak of while anything ran."""
    shares = [(run.get("stolen_seconds", 0) / run["seconds"] / cores, name) for r in rounds for name, run in r.items()]
    disturbed = [share for share in shares if share[0] > STOLEN_SHARE]
    if not disturbed:
        return ""
    most, name = max(disturbed)
    return (f"The host of this virtual machine took more than {STOLEN_SHARE:.0%} of it for others (steal time) during "
            f"{len(disturbed)} of {len(shares)} runs, at most {most:.0%} (\"{name}\").")


def columns(rows, alignment):
    """A Markdown table; alignment holds l or r per column."""
    marks = "|".join("---" if a == "l" else "---:" for a in alignment)
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], f"|{marks}|", *lines[1:]])


def number(value, digits=0, scale=1):
    """'' for nothing; small values of whole units get a digit more."""
    if not value:
        return ""
    return f"{value / scale:,.{digits or int(value < 10 * scale)}f}"


def table(figures):
    names = ["case", "seconds", "min–max", "× floor", "CPU × floor", "rows/s", "MB/s", "MB out", "user s", "system s",
             "server s", "peak MB"]
    compared = any(f["ratioToDecant"] for f in figures)
    rows = [names + (["× decant"] if compared else [])]
    for f in figures:
        note = "" if f["base"] == "floor" else "¹"
        cells = [f["name"], f"{f['seconds']:.2f}", f"{f['minSeconds']:.2f}–{f['maxSeconds']:.2f}",
                 number(f["ratio"], 2) + note, number(f["cpuRatio"], 2) + (note if f["cpuRatio"] else ""),
                 number(f["rowsPerSecond"]), number(f["bytesPerSecond"], 0, 1e6), number(f["bytes"], 0, 1e6),
                 f"{f['userSeconds']:.2f}", f"{f['systemSeconds']:.2f}", number(f["serverCpuSeconds"], 2),
                 number(f["peakBytes"], 1, 1048576)]
        rows.append(cells + ([number(f["ratioToDecant"], 2)] if compared else []))
    return columns(rows, "l" + "r" * (len(rows[0]) - 1))


def block(results, figures):
    parts = [heading(results.about, figures)]
    for group, title in GROUPS:
        some = [f for f in figures if f["group"] == group]
        if some:
            parts += [f"**{title}**", table(some)]
    bases = sorted({f["base"] for f in figures if f["base"] != "floor"})
    parts += [f"¹ × \"{base}\" instead of the floor." for base in bases]
    parts += [f"{name}: not measured; {reason}" for name, reason in results.failed.items()]
    parts += [text for text in [stolen_text(results.rounds, results.about["cores"])] if text]
    return "\n\n".join(parts)


def write_block(path, name, text):
    """Replaces what stands between the marks of that name. Ends the program where there are none."""
    begin, end = f"<!-- figures: {name};", f"<!-- end of figures: {name} -->"
    with open(path, encoding="utf-8") as f:
        whole = f.read()
    found = re.search(re.escape(begin) + "[^\n]*-->\n", whole)
    last = whole.find(end)
    if not found or last < found.end():
        sys.exit(f"{path} has no block of figures \"{name}\" to replace: it needs the lines\n{begin} … -->\n{end}")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"{whole[:found.end()]}\n{text}\n\n{whole[last:]}")
