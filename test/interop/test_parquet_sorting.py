"""sorting_columns: what a row group says that it is sorted by is what was asked for, as far as the written rows bear it out."""

import json

import datafusion
import pyarrow.parquet as pq
import pytest

ROWS = 30000
PAD = "repeat(md5(i::text), 10)"


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    # Ranges must be worth their price even for a small table (test_ordered_in_lanes.py).
    db.execute(f"ALTER DATABASE {db.name} SET random_page_cost = 0")
    db.execute(f"ALTER DATABASE {db.name} SET seq_page_cost = 100")
    db.execute("""CREATE TABLE keyed (id int8 PRIMARY KEY, grp int4, day date, moment timestamptz, amount numeric(12,2),
                    wide numeric(30,4), plain numeric, label text COLLATE "C", word text COLLATE "en-x-icu", measure float8, flag bool,
                    token uuid, list int4[], sparse int4, pad text)""")
    db.execute(f"""INSERT INTO keyed SELECT i, i % 7, date '2020-01-01' + i % 900, '2024-01-01'::timestamptz + i * interval '1 s',
                     i % 500 / 4.0, i % 500 - 250, i % 50 - 10, 'l' || i % 900, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'B' END || i % 90,
                     CASE i % 1000 WHEN 0 THEN 'NaN'::float8 ELSE i / 3.0 END, i % 3 = 0, md5(i::text)::uuid, ARRAY[i], nullif(i % 100, 0), {PAD}
                   FROM (SELECT i * 1237 % {ROWS} FROM generate_series(1, {ROWS}) i) g(i)""")
    db.execute("VACUUM ANALYZE keyed")


@pytest.fixture
def export(decant, tmp_path):
    def run(order, *more, lanes=1):
        path = tmp_path / "x.parquet"
        arguments = ["--order-by", order] if order else []
        done = decant("export", "--json", "--table", "keyed", "-o", path, *arguments, "--lanes", lanes, *more)
        assert decant("verify", path).code == 0
        return path, done.summary

    return run


def claims(path):
    """Per row group: (column, descending, nulls first) as pyarrow reads them."""
    file = pq.ParquetFile(path)
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    return [[(g.column(s.column_index).path_in_schema, s.descending, s.nulls_first) for s in g.sorting_columns] for g in groups]


def in_order(before, now, claim):
    for a, b, (_, descending, nulls_first) in zip(before, now, claim):
        if a != b:
            if a is None or b is None:
                return (a is None) == nulls_first
            return (a > b) == descending
    return True


def is_sorted(path, group, claim):
    """By the values that pyarrow reads. Text in the order of its characters, which is that of its bytes."""
    table = pq.ParquetFile(path).read_row_group(group, columns=[name for name, _, _ in claim])
    rows = list(zip(*(table[name].to_pylist() for name, _, _ in claim)))
    return all(in_order(before, now, claim) for before, now in zip(rows, rows[1:]))


ORDERED = ["id", "grp", "day", "moment", "amount", "wide", "label", "flag", "token", "sparse"]


@pytest.mark.parametrize("direction", ["", " desc"])
@pytest.mark.parametrize("column", ORDERED)
def test_an_ordered_column_is_said_to_be_sorted(export, column, direction):
    path, _ = export(column + direction, "--parquet", "row-group-rows=10000")
    expected = (column, bool(direction), bool(direction))  # the server has NULL above all values
    found = claims(path)
    assert len(found) >= 3 and all(claim == [expected] for claim in found)
    assert all(is_sorted(path, group, [expected]) for group in range(len(found)))


def test_several_columns_are_said_in_their_order(export):
    path, _ = export("grp desc,flag desc,id desc")
    (claim,) = claims(path)
    assert [name for name, _, _ in claim] == ["grp", "flag", "id"]
    assert is_sorted(path, 0, claim)


@pytest.mark.parametrize("lanes", [1, 4])
def test_lanes_that_read_ranges_of_the_key_say_it_too(db, export, lanes):
    path, summary = export("id desc", "--parquet", "row-group-rows=2000", lanes=lanes)
    assert "ranges of" in summary["how"]
    found = claims(path)
    assert len(found) >= 15 and all(claim == [("id", True, True)] for claim in found)
    assert pq.read_table(path, columns=["id"])["id"].to_pylist() == db.column("SELECT id FROM keyed ORDER BY id DESC")


def test_text_that_a_collation_orders_is_not_said_to_be_sorted(export):
    path, _ = export("word,id")
    assert claims(path) == [[]]
    assert not is_sorted(path, 0, [("word", False, False)])
    path, _ = export("grp,word,id")
    assert claims(path) == [[("grp", False, False)]]


def test_a_reader_that_takes_the_claim_for_the_files_order_sorts_right(db, decant, tmp_path):
    """By a collation without case: each row group is in the order of its bytes, the file is not."""
    db.execute("""CREATE TABLE mixed AS SELECT word COLLATE "en-x-icu" AS word FROM unnest('{b,c,B,C,a,d}'::text[]) word""")
    for column, expected in (("word", [[]] * 3), ('word COLLATE "C" AS word', [[("word", False, False)]] * 3)):
        path = tmp_path / f"{len(expected[0])}.parquet"
        decant("export", "--quiet", "--query", f"SELECT {column} FROM mixed", "--order-by", "word", "-o", path,
               "--parquet", "row-group-rows=2", "--lanes", "1")
        assert claims(path) == expected
        context = datafusion.SessionContext()
        context.register_parquet("t", str(path))
        (words,) = context.sql("SELECT word FROM t ORDER BY word").to_pydict().values()
        assert words == ["B", "C", "a", "b", "c", "d"]


def test_numbers_written_as_text_are_not_said_to_be_sorted(export):
    assert claims(export("plain")[0]) == [[]]
    assert claims(export("plain", "--parquet", "numeric=decimal:20:4")[0]) == [[("plain", False, False)]]


def test_nan_is_said_to_be_sorted_nowhere(export):
    path, _ = export("measure", "--parquet", "row-group-rows=10000")
    assert claims(path) == [[]] * 3


def test_only_columns_of_the_file_are_said(decant, export):
    assert claims(export(None)[0]) == [[]]
    assert claims(export("grp,id", "--columns", "id")[0]) == [[]]
    assert claims(export("grp,sparse,id", "--columns", "id=key,grp=team")[0]) == [[("team", False, False)]]
    assert claims(export("list,id")[0]) == [[]]
    assert claims(export("id,list")[0]) == [[("id", False, False)]]


def test_the_column_is_counted_among_the_leaves(decant, export):
    path, _ = export("sparse,id", "--columns", "list,sparse,id")
    assert claims(path) == [[("sparse", False, False), ("id", False, False)]]
    path, _ = export("id", "--columns", "list,id")
    said = json.loads(decant("describe", "--json", path).out)
    assert said["rowGroups"][0]["sortedBy"] == [{"column": 1, "descending": False, "nullsFirst": False}]
    assert "sorted by id" in decant("describe", path).out.decode()
