"""Writing to one resource: one outcome per write, in order, and never a guess.

A system with versions refuses stale writes itself (atomic). For any other the records are read just
before they are written, in small steps, and compared with what was expected (checked). A write that was
sent and not answered is UNKNOWN, and nothing is ever sent twice.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

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
from connectors.trying import Exchange

from .batching import BatchSender
from .client import Answer, Client
from .judging import verdict, words
from .preparing import Prepared, Preparer, value_of
from .reading import Reader
from .resource import Shape
from .schema import Schema
from .sending import KeyInBody, KeyInLink
from .values import Unwritable, same

_ATOMIC_STEP, _BATCH_STEP, _SINGLE_STEP = 100, 25, 8
_NOT: Any = object()


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
        self.preparer = Preparer(shape, schema)
        told = shape.config
        together = told.batch or any(one.many for one in (told.create, told.update, told.delete))
        self._batches = BatchSender(client, shape, self.preparer) if together else None

    def write(
        self, writes: Sequence[Write], fields: Sequence[str], pool: ThreadPoolExecutor | None
    ) -> list[Outcome]:
        """Carry out the writes. Raises only if nothing at all was sent."""
        outcomes: list[Outcome] = []
        halt = Halt()
        self._require(writes, fields)
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

    def foresee(self, write: Write) -> list[Exchange] | Outcome:
        """The requests that a write would be, one after the other; its outcome if none would be sent."""
        self._require([write], ())
        outcomes, prepared = self._prepared([write])
        if outcomes[0] is not None:
            return outcomes[0]
        ready, shape = prepared[0][1], self._shape
        once = shape.config.create.once if write.op is Op.CREATE else None
        asked = [self._client.foresee(once.method, shape.fill(once.path, path=shape.path))] if once else []
        made = self._client.foresee(
            ready.method,
            ready.path,
            params=ready.params,
            body=ready.body,
            headers=ready.headers,
            form=shape.form_lists,
        )
        return [*asked, replace(made, address="…") if once else made]

    def _require(self, writes: Sequence[Write], fields: Sequence[str]) -> None:
        """Raises Misconfigured if a field is named that the resource has not."""
        named = {name for write in writes for name in (*write.values, *write.expected)}
        self._schema.require(named | {*fields})

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
        outcomes, prepared = self._prepared(step)
        done = self._send_all([ready for _, ready in prepared], fields, pool, halt)
        for (place, _), outcome in zip(prepared, done, strict=True):
            outcomes[place] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def _prepared(self, step: Sequence[Write]) -> tuple[list[Outcome | None], list[tuple[int, Prepared]]]:
        """Outcomes of what need not be sent, and what is to be sent, by its place. Reads what it must."""
        reads = [write.key for write in step if write.key is not None and self.preparer.must_read(write)]
        read_at = time.perf_counter()
        version = self._shape.config.version
        alone = version is not None and version.type == "etag" and version.field is None
        entries, absent = self._reader.entries(reads, None, alone=alone) if reads else ({}, set())
        outcomes: list[Outcome | None] = []
        prepared: list[tuple[int, Prepared]] = []
        for place, write in enumerate(step):
            try:
                made = self.preparer.prepare(write, entries, absent, read_at if write.key in reads else None)
            except Unwritable as error:
                made = Outcome(Result.REJECTED, write.key, said=f"cannot be written as JSON: {error}")
            outcomes.append(made if isinstance(made, Outcome) else None)
            if isinstance(made, Prepared):
                prepared.append((place, made))
        return outcomes, prepared

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
            answer = self._client.send(
                ready.method,
                self._one_time(ready) or ready.path,
                params=ready.params,
                body=ready.body,
                headers=ready.headers,
                form=self._shape.form_lists,
            )
        except Unknown as error:
            halt.sent = True
            return Outcome(
                Result.UNKNOWN, ready.key, said=self._client.clean(f"{error.message} {error.said}")
            )
        except ConnectorError as error:
            return replace(halt.stop(error, self._client.clean(str(error))), key=ready.key)
        halt.sent = True
        outcome = self._judged(ready, answer, fields, halt)
        if ready.write.op is Op.CREATE and outcome.result not in (Result.UNKNOWN, Result.RETRY):
            self._forget_one_time(ready)
        return outcome

    def _one_time(self, ready: Prepared) -> str:
        """The address for this very create, '' where none is asked for. Raises ConnectorError."""
        told, shape = self._shape.config.create.once, self._shape
        if told is None or ready.write.op is not Op.CREATE:
            return ""
        name = self._once_name(ready)
        if name and (kept := self._client.memory.get(name)) is not None:
            return kept
        path = shape.fill(told.path, path=shape.path)
        answer = self._client.read(path, method=told.method)
        found = told.url(self._client.json(answer)) if told.url else answer.headers.get("Location")
        if not isinstance(found, str) or not found:
            raise Unreadable("no address for a create is told: check `create.once`", system=shape.system)
        url = str(self._client.follow(found, path))
        if name:
            self._client.memory.put(name, url)
        return url

    def _forget_one_time(self, ready: Prepared) -> None:
        if self._shape.config.create.once is not None and (name := self._once_name(ready)):
            self._client.memory.forget(name)

    def _once_name(self, ready: Prepared) -> str:
        """The name that the address is kept by; '' for a create that nobody could repeat."""
        if not ready.write.idempotency:
            return ""
        made = f"{self._shape.system}\n{self._shape.name}\n{ready.write.idempotency}"
        return "once:" + hashlib.sha256(made.encode()).hexdigest()

    def _judged(self, ready: Prepared, answer: Answer, fields: Sequence[str], halt: Halt) -> Outcome:
        """What the answer to a write means."""
        told, key = self._shape.config, ready.key
        window = None
        if ready.read_at is not None and not self.preparer.conditional(ready.write.op):
            window = time.perf_counter() - ready.read_at
        meant = verdict(self._shape, answer)
        if meant == "applied" and self._nothing_affected(ready, answer):
            outcome = Outcome(Result.STALE, key, said="nothing was written: the version was another one")
            return self._missing(outcome, there=Result.STALE)
        if meant == "applied":
            try:
                made, record = self._left(ready, answer, fields)
            except Unreadable as error:
                return Outcome(
                    Result.UNKNOWN, key, said=f"done, but its answer is not readable: {error}", window=window
                )
            return Outcome(Result.APPLIED, made, record, window=window)
        outcome = Outcome(Result.REJECTED, key, said=words(self._shape, self._client, answer), window=window)
        if meant == "retry":
            halt.outcome = replace(outcome, result=Result.RETRY, key=None, after=answer.after)
            return replace(halt.outcome, key=key)
        if meant == "unknown":
            return replace(outcome, result=Result.UNKNOWN)
        if ready.write.op is Op.CREATE:
            there = meant in ("exists", "stale") or answer.status in told.create.exists
            if there or (key and answer.status == 400):
                return self._existing(ready, answer, outcome, fields)
            return outcome
        if meant == "stale":
            return replace(outcome, result=Result.STALE)
        return self._missing(outcome) if meant == "gone" else outcome

    def _left(
        self, ready: Prepared, answer: Answer, fields: Sequence[str]
    ) -> tuple[str | None, Record | None]:
        """The key, and the record as this write left it if the answer holds it. Raises Unreadable."""
        write, shape = ready.write, self._shape
        if write.op is Op.DELETE:
            return ready.key, None
        told = self.preparer.operation(write.op).record
        key = ready.key if write.op is Op.UPDATE else self._told_key(answer) or ready.key
        silent = not answer.content.strip()
        if key is None and silent:
            raise Unreadable("it tells no key: say where it is by `create.key`", system=shape.system)
        if silent or not shape.config.answers:
            return key or shape.key(self._reader.entry(answer, told)), None
        if key is None or not (write.op is Op.CREATE and shape.config.create.key):
            entry = self._reader.entry(answer, told)
            key = shape.key(entry)
        elif not isinstance(found := (told or shape.config.record)(answer.json()), dict):
            return key, None
        else:
            entry = shape.plain({shape.config.key: key, **found})
        if not shape.config.sparse and any(value_of(entry, name, _NOT) is _NOT for name in write.values):
            return key, None  # only an extract: whoever needs the record reads it
        return key, shape.record(entry, fields, answer.headers.get("ETag"))

    def _told_key(self, answer: Answer) -> str | None:
        """The key of a new record, where the configuration says it is told."""
        match self._shape.config.create.key:
            case KeyInBody() as told:
                found = told.select(self._client.json(answer))
                return None if found in (None, "") else str(found)
            case KeyInLink() as told:
                place = answer.headers.get(told.header) if told.type == "location" else None
                place = told.select(self._client.json(answer)) if told.type == "link" else place
                found = re.search(told.pattern, str(place)) if place else None
                return unquote(found[1]) if found else None
            case _:
                return None

    def _nothing_affected(self, ready: Prepared, answer: Answer) -> bool:
        """Does a good answer tell that nothing was written?"""
        told = self.preparer.operation(ready.write.op).affected
        if told is None or ready.write.op is Op.CREATE:
            return False
        try:
            found = told(answer.json())
        except ValueError:
            return False
        return found in (None, 0, False) or found == [] or found == {}

    def _existing(self, ready: Prepared, answer: Answer, refused: Outcome, fields: Sequence[str]) -> Outcome:
        """A create was refused because of a record that is there: is it this one, carried out before?"""
        told, write = self._shape.config.create, ready.write
        try:
            key = ready.key or self._key_there(answer, write)
            entry, etag, _ = self._reader.one(key) if key else (None, None, False)
        except ConnectorError as error:
            return replace(refused, result=Result.RETRY, said=str(error))
        if entry is None or key is None:
            return refused
        values, ready = write.values, replace(ready, key=key)
        if all(same(value, value_of(entry, name), self._shape.times) for name, value in values.items()):
            return Outcome(Result.APPLIED, ready.key, self._shape.record(entry, fields, etag))
        ours = write.key or told.id or told.idempotency_header or told.idempotency_field
        return replace(
            refused,
            key=key,
            result=Result.STALE if ours else Result.REJECTED,  # else it may be anybody's
            said=f"a record with this key is there already ({refused.said})",
        )

    def _key_there(self, answer: Answer, write: Write) -> str | None:
        """The key of the record that keeps this one from being made. Raises ConnectorError."""
        told = self._shape.config.create
        try:
            found = told.there(answer.json()) if told.there else None
        except ValueError:
            found = None
        if found not in (None, ""):
            return str(found)
        name = told.idempotency_field or told.natural
        value = write.idempotency if told.idempotency_field else write.values.get(told.natural or "")
        if name is None or value in (None, ""):
            return None
        records = self._reader.find(name, [value], [name])
        return records[0].key if len(records) == 1 else None

    def _missing(self, outcome: Outcome, there: Result | None = None) -> Outcome:
        """A write was answered with 'not found': is the record gone, or is it only not ours to write?"""
        try:
            found = self._reader.entries([str(outcome.key)], None)
        except ConnectorError as error:
            return replace(outcome, result=Result.RETRY, said=str(error))
        if outcome.key in found[1]:
            return replace(outcome, result=Result.GONE)
        if outcome.key in found[0] and there is not None:
            return replace(outcome, result=there)
        if outcome.key in found[0]:
            return replace(
                outcome, said=f"{outcome.said} (but the record is there: has the account the permission?)"
            )
        return replace(outcome, result=Result.RETRY)
