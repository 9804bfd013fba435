"""Template tags that show values of other systems and times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils import timezone

from syncadmin import show as showing
from syncadmin.models import Pass
from syncadmin.show import said_by_name

register = template.Library()


@register.inclusion_tag("shell/_value.html")
def value(canonical: Any) -> dict[str, showing.Shown]:
    """A canonical value, everything visible."""
    return {"shown": showing.show(canonical)}


@register.filter
def brief(canonical: Any, limit: int = 40) -> str:
    """A canonical value on one line."""
    return showing.brief(canonical, limit)


@register.inclusion_tag("shell/_ago.html")
def ago(at: datetime | None, never: str = "never") -> dict[str, Any]:
    """A time relative to now ("4 min ago", "in 20 s"), with the exact time as its title."""
    return {"at": at, "words": relative(at) if at else never, "exact": exact(at) if at else ""}


@register.inclusion_tag("shell/_clock.html")
def clock(at: datetime) -> dict[str, Any]:
    """A time of the day, with the date if it is not today (UTC); how long ago is in its title."""
    utc = at.astimezone(UTC)
    today = utc.date() == timezone.now().astimezone(UTC).date()
    words = f"{utc:%H:%M:%S}" if today else f"{utc:%-d %b %H:%M:%S}"
    return {"at": at, "words": words, "exact": f"{exact(at)}, {relative(at)}"}


def exact(at: datetime) -> str:
    """A time to the second, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def relative(at: datetime) -> str:
    """A time relative to now, in the largest unit that fits."""
    seconds = (timezone.now() - at).total_seconds()
    ahead, seconds = seconds < 0, abs(seconds)
    if seconds < 2:
        return "now"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            if unit == "d" and seconds > 30 * 86_400:
                return f"{at.astimezone(UTC):%-d %b %Y}"
            span = f"{int(seconds // size)} {unit}"
            break
    return f"in {span}" if ahead else f"{span} ago"


@register.simple_tag
def why(conflict: Any) -> str:
    """Why a conflict is one, for a list: the system's own words, else the reason."""
    left, right = conflict.mapping.left.system, conflict.mapping.right.system
    return conflict.said or said_by_name(conflict.reason, str(left), str(right))


@register.filter
def share(part: int, whole: int) -> int:
    """`part` of `whole` in per cent, 0 to 100."""
    return max(0, min(100, round(100 * part / whole))) if whole else 0


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
    return " · ".join(f"{name} {count}" for name, count in counts.items() if isinstance(count, int) and count)


@register.filter
def fieldtitle(name: str) -> str:
    """A field mapping's name as people read it."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
