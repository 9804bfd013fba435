"""Where a card's records are: the systems, keys and addresses of its columns, and what their clocks say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from conflicts.models import Conflict
from syncadmin.core.side import SIDES, Side
from syncadmin.models import Health
from syncadmin.models import Mapping as SyncMapping

NOTICED = 1.0  # seconds from which a clock's difference is worth a correction


@dataclass(frozen=True, slots=True)
class SideHead:
    """A column of the card: the system, the record's key there, and its address in the system's own pages."""

    side: Side
    system: str
    resource: str
    key: str
    url: str
    skew: float = 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened, by the hub's clock. `told` is what the system said, if its clock is off."""

    at: datetime
    told: datetime | None = None
    system: str = ""
    skew: float = 0.0

    @property
    def ahead(self) -> int:
        """Whole seconds by which the system's clock is ahead, negative if it is behind."""
        return round(self.skew)

    @property
    def behind(self) -> int:
        """Whole seconds by which it is behind."""
        return -self.ahead


def title(name: str) -> str:
    """A field mapping's name as people read it."""
    words = name.replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


def record_url(mapping: SyncMapping, side: Side, key: str) -> str:
    """The record's address in its system's own pages ('' if none is configured). Only web addresses."""
    resource = mapping.resource(side)
    pattern = resource.link or resource.system.record_url
    if not key or not pattern.lower().startswith(("https://", "http://")):
        return ""
    return pattern.replace("{resource}", quote(resource.name, safe="")).replace("{key}", quote(key, safe=""))


def head(conflict: Conflict, side: Side) -> SideHead:
    """The column of a side."""
    resource = conflict.mapping.resource(side)
    if conflict.link is not None:
        key = conflict.link.left_key if side is Side.LEFT else conflict.link.right_key
    else:
        key = conflict.key if conflict.side == side.value else ""
    url = record_url(conflict.mapping, side, key)
    skew = _skew(getattr(resource.system, "health", None))
    return SideHead(side, str(resource.system), resource.name, key, url, skew)


def _skew(health: Health | None) -> float:
    """Seconds by which a system's clock is ahead, as far as that is known and more than it may be wrong."""
    if health is None or health.skew is None or abs(health.skew) < max(NOTICED, health.skew_error):
        return 0.0
    return health.skew


def moment(at: datetime | None, column: SideHead) -> Moment | None:
    """A time that a system told, by the hub's clock."""
    if at is None:
        return None
    if not column.skew:
        return Moment(at)
    return Moment(at - timedelta(seconds=column.skew), at, column.system, column.skew)


def about_side(conflict: Conflict) -> Side | None:
    """The side that the question is about: the unlinked record's, or the one that deleted or refused."""
    if conflict.side:
        return Side(conflict.side)
    absent = [side for side in SIDES if not conflict.snapshot.get(side.value)]
    return absent[0] if len(absent) == 1 else None
