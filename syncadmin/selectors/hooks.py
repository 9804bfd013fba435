"""What the pages of webhooks show: deliveries with what came of each, and how much hooks have missed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from syncadmin import hooks
from syncadmin.models import Came, Delivery, DeliveryState, Hint, HookDay, System
from syncadmin.show import Shown, show

DAYS = 30
KEYS = 200  # records of one delivery that are shown
FILTERS = {
    "waiting": gettext_lazy("still to be read"),
    Came.CHANGED.value: gettext_lazy("changes seen"),
    Came.NOTHING.value: gettext_lazy("nothing new"),
    Came.KNOWN.value: gettext_lazy("a pass was faster"),
    Came.ECHO.value: gettext_lazy("the hub's own writes"),
    "failed": gettext_lazy("not understood"),
    "repeated": gettext_lazy("came several times"),
    "replayed": gettext_lazy("handled again by a person"),
}
REMARKS = {
    "unread": gettext_lazy("It could not be read: %(about)s."),
    "left out": gettext_lazy("Left out: %(about)s."),
    "resource": gettext_lazy("It names “%(about)s”, which is no resource of this system."),
    "unmapped": gettext_lazy("No mapping uses %(about)s."),
    "off": gettext_lazy("%(about)s is switched off."),
    "no keys": gettext_lazy("It names no record of %(about)s: a pass was asked for."),
}


@dataclass(frozen=True, slots=True)
class Badge:
    """One thing that came of a delivery. `look` is the class of its badge."""

    look: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery as the list shows it."""

    delivery: Delivery
    badges: list[Badge]
    remarks: list[str]
    delay: timedelta | None


@dataclass(frozen=True, slots=True)
class Share:
    """Who saw changes first. `refused` by reason; `since` is the first day counted, None if none is."""

    since: date | None
    figures: dict[str, int]
    refused: list[tuple[str, int]] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """Records with changes."""
        return self.figures["hinted"] + self.figures["polled"]

    @property
    def missed(self) -> float:
        """The share that hooks did not tell of, in percent."""
        return round(100 * self.figures["polled"] / self.seen, 1) if self.seen else 0.0


def filtered(system: System, what: str) -> QuerySet[Delivery]:
    """The deliveries of a system that a filter wants; all of them for one that there is none of."""
    rows = Delivery.objects.filter(system=system).defer("body")
    if what == "waiting":
        return rows.filter(state__in=[DeliveryState.WAITING, DeliveryState.ASKED])
    if what == "failed":
        return rows.filter(state=DeliveryState.FAILED)
    if what == "repeated":
        return rows.filter(repeats__gt=0)
    if what == "replayed":
        return rows.exclude(replayed_by="")
    if what in Came.values:
        return rows.filter(Exists(Hint.objects.filter(delivery=OuterRef("pk"), came=what)))
    return rows


def rows_of(deliveries: Sequence[Delivery]) -> list[Row]:
    """Deliveries as a list shows them, in one query more."""
    found = hooks.records_of(deliveries)
    return [row_of(delivery, found.get(delivery.pk, Counter())) for delivery in deliveries]


def row_of(delivery: Delivery, records: Counter[str]) -> Row:
    """A delivery with what came of its records."""
    delay = delivery.received_at - delivery.sent_at if delivery.sent_at is not None else None
    late = delay if delay is not None and delay > timedelta(seconds=30) else None
    return Row(delivery, list(_badges(delivery, records)), [remark(*told) for told in delivery.told], late)


def _badges(delivery: Delivery, records: Counter[str]) -> Any:
    if delivery.state == DeliveryState.WAITING:
        yield Badge("sa-info", _("waits for a worker"))
    if delivery.state == DeliveryState.FAILED:
        yield Badge("sa-bad", _("not understood"))
    if number := records[Came.CHANGED]:
        words = ngettext("%(n)s record had changed", "%(n)s records had changed", number)
        yield Badge("sa-ok", words % {"n": number})
    if number := records[Came.WAITING]:
        words = ngettext("%(n)s record to be read", "%(n)s records to be read", number)
        yield Badge("sa-info", words % {"n": number})
    if number := records[Came.KNOWN]:
        words = ngettext("%(n)s seen by a pass before", "%(n)s seen by a pass before", number)
        yield Badge("", words % {"n": number})
    if number := records[Came.ECHO]:
        words = ngettext("%(n)s echo of the hub's own write", "%(n)s echoes of the hub's own writes", number)
        yield Badge("", words % {"n": number})
    if number := records[Came.NOTHING]:
        words = ngettext("%(n)s with nothing new", "%(n)s with nothing new", number)
        yield Badge("", words % {"n": number})
    if delivery.state == DeliveryState.DONE and not records:
        yield Badge("sa-warn", _("no record to read"))


def remark(what: str, about: str) -> str:
    """A remark about a delivery, in words."""
    return str(REMARKS.get(what, "%(about)s")) % {"about": about}


def share_of(system: System) -> Share:
    """A system's figures of the last days."""
    since = timezone.now().date() - timedelta(days=DAYS - 1)
    figures = hooks.figures(system, since)
    first = HookDay.objects.filter(system=system, day__gte=since).order_by("day").first()
    refused = [
        (_("with a signature that is wrong"), figures["forged"]),
        (_("without a signature"), figures["unsigned"]),
        (_("sent too long ago, or sent again by a stranger"), figures["old"]),
        (_("too large"), figures["large"]),
    ]
    return Share(first.day if first else None, figures, [(text, n) for text, n in refused if n])


def body_of(delivery: Delivery) -> Shown | None:
    """What was sent, to be looked at; None if it is no longer kept."""
    if not delivery.body:
        return None
    text = bytes(delivery.body).decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):
        data = json.loads(text)
        if isinstance(data, dict):
            return show(data)
    return show(text)


def hints_of(delivery: Delivery) -> list[Hint]:
    """The first records that a delivery named, with their mappings."""
    return list(delivery.hints.select_related("mapping").order_by("id")[:KEYS])
