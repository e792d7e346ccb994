"""What the file says about itself by key and value."""

import json

import pyarrow.parquet as pq
from psycopg import sql


def key_values(path):
    return {key.decode(): value.decode() for key, value in pq.ParquetFile(path).metadata.metadata.items()}


def test_the_types_make_the_same_table_again(db, decant, tmp_path):
    db.execute("CREATE TYPE mood AS ENUM ('low', 'high')")
    db.execute("CREATE DOMAIN positive AS int CHECK (VALUE > 0)")
    db.execute("""CREATE TABLE typed (id bigint, code varchar(20), fixed char(3), amount numeric(12,2), plain numeric,
                    m mood, p positive, i interval, a inet, moment timestamptz(3), list int[][], names text[], doc jsonb,
                    "odd ""name\\" text)""")
    path = tmp_path / "x.parquet"
    decant("export", "--quiet", "--table", "typed", "-o", path)
    types = json.loads(key_values(path)["decant.types"])
    columns = sql.SQL(", ").join(sql.SQL("{} " + kind).format(sql.Identifier(name)) for name, kind in types.items())
    db.execute(sql.SQL("CREATE TABLE again ({})").format(columns))
    shown = """SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
               WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum"""
    assert db.rows(shown, ["again"]) == db.rows(shown, ["typed"])


def test_the_types_are_by_the_names_in_the_file_and_paths_have_none(db, decant, tmp_path):
    db.execute("CREATE TABLE documents AS SELECT 1 AS id, '{\"a\": 1}'::jsonb AS doc")
    path = tmp_path / "x.parquet"
    decant("export", "--quiet", "--table", "documents", "--columns", "doc.a=first,id=number", "-o", path)
    said = key_values(path)
    assert json.loads(said["decant.types"]) == {"number": "integer"}
    assert said["decant.rows"] == "1" and said["decant.source"] == "public.documents"
    decant("export", "--quiet", "--table", "documents", "--columns", "doc.a", "-o", path)
    assert "decant.types" not in key_values(path)
    assert decant("verify", path).code == 0
