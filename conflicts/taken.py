"""Which decisions a run takes back: of a time range, a pass, a person, a rule, a choice, a mapping, or a run.

Plain data, kept with the run as a query string: the same always means the same decisions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from syncadmin.core.plan import PickKind
from syncadmin.models import Entry
from syncadmin.web import whole_number

from .models import BulkRun, Decision

KINDS = (PickKind.LEFT, PickKind.RIGHT, PickKind.BASE, PickKind.VALUE, PickKind.LEAVE)


class Unclear(ValueError):
    """What was asked for is no time, no choice, or nothing at all. The message says which."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What is wanted; empty means any. `since` and `until` are times in ISO form, with their zone.

    `kind` is the choice that was made, `carried` the number of the pass that wrote it, `by` a user name,
    `rule` the number of the learned rule that decided.
    """

    since: str = ""
    until: str = ""
    mapping: str = ""
    by: str = ""
    kind: str = ""
    carried: str = ""
    rule: str = ""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Taken:
        """From a form, a query string or command options. Raises `Unclear`, also if nothing is wanted."""
        given = {name: str(data.get(name) or "").strip()[:150] for name in cls.__slots__}
        for name in ("since", "until"):
            given[name] = _moment(given[name])
        if given["kind"] and given["kind"] not in list(KINDS):
            raise Unclear(_("“%(kind)s” is no choice.") % {"kind": given["kind"]})
        if given["carried"] and not (given["carried"].isascii() and given["carried"].isdigit()):
            raise Unclear(_("“%(number)s” is no pass.") % {"number": given["carried"]})
        if given["rule"] and whole_number(given["rule"]) is None:
            raise Unclear(_("“%(number)s” is no rule.") % {"number": given["rule"]})
        if not any(given.values()):
            raise Unclear(_("Say which decisions: since when, of which pass, whose, or which choice."))
        return cls(**given)

    def query(self) -> str:
        """As a query string, without what is not set."""
        return urlencode({name: value for name, value in asdict(self).items() if value})

    def decisions(self) -> QuerySet[Decision]:
        """The decisions, but for those that are taken back already."""
        found = Decision.objects.filter(undone_at=None)
        if self.since:
            found = found.filter(at__gte=datetime.fromisoformat(self.since))
        if self.until:
            found = found.filter(at__lte=datetime.fromisoformat(self.until))
        if self.mapping:
            found = found.filter(mapping__name=self.mapping)
        if self.by:
            found = found.filter(by__username=self.by)
        if self.kind:
            found = found.filter(kind=self.kind)
        if self.rule:
            found = found.filter(rule=int(self.rule))
        if self.carried:
            chosen = Q(rule__startswith="person: ") | Q(rule__startswith="rule #")
            wrote = Entry.objects.filter(chosen, pass_id=int(self.carried))
            same = {
                "mapping_id": OuterRef("mapping"),
                "link_id": OuterRef("link"),
                "field": OuterRef("field"),
            }
            found = found.filter(Exists(wrote.filter(**same, seq__gt=OuterRef("seq"))))
        return found


def taken_by(run: BulkRun) -> QuerySet[Decision]:
    """The decisions that a run takes back."""
    if run.of_id is not None:
        return Decision.objects.filter(run=run.of_id)
    if not run.query:  # the run that it was to undo is gone
        return Decision.objects.none()
    # what came after the run was made is no part of it
    return Taken.read(QueryDict(run.query)).decisions().filter(at__lte=run.created_at)


def _moment(text: str) -> str:
    if not text:
        return ""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else timezone.make_aware(found)).isoformat()
    except (ValueError, OverflowError):
        raise Unclear(_("“%(text)s” is no time.") % {"text": text[:40]}) from None
