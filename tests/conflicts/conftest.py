"""Fixtures of the inbox's tests: signed-in people."""

import pytest
from django.test import Client

from tests.builders import a_user


@pytest.fixture
def reviewer(db: None, client: Client) -> Client:
    """A browser of someone who may look and decide."""
    permissions = (
        "conflicts.view_conflict",
        "conflicts.resolve_conflict",
        "conflicts.add_comment",
        "syncadmin.view_entry",
    )
    client.force_login(a_user(*permissions, name="rita"))
    return client


@pytest.fixture
def auditor(db: None, client: Client) -> Client:
    """A browser of someone who may look only."""
    client.force_login(a_user("conflicts.view_conflict", name="otto"))
    return client
