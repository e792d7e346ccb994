"""The tables that are measured. Made on the server from row numbers alone, so they are the same everywhere."""

import sys
import time
from dataclasses import dataclass

SCHEMA = "bench_data"
PAGES = 1200    # that texts are cut from in turn: a page comes again after some 4 MB, further than zstd looks back


@dataclass
class Dataset:
    name: str
    table: str
    rows: int
    sql: str = None  # creates and fills the table; None: `decant seed` does


# A number in [0, below) that looks random and depends on i alone.
def mixed(below, salt):
    return f"((hashint8extended(i, {salt}) & 9007199254740991) % {below})"


def pick(words, salt):
    return f"({words}::text[])[1 + {mixed(f'cardinality({words}::text[])', salt)}]"


def lineitem(rows, table):
    """As TPC-H's: 16 columns of numbers, dates and short texts, no JSON."""
    modes = "'{AIR,FOB,MAIL,RAIL,REG AIR,SHIP,TRUCK}'"
    orders = "'{COLLECT COD,DELIVER IN PERSON,NONE,TAKE BACK RETURN}'"
    words = "'{carefully,final,deposits,sleep,furiously,regular,accounts,the,quick,pending,requests,haggle}'"
    comment = " || ' ' || ".join(pick(words, salt) for salt in (21, 22, 23, 24))
    return f"""
CREATE TABLE {table} (
  l_orderkey bigint NOT NULL, l_partkey bigint NOT NULL, l_suppkey bigint NOT NULL, l_linenumber integer NOT NULL,
  l_quantity numeric(15,2) NOT NULL, l_extendedprice numeric(15,2) NOT NULL, l_discount numeric(15,2) NOT NULL,
  l_tax numeric(15,2) NOT NULL, l_returnflag char(1) NOT NULL, l_linestatus char(1) NOT NULL,
  l_shipdate date NOT NULL, l_commitdate date NOT NULL, l_receiptdate date NOT NULL,
  l_shipinstruct char(25) NOT NULL, l_shipmode char(10) NOT NULL, l_comment varchar(44) NOT NULL);
INSERT INTO {table}
  SELECT i / 4, 1 + {mixed(200000, 1)}, 1 + {mixed(10000, 2)}, 1 + i % 4,
    1 + {mixed(50, 3)}, {mixed(10494950, 4)} / 100.0 + 900, {mixed(11, 5)} / 100.0, {mixed(9, 6)} / 100.0,
    {pick("'{A,N,R}'", 7)}, {pick("'{F,O}'", 8)},
    date '1992-01-02' + {mixed(2526, 9)}::int, date '1992-01-31' + {mixed(2466, 10)}::int,
    date '1992-01-03' + {mixed(2554, 11)}::int, {pick(orders, 12)}, {pick(modes, 13)}, left({comment}, 44)
  FROM generate_series(4, {rows} + 3) i;
ALTER TABLE {table} ADD PRIMARY KEY (l_orderkey, l_linenumber);"""


def texts(rows, table):
    """Long texts: the body is mostly some 2 kB, compressed by the server where longer; a twentieth are 6 to 30 kB
    and moved out of line; the source is never compressed. Quotes, commas and line breaks are among the words."""
    words = ("$${the,of,and,Zürich,table,which,rows,query,naïve,for,that,export,東京,with,not,this,page,long,value,"
             "written,between,Łódź,as,they,were,a,line,\"said, and\",\"\\\"quoted\\\"\",\"end.\n\"}$$")
    return f"""
CREATE TABLE {table} (
  id bigint NOT NULL, created_at timestamptz NOT NULL, author text NOT NULL, title text NOT NULL, language char(2) NOT NULL,
  body text NOT NULL, source text);
ALTER TABLE {table} ALTER COLUMN source SET STORAGE EXTERNAL;
CREATE TEMP TABLE page AS
  SELECT i / 8000 AS number, string_agg({pick(words, 1)}, ' ' ORDER BY i) AS text
  FROM generate_series(0, {PAGES} * 8000 - 1) i GROUP BY 1;
CREATE INDEX ON page (number);
ANALYZE page;
INSERT INTO {table}
  SELECT i, timestamptz '2020-01-01 00:00:00Z' + i * interval '97.000013 seconds',
    'Author ' || {mixed(5000, 2)}, left(replace(substr(p.text, 1 + {mixed(5000, 3)}::int, 60), E'\\n', ' '), 60),
    {pick("'{de,en,fr,ja,pl}'", 4)},
    substr(p.text, 1 + {mixed(8000, 5)}::int,
      CASE WHEN {mixed(20, 6)} = 0 THEN 6000 + {mixed(24000, 7)} ELSE 200 + {mixed(2600, 7)} END::int),
    CASE WHEN {mixed(20, 8)} = 0 THEN substr(p.text, 1 + {mixed(9000, 9)}::int, 4000 + {mixed(20000, 10)}::int) END
  FROM generate_series(1, {rows}) i, LATERAL (SELECT text FROM page WHERE number = i % {PAGES} OFFSET 0) p;
DROP TABLE page;
ALTER TABLE {table} ADD PRIMARY KEY (id);"""


def wide(rows, table):
    """200 columns, of which nine in ten are NULL in any row."""
    types = ("integer", "text", "numeric(12,3)", "timestamptz", "boolean")
    values = ("({n})::integer", "'value ' || {n}", "({n}) / 1000.0", "timestamptz '2024-01-01Z' + ({n}) * interval '1 s'",
              "({n}) % 2 = 0")
    columns = ["id bigint NOT NULL"] + [f"c{c} {types[c % 5]}" for c in range(1, 200)]
    cells = ["i"] + [f"CASE WHEN {mixed(10, c)} = 0 THEN {values[c % 5].format(n=mixed(1000000, 1000 + c))} END"
                     for c in range(1, 200)]
    return f"""
CREATE TABLE {table} ({', '.join(columns)});
INSERT INTO {table} SELECT {', '.join(cells)} FROM generate_series(1, {rows}) i;
ALTER TABLE {table} ADD PRIMARY KEY (id);"""


def columns(count, rows, table):
    """`count` columns of four kinds, each of at most four bytes, so that 1,600 of them fit a page."""
    types = ("integer", "real", "date", "smallint")
    values = (mixed(100000000, "{c}"), mixed(1000000, "{c}") + "::real / 100",
              "date '2000-01-01' + " + mixed(9000, "{c}") + "::int", mixed(30000, "{c}"))
    names = ", ".join(f"c{c} {types[c % 4]} NOT NULL" for c in range(count))
    cells = ", ".join(values[c % 4].format(c=c) for c in range(count))
    return f"""
CREATE TABLE {table} ({names});
INSERT INTO {table} SELECT {cells} FROM generate_series(1, {rows}) i;"""


def first_rows(rows, table, source):
    """The first rows of `source`, all of it again and again where it has fewer."""
    return f"""
SET LOCAL synchronize_seqscans = off;
CREATE TABLE {table} AS SELECT * FROM {source} LIMIT 0;
DO $$
DECLARE
  missing bigint := {rows};
  found bigint;
BEGIN
  WHILE missing > 0 LOOP
    INSERT INTO {table} SELECT * FROM {source} LIMIT missing;
    GET DIAGNOSTICS found = ROW_COUNT;
    EXIT WHEN found = 0;
    missing := missing - found;
  END LOOP;
END $$;"""


def datasets(rows_factor=1.0):
    made = {"records": Dataset("records", "public.records", 10000000)}
    for name, rows, make in (("lineitem", 5000000, lineitem), ("texts", 500000, texts), ("wide", 1000000, wide)):
        table, rows = f"{SCHEMA}.{name}", max(1, int(rows * rows_factor))
        made[name] = Dataset(name, table, rows, make(rows, table))
    return made


def exists(server, table):
    return server.run(f"SELECT to_regclass('{table}') IS NOT NULL") == "t"


def make(server, dataset):
    """In one transaction, so that a table that is there is whole; does nothing where it is."""
    if dataset.sql is None or exists(server, dataset.table):
        return
    started = time.monotonic()
    server.run(f"SET client_min_messages = warning;\nCREATE SCHEMA IF NOT EXISTS {SCHEMA};\nBEGIN;\n{dataset.sql}\nCOMMIT;\n"
               f"VACUUM (FREEZE, ANALYZE) {dataset.table};")
    print(f"{dataset.table}: {dataset.rows:,} rows, made in {time.monotonic() - started:.0f} s", file=sys.stderr)


def make_datasets(server, names, rows_factor):
    known = datasets(rows_factor)
    for name in names:
        make(server, known[name])
