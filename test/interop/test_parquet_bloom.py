"""Bloom filters: other people's readers find every value that is there, and skip row groups for those that are not."""

import json

import duckdb
import pyarrow.parquet as pq
import pytest

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


def excluded(path, column, literal):
    """How many row groups DuckDB can leave out by their filters."""
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT bloom_filter_excludes FROM parquet_bloom_probe('{path}', '{column}', {literal})")
        return [row[0] for row in rows.fetchall()]


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
