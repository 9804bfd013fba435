"""Many writes in one request, for systems that have an address for that.

Answers one answer per write, to be judged like any other; where a transactional batch was undone because
of one of them, nothing is said, and they are sent one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import httpx

from connectors.base import ConnectorError, Outcome, Result, Unknown

from .client import Answer, Client
from .resource import Shape
from .values import encode

if TYPE_CHECKING:
    from .writing import Halt, Prepared


class BatchSender:
    """Sends prepared writes together; gives up for good if the system does not allow it."""

    def __init__(self, client: Client, shape: Shape) -> None:
        self._client, self._shape = client, shape
        self.allowed = True

    def send(self, prepared: Sequence[Prepared], halt: Halt) -> list[Answer | Outcome | None]:
        """One answer or outcome a write; None for one that must be sent by itself."""
        told = self._shape.config.batch
        answers: list[Answer | Outcome | None] = []
        if told is None:
            return [None] * len(prepared)
        for start in range(0, len(prepared), told.limit):
            part = prepared[start : start + told.limit]
            if not self.allowed or halt.outcome is not None or len(part) < 2:
                answers += [None] * len(part)
            else:
                answers += self._part(part, halt)
        return answers

    def _part(self, part: Sequence[Prepared], halt: Halt) -> Sequence[Answer | Outcome | None]:
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
        try:
            answer = self._client.send("POST", self._shape.fill(told.path), body={told.requests: requests})
        except Unknown as error:
            halt.sent = True
            said = self._client.clean(f"{error.message} {error.said}")
            return [Outcome(Result.UNKNOWN, ready.key, said=said) for ready in part]
        except ConnectorError as error:
            halt.stop(error, self._client.clean(str(error)))
            return [None] * len(part)
        if answer.status in (403, 404, 405):
            self.allowed = False
            return [None] * len(part)
        if answer.status == 400 and told.transactional:
            return [None] * len(part)  # all undone because of one: each by itself then
        halt.sent = True
        if not answer.ok:
            return [answer] * len(part)
        return self._results(answer, part)

    def _results(self, answer: Answer, part: Sequence[Prepared]) -> Sequence[Answer | Outcome | None]:
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
