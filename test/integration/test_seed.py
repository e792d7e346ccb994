"""decant seed: the demonstration table, filled once, whatever interrupts it, and no other table ever."""

import random
import signal
import time

import pytest

RANGE = 20000   # rows that are inserted at once
CHECKSUM = "SELECT count(*), sum(hashtextextended(r::text, 0)) FROM public.records r"


@pytest.fixture(autouse=True)
def no_table(db):
    db.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


@pytest.fixture(scope="module")
def checksum(decant, db):
    """Of 100,000 rows, by one seeder that nobody disturbs."""
    db.execute("DROP TABLE IF EXISTS public.records CASCADE")
    decant("seed", "--rows", 100000)
    return db.rows(CHECKSUM)


def comment(db):
    return db.value("SELECT obj_description('public.records'::regclass, 'pg_class')")


def test_the_table_is_the_one_that_the_contract_shows(decant, db):
    assert b"50001 rows" in decant("seed", "--rows", 50001).out
    columns = db.rows(
        """SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
           WHERE attrelid = 'public.records'::regclass AND attnum > 0 ORDER BY attnum"""
    )
    assert columns == [
        ("id", "bigint", True),
        ("created_at", "timestamp with time zone", True),
        ("name", "character varying(255)", True),
        ("value", "numeric(18,4)", True),
        ("metadata", "jsonb", True),
    ]
    ids = db.rows("SELECT count(*), count(DISTINCT id), min(id), max(id) FROM public.records")
    assert ids == [(50001, 50001, 1, 50001)]
    primary_key = """SELECT pg_get_constraintdef(oid) FROM pg_constraint
                     WHERE conrelid = 'public.records'::regclass AND contype = 'p'"""
    assert db.column(primary_key) == ["PRIMARY KEY (id)"]
    insert = "INSERT INTO public.records (name, value, metadata) VALUES ('next', 1, '{}') RETURNING id"
    assert db.value(insert) == 50002


def test_the_rows_are_varied_and_hold_what_exporters_stumble_over(decant, db):
    decant("seed", "--rows", 100000)
    for text in (",", '"', "\n", "\t", "&", "<", "é", "李"):
        assert db.value("SELECT count(*) FROM public.records WHERE name LIKE '%%' || %s || '%%'", (text,)) > 0, text
    assert db.value("SELECT count(DISTINCT name) FROM public.records") > 90000
    smallest, largest, tiny = db.rows("""SELECT min(value), max(value), count(*) FILTER (WHERE abs(value) < 1)
                                         FROM public.records""")[0]
    assert smallest < -(10**12) and largest > 10**12 and tiny > 0
    assert db.value("SELECT max(created_at) - min(created_at) > interval '4 years' FROM public.records")
    kinds = {
        "an object in an object in an object": "jsonb_typeof(metadata #> '{address,geo,lat}') = 'number'",
        "an object that is null": "jsonb_typeof(metadata -> 'address') = 'null'",
        "a null inside": "jsonb_typeof(metadata -> 'note') = 'null'",
        "an empty array": "metadata -> 'tags' = '[]'",
        "a null in an array": "metadata -> 'tags' @> '[null]'",
        "a line break": "metadata ->> 'note' LIKE E'%%\\n%%'",
        "a key that most rows lack": "metadata ? 'promo'",
    }
    for kind, condition in kinds.items():
        count = db.value(f"SELECT count(*) FROM public.records WHERE {condition}")
        assert 0 < count < 100000, kind


def test_seeding_twice_says_so_and_changes_nothing(decant, db):
    decant("seed", "--rows", 30000)
    before = db.rows(CHECKSUM)
    assert decant("seed", "--rows", 30000).out == b"Database already seeded\n"
    assert db.rows(CHECKSUM) == before


def test_a_row_depends_on_its_id_alone(decant, db):
    decant("seed", "--rows", 30000)
    few = db.value("SELECT sum(hashtextextended(r::text, 0)) FROM public.records r WHERE id <= 25000")
    db.execute("DROP TABLE public.records")
    decant("seed", "--rows", 70000)
    assert db.value("SELECT sum(hashtextextended(r::text, 0)) FROM public.records r WHERE id <= 25000") == few


def test_an_empty_table_of_the_right_shape_is_filled(decant, db):
    db.execute(
        """CREATE TABLE records (id BIGSERIAL PRIMARY KEY, created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
                    name VARCHAR(255) NOT NULL, value DECIMAL(18,4) NOT NULL, metadata JSONB NOT NULL)"""
    )
    decant("seed", "--rows", 1000)
    assert db.value("SELECT count(*) FROM public.records") == 1000


@pytest.mark.parametrize(
    "definition, why",
    [
        ("CREATE TABLE public.records (id bigint); INSERT INTO public.records VALUES (1)", "other columns"),
        ("CREATE TABLE public.records (id bigint)", "other columns"),
        ("CREATE VIEW public.records AS SELECT 1::bigint AS id", "not an ordinary table"),
        (
            """CREATE TABLE public.records (id bigint, created_at timestamptz, name varchar(255), value numeric(18,4),
                    metadata jsonb);
               INSERT INTO public.records VALUES (1, now(), 'mine', 1, '{}')""",
            "decant did not write",
        ),
    ],
)
def test_a_table_that_is_not_its_own_is_refused_and_left_as_it_is(decant, db, definition, why):
    db.execute(definition)
    before = db.rows("SELECT r::text FROM public.records r")
    run = decant("seed", "--rows", 1000, code=1)
    assert "public.records" in run.err and why in run.err
    assert db.rows("SELECT r::text FROM public.records r") == before


def test_another_number_of_rows_than_the_table_has_is_refused(decant, db):
    decant("seed", "--rows", 1000)
    assert "--rows 1000" in decant("seed", "--rows", 2000, code=1).err
    assert db.value("SELECT count(*) FROM public.records") == 1000


def test_an_unfinished_table_that_somebody_else_wrote_into_is_refused(decant, db):
    decant("seed", "--rows", 50000)
    db.execute("COMMENT ON TABLE public.records IS 'decant demonstration data: unfinished, 50000 rows, writer x'")
    db.execute("DELETE FROM public.records WHERE id = 100")
    assert "decant did not write" in decant("seed", "--rows", 50000, code=1).err


def test_an_unfinished_table_gets_only_the_ranges_that_are_missing(decant, db, checksum):
    decant("seed", "--rows", 100000)
    db.execute("COMMENT ON TABLE public.records IS 'decant demonstration data: unfinished, 100000 rows, writer x'")
    db.execute("DELETE FROM public.records WHERE id BETWEEN %s AND %s", (RANGE + 1, 2 * RANGE))
    assert b" 20000 of them now" in decant("seed", "--rows", 100000).out
    assert db.rows(CHECKSUM) == checksum


def test_killed_at_any_moment_it_is_finished_without_duplicates_or_gaps(decant, db, checksum):
    moments = random.Random(1)
    killed = 0
    for _ in range(15):
        seeder = decant.start("seed", "--rows", 100000)
        time.sleep(moments.uniform(0.01, 0.4))
        killed += seeder.poll() is None
        seeder.kill()
        seeder.communicate()
    assert killed > 0
    decant("seed", "--rows", 100000)
    assert db.rows(CHECKSUM) == checksum
    assert "unfinished" not in comment(db)


def test_seeders_at_once_fill_it_once(decant, db, checksum):
    seeders = [decant.start("seed", "--rows", 100000) for _ in range(3)]
    outs = [seeder.communicate(timeout=120)[0] for seeder in seeders]
    assert [seeder.returncode for seeder in seeders] == [0, 0, 0]
    assert sum(out == b"Database already seeded\n" for out in outs) == 2
    assert db.rows(CHECKSUM) == checksum


def test_a_seeder_that_was_taken_for_dead_writes_no_more(decant, db):
    """Its backends may live on after its death: once another mark stands on the table they stop."""
    seeder = decant.start("seed", "--rows", 2000000)
    end = time.monotonic() + 20
    while not (
        db.value("SELECT to_regclass('public.records') IS NOT NULL")
        and db.value("SELECT EXISTS (SELECT FROM public.records)")
    ):
        assert time.monotonic() < end
        time.sleep(0.02)
    db.execute("COMMENT ON TABLE public.records IS 'decant demonstration data: unfinished, 2000000 rows, writer y'")
    _, err = seeder.communicate(timeout=20)
    assert seeder.returncode == 1 and b"another seeder" in err
    assert db.value("SELECT count(*) %% %s FROM public.records", (RANGE,)) == 0


def test_interrupted_it_stops_at_once_and_leaves_whole_ranges(decant, db):
    seeder = decant.start("seed", "--rows", 5000000)
    time.sleep(1)
    seeder.send_signal(signal.SIGINT)
    assert seeder.wait(timeout=10) == 130
    seeder.communicate()
    db.wait_for_backends(False)
    assert db.value("SELECT count(*) %% %s FROM public.records", (RANGE,)) == 0
    assert "unfinished" in comment(db)


@pytest.mark.parametrize("rows", ["0", "-1", "many", "10000000001"])
def test_a_number_of_rows_that_is_none_is_a_usage_error(decant, rows):
    assert "--rows" in decant("seed", "--rows", rows, code=2).err
