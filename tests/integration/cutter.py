"""A way to a server that is cut: a proxy on loopback that ends a connection in the middle of an answer."""

import contextlib
import socket
import threading
import time
import urllib.parse


def _stand_before(target, forward, ways):
    """A listening socket; until it is closed, each connection to it is paired with one to `target`.

    `ways` makes of the two what `forward` is called with, in a thread for each direction.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(target)
            for way in ways(client, server):
                threading.Thread(target=forward, args=way, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


class Cutter:
    """Forwards to `url`. Each of the next `cuts` answers to a request for `path` is cut after so many bytes."""

    def __init__(self, url, path):
        target = urllib.parse.urlsplit(url)
        self._path = path.encode()
        self._lock = threading.Lock()
        self._left = 0
        self._bytes = 0
        self.cuts = 0  # that happened
        self._socket = _stand_before((target.hostname, target.port), self._forward, self._ways)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        # The server knows itself by its own address, also where it is named in a token's scope.
        self._names = [(f"127.0.0.1{colon}{self._socket.getsockname()[1]}".encode(),
                        f"127.0.0.1{colon}{target.port}".encode()) for colon in (":", "%3A")]
        assert all(len(ours) == len(its) for ours, its in self._names), "ports of one length"

    def cut(self, count, after):
        with self._lock:
            self._left, self._bytes = count, after

    def close(self):
        self._socket.close()

    def _ways(self, client, server):
        state = {"asked": False, "answered": 0}
        return ((client, server, self._on_request, state), (server, client, self._on_answer, state))

    def _forward(self, source, sink, take, state):
        try:
            while data := source.recv(65536):
                data, goes_on = take(data, state)
                sink.sendall(data)
                if not goes_on:
                    break
        except OSError:
            pass  # the other direction was cut
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _on_request(self, data, state):
        if data.startswith(b"POST ") and self._path in data.split(b"\r\n", 1)[0]:
            state["asked"], state["answered"] = True, 0
        for ours, its in self._names:
            data = data.replace(ours, its)
        return data, True

    def _on_answer(self, data, state):
        with self._lock:
            if not state["asked"] or not self._left:
                return data, True
            left = self._bytes - state["answered"]
            state["answered"] += len(data)
            if len(data) <= left:
                return data, True
            self._left -= 1
            self.cuts += 1
            return data[:left], False


class Breaker:
    """A slow way to a server on loopback, which breaks each connection once so many bytes came from there; None: never."""

    PIECE, PAUSE = 16384, 0.004  # so that what arrives is taken before the break: 4 MB/s at most

    def __init__(self, port):
        self.after = None
        self.then = []  # what `after` becomes with each break; else it stays
        self.breaks = 0
        self._socket = _stand_before(("127.0.0.1", port), self._forward, self._ways)
        self.port = self._socket.getsockname()[1]

    def close(self):
        self._socket.close()

    @staticmethod
    def _ways(client, server):
        return (client, server, False), (server, client, True)

    def _forward(self, source, sink, counts):
        total = 0
        with contextlib.suppress(OSError):  # the other direction was broken
            while data := source.recv(self.PIECE):
                time.sleep(self.PAUSE if counts else 0)
                total, after = total + len(data), self.after
                over = total - after if counts and after is not None else 0
                sink.sendall(data[:len(data) - over] if over > 0 else data)
                if over > 0:
                    self.breaks += 1
                    self.after = self.then.pop(0) if self.then else self.after
                    break
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
