"""The admin: systems, mappings, users. Forms only; what is right is decided by `syncadmin.config`.

Everything that can be clicked here can be written in a configuration file; the same functions check both.
"""

from . import mappings, systems, users

__all__ = ["mappings", "systems", "users"]
