"""Writes as they will be sent: address, headers and body of each, with what makes it conditional.

Compares what was just read with what was expected; sends nothing.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connectors.base import Misconfigured, Op, Outcome, Result, Write

from .asking import TimeFormat
from .bodies import enveloped, keyed, laid_over
from .moments import Moments
from .resource import Shape
from .schema import Schema
from .sending import Create, Delete, Operation, Update, Version
from .values import encode, nested, pick, same, wire

_NAMESPACE = uuid.UUID("6f0e9c7a-3d57-5b8c-9a54-2f8d0c1b7e11")  # of the ids made for new records
_HTTP = Moments(TimeFormat.HTTP)
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"

Entries = Mapping[str, tuple[dict[str, Any], str | None]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A write as it will be sent. `item` is its body before the envelope, for those sent together."""

    write: Write
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    key: str | None
    read_at: float | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    item: Mapping[str, Any] = field(default_factory=dict)
    conditional: bool = False
    """A header of its own makes it conditional: it can't be one of many."""


class Preparer:
    """Prepares writes to one resource."""

    def __init__(self, shape: Shape, schema: Schema) -> None:
        self._shape, self._schema = shape, schema

    def operation(self, op: Op) -> Create | Update | Delete:
        """How the system does this."""
        told = self._shape.config
        return told.create if op is Op.CREATE else told.update if op is Op.UPDATE else told.delete

    def conditional(self, op: Op) -> bool:
        """Does the system itself refuse this operation on another version?"""
        version = self._shape.config.version
        if version is None or version.seconds or op is Op.CREATE:
            return False
        if version.type == "etag" or (version.type == "field" and op is Op.UPDATE):
            return True
        told = self.operation(op)
        return "{version}" in f"{told.path} {told.params} {told.headers} {told.body}"

    def must_read(self, write: Write) -> bool:
        """Is something to be compared or completed that only a read can tell?"""
        if write.op is Op.CREATE:
            return False
        told = self._shape.config
        conditional = self.conditional(write.op) and write.version is not None
        if told.version is not None and told.version.mandatory and not conditional:
            return True
        sent_as = (told.written_as.get(name, name) for name in write.values)
        whole = write.op is Op.UPDATE and (
            told.update.whole or (told.update.nested == "replace" and any("." in name for name in sent_as))
        )
        return whole or (not conditional and bool(write.expected or write.version))

    def prepare(
        self, write: Write, entries: Entries, absent: set[str], read_at: float | None
    ) -> Prepared | Outcome:
        """The write, or its outcome if it need not be sent. Raises Unwritable or Misconfigured."""
        told = self._shape.config
        if write.op is Op.CREATE:
            return self._create(write)
        if write.key is None:
            return Outcome(Result.REJECTED, said=f"{write.op} without a key")
        entry: dict[str, Any] | None = None
        version = write.version if told.version and not told.version.seconds else None
        if read_at is not None:
            if write.key in absent:
                return Outcome(Result.GONE, write.key, said="the record is not there")
            if write.key not in entries:
                return Outcome(Result.RETRY, write.key, said="the record could not be read before writing it")
            entry, etag = entries[write.key]
            self._schema.require_in(entry, write.values)
            current = self._shape.version(entry, etag)
            if stale := self._differing(write, entry, current):
                return Outcome(Result.STALE, write.key, said=stale)
            version = current
        if write.op is Op.DELETE and not told.delete.possible:
            return Outcome(Result.REJECTED, write.key, said="records can't be deleted here by the hub")
        headers = {}
        untold = told.version is None or (told.version.seconds and write.op is Op.DELETE)
        if version is not None and told.version and told.version.type == "etag" and not untold:
            headers[told.version.header] = self._shown(told.version, version)
        if write.op is Op.DELETE:
            return self._made(write, told.delete, write.key, {}, headers, read_at, version)
        values = self._changed(write, entry)
        if version is not None and told.version and told.version.type == "field" and told.version.field:
            values[told.version.field] = _number(version)
        return self._made(write, told.update, write.key, values, headers, read_at, version)

    def _shown(self, told: Version, version: str) -> str:
        """A version as its header has it. Of a time in seconds, the first one that is not before it."""
        if told.seconds and (moment := self._shape.moments.read(version)) is not None:
            return str(_HTTP.write(moment + timedelta(microseconds=-moment.microsecond % 1_000_000)))
        shown = told.format.format(version=version) if told.field else version
        return strong(shown) if told.weak == "strip" else shown

    def _create(self, write: Write) -> Prepared:
        told = self._shape.config.create
        key = write.key or self.made_key(write.idempotency)
        values = self._wire(write.values)
        if key is not None:
            values[self._shape.config.key] = self._shape.raw_key(key)
        headers = {}
        if told.idempotency_header and write.idempotency:
            headers[told.idempotency_header] = write.idempotency
        if told.idempotency_field and write.idempotency:
            values[told.idempotency_field] = write.idempotency
        return self._made(write, told, key, nested(values), headers, None)

    def _changed(self, write: Write, entry: Mapping[str, Any] | None) -> dict[str, Any]:
        """What is sent of a changed record: what it names, or all of it."""
        told = self._shape.config.update
        if told.whole:
            kept = {name: value for name, value in (entry or {}).items() if name not in told.omit}
            return {**kept, **nested(self._wire(write.values), kept)}
        return nested(self._wire(write.values), (entry or {}) if told.nested == "replace" else None)

    def _made(
        self,
        write: Write,
        told: Create | Update | Delete,
        key: str | None,
        values: dict[str, Any],
        headers: Mapping[str, str],
        read_at: float | None,
        version: str | None = None,
    ) -> Prepared:
        shape, name, conditional = self._shape, key or "", bool(headers)
        known: dict[str, Any] = {"key": shape.raw_key(name), "version": _number(version or "")}
        texts = {"key": name, "version": version or ""}
        envelope = shape.fill(told.envelope)
        if isinstance(told, Delete):
            body = None if told.body is None else enveloped(envelope, shape.body(told.body, known))
        elif "{values}" in str(told.body):
            body = shape.body(told.body, {**known, "values": enveloped(envelope, values)})
        else:
            body = laid_over(shape.body(told.body, known), enveloped(envelope, values))
        encode(body)  # what can't be written is noticed before anything is sent
        params = {param: shape.fill(str(keyed(text, texts))) for param, text in told.params.items()}
        headers = {**{header: str(keyed(text, texts)) for header, text in told.headers.items()}, **headers}
        path = shape.item(name, told.path or ("{path}" if isinstance(told, Create) else None), version or "")
        return Prepared(
            write,
            told.method,
            path,
            headers,
            body,
            key,
            read_at,
            params,
            values,
            "{version}" in f"{told.path} {told.params} {told.headers} {told.body}" or conditional,
        )

    def together(self, ready: Prepared, told: Operation) -> Any:
        """How this write stands in the list of those sent together."""
        many = told.many
        raw = self._shape.raw_key(ready.key or "")
        if many is not None and many.items == "keys":
            return raw
        key = {(many and many.key) or self._shape.config.key: raw} if ready.key else {}
        return {**ready.item, **key}

    def made_key(self, idempotency: str) -> str | None:
        """The key that we give to a new record, the same for the same idempotency; None: the system does."""
        told = self._shape.config.create.id
        if told is None:
            return None
        if told.type == "uuid":
            return str(uuid.uuid5(_NAMESPACE, idempotency) if idempotency else uuid.uuid4())
        number = int.from_bytes(hashlib.sha256((idempotency or uuid.uuid4().hex).encode()).digest(), "big")
        digits = ""
        for _ in range(told.length):
            number, digit = divmod(number, 36)
            digits += _ALPHABET[digit]
        return digits

    def _wire(self, values: Mapping[str, Any]) -> dict[str, Any]:
        told = self._shape.config
        return {told.written_as.get(name, name): self._wired(name, value) for name, value in values.items()}

    def _wired(self, name: str, value: Any) -> Any:
        """A value as it is sent. Raises Misconfigured for one of a kind that nobody has said how to write."""
        shape, told = self._shape, self._shape.config
        empty = told.empty_as.get(name, False if told.false_is_empty else None)
        plain = empty if value is None else wire(value, shape.times, told.decimals)
        if told.forms is None or not told.forms.covers(name):
            return plain
        kind = self._schema.native(name)
        if kind not in told.forms.kinds:
            raise Misconfigured(
                f"{name} is of the kind {kind or 'unknown'}, which can't be written here",
                system=shape.system,
                resource=shape.name,
            )
        return told.forms.kinds[kind].written(plain)

    def _differing(self, write: Write, entry: Mapping[str, Any], version: str | None) -> str:
        """Why the record is not as expected; empty if it is."""
        if write.version is not None and self._shape.config.version and not self._shape.vague:
            same_version = strong(version or "") == strong(write.version)
            return "" if same_version else f"the version is {version}, not {write.version}"
        for name, expected in write.expected.items():
            if not same(expected, value_of(entry, name), self._shape.times):
                return f"{name} was changed meanwhile"
        return ""


def strong(etag: str) -> str:
    """An ETag without what makes it weak."""
    return etag.removeprefix("W/")


def _number(version: str) -> str | int:
    """A version as a body has it: a number, if it is one."""
    return int(version) if version.isdecimal() and len(version) < 19 else version


def value_of(entry: Mapping[str, Any], name: str, otherwise: Any = None) -> Any:
    """A field of a record as it was read; `otherwise` if it was not delivered."""
    try:
        return pick(entry, name)
    except KeyError:
        return otherwise
