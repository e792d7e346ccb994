"""Bloom filters: other people's readers find every value that is there, and skip row groups for those that are not."""

import functools
import json

import datafusion
import duckdb
import pyarrow.parquet as pq
import pytest
from support import readers

ROWS = 60000


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute("CREATE TABLE keyed (id int8 PRIMARY KEY, few text, label text, number int4, amount numeric(30,2), "
               "measure float8, day date, id_text text, flag bool, list int4[])")
    db.execute(f"""INSERT INTO keyed SELECT i * 2, 'f' || r % 20, CASE WHEN i % 7 > 0 THEN 'label ' || r * 2 END, r * 2, r * 2, r / 2.0,
                     date '2020-01-01' + r * 2, md5(i::text), i % 2 = 0, ARRAY[r * 2, NULL]
                   FROM (SELECT i, hashint4(i) & 1023 AS r FROM generate_series(1, {ROWS}) i) t""")


@pytest.fixture
def write(decant, tmp_path):
    def export(bloom, *more):
        path = tmp_path / f"x{len(list(tmp_path.iterdir()))}.parquet"
        options = ",".join([f"bloom={bloom}", "row-group-rows=20000", *more])
        decant("export", "--quiet", "--table", "keyed", "-o", path, "--parquet", options)
        return path

    return export


def filtered(decant, path):
    """The columns that have a filter, in every row group."""
    said = json.loads(decant("describe", "--json", path).out)
    columns = [{chunk["path"] for chunk in group["chunks"] if "bloomFilter" in chunk} for group in said["rowGroups"]]
    assert len(columns) == 3 and all(group == columns[0] for group in columns)
    assert json.loads(decant("verify", "--json", path).out)["whole"] is True
    return columns[0]


@functools.cache
def duckdb_connection():
    return duckdb.connect(config={"threads": 1})


def excluded(path, column, literal):
    """Per row group, whether DuckDB can leave it out by its filter."""
    query = f"SELECT bloom_filter_excludes FROM parquet_bloom_probe('{path}', '{column}', {literal})"
    return [row[0] for row in duckdb_connection().execute(query).fetchall()]


def test_auto_filters_what_is_all_dictionary_and_not_too_few(decant, write):
    columns = filtered(decant, write("auto"))
    assert {"label", "number", "amount", "measure", "day", "list.list.element"} <= columns
    assert not columns & {"id", "few", "id_text", "flag"}
    assert filtered(decant, write("none")) == set()


def test_named_columns_have_a_filter_with_and_without_dictionary(decant, write):
    assert filtered(decant, write("id+label+few")) == {"id", "label", "few"}
    assert filtered(decant, write("id+label+id_text", "dictionary=false")) == {"id", "label", "id_text"}
    assert filtered(decant, write("id+label", "profile=modern")) == {"id", "label"}


@pytest.mark.parametrize("options", [(), ("dictionary=false",), ("profile=modern",)])
def test_no_value_that_is_there_is_excluded(write, options):
    path = write("id+label+number+measure+day+id_text", *options)
    table = pq.read_table(path, columns=["id", "label", "number", "measure", "day", "id_text"])
    for column, quote in (("id", ""), ("label", "'"), ("number", ""), ("day", "'"), ("id_text", "'")):
        for at in range(0, ROWS, 2500):
            value = table.column(column)[at].as_py()
            if value is None:
                continue
            literal = f"{quote}{value}{quote}" + ("::date" if column == "day" else "")
            assert excluded(path, column, literal)[at // 20000] is False, (column, value)


def test_most_values_that_are_not_there_are_excluded(write):
    path = write("id+label+number+id_text")
    for column, literals in (("id", [str(i * 2 + 1) for i in range(100)]), ("number", [str(i * 2 + 1) for i in range(100)]),
                             ("label", [f"'label {i * 2 + 1}'" for i in range(100)]),
                             ("id_text", [f"'absent {i}'" for i in range(100)])):
        kept = sum(not out for literal in literals for out in excluded(path, column, literal))
        assert kept <= 15, (column, kept)  # 300 probes at 1 %: 3 are expected


def test_predicate_reads_give_the_rows_of_full_reads(write):
    path = write("auto")
    table = pq.read_table(path)
    with duckdb.connect() as connection:
        for column, literal, value in (("label", "'label 700'", "label 700"), ("label", "'label 701'", "label 701"),
                                       ("number", "1234", 1234), ("number", "1235", 1235), ("measure", "12.5", 12.5)):
            found = connection.execute(f"SELECT count(*) FROM '{path}' WHERE {column} = {literal}").fetchone()[0]
            assert found == table.column(column).to_pylist().count(value), literal


def test_a_filter_takes_a_hundredth_of_what_would_be_wrong_and_no_more_bytes(decant, write):
    said = json.loads(decant("describe", "--json", write("id")).out)
    sizes = [c["bloomFilter"]["bytes"] for g in said["rowGroups"] for c in g["chunks"] if "bloomFilter" in c]
    assert all(20000 * 10.5 / 8 <= size <= 2 * 20000 * 10.5 / 8 + 64 for size in sizes), sizes


@pytest.mark.parametrize("bloom", ["nobody", "id+nobody", "flag", "id+"])
def test_what_can_have_no_filter_is_refused_by_name(decant, tmp_path, bloom):
    run = decant("export", "--table", "keyed", "-o", tmp_path / "x.parquet", "--parquet", f"bloom={bloom}", code=2)
    assert "parquet.bloom" in run.err


@pytest.mark.parametrize("group, field", [("span", "span.months"), ("list", "list[]")])
def test_a_group_is_refused_with_the_name_of_a_column_within_it(decant, tmp_path, group, field):
    query = "SELECT interval '1 day' AS span, ARRAY[1] AS list"
    asked = ("export", "--query", query, "-o", tmp_path / "x.parquet", "--parquet")
    run = decant(*asked, f"interval=struct,bloom={group}", code=2)
    assert f'"{group}" has columns within it; name one, as "{field}"' in run.err
    decant(*asked, f"interval=struct,bloom={field}")


# --- Readers beside DuckDB ------------------------------------------------------------------------

PROGRAMS = {
    name: pytest.param(program, id=name, marks=pytest.mark.long)
    for name, program in (("arrow-rs", readers.rust_program), ("parquet-java", readers.java_program))
}


def answers_of(program, path, *question, count=1):
    return readers.parse_lines(readers.run(program(), [*question, path]), count)


@pytest.mark.parametrize("options", [(), ("profile=modern", "dictionary=false")])
@pytest.mark.parametrize("program", PROGRAMS.values())
def test_other_libraries_answer_as_duckdb_does_of_every_value_there_or_not(write, program, options):
    """The bits are the same for all: so are the answers, the wrong ones for absent values among them."""
    path = write("id+label+number+measure+id_text", *options)
    table = pq.read_table(path)
    for column, absent in (("id", [i * 2 + 1 for i in range(60)]), ("number", [i * 2 + 1 for i in range(60)]),
                           ("measure", [i + 0.25 for i in range(60)]), ("label", [f"label {i * 2 + 1}" for i in range(60)]),
                           ("id_text", [f"absent {i}" for i in range(60)])):
        places = [at for at in range(0, ROWS, 1111) if table.column(column)[at].is_valid]
        values = [table.column(column)[at].as_py() for at in places] + absent
        (asked,) = answers_of(program, path, "--bloom", column, ",".join(map(str, values)))
        assert not asked.error, asked.error
        answers = asked.columns
        assert all(answer[at // 20000] for at, answer in zip(places, answers)), column
        literals = [f"'{value}'" if isinstance(value, str) else str(value) for value in values]
        assert answers == [[not out for out in excluded(path, column, literal)] for literal in literals], column


def without_pages(path):
    """A copy whose pages are overwritten, not so the filters: whoever reads a page fails."""
    data, metadata = bytearray(path.read_bytes()), pq.ParquetFile(path).metadata
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    copy = path.with_suffix(".blank")
    copy.write_bytes(data)
    return copy


# The ids of the rows that have a value in a column, for each value; None where the reader fails.


def each(read):
    def ids(path, column, values):
        found = []
        for value in values:
            try:
                found.append(read(path, column, value))
            except Exception:  # of any kind: the reader's own
                found.append(None)
        return found

    return ids


def by_duckdb(path, column, value):
    rows = duckdb_connection().execute(f"SELECT id FROM read_parquet(?) WHERE {column} = ?", [str(path), value])
    return [row[0] for row in rows.fetchall()]


def by_datafusion(path, column, value):
    context = datafusion.SessionContext()
    context.register_parquet("t", str(path), file_extension=path.suffix)
    frame = context.table("t").filter(datafusion.col(column) == datafusion.lit(value))
    return frame.select(datafusion.col("id")).to_pydict().get("id", [])


def by_parquet_java(path, column, values):
    question = ("--where", column, "eq", ",".join(map(str, values)))
    results = answers_of(readers.java_program, path, *question, count=len(values))
    return [None if rows.error else list(map(int, rows.column("id"))) for rows in results]


ENGINES = [
    pytest.param(each(by_duckdb), id="DuckDB"),
    pytest.param(each(by_datafusion), id="DataFusion"),
    pytest.param(by_parquet_java, id="parquet-java", marks=pytest.mark.long),
]


@pytest.mark.parametrize("ids", ENGINES)
def test_a_query_for_what_is_not_there_reads_no_page_of_a_row_group(write, ids):
    # Without dictionaries, which tell parquet-java of absent values, too; both columns' bounds span what is asked.
    path = write("id+id_text", "dictionary=false")
    blank, table = without_pages(path), pq.read_table(path, columns=["id", "id_text"])
    texts = [f"{i:032x}" for i in (1 << 126, 5 << 124, 9 << 124)]
    for column, absent in (("id", [60001, 60003, 60005]), ("id_text", texts)):
        absent = [value for value in absent if all(excluded(path, column, f"'{value}'"))]
        assert len(absent) >= 2  # a hundredth of the answers may be wrong
        present = table.column(column)[30000].as_py()
        row = [table.column("id")[30000].as_py()]
        assert ids(path, column, [present, *absent]) == [row, *[[]] * len(absent)]
        assert ids(blank, column, [present, *absent]) == [None, *[[]] * len(absent)]


def test_datafusion_counts_the_row_groups_that_their_filters_kept_it_from(write):
    context = datafusion.SessionContext()
    context.register_parquet("t", str(write("id")))
    plan = context.sql("EXPLAIN ANALYZE SELECT id FROM t WHERE id = 60001").collect()
    text = " ".join(str(value) for batch in plan for value in batch.column(1).to_pylist())
    assert "row_groups_pruned_bloom_filter=1 total" in text, text
