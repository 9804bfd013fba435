"""Addresses of the hub: the admin shell, the inbox, our own pages."""

from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("conflicts/", include("conflicts.urls")),
    path("", include("syncadmin.views.urls")),
]
if apps.is_installed("syncadmin.demo"):
    urlpatterns.append(path("demo/", include("syncadmin.demo.urls")))
