"""Words that are stored as codes and shown to people: named here so that they are found for translation.

Pages show them by `{% translate code %}`; what is missing here would stay English.
"""

from django.utils.translation.trans_real import gettext_noop  # which works without settings

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
    gettext_noop("preparing"),
    gettext_noop("ready"),
    gettext_noop("cancelled"),
)
STEPS = (gettext_noop("now"), gettext_noop("not needed"))
SIDES = (gettext_noop("left"), gettext_noop("right"))
PASSES = (gettext_noop("incremental"), gettext_noop("reconcile"), gettext_noop("backfill"))
PHASES = (gettext_noop("reading"), gettext_noop("linking"), gettext_noop("writing"), gettext_noop("deciding"))
STOPS = (
    gettext_noop("guard"),
    gettext_noop("rehearsal"),
    gettext_noop("configuration"),
    gettext_noop("empty"),
)
ENTRIES = (
    gettext_noop("change"),
    gettext_noop("disposition"),
    gettext_noop("write"),
    gettext_noop("link"),
    gettext_noop("decision"),
    gettext_noop("note"),
)
LINKS = (gettext_noop("linked"), gettext_noop("created"), gettext_noop("updated"), gettext_noop("deleted"))
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
KINDS = (
    gettext_noop("field"),
    gettext_noop("ambiguous match"),
    gettext_noop("deleted / changed"),
    gettext_noop("delete"),
    gettext_noop("left scope"),
)
PICKS = (
    gettext_noop("base"),
    gettext_noop("value"),
    gettext_noop("leave"),
    gettext_noop("create"),
    gettext_noop("distinct"),
    gettext_noop("ignore"),
    gettext_noop("restore"),
    gettext_noop("retry"),
    gettext_noop("undo"),
)
GUARANTEES = (gettext_noop("atomic"), gettext_noop("checked"), gettext_noop("blind"))
CHANGES = (gettext_noop("cursor"), gettext_noop("tracking"), gettext_noop("scan"))
OPERATIONS = (gettext_noop("update"),)
REVISIONS = (gettext_noop("changed"), gettext_noop("removed"))
CONFIGURED = (
    gettext_noop("mapping"),
    gettext_noop("field mapping"),
    gettext_noop("row rule"),
    gettext_noop("system"),
    gettext_noop("resource"),
)
POLICIES = (
    gettext_noop("enforce"),
    gettext_noop("review"),
    gettext_noop("newest"),
    gettext_noop("prefer left"),
    gettext_noop("prefer right"),
    gettext_noop("counter"),
    gettext_noop("set"),
    gettext_noop("text"),
    gettext_noop("min"),
    gettext_noop("max"),
    gettext_noop("non_empty"),
    gettext_noop("rule"),
    gettext_noop("both"),
    gettext_noop("none"),
    gettext_noop("propagate"),
    gettext_noop("delete wins"),
    gettext_noop("stop"),
    gettext_noop("warn"),
    gettext_noop("required"),
    gettext_noop("no"),
)
TYPES = (
    gettext_noop("integer"),
    gettext_noop("decimal"),
    gettext_noop("boolean"),
    gettext_noop("date"),
    gettext_noop("datetime"),
    gettext_noop("choice"),
    gettext_noop("json"),
    gettext_noop("reference"),
)
NORMALIZED = (
    gettext_noop("trim"),
    gettext_noop("lower"),
    gettext_noop("upper"),
    gettext_noop("empty as null"),
    gettext_noop("email"),
    gettext_noop("phone"),
    gettext_noop("nfc"),
)
FORMATS = (  # what values of a surveyed field look like, besides e-mail addresses, phone numbers and dates
    gettext_noop("url"),
    gettext_noop("uuid"),
    gettext_noop("time"),
    gettext_noop("day.month.year"),
    gettext_noop("month/day/year"),
    gettext_noop("decimal comma"),
)
COUNTS = (
    gettext_noop("read"),
    gettext_noop("waiting"),
    gettext_noop("conflicts"),
    gettext_noop("recovered"),
    gettext_noop("unanswered"),
    gettext_noop("misconfigured"),
    gettext_noop("raced"),
    gettext_noop("undone"),
    gettext_noop("unguarded"),
    gettext_noop("unmeasured"),
    gettext_noop("not accepted"),
    gettext_noop("confirmed"),
)
ALL = (
    *STATES,
    *STEPS,
    *SIDES,
    *PASSES,
    *PHASES,
    *STOPS,
    *ENTRIES,
    *LINKS,
    *DISPOSITIONS,
    *KINDS,
    *PICKS,
    *GUARANTEES,
    *CHANGES,
    *OPERATIONS,
    *REVISIONS,
    *CONFIGURED,
    *POLICIES,
    *TYPES,
    *NORMALIZED,
    *FORMATS,
    *COUNTS,
)
