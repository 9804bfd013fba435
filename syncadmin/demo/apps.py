"""The demo as a Django app, installed only where SYNCADMIN_DEMO=1: an address and a command, no tables."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """App label `demo`."""

    name = "syncadmin.demo"
    label = "demo"
    verbose_name = "Demo"
