"""Addresses of the inbox."""

from django.urls import path

from .views import card, inbox

app_name = "conflicts"
urlpatterns = [
    path("", inbox.list_, name="list"),
    path("<int:conflict_id>/", card.detail, name="detail"),
    path("<int:conflict_id>/next/", card.following, name="next"),
    path("<int:conflict_id>/revision/", card.revision, name="revision"),
    path("<int:conflict_id>/again/", card.again, name="again"),
    path("<int:conflict_id>/same/", card.same_again, name="same"),
    path("<int:conflict_id>/status/", card.status, name="status"),
    path("<int:conflict_id>/resolve/", card.resolve, name="resolve"),
]
