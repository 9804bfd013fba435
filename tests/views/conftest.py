"""Fixtures of the page tests: signed-in people."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from tests.builders import a_user


@pytest.fixture
def viewer(db: None, client: Client) -> Client:
    """A browser of someone who may look at everything and do nothing."""
    user = a_user(name="otto")
    domain = Permission.objects.filter(content_type__app_label__in=["syncadmin", "conflicts"])
    user.user_permissions.set(domain.filter(codename__startswith="view_"))
    client.force_login(user)
    return client


@pytest.fixture
def operator(viewer: Client) -> Client:
    """A browser of someone who may also run passes and approve guard stops."""
    from django.contrib.auth.models import User

    user = User.objects.get(username="otto")
    user.user_permissions.add(*Permission.objects.filter(codename__in=["run_pass", "approve_guardstop"]))
    return viewer
