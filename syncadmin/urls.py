"""Addresses of the hub: the admin shell, the inbox, our own pages."""

from importlib.util import find_spec

from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [path("admin/", admin.site.urls)]
if find_spec("conflicts.urls"):
    urlpatterns.append(path("conflicts/", include("conflicts.urls")))
if apps.is_installed("syncadmin.demo"):
    urlpatterns.append(path("demo/", include("syncadmin.demo.urls")))
if find_spec("syncadmin.views") and find_spec("syncadmin.views.urls"):
    urlpatterns.append(path("", include("syncadmin.views.urls")))
