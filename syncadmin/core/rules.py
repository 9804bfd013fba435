"""Rules in CEL: compiled once, checked for cost, and safe to evaluate on any record.

CEL has no loops but its list macros and cannot call out, so an expression always ends; how long it takes and
how much it builds is bounded here, because the library has no limit of its own: the expression's length and
number of macros when it is compiled, the size of what it is given when it is evaluated. The bound is an
estimate from above, so that a rule that is refused can be shortened but never surprises a pass.

What an expression may refer to is fixed, and checked when it is compiled:
- a merge rule: `base` (`base_left`, `base_right` where the sides' shadows differ), `left`, `right`, their
  times `left_time`, `right_time`, and the records `left_record`, `right_record`;
- an owner of rows: `left_record`, `right_record`;
- a row filter: `record`.
Values are canonical, except that decimals are doubles and datetimes are timestamps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from .fieldtype import FieldType, Kind
from .reading import Value

MERGE_NAMES = frozenset(
    {
        "base",
        "base_left",
        "base_right",
        "left",
        "right",
        "left_time",
        "right_time",
        "left_record",
        "right_record",
    }
)
ROW_NAMES = frozenset({"left_record", "right_record"})
FILTER_NAMES = frozenset({"record"})

MAX_LENGTH = 1000
MAX_MACROS = 2
MAX_STEPS = 50_000
MAX_SIZE = 20_000_000  # characters that an expression could build

_STRINGS = re.compile(r"""[rRbB]*("{3}.*?"{3}|'{3}.*?'{3}|"(\\.|[^"\\])*"|'(\\.|[^'\\])*')""", re.DOTALL)
_COMMENT = re.compile(r"//[^\n]*")
_MACRO = re.compile(r"\.\s*(all|exists|exists_one|map|filter)\s*\(\s*(\w+)\s*,")
_POSITION = re.compile(r"<input>:(\d+):(\d+): (.*)")
_FUNCTIONS = frozenset(
    {"size", "contains", "startsWith", "endsWith", "matches", "has", "type", "dyn"}
    | {"int", "uint", "double", "string", "bytes", "timestamp", "duration"}
    | {"getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfYear", "getDayOfWeek"}
    | {"getHours", "getMinutes", "getSeconds", "getMilliseconds"}
)
_DOUBLE_DIGITS = 15  # decimal digits that a double keeps exactly


class RuleError(ValueError):
    """An expression is not one. Says why; `line` and `column` (from 1) say where, 0 if nowhere special."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(f"{message} (line {line}, column {column})" if line else message)
        self.line = line
        self.column = column


class RuleFailed(Exception):
    """A good expression has no answer for these values. Says why, in words for staff."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled expression, with what bounds its cost.

    `macros` walk lists, and `maps` among them build new ones; `joins` counts `+`, `items` the commas.
    """

    source: str
    names: frozenset[str]
    macros: int
    maps: int
    joins: int
    items: int
    program: Any = field(repr=False)

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The expression's answer. Raises `RuleFailed` if it has none or would cost too much."""
        given = {name: values[name] for name in self.names if name in values}
        self._check_cost(given)
        try:
            return self.program.execute(given)
        except Exception as error:  # the library raises whatever fits; each means that there is no answer
            raise RuleFailed(f"the rule {self.source!r} failed: {_words(error)}") from error

    def _check_cost(self, given: Mapping[str, Any]) -> None:
        size, longest = _measure(given)
        longest = longest * (self.joins + 1) + self.items  # lists can be joined, or be written in the rule
        built = size * (self.joins + 1) ** (self.maps + 1) * longest**self.maps
        if longest**self.macros > MAX_STEPS or built > MAX_SIZE:
            raise RuleFailed(f"the rule {self.source!r} was not run: the values are too large for it")


@lru_cache(maxsize=1024)
def compile_rule(source: str, allowed: frozenset[str] = MERGE_NAMES) -> Rule:
    """The rule that `source` says, which may use the names `allowed`. Raises `RuleError`."""
    if len(source) > MAX_LENGTH:
        raise RuleError(f"the expression is longer than {MAX_LENGTH} characters")
    import cel  # its package brings a terminal toolkit along: a fifth of each process's start

    try:
        program = cel.compile(source)
    except ValueError as error:
        raise _rule_error(error) from None
    plain = _COMMENT.sub("", _STRINGS.sub("''", source))
    macros = _MACRO.findall(plain)
    if len(macros) > MAX_MACROS:
        raise RuleError(f"the expression has more than {MAX_MACROS} list macros")
    used = frozenset(program.variables()) - {bound for _, bound in macros}
    if unknown := sorted(name for name in used - allowed if not name.startswith("@")):
        raise RuleError(f"unknown name {', '.join(unknown)}; known are {', '.join(sorted(allowed))}")
    called = {name for name in program.functions() if name.isidentifier()}
    if unknown := sorted(called - _FUNCTIONS):
        raise RuleError(f"unknown function {', '.join(unknown)}; known are {', '.join(sorted(_FUNCTIONS))}")
    maps = sum(name == "map" for name, _ in macros)
    return Rule(source, used, len(macros), maps, plain.count("+"), plain.count(",") + 1, program)


def predicate(source: str, allowed: frozenset[str]) -> Callable[[Mapping[str, Any]], bool]:
    """A test on named values. Compiling raises `RuleError`; an answer that is no boolean, `RuleFailed`."""
    rule = compile_rule(source, allowed)

    def holds(values: Mapping[str, Any]) -> bool:
        answer = rule.evaluate(values)
        if not isinstance(answer, bool):
            raise RuleFailed(f"the rule {source!r} gave {_words(answer)} instead of true or false")
        return answer

    return holds


def native(value: Value, field_type: FieldType) -> Any:
    """A canonical value as an expression sees it. Raises `RuleFailed` if a double cannot hold it."""
    if value is None:
        return None
    if field_type.kind is Kind.DECIMAL:
        if sum(character.isdigit() for character in value.lstrip("-0.")) > _DOUBLE_DIGITS:
            raise RuleFailed(f"{value} has too many digits for a rule")
        return float(value)
    if field_type.kind is Kind.DATETIME:
        return datetime.fromisoformat(value)
    return value


def native_record(values: Mapping[str, Value], types: Mapping[str, FieldType]) -> dict[str, Any]:
    """A record's values as an expression sees them."""
    return {name: native(value, types[name]) if name in types else value for name, value in values.items()}


def fits(answer: Any, field_type: FieldType) -> bool:
    """Whether an expression's answer has the field's type, before it is read as a canonical value."""
    if answer is None:
        return True
    number = isinstance(answer, int | float) and not isinstance(answer, bool)
    match field_type.kind:
        case Kind.INTEGER | Kind.DECIMAL:
            return number
        case Kind.BOOLEAN:
            return isinstance(answer, bool)
        case Kind.DATETIME:
            return isinstance(answer, datetime)
        case Kind.SET:
            return isinstance(answer, list) and all(isinstance(item, str) for item in answer)
        case Kind.JSON:
            return isinstance(answer, bool | str | list | dict) or number
    return isinstance(answer, str)


def _measure(value: Any) -> tuple[int, int]:
    """The characters in `value`, and the length of its longest list or map."""
    if isinstance(value, str):
        return len(value), 1
    if isinstance(value, Mapping | list):
        parts = value.values() if isinstance(value, Mapping) else value
        measures = [_measure(part) for part in parts]
        return sum(m[0] for m in measures) + len(measures), max([len(measures), *(m[1] for m in measures)])
    return 8, 1


def _words(answer: Any) -> str:
    words = str(answer) or type(answer).__name__
    return words if len(words) <= 300 else words[:297] + "..."


def _rule_error(error: ValueError) -> RuleError:
    found = _POSITION.search(str(error))
    if found is None:
        return RuleError(_words(error))
    return RuleError(found[3], int(found[1]), int(found[2]))
