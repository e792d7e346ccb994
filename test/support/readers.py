"""
Readers of Parquet that no one here wrote, in five languages, behind one interface. Each gives the columns'
names and, per column, the texts of the values (test/interop/readers/README.md).
"""

import contextlib
import fcntl
import filecmp
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from importlib.metadata import version

import datafusion
import fastparquet
import pyarrow as pa
import pytest
from support.canonical import table_texts
from support.parquet import read_duckdb, read_polars, read_pyarrow

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "interop" / "readers"
# Where the programs are built; a test's build folder may be given, so that it is kept between runs.
BUILD = pathlib.Path(os.environ.get("DECANT_READERS", FOLDER.parent.parent.parent / "build" / "readers"))


@dataclass
class Rows:
    names: list
    columns: list = field(default_factory=list)
    error: str = None

    def column(self, name):
        return self.columns[self.names.index(name)]


@dataclass
class Reader:
    name: str
    package: str  # as its registry names it
    version: str
    language: str
    read: object  # paths -> a Rows per path
    long: bool = False  # its toolchain is heavy: with --long only
    json_as_bytes: bool = False  # what it gives for annotated JSON
    needs: tuple = ()  # programs of its toolchain

    def require(self):
        """Skips where the toolchain is missing; a long run must have it."""
        missing = [program for program in self.needs if not shutil.which(program)]
        if missing and not self.long:
            pytest.skip(f"{self.name} needs {' and '.join(missing)}")
        assert not missing, f"{self.name} needs {' and '.join(missing)}"

    def plain(self, kind, value):
        """A value in the form of all readers, where this reader's own says the same."""
        if value is None:
            return None
        if kind == "hstore":  # in no order
            return sorted(map(tuple, value))
        if kind[0] == "array":
            return [self.plain(kind[1], item) for item in value]
        if kind[0] == "row":
            return {name: self.plain(field, value[name]) for name, field in kind[1].items()}
        if kind == "uuid":
            return value.replace("-", "")
        if kind == "json" and self.json_as_bytes:
            return bytes.fromhex(value).decode()
        return value


def of_arrow(read):
    """A reader of many files from one that gives the Arrow table of one file."""

    def read_all(paths):
        results = []
        for path in paths:
            try:
                table = read(path)
                results.append(Rows(table.column_names, table_texts(table)))
            except Exception as error:  # the reader's own, of any kind: it is what the file is judged by
                results.append(Rows([], [], f"{type(error).__name__}: {error}"))
        return results

    return read_all


def datafusion_table(path):
    context = datafusion.SessionContext()
    frame = context.read_parquet(str(path))
    return pa.Table.from_batches(frame.collect(), schema=frame.schema())


def pandas_array(series):
    """A pandas column without what pandas makes of it: dates as integers, NaN as NaN."""
    if series.dtype.kind == "f":
        return pa.array(series.to_numpy(), from_pandas=False)
    if series.dtype.kind == "M":
        moments = series.to_numpy(dtype=f"datetime64[{series.dt.unit}]")
        return pa.array(moments.view("int64"), mask=series.isna().to_numpy())
    if series.dtype == object:
        return pa.array([v if v is None or isinstance(v, (str, bytes)) else str(v) for v in series])
    return pa.Array.from_pandas(series)


def fastparquet_table(path):
    frame = fastparquet.ParquetFile(str(path)).to_pandas()
    return pa.table(
        [pandas_array(frame.iloc[:, i]) for i in range(frame.shape[1])], names=list(frame.columns)
    )


# --- Programs in other languages -----------------------------------------------------------------------


def parse_lines(text, count):
    """What a program printed: a Rows per file."""
    results, rows = [], []
    for line in text.split("\n"):
        if not line:
            continue
        value = json.loads(line)
        if isinstance(value, list):
            rows.append(value)
        elif "columns" in value:
            results.append(Rows(value["columns"]))
            rows = []
        elif "error" in value:
            if not results or results[-1].columns or results[-1].error:
                results.append(Rows([]))
            results[-1].error = value["error"]
        else:
            assert value["rows"] == len(rows)
            results[-1].columns = [list(c) for c in zip(*rows)] or [[] for _ in results[-1].names]
    assert len(results) == count, f"{len(results)} of {count} files were read"
    return results


def run(command, arguments, **options):
    done = subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, check=False, timeout=600, **options
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-2000:]
    return done.stdout.decode()


def of_program(command):
    """A reader of many files from a function that builds a program and gives its command."""

    def read_all(paths):
        return parse_lines(run(command(), paths), len(paths))

    return read_all


def build(command, folder, **environment):
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace")[-3000:]


@contextlib.contextmanager
def alone():
    """Of the processes that run tests side by side one builds, and the others find what it has built."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def copy_changed(source, target):
    """Leaves alone what another process may be reading."""
    if not os.path.exists(target) or not filecmp.cmp(source, target, shallow=False):
        shutil.copy2(source, target)


def copy_of(folder):
    """Package managers write where the sources are: they get a copy."""
    place = BUILD / folder
    place.mkdir(parents=True, exist_ok=True)
    shutil.copytree(
        FOLDER / folder,
        place,
        dirs_exist_ok=True,
        copy_function=copy_changed,
        ignore=shutil.ignore_patterns("node_modules", "target", "Cargo.lock"),
    )
    return place


@functools.cache
@alone()
def node_folder():
    place = copy_of("node")
    wanted = (place / "package-lock.json").read_bytes()
    done = place / "installed"
    if not done.exists() or done.read_bytes() != wanted:
        build(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], place)
        done.write_bytes(wanted)
    return place


def node(program):
    return lambda: ["node", str(node_folder() / program)]


@functools.cache
@alone()
def rust_program():
    place = copy_of("rust")
    build(["cargo", "build", "--quiet"], place)
    return [str(place / "target" / "debug" / "read-parquet")]


@functools.cache
@alone()
def go_program():
    place = copy_of("go")
    build(["go", "build", "-o", "read-parquet", "."], place)
    return [str(place / "read-parquet")]


@functools.cache
@alone()
def java_command(folder):
    """java with the packages of the folder's pom.xml."""
    place = copy_of(folder)
    path = place / "classpath"
    wanted = (place / "pom.xml").read_bytes()
    done = place / "resolved"
    if not done.exists() or done.read_bytes() != wanted:
        build(["mvn", "-q", "-B", "dependency:build-classpath", f"-Dmdep.outputFile={path}"], place)
        done.write_bytes(wanted)
    return ["java", "-Xshare:auto", "-cp", path.read_text().strip()]


def java_program():
    return [*java_command("java"), str(BUILD / "java" / "ReadParquet.java")]


def parquet_cli(*arguments):
    """What parquet-java's command line prints."""
    return run([*java_command("parquet-cli"), "org.apache.parquet.cli.Main"], arguments)


def pinned(path, pattern):
    """The version that a package's file asks for."""
    return re.search(pattern, (FOLDER / path).read_text()).group(1)


def npm_version(package):
    return pinned("node/package.json", f'"{package}": "([0-9.]+)"')


READERS = {
    reader.name: reader
    for reader in (
        Reader("pyarrow", "pyarrow", version("pyarrow"), "Python, C++", of_arrow(read_pyarrow)),
        Reader(
            "pyarrow, checksums unread",
            "pyarrow",
            version("pyarrow"),
            "Python, C++",
            of_arrow(functools.partial(read_pyarrow, verify=False)),
        ),
        Reader("DuckDB", "duckdb", version("duckdb"), "C++", of_arrow(read_duckdb)),
        Reader(
            "Polars",
            "polars",
            version("polars"),
            "Rust",
            of_arrow(read_polars),
            json_as_bytes=True,
        ),
        Reader("DataFusion", "datafusion", version("datafusion"), "Rust", of_arrow(datafusion_table)),
        Reader("fastparquet", "fastparquet", version("fastparquet"), "Python", of_arrow(fastparquet_table)),
        Reader(
            "hyparquet",
            "hyparquet",
            npm_version("hyparquet"),
            "JavaScript",
            of_program(node("hyparquet.mjs")),
            needs=("node", "npm"),
        ),
        Reader(
            "parquet-wasm",
            "parquet-wasm",
            npm_version("parquet-wasm"),
            "JavaScript, Rust",
            of_program(node("parquet-wasm.mjs")),
            needs=("node", "npm"),
        ),
        Reader(
            "parquetjs",
            "@dsnp/parquetjs",
            npm_version("@dsnp/parquetjs"),
            "JavaScript",
            of_program(node("parquetjs.mjs")),
            needs=("node", "npm"),
        ),
        Reader(
            "arrow-rs",
            "parquet",
            pinned("rust/Cargo.toml", 'parquet = . version = "=([0-9.]+)"'),
            "Rust",
            of_program(rust_program),
            needs=("cargo",),
            long=True,
        ),
        Reader(
            "parquet-java",
            "org.apache.parquet:parquet-hadoop",
            pinned("java/pom.xml", "parquet-hadoop</artifactId>\\s*<version>([0-9.]+)"),
            "Java",
            of_program(java_program),
            needs=("java", "mvn"),
            long=True,
        ),
        Reader(
            "arrow-go",
            "github.com/apache/arrow-go/v18",
            pinned("go/go.mod", "arrow-go/v18 v([0-9.]+)"),
            "Go",
            of_program(go_program),
            needs=("go",),
            long=True,
            json_as_bytes=True,
        ),
    )
}


def parameters():
    """Every reader, for pytest.mark.parametrize."""
    return [
        pytest.param(reader, id=name, marks=[pytest.mark.long] if reader.long else [])
        for name, reader in READERS.items()
    ]
