"""Checks a policy before it is used: expressions that do not compile, strategies that do not fit the type.

`decide` copes with all of these by asking a person; a configuration that says them is a mistake all the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import rules
from .fieldtype import Kind
from .policy import FieldPolicy, Merge, Policy, PolicyError

# the types that a strategy can merge; strategies that are not here merge any
FITTING: dict[Merge, frozenset[Kind]] = {
    Merge.COUNTER: frozenset({Kind.INTEGER, Kind.DECIMAL}),
    Merge.SET: frozenset({Kind.SET}),
    Merge.TEXT: frozenset({Kind.TEXT}),
    Merge.MIN: frozenset(Kind) - {Kind.SET, Kind.JSON, Kind.REFERENCE},
    Merge.MAX: frozenset(Kind) - {Kind.SET, Kind.JSON, Kind.REFERENCE},
}


def problems(policy: Policy) -> list[str]:
    """What is wrong with `policy`, each in a sentence that names the field; empty if nothing is."""
    return [*_of_fields(policy), *_of_rows(policy), *_of_groups(policy)]


def _of_fields(policy: Policy) -> Iterator[str]:
    names = [f.name for f in policy.fields]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the field {name} is mapped twice"
    for name in policy.match:
        if name not in names:
            yield f"the match key {name} is no mapped field"
    for f in policy.fields:
        yield from _of_field(f)


def _of_field(f: FieldPolicy) -> Iterator[str]:
    fitting = FITTING.get(f.merge)
    if fitting is not None and f.type.kind not in fitting:
        kinds = ", ".join(sorted(fitting))
        yield f"the field {f.name} of type {f.type.kind} cannot be merged by {f.merge}, which fits {kinds}"
    if f.merge is Merge.RULE and not f.rule:
        yield f"the field {f.name} is merged by a rule and has none"
    elif f.rule:
        yield from _of_expression(f"the rule of the field {f.name}", f.rule, rules.MERGE_NAMES)


def _of_rows(policy: Policy) -> Iterator[str]:
    for row in policy.row_owners:
        yield from _of_expression(f"the rule for rows owned by {row.owner}", row.when, rules.ROW_NAMES)
    for side, expression in policy.filters.items():
        if expression:
            yield from _of_expression(f"the {side} row filter", expression, rules.FILTER_NAMES)


def _of_groups(policy: Policy) -> Iterator[str]:
    try:
        _ = policy.units
    except PolicyError as error:
        yield str(error)


def _of_expression(what: str, expression: str, names: frozenset[str]) -> Iterator[str]:
    try:
        rules.compile_rule(expression, names)
    except rules.RuleError as error:
        yield f"{what} is no expression: {error}"
