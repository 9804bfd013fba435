"""What a connector's class says if it may serve one pass after another, with its connections left open.

All that it remembers of its system then holds until `describe` is asked again, which each pass does.
"""

from __future__ import annotations


def lasts(connector: type) -> bool:
    """Whether its `lasts` is true; of who says nothing, each pass opens a new one."""
    return bool(getattr(connector, "lasts", False))
