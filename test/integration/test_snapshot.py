"""Every row is as of one instant, however many connections read it and whoever writes meanwhile."""

import csv
import io
import itertools
import random
import threading
from collections import defaultdict

import pytest
from support.parquet import parquet_file

PAIRS = 40000
EXPORTS = 6


new_pairs = itertools.count(10 * PAIRS)


class Writer(threading.Thread):
    """
    Keeps an invariant in each of its transactions: every pair has two rows, far apart, whose amounts add up
    to 0, and there are always PAIRS of them. Half a transaction is seen as a pair that does not add up.
    """

    def __init__(self, db, table, seed):
        super().__init__(daemon=True)
        self.connection = db.connect()
        self.table = table
        self.random = random.Random(seed)
        self.seed = seed
        self.committed = 0
        self.stopping = threading.Event()
        self.failure = None

    def run(self):
        try:
            while not self.stopping.is_set():
                self.random.choice((self.transfer, self.replace, self.transfer_many))()
                self.committed += 1
        except Exception as e:  # the test's own thread asserts on it
            self.failure = e

    def transfer(self):
        with self.connection.transaction():
            self.connection.execute(
                f"""UPDATE {self.table} SET amount = -amount - side * 7, filler = filler || 'x'
                                        WHERE pair = %s""",
                (self.random.randrange(PAIRS),),
            )

    def transfer_many(self):
        first = self.random.randrange(PAIRS)
        with self.connection.transaction():
            self.connection.execute(
                f"UPDATE {self.table} SET amount = -amount WHERE pair BETWEEN %s AND %s AND pair %% 3 = 0",
                (first, first + 60),
            )

    def replace(self):
        with self.connection.transaction():
            gone = self.connection.execute(
                f"DELETE FROM {self.table} WHERE pair = %s RETURNING pair", (self.random.randrange(PAIRS),)
            ).fetchall()
            if gone:
                pair = next(new_pairs)
                amount = self.random.randrange(10**6)
                self.connection.execute(
                    f"INSERT INTO {self.table} VALUES (%s, 1, %s, ''), (%s, -1, %s, '')",
                    (pair, amount, pair, -amount),
                )

    def stop(self):
        self.stopping.set()
        self.join(30)
        self.connection.close()
        if self.failure:
            raise self.failure


def fill(db, table):
    for side in (1, -1):  # the two halves of a pair lie half a table apart
        db.execute(
            f"INSERT INTO {table} SELECT i, {side}, {side} * (i % 1000), repeat('f', 40) FROM generate_series(0, {PAIRS - 1}) i"
        )
    db.execute(f"CREATE INDEX ON {table} (pair)")
    db.execute(f"VACUUM ANALYZE {table}")


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    columns = "(pair int NOT NULL, side int NOT NULL, amount int8 NOT NULL, filler text NOT NULL)"
    db.execute(f"CREATE TABLE plain {columns}")
    db.execute(f"CREATE TABLE parted {columns} PARTITION BY LIST (side)")
    db.execute("CREATE TABLE parted_left PARTITION OF parted FOR VALUES IN (1)")
    db.execute("CREATE TABLE parted_right PARTITION OF parted FOR VALUES IN (-1)")
    for table in ("plain", "parted"):
        fill(db, table)


@pytest.fixture
def writers(db, request):
    def start(table):
        started = [Writer(db, table, seed) for seed in range(3)]
        for writer in started:
            writer.start()
        request.addfinalizer(lambda: [writer.stop() for writer in started])
        return started

    return start


def rows_of(data, output_format):
    if output_format == "csv":
        return [
            (int(row[0]), int(row[2])) for row in list(csv.reader(io.StringIO(data.decode(), newline="")))[1:]
        ]
    table = parquet_file(data).read(["pair", "amount"])
    return list(zip(table.column("pair").to_pylist(), table.column("amount").to_pylist()))


def assert_one_instant(rows):
    amounts = defaultdict(list)
    for pair, amount in rows:
        amounts[pair].append(amount)
    torn = {pair: found for pair, found in amounts.items() if len(found) != 2 or sum(found) != 0}
    assert not torn, f"{len(torn)} pairs are of two instants, such as {list(torn.items())[:3]}"
    assert len(rows) == 2 * PAIRS
    assert sum(amount for _, amount in rows) == 0


@pytest.mark.parametrize("table", ["plain", "parted"])
@pytest.mark.parametrize("lanes", [2, 4])
@pytest.mark.parametrize("output_format", ["csv", "parquet"])
def test_an_export_is_of_one_instant_while_writers_update_insert_and_delete(
    decant, writers, table, lanes, output_format
):
    running = writers(table)
    for _ in range(EXPORTS):
        before = sum(writer.committed for writer in running)
        written = decant.export("--table", table, "--format", output_format, "--lanes", lanes)
        assert sum(writer.committed for writer in running) > before, "nothing was written meanwhile"
        assert_one_instant(rows_of(written, output_format))


def test_an_export_of_a_filter_is_of_one_instant(decant, writers):
    writers("plain")
    for _ in range(EXPORTS):
        written = decant.export("--table", "plain", "--format", "csv", "--lanes", 3, "--where", "pair >= 0")
        assert_one_instant(rows_of(written, "csv"))


def test_the_summary_names_the_instant(db, decant):
    before = db.value("SELECT clock_timestamp()")
    run = decant("export", "--table", "plain", "--format", "csv", "--json", "-o", "/dev/null")
    after = db.value("SELECT clock_timestamp()")
    moment = db.value("SELECT %s::timestamptz", (run.summary["snapshotAt"],))
    assert before.replace(microsecond=0) <= moment <= after


def test_the_paths_of_flattened_json_are_of_the_same_instant_as_the_rows(db, decant):
    """A document that appears after discovery and before reading would have a path without a column."""
    db.execute("CREATE TABLE growing (id int8, doc jsonb)")
    db.execute("INSERT INTO growing SELECT i, jsonb_build_object('k', i) FROM generate_series(1, 30000) i")
    stop = threading.Event()

    def grow():
        with db.connect() as connection:
            n = 0
            while not stop.is_set():
                n += 1
                connection.execute(
                    "INSERT INTO growing SELECT -%s, jsonb_build_object('k', 1, 'new' || %s::text, 2)",
                    (n, n % 2000),
                )

    thread = threading.Thread(target=grow, daemon=True)
    thread.start()
    try:
        for _ in range(4):
            data = decant.export(
                "--table", "growing", "--format", "csv", "--discover", "full", "--lanes", 2
            ).decode()
            header, *rows = csv.reader(io.StringIO(data, newline=""))
            news = {row[0]: row for row in rows if row[0].startswith("-")}
            for number, row in news.items():
                column = header.index(f"doc.new{-int(number) % 2000}")
                assert row[column] == "2"
            assert len(header) == 3 - 1 + len({-int(number) % 2000 for number in news})
    finally:
        stop.set()
        thread.join(30)
