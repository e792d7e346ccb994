"""decant verify: whole files are whole, broken ones are not, and nothing that it is given makes it crash."""

import gzip
import json
import os

import pytest

FORMATS = ["csv", "json", "ndjson", "xml", "parquet"]
CODECS = {"": None, ".gz": "gzip", ".zst": "zstd"}


@pytest.fixture(scope="module", autouse=True)
def tables(db):
    db.execute("""CREATE TABLE few (id int8 PRIMARY KEY, label text, amount numeric(9,2) NOT NULL, big numeric(30,3),
                                    moment timestamptz, flag bool, measure float8)""")
    db.execute("""INSERT INTO few SELECT i, CASE WHEN i % 4 > 0 THEN 'label ' || i % 5 END, i * 1.5,
                    i * 100000000000000000::numeric, timestamptz '2020-01-01' + i * interval '1 hour', i % 3 = 0, i / 7.0
                  FROM generate_series(1, 60) i""")
    db.execute("CREATE TABLE none (LIKE few)")


@pytest.fixture
def write(decant, tmp_path):
    def export(name, *arguments, table="few"):
        path = tmp_path / name
        decant("export", "--quiet", "--table", table, "-o", path, *arguments)
        return path

    return export


def results(decant, *paths, code=(0, 1)):
    """What verify says of each file; many at once, since a process for each would take long."""
    said = []
    for start in range(0, len(paths), 500):
        run = decant("verify", "--json", *paths[start : start + 500], code=code)
        said += [json.loads(line) for line in run.out.splitlines()]
    assert [r["file"] for r in said] == [str(p) for p in paths]
    return said


def mutants(tmp_path, data, changes, suffix):
    paths = []
    for number, (at, byte) in enumerate(changes):
        path = tmp_path / f"mutant{number}{suffix}"
        path.write_bytes(data[:at] + bytes([byte]) + data[at + 1 :])
        paths.append(path)
    return paths


@pytest.mark.parametrize("ending", CODECS)
@pytest.mark.parametrize("format", ["csv", "json", "ndjson", "xml"])
@pytest.mark.parametrize("table", ["few", "none"])
def test_a_text_file_is_whole_where_it_can_prove_it(decant, write, format, ending, table):
    path = write(f"x.{format}{ending}", table=table)
    (said,) = results(decant, path)
    proves_itself = bool(ending) or format in ("json", "xml")
    assert said["whole"] is (True if proves_itself else None)
    assert (said["format"], said.get("compression")) == (format, CODECS[ending])
    if format in ("json", "xml"):
        assert said["rows"] == (60 if table == "few" else 0)
    if not proves_itself:
        assert "cannot be known" in said["error"]
        decant("verify", path, code=1)


@pytest.mark.parametrize("name", ["x.json", "x.xml", "x.json.gz", "x.csv.gz", "x.csv.zst", "x.ndjson.zst", "x.parquet"])
def test_a_cut_anywhere_leaves_no_file_whole(decant, write, tmp_path, name):
    data = write(name).read_bytes()
    step = max(1, len(data) // 400)
    paths = []
    for length in [*range(0, len(data) - 8, step), *range(max(len(data) - 8, 0), len(data))]:
        if data[length:].strip() == b"":
            continue  # white space behind the end proves nothing
        path = tmp_path / f"cut{length}.{name.partition('.')[2]}"
        path.write_bytes(data[:length])
        paths.append(path)
    assert [r["file"] for r in results(decant, *paths) if r["whole"] is not False] == []


@pytest.mark.parametrize("name", ["x.json", "x.xml", "x.csv.gz", "x.csv.zst", "x.parquet"])
def test_bytes_behind_the_end_are_found(decant, write, name):
    path = write(name)
    with path.open("ab") as file:
        file.write(b"x")
    assert results(decant, path)[0]["whole"] is False


def test_two_members_are_not_one_whole_file(decant, write, tmp_path):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"a\n1\n") + gzip.compress(b"2\n"))
    assert "behind its end" in results(decant, path)[0]["error"]


def test_json_and_xml_of_any_shape_are_whole(decant, tmp_path):
    shapes = {"a.json": '{"records": [1, {"a": "]\\""}]}', "b.json": '[1, "x", null]', "c.xml": "<a><b x='>'/><c>t</c></a>"}
    for name, text in shapes.items():
        (tmp_path / name).write_text(text)
    said = results(decant, *(tmp_path / name for name in shapes))
    assert [(r["whole"], r["rows"]) for r in said] == [(True, 1), (True, 3), (True, 2)]


@pytest.mark.parametrize("text", ['[{"a":1}{"b":2}]', "[1 2]", '{"a"}', '["a\x01"]', "[tru]", "[01]", '{"a": [1, 2}', "[1, 2", "[1] [2]", '["a]', "[1]]", ""])
def test_json_that_breaks_its_grammar_is_not_whole(decant, tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    assert results(decant, path)[0]["whole"] is False


def test_ndjson_is_looked_at_line_by_line(decant, tmp_path):
    for name, text, whole in (
        ("a.ndjson", '{"a": 1}\n{"a" 2}\n', False),
        ("b.ndjson", '{"a": 1}\n{"a": ', False),
        ("c.ndjson", '{"a": 1}\n[2]\n', None),
    ):
        (tmp_path / name).write_text(text)
        assert results(decant, tmp_path / name)[0]["whole"] is whole
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
        (said,) = results(decant, tmp_path / f"{name}.gz")
        assert (said["whole"], said.get("rows")) == ((False, None) if whole is False else (True, 2))


@pytest.mark.parametrize(
    "text, whole",
    [
        ("<a>only text</a>", True),
        ("<!-- x > y --><a><![CDATA[</a>]]></a><!-- end --><?pi?>", True),
        ("<a><b></c></a>", False),
        ("<a><b x=1/></a>", False),
    ],
)
def test_xml_of_any_writer_must_be_well_formed(decant, tmp_path, text, whole):
    path = tmp_path / "x.xml"
    path.write_text(text)
    assert results(decant, path)[0]["whole"] is whole


XML, JSON = ("x.xml", "<?xml version='1.0'?><a><b/></a>"), ("x.json", "[1, 2]")
UNREAD = [(*file, encoding) for file in (XML, JSON) for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be")]


@pytest.mark.parametrize("name, text, encoding", [*UNREAD, (*XML, "cp500")])
def test_an_encoding_that_is_not_read_says_nothing_against_a_file(decant, tmp_path, name, text, encoding):
    path, packed = tmp_path / name, tmp_path / f"{name}.gz"
    path.write_bytes(text.encode(encoding))
    packed.write_bytes(gzip.compress(path.read_bytes()))
    said, by_gzip = results(decant, path, packed)
    assert said["whole"] is None and "convert it to UTF-8" in said["error"]
    assert by_gzip["whole"] is True and "rows" not in by_gzip


@pytest.mark.parametrize("name", ["x.xml", "x.json", "x.ndjson"])
def test_zeros_are_no_encoding(decant, tmp_path, name):
    """What a file system may leave of a file that was being written when the power failed."""
    (tmp_path / name).write_bytes(bytes(4096))
    assert results(decant, tmp_path / name)[0]["whole"] is False


def test_json_deeper_than_is_looked_is_neither_whole_nor_broken(decant, tmp_path):
    for name, depth in (("looked.json", 65538), ("deeper.json", 65539), ("deeper.ndjson", 65539)):
        (tmp_path / name).write_text("[" * depth + "]" * depth + "\n")
    looked, *deeper = results(decant, *(tmp_path / n for n in ("looked.json", "deeper.json", "deeper.ndjson")))
    assert looked["whole"] is True
    assert [r["whole"] for r in deeper] == [None, None]
    assert all("cannot be known" in r["error"] and "byte 65538" in r["error"] for r in deeper)


def test_a_byte_order_mark_may_begin_json_as_readers_allow(decant, tmp_path):
    (tmp_path / "x.json").write_text("[1, 2]", encoding="utf-8-sig")
    (tmp_path / "x.ndjson").write_text('{"a": 1}\n', encoding="utf-8-sig")
    said = results(decant, tmp_path / "x.json", tmp_path / "x.ndjson")
    assert said[0]["whole"] is True and "no end that would be missing" in said[1]["error"]


def test_a_window_that_is_too_large_to_read_says_nothing_against_a_file(decant, tmp_path):
    """Magic, no checksum and no size, a window of 2 GiB, one last empty raw block."""
    path = tmp_path / "x.csv.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([21 << 3]) + b"\x01\x00\x00")
    (said,) = results(decant, path)
    assert said["whole"] is None and "--long" in said["error"]


def test_bytes_that_belong_to_no_part_of_a_parquet_file_are_counted(decant, write, tmp_path):
    data = write("x.parquet").read_bytes()
    footer = int.from_bytes(data[-8:-4], "little") + 8
    padded = tmp_path / "padded.parquet"
    padded.write_bytes(data[:-footer] + bytes(12) + data[-footer:])
    own, other = results(decant, tmp_path / "x.parquet", padded)
    assert (own["whole"], own["strayBytes"], other["whole"], other["strayBytes"]) == (True, 0, True, 12)
    assert b"12 bytes belong to no part" in decant("verify", padded).out


def test_a_file_is_what_its_bytes_say_where_its_name_says_nothing(decant, write, tmp_path):
    for name in ("x.parquet", "x.json", "x.xml", "x.csv.gz"):
        os.rename(write(name), tmp_path / "data")
        assert results(decant, tmp_path / "data")[0]["whole"] is True
    os.rename(write("x.csv"), tmp_path / "x.csv.gz")
    assert "is no gzip file" in results(decant, tmp_path / "x.csv.gz")[0]["error"]
    os.rename(write("x.json"), tmp_path / "data")
    assert b"json" in decant("verify", "--format", "json", tmp_path / "data").out


def test_standard_input_must_be_a_file(decant, write):
    with write("x.parquet").open("rb") as file:
        assert b"whole: parquet" in decant("verify", "-", stdin=file).out
    read_end, write_end = os.pipe()
    os.close(write_end)
    assert b"only a file" in decant("verify", "-", stdin=read_end, code=1).out
    os.close(read_end)


def test_what_cannot_be_opened_and_no_file_at_all_are_errors(decant, tmp_path):
    assert b"No such file" in decant("verify", tmp_path / "none.parquet", code=1).out
    assert b"folder" in decant("verify", tmp_path, code=1).out
    decant("verify", code=2)
    decant("verify", "--format", "xlsx", "x", code=2)


@pytest.mark.parametrize("arguments", [["verify", "--json"], ["describe", "--json"], ["describe"], ["help", "export"]])
def test_an_answer_that_cannot_be_written_is_a_failure(decant, write, arguments):
    files = [] if arguments[0] == "help" else [write("x.parquet")]
    with open("/dev/full", "wb") as full:
        run = decant(*arguments, *files, code=4, stdout=full)
    assert "standard output" in run.err


PARQUET = ["compression=none", "compression=snappy", "compression=zstd,page-rows=16", "compression=gzip",
           "compression=lz4_raw,dictionary=false"]


def page_bytes(path):
    """Every byte that lies in a page: (offset, length) of each chunk, by another reader."""
    import pyarrow.parquet as pq

    metadata = pq.ParquetFile(path).metadata
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(number)
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            yield from range(start, start + chunk.total_compressed_size)


@pytest.mark.parametrize("options", PARQUET)
def test_a_flipped_bit_anywhere_in_a_page_is_found(decant, write, tmp_path, options):
    path = write("x.parquet", "--parquet", options)
    assert results(decant, path)[0]["whole"] is True
    data = path.read_bytes()
    changes = [(at, data[at] ^ 1 << at % 8) for at in page_bytes(path)]
    said = results(decant, *mutants(tmp_path, data, changes, ".parquet"))
    assert [changes[i] for i, r in enumerate(said) if r["whole"] is not False] == []


@pytest.mark.parametrize("name", ["x.parquet", "x.json", "x.xml", "x.csv.gz", "x.json.zst"])
def test_no_byte_makes_it_crash(decant, write, tmp_path, name):
    data = write(name, *(("--parquet", "page-rows=16") if name == "x.parquet" else ())).read_bytes()
    step = max(1, len(data) // 1500)
    changes = [(at, byte) for at in range(0, len(data), step) for byte in (data[at] ^ 0xFF, data[at] ^ 0x01)]
    suffix = "." + name.partition(".")[2]
    assert len(results(decant, *mutants(tmp_path, data, changes, suffix))) == len(changes)  # exit code 0 or 1 throughout


def test_it_says_where_a_file_is_broken(decant, write, tmp_path):
    path = write("x.parquet", "--parquet", "compression=none,page-rows=16,dictionary=false")
    data = bytearray(path.read_bytes())
    at = data.index(b"label 3")
    data[at] ^= 0xFF
    path.write_bytes(data)
    (said,) = results(decant, path)
    assert 'row group 0, column 2 "label": page 0 at byte ' in said["error"] and "checksum" in said["error"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"\x05label", b"\x05labeL", "not of the column at its place"),  # in the schema: a chunk's path differs
        (b"\x05label\x15\x0c", b"\x05label\x15\x1c", "codec is not known (14)"),
        (b"\x03big%\x0a\x15\x06\x15\x3c", b"\x03big%\x0a\x15\x06\x15\x02", "a decimal of 1 digits, 3 of them"),
        (b"\x03big%\x0a\x15\x06\x15\x3c", b"\x03big%\x0a\x15\x06\x15\x40", "a decimal of 32 digits, 3 of them"),
    ],
)
def test_a_footer_that_contradicts_itself_is_found(decant, write, old, new, said):
    """Pages have checksums, footers none: readers would refuse the column, or take it for another."""
    path = write("x.parquet", "--parquet", "compression=zstd,dictionary=false")
    data = path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    assert old in data[footer:]
    path.write_bytes(data[:footer] + data[footer:].replace(old, new, 1))
    (result,) = results(decant, path)
    assert result["whole"] is False and said in result["error"]
