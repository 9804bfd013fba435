"""Addresses of the inbox."""

from django.urls import path

from .views import card, inbox

app_name = "conflicts"
urlpatterns = [
    path("", inbox.list_, name="list"),
    path("<int:conflict_id>/", card.detail, name="detail"),
    path("<int:conflict_id>/status/", card.status, name="status"),
    path("<int:conflict_id>/resolve/", card.resolve, name="resolve"),
]
