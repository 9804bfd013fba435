"""Which presets can be proven: those with a module in `peers/`."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from tests.presets import peers
from tests.presets.harness import Peer


def proven() -> list[str]:
    """The presets that have a peer."""
    return sorted(found.name.replace("_", "-") for found in pkgutil.iter_modules(peers.__path__))


def peer(preset: str) -> Peer:
    """What a preset is proven against. Raises ModuleNotFoundError if there is nothing."""
    found: Peer = import_module(f"{peers.__name__}.{preset.replace('-', '_')}").PEER
    return found
