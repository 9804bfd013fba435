"""JMESPath selectors into answers: compiled when the configuration is read, with errors that say where.

A selector that does not compile is an error of the configuration; one that selects something
else than what was expected is `Unreadable`, with what came instead.
"""

from __future__ import annotations

from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class Selector:
    """A compiled JMESPath expression that remembers its text; in configuration, a plain text."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._compiled = jmespath.compile(text)
        except JMESPathError as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"not a JMESPath expression: {text!r}: {reason}") from error

    def __call__(self, data: Any) -> Any:
        """What the expression selects; None where it selects nothing or does not fit the data."""
        try:
            return self._compiled.search(data)
        except JMESPathError:
            return None

    def __repr__(self) -> str:
        return f"Selector({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selector) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._read,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda selector: selector.text),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "description": "JMESPath expression"}

    @classmethod
    def _read(cls, value: Any) -> Selector:
        if isinstance(value, Selector):
            return value
        if not isinstance(value, str):
            raise ValueError("a selector is a text with a JMESPath expression")
        return cls(value)


def kind(value: Any) -> str:
    """What a JSON value is, in words for an error message."""
    if isinstance(value, dict):
        names = ", ".join(list(value)[:8])
        return f"an object with {names}" if names else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "nothing" if value is None else f"{type(value).__name__} {shortened(value, 40)!r}"


def shortened(value: Any, limit: int = 300) -> str:
    """A value as one line of text of at most `limit` characters."""
    text = " ".join(str(value).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
