"""Putting back what a probe wrote, one field at a time, and nothing that somebody else wrote."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from connectors.base import Connector, Op, Record, Result, Retry, Write
from syncadmin.config.connect import open_connector
from syncadmin.core.fieldtype import FieldType, Kind
from syncadmin.core.probing import SCALE, Probe, ours
from syncadmin.core.side import Side
from syncadmin.core.values import Unfit, reader
from syncadmin.models import ProbeHold

RESTORED, THEIRS, GONE, REFUSED, OTHER = "restored", "theirs", "gone", "refused", "other"
TRIES = 3
SHOWN = 60
KEPT = 80

_TAGS: dict[str, tuple[type, Any]] = {
    "$decimal": (Decimal, Decimal),
    "$datetime": (datetime, datetime.fromisoformat),
    "$date": (date, date.fromisoformat),
}


def pack(value: Any) -> str:
    """A raw value as text that `unpack` makes the same value of. Raises TypeError for any other."""

    def tagged(value: Any) -> Any:
        for tag, (kind, _make) in _TAGS.items():
            if isinstance(value, kind):
                return {tag: str(value) if kind is Decimal else value.isoformat()}
        raise TypeError(f"{type(value).__name__} is no raw value")

    return json.dumps(value, default=tagged, sort_keys=True)


def unpack(text: str) -> Any:
    """The raw value that `pack` was given."""

    def untagged(found: dict[str, Any]) -> Any:
        tag = next(iter(found), "")
        return _TAGS[tag][1](found[tag]) if len(found) == 1 and tag in _TAGS else found

    return json.loads(text, object_hook=untagged)


def shown(value: Any) -> str:
    """A value as a report shows it: short, with marks for what can't be seen."""
    text = value if isinstance(value, str) else "null" if value is None else str(value)
    short = text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
    return json.dumps(short, ensure_ascii=True)[1:-1] if not short.isprintable() else short


def kept(value: Any) -> Any:
    """A value as it is kept for a page, which makes visible what can't be seen: not all of a long text."""
    if value is None or isinstance(value, bool | int):
        return value
    text = str(value).replace("\x00", "\u2400").encode("utf-8", "replace").decode()
    return text if len(text) <= KEPT else f"{text[:KEPT]}…"


def settle(hold: ProbeHold) -> str:
    """Put the original back, if the probe's value is there; answers how that ended. Raises ConnectorError."""
    connector = open_connector(hold.resource.system)
    try:
        for _try in range(TRIES):
            record = _record(connector, hold)
            if record is None:
                return GONE
            found = record.values.get(hold.source)
            if pack(found) == hold.original:
                return RESTORED
            if not is_ours(hold, found):
                return THEIRS
            result = _put_back(connector, hold, record)
            if result is Result.REJECTED:
                return REFUSED
            if result is Result.APPLIED:
                after = _record(connector, hold)
                same = after is not None and pack(after.values.get(hold.source)) == hold.original
                return RESTORED if same else OTHER
            if result in (Result.RETRY, Result.UNKNOWN):
                break
        raise Retry("the original could not be put back yet", resource=hold.resource.name, key=hold.key)
    finally:
        connector.close()


def is_ours(hold: ProbeHold, found: Any) -> bool:
    """Whether a field holds what a probe left there, known or as the unanswered one may have left it."""
    packed = pack(found)
    if packed in hold.known:
        return True
    if hold.sent is None:
        return False
    name, value, raw = hold.sent
    if packed == raw:
        return True
    try:
        canonical = reader(FieldType(Kind(hold.kind), SCALE), Side(hold.side))(found)
    except Unfit:
        return False
    return ours(Kind(hold.kind), Probe(name, value), canonical)


def _record(connector: Connector, hold: ProbeHold) -> Record | None:
    """The record as it is now, None if it is not there. Raises Retry if the system does not say."""
    fetched = connector.fetch(hold.resource.name, [hold.key], fields=[hold.source])
    if hold.key not in fetched.found and hold.key not in fetched.absent:
        raise Retry("the system does not say how the record is", resource=hold.resource.name, key=hold.key)
    return fetched.found.get(hold.key)


def _put_back(connector: Connector, hold: ProbeHold, record: Record) -> Result:
    """Write the original over exactly what was read."""
    original = {hold.source: unpack(hold.original)}
    expected = {hold.source: record.values.get(hold.source)}
    version = record.version if connector.capabilities(hold.resource.name).versions else None
    write = Write(Op.UPDATE, hold.key, original, expected, version)
    return connector.write(hold.resource.name, [write], fields=[hold.source])[0].result
