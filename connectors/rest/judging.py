"""What an answer means: by its status, by a code inside, by what the configuration says of both.

Every answer gets exactly one verdict, and what is not known is never guessed.
"""

from __future__ import annotations

from typing import Any

from connectors.base import Misconfigured, Retry

from .client import LATER, Answer, Client
from .resource import Shape
from .sending import Verdict
from .waiting import exhausted

_STALE = (409, 412, 428)


def verdict(shape: Shape, answer: Answer) -> Verdict:
    """What became of the write that was answered so."""
    told, status = shape.config, answer.status
    if (code := error_code(shape, answer)) is not None:
        errors = told.errors
        if errors and code in errors.codes:
            return errors.codes[code]
        if answer.ok:
            return "rejected"
    if status in told.statuses:
        return told.statuses[status]
    if answer.ok:
        return "applied"
    if status in LATER or status == 401 or 300 <= status < 400:
        return "retry"
    if status == 403 and exhausted(answer.headers):
        return "retry"
    if status >= 500:
        return "unknown"
    if status in _STALE:
        return "stale"
    return "gone" if status in told.gone else "rejected"


def error_code(shape: Shape, answer: Answer) -> str | None:
    """The code of the error that an answer tells inside; '' for one without a code, None if it tells none."""
    errors = shape.config.errors
    data = _data(answer) if errors else None
    if errors is None or not errors.when(data):
        return None
    code = errors.code(data) if errors.code else None
    return "" if code is None else str(code)


def refused(shape: Shape, client: Client, answer: Answer) -> Verdict | None:
    """What an error inside an answer to a read means: `gone`, or nothing. Raises Retry or Misconfigured."""
    code = error_code(shape, answer)
    if code is None:
        return None
    meant = shape.config.errors.codes.get(code, "rejected") if shape.config.errors else "rejected"
    if meant == "gone":
        return meant
    said = words(shape, client, answer)
    place = f"{answer.path} answered with an error" + (f" {code}" if code else "")
    if meant in ("retry", "unknown"):
        raise Retry(place, after=answer.after, system=shape.system, resource=shape.name, said=said)
    raise Misconfigured(
        f"{place}: check `auth`, params and path", system=shape.system, resource=shape.name, said=said
    )


def words(shape: Shape, client: Client, answer: Answer) -> str:
    """The system's own words about a failure, without secrets."""
    errors = shape.config.errors
    message = errors.message(_data(answer)) if errors and errors.message else None
    said = client.clean(str(message)) if message else client.words(answer)
    return f"status {answer.status} {said}".strip()


def _data(answer: Answer) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
