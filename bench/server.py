"""The PostgreSQL that is measured: how programs are told of it, and what it says of itself."""

import os
import re
import subprocess
import sys
import urllib.parse

FIELDS = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE", "password": "PGPASSWORD"}


def connection_parts(db):
    """The fields of a postgresql:// URL or of key=value pairs, as a dict."""
    if "://" in db:
        url = urllib.parse.urlsplit(db)
        parts = dict(urllib.parse.parse_qsl(url.query))
        named = {"host": url.hostname, "port": url.port and str(url.port), "dbname": url.path.lstrip("/"),
                 "user": url.username, "password": url.password}
        parts.update({k: urllib.parse.unquote(v) for k, v in named.items() if v})
        return parts
    pairs = re.findall(r"(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|\S+)", db)
    return {k: re.sub(r"\\(.)", r"\1", v[1:-1] if v.startswith("'") else v) for k, v in pairs}


class Server:
    """`environment` holds all that a libpq program, Node's pg or a peer needs: no password among arguments."""

    def __init__(self, db):
        parts = connection_parts(db)
        self.environment = dict(os.environ)
        for field, variable in FIELDS.items():
            if field in parts:
                self.environment[variable] = parts[field]
        if db:
            self.environment["DATABASE_URL"] = db
        self.environment["BENCH_URL"] = self.url()
        options = {k: v for k, v in parts.items() if k not in FIELDS}
        self.psql = ["psql", "-XAt", "-v", "ON_ERROR_STOP=1", "-d",
                     " ".join("{}='{}'".format(k, v.replace("\\", r"\\").replace("'", r"\'"))
                              for k, v in options.items())]
        if not options:
            self.psql = self.psql[:-2]

    def url(self):
        """For those that take nothing but a URL."""
        env = self.environment
        quote = lambda name, default: urllib.parse.quote(env.get(name, default), safe="")
        password = f":{quote('PGPASSWORD', '')}" if env.get("PGPASSWORD") else ""
        user = env.get("PGUSER", env.get("USER", "postgres"))
        return (f"postgresql://{urllib.parse.quote(user, safe='')}{password}@{quote('PGHOST', 'localhost')}"
                f":{env.get('PGPORT', '5432')}/{quote('PGDATABASE', user)}")

    def run(self, sql):
        """Runs statements (each its own transaction); gives what they print. Ends the program if they fail."""
        done = subprocess.run(self.psql + ["-q", "-f", "-"], input=sql, env=self.environment, text=True,
                              capture_output=True)
        if done.returncode != 0:
            sys.exit(f"the server refused: {done.stderr.strip()[-1000:]}")
        return done.stdout.strip()

    def key_of(self, table):
        """The primary key's columns, quoted, as ORDER BY takes them; '' where there is none."""
        return self.run(
            "SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place) FROM pg_index i, "
            "unnest(i.indkey::int[]) WITH ORDINALITY k(number, place), pg_attribute a "
            f"WHERE i.indisprimary AND i.indrelid = {literal(table)}::regclass "
            "AND a.attrelid = i.indrelid AND a.attnum = k.number")

    def number_key_of(self, table):
        """The primary key's first column, if it is a whole number: some programs cut a table by it. Else ''."""
        return self.run(
            "SELECT quote_ident(a.attname) FROM pg_index i, pg_attribute a WHERE i.indisprimary "
            f"AND i.indrelid = {literal(table)}::regclass AND a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
            "AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)")

    def can_write_files(self):
        """COPY … TO '/dev/null' asks for it."""
        return self.run("SELECT pg_has_role(current_user, 'pg_write_server_files', 'USAGE')") == "t"


def literal(text):
    return "'" + text.replace("'", "''") + "'"
