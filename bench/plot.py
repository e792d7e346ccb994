"""A bar chart as SVG, for the README: seconds per case, readable on light and dark ground."""

import json
from xml.sax.saxutils import escape

BAR, GAP, GROUP_GAP, LABEL_WIDTH, BAR_WIDTH, WIDTH = 18, 6, 16, 250, 420, 780

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 15px }
  .note { fill: #57606a; font-size: 12px }
  .reference { fill: #8c959f }
  .decant { fill: #1a7f64 }
  .peers { fill: #c9792b }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note { fill: #9198a1 }
    .reference { fill: #6e7681 }
    .decant { fill: #3fb68b }
    .peers { fill: #d9924a }
  }
"""

# What a reader of the README wants to see beside each other; the table has the rest.
SHOWN = ("floor", "psql \\copy csv to a file", "psql \\| gzip -1 to a file", "psql \\| gzip to a file",
         "csv to a file", "csv + gzip to a file", "csv + zstd to a file", "json to a file", "ndjson to a file",
         "xml to a file", "parquet snappy to a file", "parquet zstd to a file")


def shown(figures):
    """The cases worth a bar, the groups one after the other, decant's first behind the reference."""
    some = [f for f in figures if f["name"] in SHOWN or f["group"] == "peers"] or figures
    order = ("reference", "decant", "peers")
    return sorted(some, key=lambda f: (order.index(f["group"]), f["seconds"] if f["group"] == "peers" else 0))


def bars(some, longest):
    parts, y, group = [], 64, None
    for f in some:
        if group not in (None, f["group"]):
            y += GROUP_GAP
        group = f["group"]
        name = ("decant: " if group == "decant" else "") + f["name"].replace("\\|", "|").replace(" to a file", "")
        if f["name"] == "floor":
            name = "reading and discarding the rows"
        width = max(1.0, f["seconds"] / longest * BAR_WIDTH)
        value = f"{f['seconds']:.1f} s" + (f" · {f['peakBytes'] / 1048576:,.0f} MB" if f["peakBytes"] else "")
        parts.append(f'<text x="{LABEL_WIDTH}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
                     f'<rect class="{group}" x="{LABEL_WIDTH + 8}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2"/>'
                     f'<text x="{LABEL_WIDTH + 14 + width:.1f}" y="{y + 14}">{value}</text>')
        y += BAR + GAP
    return parts, y


def svg(about, figures):
    some = shown(figures)
    parts, height = bars(some, max(f["seconds"] for f in some))
    title = f"{some[0]['rows']:,} rows of {about['table']} out of PostgreSQL: seconds and peak memory"
    note = (f"Medians; less is better. Two or more connections where a program can. {about['cores']} cores shared with "
            f"the server ({about['cpu']}).")
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height + 8}" width="{WIDTH}" '
        f'height="{height + 8}" role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>", f'<text class="title" x="12" y="24">{escape(title)}</text>',
        f'<text class="note" x="12" y="44">{escape(note)}</text>', *parts, "</svg>"]) + "\n"


def write(path, about, figures):
    with open(path, "w", encoding="utf-8") as f:
        f.write(svg(about, figures))


def write_from_file(path, json_path):
    with open(json_path, encoding="utf-8") as f:
        kept = json.load(f)
    write(path, kept["about"], kept["figures"])
