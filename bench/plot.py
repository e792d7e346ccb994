"""A bar chart as SVG, for the README: seconds per case, readable on light and dark ground."""

from xml.sax.saxutils import escape

WIDTH, LABEL_WIDTH, BAR_WIDTH, TOP = 800, 285, 365, 62
BAR, GAP, SECTION_GAP = 16, 5, 14
CUT_AT = 10    # times decant's longest: a longer bar is cut, so that the others can be told apart

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 15px }
  .note { fill: #57606a; font-size: 12px }
  .reference { fill: #8c959f }
  .decant { fill: #1a7f64 }
  .peers { fill: #c9792b }
  .cut { stroke: #ffffff; stroke-width: 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note { fill: #9198a1 }
    .reference { fill: #6e7681 }
    .decant { fill: #3fb68b }
    .peers { fill: #d9924a }
    .cut { stroke: #0d1117 }
  }
"""

# What a reader of the README wants to see, in this order; the table has the rest.
SECTIONS = ("csv to a file", "csv --no-flatten to a file", "csv + gzip to a file", "csv + zstd to a file", "json to a file",
            "ndjson to a file", "xml to a file", "parquet snappy to a file", "parquet zstd to a file")


def sections(figures):
    """Lists of cases that make the same thing: decant, then the others, the fastest first. The floor stands alone."""
    made = [[f for f in figures if f["name"] == "floor"]]
    for name in SECTIONS:
        others = sorted((f for f in figures if f["beside"] == name), key=lambda f: f["seconds"])
        made.append([f for f in figures if f["name"] == name] + others)
    return [section for section in made if section]


def label(f):
    if f["name"] == "floor":
        return "reading and discarding the rows"
    name = f["name"].replace("\\|", "|").replace(" to a file", "")
    return f"decant: {name}" if f["group"] == "decant" else name


def bar(f, y, longest):
    width, end = max(1.0, f["seconds"] / longest * BAR_WIDTH), LABEL_WIDTH + 8 + BAR_WIDTH
    value = f"{f['seconds']:.1f} s" + (f" · {f['peakBytes'] / 1048576:,.0f} MB" if f["peakBytes"] else "")
    parts = [f'<text x="{LABEL_WIDTH}" y="{y + 13}" text-anchor="end">{escape(label(f))}</text>',
             f'<rect class="{f["group"]}" x="{LABEL_WIDTH + 8}" y="{y}" width="{min(width, BAR_WIDTH):.1f}" '
             f'height="{BAR}" rx="2"/>',
             f'<text x="{LABEL_WIDTH + 14 + min(width, BAR_WIDTH):.1f}" y="{y + 13}">{value}</text>']
    if width > BAR_WIDTH:
        parts.append(f'<path class="cut" d="M{end - 24} {y + BAR + 1}l8 -{BAR + 2}"/>')
    return "".join(parts)


def svg(about, figures):
    parts, y = [], TOP
    shown = sections(figures)
    everything = [f for section in shown for f in section]
    of_decant = [f["seconds"] for f in everything if f["group"] == "decant"] or [f["seconds"] for f in everything]
    longest = min(max(f["seconds"] for f in everything), CUT_AT * max(of_decant))
    for section in shown:
        for f in section:
            parts.append(bar(f, y, longest))
            y += BAR + GAP
        y += SECTION_GAP
    title = f"{everything[0]['rows']:,} rows of {about['table']} out of PostgreSQL into a file"
    note = f"Seconds, the median, and peak memory. {about['cores']} cores ({about['cpu']}), shared with the server."
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" '
        f'role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>", f'<text class="title" x="12" y="24">{escape(title)}</text>',
        f'<text class="note" x="12" y="44">{escape(note)}</text>', *parts, "</svg>"]) + "\n"


def write(path, about, figures):
    with open(path, "w", encoding="utf-8") as f:
        f.write(svg(about, figures))
