"""
Predicates on fields of groups and on elements of lists, and on a flat column beside nested ones, whose pages
readers then skip by the offset index: the rows are those that a full read has, and so are their nested values.
"""

import re

import datafusion
import duckdb
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support import readers
from support.canonical import table_texts
from support.readers import Rows

ROWS = 4000
PARTS = "row-group-rows=900,page-rows=60"


@pytest.fixture(scope="module")
def tables(db):
    db.execute("CREATE EXTENSION hstore")
    db.execute("CREATE TYPE part AS (code int4, label text, price numeric(9,2), tags text[])")
    db.execute("""CREATE TABLE orders (row int4 NOT NULL, main part, parts part[], codes int4[], labels text[], extra hstore,
                    plain text NOT NULL)""")
    # Values follow the rows loosely, so that there are pages to skip; lists go over none to seven elements.
    db.execute(f"""INSERT INTO orders SELECT i,
        CASE WHEN i % 11 <> 5 THEN
          ROW(nullif(i / 3, 400), 'label ' || i / 50, i * 1.25, ARRAY['t' || i % 3, NULL])::part END,
        CASE WHEN i % 13 <> 5 THEN
          ARRAY(SELECT ROW(i * 10 + k, 'part ' || i / 50, k, ARRAY['u' || k])::part FROM generate_series(1, i % 4) k) END,
        CASE WHEN i % 7 <> 5 THEN
          ARRAY(SELECT CASE WHEN k <> 3 THEN i + k END FROM generate_series(1, i % 8) k) END,
        CASE WHEN i % 17 <> 5 THEN
          ARRAY(SELECT 'word ' || lpad((i / 20 + k)::text, 4, '0') FROM generate_series(1, i % 3) k) END,
        CASE WHEN i % 19 <> 5 THEN hstore(ARRAY['a', 'b' || i % 5], ARRAY[(i / 40)::text, NULL]) END,
        md5(i::text)
      FROM generate_series(0, {ROWS - 1}) i""")


@pytest.fixture(scope="module", params=["portable", pytest.param("modern", marks=pytest.mark.long)])
def orders(tables, decant, tmp_path_factory, request):
    """The file, and all its rows."""
    path = tmp_path_factory.mktemp("nested") / "orders.parquet"
    options = f"{PARTS},profile={request.param}"
    decant("export", "--quiet", "--table", "orders", "-o", path, "--lanes", 1, "--parquet", options)
    return path, pq.read_table(path)


# What is asked: a leaf's path in the file, and values, at the borders of pages and row groups among them.
FIELD, ELEMENT, FLAT = "field", "element", "flat"
QUESTIONS = {
    "row": (FLAT, [0, 59, 60, 61, 899, 900, 2711, ROWS - 1, ROWS]),
    "main.code": (FIELD, [0, 19, 20, 300, 399, 400, 401, 1333, -1]),
    "main.label": (FIELD, ["label 0", "label 17", "label 18", "label 79", "label 80", ""]),
    "codes.list.element": (ELEMENT, [2, 61, 62, 905, 1803, ROWS + 7, -5]),
    "labels.list.element": (ELEMENT, ["word 0001", "word 0045", "word 0046", "word 0201", "word 9999"]),
    "parts.list.element.code": (ELEMENT, [11, 591, 611, 9021, 39993, -1]),
    "extra.key_value.value": (ELEMENT, ["0", "22", "23", "99", "100"]),
}  # fmt: skip


def leaves(value, names):
    """What of a row's value lies at the path."""
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item, names)]
    if isinstance(value, tuple):  # of a map
        return leaves(value[["key", "value"].index(names[0])], names[1:])
    if value is None or not names:
        return [] if value is None else [value]
    return leaves(value[names[0]], names[1:])


def rows_with(table, path, value):
    name, *names = path.split(".")
    # The groups between are of the file, not of the values.
    names = [n for n in names if n not in ("list", "element", "key_value")]
    found = [value in leaves(v, names) for v in table.column(name).to_pylist()]
    return texts(table.filter(pa.array(found)))


def texts(table):
    return Rows(table.column_names, table_texts(table))


# --- Readers: each gives the whole rows --------------------


def by_duckdb(path, leaf, value, kind):
    items = {
        "parts.list.element.code": "list_transform(parts, lambda p: p.code)",
        "extra.key_value.value": "map_values(extra)",
    }.get(leaf, leaf.split(".")[0])
    condition = f"list_contains({items}, ?)" if kind == ELEMENT else f"{leaf} = ?"
    with duckdb.connect(config={"threads": 1}) as connection:
        query = f"SELECT * FROM read_parquet(?) WHERE {condition}"
        return texts(connection.sql(query, params=[str(path), value]).to_arrow_table())


def by_datafusion(path, leaf, value, kind):
    name, *rest = leaf.split(".")
    inner = "map_values(extra)" if name == "extra" else name
    literal = f"'{value}'" if isinstance(value, str) else f"arrow_cast({value}, 'Int32')"
    field = "".join(f"['{field}']" for field in rest)
    condition = f"{name}{field} = {literal}" if kind != ELEMENT else f"array_has({inner}, {literal})"
    settings = datafusion.SessionConfig().set("datafusion.execution.parquet.pushdown_filters", "true")
    context = datafusion.SessionContext(settings.with_target_partitions(1))
    context.register_parquet("t", str(path))
    frame = context.sql(f"SELECT * FROM t WHERE {condition}")
    return texts(pa.Table.from_batches(frame.collect(), schema=frame.schema()))


def by_pyarrow(path, leaf, value, kind):
    return texts(pq.read_table(path, filters=pc.field(*leaf.split(".")) == value))


def by_polars(path, leaf, value, kind):
    name, *rest = leaf.split(".")
    column = polars.col(name)
    if leaf == "parts.list.element.code":
        condition = column.list.eval(polars.element().struct.field("code")).list.contains(value)
    elif kind == ELEMENT:
        condition = column.list.contains(value)
    else:
        condition = (column.struct.field(rest[0]) if rest else column) == value
    return texts(polars.scan_parquet(path).filter(condition).collect().to_arrow())


def each(read):
    """By one value after the other."""
    return lambda path, leaf, values, kind: [read(path, leaf, value, kind) for value in values]


def by_program(program, path, leaf, values, operator):
    found = readers.run(program(), ["--where", leaf, operator, ",".join(map(str, values)), path])
    results = readers.parse_lines(found, len(values))
    assert not [rows.error for rows in results if rows.error]
    return results


def by_arrow_rs(path, leaf, values, kind):
    return by_program(readers.rust_program, path, leaf, values, "eq")


def by_parquet_java(path, leaf, values, kind):
    return by_program(readers.java_program, path, leaf, values, "contains" if kind == ELEMENT else "eq")


ENGINES = {
    "DuckDB": each(by_duckdb),
    "DataFusion": each(by_datafusion),
    "pyarrow": each(by_pyarrow),
    "Polars": each(by_polars),
    "arrow-rs": by_arrow_rs,
    "parquet-java": by_parquet_java,
}
# What has no such predicate in a reader.
LACKING = [
    *(("pyarrow", leaf) for leaf, (kind, _) in QUESTIONS.items() if kind == ELEMENT),
    ("DataFusion", "parts.list.element.code"),
    ("arrow-rs", "extra.key_value.value"),
    ("Polars", "extra.key_value.value"),  # it has no maps: a list of groups
]
CASES = [
    pytest.param(engine, leaf, marks=[pytest.mark.long] if readers.READERS[engine].long else [])
    for engine in ENGINES
    for leaf in QUESTIONS
    if (engine, leaf) not in LACKING
]


@pytest.mark.parametrize("engine, leaf", CASES)
def test_a_predicate_gives_the_nested_values_of_the_rows_that_a_full_read_has(orders, engine, leaf):
    path, table = orders
    kind, values = QUESTIONS[leaf]
    wanted = [rows_with(table, leaf, value) for value in values]
    assert wanted[0].columns[0] and not wanted[-1].columns[0]
    wrong = []
    for value, want, found in zip(values, wanted, ENGINES[engine](path, leaf, values, kind), strict=True):
        if found.columns != want.columns:
            numbers = f"{found.columns[0][:9]}, not {want.columns[0][:9]}"
            wrong.append(f"{leaf} = {value!r}: rows {numbers}, or other values")
    assert not wrong, "\n".join(wrong)


def bytes_scanned(path, uses_page_index):
    """Without the filter among the columns' readers, which skips pages by itself."""
    settings = {"pushdown_filters": "false", "enable_page_index": str(uses_page_index).lower()}
    config = datafusion.SessionConfig()
    for name, value in settings.items():
        config = config.set(f"datafusion.execution.parquet.{name}", value)
    context = datafusion.SessionContext(config)
    context.register_parquet("t", str(path))
    plan = context.sql("EXPLAIN ANALYZE SELECT * FROM t WHERE row = 3000").collect()
    text = " ".join(str(value) for batch in plan for value in batch.column(1).to_pylist())
    number, unit = re.search(r"bytes_scanned=([0-9.]+) ?([KM]?)", text).groups()
    return float(number) * {"": 1, "K": 1e3, "M": 1e6}[unit]


def test_datafusion_skips_pages_of_nested_columns(orders):
    """Not in vain: by the page index it reads a fraction of what the row group's columns take."""
    path, _ = orders
    assert 0 < bytes_scanned(path, True) < bytes_scanned(path, False) / 3
