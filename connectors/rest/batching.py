"""Many writes in one request, for systems that have an address for that.

Answers one answer per write, to be judged like any other; where a transactional batch was undone because
of one of them, nothing is said, and they are sent one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx

from connectors.base import ConnectorError, Op, Outcome, Result, Unknown

from .bodies import enveloped
from .client import Answer, Client
from .preparing import Prepared, Preparer
from .resource import Shape
from .sending import Many
from .values import encode

if TYPE_CHECKING:
    from .writing import Halt

Said = Answer | Outcome | None


class BatchSender:
    """Sends prepared writes together; gives up for good if the system does not allow it."""

    def __init__(self, client: Client, shape: Shape, preparer: Preparer) -> None:
        self._client, self._shape, self._preparer = client, shape, preparer
        self.allowed = True

    def send(self, prepared: Sequence[Prepared], halt: Halt) -> list[Said]:
        """One answer or outcome a write; None for one that must be sent by itself."""
        answers: list[Said] = [None] * len(prepared)
        for limit, many, places in self._groups(prepared):
            for start in range(0, len(places), limit):
                part = places[start : start + limit]
                if not self.allowed or halt.outcome is not None or len(part) < 2:
                    continue
                writes = [prepared[place] for place in part]
                found = self._many(many, writes, halt) if many else self._part(writes, halt)
                for place, answer in zip(part, found, strict=True):
                    answers[place] = answer
        return answers

    def _groups(self, prepared: Sequence[Prepared]) -> list[tuple[int, Many | None, list[int]]]:
        """Places of those that go together: by operation, or all where each is a request of its own."""
        batch = self._shape.config.batch
        groups: list[tuple[int, Many | None, list[int]]] = []
        rest: list[int] = []
        for op in Op:
            places = [place for place, ready in enumerate(prepared) if ready.write.op is op]
            many = self._preparer.operation(op).many
            fits = [place for place in places if many is not None and not prepared[place].conditional]
            if many is not None:
                groups.append((many.limit, many, fits))
            rest += [place for place in places if place not in fits]
        if batch is not None:
            groups.append((batch.limit, None, sorted(rest)))
        return groups

    def _many(self, many: Many, part: Sequence[Prepared], halt: Halt) -> Sequence[Said]:
        told = self._preparer.operation(part[0].write.op)
        items = [self._preparer.together(ready, told) for ready in part]
        path = self._shape.fill(many.path, path=self._shape.path)
        answer = self._ask(many.method, path, enveloped(many.envelope, items), part, halt)
        if not isinstance(answer, Answer):
            return answer
        if answer.status in (404, 405, 501):
            self.allowed = False
            return [None] * len(part)
        halt.sent = True
        if not answer.ok:
            return [answer] * len(part)
        try:
            results = many.results(answer.json())
        except ValueError:
            results = None
        lost = Outcome(Result.UNKNOWN, said="the answer does not tell what became of this record")
        if not isinstance(results, list) or (many.match is None and len(results) != len(part)):
            return [replace(lost, key=ready.key) for ready in part]
        if many.match is None:
            return [_one(result, ready, many) for result, ready in zip(results, part, strict=True)]
        by_key = {str(many.match(result)): result for result in results}
        return [
            _one(by_key[ready.key], ready, many) if ready.key in by_key else replace(lost, key=ready.key)
            for ready in part
        ]

    def _part(self, part: Sequence[Prepared], halt: Halt) -> Sequence[Said]:
        told = self._shape.config.batch
        assert told is not None  # noqa: S101 (this class is made only with it)
        requests = [
            {
                "method": ready.method,
                told.path_name: self._shape.fill(told.prefix) + ready.path,
                **({"headers": dict(ready.headers)} if ready.headers else {}),
                **({"body": ready.body} if ready.body is not None else {}),
            }
            for ready in part
        ]
        answer = self._ask("POST", self._shape.fill(told.path), {told.requests: requests}, part, halt)
        if not isinstance(answer, Answer):
            return answer
        if answer.status in (403, 404, 405):
            self.allowed = False
            return [None] * len(part)
        if answer.status == 400 and told.transactional:
            return [None] * len(part)  # all undone because of one: each by itself then
        halt.sent = True
        if not answer.ok:
            return [answer] * len(part)
        return self._results(answer, part)

    def _ask(
        self, method: str, path: str, body: Any, part: Sequence[Prepared], halt: Halt
    ) -> Answer | Sequence[Said]:
        """The answer to all of them, or what is to be said of each where there is none."""
        try:
            return self._client.send(method, path, body=body)
        except Unknown as error:
            halt.sent = True
            said = self._client.clean(f"{error.message} {error.said}")
            return [Outcome(Result.UNKNOWN, ready.key, said=said) for ready in part]
        except ConnectorError as error:
            halt.stop(error, self._client.clean(str(error)))
            return [None] * len(part)

    def _results(self, answer: Answer, part: Sequence[Prepared]) -> Sequence[Said]:
        told = self._shape.config.batch
        try:
            results = told.results(answer.json()) if told else None
        except ValueError:
            results = None
        if not isinstance(results, list) or len(results) != len(part):
            said = "the batch's answer does not hold one result a write"
            return [Outcome(Result.UNKNOWN, ready.key, said=said) for ready in part]
        return [_answer(result, ready) for result, ready in zip(results, part, strict=True)]


def _answer(result: Any, ready: Prepared) -> Answer | Outcome:
    """One result inside a batch's answer, as if it had come by itself."""
    status = result.get("status") if isinstance(result, dict) else None
    if not isinstance(status, int):
        return Outcome(Result.UNKNOWN, ready.key, said="a result of the batch has no status")
    body = result.get("body")
    headers = {str(name): str(value) for name, value in (result.get("headers") or {}).items()}
    return Answer(status, httpx.Headers(headers), b"" if body is None else encode(body), ready.path)


def _one(result: Any, ready: Prepared, many: Many) -> Answer | Outcome:
    """What became of one of many records, as if it had been answered by itself."""
    told = many.status(result)
    status = many.statuses.get(str(told).lower() if isinstance(told, bool) else str(told))
    if status is None and isinstance(told, bool):
        status = 200 if told else 422
    if status is None and isinstance(told, int | str) and str(told).isdecimal():
        status = int(told)
    if status is None:
        return Outcome(Result.UNKNOWN, ready.key, said=f"what became of it is told as {str(told)[:40]!r}")
    good = 200 <= status < 300
    body = many.record(result) if good else result
    return Answer(status, httpx.Headers(), b"" if body is None else encode(body), many.path)
