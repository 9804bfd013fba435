"""The conflict inbox as a Django app."""

from django.apps import AppConfig


class ConflictsConfig(AppConfig):
    """App label `conflicts`."""

    name = "conflicts"
    default_auto_field = "django.db.models.BigAutoField"
