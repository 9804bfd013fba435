"""Names that people know records by."""

from __future__ import annotations

from collections.abc import Iterable

from syncadmin.core.values import decode
from syncadmin.models import Link
from syncadmin.show import brief


def names_of(link_ids: Iterable[int]) -> dict[int, str]:
    """The name of each linked record: its title field as last agreed, else its keys. One query."""
    names = {}
    for link in Link.objects.select_related("mapping").filter(pk__in=list(link_ids)):
        title = link.mapping.title_field()
        value = decode(bytes(link.left_shadow)).get(title) if title and link.left_shadow else None
        names[link.pk] = brief(value, 80) if value not in (None, "") else str(link)
    return names
