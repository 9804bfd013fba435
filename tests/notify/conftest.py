"""Real receivers of notices: a mail server and an HTTP server on this machine."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.utils import timezone

from syncadmin.models import Channel, EventKind, Subscription


class Mailbox:
    """Keeps what a mail server was given. `refusing` is the answer to the next messages, '' to take them."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.to: list[str] = []
        self.refusing = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Take a message, or refuse it."""
        if self.refusing:
            return self.refusing
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.to += envelope.rcpt_tos
        return "250 taken"


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    """A mail server, which the hub uses as its own."""
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    settings.NOTIFY_MAIL_URL = f"mailto://127.0.0.1:{port}?from=hub@sync.example&mode=insecure"
    yield box
    controller.stop()


class Receiver:
    """Keeps what was posted to a web server. `status` is what it answers."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.status = 200
        self.port = 0

    @property
    def url(self) -> str:
        """Its address as a channel."""
        return f"json://hooker:tok3nSecret@127.0.0.1:{self.port}/hooks/s3cretPath"


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """A web server that takes notices; private addresses are allowed for it."""
    settings.NOTIFY_PRIVATE = True
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if kept.status == 200:
                kept.posts.append(json.loads(body))
            self.send_response(kept.status)
            if kept.status == 302:
                self.send_header("Location", f"http://127.0.0.1:{kept.port}/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    kept.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


def a_channel(person: Any, url: str, name: str = "chat", **more: Any) -> Channel:
    """A channel of a person that is told of everything, or as `more` says."""
    scheme = url.partition("://")[0] if "://" in url else "mail"
    channel = Channel.objects.create(
        person=person, name=name, scheme=scheme, address=url, created_at=timezone.now()
    )
    Subscription.objects.create(channel=channel, **{"kinds": EventKind.values, **more})
    return channel
