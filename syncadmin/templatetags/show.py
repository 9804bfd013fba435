"""Template tags that show values of other systems and times."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from syncadmin import show as showing
from syncadmin.models import Pass
from syncadmin.reasons import translated
from syncadmin.show import exact, said_by_name, short_number
from syncadmin.troubles import told

register = template.Library()


@register.inclusion_tag("shell/_value.html")
def value(canonical: Any) -> dict[str, showing.Shown]:
    """A canonical value, everything visible."""
    return {"shown": showing.show(canonical)}


@register.inclusion_tag("shell/_value.html")
def shown(made: showing.Shown) -> dict[str, showing.Shown]:
    """A value that was made ready before, with marks at its differences."""
    return {"shown": made}


@register.inclusion_tag("conflicts/_when.html")
def when(moment: Any) -> dict[str, Any]:
    """A `Moment` relative to now; its title has the exact time, and what a clock that is off has said."""
    return {"moment": moment, "words": relative(moment.at), "exact": exact(moment.at)}


@register.filter
def brief(canonical: Any, limit: int = 40) -> str:
    """A canonical value on one line."""
    return showing.brief(canonical, limit)


@register.inclusion_tag("shell/_ago.html")
def ago(at: datetime | None, never: str = "") -> dict[str, Any]:
    """A time relative to now ("4 min ago", "in 20 s"), with the exact time as its title."""
    return {"at": at, "words": relative(at) if at else never or _("never"), "exact": exact(at) if at else ""}


@register.inclusion_tag("shell/_clock.html")
def clock(at: datetime) -> dict[str, Any]:
    """A time of the day, with the date if it is not today; how long ago is in its title."""
    local = timezone.localtime(at)
    words = f"{local:%H:%M:%S}"
    if local.date() != timezone.localdate():
        words = f"{day(local)} {words}"
    return {"at": at, "words": words, "exact": f"{exact(at)}, {relative(at)}"}


def day(at: datetime) -> str:
    """A day as the reader's language writes it, short: "23 Nov 2026"."""
    return formats.date_format(timezone.localtime(at), _("j M Y"), use_l10n=True)


def relative(at: datetime) -> str:
    """A time relative to now, in the largest unit that fits."""
    seconds = (timezone.now() - at).total_seconds()
    ahead, seconds = seconds < 0, abs(seconds)
    if seconds < 2:
        return _("now")
    if seconds > 30 * 86_400:
        return day(at)
    units = ((86_400, _("d")), (3600, _("h")), (60, _("min")), (1, _("s")))
    size, unit = next((size, unit) for size, unit in units if seconds >= size)
    span = {"span": f"{int(seconds // size)} {unit}"}
    return _("in %(span)s") % span if ahead else _("%(span)s ago") % span


@register.simple_tag
def why(conflict: Any) -> str:
    """Why a conflict is one, for a list: the system's own words, else the reason."""
    left, right = conflict.mapping.left.system, conflict.mapping.right.system
    return conflict.said or said_by_name(conflict.reason, str(left), str(right))


@register.filter
def reasoned(text: str) -> str:
    """What the hub says of a record ("resolved"), in the reader's language."""
    return translated(text or "resolved")


@register.filter
def trouble(text: str) -> str:
    """What a system or the check of a mapping said is wrong, in the reader's language."""
    return told(text or "")


@register.filter
def share(part: int, whole: int) -> int:
    """`part` of `whole` in per cent, 0 to 100."""
    return max(0, min(100, round(100 * part / whole))) if whole else 0


@register.filter
def shortnumber(value: float) -> str:
    """A number to two digits."""
    return short_number(value)


@register.filter
def took(run: Pass) -> str:
    """How long a finished pass took."""
    if run.finished_at is None:
        return ""
    seconds = (run.finished_at - run.started_at).total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


@register.filter
def counted(counts: dict[str, Any]) -> str:
    """The counts of a pass on one line, without what did not happen."""
    return " · ".join(
        f"{_(name)} {count}" for name, count in counts.items() if isinstance(count, int) and count
    )


@register.filter
def fieldtitle(name: str) -> str:
    """A field mapping's name as people read it."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
