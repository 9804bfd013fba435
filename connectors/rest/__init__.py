"""The REST connector: any JSON API over HTTP, described by configuration alone.

`config` says what can be configured, `presets` holds ready configurations of known products.
"""

from .config import Resource, System
from .connector import RestConnector

__all__ = ["Resource", "RestConnector", "System"]
