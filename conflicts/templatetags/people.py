"""Template filters on the people around an item."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils import timezone

from conflicts.due import Due, due
from conflicts.models import Conflict
from conflicts.services.bars import name_of
from conflicts.services.together import runs

register = template.Library()


@register.filter
def person(user: Any) -> str:
    """A person's name as colleagues know it."""
    return name_of(user)


@register.filter
def is_claimed(conflict: Conflict) -> bool:
    """Whether somebody's claim on the item runs."""
    return runs(conflict, timezone.now())


@register.filter
def due_time(conflict: Conflict) -> Due | None:
    """When the item is due, None where its mapping sets no time."""
    return due(conflict, timezone.now())
