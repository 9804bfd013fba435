"""A person's zone, language and quiet hours, with what holds for those who never said."""

from __future__ import annotations

from datetime import time
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings

from syncadmin.models import Profile


def profile_of(person: Any) -> Profile:
    """The person's profile, or a fresh one that is not stored."""
    found = getattr(person, "profile", None)
    return found if found is not None else Profile(person=person, zone=settings.TIME_ZONE)


def hours_of(person: Any) -> tuple[ZoneInfo, None, tuple[time, time] | None]:
    """Zone and quiet hours, as `when.ready` takes them after a rhythm without a time of its own."""
    profile = profile_of(person)
    return zone_of(profile), None, quiet_of(profile)


def zone_of(profile: Profile) -> ZoneInfo:
    """The profile's zone; UTC if this machine does not know it."""
    return ZoneInfo(profile.zone if profile.zone in available_timezones() else "UTC")


def quiet_of(profile: Profile) -> tuple[time, time] | None:
    """The hours in which a person is not disturbed, None if there are none."""
    if profile.quiet_from is None or profile.quiet_until is None:
        return None
    return profile.quiet_from, profile.quiet_until


def language_of(person: Any) -> str:
    """The language that notices for a person are written in."""
    known = dict(settings.LANGUAGES)
    language = profile_of(person).language
    return language if language in known else settings.LANGUAGE_CODE
