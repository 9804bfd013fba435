"""Template filters of the list."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.formats import number_format

from conflicts import lists
from syncadmin.core.values import empty

register = template.Library()


@register.filter
def kind_words(kind: str) -> str:
    """A kind of conflict in words."""
    return lists.kind_words(kind)


@register.filter
def says_nothing(value: Any) -> bool:
    """Whether a canonical value is empty."""
    return empty(value)


@register.filter
def thousands(number: int) -> str:
    """A number as the reader's language writes it."""
    return number_format(number, force_grouping=True)
