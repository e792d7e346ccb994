"""The limits that decant sets itself for ten million rows of `records`, on two cores that the server shares."""

import report

TABLE = "public.records"
MB = 1 << 20


def texts(names, to_null, to_file):
    return {f"{name}{where}": (limit, 16) for name in names for where, limit in (("", to_null), (" to a file", to_file))}


# Case: (the most of × floor, or of × its own base; the most of the peak in MB)
LIMITS = {
    **texts(["csv", "csv --no-flatten", "json", "ndjson"], 1.15, 1.30),
    **texts(["xml"], 1.25, 1.50),
    "csv + gzip to a file": (1.30, 20),
    "csv + zstd to a file": (1.40, 28),
    "parquet snappy to a file": (1.30, 48),
    "parquet zstd to a file": (1.45, 48),
    "csv, one lane in the key's order": (1.10, 16),
}
PSQL_LEAST = 2.3    # psql \copy's seconds / those of decant's CSV


def verdict(value, limit, is_least=False):
    """Compared as they are shown."""
    value = round(value, 2)
    return "yes" if (value >= limit if is_least else value <= limit) else "**no**"


def block(figures):
    """A table of what was measured beside its limit; '' where nothing that has one was."""
    rows = [["case", "× floor", "CPU × floor", "at most", "kept", "peak MB", "at most", "kept"]]
    for f in figures:
        ratio, peak = LIMITS.get(f["name"], (None, None))
        if not ratio or not f["ratio"]:
            continue
        note = "" if f["base"] == "floor" else "¹"
        measured = f["peakBytes"] / MB
        rows.append([f["name"], f"{f['ratio']:.2f}{note}", report.number(f["cpuRatio"], 2), f"{ratio:.2f}",
                     verdict(f["ratio"], ratio), f"{measured:.1f}", f"{peak}", verdict(measured, peak)])
    if len(rows) == 1:
        return ""
    parts = ["**Against the limits**", report.columns(rows, "lrrrlrrl")]
    for f in figures:
        if f["name"] == "psql \\copy csv" and f["ratioToDecant"]:
            said = verdict(f["ratioToDecant"], PSQL_LEAST, is_least=True)
            parts.append(f"`psql \\copy` takes {f['ratioToDecant']:.2f} times as long as decant's CSV; "
                         f"at least {PSQL_LEAST} is wanted: {said}.")
    return "\n\n".join(parts)
