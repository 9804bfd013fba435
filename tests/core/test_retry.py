"""How long to wait: growing, bounded, spread by chance, and never less than the system wishes."""

from datetime import timedelta

import pytest

from syncadmin.core.retry import RetryPolicy

POLICY = RetryPolicy(first=timedelta(seconds=1), longest=timedelta(seconds=60), jitter=0.5, attempts=4)


@pytest.mark.parametrize(("failures", "seconds"), [(0, 1), (1, 2), (5, 32), (6, 60), (1000, 60)])
def test_waits_double_up_to_the_longest(failures, seconds):
    assert POLICY.wait(failures) == timedelta(seconds=seconds)


def test_chance_takes_off_at_most_the_share_of_the_jitter():
    assert POLICY.wait(3, chance=0.999) > timedelta(seconds=4)
    assert POLICY.wait(3, chance=0.5) == timedelta(seconds=6)


def test_what_the_system_wishes_is_the_least():
    assert POLICY.wait(0, wish=timedelta(seconds=90)) == timedelta(seconds=90)
    assert POLICY.wait(5, wish=timedelta(seconds=3)) == timedelta(seconds=32)


def test_after_so_many_failures_a_person_is_asked():
    assert [POLICY.exhausted(n) for n in (3, 4)] == [False, True]
