"""Notices in words: a title and a text for one message, in the reader's language.

Labels of other systems are hostile: they may not call everybody, make links or break lines in a chat. Values
and what people wrote are left out unless the subscription allows them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import quote

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from conflicts.models import Conflict
from syncadmin.models import EventKind, Notice
from syncadmin.reasons import translated
from syncadmin.show import brief

SHOWN = 10  # items of one kind that a message names
LABEL, VALUE, WORDS = 80, 60, 500
# what chat services take for a call, a link or markup, as something that only looks like it
DEFANGED = str.maketrans(
    {"@": "\uff20", "<": "\u2039", ">": "\u203a", "[": "(", "]": ")", "`": "'", "|": "\u00a6", "*": "\u2217"}
)

TITLES = {
    EventKind.ASSIGNED: gettext_lazy("assigned to you"),
    EventKind.MENTIONED: gettext_lazy("you are mentioned"),
    EventKind.COMMENTED: gettext_lazy("commented"),
    EventKind.SECOND_LOOK: gettext_lazy("a second look is wanted"),
    EventKind.ANSWERED: gettext_lazy("your proposal was answered"),
    EventKind.DUE_SOON: gettext_lazy("due soon"),
    EventKind.OVERDUE: gettext_lazy("overdue"),
    EventKind.ESCALATED: gettext_lazy("overdue, escalated to you or your group"),
}


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent."""

    title: str
    body: str


def message(notices: Sequence[Notice], number: object) -> Message:
    """One message for notices of one channel. `number` tells a message that comes twice."""
    parts = []
    heads = []
    ordered = sorted(notices, key=_group)
    for _key, some in groupby(ordered, key=_group):
        head, lines = _part(list(some))
        heads.append(head)
        parts.append("\n".join([head, *lines]))
    title = heads[0] if len(heads) == 1 else _("%(count)s kinds of news") % {"count": len(heads)}
    foot = _("Notice %(number)s") % {"number": str(number)[:8]}
    if settings.BASE_URL:
        foot += " · " + _("what you are told: %(url)s") % {"url": link("syncadmin:notifications")}
    return Message(f"SyncAdmin: {title}", "\n\n".join([*parts, foot]))


def link(name: str, *arguments: object, query: str = "") -> str:
    """An absolute address of a page of the hub; '' while nobody has said where it is reached."""
    if not settings.BASE_URL:
        return ""
    return f"{settings.BASE_URL}{reverse(name, args=arguments)}" + (f"?{query}" if query else "")


def plain(text: object, limit: int = LABEL) -> str:
    """A foreign text on one line, harmless in any chat or mail."""
    visible = " ".join(str(text).split())
    kept = "".join(c for c in visible if unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp"))
    kept = kept.translate(DEFANGED).replace("://", ": //")
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def _group(notice: Notice) -> tuple[str, int, int, int]:
    return notice.kind, notice.mapping_id or 0, notice.system_id or 0, notice.subject or 0


def _part(notices: list[Notice]) -> tuple[str, list[str]]:
    """The headline and the lines of notices of one kind and mapping."""
    first = notices[0]
    if first.kind == "test":
        return _("a test"), [_("This is how you will be told.")]
    if first.kind == EventKind.GUARD:
        head = _("a guard stopped %(mapping)s") % {"mapping": plain(first.mapping)}
        return head, [plain(first.words, WORDS), *_links("syncadmin:guard_stop", first.subject)]
    if first.kind == EventKind.SYSTEM:
        head = _("%(system)s cannot be reached") % {"system": plain(first.system)}
        return head, _links("syncadmin:dashboard")
    if first.kind == EventKind.RULE:
        return _rule(first)
    if first.kind == EventKind.RISK:
        head = _("%(mapping)s: the accepted risk of lost edits has lapsed") % {
            "mapping": plain(first.mapping)
        }
        name = first.mapping.name if first.mapping else ""
        return head, [plain(translated(first.words), WORDS), *_links("syncadmin:risk", name)]
    ids = sorted({pk for notice in notices for pk in notice.conflicts})
    name = plain(first.mapping)
    if first.kind == EventKind.OPENED:
        text = ngettext(
            "%(count)s new conflict in %(mapping)s", "%(count)s new conflicts in %(mapping)s", len(ids)
        )
        head = text % {"count": len(ids), "mapping": name}
    else:
        head = f"{name}: {TITLES[EventKind(first.kind)]}"
    return head, list(_items(ids, notices))


def _rule(notice: Notice) -> tuple[str, list[str]]:
    """The headline and the link of a rule that is proposed, or has suspended itself."""
    about = {"field": plain(notice.words), "mapping": plain(notice.mapping)}
    if notice.actor:
        head = _("%(who)s proposes a rule for %(field)s of %(mapping)s")
        about["who"] = plain(notice.actor)
    else:
        head = _("the rule for %(field)s of %(mapping)s suspended itself: people overrule it")
    return head % about, _links("conflicts:rule", notice.subject)


def _items(ids: list[int], notices: list[Notice]) -> Iterable[str]:
    """A line an item, as far as a message names them."""
    found = Conflict.objects.filter(pk__in=ids[:SHOWN]).select_related("mapping").prefetch_related("fields")
    said = {pk: notice for notice in notices for pk in notice.conflicts}
    for item in found.order_by("pk"):
        notice = said[item.pk]
        yield _line(item, notice)
        if notice.words and notice.values:
            yield f"  “{plain(notice.words, WORDS)}”"
    if len(ids) > SHOWN:
        more = _("and %(count)s more") % {"count": len(ids) - SHOWN}
        mapping = notices[0].mapping
        url = link("conflicts:list", query=f"mapping={quote(mapping.name)}") if mapping else ""
        yield f"{more}: {url}" if url else more


def _line(item: Conflict, notice: Notice) -> str:
    fields = list(item.fields.all())
    if notice.values:
        what = "; ".join(f"{f.field}: {_value(f.left)} ≠ {_value(f.right)}" for f in fields[:5])
    else:
        what = ", ".join(f.field for f in fields[:5])
    who = f" ({plain(notice.actor)})" if notice.actor else ""
    what = f": {what}" if what else f": {item.kind}"
    url = link("conflicts:detail", item.pk)
    return f"- {plain(item.label or item.key) or '#'} #{item.pk}{what}{who}" + (f"\n  {url}" if url else "")


def _value(value: object) -> str:
    return plain(brief(value, VALUE), VALUE)


def _links(name: str, *arguments: object) -> list[str]:
    url = link(name, *arguments)
    return [url] if url else []
