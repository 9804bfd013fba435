"""Running many histories."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model


def staff_member() -> Any:
    """The person who decides."""
    return get_user_model().objects.get_or_create(username="rita", defaults={"is_staff": True})[0]
