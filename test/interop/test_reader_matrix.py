"""
Every kind of column × where its nulls are × codec × profile, in several row groups of many pages, read by
everybody: each reader gives the values of the server, or its gap has a name in support/gaps.py.
"""

import functools

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import matrix
from support.gaps import GAPS, can_open, differences, reads_codec
from support.readers import FOLDER, READERS, parameters
from support.values import TYPES_SQL


@pytest.fixture(scope="module")
def tables(db):
    db.execute(TYPES_SQL)
    db.execute(matrix.NESTED_TYPES)
    for nulls, is_null in matrix.NULLS.items():
        matrix.create_table(db, nulls, matrix.FLAT, is_null)
        matrix.create_table(db, f"nested, {nulls}", matrix.NESTED, is_null)


@pytest.fixture(scope="module")
def file(tables, decant, tmp_path_factory):
    """file(nulls, codec, profile, columns) gives the path of such an export."""
    folder = tmp_path_factory.mktemp("matrix")
    made = {}

    def export(nulls, codec, profile, columns):
        key = (nulls, codec, profile, len(columns))
        if key not in made:
            made[key] = folder / f"{len(made)}-{nulls.replace(' ', '-')}-{codec}-{profile}.parquet"
            options = f"{matrix.SMALL_PARTS},compression={codec}"
            if profile != "portable":
                options += f",profile={profile}"
            names = ",".join(["row", *(c.name for c in columns)])
            decant(
                "export",
                "--quiet",
                "--table",
                nulls,
                "--columns",
                names,
                "-o",
                made[key],
                "--parquet",
                options,
            )
        return made[key]

    return export


@pytest.fixture(scope="module")
def expected(tables, db, file):
    """(nulls, profile) -> per column, the server's text of every value; the row's number first."""

    @functools.cache
    def texts(nulls, is_typed):
        flat = matrix.expected_texts(db, nulls, matrix.FLAT, is_typed)
        return flat, matrix.expected_texts(db, f"nested, {nulls}", matrix.NESTED, is_typed)

    def of(nulls, profile):
        # TIME holds microseconds, a group an interval's parts; a profile may say STRING.
        schema = pq.read_schema(file(nulls, "zstd", profile, matrix.FLAT))
        return texts(nulls, pa.types.is_time64(schema.field("time").type))

    every = {(nulls, profile): of(nulls, profile) for nulls in matrix.NULLS for profile in matrix.PROFILES}
    return {
        (prefix + nulls, profile): values
        for (nulls, profile), pair in every.items()
        for prefix, values in zip(("", "nested, "), pair)
    }


def encodings(path):
    metadata = pq.ParquetFile(path).metadata
    groups = [metadata.row_group(g) for g in range(metadata.num_row_groups)]
    return {e for group in groups for c in range(metadata.num_columns) for e in group.column(c).encodings}


def test_the_matrix_has_every_encoding_that_a_profile_uses(file):
    found = {
        profile: set().union(
            *(
                encodings(file(nulls, codec, profile, matrix.FLAT))
                for nulls in matrix.NULLS
                for codec in matrix.CODECS
            )
        )
        for profile in matrix.PROFILES
    }
    assert found["portable"] == {"PLAIN", "RLE", "RLE_DICTIONARY"}
    modern = {"DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT"}
    assert found["modern"] == found["portable"] | modern


def assert_equal(reader, profile, every_column, prefix, file, expected, codecs=matrix.CODECS):
    reader.require()
    columns = [c for c in every_column if can_open(reader.name, c, profile)]
    if not columns:
        pytest.skip("a named gap: support/gaps.py")
    codecs = [codec for codec in codecs if reads_codec(reader.name, codec, profile)]
    cases = [(prefix + nulls, codec) for nulls in matrix.NULLS for codec in codecs]
    results = reader.read([file(table, codec, profile, columns) for table, codec in cases])
    wrong = []
    for (table, codec), rows in zip(cases, results, strict=True):
        found = differences(reader, columns, expected[table, profile], rows, profile)
        wrong += [f"{table}, {codec}: {difference}" for difference in found]
    assert not wrong, "\n".join(wrong[:60])


@pytest.mark.parametrize("profile", matrix.PROFILES)
@pytest.mark.parametrize("reader", parameters())
def test_every_reader_gives_the_values_of_the_server(file, expected, reader, profile):
    assert_equal(reader, profile, matrix.FLAT, "", file, expected)


@pytest.mark.parametrize("profile", matrix.PROFILES)
@pytest.mark.parametrize("reader", parameters())
def test_every_reader_gives_the_nested_values_of_the_server(file, expected, reader, profile, pytestconfig):
    codecs = matrix.CODECS if pytestconfig.getoption("--long") else ("snappy", "zstd")
    assert_equal(reader, profile, matrix.NESTED, "nested, ", file, expected, codecs)


@pytest.mark.parametrize("profile", matrix.PROFILES)
@pytest.mark.parametrize("reader", parameters())
def test_a_codec_or_encoding_that_a_reader_does_not_know_is_refused_and_not_misread(file, reader, profile):
    reader.require()
    columns = [c for c in matrix.FLAT if can_open(reader.name, c, profile)]
    codecs = [codec for codec in matrix.CODECS if not reads_codec(reader.name, codec, profile)]
    for codec, rows in zip(codecs, reader.read([file("some", codec, profile, columns) for codec in codecs])):
        assert rows.error, f"{reader.name} reads {codec}, {profile}: strike the gap"


def test_the_readers_and_their_gaps_are_those_of_the_documentation():
    text = (FOLDER.parent.parent.parent / "docs" / "parquet.md").read_text()
    missing = [
        r.name
        for r in READERS.values()
        if f"| {r.name} | {r.language} | `{r.package}` {r.version} |" not in text
    ]
    missing += [f"{gap.reader}: {gap.what}" for gap in GAPS if f"- {gap.reader}: {gap.what}" not in text]
    assert not missing, missing
