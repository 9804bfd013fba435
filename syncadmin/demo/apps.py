"""The demo as a Django app, installed only where SYNCADMIN_DEMO=1."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """App label `demo`: one table, one partial page, one command."""

    name = "syncadmin.demo"
    label = "demo"
    verbose_name = "Demo"
    default_auto_field = "django.db.models.BigAutoField"
