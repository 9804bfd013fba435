"""Patterns in the reader's language. What they are, and how one is found, is in `syncadmin.core.patterns`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from syncadmin.core.patterns import OF_RECORDS, Pattern, changed, of_field, of_record

__all__ = ["OF_RECORDS", "WORDS", "Pattern", "changed", "of_field", "of_record", "words"]

WORDS = {
    Pattern.SAME: _("both are the same"),
    Pattern.LEFT_EMPTY: _("%(left)s is empty"),
    Pattern.RIGHT_EMPTY: _("%(right)s is empty"),
    Pattern.CASE: _("only letter case differs"),
    Pattern.SPACE: _("only spaces differ"),
    Pattern.PUNCTUATION: _("only punctuation differs"),
    Pattern.ACCENTS: _("only accents or forms of letters differ"),
    Pattern.LEFT_MORE: _("%(left)s is %(right)s with more"),
    Pattern.RIGHT_MORE: _("%(right)s is %(left)s with more"),
    Pattern.SLIP: _("a letter or two differ"),
    Pattern.LEFT_LARGER: _("number differs, %(left)s is larger"),
    Pattern.RIGHT_LARGER: _("number differs, %(right)s is larger"),
    Pattern.LEFT_LATER: _("date differs, %(left)s is later"),
    Pattern.RIGHT_LATER: _("date differs, %(right)s is later"),
    Pattern.LEFT_YES: _("only %(left)s says yes"),
    Pattern.RIGHT_YES: _("only %(right)s says yes"),
    Pattern.LEFT_NEWER: _("differs, %(left)s was changed last"),
    Pattern.RIGHT_NEWER: _("differs, %(right)s was changed last"),
    Pattern.OTHER: _("differs"),
    Pattern.NO_CANDIDATE: _("no record matches"),
    Pattern.ONE_CANDIDATE: _("one record may match"),
    Pattern.CANDIDATES: _("several records may match"),
    Pattern.TWINS: _("several records of one side match"),
    Pattern.LEFT_GONE: _("deleted in %(left)s"),
    Pattern.RIGHT_GONE: _("deleted in %(right)s"),
    Pattern.LEFT_SCOPE: _("no longer passes the filter of %(left)s"),
    Pattern.RIGHT_SCOPE: _("no longer passes the filter of %(right)s"),
    Pattern.CREATE_REFUSED: _("could not be created"),
    Pattern.UPDATE_REFUSED: _("could not be changed"),
    Pattern.DELETE_REFUSED: _("could not be deleted"),
    Pattern.RECORD: _("the record as a whole"),
}


def words(pattern: str, left: str = "", right: str = "") -> str:
    """A pattern in words, with the systems' names where they are known; an unknown one as it is."""
    if pattern not in WORDS:
        return pattern
    return str(WORDS[Pattern(pattern)]) % {"left": left or _("left"), "right": right or _("right")}
