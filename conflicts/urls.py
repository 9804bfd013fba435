"""Addresses of the inbox."""

from django.urls import path

from . import views

app_name = "conflicts"
urlpatterns = [
    path("", views.list_, name="list"),
    path("<int:conflict_id>/", views.detail, name="detail"),
    path("<int:conflict_id>/status/", views.status, name="status"),
    path("<int:conflict_id>/resolve/", views.resolve, name="resolve"),
]
