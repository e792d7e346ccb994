"""
Fixtures of the black-box tests: a private PostgreSQL, a database per test module, the command line and
the service.

DECANT          the program under test; default: build/*/src/decant, the newest
DECANT_TEST_DB  a superuser's connection string of a private cluster; default: a cluster of the process's own, which
                lets several run tests side by side
DECANT_TEST_POSTGRES  the folder of the programs for such a cluster, as script/postgres prints it; default: the newest
                that is installed
"""

import glob
import os
import pathlib
import re

import psycopg
import pytest
from support.cluster import Cluster
from support.command import Decant
from support.database import Database
from support.service import Service

ROOT = pathlib.Path(__file__).resolve().parent.parent


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the long tests as well")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--long"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


def find_binary():
    given = os.environ.get("DECANT")
    if given:
        return pathlib.Path(given).resolve()
    built = [pathlib.Path(path) for path in glob.glob(str(ROOT / "build" / "*" / "src" / "decant"))]
    if not built:
        pytest.exit("decant is not built: meson setup build/release && ninja -C build/release", returncode=4)
    return max(built, key=lambda path: path.stat().st_mtime)


@pytest.fixture(scope="session")
def binary():
    path = find_binary()
    if not os.access(path, os.X_OK):
        pytest.exit(f"DECANT={path} cannot be run", returncode=4)
    return path


@pytest.fixture(scope="session")
def server():
    """A superuser's connection string of a PostgreSQL that is the tests' own."""
    given = os.environ.get("DECANT_TEST_DB")
    if given:
        psycopg.connect(given, connect_timeout=10).close()
        yield given
        return
    cluster = Cluster(ROOT / "build")
    try:
        yield cluster.start().conninfo
    finally:
        cluster.stop()


def database_name(request):
    name = re.sub(r"[^a-z0-9_]", "_", request.module.__name__.rpartition(".")[2].lower())
    return f"decant_{name}"[:63]


@pytest.fixture(scope="module")
def db(server, request):
    """A database of this test module, dropped behind it."""
    database = Database(server, database_name(request))
    try:
        yield database
    finally:
        database.drop()


@pytest.fixture(scope="module")
def decant(binary, db):
    """decant("export", …) runs the command line against the module's database."""
    return Decant(binary, db.conninfo)


@pytest.fixture(autouse=True)
def no_leftovers(request):
    """A command that a test leaves running is ended, so that the next test finds a quiet database."""
    yield
    if "decant" in request.fixturenames:
        request.getfixturevalue("decant").end_all()


@pytest.fixture
def make_service(binary, db, tmp_path):
    """make_service("--allow-query") starts a service; all are stopped behind the test."""
    started = []

    def make(*arguments, conninfo=None, start=True):
        folder = tmp_path / f"service{len(started)}"
        folder.mkdir()
        service = Service(binary, conninfo or db.conninfo, str(folder), arguments)
        started.append(service)
        return service.start() if start else service

    yield make
    for service in started:
        service.dispose()


@pytest.fixture
def service(make_service):
    return make_service()
