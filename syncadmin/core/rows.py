"""Rules about whole rows: who owns a record, and whether the row filter includes it."""

from __future__ import annotations

from . import rules
from .merge import Undecided
from .plan import Values
from .policy import Policy
from .side import Side


def owner_of(policy: Policy, left: Values, right: Values) -> Side | Undecided | None:
    """The side that owns the record as a whole; None if its fields decide for themselves.

    Where only one record exists, its values stand for both sides.
    """
    if policy.owner is not None or not policy.row_owners:
        return policy.owner
    try:
        records = {
            "left_record": rules.native_record(left, policy.types),
            "right_record": rules.native_record(right, policy.types),
        }
        for row in policy.row_owners:
            if rules.predicate(row.when, rules.ROW_NAMES)(records):
                return row.owner
    except (rules.RuleError, rules.RuleFailed) as error:
        return Undecided(f"it is not clear who owns this record: {error}")
    return None


def in_scope(policy: Policy, side: Side, values: Values) -> bool:
    """Whether `side`'s row filter includes the record. Raises `rules.RuleFailed` where it has no answer."""
    expression = policy.filters.get(side)
    if not expression:
        return True
    return rules.predicate(expression, rules.FILTER_NAMES)(
        {"record": rules.native_record(values, policy.types)}
    )


def shut_out(policy: Policy, side: Side, agreed: Values) -> bool:
    """Whether what a record last agreed on does not pass its filter either, as the filter is now.

    Then it did not leave the scope by an edit of its own: the filter has been changed, or both sides agreed
    on what lies outside. No delete follows from that, nor a question.
    """
    try:
        return not in_scope(policy, side, agreed)
    except (rules.RuleError, rules.RuleFailed):
        return True
