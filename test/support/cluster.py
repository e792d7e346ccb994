"""A PostgreSQL of the tests' own: a fresh cluster in a folder of the build tree, local connections only."""

import glob
import os
import shutil
import socket
import subprocess
import tempfile
import time

import psycopg

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may not be longer than 107 bytes
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "autovacuum": "off",
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def bin_folder():
    """The newest installed server's programs (Debian does not put them on the PATH), or the ones that are named."""
    if os.environ.get("DECANT_TEST_POSTGRES"):
        return os.environ["DECANT_TEST_POSTGRES"]
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    if found:
        return os.path.dirname(max(found, key=lambda path: int(path.split("/")[4])))
    initdb = shutil.which("initdb")
    if not initdb:
        raise RuntimeError("no PostgreSQL server is installed: initdb not found")
    return os.path.dirname(initdb)


class Cluster:
    def __init__(self, parent, locales=()):
        """locales: such as de_DE.UTF-8, made for this cluster alone, whatever the system has."""
        # The server refuses to run as root.
        self.prefix = ["setpriv"]
        if os.geteuid() == 0:
            self.prefix += ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
        os.makedirs(parent, exist_ok=True)
        if subprocess.run([*self.prefix, "test", "-x", parent]).returncode:
            parent = "/var/tmp"  # a tree under /root is closed to user postgres
        self.folder = tempfile.mkdtemp(prefix="test-postgres-", dir=parent)
        self.data = os.path.join(self.folder, "data")
        self.port = free_port()
        self.bin = bin_folder()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.environment = {**os.environ, "LOCPATH": self.folder} if locales else None
        for locale in locales:
            self._make_locale(locale)
        self.process = None

    @property
    def conninfo(self):
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"

    def start(self):
        self._run(
            "initdb",
            "-D",
            self.data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        # The server ends with the process that has started it, however that ends.
        program = [*self.prefix, "--pdeathsig=INT", f"{self.bin}/postgres"]
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [*program, "-D", self.data, "-p", str(self.port), *options],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self.environment,
            )
        for _ in range(300):
            try:
                psycopg.connect(self.conninfo, connect_timeout=5).close()
                return self
            except psycopg.OperationalError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as log:
            raise RuntimeError("the tests' PostgreSQL did not start:\n" + log.read()[-2000:])

    def stop(self):
        if self.process and self.process.poll() is None:
            self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
            self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_locale(self, locale):
        """Of Debian's package locales. localedef's exit code 1 tells of warnings; no locale is what counts."""
        country, charset = locale.split(".")
        command = ["localedef", "--no-archive", "-i", country, "-f", charset, f"{self.folder}/{locale}"]
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if not os.path.exists(f"{self.folder}/{locale}/LC_MONETARY"):
            raise RuntimeError(f"the locale {locale} cannot be made (script/bootstrap): {done.stdout[-2000:]}")

    def _run(self, program, *arguments):
        done = subprocess.run(
            [*self.prefix, f"{self.bin}/{program}", *arguments],
            cwd=self.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{done.stdout[-2000:]}")
