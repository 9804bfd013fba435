"""Addresses of the inbox."""

from django.urls import path

from .views import bulk, card, inbox, undo

app_name = "conflicts"
urlpatterns = [
    path("", inbox.list_, name="list"),
    path("bulk/", bulk.list_, name="bulk-list"),
    path("bulk/new/", bulk.new, name="bulk-new"),
    path("bulk/<int:run_id>/", bulk.show, name="bulk"),
    path("bulk/<int:run_id>/items/", bulk.items, name="bulk-items"),
    path("bulk/<int:run_id>/items.csv", bulk.export, name="bulk-export"),
    path("bulk/<int:run_id>/confirm/", bulk.confirm, name="bulk-confirm"),
    path("bulk/<int:run_id>/cancel/", bulk.cancel, name="bulk-cancel"),
    path("bulk/<int:run_id>/undo/", bulk.undo, name="bulk-undo"),
    path("undo/<slug:mapping>/<int:seq>/", undo.entry, name="undo-entry"),
    path("<int:conflict_id>/undo/", undo.closely, name="undo"),
    path("<int:conflict_id>/undo/now/", undo.at_once, name="undo-now"),
    path("<int:conflict_id>/undo/status/", undo.status, name="undo-status"),
    path("<int:conflict_id>/", card.detail, name="detail"),
    path("<int:conflict_id>/next/", card.following, name="next"),
    path("<int:conflict_id>/revision/", card.revision, name="revision"),
    path("<int:conflict_id>/again/", card.again, name="again"),
    path("<int:conflict_id>/same/", card.same_again, name="same"),
    path("<int:conflict_id>/status/", card.status, name="status"),
    path("<int:conflict_id>/resolve/", card.resolve, name="resolve"),
]
