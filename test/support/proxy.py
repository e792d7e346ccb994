"""A TCP proxy before the server that breaks its answers at a chosen byte."""

import select
import socket
import threading

from support.service import reset_on_close


class Proxy:
    """
    Relays connections to a PostgreSQL server. After cut_at bytes from the server (all connections together)
    it closes every connection, by FIN or RST, and takes no more: the server is gone for good.
    """

    def __init__(self, info, cut_at=None, reset=False):
        self.host, self.upstream_port = info.host, info.port
        self.cut_at, self.reset = cut_at, reset
        self.from_server = 0
        self.was_cut = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.wake_read, self.wake_write = socket.socketpair()
        self.peers = {}  # socket -> the other side
        self.servers = set()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.wake_write.send(b"x")
        self.thread.join(20)
        for s in (self.listener, self.wake_read, self.wake_write, *self.peers):
            s.close()

    def _connect(self):
        client, _ = self.listener.accept()
        if self.host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{self.host}/.s.PGSQL.{self.upstream_port}")
        else:
            server = socket.create_connection((self.host, self.upstream_port))
        self.peers[client], self.peers[server] = server, client
        self.servers.add(server)

    def _drop(self, s):
        other = self.peers.pop(s, None)
        self.peers.pop(other, None)
        for end in (s, other):
            if end is not None:
                self.servers.discard(end)
                end.close()

    def _cut(self):
        self.was_cut = True
        self.listener.close()
        for s in list(self.peers):
            if self.reset and s not in self.servers:
                reset_on_close(s)
            s.close()
        self.peers.clear()

    def _run(self):
        while not self.was_cut:
            ready, _, _ = select.select([self.listener, self.wake_read, *self.peers], [], [])
            if self.wake_read in ready:
                return
            if self.listener in ready:
                self._connect()
            for s in ready:
                if s in self.peers and not self._relay(s):
                    return

    def _relay(self, s):
        """False once everything is cut."""
        try:
            data = s.recv(16384)
            if not data:
                self._drop(s)
                return True
            if s in self.servers:
                room = len(data) if self.cut_at is None else max(0, self.cut_at - self.from_server)
                self.from_server += len(data)
                self.peers[s].sendall(data[:room])
                if room < len(data):
                    self._cut()
                    return False
            else:
                self.peers[s].sendall(data)
        except OSError:
            self._drop(s)
        return True
