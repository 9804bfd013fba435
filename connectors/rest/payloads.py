"""What a delivery is about: which records of which resources, and its own id and time. Pure.

Nothing else of a payload is ever used. Names and keys come from outside: what no system could have as a
key is told, and left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl

from .selectors import Selector, kind, shortened
from .signatures import moment
from .webhooks import Webhook

MOST_EVENTS = 500
MOST_KEYS = 1000  # of one delivery; a pass finds what is beyond them
LONGEST_KEY = 300


class NotReadable(ValueError):
    """A body that is not what the configuration says; tells what it is instead."""


@dataclass(frozen=True, slots=True)
class Named:
    """Records of one resource that may have changed. Without keys only the resource is known.

    `said` is what the delivery calls the resource, '' if nothing; `resource` is our name for it, '' if the
    configuration has none.
    """

    resource: str
    said: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """All that is read out of a delivery. `left_out` says, in words, what could not be used."""

    named: tuple[Named, ...]
    at: datetime | None = None
    left_out: tuple[str, ...] = ()


def loads(webhook: Webhook, body: bytes) -> Any:
    """The body as data. Raises NotReadable."""
    try:
        text = body.decode("utf-8")
        if webhook.format == "form":
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=500))
        return json.loads(text)
    except UnicodeDecodeError:
        raise NotReadable("the body is no text in UTF-8") from None
    except RecursionError:
        raise NotReadable("the body is nested too deeply") from None
    except ValueError:
        raise NotReadable(f"the body is no {'form' if webhook.format == 'form' else 'JSON'}") from None


def id_of(webhook: Webhook, data: Any, headers: Mapping[str, str]) -> str:
    """The delivery's own id, '' if it has none."""
    if webhook.id_header is not None:
        wanted = webhook.id_header.lower()
        return next((value for name, value in headers.items() if name.lower() == wanted), "")[:200]
    found = webhook.id(data) if webhook.id is not None else None
    return str(found)[:200] if isinstance(found, str | int) and not isinstance(found, bool) else ""


def read(webhook: Webhook, data: Any, named_by_header: str = "") -> Told:
    """Which records a delivery is about. `named_by_header` is what `resource_header` holds."""
    found = webhook.events(data)
    events: Sequence[Any] = found if isinstance(found, list) else [] if found is None else [found]
    left_out: list[str] = []
    if not events:
        left_out.append(f"no events where the configuration looks for them: {webhook.events.text}")
    if len(events) > MOST_EVENTS:
        left_out.append(f"{len(events) - MOST_EVENTS} events beyond the first {MOST_EVENTS}")
    by_name: dict[str, dict[str, None]] = {}
    room = MOST_KEYS
    for event in events[:MOST_EVENTS]:
        said = _said(webhook, event, named_by_header)
        keys = by_name.setdefault(said, {})
        for key in _keys(webhook.records(event) if webhook.records is not None else None, left_out):
            if key not in keys and room:
                keys[key] = None
                room -= 1
    if not room:
        left_out.append(f"keys beyond the first {MOST_KEYS}")
    named = tuple(Named(ours(webhook, said), said, tuple(keys)) for said, keys in by_name.items())
    return Told(named, _time(webhook.time, events), tuple(dict.fromkeys(left_out)))


def ours(webhook: Webhook, said: str) -> str:
    """Our name for what a delivery calls a resource, '' if there is none."""
    if not webhook.resources:
        return said
    if said in webhook.resources:
        return webhook.resources[said]
    return next((name for pattern, name in webhook.resources.items() if fnmatchcase(said, pattern)), "")


def _said(webhook: Webhook, event: Any, named_by_header: str) -> str:
    found = webhook.resource(event) if webhook.resource is not None else named_by_header
    return clean(shortened(found, 100)) if isinstance(found, str | int) else ""


def _keys(found: Any, left_out: list[str]) -> list[str]:
    """The keys in what was selected; what is none is told."""
    keys = []
    for one in found if isinstance(found, list) else [] if found is None else [found]:
        if isinstance(one, bool) or not isinstance(one, str | int) or one == "":
            left_out.append(f"no key: {clean(kind(one))}")
        elif len(str(one)) > LONGEST_KEY or clean(str(one)) != str(one):
            left_out.append("a key that no record has: too long, or not printable")
        else:
            keys.append(str(one))
    return keys


def clean(text: str) -> str:
    """A text that a database keeps and a page shows, whatever was sent."""
    return "".join(c for c in text.encode("utf-8", "replace").decode() if c.isprintable())


def _time(selector: Selector | None, events: Sequence[Any]) -> datetime | None:
    """When the newest of the events happened, by the payload's word: for showing only."""
    if selector is None:
        return None
    found = [_moment(selector(event)) for event in events[:MOST_EVENTS]]
    return max((one for one in found if one is not None), default=None)


def _moment(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
        return moment(value, "iso")
    number = float(value)
    return moment(str(value), "milliseconds" if number > 1e11 else "seconds")
