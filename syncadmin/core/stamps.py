"""Stamps: when a column of a record was last changed, by a hybrid logical clock (Kulkarni et al. 2014).

A stamp is text whose order is the order of changes: sixteen digits of microseconds since 1970, six that
count what happened within one of them, and a name of where, so that no two are equal. Each value keeps its
own clock: a change is stamped by the system's time, but never earlier than what it replaces. So who has seen
a value wins over it, whatever their clock says. Systems make the stamps and keep them with the values; here
they are only compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

MOST = 999_999  # changes that are counted within a microsecond


def latest(stamps: Mapping[str, str], names: Iterable[str]) -> str:
    """The last of the stamps of these fields, '' if none has one."""
    return max((stamps.get(name, "") for name in names), default="")


def tick(before: str, now: int, node: str) -> str:
    """The stamp of a change that replaces what was stamped `before` ('': nothing), `now` in microseconds.

    What the triggers of each database do, in one place: the tests hold them to it.
    """
    wall, count = (int(before[:16]), int(before[17:23])) if before else (0, 0)
    if now > wall:
        return f"{now:016}.000000.{node}"
    if count == MOST:
        return f"{wall + 1:016}.000000.{node}"
    return f"{wall:016}.{count + 1:06}.{node}"
