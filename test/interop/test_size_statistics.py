"""SizeStatistics: what a file says of its values' sizes and levels is what the values have, page by page."""

import json
import subprocess

import pytest
from support.readers import node

ROWS, PAGE, GROUP = 1000, 90, 400
COLUMNS = {
    "numbers": ("int4[]", lambda i: None if i % 7 == 0 else [] if i % 7 == 1 else [i, None, *range(i % 5)]),
    "texts": ("text[] NOT NULL", lambda i: [None, "é" * (i % 4)][: i % 3]),
    "pair": ("pair", lambda i: None if i % 4 == 0 else {"a": i if i % 3 else None, "b": "x" * (i % 9)}),
    "flat": ("text", lambda i: "y" * (i % 6) if i % 5 else None),
    "number": ("int4 NOT NULL", lambda i: i),
}


def list_levels(value):
    """(repetition, definition) of each entry."""
    if value is None:
        return [(0, 0)]
    if not value:
        return [(0, 1)]
    return [(int(k > 0), 2 if item is None else 3) for k, item in enumerate(value)]


# Of each leaf: its highest levels, a row's entries, and the bytes of its texts.
LEAVES = {
    "numbers.list.element": (1, 3, lambda i: list_levels(COLUMNS["numbers"][1](i)), None),
    "texts.list.element": (
        1,
        2,  # without the level of a list that is not there
        lambda i: [(r, d - 1) for r, d in list_levels(COLUMNS["texts"][1](i))],
        lambda i: sum(len(text.encode()) for text in COLUMNS["texts"][1](i) if text),
    ),
    "pair.a": (0, 2, lambda i: [(0, 0 if i % 4 == 0 else 2 if i % 3 else 1)], None),
    "pair.b": (0, 2, lambda i: [(0, 0 if i % 4 == 0 else 2)], lambda i: i % 9 if i % 4 else 0),
    "flat": (0, 1, None, lambda i: i % 6 if i % 5 else 0),
    "number": (0, 0, None, None),
}


@pytest.fixture(scope="module")
def path(db, decant, tmp_path_factory):
    db.execute("CREATE TYPE pair AS (a int4, b text)")
    db.execute(f"CREATE TABLE sized ({', '.join(f'{name} {kind}' for name, (kind, _) in COLUMNS.items())})")
    for i in range(ROWS):
        row = {name: value(i) for name, (_, value) in COLUMNS.items()}
        pair = row.pop("pair")
        db.execute(
            "INSERT INTO sized VALUES (%s, %s, CASE WHEN %s THEN ROW(%s::int4, %s::text)::pair END, %s, %s)",
            [row["numbers"], row["texts"], pair is not None, *((pair or {}).get(f) for f in "ab"), row["flat"],
             row["number"]],
        )  # fmt: skip
    to = tmp_path_factory.mktemp("sized") / "x.parquet"
    decant("export", "--quiet", "--table", "sized", "--order-by", "number", "-o", to, "--lanes", 1,
           "--parquet", f"page-rows={PAGE},row-group-rows={GROUP}")  # fmt: skip
    return to


@pytest.fixture(scope="module")
def groups(path):
    done = subprocess.run([*node("size_statistics.mjs")(), path], capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


def histogram(levels, highest):
    return [levels.count(level) for level in range(highest + 1)]


def expected(leaf, rows):
    """Histograms of repetition and definition levels, and the bytes of texts; None for what is left out."""
    repetition_max, definition_max, entries, text_bytes = LEAVES[leaf]
    levels = [entry for i in rows for entry in entries(i)] if entries else []
    return (
        histogram([r for r, _ in levels], repetition_max) if repetition_max else None,
        histogram([d for _, d in levels], definition_max) if definition_max > 1 else None,
        sum(map(text_bytes, rows)) if text_bytes else None,
    )


def test_chunks_say_how_often_each_level_occurs(groups):
    assert len(groups) == 3
    for number, group in enumerate(groups):
        rows = range(number * GROUP, min(ROWS, (number + 1) * GROUP))
        for chunk in group:
            said = chunk["chunk"] or {}
            names = ("repetition_level_histogram", "definition_level_histogram", "unencoded_byte_array_data_bytes")
            assert tuple(said.get(name) for name in names) == expected(chunk["path"], rows), chunk["path"]


def test_pages_say_how_often_each_level_occurs(groups):
    for number, group in enumerate(groups):
        end = min(ROWS, (number + 1) * GROUP)
        for chunk in group:
            firsts = [number * GROUP + place["first_row_index"] for place in chunk["offsets"]["page_locations"]]
            assert len(firsts) > 1
            pages = [expected(chunk["path"], range(*ends)) for ends in zip(firsts, [*firsts[1:], end])]
            repetition, definition, texts = zip(*pages)
            columns = chunk["columns"]
            for said, wanted in ((columns.get("repetition_level_histograms"), repetition),
                                 (columns.get("definition_level_histograms"), definition)):  # fmt: skip
                assert said == (None if wanted[0] is None else sum(wanted, [])), chunk["path"]
            wanted = None if texts[0] is None else list(texts)
            assert chunk["offsets"].get("unencoded_byte_array_data_bytes") == wanted


def varints(numbers):
    """As Thrift's list elements."""
    out = bytearray()
    for number in numbers:
        number *= 2
        while number > 127:
            out.append(number & 127 | 128)
            number >>= 7
        out.append(number)
    return bytes(out)


@pytest.mark.parametrize("of_page", [False, True])
def test_verify_counts_the_levels_itself(path, groups, decant, tmp_path, of_page):
    chunk = next(chunk for chunk in groups[1] if chunk["path"] == "numbers.list.element")
    counts = chunk["columns"]["definition_level_histograms"][:4] if of_page else chunk["chunk"]["definition_level_histogram"]
    data = path.read_bytes()
    lie = [counts[0] + 1, counts[1] - 1, *counts[2:]]
    assert data.count(varints(counts)) >= 1 and len(varints(lie)) == len(varints(counts))
    broken = tmp_path / "broken.parquet"
    at = data.rindex(varints(counts))
    broken.write_bytes(data[:at] + varints(lie) + data[at + len(varints(counts)) :])
    said = decant("verify", broken, code=1).out.decode()
    assert "level 0" in said and "numbers.list.element" in said
    assert ("column index" in said) == of_page
    decant("verify", path)
