"""What the hub says of a record, in the reader's language.

The decision core and the engine store their reasons in English. Each sentence is known here by its pattern,
so that a page can say it in another language; one that is not known stays as it was said.
"""

from __future__ import annotations

import re
from functools import lru_cache

from django.utils.translation import get_language, gettext

# the one that works without settings
from django.utils.translation.trans_real import gettext_noop

from . import words

# with the systems' names for their sides, as `syncadmin.show.said_by_name` gives them; `said` is a sentence
# or a word of the hub's itself
SENTENCES = (
    # which rule, decision or person it was, and on which item
    gettext_noop("%(said)s, conflict #%(conflict)s, bulk run #%(run)s"),
    gettext_noop("%(said)s, conflict #%(conflict)s"),
    gettext_noop("conflict #%(conflict)s: %(said)s"),
    gettext_noop("person: %(said)s"),
    gettext_noop("owner %(owner)s, drift %(said)s"),
    gettext_noop("owner %(owner)s, deletes propagate"),
    gettext_noop("owner %(owner)s"),
    gettext_noop("merge %(said)s"),
    gettext_noop("first contact: a value meets an empty field"),
    gettext_noop("first contact: %(said)s"),
    gettext_noop(
        "raced: the record was changed between the checking read and this write, which may have replaced it"
    ),
    # what people write to a system by hand
    gettext_noop("try it #%(number)s: %(said)s"),
    gettext_noop("asked to create a record by hand"),
    gettext_noop("asked to change a record by hand"),
    gettext_noop("asked to delete a record by hand"),
    gettext_noop("done by hand"),
    gettext_noop("not done by hand: the record had changed"),
    gettext_noop("not done by hand: there is no such record"),
    gettext_noop("not done by hand: the system refused it"),
    gettext_noop("not done by hand: the system did not take it then"),
    gettext_noop("sent by hand, and it is not known whether it was done"),
    # what people do with an item besides deciding it
    gettext_noop("claimed"),
    gettext_noop("claim taken over from %(name)s"),
    gettext_noop("claim given up"),
    gettext_noop("assigned to nobody"),
    gettext_noop("assigned to %(name)s"),
    gettext_noop("put off until %(time)s"),
    gettext_noop("no longer put off"),
    gettext_noop("put on hold"),
    gettext_noop("hold of %(name)s lifted"),
    gettext_noop("decision proposed"),
    gettext_noop("decision of %(name)s approved"),
    gettext_noop("undo proposed"),
    gettext_noop("undo of %(name)s approved"),
    gettext_noop("comment"),
    gettext_noop("second look asked for"),
    gettext_noop("second look withdrawn"),
    gettext_noop("second look declined, asked by %(name)s"),
    gettext_noop("overdue, given to %(name)s"),
    gettext_noop("overdue, nobody to give it to: “%(name)s” has nobody"),
    gettext_noop("may be the same as %(key)s again"),
    gettext_noop("undo of %(said)s"),
    # fields
    gettext_noop("both sides changed it"),
    gettext_noop("the two sides differ, and it is not known which is newer"),
    gettext_noop("the two sides differ, and changed at about the same time"),
    gettext_noop("the two sides differ and never agreed before"),
    gettext_noop("the two sides started from different values: use base_left and base_right"),
    gettext_noop("both sides hold a value"),
    gettext_noop("one side was emptied, so there is nothing to compare"),
    gettext_noop("values of type %(kind)s have no order"),
    gettext_noop("a counter that was or became empty cannot be added up"),
    gettext_noop("an empty counter cannot be added to"),
    gettext_noop("%(values)s was added on one side and removed on the other"),
    gettext_noop("both sides changed it, and started from different texts"),
    gettext_noop("both sides edited the text near %(place)s"),
    gettext_noop("the texts are too large to be merged"),
    gettext_noop("a text has more than %(limit)s characters"),
    gettext_noop("both sides changed fields that belong together"),
    gettext_noop("another field of this record waits for a decision"),
    gettext_noop("a decision on it was taken back"),
    gettext_noop("%(owner)s owns it, and %(other)s changed it"),
    gettext_noop("it is not clear who owns this record: %(error)s"),
    gettext_noop("the rule gave a value that does not fit: %(unfit)s"),
    gettext_noop("the rule gave %(answer)s, which is no %(kind)s"),
    gettext_noop("the rule %(rule)s failed: %(error)s"),
    gettext_noop("the rule %(rule)s gave %(answer)s instead of true or false"),
    gettext_noop("%(value)s has too many digits for a rule"),
    gettext_noop("the rule %(rule)s was not run: the values are too large for it"),
    gettext_noop("both systems keep setting it back: it was turned %(turns)s times within minutes"),
    gettext_noop(
        "a write of this count was interrupted, and it has moved since: whether it was added can't be told"
    ),
    gettext_noop(
        "a write of this field was interrupted, and the record was changed since: whether somebody has put "
        "the former value back can't be told"
    ),
    gettext_noop(
        "a write of this field was interrupted, and it holds another value since: whether that has replaced "
        "what was written can't be told"
    ),
    gettext_noop(
        "a write of this field was interrupted and given up, and it holds now what would have been written: "
        "whether it has arrived late, or somebody has entered the same, can't be told"
    ),
    gettext_noop("the hub's database was restored from a backup: which value is the newer one can't be told"),
    # records
    gettext_noop(
        "a delete of this record was interrupted and given up, and the record is gone now: whether it has "
        "arrived late, or somebody has deleted the record, can't be told"
    ),
    gettext_noop(
        "the hub's database was restored from a backup: what became of this record since can't be told"
    ),
    gettext_noop("the answer to a create was lost, and it may have made one of these records from the other"),
    gettext_noop(
        "the answer to a create was lost, and the record with its match values may have been made by it"
    ),
    gettext_noop(
        "the answer to a create was lost, and what may have been the partner has been deleted since"
    ),
    gettext_noop("it has no value to be matched by (%(fields)s)"),
    gettext_noop("%(count)s records have its match values"),
    gettext_noop("one record is left that has its match values; another is not the same"),
    gettext_noop("the record with its match values is linked"),
    gettext_noop("other records have the same match values"),
    gettext_noop("%(gone)s deleted it, and %(other)s changed it"),
    gettext_noop("%(gone)s deleted it, and no record may be created there"),
    gettext_noop("%(owner)s owns it, and %(gone)s deleted it"),
    gettext_noop("%(gone)s deleted it"),
    gettext_noop("another mapping has given the record a new partner"),
    gettext_noop("another mapping was told to leave the record as it is"),
    gettext_noop("it no longer passes the row filter of %(side)s, and %(other)s owns it"),
    gettext_noop("it no longer passes the row filter of %(side)s, and %(other)s changed it"),
    gettext_noop("it no longer passes the row filter of %(side)s"),
    gettext_noop("a value can't be read: %(words)s"),
    gettext_noop("not done after %(tries)s tries: %(said)s"),
    gettext_noop("%(system)s refused the write"),
    # values that are none of a field's type
    gettext_noop("%(value)s is not valid Unicode text"),
    gettext_noop("%(value)s is not text"),
    gettext_noop("%(value)s is not a whole number"),
    gettext_noop("%(value)s is not a decimal number"),
    gettext_noop("%(value)s is not a decimal number of reasonable size"),
    gettext_noop("%(value)s is not a decimal number with %(scale)s digits"),
    gettext_noop("%(value)s is not a boolean"),
    gettext_noop("%(value)s is not a date like 2024-12-31"),
    gettext_noop("%(value)s is not a time like 2024-12-31T23:59:00Z"),
    gettext_noop("%(value)s is not a time between the years 1 and 9999"),
    gettext_noop("%(value)s is not a time that exists in the zone %(zone)s"),
    gettext_noop("%(value)s is not one of the mapped choices"),
    gettext_noop("%(value)s is not one of %(choices)s"),
    gettext_noop("%(value)s is not a list (a set kept as text needs a separator)"),
    gettext_noop("%(value)s is not a single reference"),
    gettext_noop("%(value)s is not a JSON key"),
    gettext_noop("%(value)s holds the separator %(separator)s and would become two"),
    gettext_noop("a JSON value is nested too deeply"),
    # what became of changes
    gettext_noop("one side changed"),
    gettext_noop("the side changed it again"),
    gettext_noop("it is there again"),
    gettext_noop("deleted on both sides"),
    gettext_noop("deletes propagate"),
    gettext_noop("resolved"),
    gettext_noop("not undone: it has changed meanwhile"),
    gettext_noop("settled by itself: nothing to decide is left"),
    gettext_noop("the field is no longer synced"),
    gettext_noop("the mapping is out of service"),
    gettext_noop("the mapping is out of service: both sides keep what they hold"),
    # guards and passes
    gettext_noop("restored from a backup: what the hub knows is as of %(time)s"),
    gettext_noop(
        "the hub's database was restored from a backup of %(time)s; would make %(made)s and delete "
        "%(deleted)s records that may have been made or deleted since then"
    ),
    gettext_noop("would delete all %(known)s known records on %(side)s"),
    gettext_noop(
        "would delete %(number)s of %(known)s known records on %(side)s; the limit is %(limit)s of them"
    ),
    gettext_noop(
        "would change %(number)s of %(known)s known records on %(side)s; the limit is %(limit)s of them"
    ),
    gettext_noop(
        "would empty a value in %(number)s of %(known)s known records on %(side)s; "
        "the limit is %(limit)s of them"
    ),
    gettext_noop(
        "would shorten %(field)s in %(number)s of %(known)s known records on %(side)s; "
        "the limit is %(limit)s of them"
    ),
    gettext_noop(
        "would set %(field)s to one same value in %(number)s of %(known)s known records on %(side)s; "
        "the limit is %(limit)s of them"
    ),
    gettext_noop("nothing is written before the plan of a rehearsal is approved"),
    gettext_noop("the mapping has been changed since its plan was approved: rehearse it again"),
    gettext_noop(
        "the systems have changed since the plan was approved (%(new)s new, %(changed)s changed, "
        "%(gone)s gone): look at it again"
    ),
    gettext_noop(
        "stopped: the systems have left the approved plan #%(plan)s: %(new)s new, %(changed)s changed, "
        "%(gone)s gone"
    ),
    gettext_noop("approved plan #%(plan)s, and up to %(allowed)s lines more or other"),
    gettext_noop("approved plan #%(plan)s"),
    gettext_noop("withdrew the approval of plan #%(plan)s"),
    gettext_noop(
        "carries out plan #%(plan)s, approved by %(name)s; %(count)s lines differ from it, "
        "up to %(allowed)s were allowed"
    ),
    gettext_noop("carries out plan #%(plan)s, approved by %(name)s"),
    gettext_noop("its workers died again and again"),
    gettext_noop("the hub failed: %(error)s; its log tells more"),
    gettext_noop("the accepted risk of lost edits has lapsed: %(why)s"),
    gettext_noop("its time is up"),
    gettext_noop("writes to the %(side)s side are %(promise)s now, which was not accepted"),
    gettext_noop("%(expected)s lost edits a year are to be expected; %(most)s were accepted"),
    gettext_noop("withdrawn by %(name)s"),
    gettext_noop("accepted anew by %(name)s"),
    gettext_noop("accepted up to %(most)s lost edits a year until %(day)s, as %(role)s"),
    gettext_noop("its worker died or lost the lease"),
    gettext_noop("stopped unexpectedly; the log of the worker says why"),
    gettext_noop("the hub's database failed: %(error)s"),
    gettext_noop("recovered %(count)s writes that an interrupted pass had made"),
    gettext_noop("linked %(count)s pairs of records whose values are equal"),
)
NESTED = frozenset({"said", "owner", "unfit"})
WORDS = frozenset(words.ALL)
LONGEST = 2000  # what is longer is somebody's value, not a sentence of ours


def translated(text: str) -> str:
    """A reason in the language that is active; unknown ones, and all in English, as they are."""
    if (get_language() or "en").startswith("en") or len(text) > LONGEST:
        return text
    if text in WORDS:
        return gettext(text)
    for sentence, shape in _patterns():
        if found := shape.fullmatch(text):
            parts = found.groupdict()
            return gettext(sentence) % {**parts, **{k: translated(parts[k]) for k in NESTED & parts.keys()}}
    return text


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(sentence, pattern(sentence)) for sentence in SENTENCES]


def pattern(sentence: str, within: str = ".+") -> re.Pattern[str]:
    """What a sentence looks like with anything put in (`within`: the pattern of that)."""
    words = re.split(r"%\((\w+)\)s", sentence)
    parts = [f"(?P<{w}>{within})" if index % 2 else re.escape(w) for index, w in enumerate(words)]
    return re.compile("".join(parts), re.DOTALL)
