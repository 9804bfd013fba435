"""A door in front of a web server: what passes is counted, and can be refused, or its answer lost."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import httpx

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "host"}
WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Request:
    """A request as it comes to the door."""

    method: str
    path: str
    body: bytes

    @property
    def writes(self) -> bool:
        """Does it write a record (and is no login)?"""
        return self.method in WRITES and "auth-with-password" not in self.path

    def json(self) -> Any:
        """What it carries."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """An answer given at the door: the server never hears of the request."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Lost:
    """The server does the work, and its answer is lost on the way."""


Rule = Callable[[Request], Answer | Lost | None]


class Door:
    """Forwards to `target`. `passed` are the requests that reached it.

    `rule` decides what else happens to a request, `headers` which headers go along, `body` and
    `answer_headers` what comes back.
    """

    def __init__(self, target: str) -> None:
        base = httpx.URL(target)
        self.origin = f"{base.scheme}://{base.netloc.decode()}"
        self.client = httpx.Client(base_url=self.origin, timeout=30)
        self.rule: Rule = lambda request: None
        self.headers: Callable[[dict[str, str]], dict[str, str]] = dict
        self.body: Callable[[bytes], bytes] = bytes
        self.answer_headers: Callable[[dict[str, str]], dict[str, str]] = dict
        self.passed: list[Request] = []
        self.lock = Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}{base.path.rstrip('/')}"
        self.thread = Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def written(self) -> list[Request]:
        """The writes that the server got."""
        return [request for request in self.passed if request.writes]

    def close(self) -> None:
        """Shut the door."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.client.close()

    def _handler(door) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(self.command, self.path, body)
                with door.lock:
                    verdict = door.rule(request)
                if isinstance(verdict, Answer):
                    content = json.dumps(verdict.body).encode()
                    self._answer(verdict.status, verdict.headers, content)
                    return
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
                answer = door.client.request(
                    request.method, request.path, content=body, headers=door.headers(headers)
                )
                door.passed.append(request)
                if isinstance(verdict, Lost):
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                back = door.answer_headers(dict(answer.headers))
                self._answer(answer.status_code, back, door.body(answer.content))

            def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                if status not in (204, 304):
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if status not in (204, 304) and self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, *args: object) -> None: ...

        return Handler


@contextmanager
def door_to(url: str) -> Iterator[Door]:
    """A door in front of the server at `url`."""
    door = Door(url)
    try:
        yield door
    finally:
        door.close()


def once(wanted: Callable[[Request], bool], verdict: Answer | Lost) -> Rule:
    """A rule for the first request that is wanted."""
    left = [verdict]

    def rule(request: Request) -> Answer | Lost | None:
        return left.pop() if left and wanted(request) else None

    return rule
