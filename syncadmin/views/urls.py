"""Addresses of our own pages."""

from django.urls import path

from . import (
    connect,
    dashboard,
    guard_stops,
    history,
    notifications,
    one_sided,
    passes,
    pick,
    rehearsal,
    risk,
    setup,
    surveys,
)

app_name = "syncadmin"
urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("connect/", connect.start, name="connect"),
    path("connect/new/<slug:offer>/", connect.new, name="connect-new"),
    path("connect/systems/<slug:name>/", connect.system, name="connect-system"),
    path("connect/systems/<slug:name>/settings/", connect.settings, name="connect-settings"),
    path("connect/systems/<slug:name>/resource/", pick.describe, name="connect-describe"),
    path("connect/resources/", pick.resources, name="connect-resources"),
    path("connect/resources/<int:resource_id>/changes/", pick.changes, name="connect-changes"),
    path("connect/survey/", pick.survey, name="connect-survey"),
    path("mappings/<slug:name>/run/", dashboard.run, name="run"),
    path("mappings/<slug:name>/setup/", setup.show, name="setup"),
    path("mappings/<slug:name>/setup/on/", setup.switch_on, name="switch-on"),
    path("mappings/<slug:name>/risk/", risk.show, name="risk"),
    path("mappings/<slug:name>/risk/ask/", risk.ask_systems, name="risk-ask"),
    path("mappings/<slug:name>/risk/accept/", risk.accept, name="risk-accept"),
    path("mappings/<slug:name>/risk/withdraw/", risk.withdraw, name="risk-withdraw"),
    path("mappings/<slug:name>/rehearsal/", rehearsal.show, name="rehearsal"),
    path("mappings/<slug:name>/rehearsal/start/", rehearsal.start, name="rehearsal-start"),
    path("mappings/<slug:name>/rehearsal/cancel/", rehearsal.cancel, name="rehearsal-cancel"),
    path("mappings/<slug:name>/rehearsal/<int:number>/approve/", rehearsal.approve, name="rehearsal-approve"),
    path(
        "mappings/<slug:name>/rehearsal/<int:number>/withdraw/", rehearsal.withdraw, name="rehearsal-withdraw"
    ),
    path("mappings/<slug:name>/rehearsal/<int:number>/records/", rehearsal.records, name="rehearsal-records"),
    path(
        "mappings/<slug:name>/rehearsal/<int:number>/plan.<slug:form>",
        rehearsal.export,
        name="rehearsal-export",
    ),
    path("passes/", passes.list_, name="passes"),
    path("passes/<int:pass_id>/", passes.detail, name="pass"),
    path("guard-stops/<int:stop_id>/", guard_stops.detail, name="guard_stop"),
    path("guard-stops/<int:stop_id>/approve/", guard_stops.approve, name="approve"),
    path("one-sided/", one_sided.list_, name="one-sided"),
    path("surveys/", surveys.list_, name="surveys"),
    path("surveys/<int:survey_id>/", surveys.show, name="survey"),
    path("surveys/<int:survey_id>/cancel/", surveys.cancel, name="survey-cancel"),
    path("surveys/<int:survey_id>/resume/", surveys.resume, name="survey-resume"),
    path("surveys/<int:survey_id>/file/", surveys.file, name="survey-file"),
    path("surveys/<int:survey_id>/mapping/", surveys.make, name="survey-mapping"),
    path("history/", history.list_, name="history"),
    path("history/export.<slug:form>", history.export, name="export"),
    path("history/<slug:mapping>/<int:link_id>/", history.record, name="record"),
    path("notifications/", notifications.show, name="notifications"),
    path("notifications/channels/", notifications.add_channel, name="channel-add"),
    path("notifications/channels/<int:channel_id>/test/", notifications.test, name="channel-test"),
    path(
        "notifications/channels/<int:channel_id>/gone/", notifications.remove_channel, name="channel-remove"
    ),
    path("notifications/subscriptions/", notifications.subscribe, name="subscribe"),
    path("notifications/subscriptions/<int:subscription_id>/", notifications.change, name="subscription"),
    path(
        "notifications/subscriptions/<int:subscription_id>/remove/",
        notifications.unsubscribe,
        name="unsubscribe",
    ),
    path("notifications/hours/", notifications.hours, name="notification-hours"),
]
