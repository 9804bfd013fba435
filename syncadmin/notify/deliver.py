"""Sending what is ready: one message a channel at a time, under a lease, noted as sent once it is.

Where a process dies between sending and noting, the same message with the same number is sent again when the
lease has run out: at least once, and never silently not at all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import apprise
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import Q
from django.utils import translation

from syncadmin.models import Channel, Notice, NoticeState, Rhythm

from .addresses import MAIL, Private, Unfit, public_only, service
from .profiles import hours_of, language_of
from .when import ATTEMPTS, ready, wait
from .words import Message, message

LEASE = timedelta(minutes=5)
SPACING = timedelta(seconds=20)  # between two messages to one channel: what comes meanwhile goes together
MOST = 500  # notices of one message
KEPT = timedelta(days=30)


class Failed(Exception):
    """A message was not taken. `reason` is for the channel's owner, without credentials."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def work(now: datetime) -> bool:
    """Whether any notice could be sent now."""
    return _ready(now).exists()


def deliver(now: Any) -> int:
    """Send what is ready, by the clock `now`; returns how many messages were sent."""
    count = 0
    while (taken := take(now())) is not None:
        channel, notices = taken
        count += _send(channel, notices, now)
    Notice.objects.filter(~Q(state=NoticeState.WAITING), at__lt=now() - KEPT).delete()
    return count


def _ready(now: datetime) -> Any:
    free = Q(channel__busy_until=None) | Q(channel__busy_until__lte=now)
    spaced = Q(channel__last_sent_at=None) | Q(channel__last_sent_at__lte=now - SPACING)
    return Notice.objects.filter(free, spaced, state=NoticeState.WAITING, ready_at__lte=now)


def take(now: datetime) -> tuple[Channel, list[Notice]] | None:
    """The next channel with something to send, leased, and the notices of its next message.

    A message that was begun before is taken again as it was; else all that is ready becomes a new one.
    """
    with transaction.atomic():
        ids = _ready(now).order_by("ready_at").values_list("channel_id", flat=True)[:50]
        found = Channel.objects.filter(pk__in=list(ids)).defer("address")
        if connection.features.has_select_for_update_skip_locked:
            found = found.select_for_update(skip_locked=True)
        channel = next((c for c in found if c.busy_until is None or c.busy_until <= now), None)
        if channel is None:
            return None
        waiting = channel.notices.filter(state=NoticeState.WAITING, ready_at__lte=now)
        begun = waiting.exclude(message=None).order_by("ready_at", "pk").first()
        if begun is not None:
            rows = list(waiting.filter(message=begun.message).order_by("pk"))
        else:
            rows = list(waiting.filter(message=None).order_by("pk")[:MOST])
            number = uuid4()
            Notice.objects.filter(pk__in=[row.pk for row in rows]).update(message=number)
            for row in rows:
                row.message = number
        if not rows:
            return None
        channel.busy_until = now + LEASE
        channel.save(update_fields=["busy_until"])
    return channel, rows


def _send(channel: Channel, rows: list[Notice], now: Any) -> int:
    ids = [row.pk for row in rows]
    notices = list(Notice.objects.filter(pk__in=ids).select_related("mapping", "system").order_by("pk"))
    with translation.override(language_of(channel.person)):
        made = message(notices, rows[0].message)
        try:
            post(channel, made)
        except Failed as error:
            _note_failure(channel, rows, error.reason, now())
            return 0
    with transaction.atomic():
        Notice.objects.filter(pk__in=ids).update(state=NoticeState.SENT, sent_at=now(), error="")
        Channel.objects.filter(pk=channel.pk).update(busy_until=None, last_sent_at=now(), error="")
    return 1


def _note_failure(channel: Channel, rows: list[Notice], reason: str, now: datetime) -> None:
    attempts = max(row.attempts for row in rows) + 1
    again = ready(now + wait(attempts), Rhythm.NOW, *hours_of(channel.person))
    state = NoticeState.GIVEN_UP if attempts >= ATTEMPTS else NoticeState.WAITING
    with transaction.atomic():
        Notice.objects.filter(pk__in=[row.pk for row in rows]).update(
            attempts=attempts, error=reason[:300], state=state, ready_at=again
        )
        Channel.objects.filter(pk=channel.pk).update(busy_until=None, error=reason[:300])


def post(channel: Channel, made: Message) -> None:
    """Send one message. Raises `Failed`."""
    own = channel.scheme == MAIL  # the hub's own mail server may be inside
    guard = nullcontext() if own or settings.NOTIFY_PRIVATE else public_only()
    try:
        sender = service(channel.address, channel.scheme)
        with _listening() as heard, guard:
            ok = sender.notify(body=made.body, title=made.title, body_format=apprise.NotifyFormat.TEXT)
    except (Unfit, ImproperlyConfigured) as error:  # the latter: its key is gone
        raise Failed(str(error)) from error
    except (Private, OSError, TypeError, ValueError) as error:  # what a service's plugin lets through
        raise Failed(_without_secrets(f"{type(error).__name__}: {error}", channel)) from error
    if not ok:
        raise Failed(_without_secrets("; ".join(heard) or "the service did not take it", channel))


@contextmanager
def _listening() -> Iterator[list[str]]:
    """What the library says goes wrong: it answers no more than whether it went well."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage()[:200])

    logger, ear = logging.getLogger("apprise"), Ear(logging.WARNING)
    level, propagates = logger.level, logger.propagate
    logger.addHandler(ear)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    try:
        yield heard
    finally:
        logger.removeHandler(ear)
        logger.setLevel(level)
        logger.propagate = propagates


def _without_secrets(text: str, channel: Channel) -> str:
    """The words without any part of the address but its host."""
    address = settings.NOTIFY_MAIL_URL if channel.scheme == MAIL else channel.address
    split = urlsplit(address)
    parts = {split.username, split.password, *split.path.split("/"), *_values(split.query)}
    for part in sorted((p for p in parts if p and len(p) > 3), key=len, reverse=True):
        for form in {part, unquote(part)}:
            text = text.replace(form, "…")
    return text


def _values(query: str) -> list[str]:
    return [pair.partition("=")[2] for pair in query.split("&")]
