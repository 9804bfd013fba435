"""Saved views: one's own, or shown to all by those who may; what is not one's own can't be touched."""

import pytest
from django.urls import reverse

from conflicts.models import DefaultView, SavedView
from conflicts.services import Invalid, views
from tests.builders import a_user

LOOK, SHARE = "conflicts.view_conflict", "conflicts.share_savedview"


def test_a_view_keeps_what_the_list_understands_and_no_more(db):
    view = views.save(a_user(), "  Old   phones ", "field=phone&age=>7d&after=9&nonsense=1&state=open", False)

    assert (view.name, view.query) == ("Old phones", "field=phone&age=%3E7d")


def test_saving_under_a_name_that_one_has_replaces_that_view(db):
    user, other = a_user(), a_user()
    for owner in (user, user, other):
        views.save(owner, "Phones", "field=phone", False)

    assert SavedView.objects.filter(name="Phones").count() == 2
    with pytest.raises(Invalid):
        views.save(user, "   ", "field=phone", False)


def test_who_may_not_share_saves_for_themselves_only(client, db):
    for permissions, shared in (((LOOK,), False), ((LOOK, SHARE), True)):
        user = a_user(*permissions)
        client.force_login(user)
        client.post(reverse("conflicts:view-save"), {"name": "All", "query": "", "shared": "1"})
        assert SavedView.objects.get(owner=user).shared is shared


@pytest.mark.parametrize("act", ["rename", "delete"])
def test_the_view_of_another_cannot_be_changed_even_if_it_is_shown_to_all(client, db, act):
    view = views.save(a_user(), "Phones", "field=phone", True)
    client.force_login(a_user(LOOK, SHARE))

    response = client.post(reverse("conflicts:view-change", args=[view.pk]), {"act": act, "name": "Mine now"})

    assert response.status_code == 404
    assert SavedView.objects.get().name == "Phones"


def test_a_view_that_is_taken_back_is_nobody_elses_start_any_more(client, db):
    owner, other = a_user(LOOK, SHARE), a_user(LOOK)
    view = views.save(owner, "Phones", "field=phone", True)
    for user in (owner, other):
        views.start_with(user, view.pk)
    client.force_login(other)
    assert client.get(reverse("conflicts:list")).url.endswith("?field=phone")

    views.rename(owner, view.pk, "Phones", False)

    assert [row.user for row in DefaultView.objects.all()] == [owner]
    assert client.get(reverse("conflicts:list")).status_code == 200
    with pytest.raises(SavedView.DoesNotExist):
        views.start_with(other, view.pk)
