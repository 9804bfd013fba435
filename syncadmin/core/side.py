"""The two sides of a mapping. A side is a value, never a copied branch of code."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """Left or right: which of the two systems of a mapping a thing belongs to."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


SIDES = (Side.LEFT, Side.RIGHT)
