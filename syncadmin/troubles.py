"""What a connector or the check of a mapping said is wrong, in the reader's language.

Connectors know nothing of languages, and a pass stores what stopped it in English. Here each sentence is
known by its pattern, as in `reasons`; what is not known, and a system's own words, stay as they were said.
"""

from __future__ import annotations

import re
from functools import lru_cache

from django.utils.translation import get_language, gettext

# the one that works without settings
from django.utils.translation.trans_real import gettext_noop

from .reasons import LONGEST, pattern, translated

SENTENCES = (
    # systems that can't be reached, and what they refuse
    gettext_noop("cannot reach %(address)s while %(doing)s"),
    gettext_noop("%(address)s cannot be reached"),
    gettext_noop("the database is busy while %(doing)s"),
    gettext_noop("failed %(doing)s"),
    gettext_noop("reading changes"),
    gettext_noop("reading the table"),
    gettext_noop("reading by key"),
    gettext_noop("reading the shape of the table"),
    gettext_noop("check user, password and database name"),
    gettext_noop("grant the database user the right to do this"),
    gettext_noop("the table is not as configured"),
    gettext_noop("run the check of this system"),
    gettext_noop("check the path of the file, and that this user may read and write the file"),
    gettext_noop("%(path)s answered with status %(status)s"),
    gettext_noop("the credentials are missing or wrong"),
    gettext_noop("check `auth`"),
    gettext_noop("these credentials may not read it"),
    gettext_noop("check `auth`, or give them the permission"),
    gettext_noop("it redirects to %(location)s, which is not followed"),
    gettext_noop("correct base_url or path"),
    gettext_noop("there is no such address"),
    gettext_noop("check base_url and path"),
    gettext_noop("the request does not fit this system"),
    gettext_noop("check params, filter, order and paginator"),
    gettext_noop("no answer in time"),
    gettext_noop("the connection was lost"),
    gettext_noop("login is not possible now (status %(status)s)"),
    gettext_noop("login as %(user)s at %(path)s was refused (status %(status)s)"),
    gettext_noop("check username, password and path"),
    gettext_noop("%(path)s did not answer JSON but %(kind)s"),
    gettext_noop("every write was refused"),
    gettext_noop("check `auth`, base_url and the permissions of the account"),
    gettext_noop("the list shifted while it was read: %(count)s of %(total)s records came"),
    gettext_noop("a row has no value in the key column %(name)s"),
    gettext_noop("make the column not null"),
    gettext_noop("there is no field %(names)s"),
    gettext_noop("there are %(names)s"),
    gettext_noop("no such resource is configured"),
    gettext_noop("there are: %(names)s"),
    # settings of systems that do not fit together
    gettext_noop("is not a database address"),
    gettext_noop("has the unknown scheme %(name)s"),
    gettext_noop("names no database"),
    gettext_noop("expected %(example)s"),
    gettext_noop("give `url`, or the parts of the address, not both (%(names)s)"),
    gettext_noop("`url` is missing, or `product` and `database`"),
    gettext_noop("`url` is %(example)s"),
    gettext_noop("`changes: cursor` needs `modified`, the column that says when a row was last changed"),
    gettext_noop("name it, or use `changes: scan`"),
    gettext_noop("changes: cursor needs `modified` and `incremental`"),
    gettext_noop("or write changes: scan"),
    gettext_noop("version of type 'field' needs the name of the field"),
    gettext_noop("path is missing: where the records of this resource are listed, or a preset"),
    gettext_noop("incremental needs its `param`, or a filter with `at_least`"),
    gettext_noop("paginator keyset needs a filter with `greater` and an order with `key`"),
    gettext_noop("base_url begins with http:// or https:// and a host"),
    gettext_noop("credentials go to `auth`"),
    gettext_noop("no preset %(name)s"),
    gettext_noop("not a JMESPath expression"),
    gettext_noop("a selector is a text with a JMESPath expression"),
    # a mapping against its systems, as `config.verify` says it
    gettext_noop("%(place)s has no key that identifies a record"),
    gettext_noop("Give the table a primary key, or name a unique column as `key` of the resource"),
    gettext_noop("%(place)s has no field %(name)s"),
    gettext_noop("Correct the field mapping, or add the field to the system"),
    gettext_noop("Correct `changed_by` of the resource, or leave it out"),
    gettext_noop("%(place)s is read-only, but changes of the other side would be written to it"),
    gettext_noop("Set `owner: %(side)s`, so that it is only read"),
    gettext_noop("type %(kind)s does not fit %(place)s, which is of type %(found)s"),
    gettext_noop("Types that fit: %(kinds)s"),
    gettext_noop("%(place)s is text, and nothing says what separates the members of the set"),
    gettext_noop("Give a separator, such as %(example)s"),
    gettext_noop('did you mean "%(near)s"?'),
    gettext_noop("Allowed: %(names)s"),
    gettext_noop("the secret %(name)s is not set"),
    gettext_noop("set it on the page of the system, or in the environment and apply the file again"),
    gettext_noop("field %(name)s was of type %(was)s and is now %(now)s"),
    gettext_noop(
        "look at what it holds, correct the field mapping if need be, and save the mapping to go on"
    ),
)
NESTED = frozenset({"doing"})
SAID = re.compile(r"(?P<told>.*?) \(it said: (?P<words>.*)\)", re.DOTALL)
ENDS = re.compile(r"(; |: |\. |(?<=\?) )")
WITHIN = r"(?:(?!; |: |\. |\? ).)+"  # what is put into a sentence is no sentence
LONGEST_PART = 5  # pieces, with what is between them


def told(text: str) -> str:
    """What is wrong, in the language that is active; what is not known, and all in English, as it is."""
    if (get_language() or "en").startswith("en") or len(text) > LONGEST:
        return text
    if (known := translated(text)) != text:
        return known
    if found := SAID.fullmatch(text):
        said = gettext("%(told)s (it said: %(words)s)")
        return said % {"told": _by_parts(found["told"]), "words": found["words"]}
    return _by_parts(text)


def _by_parts(text: str) -> str:
    """A place, a message and what to do about it, each by itself: the longest parts that are known."""
    pieces = ENDS.split(text)
    made, at = "", 0
    while at < len(pieces):
        ends = range(min(at + LONGEST_PART, len(pieces)), at, -2)
        found = ((end, _known("".join(pieces[at:end]))) for end in ends)
        end, known = next(((end, known) for end, known in found if known), (at + 1, pieces[at]))
        made += known + "".join(pieces[end : end + 1])
        at = end + 1
    return made


def _known(text: str) -> str:
    """The translation of what is one sentence; '' if it is none of these."""
    for sentence, shape in _patterns():
        if found := shape.fullmatch(text):
            parts = {k: _known(v) or v if k in NESTED else v for k, v in found.groupdict().items()}
            return gettext(sentence) % parts
    return ""


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(sentence, pattern(sentence, WITHIN)) for sentence in SENTENCES]
