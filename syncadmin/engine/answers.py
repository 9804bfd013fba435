"""What a system's answer, or a later reading, says of a write: no more than the write itself has made."""

from __future__ import annotations

from dataclasses import replace

from syncadmin.core import plan as core
from syncadmin.core.alike import alike
from syncadmin.core.deltas import delta

from .binding import BoundSide, Translated
from .effort import Attempt


def as_wanted(found: Translated, write: core.Write) -> Translated:
    """The answer that a write would have given, from a later reading of the record.

    What differs from the written values by more than form was somebody's later edit.
    """
    held = found.record.values
    values = {
        name: held[name] if name in held and alike(held[name], value) else value
        for name, value in write.values.items()
    }
    return replace(found, record=replace(found.record, values=values, version=None))


def without_unread(bound: BoundSide, attempt: Attempt, answer: Translated) -> Translated:
    """The answer that a write would have given, had it not been added to what nobody has read yet.

    What the system has made of the sum (it may round) stays; the rest is a change that a next reading shows.
    """
    merged = attempt.outcome.merged if attempt.outcome is not None else {}
    if not merged:
        return answer
    values = dict(answer.record.values)
    for f in bound.fields:
        if f.source in merged and f.name in values:
            wanted = attempt.write.values[f.name]
            made = delta(bound.policy.types[f.name], f.read(merged[f.source]), values[f.name])
            values[f.name] = wanted if made is None else made(wanted)
    return replace(answer, record=replace(answer.record, values=values, version=None))
