"""Addresses of the inbox."""

from django.urls import path

from .views import bulk, card, inbox, rules, saved, together, undo

app_name = "conflicts"
urlpatterns = [
    path("", inbox.list_, name="list"),
    path("views/", saved.list_, name="views"),
    path("views/save/", saved.save, name="view-save"),
    path("views/<int:view_id>/", saved.change, name="view-change"),
    path("team/", together.team_, name="team"),
    path("bulk/", bulk.list_, name="bulk-list"),
    path("bulk/undo/", bulk.undo_many, name="bulk-undo-many"),
    path("bulk/new/", bulk.new, name="bulk-new"),
    path("bulk/<int:run_id>/", bulk.show, name="bulk"),
    path("bulk/<int:run_id>/items/", bulk.items, name="bulk-items"),
    path("bulk/<int:run_id>/items.csv", bulk.export, name="bulk-export"),
    path("bulk/<int:run_id>/confirm/", bulk.confirm, name="bulk-confirm"),
    path("bulk/<int:run_id>/cancel/", bulk.cancel, name="bulk-cancel"),
    path("bulk/<int:run_id>/undo/", bulk.undo, name="bulk-undo"),
    path("rules/", rules.list_, name="rules"),
    path("rules/<int:rule_id>/", rules.show, name="rule"),
    path("rules/<int:rule_id>/answer/", rules.answer, name="rule-answer"),
    path("<int:conflict_id>/propose/<slug:field>/", rules.propose, name="propose"),
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
    path("<int:conflict_id>/looking/", together.looking, name="looking"),
    path("<int:conflict_id>/claim/", together.claim, name="claim"),
    path("<int:conflict_id>/release/", together.release, name="release"),
    path("<int:conflict_id>/assign/", together.assign, name="assign"),
    path("<int:conflict_id>/snooze/", together.snooze, name="snooze"),
    path("<int:conflict_id>/hold/", together.hold, name="hold"),
    path("<int:conflict_id>/lift/", together.lift, name="lift"),
    path("<int:conflict_id>/ask/", together.ask, name="ask"),
    path("<int:conflict_id>/answer/", together.answer, name="answer"),
    path("<int:conflict_id>/comment/", together.comment, name="comment"),
]
