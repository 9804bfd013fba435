"""What an assessment recommends, and why, in sentences for people who run a business and no database.

Works on the plain data of a sheet (`syncadmin.assessing.sheet_of`), so that a page says the same as paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from syncadmin.core.assess import Cost, Reason, Strategy, Who
from syncadmin.core.policy import Drift, Merge

COSTS = {
    Cost.NOTHING: gettext_lazy("nothing"),
    Cost.LITTLE: gettext_lazy("little: typed again"),
    Cost.SERIOUS: gettext_lazy("serious: money, a customer"),
    Cost.SEVERE: gettext_lazy("severe: law, safety, trust"),
}
SHORT_COSTS = {
    Cost.NOTHING: gettext_lazy("nothing"),
    Cost.LITTLE: gettext_lazy("little"),
    Cost.SERIOUS: gettext_lazy("serious"),
    Cost.SEVERE: gettext_lazy("severe"),
}
MERGES = {
    Merge.COUNTER: gettext_lazy("both additions count"),
    Merge.SET: gettext_lazy("entries of both"),
    Merge.TEXT: gettext_lazy("both texts, put together"),
    Merge.MAX: gettext_lazy("the larger one"),
    Merge.MIN: gettext_lazy("the smaller one"),
    Merge.NEWEST: gettext_lazy("the later one"),
    Merge.NON_EMPTY: gettext_lazy("the one that is not empty"),
    Merge.RULE: gettext_lazy("what our own rule says"),
    Merge.PREFER_LEFT: gettext_lazy("always the left one"),
    Merge.PREFER_RIGHT: gettext_lazy("always the right one"),
    Merge.REVIEW: gettext_lazy("a person says"),
}


class Names:
    """The two systems' names, for sentences. `left` and `right` are those of a sheet."""

    def __init__(self, left: str, right: str) -> None:
        self._by_side = {"left": left, "right": right}

    def of(self, side: str) -> str:
        """The name of a side's system."""
        return self._by_side[side]

    def other(self, side: str) -> str:
        """The name of the other side's system."""
        return self._by_side["right" if side == "left" else "left"]

    def who(self, who: str) -> str:
        """Whom an answer means."""
        if who == Who.NOBODY:
            return _("nobody")
        return _("both") if who == Who.BOTH else self.of(who)


def strategy(line: Mapping[str, Any], names: Names) -> str:
    """What is recommended for a field, in a few words."""
    kind = line["strategy"]
    if kind == Strategy.NO_SYNC:
        return _("Leave it out")
    if kind == Strategy.ROWS:
        return _("By row")
    if kind == Strategy.MERGE:
        return _("Merge: %(how)s") % {"how": MERGES[Merge(line["merge"])]}
    if kind == Strategy.REVIEW:
        return _("A person decides")
    return _("Owner: %(system)s") % {"system": names.of(line["owner"])}


def why(line: Mapping[str, Any], names: Names) -> str:
    """Why, in one or two sentences."""
    told = _reason(line, names)
    if not line["against"]:
        return told
    owner = line["owner"]
    seen = ngettext(
        "But %(count)s edit was seen in %(system)s:",
        "But %(count)s edits were seen in %(system)s:",
        line["against"],
    ) % {"count": _counted(line["against"]), "system": names.other(owner)}
    then = (
        _("they go to the inbox.")
        if line["drift"] == Drift.REVIEW
        else _("they are put back, and kept in the history.")
    )
    return f"{told} {seen} {then}"


def _reason(line: Mapping[str, Any], names: Names) -> str:
    reason, owner = Reason(line["reason"]), line["owner"]
    put = {"owner": names.of(owner), "other": names.other(owner)} if owner else {}
    if reason is Reason.MOSTLY_ONE:
        seen = line["seen"]
        total = sum(seen.values())
        put |= {"part": _counted(total - line["against"]), "total": _counted(total)}
    return _SENTENCES[reason](line) % put


def _both_count(line: Mapping[str, Any]) -> str:
    if line["merge"] == Merge.COUNTER:
        return _("Both add to it or take from it: all of that is added up.")
    if line["merge"] == Merge.SET:
        return _("Both add and remove entries: all of that counts.")
    return _("Both write in it: the texts are put together; where both changed one place, a person is asked.")


def _by_rule(line: Mapping[str, Any]) -> str:
    if line["merge"] == Merge.MAX:
        return _("Both change it, and the larger value is the right one.")
    if line["merge"] == Merge.MIN:
        return _("Both change it, and the smaller value is the right one.")
    return _("Both change it, and a rule of your own finds the right value.")


def _cheap(line: Mapping[str, Any]) -> str:
    if line["merge"] == Merge.NEWEST:
        return _("Both change it, and a lost edit costs little: the later one counts.")
    return _("Both change it, and a lost edit costs little: a simple rule is enough.")


_SENTENCES = {
    Reason.NOBODY_NEEDS: lambda line: _("Nobody needs it."),
    Reason.EDITORS_NEED: lambda line: _("Only those who edit it need it."),
    Reason.ROWS_TELL: lambda line: _("Each record is edited in one system only."),
    Reason.ONE_EDITS: lambda line: _("Only %(owner)s edits it; %(other)s follows."),
    Reason.NOBODY_EDITS: lambda line: _("Nobody changes it once it is there; %(owner)s gives it."),
    Reason.MOSTLY_ONE: lambda line: _(
        "%(part)s of %(total)s edits were made in %(owner)s: make it the one place for it."
    ),
    Reason.BOTH_COUNT: _both_count,
    Reason.RULE: _by_rule,
    Reason.CHEAP: _cheap,
    Reason.DEAR: lambda line: _(
        "Both change it, and it costs too much to let a rule discard one of two edits."
    ),
    Reason.UNDECIDED: lambda line: _("Both change it, and no rule says which change is right."),
}


def headline(sheet: Mapping[str, Any], names: Names) -> str:
    """What is recommended for the mapping, in a sentence."""
    kind, owner = sheet["strategy"], sheet["owner"]
    if kind == Strategy.NO_SYNC:
        return _("No sync is needed: nobody on the other side needs what is edited.")
    if kind == Strategy.TABLE:
        put = {"owner": names.of(owner), "other": names.other(owner)}
        return _("One way, the whole table: it is edited in %(owner)s, and %(other)s follows.") % put
    if kind == Strategy.ROWS:
        return _("One way by row: each record is edited in one system, and the other follows.")
    if kind == Strategy.COLUMN:
        return _("One way by column: each field has one system where it is edited.")
    total = sum(not Strategy(line["strategy"]).one_owner for line in sheet["fields"])
    asked = sum(line["strategy"] == Strategy.REVIEW for line in sheet["fields"])
    shared = ngettext("%(count)s field is truly shared.", "%(count)s fields are truly shared.", total) % {
        "count": total
    }
    if not asked:
        alone = _("They merge by themselves; all others have one owner.")
        return f"{shared} {alone}"
    person = ngettext(
        "Where both systems change %(count)s of them at once, a person decides.",
        "Where both systems change one of %(count)s of them at once, a person decides.",
        asked,
    ) % {"count": asked}
    return f"{shared} {person}"


def _counted(number: int) -> str:
    return number_format(number, force_grouping=True)


def percent(part: int, whole: int) -> str:
    """A share as people say it; never 100 % while something is left."""
    if part == whole:
        return "100 %"
    return f"{min(99, round(100 * part / whole))} %"
