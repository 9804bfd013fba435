"""The address that systems send webhooks to: as little as possible is done before the answer.

A request proves itself by its signature alone: there is no session, no cookie and no form. What does not is
answered with as little as it told us.
"""

from __future__ import annotations

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from connectors.base import Misconfigured
from connectors.rest import payloads, signatures
from connectors.rest.webhooks import BodyChallenge, QueryChallenge, Webhook
from syncadmin import hooks
from syncadmin.config.connect import webhook_of
from syncadmin.jobs import put_hooks_in_queue
from syncadmin.models import System

LONGEST_CHALLENGE = 1000


@csrf_exempt
def receive(request: HttpRequest, name: str) -> HttpResponse:
    """Keep a delivery that proves where it comes from, and have it handled: 202. Anything else is refused."""
    system = System.objects.filter(name=name).first()
    try:
        webhook = webhook_of(system) if system is not None else None
    except Misconfigured:
        return _say(503, "not ready")
    if system is None or webhook is None:
        return _say(404, "no webhooks here")
    if isinstance(webhook.challenge, QueryChallenge):
        answer = _challenged(request, webhook.challenge)
        if answer is not None:
            return answer
    if request.method != "POST":
        refused = _say(405, "POST only")
        refused.headers["Allow"] = "POST"
        return refused
    return _take(request, system, webhook)


def _take(request: HttpRequest, system: System, webhook: Webhook) -> HttpResponse:
    now = timezone.now()
    try:
        body = _body(request, webhook.max_bytes)
    except _TooLarge:
        hooks.count(system.pk, "large", now)
        return _say(413, "too large")
    if body is None:
        return _say(411, "say how long the body is")
    try:
        proven = signatures.verify(webhook.signed, request.headers, body, now)
    except signatures.Refused as refused:
        hooks.count(system.pk, refused.why.value, now)
        return _say(401, "refused")
    event_id = proven.id
    if webhook.id is not None or isinstance(webhook.challenge, BodyChallenge):
        try:
            data = payloads.loads(webhook, body)
        except payloads.NotReadable:
            data = None  # it is kept, and the page says so
        if isinstance(webhook.challenge, BodyChallenge):
            asked = webhook.challenge.challenge(data)
            if isinstance(asked, str) and asked:
                return _say(200, asked[:LONGEST_CHALLENGE])
        event_id = event_id or payloads.id_of(webhook, data, request.headers)
    elif webhook.id_header is not None:
        event_id = event_id or payloads.id_of(webhook, None, request.headers)
    topic = request.headers.get(webhook.resource_header, "") if webhook.resource_header else ""
    try:
        taken = hooks.take(system.pk, event_id, topic, proven.sent_at, body, now)
    except DatabaseError:
        hooks.logger.exception("a webhook of %s can't be kept", system.name)
        return _say(503, "try again later")
    if taken.repeated:
        hooks.count(system.pk, "repeated", now)
    else:
        if taken.id % 256 == 0:
            hooks.trim_waiting(system.pk)
        put_hooks_in_queue()
    return _say(202, "taken")


class _TooLarge(Exception):
    """The body is longer than the system's webhooks may be."""


def _body(request: HttpRequest, longest: int) -> bytes | None:
    """The body, of which at most `longest` bytes are kept; None if nobody says where it ends.

    A length that is too large is believed: nothing is read then. Chunks, and bodies without a length in
    HTTP/2, are read where the server itself ends the input; to Django they would be empty. Raises _TooLarge.
    """
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal():
        if int(length[:12]) > longest:
            raise _TooLarge
        return request.read(int(length))
    if length or not request.META.get("wsgi.input_terminated"):
        return None
    body, stream = bytearray(), request.META["wsgi.input"]
    while piece := stream.read(longest + 1 - len(body)):
        body += piece
        if len(body) > longest:
            raise _TooLarge
    return bytes(body)


def _challenged(request: HttpRequest, challenge: QueryChallenge) -> HttpResponse | None:
    """The answer to a system that asks whether this address is its customer's; None if it asks nothing."""
    asked = request.GET.get(challenge.param)
    if asked is None or request.method != challenge.method:
        return None
    if challenge.token is not None:
        shown = request.GET.get(challenge.token_param or "", "")
        if not signatures.same_secret(shown.encode().decode("latin-1"), challenge.token):
            return _say(401, "refused")
    return _say(200, asked[:LONGEST_CHALLENGE])


def _say(status: int, text: str) -> HttpResponse:
    """A plain answer, which no browser takes for a page."""
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
