"""The addresses of a hub in demo mode."""

from django.urls import include, path

from syncadmin.urls import urlpatterns as hub

urlpatterns = [path("demo/", include("syncadmin.demo.urls")), *hub]
