"""
Files of shapes that the matrix of types does not have: no row and one, a value of 50 MB, odd names, pages of
one row and of many, sorted rows, Bloom filters, JSON taken apart. Every reader gives the values of the server.
"""

import json
from dataclasses import dataclass

import pytest
from support import matrix, values
from support.canonical import server_sql
from support.gaps import can_open, differences, reads_codec
from support.matrix import Column
from support.readers import parameters

CODEC = {"portable": "snappy", "modern": "zstd"}  # a profile's readers all have it
ROWS = 25000  # more than a page has by default


@dataclass
class Shape:
    columns: list  # of matrix.Column
    table: str
    relation: str = None  # SQL of the rows that are expected, in the file's order; None: the table
    arguments: tuple = ()  # of the export
    options: str = ""  # of --parquet
    is_whole: bool = False  # the columns are not chosen: who cannot open one of them cannot open the file


LONG = [
    Column("id", "int8", "int", ["{i} * 7 - 100"]),
    Column("few", "text", "text", ["'label ' || {i} % 20"]),
    Column("different", "text", "text", ["md5({i}::text)"]),
    Column("amount", "numeric(18,4)", "decimal", ["{i} * 1.25 - 100", "NULL", "{i} % 10"]),
    Column("flag", "bool", "bool", ["{i} / 3000 % 2 = 0"]),
]
HUGE = [Column("huge", "text", "text", ["'short'", "repeat(md5('huge'), 1600000)", "NULL", "'é'"])]
NAMED = [Column(name, "int4", "int", [f"{{i}} * 100 + {i}"]) for i, name in enumerate(values.NASTY_NAMES)]
DOCUMENTS = """
CREATE TABLE documents AS SELECT i AS row, CASE WHEN i % 10 < 9 THEN jsonb_build_object(
    'whole', i * 3, 'price', (i * 1.25)::numeric(9,2), 'exact', 9007199254740993 + (i / 1000.0)::numeric(9,3),
    'yes', i % 2 = 0, 'label', 'l' || i % 5,
    'mixed', CASE i % 3 WHEN 0 THEN '1' WHEN 1 THEN '"a"' ELSE '[1, 2]' END::jsonb,
    'deep', jsonb_build_object('a.b', i, 'ü', CASE WHEN i % 4 > 0 THEN 'x' END)) END AS doc
  FROM generate_series(0, 2999) i"""


def flattened(price_type, price_kind, **options):
    """The columns that the documents fall into."""
    paths = {
        "doc.whole": ("doc->>'whole'", "int8", "int"),
        "doc.price": ("doc->>'price'", price_type, price_kind),
        "doc.exact": ("doc->>'exact'", "numeric", "decimal"),
        "doc.yes": ("doc->>'yes'", "bool", "bool"),
        "doc.label": ("doc->>'label'", "text", "text"),
        "doc.mixed": ("doc->'mixed'", "jsonb", "json"),
        "doc.deep.a.b": ("doc->'deep'->>'a.b'", "int8", "int"),
        "doc.deep.ü": ("doc->'deep'->>'ü'", "text", "text"),
    }
    columns = [Column(path, kind, family, []) for path, (_, kind, family) in paths.items()]
    cells = ", ".join(f'({sql})::{kind} AS "{path}"' for path, (sql, kind, _) in paths.items())
    arguments = ("--flatten", "--discover", "full")
    relation = f"(SELECT row, {cells} FROM documents) AS paths"
    columns.sort(key=lambda column: column.name)
    return Shape(columns, "documents", relation, arguments, is_whole=True, **options)


FIRST = "(SELECT * FROM long ORDER BY row LIMIT 3000) AS first"
DESCENDING = "(SELECT * FROM long WHERE row < 3000 ORDER BY id DESC) AS descending"
SORTED = ("--where", "row < 3000", "--order-by", "id desc")
LIMITED = ("--order-by", "row", "--limit", "3000")
SHAPES = {
    "no rows": Shape(matrix.FLAT, "no rows"),
    "no nested rows": Shape(matrix.NESTED, "no nested rows"),
    "one row": Shape(matrix.FLAT, "one row"),
    "one nested row": Shape(matrix.NESTED, "one nested row"),
    "one row of NULLs": Shape(matrix.FLAT, "one row of NULLs"),
    "one row of nested NULLs": Shape(matrix.NESTED, "one row of nested NULLs"),
    "a value of 50 MB": Shape(HUGE, "huge"),
    "odd names": Shape(NAMED, "named"),
    "pages as they are by default": Shape(LONG, "long"),
    "pages that end by their bytes": Shape(LONG, "long", options="page-size=4KiB"),
    "pages of one row": Shape(LONG, "long", FIRST, LIMITED, "page-rows=1"),
    "no dictionaries": Shape(LONG, "long", FIRST, LIMITED, "dictionary=false"),
    "neither statistics nor page index": Shape(LONG, "long", FIRST, LIMITED, "statistics=false,page-index=false"),
    "sorted": Shape(LONG, "long", DESCENDING, SORTED, "row-group-rows=1000"),
    "Bloom filters": Shape(LONG, "long", FIRST, LIMITED, "bloom=id+different+few,row-group-rows=1000"),
    "flattened": flattened("float8", "float8"),
    "flattened into decimals": flattened("numeric", "decimal", options="json-numbers=decimal,row-group-rows=1000"),
}  # fmt: skip


@pytest.fixture(scope="module")
def tables(db):
    db.execute(values.TYPES_SQL)
    db.execute(matrix.NESTED_TYPES)
    for kind, columns in (("", matrix.FLAT), ("nested ", matrix.NESTED)):
        matrix.create_table(db, f"no {kind}rows", columns, "false", rows=0)
        matrix.create_table(db, f"one {kind}row", columns, "false", rows=1)
        matrix.create_table(db, f"one row of {kind}NULLs", columns, "true", rows=1)
    matrix.create_table(db, "huge", HUGE, "i > 3", rows=5)
    matrix.create_table(db, "named", NAMED, "i = 1", rows=3)
    matrix.create_table(db, "long", LONG, "i % 11 = 5", rows=ROWS)
    db.execute(DOCUMENTS)


@pytest.fixture(scope="module")
def expected(tables, db):
    made = {}

    def of(name, profile):
        if (name, profile) not in made:
            shape = SHAPES[name]
            expressions = ", ".join(
                server_sql(c.kind, matrix.name(c.name), profile == "modern") for c in shape.columns
            )
            relation = shape.relation or matrix.name(shape.table)
            rows = db.rows(f"SELECT row::text, {expressions} FROM {relation}")
            names = ["row", *(c.name for c in shape.columns)]
            made[name, profile] = {column: [row[i] for row in rows] for i, column in enumerate(names)}
        return made[name, profile]

    return of


@pytest.fixture(scope="module")
def file(tables, decant, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shapes")
    made = {}

    def export(name, profile, columns):
        shape, key = SHAPES[name], (name, profile, *(c.name for c in columns))
        if key not in made:
            made[key] = folder / f"{len(made)}-{name.replace(' ', '-')}-{profile}.parquet"
            options = f"compression={CODEC[profile]},profile={profile}"
            arguments = [*shape.arguments, "--parquet", ",".join(filter(None, [options, shape.options]))]
            if len(columns) < len(shape.columns):
                names = (json.dumps(c.name, ensure_ascii=False) for c in columns)
                arguments += ["--columns", ",".join(["row", *names])]
            decant("export", "--quiet", "--table", shape.table, "-o", made[key], *arguments)
        return made[key]

    return export


def openable(reader, shape, profile):
    """The columns that the reader can be given (support/gaps.py); none where it cannot read such a file at all."""
    columns = [c for c in shape.columns if can_open(reader.name, c, profile)]
    return [] if shape.is_whole and len(columns) < len(shape.columns) else columns


@pytest.mark.parametrize("profile", ["portable", pytest.param("modern", marks=pytest.mark.long)])
@pytest.mark.parametrize("reader", parameters())
def test_every_reader_gives_the_values_of_files_of_every_shape(file, expected, reader, profile):
    reader.require()
    if not reads_codec(reader.name, CODEC[profile], profile):
        pytest.skip("a named gap: support/gaps.py")
    cases = [(name, openable(reader, shape, profile)) for name, shape in SHAPES.items()]
    cases = [(name, columns) for name, columns in cases if columns]
    results = reader.read([file(name, profile, columns) for name, columns in cases])
    wrong = []
    for (name, columns), rows in zip(cases, results, strict=True):
        found = differences(reader, columns, expected(name, profile), rows, profile)
        wrong += [f"{name}: {difference}" for difference in found]
    assert not wrong, "\n".join(wrong[:60])
