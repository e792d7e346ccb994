"""A wrong request is answered with what is wrong, by the right exit code, and leaves no file."""

import os
import pty
import select

import pytest
from support import values

USAGE, SOURCE = 2, 3


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute("CREATE TABLE things (id int PRIMARY KEY, name text, doc jsonb)")
    db.execute("""INSERT INTO things VALUES (1, 'one', '{"a": {"b": 1}}')""")
    db.execute("CREATE TABLE no_columns ()")


@pytest.fixture
def refused(decant, tmp_path):
    """Runs an export that must fail: gives its message, having checked that nothing was left behind."""

    def run(*arguments, code, output="out.csv", **options):
        target = ["-o", tmp_path / output] if output else []
        before = sorted(os.listdir(tmp_path))
        done = decant("export", *arguments, *target, code=code, **options)
        assert done.out == b""
        assert sorted(os.listdir(tmp_path)) == before, "a file was left behind"
        assert done.err.startswith("decant: "), done.err
        return done.err

    return run


# Arguments, exit code, and every word that the message must have.
CASES = {
    "an unknown table": (["--table", "nowhere"], SOURCE, ["nowhere"]),
    "an unknown schema": (["--table", "no.things"], SOURCE, ["no.things"]),
    "a table spelled in another case": (["--table", "Things"], SOURCE, ["Things"]),
    "an index": (["--table", "things_pkey"], SOURCE, ["things_pkey"]),
    "an unclosed quote in the table's name": (["--table", '"things'], (USAGE, SOURCE), ["things"]),
    "an empty table name": (["--table", ""], USAGE, ["table"]),
    "neither table nor query": ([], USAGE, ["table"]),
    "both table and query": (["--table", "things", "--query", "SELECT 1"], USAGE, ["query", "table"]),
    "an unknown column": (["--table", "things", "--columns", "id,nope"], USAGE, ["nope"]),
    "an unknown column with a target": (["--table", "things", "--columns", "nope=X"], USAGE, ["nope"]),
    "a path into a column that is no JSON": (
        ["--table", "things", "--columns", "name.first"],
        USAGE,
        ["name.first"],
    ),
    "a path into a column that is not there": (
        ["--table", "things", "--columns", "nope.a.b"],
        USAGE,
        ["nope.a.b"],
    ),
    "a column whose name is only blanks": (["--table", "things", "--columns", "id, "], USAGE, ["columns"]),
    "duplicate targets": (["--table", "things", "--columns", "id=A,name=A"], USAGE, ["A"]),
    "the same column twice": (["--table", "things", "--columns", "id,id"], USAGE, ["id"]),
    "a target that is another's name": (["--table", "things", "--columns", "id=name,name"], USAGE, ["name"]),
    "duplicate columns of a query": (["--query", "SELECT 1 AS a, 2 AS a"], USAGE, ["a"]),
    "an unknown format": (["--table", "things", "--format", "xlsx"], USAGE, ["format", "xlsx", "parquet"]),
    "an unknown codec": (["--table", "things", "--compress", "rar"], USAGE, ["compress", "rar", "gzip"]),
    "a gzip level that there is not": (
        ["--table", "things", "--compress", "gzip:99"],
        USAGE,
        ["compress", "99"],
    ),
    "a zstd level that is no number": (["--table", "things", "--compress", "zstd:x"], USAGE, ["compress"]),
    "compress with parquet": (
        ["--table", "things", "--format", "parquet", "--compress", "gzip"],
        USAGE,
        ["parquet", "compress"],
    ),
    "an unknown parquet codec": (
        ["--table", "things", "--format", "parquet", "--parquet", "compression=rar"],
        USAGE,
        ["compression", "rar"],
    ),
    "an unknown option of the format": (
        ["--table", "things", "--csv", "colour=red"],
        USAGE,
        ["csv", "colour"],
    ),
    "a value of an option that there is not": (
        ["--table", "things", "--csv", "newline=mac"],
        USAGE,
        ["newline"],
    ),
    "an option's boolean that is none": (["--table", "things", "--csv", "header=maybe"], USAGE, ["header"]),
    "an option out of range": (
        ["--table", "things", "--format", "parquet", "--parquet", "row-group-rows=-5"],
        USAGE,
        ["row-group-rows"],
    ),
    "options of another format": (
        ["--table", "things", "--format", "csv", "--parquet", "compression=zstd"],
        USAGE,
        ["parquet"],
    ),
    "an unknown flag": (["--table", "things", "--colour"], USAGE, ["--colour"]),
    "a flag without its value": (["--table"], USAGE, ["--table"]),
    "an argument too many": (["--table", "things", "surplus"], USAGE, ["surplus"]),
    "a special that there is not": (["--table", "things", "--special", "shrug"], USAGE, ["special", "shrug"]),
    "a special that cannot apply": (
        ["--table", "things", "--format", "json", "--special", "replaced"],
        USAGE,
        ["special"],
    ),
    "a discovery that there is not": (
        ["--table", "things", "--discover", "half"],
        USAGE,
        ["discover", "half"],
    ),
    "a full discovery where JSON stays whole": (
        ["--table", "things", "--no-flatten", "--discover", "full"],
        USAGE,
        ["--discover:", "flatten"],
    ),
    "a sample in a format that does not flatten": (
        ["--table", "things", "--format", "ndjson", "--sample-rows", "5"],
        USAGE,
        ["--sample-rows:", "flatten"],
    ),
    "a limit of paths that are named one by one": (
        ["--table", "things", "--columns", "id,doc.a=A", "--max-paths", "5"],
        USAGE,
        ["--max-paths:", "columns"],
    ),
    "a sample beside a full pass": (
        ["--table", "things", "--discover", "full", "--sample-rows", "5"],
        USAGE,
        ["--sample-rows:", "discover"],
    ),
    "too low a rate": (["--table", "things", "--max-rate", "1"], USAGE, ["--max-rate:", "32kB"]),
    "a delimiter that is a word": (["--table", "things", "--csv", "delimiter=tab"], USAGE, ["exactly 1 byte is"]),
    "an order by no name": (["--table", "things", "--order-by", ""], USAGE, ["--order-by:"]),
    "an option that names a column that is not there": (
        ["--table", "things", "--no-flatten", "--csv", "force-quote-columns=nope"],
        USAGE,
        ["csv.force-quote-columns", "nope"],
    ),
    "a negative limit": (["--table", "things", "--limit", "-1"], USAGE, ["limit"]),
    "a limit that is no number": (["--table", "things", "--limit", "ten"], USAGE, ["limit"]),
    "a limit beyond all numbers": (
        ["--table", "things", "--limit", "99999999999999999999"],
        USAGE,
        ["limit"],
    ),
    "no lanes": (["--table", "things", "--lanes", "0x"], USAGE, ["lanes"]),
    "too many lanes": (["--table", "things", "--lanes", "100000"], USAGE, ["lanes"]),
    "an order by an unknown column": (["--table", "things", "--order-by", "nope"], USAGE, ["nope"]),
    "a filter of an unknown column": (["--table", "things", "--where", "nope = 1"], USAGE, ["nope"]),
    "a filter with an unknown operator": (["--table", "things", "--where", "id ~~~ 1"], USAGE, ["where"]),
    "a filter that is only a column": (["--table", "things", "--where", "id"], USAGE, ["where"]),
    "an empty filter": (["--table", "things", "--where", ""], USAGE, ["where"]),
    "a filter's value that is not of the type": (
        ["--table", "things", "--where", "id = one"],
        (USAGE, SOURCE),
        ["integer", "one"],
    ),
    "a table without columns": (["--table", "no_columns"], USAGE, ["column"]),
    "a query that is none": (["--query", "this is no SQL"], (USAGE, SOURCE), ["syntax"]),
    "a query of two statements": (["--query", "SELECT 1; SELECT 2"], (USAGE, SOURCE), []),
    "a query that hides a second one": (
        ["--query", "SELECT 1) TO STDOUT; DROP TABLE things; --"],
        (USAGE, SOURCE),
        [],
    ),
    "a query that closes the parenthesis": (
        ["--query", "SELECT 1) q; DROP TABLE things; SELECT * FROM (SELECT 1"],
        (USAGE, SOURCE),
        [],
    ),
    "a query that writes": (["--query", "DELETE FROM things RETURNING *"], (USAGE, SOURCE), []),
    "a query that writes in a WITH": (
        ["--query", "WITH d AS (DELETE FROM things RETURNING *) SELECT * FROM d"],
        (USAGE, SOURCE),
        [],
    ),
    "a query that returns no rows": (["--query", "SET search_path = public"], (USAGE, SOURCE), []),
    "a query that is DDL": (["--query", "CREATE TABLE t (a int)"], (USAGE, SOURCE), []),
    "an empty query": (["--query", ""], USAGE, ["query"]),
    "a query with a parameter": (["--query", "SELECT $1::int AS a"], (USAGE, SOURCE), []),
    "a query that fails on a row": (
        ["--query", "SELECT 1 / (3 - i) AS a FROM generate_series(1, 5) i"],
        SOURCE,
        ["division by zero"],
    ),
    "a query without columns": (["--query", "SELECT FROM things"], USAGE, ["column"]),
    "a file of a query that is not there": (
        ["--query-file", "/nonexistent/query.sql"],
        (USAGE, 1),
        ["/nonexistent/query.sql"],
    ),
    "a size that is none": (["--table", "things", "--memory", "lots"], USAGE, ["memory"]),
    "less memory than anything needs": (["--table", "things", "--memory", "1"], USAGE, ["memory"]),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused(db, refused, case):
    arguments, code, words = CASES[case]
    message = refused(*arguments, code=code)
    for word in words:
        assert word in message, f"{word!r} is not in {message!r}"
    assert db.value("SELECT count(*) FROM things") == 1


@pytest.mark.parametrize("table", [n for n in values.NASTY_NAMES if n not in ("plain", "select")])
def test_a_hostile_name_that_is_no_table_is_not_found_and_named(refused, table):
    message = refused("--table", values.name(table), code=SOURCE)
    assert len(message) < 2000 and "\n" not in message.rstrip("\n")


@pytest.mark.parametrize(
    "name",
    [
        "things; DROP TABLE things",
        "things--",
        "things'",
        "a.b.c.d",
        "things.",
        ".things",
        "*",
        "%s%s%n",
        "pg_catalog.pg_shadow;",
        "x" * 5000,
        "\u202ethings",
        "things ",
    ],
)
def test_a_hostile_spelling_of_a_table_is_refused(db, refused, name):
    refused("--table", name, code=(USAGE, SOURCE))
    assert db.value("SELECT count(*) FROM things") == 1


def test_the_format_follows_from_the_name_of_the_file(decant, tmp_path):
    for name, start in (
        ("a.csv", b"id"),
        ("a.json", b"["),
        ("a.ndjson", b"{"),
        ("a.xml", b"<?xml"),
        ("a.parquet", b"PAR1"),
        ("a.csv.gz", b"\x1f\x8b"),
        ("a.json.zst", b"\x28\xb5\x2f\xfd"),
        ("a.xml.gz", b"\x1f\x8b"),
    ):
        decant("export", "--table", "things", "-o", tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start), name


@pytest.mark.parametrize("name", ["a.json.bz2", "a.csv.gzip", "a.parquet.zip"])
def test_a_name_that_ends_in_a_compression_there_is_not_is_refused(decant, tmp_path, name):
    run = decant("export", "--table", "things", "-o", tmp_path / name, code=USAGE)
    assert name.rpartition(".")[2] in run.err and "--format" in run.err
    decant("export", "--table", "things", "--format", "csv", "-o", tmp_path / name)
    decant("export", "--table", "things", "-o", tmp_path / "a.day.txt")


def test_binary_to_a_terminal_is_refused(decant):
    for arguments in (
        ["--format", "parquet"],
        ["--format", "csv", "--compress", "gzip"],
        ["--format", "json", "--compress", "zstd"],
    ):
        controller, terminal = pty.openpty()
        try:
            process = decant.start("export", "--table", "things", *arguments, stdout=terminal)
            os.close(terminal)
            _, err = process.communicate(timeout=30)
            ready, _, _ = select.select([controller], [], [], 0)
            shown = b""
            if ready:
                try:
                    shown = os.read(controller, 100)
                except OSError:  # the terminal's other side is closed, and nothing was written
                    pass
            assert process.returncode == USAGE and b"terminal" in err
            assert shown == b""
        finally:
            os.close(controller)


def test_text_to_a_terminal_is_shown(decant):
    controller, terminal = pty.openpty()
    try:
        process = decant.start(
            "export", "--table", "things", "--format", "csv", "--columns", "id,name", stdout=terminal
        )
        process.communicate(timeout=30)
        os.close(terminal)
        shown = b""
        try:
            while piece := os.read(controller, 1000):
                shown += piece
        except OSError:  # the end of a terminal
            pass
        assert process.returncode == 0
        assert shown == b"id,name\r\n1,one\r\n"
    finally:
        os.close(controller)


@pytest.mark.parametrize(
    "conninfo",
    [
        "host=127.0.0.1 port=1 user=postgres password=s3cr3t-word dbname=postgres",
        "postgresql://postgres:s3cr3t-word@127.0.0.1:1/postgres",
        "postgresql://postgres:s3cr3t-word@127.0.0.1:notaport/postgres",
        "host=127.0.0.1 password=s3cr3t-word nonsense=1",
        "password='s3cr3t-word",
        "postgresql://user:s3cr3t-word@/%zz",
    ],
)
def test_a_wrong_connection_string_is_a_source_error_that_keeps_the_password(refused, decant, conninfo):
    for options in ({"db": conninfo}, {"db": None}):
        arguments = [] if options["db"] else ["--db", conninfo]
        message = refused("--table", "things", *arguments, code=(USAGE, SOURCE), **options)
        assert "s3cr3t" not in message and message.strip() != "decant:"


def test_a_role_that_may_not_read_is_told_so(db, refused):
    db.execute("DROP ROLE IF EXISTS decant_stranger")
    db.execute("CREATE ROLE decant_stranger LOGIN")
    try:
        message = refused("--table", "things", code=SOURCE, db=db.conninfo + " user=decant_stranger")
        assert "permission denied" in message and "42501" in message
    finally:
        db.execute("DROP ROLE decant_stranger")


def test_an_unknown_subcommand_is_named_and_help_is_offered(decant):
    run = decant("exprot", code=USAGE)
    assert "exprot" in run.err and "help" in run.err


def test_help_goes_to_standard_output_and_names_every_subcommand(decant):
    run = decant("help")
    for command in ("export", "serve", "seed", "bench", "describe", "health", "help"):
        assert command in run.out.decode()
    assert run.err == ""


@pytest.mark.parametrize("command", ["export", "serve", "seed", "bench", "describe", "health"])
def test_help_of_a_subcommand_names_its_flags(decant, command):
    run = decant("help", command)
    assert "--db" in run.out.decode() or command == "health"


def test_messages_go_to_standard_error_and_data_to_standard_output(decant):
    run = decant("export", "--table", "things", "--format", "csv", "--no-flatten")
    assert run.out == b'id,name,doc\n1,one,"{""a"": {""b"": 1}}"\n'
    assert run.err.count("\n") == 1 and "1 row" in run.err
    assert decant("export", "--table", "things", "--format", "csv", "--quiet").err == ""


def test_the_environment_names_the_database_and_a_flag_wins(db, decant):
    run = decant(
        "export",
        "--table",
        "things",
        "--format",
        "ndjson",
        "--columns",
        "id",
        "--db",
        db.conninfo,
        environment={"DATABASE_URL": "host=127.0.0.1 port=1"},
    )
    assert run.out == b'{"id":1}\n'


def test_without_any_connection_string_the_variables_of_libpq_count(db, decant):
    info = db.connection.info
    process = decant(
        "export",
        "--table",
        "things",
        "--format",
        "ndjson",
        "--columns",
        "id",
        environment={
            "DATABASE_URL": None,
            "PGHOST": info.host,
            "PGPORT": str(info.port),
            "PGUSER": info.user,
            "PGDATABASE": info.dbname,
            "PGPASSWORD": info.password or None,
        },
    )
    assert process.out == b'{"id":1}\n'
