"""What the hub remembers for connectors: encrypted, shared by all, replaced by one at a time."""

import pytest
from django.db import connection
from django.utils import timezone

from connectors.base import Retry
from syncadmin.config.surroundings import HELD, HubMemory
from syncadmin.models import Remembered

pytestmark = pytest.mark.django_db


def test_a_value_is_found_by_another_worker_and_nowhere_in_clear():
    HubMemory("shop").put("oauth2:x", "a secret that rotates")
    HubMemory("shop").put("oauth2:x", "the next one")
    assert HubMemory("shop").get("oauth2:x") == "the next one"
    assert HubMemory("shop").get("oauth2:y") is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM syncadmin_remembered")
        assert "next one" not in str(cursor.fetchall())


def test_one_worker_at_a_time_and_a_dead_one_does_not_hold_for_ever():
    mine, other = HubMemory("shop"), HubMemory("shop", patience=0)
    with mine.alone("x"):
        with pytest.raises(Retry, match="another worker"), other.alone("x"):
            raise AssertionError
        with other.alone("y"):
            pass
        Remembered.objects.filter(name="x").update(held_until=timezone.now() - HELD)
        with other.alone("x"):
            assert Remembered.objects.get(name="x").holder
    assert Remembered.objects.get(name="x").holder == ""


def test_letting_go_late_takes_nothing_from_the_one_who_came_after():
    first, second = HubMemory("shop"), HubMemory("shop", patience=0)
    late = first.alone("x")
    late.__enter__()
    Remembered.objects.filter(name="x").update(held_until=timezone.now() - HELD)
    with second.alone("x"):
        late.__exit__(None, None, None)
        with pytest.raises(Retry), HubMemory("shop", patience=0).alone("x"):
            raise AssertionError
