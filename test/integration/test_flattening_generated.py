"""Generated documents, flattened in every way and compared cell by cell with what Python makes of them."""

import collections
import csv
import io
import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import flat
from support.parquet import column_values, float_bits, parquet_file

NULL = "\1NULL"
KEYS = ["a", "b", "c", "", ".", "a.b", 'q"', "\\", "é", "😀", "\n", "\x7f", "x" * 40, "_other", "0", "null", "$"]
ODD_KEYS = ["\0", "a\0", "\ud83d", "\udc00", "a\ud83d"]

strings = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
numbers = st.one_of(
    st.integers(-20, 20).map(str),
    st.sampled_from(
        "-0 0.0 -0.0 1.10 1e2 1E+2 2.5e-3 9007199254740993 9223372036854775807 9223372036854775808 "
        "-9223372036854775808 -9223372036854775809 0.1 0.30000000000000004 0.10000000000000000555 1e22 1e23 1e400 "
        "1.7976931348623157e308 5e-324 4e-324 123456789012345678.25 0.00000000000000000001 "
        "99999999999999999999999999999999999999 100000000000000000000000000000000000000 1.50 2e-400 0e999".split()
    ),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-(10**12), 10**12, allow_nan=False, places=4).map(str),
    st.integers(-(2**70), 2**70).map(str),
)
constants = st.sampled_from(["true", "false", "null", "null", "{}", "[]", "{ }", "[ 1, {\"a\": null}]"])


@st.composite
def written_string(draw, text):
    """A string in one of the ways that JSON can write it."""
    if not isinstance(text, str):
        text = draw(text)
    return json.dumps(text, ensure_ascii=any(map(flat.is_half, text)) or draw(st.booleans()))


def write_object(pairs, blank):
    return "{" + blank + ",".join(f"{key}{blank}:{blank}{value}{blank}" for key, value in pairs) + "}"


def documents(keys, odd_strings):
    key = st.sampled_from(keys).flatmap(lambda text: written_string(text))
    string = st.one_of(written_string(strings), st.sampled_from(odd_strings)) if odd_strings else written_string(strings)
    scalar = st.one_of(numbers, string, constants)

    def nest(inner):
        pairs = st.lists(st.tuples(key, inner), min_size=1, max_size=5)
        return st.builds(write_object, pairs, st.sampled_from(["", " ", "\n\t"]))

    return st.recursive(scalar, nest, max_leaves=12)


# Mostly few keys and one kind of value a key, as tables have them; then whatever there may be.
alike = st.lists(
    st.one_of(
        st.builds(write_object, st.lists(st.tuples(st.sampled_from(['"n"', '"m"']), numbers), max_size=2), st.just("")),
        st.builds(
            write_object,
            st.tuples(
                st.tuples(st.just('"s"'), written_string(strings)),
                st.tuples(st.just('"i"'), st.integers(-(2**62), 2**62).map(str)),
                st.tuples(st.just('"t"'), st.sampled_from(["true", "false", "null"])),
                st.tuples(st.just('"d"'), st.decimals(-1000, 1000, allow_nan=False, places=2).map(str)),
            ),
            st.sampled_from(["", " "]),
        ),
    ),
    min_size=1,
    max_size=25,
)
any_json = st.lists(st.none() | documents(KEYS + ODD_KEYS, [r'"\ud83d"', r'"a\u0000b"', r'"\udc00\ud83d"']), max_size=25)
any_jsonb = st.lists(st.none() | documents(KEYS, []), max_size=25)
tables = st.one_of(alike, any_json, alike, any_jsonb)

SETTINGS = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.fixture(scope="module")
def fill(db):
    """fill(type, documents): a table of two leaves, which two lanes read; gives the server's texts."""
    for type_name in ("json", "jsonb"):
        db.execute(
            f"CREATE TABLE docs_{type_name} (id int NOT NULL, m {type_name}) PARTITION BY RANGE (id);"
            f"CREATE TABLE {type_name}_1 PARTITION OF docs_{type_name} FOR VALUES FROM (0) TO (5);"
            f"CREATE TABLE {type_name}_2 PARTITION OF docs_{type_name} FOR VALUES FROM (5) TO (1000000)"
        )

    def make(type_name, texts):
        db.execute(f"TRUNCATE docs_{type_name}")
        for i, text in enumerate(texts):
            db.execute(f"INSERT INTO docs_{type_name} VALUES (%s, %s)", (i, text))
        return db.column(f"SELECT m::text FROM docs_{type_name} ORDER BY id")

    return make


def fits_jsonb(text):
    """jsonb takes no zero characters, no half pairs and no numbers beyond numeric."""
    return text is None or not any(odd in text for odd in (r"\u0000", r"\ud8", r"\udc", "e400", "e999", "e-400"))


def found_paths(texts):
    return flat.in_order(set(itertools.chain.from_iterable(flat.leaves(text) for text in texts if text is not None)))


def has_nameless(texts):
    known = {path for text in texts if text is not None for path in flat.leaves(text)}
    return any(text is not None and flat.rest(text, known) is not ... for text in texts)


def column_name(path):
    return ".".join(("m", *path))


def clashes(paths, with_rest):
    names = ["id", *map(column_name, paths)] + ["m._other"] * with_rest
    return len(set(names)) != len(names)


def check_csv(written, texts, paths, with_rest):
    header, *rows = csv.reader(io.StringIO(written.decode(), newline=""))
    assert header == ["id", *map(column_name, paths), *(["m._other"] * with_rest)]
    assert [row[0] for row in rows] == [str(i) for i in range(len(texts))]
    for text, row in zip(texts, rows):
        cells = {} if text is None else flat.leaves(text)
        expected = [flat.csv_cell(cells[path]) if path in cells else NULL for path in paths]
        assert row[1 : 1 + len(paths)] == expected
        if not with_rest:
            continue
        left = ... if text is None else flat.rest(text, set(paths))
        assert (row[-1] == NULL) == (left is ...)
        if left is not ...:
            assert json.loads(row[-1]) == left


def check_parquet(written, texts, paths, with_rest, json_numbers):
    table = parquet_file(written).read()
    assert table.column_names == ["id", *map(column_name, paths), *(["m._other"] * with_rest)]
    seen = collections.defaultdict(list)
    for text in texts:
        for path, value in flat.values(text) if text is not None else ():
            seen[path].append(value)
    for index, path in enumerate(paths, 1):
        type_name, column = flat.path_type(seen[path], json_numbers), table.column(index)
        is_json = str(column.type) == "extension<arrow.json>"
        assert ("json" if is_json else str(column.type)) == type_name, path
        expected = [
            flat.parquet_value(None if text is None else flat.leaves(text).get(path), type_name) for text in texts
        ]
        made = column_values(column)
        if type_name == "double":
            expected, made = list(map(float_bits, expected)), list(map(float_bits, made))
        assert made == expected, path


def export(decant, *arguments):
    return decant.export(*arguments, "--csv", f"null={NULL}") if "csv" in arguments else decant.export(*arguments)


@pytest.mark.parametrize("type_name", ["json", "jsonb"])
@settings(max_examples=30, **SETTINGS)
@given(data=st.data())
def test_every_cell_is_what_the_rules_say(data, decant, fill, type_name):
    texts = data.draw(tables)
    if type_name == "jsonb":
        texts = list(filter(fits_jsonb, texts))
    texts = fill(type_name, texts)
    paths, with_rest, lanes = found_paths(texts), has_nameless(texts), data.draw(st.sampled_from([1, 2]))
    columns = paths or [()]
    source = ("--table", f"docs_{type_name}", "--discover", "full", "--lanes", lanes, "--flatten")
    if clashes(columns, with_rest):
        run = decant("export", *source, "--format", "csv", code=2)
        assert "two columns of the output" in run.err
        return
    check_csv(export(decant, *source, "--format", "csv"), texts, columns, with_rest)
    numbers = data.draw(st.sampled_from(["double", "decimal"]))
    parquet = ("--format", "parquet", "--parquet", f"json-numbers={numbers}", "--special", "replace")
    check_parquet(export(decant, *source, *parquet), texts, columns, with_rest, numbers)


@pytest.mark.parametrize("type_name", ["json", "jsonb"])
@settings(max_examples=30, **SETTINGS)
@given(data=st.data())
def test_what_a_sample_did_not_see_is_in_the_rest_and_nothing_else_is(data, decant, fill, type_name):
    texts = data.draw(tables)
    if type_name == "jsonb":
        texts = list(filter(fits_jsonb, texts))
    texts = fill(type_name, texts)
    rows = data.draw(st.integers(1, 25))
    paths = found_paths(texts[:rows]) or [()]
    # A stream that was read to its end was seen whole; a sample that is just as long cannot know that it was.
    with_rest = rows <= len(texts) or has_nameless(texts)
    query = f"SELECT * FROM docs_{type_name} ORDER BY id"
    source = ("--query", query, "--format", "csv", "--sample-rows", rows)
    if clashes(paths, with_rest):
        assert "two columns of the output" in decant("export", *source, code=2).err
        return
    check_csv(export(decant, *source), texts, paths, with_rest)


@settings(max_examples=15, **SETTINGS)
@given(data=st.data())
def test_with_too_many_paths_the_most_frequent_are_columns(data, decant, fill):
    texts = fill("jsonb", list(filter(fits_jsonb, data.draw(tables))))
    most = data.draw(st.integers(1, 4))
    counts = collections.Counter(path for text in texts if text is not None for path in flat.leaves(text))
    source = ("--query", "SELECT * FROM docs_jsonb ORDER BY id", "--format", "csv", "--max-paths", most)
    if clashes(counts, True):  # two paths of one name: which of them is there cannot be seen by its name
        run = decant("export", *source, code=(0, 2))
        assert run.code == 0 or "two columns of the output" in run.err
        return
    header, *rows = csv.reader(io.StringIO(export(decant, *source).decode(), newline=""))
    paths = [path for path in flat.in_order(counts) if column_name(path) in header] or [()]
    with_rest = len(counts) > most
    assert len(paths) == max(1, min(most, len(counts)))
    assert sum(counts[path] for path in paths) == sum(sorted(counts.values(), reverse=True)[:most])
    rebuilt = [
        [NULL if text is None or path not in flat.leaves(text) else flat.csv_cell(flat.leaves(text)[path]) for path in paths]
        for text in texts
    ]
    assert [row[1 : 1 + len(paths)] for row in rows] == rebuilt
    assert (header[-1] == "m._other") == with_rest
    for text, row in zip(texts, rows):
        left = flat.rest(text, set(paths)) if with_rest and text is not None else ...
        if with_rest:
            assert (row[-1] == NULL) == (left is ...)
            assert left is ... or json.loads(row[-1]) == left
