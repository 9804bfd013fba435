"""Writing to one resource: one outcome per write, in order, and never a guess.

A system with versions refuses stale writes itself (atomic). For any other the records are read just
before they are written, in small steps, and compared with what was expected (checked). A write that was
sent and not answered is UNKNOWN, and nothing is ever sent twice.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from connectors.base import (
    ConnectorError,
    Misconfigured,
    Op,
    Outcome,
    Record,
    Result,
    Retry,
    Unknown,
    Unreadable,
    Write,
)

from .batching import BatchSender
from .client import Answer, Client
from .reading import Reader
from .resource import Shape
from .schema import Schema
from .values import Unwritable, encode, nested, pick, same, wire

_LATER = (408, 423, 425, 429, 503)
_STALE = (409, 412, 428)
_NAMESPACE = uuid.UUID("6f0e9c7a-3d57-5b8c-9a54-2f8d0c1b7e11")  # of the ids made for new records
_ATOMIC_STEP, _BATCH_STEP, _SINGLE_STEP = 100, 25, 8
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"

Entries = Mapping[str, tuple[dict[str, Any], str | None]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A write as it will be sent."""

    write: Write
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    key: str | None
    read_at: float | None = None


class Halt:
    """Remembers, within one call, whether anything was sent and why no more should be."""

    def __init__(self) -> None:
        self.sent = False
        self.outcome: Outcome | None = None
        self.error: ConnectorError | None = None

    def stop(self, error: ConnectorError, said: str) -> Outcome:
        """No more requests in this call; those left are to be tried later."""
        after = error.after if isinstance(error, Retry) else None
        self.error = self.error or error
        self.outcome = Outcome(Result.RETRY, said=said, after=after)
        return self.outcome


class Writer:
    """Writes to one resource of one system."""

    def __init__(self, client: Client, shape: Shape, reader: Reader, schema: Schema) -> None:
        self._client, self._shape, self._reader, self._schema = client, shape, reader, schema
        self._batches = BatchSender(client, shape) if shape.config.batch else None

    def write(
        self, writes: Sequence[Write], fields: Sequence[str], pool: ThreadPoolExecutor | None
    ) -> list[Outcome]:
        """Carry out the writes. Raises only if nothing at all was sent."""
        outcomes: list[Outcome] = []
        halt = Halt()
        self._schema.require(
            {name for write in writes for name in (*write.values, *write.expected)} | {*fields}
        )
        for step in self._steps(writes):
            try:
                outcomes += self._step(step, fields, pool, halt)
            except ConnectorError as error:  # while reading: nothing of this step was sent
                stopped = halt.stop(error, self._client.clean(str(error)))
                outcomes += [replace(stopped, key=write.key) for write in step]
        if halt.error is not None and not halt.sent:
            raise halt.error
        self._refuse_all(outcomes)
        return outcomes

    def _refuse_all(self, outcomes: Sequence[Outcome]) -> None:
        """Raise Misconfigured if the system refused every single write for want of permission."""
        said = [outcome.said for outcome in outcomes]
        hopeless = ("status 401", "status 3") if len(said) == 1 else ("status 401", "status 3", "status 403")
        if said and all(words.startswith(hopeless) for words in said):
            raise Misconfigured(
                "every write was refused: check `auth`, base_url and the permissions of the account",
                system=self._shape.system,
                resource=self._shape.name,
                said=said[0],
            )

    def _steps(self, writes: Sequence[Write]) -> Iterator[list[Write]]:
        """Small steps, so that little time passes between reading and writing; no key twice in one."""
        step: list[Write] = []
        keys: set[str] = set()
        for write in writes:
            if len(step) >= self._size() or write.key in keys:
                yield step
                step, keys = [], set()
            step.append(write)
            if write.key is not None:
                keys.add(write.key)
        if step:
            yield step

    def _size(self) -> int:
        """Records a step: few where they are read first and then written one by one."""
        told = self._shape.config
        together = self._batches is not None and self._batches.allowed
        return told.pace.chunk or (
            _ATOMIC_STEP if told.version else _BATCH_STEP if together else _SINGLE_STEP
        )

    def _step(
        self, step: Sequence[Write], fields: Sequence[str], pool: ThreadPoolExecutor | None, halt: Halt
    ) -> list[Outcome]:
        if halt.outcome is not None:
            return [replace(halt.outcome, key=write.key) for write in step]
        reads = [write.key for write in step if write.key is not None and self._must_read(write)]
        read_at = time.perf_counter()
        entries, absent = self._reader.entries(reads, None) if reads else ({}, set())
        outcomes: list[Outcome | None] = []
        prepared: list[tuple[int, Prepared]] = []
        for place, write in enumerate(step):
            try:
                made = self._prepare(write, entries, absent, read_at if write.key in reads else None)
            except Unwritable as error:
                made = Outcome(Result.REJECTED, write.key, said=f"cannot be written as JSON: {error}")
            outcomes.append(made if isinstance(made, Outcome) else None)
            if isinstance(made, Prepared):
                prepared.append((place, made))
        done = self._send_all([ready for _, ready in prepared], fields, pool, halt)
        for (place, _), outcome in zip(prepared, done, strict=True):
            outcomes[place] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    # ------------------------------------------------------------ preparing

    def _must_read(self, write: Write) -> bool:
        """Is something to be compared or completed that only a read can tell?"""
        if write.op is Op.CREATE:
            return False
        told = self._shape.config
        conditional = told.version is not None and write.version is not None
        whole = (
            write.op is Op.UPDATE
            and told.update.nested == "replace"
            and any("." in name for name in write.values)
        )
        return whole or (not conditional and bool(write.expected or write.version))

    def _prepare(
        self, write: Write, entries: Entries, absent: set[str], read_at: float | None
    ) -> Prepared | Outcome:
        told = self._shape.config
        if write.op is Op.CREATE:
            return self._prepare_create(write)
        if write.key is None:
            return Outcome(Result.REJECTED, said=f"{write.op} without a key")
        entry: dict[str, Any] | None = None
        version = write.version if told.version else None
        if read_at is not None:
            if write.key in absent:
                return Outcome(Result.GONE, write.key, said="the record is not there")
            if write.key not in entries:
                return Outcome(Result.RETRY, write.key, said="the record could not be read before writing it")
            entry, etag = entries[write.key]
            self._schema.require_in(entry, write.values)
            current = self._shape.version(entry, etag)
            stale = self._differing(write, entry, current)
            if stale:
                return Outcome(Result.STALE, write.key, said=stale)
            version = current
        headers = dict(told.update.headers if write.op is Op.UPDATE else told.delete.headers)
        if version is not None and told.version and told.version.type == "etag":
            headers[told.version.header] = (
                told.version.format.format(version=version) if told.version.field else version
            )
        if write.op is Op.DELETE:
            path = self._shape.item(write.key, told.delete.path)
            return Prepared(write, told.delete.method, path, headers, told.delete.body, write.key, read_at)
        onto = (entry or {}) if told.update.nested == "replace" else None
        body = nested(self._wire(write.values), onto)
        if version is not None and told.version and told.version.type == "field" and told.version.field:
            body[told.version.field] = int(version) if version.isdigit() else version
        body = _enveloped(told.update.envelope, body)
        encode(body)
        path = self._shape.item(write.key, told.update.path)
        return Prepared(write, told.update.method, path, headers, body, write.key, read_at)

    def _prepare_create(self, write: Write) -> Prepared:
        told = self._shape.config
        key = write.key or self.made_key(write.idempotency)
        values = self._wire(write.values)
        if key is not None:
            values[told.key] = self._shape.raw_key(key)
        headers = dict(told.create.headers)
        if told.create.idempotency_header and write.idempotency:
            headers[told.create.idempotency_header] = write.idempotency
        path = self._shape.item(key or "", told.create.path or "{path}")
        body = _enveloped(told.create.envelope, nested(values))
        encode(body)
        return Prepared(write, told.create.method, path, headers, body, key)

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
        return {name: wire(value, told.datetimes, told.decimals) for name, value in values.items()}

    def _differing(self, write: Write, entry: Mapping[str, Any], version: str | None) -> str:
        """Why the record is not as expected; empty if it is."""
        if write.version is not None and self._shape.config.version and version != write.version:
            return f"the version is {version}, not {write.version}"
        if write.version is not None and self._shape.config.version:
            return ""
        for name, expected in write.expected.items():
            try:
                actual = pick(entry, name)
            except KeyError:
                actual = None
            if not same(expected, actual):
                return f"{name} was changed meanwhile"
        return ""

    # ------------------------------------------------------------ sending

    def _send_all(
        self, prepared: Sequence[Prepared], fields: Sequence[str], pool: ThreadPoolExecutor | None, halt: Halt
    ) -> list[Outcome]:
        if self._batches is not None and len(prepared) > 1:
            answers = self._batches.send(prepared, halt)
        else:
            answers = [None] * len(prepared)

        def carry_out(place: int) -> Outcome:
            ready, answer = prepared[place], answers[place]
            if isinstance(answer, Outcome):
                return answer
            return self._judged(ready, answer, fields, halt) if answer else self._send(ready, fields, halt)

        if pool is None or len(prepared) < 2:
            return [carry_out(place) for place in range(len(prepared))]
        return list(pool.map(carry_out, range(len(prepared))))

    def _send(self, ready: Prepared, fields: Sequence[str], halt: Halt) -> Outcome:
        if halt.outcome is not None:
            return replace(halt.outcome, key=ready.key)
        try:
            answer = self._client.send(ready.method, ready.path, body=ready.body, headers=ready.headers)
        except Unknown as error:
            halt.sent = True
            return Outcome(
                Result.UNKNOWN, ready.key, said=self._client.clean(f"{error.message} {error.said}")
            )
        except ConnectorError as error:
            return replace(halt.stop(error, self._client.clean(str(error))), key=ready.key)
        halt.sent = True
        return self._judged(ready, answer, fields, halt)

    def _judged(self, ready: Prepared, answer: Answer, fields: Sequence[str], halt: Halt) -> Outcome:
        """What the answer to a write means."""
        told, key, status = self._shape.config, ready.key, answer.status
        window = None if ready.read_at is None or told.version else time.perf_counter() - ready.read_at
        if answer.ok:
            try:
                record = self._left(ready, answer, fields)
            except Unreadable as error:
                return Outcome(
                    Result.UNKNOWN, key, said=f"done, but its answer is not readable: {error}", window=window
                )
            return Outcome(Result.APPLIED, record.key if record else key, record, window=window)
        said = f"status {status} {self._client.words(answer)}".strip()
        outcome = Outcome(Result.REJECTED, key, said=said, window=window)
        if status in _LATER:
            halt.outcome = replace(outcome, result=Result.RETRY, key=None, after=answer.after)
            return replace(halt.outcome, key=key)
        if status >= 500:
            return replace(outcome, result=Result.UNKNOWN)
        if status == 401 or 300 <= status < 400:
            halt.outcome = replace(outcome, result=Result.RETRY, key=None)
            return replace(halt.outcome, key=key)
        if ready.write.op is Op.CREATE:
            return (
                self._existing(ready, outcome, fields)
                if key and status in (*told.create.exists, 400)
                else outcome
            )
        if status in _STALE:
            return replace(outcome, result=Result.STALE)
        return self._missing(outcome) if status in told.gone else outcome

    def _left(self, ready: Prepared, answer: Answer, fields: Sequence[str]) -> Record | None:
        """The record as this write left it, if the answer holds it."""
        if ready.write.op is Op.DELETE or not self._shape.config.answers or not answer.content.strip():
            return None
        entry = self._reader.entry(answer)
        return self._shape.record(entry, fields, answer.headers.get("ETag"))

    def _existing(self, ready: Prepared, refused: Outcome, fields: Sequence[str]) -> Outcome:
        """A create with a key of ours was refused: was it carried out before, or is the key another's?"""
        try:
            entry, etag, _ = self._reader.one(str(ready.key))
        except ConnectorError as error:
            return replace(refused, result=Result.RETRY, said=str(error))
        if entry is None:
            return refused
        values = ready.write.values
        if all(same(value, self._value(entry, name)) for name, value in values.items()):
            return Outcome(Result.APPLIED, ready.key, self._shape.record(entry, fields, etag))
        return replace(
            refused, result=Result.STALE, said=f"a record with this key is there already ({refused.said})"
        )

    def _missing(self, outcome: Outcome) -> Outcome:
        """A write was answered with 'not found': is the record gone, or is it only not ours to write?"""
        try:
            found = self._reader.entries([str(outcome.key)], None)
        except ConnectorError as error:
            return replace(outcome, result=Result.RETRY, said=str(error))
        if outcome.key in found[1]:
            return replace(outcome, result=Result.GONE)
        if outcome.key in found[0]:
            return replace(
                outcome, said=f"{outcome.said} (but the record is there: has the account the permission?)"
            )
        return replace(outcome, result=Result.RETRY)

    @staticmethod
    def _value(entry: Mapping[str, Any], name: str) -> Any:
        try:
            return pick(entry, name)
        except KeyError:
            return None


def _enveloped(envelope: str, body: dict[str, Any]) -> dict[str, Any]:
    for name in reversed(envelope.split(".") if envelope else []):
        body = {name: body}
    return body
