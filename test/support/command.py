"""Runs the command line."""

import json
import os
import signal
import subprocess
from dataclasses import dataclass


def clean_environment(**extra):
    """The caller's own PostgreSQL and decant variables must not steer a test."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "DECANT_")) and name not in ("DATABASE_URL", "PORT")
    }
    return {
        **kept,
        "LC_ALL": "C.UTF-8",
        **{name: value for name, value in extra.items() if value is not None},
    }


@dataclass
class Run:
    arguments: tuple
    code: int
    out: bytes
    err: str

    @property
    def summary(self):
        """The machine's summary that `export --json` prints to standard error: its last JSON line."""
        lines = [line for line in self.err.split("\n") if line.startswith("{")]  # a name can hold U+0085
        assert lines, f"no summary on standard error: {self.err!r}"
        return json.loads(lines[-1])


class Decant:
    """Calling it runs a subcommand to its end and requires the exit code (0, unless told otherwise)."""

    def __init__(self, binary, conninfo=None):
        self.binary = str(binary)
        self.conninfo = conninfo
        self.started = []

    def start(self, *arguments, db=None, environment=None, **popen):
        """A running process; one that a test leaves behind is killed after it."""
        variables = {"DATABASE_URL": db or self.conninfo, **(environment or {})}
        process = subprocess.Popen(
            [self.binary, *map(str, arguments)],
            env=clean_environment(**variables),
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **popen},
        )
        self.started.append(process)
        return process

    def end_all(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.started.clear()

    def __call__(self, *arguments, code=0, timeout=120, **options):
        process = self.start(*arguments, **options)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # a core or a sanitizer's report, if there is to be one
            out, err = process.communicate()
            raise AssertionError(f"decant {arguments} ran longer than {timeout} s: {err[-2000:]!r}") from None
        run = Run(arguments, process.returncode, out or b"", (err or b"").decode("utf-8", "replace"))
        allowed = code if isinstance(code, tuple) else (code,)
        assert run.code in allowed, (
            f"decant {arguments}: exit code {run.code}, expected {code}: {run.err[-2000:]}"
        )
        return run

    def export(self, *arguments, **options):
        """Runs an export to standard output and gives its bytes."""
        return self("export", "--quiet", *arguments, **options).out


def as_option(text):
    """A value as --csv takes it: everything but letters and digits escaped."""
    return "".join(
        sign if sign.isalnum() or ord(sign) > 127 else f"\\x{ord(sign):02x}" for sign in text
    )


def filter_arguments(*filters):
    """--where for each (column, operator, value …)."""
    arguments = []
    for column, operator, *filter_values in filters:
        arguments += ["--where", " ".join([column, operator, ",".join(filter_values)]).strip()]
    return arguments
