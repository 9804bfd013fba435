"""The two sides of a mapping. A side is a value, never a copied branch of code."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class Side(StrEnum):
    """Left or right: which of the two systems of a mapping a thing belongs to."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


SIDES = (Side.LEFT, Side.RIGHT)


def at(pair: tuple[T, T], side: Side) -> T:
    """What a (left, right) pair holds for `side`."""
    return pair[0] if side is Side.LEFT else pair[1]


def pair(side: Side, mine: T, theirs: T) -> tuple[T, T]:
    """A (left, right) pair from what `side` and the other side hold."""
    return (mine, theirs) if side is Side.LEFT else (theirs, mine)
