"""Starts `decant serve` and speaks HTTP with it."""

import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import time
from dataclasses import dataclass

from support.cluster import free_port
from support.command import clean_environment

FINAL = ("completed", "failed", "cancelled", "expired")


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Service:
    def __init__(self, binary, conninfo, folder, arguments=()):
        self.binary = str(binary)
        self.conninfo = conninfo
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.arguments = list(arguments)
        self.port = free_port()
        self.process = None
        self.environment = {}

    # --- life -------------------------------------------------------------------------------------
    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [
                    self.binary,
                    "serve",
                    "--listen",
                    f"127.0.0.1:{self.port}",
                    "--data",
                    self.data,
                    *self.arguments,
                ],
                env=clean_environment(DATABASE_URL=self.conninfo, **self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                if self.get("/health").status == 200:
                    return self
            except OSError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"the service did not start: {self.log[-2000:]}")

    def stop(self):
        """Asks it to end, as an init system does. Gives the exit code."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(
                f"the service did not stop within 40 s of SIGTERM: {self.log[-2000:]}"
            ) from None
        finally:
            self.process = None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def dispose(self):
        """At the end of a test: stops it whatever state it is in."""
        if self.process is not None:
            self.process.kill() if self.process.poll() is None else None
            self.process.wait()
            self.process = None

    @property
    def log_path(self):
        return os.path.join(self.folder, "service.log")

    @property
    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    @property
    def files(self):
        """What lies under --data, the job store aside."""
        return sorted(
            os.path.relpath(os.path.join(folder, name), self.data)
            for folder, _, names in os.walk(self.data)
            for name in names
            if ".db" not in name and ".sqlite" not in name and "lock" not in name
        )

    # --- HTTP -------------------------------------------------------------------------------------
    def connect(self, timeout=60):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def open(self, method, path, body=None, headers=None, timeout=60):
        """Sends a request and gives the answer with its body unread."""
        connection = self.connect(timeout)
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        response.connection = connection  # lives as long as the answer
        return response

    def request(self, method, path, body=None, headers=None, timeout=60):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        with self.open(method, path, body, headers, timeout) as response:
            return Answer(response.status, response.headers, response.read())

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def raw(self, text, shutdown=False):
        """Sends bytes as they are and gives everything that comes back until the service closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as s:
            s.sendall(text)
            if shutdown:
                try:
                    s.shutdown(socket.SHUT_WR)
                except OSError:  # the service has closed already
                    pass
            pieces = []
            while piece := s.recv(65536):
                pieces.append(piece)
            return b"".join(pieces)

    # --- exports ----------------------------------------------------------------------------------
    def post(self, body, expect=201):
        answer = self.request("POST", "/exports", body)
        assert answer.status == expect, f"POST /exports {body}: {answer.status} {answer.body[:500]!r}"
        return answer.json

    def create(self, **body):
        return self.post(body)["exportId"]

    def status(self, export):
        answer = self.get(f"/exports/{export}")
        assert answer.status == 200, f"{answer.status} {answer.body!r}"
        return answer.json

    def wait(self, export, states=FINAL, seconds=90):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = self.status(export)
            if status["status"] in states:
                return status
            time.sleep(0.05)
        raise AssertionError(f"after {seconds} s still {status}")

    def finish(self, **body):
        """Makes an export and waits for its end, which must be good. Gives its status."""
        export = self.create(**body)
        status = self.wait(export)
        assert status["status"] == "completed", status
        return {**status, "exportId": export}

    def download(self, export, **options):
        return self.get(f"/exports/{export}/download", **options)

    def peak_memory_bytes(self):
        return peak_memory_bytes(self.process.pid)


def reset_on_close(connection_socket):
    """Closing the socket then sends RST at once."""
    connection_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def peak_memory_bytes(pid):
    """VmHWM: the process's own peak of resident memory."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")
