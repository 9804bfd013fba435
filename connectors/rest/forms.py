"""Values that are objects of their own kind, as in Notion: {type: number, number: 5} is 5.

An object that tells no known kind stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from .bodies import keyed
from .selectors import Selector
from .strict import Strict


class Form(Strict):
    """How a value of one kind is read out of its object, and how its object is written."""

    read: Selector = Field(description="Where the value is in the object")
    write: dict[str, Any] = Field(description="The object that is written; {value} stands for the value")
    item: dict[str, Any] | None = Field(
        default=None, description="What each part of a list, or of a long text, is written as"
    )
    longest: int | None = Field(
        default=None,
        gt=0,
        description="Characters of the longest part of a text; a longer one is cut in parts",
    )
    empty: dict[str, Any] | None = Field(
        default=None, description="The object of an empty value, if that is another one"
    )

    def written(self, value: Any) -> dict[str, Any]:
        """The object of a value that JSON can hold."""
        if value is None and self.empty is not None:
            return self.empty
        if self.item is not None and value is not None:
            value = [keyed(self.item, {"value": part}) for part in self._parts(value)]
        found: dict[str, Any] = keyed(self.write, {"value": value})
        return found

    def _parts(self, value: Any) -> list[Any]:
        if isinstance(value, list) or not self.longest:
            return value if isinstance(value, list) else [value]
        text = str(value)
        return [text[start : start + self.longest] for start in range(0, len(text), self.longest)]


class Forms(Strict):
    """Fields inside of one field, each an object that tells its kind."""

    within: str = Field(description="The field that holds them: properties")
    kind: str = Field(default="type", description="Where such an object tells its kind")
    kinds: dict[str, Form] = Field(description="How a value of each kind is read and written")

    def plain(self, entry: dict[str, Any]) -> dict[str, Any]:
        """A record with values in place of objects."""
        held = entry.get(self.within)
        if not isinstance(held, Mapping):
            return entry
        return {**entry, self.within: {name: self._value(part) for name, part in held.items()}}

    def _value(self, part: Any) -> Any:
        form = self.kinds.get(str(part.get(self.kind))) if isinstance(part, Mapping) else None
        return part if form is None else form.read(part)

    def covers(self, name: str) -> bool:
        """Is a field one of them?"""
        return name.startswith(f"{self.within}.")
