"""The sync domain as one Django app: configuration, state, journal and passes."""

from django.apps import AppConfig


class SyncadminConfig(AppConfig):
    """App label `syncadmin`; models live in the package `syncadmin.models`."""

    name = "syncadmin"
    verbose_name = "SyncAdmin"
    default_auto_field = "django.db.models.BigAutoField"
