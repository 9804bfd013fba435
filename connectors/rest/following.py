"""Reading what changed: by a cursor in the records, by a cursor that the system tells, by a feed of changes.

A cursor never runs ahead of what was given out: it moves with a page where records come in order, else at
the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from connectors.base import Misconfigured, Page, Retry, Unknown

from . import pagination
from .asking import Offset, PageNumber, TimeFormat
from .client import Answer, Client
from .increments import Deletions, Feed, Incremental
from .pagination import Listed, Request
from .reading import Reader, parts
from .resource import Shape
from .schema import Schema
from .waiting import http_date

_SOME = 1000  # records a page, where only a cursor is looked for


class Follower:
    """Follows one resource of one system."""

    def __init__(self, client: Client, shape: Shape, schema: Schema, reader: Reader) -> None:
        self._client, self._shape, self._schema, self._reader = client, shape, schema, reader

    def changes(self, cursor: Any, fields: Sequence[str], limit: int) -> Iterator[Page]:
        """Pages of what was changed since the cursor, overlap included; None: where to begin from."""
        shape, config = self._shape, self._shape.config
        if not config.incremental_reads:
            raise Misconfigured(
                "changes cannot be asked for here, only scans", system=shape.system, resource=shape.name
            )
        self._schema.require(fields)
        known: dict[str, Any] = dict(cursor) if isinstance(cursor, Mapping) else {"at": cursor}
        if config.feed is not None:
            return self._feed(config.feed, known.get("token"), fields, limit, start=cursor is None)
        assert config.incremental is not None  # noqa: S101  (the configuration sees to it)
        return self._incremental(config.incremental, None if cursor is None else known, fields, limit)

    # ------------------------------------------------------------ by a cursor

    def _incremental(
        self, told: Incremental, cursor: dict[str, Any] | None, fields: Sequence[str], limit: int
    ) -> Iterator[Page]:
        deletions = self._shape.config.deletions
        if cursor is None:
            at = _json(self._told_now(told) if told.is_told else self._newest())
            yield Page(
                (), cursor={"at": at, **({"deleted": None if told.is_told else at} if deletions else {})}
            )
            return
        read = self._by_told(told, cursor, fields, limit) if told.is_told else None
        for page in read or self._by_time(told, cursor, fields, limit):
            yield page
            cursor = page.cursor
        if deletions is not None:
            yield from self._deletions(deletions, told, dict(cursor), limit)

    def _by_time(
        self, told: Incremental, cursor: Mapping[str, Any], fields: Sequence[str], limit: int
    ) -> Iterator[Page]:
        """By the `modified` of the records."""
        shape, moments = self._shape, self._shape.moments
        at = cursor.get("at")
        since = None if at is None else moments.earlier(at, told.overlap)
        ordered = bool(shape.order("modified")) and told.created is None
        last, began = at, None
        for listed in self._changed(told, since, fields, limit):
            began = began or http_date(listed.headers.get("Date"))
            stamps = [stamp for stamp in map(shape.modified, listed.entries) if stamp not in (None, "")]
            ranks = [moments.rank(stamp) for stamp in stamps]
            if ordered and ranks != sorted(ranks):
                raise self._reader.bad(
                    f"records do not come in the order asked for by `order.modified` ({told.format})"
                )
            last = self._later(last, max(stamps, key=moments.rank, default=None))
            for part in parts(listed.entries, limit):
                if ordered:
                    at = self._later(at, shape.modified(part[-1]))
                yield self._reader.made(part, fields, {**cursor, "at": _json(at)}, tombstones=told.tombstones)
        if not ordered and (reached := self._reached(at, last, began)) != at:
            yield Page((), cursor={**cursor, "at": _json(reached)})

    def _reached(self, at: Any, last: Any, began: datetime | None) -> Any:
        """How far a list in no order of time was read: what was changed while it came may not be in it."""
        moments = self._shape.moments
        if last is None or began is None or moments.form is TimeFormat.INTEGER:
            return last
        return self._later(at, min(last, moments.write(began), key=moments.rank))

    def _by_told(
        self, told: Incremental, cursor: Mapping[str, Any], fields: Sequence[str], limit: int
    ) -> Iterator[Page]:
        """By a cursor that the system tells: on the first page of an answer, or else on the last one."""
        at = cursor.get("at")
        new: Any = None
        for listed in self._questioned(told, at, fields, limit):
            new = self._told(told, listed) if new in (None, "") else new
            for part in parts(listed.entries, limit):
                yield self._reader.made(part, fields, dict(cursor), tombstones=told.tombstones)
        if new not in (None, "", at):
            yield Page((), cursor={**cursor, "at": _json(new)})

    def _changed(self, told: Incremental, since: Any, fields: Sequence[str], limit: int) -> Iterator[Listed]:
        """All pages of what was changed. Pages by number or offset shift when a record is changed meanwhile.

        Such a list is therefore asked for again from the last record's time on, as long as that moves on.
        """
        shape = self._shape
        shifting = isinstance(shape.config.paginator, PageNumber | Offset)
        if not (shifting and shape.order("modified")) or told.created:
            yield from self._questioned(told, since, fields, limit)
            return
        reached: Any = None
        again = True
        while again:
            again = False
            for listed in self._questioned(told, since, fields, limit):
                yield listed
                last = shape.modified(listed.entries[-1]) if listed.entries else None
                if last not in (None, "", reached):
                    since, reached, again = last, last, True
                    break

    def _questioned(self, told: Incremental, at: Any, fields: Sequence[str], limit: int) -> Iterator[Listed]:
        """All pages of what is newer than this; of everything for None. Nothing if all is unchanged."""
        at = self._shape.asked(at)
        headers = {told.header: str(at)} if told.header and at is not None else {}
        if headers:
            first = replace(self._reader.first({}, "modified", fields), headers=headers)
            if self._reader.page(first)[0].status == 304:
                return
            if str(told.header).lower() == "if-none-match":
                headers = {}  # each page has a tag of its own
        for question in self._since(told, at):
            yield from self._reader.listing(question, "modified", fields, limit, headers)

    def _since(self, told: Incremental, at: Any) -> list[dict[str, str]]:
        """The questions for what is newer; records never changed may have to be asked for by themselves."""
        shape = self._shape
        if at is None or told.header:
            return [{}]
        if told.param:
            created = [{told.created_param: str(at)}] if told.created_param else []
            return [{told.param: str(at)}, *created]
        found = shape.compare("at_least", str(shape.config.modified), at, moment=True)
        if told.created:
            found = shape.either(found, shape.compare("at_least", told.created, at, moment=True))
        return [shape.where(found)]

    def _told(self, told: Incremental, listed: Listed) -> Any:
        header = listed.headers.get(told.told_header) if told.told_header else None
        return told.told(listed.data) if told.told else header

    def _told_now(self, told: Incremental) -> Any:
        """The cursor that the system tells now; for some only at the end of the whole list."""
        for listed in self._reader.listing({}, "modified", [], _SOME):
            if (found := self._told(told, listed)) not in (None, ""):
                return found
        return None

    def _newest(self) -> Any:
        """The `modified` of the newest record; None if there is no record."""
        shape = self._shape
        if order := shape.order("newest"):
            flow = pagination.pages(
                shape.config.paginator, self._reader.first(order, "newest", []), limit=1, key=shape.config.key
            )
            listed = self._reader.page(next(flow))[1]
            flow.close()
            return shape.modified(listed.entries[0]) if listed.entries else None
        entries, answer = self._reader.sample(1)
        if not entries or not answer.date or shape.moments.form is TimeFormat.INTEGER:
            return None  # from the very beginning: slow, but nothing is missed
        return shape.moments.write(answer.date)

    def _later(self, one: Any, other: Any) -> Any:
        """The later of two `modified` values."""
        if one is None or other in (None, ""):
            return other or one
        return max(one, other, key=self._shape.moments.rank)

    # ------------------------------------------------------------ deletes told apart

    def _deletions(
        self, deletions: Deletions, told: Incremental, cursor: dict[str, Any], limit: int
    ) -> Iterator[Page]:
        """Keys of what was deleted since the cursor's `deleted`."""
        shape, moments = self._shape, self._shape.moments
        at = cursor.get("deleted")
        since = None if at is None else moments.earlier(at, told.overlap)
        params = {name: shape.fill(value) for name, value in deletions.params.items()}
        if deletions.param and since is not None:
            params[deletions.param] = str(since)
        first = Request(shape.fill(deletions.path, path=shape.path), params)
        gone: dict[str, None] = {}
        last = at
        for listed in self._reader.pages(first, limit, deletions.records, "deletions.records"):
            for entry in listed.entries:
                stamp = entry.get(deletions.modified)
                late = since is None or moments.rank(stamp) >= moments.rank(since)
                if late and (deletions.when is None or deletions.when(entry)):
                    gone[self._key(deletions.key(entry), "deletions.key")] = None
                last = self._later(last, stamp)
        keys = list(gone)
        for part in parts(keys, limit):
            yield Page((), gone=part, cursor=cursor)
        if last != at:
            yield Page((), cursor={**cursor, "deleted": _json(last)})

    def _key(self, found: Any, option: str) -> str:
        if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
            raise self._reader.bad(f"a change has no key at `{option}`")
        return str(found)

    # ------------------------------------------------------------ a feed

    def _feed(
        self, feed: Feed, token: Any, fields: Sequence[str], limit: int, *, start: bool
    ) -> Iterator[Page]:
        """What the feed tells after the token; everything, if the token is too old."""
        if start:
            yield Page((), cursor={"token": self._token_now(feed, limit)})
            return
        for answer, entries, new in self._fed(feed, token, {}, limit):
            if answer.status in feed.expired and not answer.ok:
                now = self._token_now(feed, limit)
                for page in self._reader.scan(fields, limit):
                    yield Page(page.records, cursor={"token": token})
                yield Page((), cursor={"token": now})
                return
            records, gone = self._changes_in(feed, entries)
            made = [self._shape.record(entry, fields, etag) for entry, etag in records]
            for part in parts(gone, limit):
                yield Page((), gone=part, cursor={"token": token})
            for part in parts(made, limit):
                yield Page(part, cursor={"token": token})
            if new != token:
                yield Page((), cursor={"token": new})
            token = new

    def _changes_in(
        self, feed: Feed, entries: Sequence[dict[str, Any]]
    ) -> tuple[list[tuple[dict[str, Any], str | None]], list[str]]:
        """Records and deleted keys in a page of the feed; what came last about a key counts."""
        latest = {self._key(feed.key(entry), "feed.key"): entry for entry in entries}
        gone = [key for key, entry in latest.items() if feed.deleted and feed.deleted(entry)]
        changed = {key: entry for key, entry in latest.items() if key not in gone}
        if feed.record is None:
            found, absent = self._reader.entries(list(changed), None) if changed else ({}, set())
            return list(found.values()), [*gone, *sorted(absent)]
        told = {key: feed.record(entry) for key, entry in changed.items()}
        if any(not isinstance(record, dict) for record in told.values()):
            raise self._reader.bad(f"`feed.record: {feed.record.text}` must select a record in each change")
        return [(self._shape.plain(record), None) for record in told.values()], gone

    def _fed(
        self, feed: Feed, token: Any, params: Mapping[str, str], limit: int
    ) -> Iterator[tuple[Answer, list[dict[str, Any]], Any]]:
        """Pages of the feed: the answer, its changes, and the next token. A refused one comes alone."""
        shape = self._shape
        path = shape.fill(feed.path, path=shape.path)
        fixed = {name: shape.fill(value) for name, value in feed.params.items()}
        paged = {feed.limit_param: str(limit)} if feed.limit_param else {}
        while True:
            since = {feed.param: str(token)} if token is not None else {}
            with shape.named():
                try:
                    answer = self._client.send("GET", path, params={**fixed, **paged, **since, **params})
                except Unknown as error:
                    raise Retry(error.message, system=shape.system, said=error.said) from error
                if not answer.ok:
                    if token is None or answer.status not in feed.expired:
                        raise self._client.failure(answer)
                    yield answer, [], token
                    return
                data = self._client.json(answer)
                entries = self._client.objects(data, feed.records, "feed.records", answer.path)
            new = _json(feed.token(data))
            if new in (None, ""):
                raise self._reader.bad(f"the feed tells no token at `feed.token: {feed.token.text}`")
            yield answer, entries, new
            more = bool(feed.has_more(data)) if feed.has_more else bool(entries)
            if not more or (new == token and not feed.has_more):
                return
            if new == token:
                raise self._reader.bad("the feed has more, but its token does not move on")
            token, params = new, {}

    def _token_now(self, feed: Feed, limit: int) -> Any:
        """The token that stands at the present."""
        token: Any = None
        for _, _, new in self._fed(feed, None, feed.start, limit):
            token = new
            if feed.start:
                break
        return token


def _json(stamp: Any) -> Any:
    """A cursor in a form that JSON keeps."""
    return stamp if stamp is None or isinstance(stamp, str | int) else str(stamp)
