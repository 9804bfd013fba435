"""What learned rules have decided: each time it must have been theirs to decide, by the rule's own words.

Told from the rules as configured, the values that were decided on, and what people have undone.
"""

from __future__ import annotations

from typing import Any

from conflicts.models import Decision
from syncadmin.core import habits
from syncadmin.models import Entry

from .drawn import LEARNED
from .world import World

WHO = {"": "first contact"}


def check_rulings(world: World) -> None:
    """Everything in this module. Raises AssertionError."""
    if not world.rules.learned:
        return
    made = list(Decision.objects.filter(rule__isnull=False).select_related("rule").order_by("pk"))
    journaled = set(Entry.objects.filter(kind="decision").values_list("mapping_id", "seq"))
    for one in made:
        words = {"differs": one.rule.pattern, "changed": WHO.get(one.rule.changed, one.rule.changed)}
        told = f"{words} decided {one.left!r} and {one.right!r} of {one.ancestor}: {one.kind}"
        assert {**words, "take": one.kind} in LEARNED, f"no such rule: {told}"
        assert fits(one.rule.pattern, one.left, one.right), f"the values are not like that: {told}"
        assert (one.ancestor is not None) == bool(one.rule.changed), f"not the rule's question: {told}"
        assert (one.mapping_id, one.seq) in journaled, f"not in the journal: {told}"
        mine = [other for other in made if other.rule_id == one.rule_id and other.pk < one.pk]
        undone = sum(other.undone_at is not None and other.undone_at < one.at for other in mine)
        assert not habits.overruled_too_often(undone, len(mine)), f"people had undone {undone}: {told}"


def fits(pattern: str, left: Any, right: Any) -> bool:
    """Whether two values differ in the way that a pattern says, as far as values can tell."""
    empty = tuple(value in (None, "") for value in (left, right))
    if pattern in ("left empty", "right empty"):
        return empty == (pattern == "left empty", pattern == "right empty")
    if any(empty):
        return False
    spaceless = ["".join(str(value).split()) for value in (left, right)]
    return (spaceless[0] == spaceless[1]) == (pattern == "space")
