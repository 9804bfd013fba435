"""The hub's settings, with faults that can be armed: given to real processes as DJANGO_SETTINGS_MODULE."""

from syncadmin.settings import *  # noqa: F403

INSTALLED_APPS += ["tests.faults.plugin.Faults"]  # noqa: F405
