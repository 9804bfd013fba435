"""Saved views: what a person keeps, shares and starts with. Each is one transaction.

Sharing takes a permission that views of the browser check; here it is checked whose a view is. A view that is
not one's own and not shared does not exist for the person.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from conflicts.models import DefaultView, SavedView
from conflicts.wanted import InboxFilter

from .choices import Invalid

MOST = 50  # of one person


def visible(user: Any) -> QuerySet[SavedView]:
    """The person's own views and those shared with all."""
    return SavedView.objects.filter(Q(owner=user) | Q(shared=True)).select_related("owner")


def save(user: Any, name: str, query: str, shared: bool) -> SavedView:
    """Keep a filter under a name; one of this name of theirs becomes this filter. Raises `Invalid`."""
    name = _checked(name)
    kept = InboxFilter.read(dict(parse_qsl(query))).query()
    with transaction.atomic():
        mine = SavedView.objects.filter(owner=user)
        if not mine.filter(name=name).exists() and mine.count() >= MOST:
            raise Invalid({"": _("You have %(most)s views already: delete one first.") % {"most": MOST}})
        values = {"query": kept, "shared": shared}
        return mine.update_or_create(owner=user, name=name, defaults=values)[0]


def rename(user: Any, view_id: int, name: str, shared: bool) -> SavedView:
    """Rename one's own view, share it or take it back. Raises `SavedView.DoesNotExist`, `Invalid`."""
    name = _checked(name)
    with transaction.atomic():
        view = SavedView.objects.select_for_update().get(pk=view_id, owner=user)
        if SavedView.objects.filter(owner=user, name=name).exclude(pk=view_id).exists():
            raise Invalid({"": _("You have a view of this name already.")})
        view.name, view.shared = name, shared
        view.save()
        if not shared:
            DefaultView.objects.filter(view=view).exclude(user=user).delete()
    return view


def delete(user: Any, view_id: int) -> None:
    """Delete one's own view. Raises `SavedView.DoesNotExist`."""
    SavedView.objects.get(pk=view_id, owner=user).delete()


def start_with(user: Any, view_id: int | None) -> None:
    """Have the person's inbox open with this view (None: with all). Raises `SavedView.DoesNotExist`."""
    if view_id is None:
        DefaultView.objects.filter(user=user).delete()
    else:
        DefaultView.objects.update_or_create(user=user, defaults={"view": visible(user).get(pk=view_id)})


def default(user: Any) -> SavedView | None:
    """The view with which the person's inbox opens, if it is still theirs to see."""
    return visible(user).filter(default_of__user=user).first()


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= 60:
        raise Invalid({"": _("A view needs a name of at most 60 characters.")})
    return name
