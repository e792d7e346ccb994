"""Tables for people: on standard output, and between the marks in docs/performance.md."""

import os
import platform
import re
import sys

GROUPS = (("reference", "The server and its own client"), ("decant", "decant"), ("peers", "Other programs"))


def machine():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        model = re.search(r"^model name\s*:\s*(.*)$", f.read(), re.MULTILINE)
    with open("/proc/meminfo", encoding="ascii") as f:
        memory_kb = int(re.search(r"^MemTotal:\s*(\d+)", f.read(), re.MULTILINE).group(1))
    return {"cores": os.cpu_count(), "cpu": model.group(1).strip() if model else platform.machine(),
            "memoryGB": round(memory_kb / 1048576)}


def about(server):
    return {**machine(), "postgresql": server.run("SHOW server_version").split(" ")[0],
            "sharedBuffers": server.run("SHOW shared_buffers")}


def about_text(a):
    return (f"Server and client on the same machine: {a['cores']} cores ({a['cpu']}), {a['memoryGB']} GB; "
            f"PostgreSQL {a['postgresql']}, shared_buffers {a['sharedBuffers']}.")


def heading(a, figures):
    rounds = sorted({f["rounds"] for f in figures})
    counts = f"{rounds[0]}" if len(rounds) == 1 else f"{rounds[0]} to {rounds[-1]}"
    return (f"`{a['table']}`: {figures[0]['rows']:,} rows. decant reads over {a['lanes']} connections, the floor over "
            f"{a['connections']}. Rounds: {counts}. {about_text(a)}")


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
    names = ["case", "seconds", "min–max", "× floor", "rows/s", "MB/s", "MB out", "user s", "system s", "peak MB"]
    compared = any(f["ratioToDecant"] for f in figures)
    rows = [names + (["× decant"] if compared else [])]
    for f in figures:
        note = "" if f["base"] == "floor" else "¹"
        cells = [f["name"], f"{f['seconds']:.2f}", f"{f['minSeconds']:.2f}–{f['maxSeconds']:.2f}",
                 number(f["ratio"], 2) + note, number(f["rowsPerSecond"]), number(f["bytesPerSecond"], 0, 1e6),
                 number(f["bytes"], 0, 1e6), f"{f['userSeconds']:.2f}", f"{f['systemSeconds']:.2f}",
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
