"""A database of one test module, and the server's own word on its rows: the oracle of most tests."""

import contextlib
import time

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

# What decant promises to set for an export (docs/types.md): the oracle must say the same. Its long expressions are run
# once on few rows: compiling them takes ten times as long as running them.
ORACLE_SETTINGS = """
SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1;
SET bytea_output = 'hex'; SET synchronize_seqscans = off; SET max_parallel_workers_per_gather = 0; SET jit = off;
"""


def set_zone(zone):
    """A name, or hours and minutes ahead of UTC, which SET TimeZone would read the other way round."""
    if zone[0] in "+-":
        return f"SET TIME ZONE INTERVAL '{zone if ':' in zone else zone + ':00'}'"
    return f"SET TimeZone = '{zone}'"


class Database:
    def __init__(self, server_conninfo, name, encoding="UTF8"):
        self.name = name
        self.server_conninfo = server_conninfo
        locale = "" if encoding == "UTF8" else " LC_COLLATE 'C' LC_CTYPE 'C'"
        with psycopg.connect(server_conninfo, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            server.execute(
                sql.SQL(f"CREATE DATABASE {{}} TEMPLATE template0 ENCODING '{encoding}'{locale}").format(
                    sql.Identifier(name)
                )
            )
        self.conninfo = make_conninfo(server_conninfo, dbname=name)
        self.connection = self.connect()
        self.version = self.connection.info.server_version

    def connect(self, **parameters):
        connection = psycopg.connect(make_conninfo(self.conninfo, **parameters), autocommit=True)
        connection.execute(ORACLE_SETTINGS)
        return connection

    def drop(self):
        self.connection.close()
        with psycopg.connect(self.server_conninfo, autocommit=True) as server:
            server.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.name))
            )

    def execute(self, statement, parameters=None):
        return self.connection.execute(statement, parameters)

    def rows(self, query, parameters=None):
        return self.connection.execute(query, parameters).fetchall()

    def column(self, query, parameters=None):
        return [row[0] for row in self.rows(query, parameters)]

    def value(self, query, parameters=None):
        (only,) = self.column(query, parameters)
        return only

    @contextlib.contextmanager
    def zone(self, zone):
        self.execute(set_zone(zone))
        try:
            yield
        finally:
            self.execute(set_zone("UTC"))

    def copied(self, statement):
        """The messages of a COPY … TO STDOUT: one for each line."""
        with self.connection.cursor().copy(statement) as copy:
            return [bytes(piece) for piece in copy]

    def copy(self, statement):
        return b"".join(self.copied(statement))

    def csv(self, query):
        return self.copy(f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)")

    def json_rows(self, query):
        """Each row as row_to_json says it, in the query's order."""
        return self.column(f"SELECT row_to_json(whole_row)::text FROM ({query}) whole_row")  # no column's name

    def ndjson(self, query):
        """row_to_json, one object a line: LF and CR stand only between the tokens of a json value."""
        lines = (text.replace("\n", "").replace("\r", "") for text in self.json_rows(query))
        return "".join(line + "\n" for line in lines).encode()

    def backends(self, like="decant/%"):
        """The server's processes that work for decant in this database."""
        return self.rows(
            """SELECT pid, state, query FROM pg_stat_activity
                            WHERE datname = current_database() AND application_name LIKE %s""",
            (like,),
        )

    def wait_for_backends(self, present, seconds=20, may_rest=False):
        """Waits until decant has backends that run a COPY (or, present=False, none at all). may_rest: or have run one."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.backends()
            if present and any(
                (may_rest or state == "active") and "copy" in query.lower() for _, state, query in found
            ):
                return found
            if not present and not found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"after {seconds} s decant's backends are {found}")
