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
    gettext_noop("reading parts of the table"),
    gettext_noop("hashing the table"),
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
    gettext_noop("a body can't be filled in: %(said)s"),
    gettext_noop("%(text)s stands for nothing"),
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
    gettext_noop("path is missing: where the records of this resource are listed, or a preset"),
    gettext_noop("base_url begins with http:// or https:// and a host"),
    gettext_noop("credentials go to `auth`"),
    gettext_noop("no preset %(name)s"),
    gettext_noop("not a JMESPath expression"),
    gettext_noop("a selector is a text with a JMESPath expression"),
    # what connectors tell of systems, tables and addresses
    gettext_noop("insert, update and delete granted"),
    gettext_noop("differs by %(seconds)s s"),
    gettext_noop("differs by less than %(seconds)s s"),
    gettext_noop("set both clocks by NTP"),
    gettext_noop("`newest` goes by them"),
    gettext_noop("`newest` decides by them"),
    gettext_noop("the system's clock differs from ours by about %(seconds)s s"),
    gettext_noop("table %(table)s, key %(key)s"),
    gettext_noop("%(records)s records, %(fields)s fields, key %(key)s"),
    gettext_noop("%(fields)s fields, key %(key)s"),
    gettext_noop("%(fields)s fields"),
    gettext_noop("whether it is allowed, a write will tell"),
    gettext_noop("give the user BYPASSRLS if deletes are to be seen"),
    gettext_noop("the table's storage engine has no transactions"),
    gettext_noop("writes are checked, not atomic"),
    gettext_noop("use InnoDB"),
    gettext_noop("the server is read-only"),
    gettext_noop("this is a standby, which takes no writes"),
    gettext_noop("use the primary's address"),
    gettext_noop("by %(column)s, which has an index"),
    gettext_noop("by %(column)s, without an index"),
    gettext_noop("each read goes through the whole table"),
    gettext_noop("create an index on (%(columns)s)"),
    gettext_noop(
        "by %(column)s; transactions of others cannot be seen, so only the overlap covers late commits"
    ),
    gettext_noop("GRANT pg_read_all_stats to this user, or raise `overlap`"),
    gettext_noop("none"),
    gettext_noop("it names none"),
    gettext_noop("the hub opens %(most)s connections at most"),
    gettext_noop("check host, port and firewall"),
    gettext_noop("is it running?"),
    gettext_noop("check base_url, the network, and whether the system is running"),
    gettext_noop("grant SELECT on the table"),
    gettext_noop("the file can be locked for writing"),
    gettext_noop("make file and folder writable for this user"),
    gettext_noop("answered with status %(status)s"),
    gettext_noop("there is no connector %(name)s"),
    gettext_noop("installed are %(names)s"),
    gettext_noop("connector %(name)s cannot be loaded from %(place)s"),
    gettext_noop("changes are found by scans only"),
    gettext_noop("set `modified` to the column that says when a row was last changed"),
    gettext_noop("there is no resource %(name)s"),
    gettext_noop("configured are %(names)s"),
    gettext_noop("column %(column)s of table %(table)s is computed by the database and cannot be written"),
    gettext_noop("take it out of the mapping, or let the other side follow it"),
    gettext_noop("table %(table)s has no key by which a row can be told from the others"),
    gettext_noop("its primary key has several columns (%(columns)s)"),
    gettext_noop("there is no primary key"),
    gettext_noop("set `key` to one of %(columns)s"),
    gettext_noop("add a unique, not null column"),
    gettext_noop("there is no table %(table)s"),
    gettext_noop("`version.bump` counts up, but column %(column)s of table %(table)s is of type %(kind)s"),
    gettext_noop("use an integer column, or leave `bump` out"),
    gettext_noop(
        "column %(column)s of table %(table)s is of type %(kind)s and cannot tell when a row was changed"
    ),
    gettext_noop("use a timestamp, a date or a number that grows"),
    gettext_noop("table %(table)s has no column %(column)s (configured as `%(option)s`); it has %(names)s"),
    gettext_noop("table %(table)s has no column %(column)s; it has %(names)s"),
    gettext_noop("column %(column)s does not identify a row of table %(table)s"),
    gettext_noop("it must be the primary key, or unique and not null"),
    gettext_noop("use one of %(columns)s, or add such a constraint"),
    gettext_noop("add such a constraint"),
    gettext_noop("%(path)s answered with an error"),
    gettext_noop("%(path)s answered with an error %(code)s"),
    gettext_noop("check `auth`, params and path"),
    gettext_noop("incremental: `format: custom` and `pattern` go together"),
    gettext_noop("incremental: `asked` is a known way to write times that records tell"),
    gettext_noop("discover needs `names`, selected from the answer, or names that are `known`"),
    gettext_noop("it tells no key"),
    gettext_noop("say where it is by `create.key`"),
    gettext_noop("`discover.names: %(selector)s` must select a list of names"),
    gettext_noop("records have no field %(name)s (`%(option)s: %(value)s`)"),
    gettext_noop("their fields are: %(names)s"),
    gettext_noop("version of type %(kind)s needs the name of the field"),
    gettext_noop("no access token now (status %(status)s)"),
    gettext_noop("%(path)s gives no token now (status %(status)s)"),
    gettext_noop("%(path)s answered status %(status)s and no token"),
    gettext_noop("check `csrf` and `auth`"),
    gettext_noop("`auth.key` can't sign by %(algorithm)s"),
    gettext_noop("check the key and `auth.algorithm`"),
    gettext_noop("%(path)s gave no access token (status %(status)s)"),
    gettext_noop("check the client, its secret, the scopes and the address of the tokens"),
    gettext_noop("the system points to another host (%(host)s), where our credentials must not go"),
    gettext_noop("use that host as base_url, or correct the address it gives"),
    gettext_noop("`%(option)s: %(selector)s` must select a list of records but found %(found)s in %(data)s"),
    gettext_noop("`%(option)s: %(selector)s` must select objects but found %(found)s"),
    gettext_noop("correct `%(option)s`"),
    gettext_noop("%(text)s is no address"),
    gettext_noop("%(path)s gave no answer to a login"),
    gettext_noop("the login's answer holds no token at %(place)s but %(found)s"),
    gettext_noop("the login at %(path)s set no cookie"),
    gettext_noop("records can't be deleted here by the hub"),
    gettext_noop("forms need a `schema` that tells kinds, and `update: {nested: merge}`"),
    gettext_noop("%(name)s is of the kind %(kind)s, which can't be written here"),
    gettext_noop("listing `parts` need `params_in: body`"),
    gettext_noop("incremental needs its `param` or `header`, or a filter with `at_least`"),
    gettext_noop("incremental by `param` needs `created_param` to ask by `created`"),
    gettext_noop("`datetimes: custom` and `datetime_pattern` go together"),
    gettext_noop("paginator %(kind)s needs a filter with `greater` and an order with `key`"),
    gettext_noop("%(zone)s is no time zone"),
    gettext_noop("write one such as Europe/Berlin"),
    gettext_noop("not the configuration of a REST system"),
    gettext_noop("not the configuration of a REST resource"),
    gettext_noop("a record has no key at `key: %(selector)s` (%(found)s); it is %(kind)s"),
    gettext_noop("this needs a `filter`"),
    gettext_noop("%(text)s has the blank %(blank)s"),
    gettext_noop("give it under `blanks`"),
    gettext_noop("access_token_url begins with https:// (or http://)"),
    gettext_noop("csrf needs one of `from_header`, `from_cookie` and `from_body`"),
    gettext_noop("changes cannot be asked for here, only scans"),
    gettext_noop("nothing can be searched here"),
    gettext_noop("it has no `filter` or `find`"),
    gettext_noop("paginator cursor needs `next` or `header`: where the token is"),
    gettext_noop("is not %(encoding)s, as `secret_encoding` says"),
    gettext_noop("is empty"),
    gettext_noop("content holds %(blank)s once, since that is what is signed"),
    gettext_noop("a time counts only if it is signed"),
    gettext_noop("name where it comes from (timestamp, or parts.timestamp), and write %(blank)s in content"),
    gettext_noop("or neither"),
    gettext_noop("content has %(blank)s"),
    gettext_noop("name the header that holds it, with `id`"),
    gettext_noop("is no secret of Standard Webhooks"),
    gettext_noop("whsec_ and base64"),
    gettext_noop("token and token_param go together"),
    gettext_noop("resource and resource_header: only one of them names the resource"),
    gettext_noop("id and id_header: only one of them holds the delivery's id"),
    gettext_noop("tables are in other schemas too: %(names)s"),
    gettext_noop("set `schema` to see those"),
    gettext_noop("topics need list.topic: where a registration says for which one it is"),
    gettext_noop("remove.path holds %(blank)s: which registration is taken back"),
    gettext_noop(
        "`%(option)s: %(selector)s` must select a list of registrations but found %(found)s in %(data)s"
    ),
    gettext_noop("nested too deeply"),
    gettext_noop("no address for a create is told"),
    gettext_noop("check `create.once`"),
    # tables whose changes triggers log
    gettext_noop("by triggers, which log %(columns)s"),
    gettext_noop("by triggers"),
    gettext_noop("run manage.py track for it"),
    gettext_noop("a table whose key %(key)s is of type %(kind)s can't be tracked"),
    gettext_noop("use `changes: cursor` or `changes: scan`"),
    gettext_noop("or use `changes: cursor` or `changes: scan`"),
    gettext_noop("table %(table)s can't be tracked"),
    gettext_noop(
        "its storage engine has no transactions, so that a log would tell of changes that were never made"
    ),
    gettext_noop("changes of table %(table)s can't be read from its log"),
    gettext_noop("run manage.py track %(system)s %(resource)s, or use `changes: cursor` or `changes: scan`"),
    gettext_noop("what changed since the last read is not known"),
    gettext_noop("the stored cursor is of another way to find changes"),
    gettext_noop("its trigger %(name)s is gone"),
    gettext_noop("changes of %(names)s are not logged"),
    gettext_noop("it is not tracked"),
    gettext_noop("the tracking was installed anew"),
    gettext_noop("triggers or columns were changed, or another server has taken over"),
    gettext_noop("the table was emptied by TRUNCATE"),
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
PUT_IN = re.compile(r"%\(\w+\)s")
LONGEST_PART = 5  # pieces, with what is between them


def told(text: str) -> str:
    """What is wrong, in the language that is active; what is not known, and all in English, as it is."""
    if (get_language() or "en").startswith("en") or len(text) > LONGEST:
        return text
    if found := SAID.fullmatch(text):
        said = gettext("%(told)s (it said: %(words)s)")
        return said % {"told": _by_parts(found["told"]), "words": found["words"]}
    made = _by_parts(text)
    return made if made != text else translated(text)


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
    """The sentences with their patterns; those that say most themselves first."""
    most = sorted(SENTENCES, key=lambda sentence: -len(PUT_IN.sub("", sentence)))
    return [(sentence, pattern(sentence, WITHIN)) for sentence in most]
