"""What a Parquet export may take: its budget, whatever the profile, and nothing for what the footer grows by."""

import pyarrow.parquet as pq
import pytest

MIB = 1 << 20


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    columns = ", ".join(f"c{i} {('int', 'text', 'float8')[i % 3]}" for i in range(1600))
    cells = ", ".join(("i", f"'t' || i % {i + 7}", f"i / {i + 3}.0")[i % 3] if i % 2 else "NULL" for i in range(1600))
    db.execute(f"CREATE TABLE widest ({columns})")
    db.execute(f"INSERT INTO widest SELECT {cells} FROM generate_series(1, 500) i")
    db.execute("CREATE TABLE large (id int, t text)")
    db.execute("INSERT INTO large SELECT i, repeat(md5(i::text), CASE WHEN i % 8 = 0 THEN 512 * 1024 ELSE 100 END) FROM generate_series(1, 24) i")
    db.execute(f"CREATE TABLE numbers ({', '.join(f'c{i} int' for i in range(50))})")
    db.execute(f"INSERT INTO numbers SELECT {', '.join(f'hashint4(i + {i})' for i in range(50))} FROM generate_series(1, 60000) i")
    db.execute("VACUUM ANALYZE")


def peak(decant, table, path="/dev/null", *options, lanes=2):
    arguments = ["--parquet", ",".join(options)] if options else []
    return decant("export", "--table", table, "--format", "parquet", "--json", "--lanes", lanes, "-o", path, *arguments).summary


@pytest.mark.parametrize("profile", ["portable", "modern"])
def test_a_wide_table_and_huge_values_stay_within_the_budget(decant, profile):
    summary = peak(decant, "widest", "/dev/null", f"profile={profile}")
    assert summary["peakMemoryBytes"] <= 64 * MIB
    summary = peak(decant, "large", "/dev/null", f"profile={profile}")
    assert summary["peakMemoryBytes"] <= summary["memoryBudgetBytes"] + 5 * 16 * MIB


def test_the_footer_takes_no_memory_as_it_grows(decant, tmp_path):
    many = tmp_path / "many.parquet"
    few = peak(decant, "numbers", "/dev/null", "row-group-rows=30000")["peakMemoryBytes"]
    summary = peak(decant, "numbers", many, "row-group-rows=60")
    metadata = pq.ParquetFile(many).metadata
    assert metadata.num_row_groups >= 500 and metadata.num_rows == 60000
    assert metadata.serialized_size > 3 * MIB
    assert summary["peakMemoryBytes"] <= few + 2 * MIB
    assert pq.ParquetFile(many).read(columns=["c7"]).num_rows == 60000
