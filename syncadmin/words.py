"""Words that are stored as codes and shown to people: named here so that they are found for translation.

Pages show them by `{% translate code %}`; what is missing here would stay English.
"""

from django.utils.translation import gettext_noop

STATES = (
    gettext_noop("open"),
    gettext_noop("decided"),
    gettext_noop("closed"),
    gettext_noop("frozen"),
    gettext_noop("running"),
    gettext_noop("done"),
    gettext_noop("failed"),
    gettext_noop("stopped"),
    gettext_noop("lost"),
)
SIDES = (gettext_noop("left"), gettext_noop("right"))
PASSES = (gettext_noop("incremental"), gettext_noop("reconcile"), gettext_noop("backfill"))
ENTRIES = (
    gettext_noop("change"),
    gettext_noop("disposition"),
    gettext_noop("write"),
    gettext_noop("link"),
    gettext_noop("decision"),
    gettext_noop("note"),
)
DISPOSITIONS = (
    gettext_noop("propagated"),
    gettext_noop("converged"),
    gettext_noop("merged"),
    gettext_noop("overridden"),
    gettext_noop("superseded"),
    gettext_noop("held"),
    gettext_noop("rejected"),
    gettext_noop("reverted"),
)
GUARANTEES = (gettext_noop("atomic"), gettext_noop("checked"), gettext_noop("blind"))
CHANGES = (gettext_noop("cursor"), gettext_noop("tracking"), gettext_noop("scan"))
OPERATIONS = (gettext_noop("create"), gettext_noop("update"), gettext_noop("delete"))
REVISIONS = (gettext_noop("created"), gettext_noop("changed"), gettext_noop("deleted"))
COUNTS = (
    gettext_noop("read"),
    gettext_noop("linked"),
    gettext_noop("waiting"),
    gettext_noop("conflicts"),
    gettext_noop("recovered"),
    gettext_noop("unanswered"),
    gettext_noop("misconfigured"),
)
