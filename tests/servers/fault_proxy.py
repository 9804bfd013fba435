"""Proxies that stand before a real server and let one request go wrong: for TCP, and for HTTP.

A fault is armed with what it waits for, and strikes once; what comes before and after passes unharmed. Both
proxies close what they have opened, and a fault that never struck is seen in `armed`.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CHUNK = 65536
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "host"}


@dataclass
class Cut:
    """Cut the connection at the first request that has `at` in it, where `after` was sent before.

    `answer`: how many bytes of the answer are let through. None: the request does not even arrive. With
    `gate`, the answer is not cut but held back until the gate opens.
    """

    at: bytes
    after: bytes = b""
    answer: int | None = 0
    gate: threading.Event | None = None


class TcpProxy:
    """Listens on a port of its own, forwards to a port or to a unix socket.

    `fault` is armed, None once it has struck. While `refusing`, new connections are closed at once; while
    `silent`, what comes in on any connection is swallowed, and those connections stay mute ever after.
    """

    def __init__(self, target: int | Path) -> None:
        self.target = target
        self.fault: Cut | None = None
        self.refusing = self.silent = False
        self.swallowed = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> TcpProxy:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut_all()
        self._accepting.join()

    def cut_all(self) -> None:
        """Cut all connections that are open now."""
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self.refusing:
                client.close()
                continue
            try:
                server = self._connect()
            except OSError:
                client.close()
                continue
            threading.Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _connect(self) -> socket.socket:
        if isinstance(self.target, int):
            return socket.create_connection(("127.0.0.1", self.target))
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            server.connect(str(self.target))
        except OSError:
            server.close()
            raise
        return server

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        ends = {client, server}
        self._open |= ends
        left: int | None = None  # of the answer, once a fault has struck
        gate: threading.Event | None = None
        seen = mute = False  # `seen`: what the fault comes after
        try:
            while True:
                for end in select.select([client, server], [], [])[0]:
                    data = end.recv(CHUNK)
                    if not data:
                        return
                    if self.silent or mute:
                        mute = True
                        self.swallowed += 1
                        continue
                    if end is client:
                        fault = self.fault
                        seen = seen or (fault is not None and fault.after in data)
                        if fault is not None and seen and fault.at in data:
                            self.fault, gate = None, fault.gate
                            left = fault.answer if gate is None else None
                            if fault.answer is None:
                                return
                        server.sendall(data)
                        continue
                    if gate is not None:
                        gate.wait(60)
                        gate = None
                    if left is not None:
                        client.sendall(data[:left])
                        left -= len(data)
                        if left <= 0:
                            return
                    else:
                        client.sendall(data)
        except OSError:
            return
        finally:
            self._open -= ends
            for end in ends:
                end.close()


@dataclass
class Wrong:
    """What goes wrong with the first request of this method whose path has `path` in it.

    `lost`: it is carried out, and its answer is lost. `truncated`: carried out, and half of the answer's body
    arrives. `status`: answered with it and `headers`, and not carried out. `times`: how often.
    """

    method: str
    path: str = ""
    lost: bool = False
    truncated: bool = False
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    meanwhile: Callable[[], object] | None = None

    def concerns(self, method: str, path: str) -> bool:
        return self.times > 0 and self.method == method and self.path in path


class HttpProxy:
    """Forwards to the server at `url`; `fault` is armed; `asked` lists methods and paths as they came."""

    def __init__(self, url: str) -> None:
        self.fault: Wrong | None = None
        self.asked: list[tuple[str, str]] = []
        outer, target = self, urlsplit(url)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((self.command, self.path))
                fault = outer.fault
                if fault is None or not fault.concerns(self.command, self.path):
                    self._pass(*self._ask(body))
                    return
                fault.times -= 1
                if fault.status:
                    self._pass(fault.status, dict(fault.headers), b'{"message": "not now"}')
                    return
                status, headers, answer = self._ask(body)
                if fault.meanwhile is not None:
                    fault.meanwhile()
                self.close_connection = True
                if fault.truncated:
                    self._pass(status, headers, answer, cut=True)

            def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
                connection = HTTPConnection(str(target.hostname), target.port)
                headers = {n: v for n, v in self.headers.items() if n.lower() not in HOP_BY_HOP}
                connection.request(self.command, self.path, body or None, headers)
                answer = connection.getresponse()
                told = {n: v for n, v in answer.getheaders() if n.lower() not in HOP_BY_HOP}
                content = answer.read()
                connection.close()
                return answer.status, told, content

            def _pass(
                self, status: int, headers: Mapping[str, str], body: bytes, *, cut: bool = False
            ) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    # where there is no body to cut, one is promised that never comes
                    self.send_header("Content-Length", str(len(body) if body or not cut else 100))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if cut else body)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _any

            def log_message(self, *args: Any) -> None:
                """Be silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> HttpProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
