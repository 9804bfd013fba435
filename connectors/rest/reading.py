"""Reading from one resource: scans, reads by key, searches; `following` reads changes.

Pages come in a stable order where the system has one; an order or a filter that the system ignores is
noticed. Absence is only said where the system proved it: a key that was not answered stays unanswered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from connectors.base import Fetched, Misconfigured, Page, Record, Retry, Unknown, Unreadable

from . import pagination
from .asking import Fetch, Find, KeyList, Keyset, Offset, PageNumber, Search
from .asking import Listing as Asking
from .bodies import Text, asked_by
from .client import Answer, Client
from .judging import refused
from .pagination import Listed, Request
from .resource import Shape
from .schema import Schema
from .selectors import Selector, kind
from .values import pick, quoted, same, wire


class Reader:
    """Reads one resource of one system."""

    def __init__(self, client: Client, shape: Shape, schema: Schema) -> None:
        self._client, self._shape, self._schema = client, shape, schema

    # ------------------------------------------------------------ the Protocol's reads

    def scan(self, fields: Sequence[str], limit: int) -> Iterator[Page]:
        """Every record. Raises if the list was not whole."""
        shape = self._shape
        shifting = isinstance(shape.config.paginator, PageNumber | Offset)
        seen: set[str] = set()
        total: int | None = None
        self._schema.require(fields)
        for listed in self.listing({}, "key", fields, limit):
            found = pagination.total(shape.config.paginator, listed)
            total = total if found is None else found
            if shifting or total is not None:
                seen.update(map(shape.key, listed.entries))
            for part in parts(listed.entries, limit):
                yield self.made(part, fields, None, tombstones=False)
        if total is not None and len(seen) < total:
            raise Retry(
                f"the list shifted while it was read: {len(seen)} of {total} records came",
                system=shape.system,
                resource=shape.name,
            )
        self.prove_sight()

    def fetch(self, keys: Sequence[str], fields: Sequence[str]) -> Fetched:
        """Records by key, and the keys that the system proved not to hold."""
        self._schema.require(fields)
        entries, absent = self.entries(keys, fields)
        found = {key: self._shape.record(entry, fields, etag) for key, (entry, etag) in entries.items()}
        return Fetched(found=found, absent=frozenset(absent))

    def find(self, field: str, values: Sequence[Any], fields: Sequence[str]) -> list[Record]:
        """Records whose field equals one of the values; what else the system sends is left out."""
        shape = self._shape
        self._schema.require([field, *fields])
        told, wanted = shape.config.find or Find(), [wire(value, shape.times) for value in values]
        moments = any(isinstance(value, datetime) for value in values)
        limit = told.limit if shape.config.find else shape.config.fetch.limit
        found: dict[str, Record] = {}
        askable = not told.fields or field in told.fields
        unaskable = [v for v in wanted if not askable or (isinstance(v, str) and "\x00" in v)]
        for part in parts([value for value in wanted if value not in unaskable], limit):
            for entry in self._sought(field, part, told, [field, *fields], moments=moments):
                if not shape.is_gone(entry) and any(same(value, _value(entry, field)) for value in part):
                    found[shape.key(entry)] = shape.record(entry, fields)
        if unaskable:  # no such field, or a character that servers refuse: all records are looked through
            for page in self.scan([field, *fields], 1000):
                for record in page.records:
                    if any(same(value, record.values.get(field)) for value in unaskable):
                        found[record.key] = record
        return list(found.values())

    # ------------------------------------------------------------ reads that others build on

    def entries(
        self, keys: Sequence[str], fields: Sequence[str] | None, *, alone: bool = False
    ) -> tuple[dict[str, tuple[dict[str, Any], str | None]], set[str]]:
        """Raw records (with their ETag, where read alone) by key, and the keys proved absent.

        `alone` reads each by itself, for what only such an answer tells.
        """
        shape, told = self._shape, self._shape.config.fetch
        many = not alone and shape.config.reads_many
        wanted = list(dict.fromkeys(keys))
        found: dict[str, tuple[dict[str, Any], str | None]] = {}
        absent: set[str] = set()
        if many and (len(wanted) > 1 or not told.confirm):
            for part in parts(wanted, told.limit):
                these = set(part)
                raw = [shape.raw_key(key) for key in part]
                for entry in self._sought(shape.config.key, raw, told, fields):
                    key = shape.key(entry)
                    if key in these and shape.is_gone(entry):
                        absent.add(key)
                    elif key in these:
                        found[key] = (entry, None)
            missing = [key for key in wanted if key not in found and key not in absent]
            if missing and not told.confirm:
                absent.update(missing)
                missing = []
        else:
            missing = wanted
        for key in missing:
            single, etag, proved = self.one(key)
            if single is not None:
                found[key] = (single, etag)
            elif proved:
                absent.add(key)
        if absent:
            self.prove_sight()
        return found, absent

    def one(self, key: str) -> tuple[dict[str, Any] | None, str | None, bool]:
        """One raw record, its ETag, and whether its absence is proved. Forbidden is neither."""
        shape, told = self._shape, self._shape.config.fetch
        if told.search is not None and not told.confirm:
            for entry in self._searched(told.search, shape.config.key, [shape.raw_key(key)], None):
                if shape.key(entry) == key and not shape.is_gone(entry):
                    return entry, None, False
            return None, None, True
        try:
            with shape.named():
                answer = self._client.send("GET", shape.item(key), params=told.params)
        except Unknown as error:
            raise Retry(error.message, system=shape.system, resource=shape.name, said=error.said) from error
        if answer.status in shape.config.gone:
            return None, None, True
        if answer.status == 403:
            return None, None, False
        if not answer.ok:
            with shape.named():
                raise self._client.failure(answer)
        if refused(shape, self._client, answer) == "gone":
            return None, None, True
        entry = self.entry(answer)
        if shape.is_gone(entry):
            return None, None, True
        return entry, answer.headers.get("ETag"), False

    def entry(self, answer: Answer, selector: Selector | None = None) -> dict[str, Any]:
        """The one record in an answer. Raises Unreadable."""
        shape = self._shape
        with shape.named():
            data = self._client.json(answer)
        selector = selector or shape.config.record
        found = selector(data)
        if not isinstance(found, dict):
            raise self.bad(
                f"`record: {selector.text}` must select one record but found {kind(found)} "
                f"in {kind(data)}: correct `record`"
            )
        return shape.plain(found)

    def sample(self, limit: int = 100) -> tuple[list[dict[str, Any]], Answer]:
        """The first page as it is, with the answer it came in."""
        flow = pagination.pages(self._shape.config.paginator, self.first({}, "key", None), limit=limit)
        answer, listed = self.page(next(flow))
        flow.close()
        return listed.entries, answer

    def count(self) -> int | None:
        """How many records there are, if the system tells."""
        shape, told = self._shape, self._shape.config.count
        if told is None:
            return None
        with shape.named():
            params = {**shape.params, **{name: shape.fill(text) for name, text in told.params.items()}}
            body = None if told.body is None else shape.body(told.body, {})
            answer = self._client.read(shape.path, params=shape.stated(params), method=told.method, body=body)
            number = answer.headers.get(told.header) if told.header else None
            if told.selector:
                number = told.selector(self._client.json(answer))
        return int(number) if number is not None and str(number).isdigit() else None

    def prove_sight(self) -> None:
        """Make sure that the credentials still see everything, where there is a way. Raises if not."""
        if self._shape.config.canary:
            with self._shape.named():
                self._client.read(self._shape.fill(self._shape.config.canary, path=self._shape.path))

    # ------------------------------------------------------------ listing

    def listing(
        self,
        question: Mapping[str, str],
        by: str,
        fields: Sequence[str] | None,
        limit: int,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[Listed]:
        """All pages of a question, in the order `key` or `modified`. Raises ConnectorError.

        A system that has no order by last change is asked for that by key: pages without any may overlap.
        """
        shape = self._shape
        by = by if shape.order(by) else "key"
        first = replace(self.first(question, by, fields), headers=headers or {})
        where = question.get(shape.config.filter.param, "") if shape.config.filter else ""

        def after(entry: dict[str, Any]) -> dict[str, str]:
            return shape.where(shape.both(where, shape.behind(entry, by)))

        paginator = shape.config.paginator
        by_filter = isinstance(paginator, Keyset) or paginator.cap is not None
        yield from self.pages(
            first, limit, shape.config.records, "records", after=after if by_filter else None
        )

    def pages(
        self,
        first: Request,
        limit: int,
        records: Selector,
        option: str,
        *,
        after: pagination.After | None = None,
    ) -> Iterator[Listed]:
        """All pages from a first request on; `option` is the setting that says where their records are."""
        shape = self._shape
        flow = pagination.pages(shape.config.paginator, first, limit=limit, after=after, key=shape.config.key)
        try:
            request = next(flow)
            while True:
                listed = self.page(request, records, option)[1]
                yield listed
                request = flow.send(listed)
        except StopIteration:
            return
        except pagination.Loop as error:
            raise shape.loop(error) from error

    def first(self, question: Mapping[str, str], by: str, fields: Sequence[str] | None) -> Request:
        """The first request of a question, in the order `key`, `modified` or `newest`."""
        shape = self._shape
        params = {**shape.params, **shape.wanted(fields), **shape.order(by), **question}
        return Request(shape.path, params, question=True)

    def page(
        self, request: Request, records: Selector | None = None, option: str = "records"
    ) -> tuple[Answer, Listed]:
        """One page; an empty one if it is unchanged (304). Raises ConnectorError."""
        shape, asking = self._shape, self._shape.config.listing
        with shape.named():
            path = str(self._client.follow(request.path, shape.path)) if request.link else request.path
            params = shape.stated(request.params) if request.question else request.params
            answer = self._client.read(
                path,
                params=shape.sent(params) if asking.params_in == "query" else None,
                method=asking.method,
                body=self._question(asking, params),
                headers=request.headers,
                safe=shape.config.query_safe,
            )
            if answer.status == 304:
                return answer, Listed(None, [], answer.headers, request)
            refused(shape, self._client, answer)
            data = self._client.json(answer)
            entries = self._client.objects(data, records or shape.config.records, option, answer.path)
        return answer, Listed(data, [shape.plain(entry) for entry in entries], answer.headers, request)

    def _question(self, asking: Asking, params: Mapping[str, str]) -> Any:
        """The body of a listing."""
        if asking.params_in == "template":
            return self._shape.body(asking.body, params, sparse=True)
        fixed = self._shape.body(asking.body, {})
        return {**fixed, **asked_by(params, asking.parts)} if asking.params_in == "body" else fixed or None

    def made(
        self, part: Sequence[dict[str, Any]], fields: Sequence[str], cursor: Any, *, tombstones: bool
    ) -> Page:
        """A page of records as they were listed; `tombstones` tells whether deletes are news."""
        shape = self._shape
        gone = [shape.key(entry) for entry in part if shape.is_gone(entry)] if tombstones else []
        records = [shape.record(entry, fields) for entry in part if not shape.is_gone(entry)]
        return Page(records, cursor=cursor, gone=gone)

    def _sought(
        self,
        field: str,
        values: Sequence[Any],
        told: Fetch | Find,
        fields: Sequence[str] | None,
        *,
        moments: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """Raw records that are answered to the question whose field is one of the values."""
        if told.search is not None:
            yield from self._searched(told.search, field, values, fields)
            return
        for question in self._questions(field, values, told.many, moments=moments):
            for listed in self.listing(question, "key", fields, 1000):
                yield from listed.entries

    def _searched(
        self, told: Search, field: str, values: Sequence[Any], fields: Sequence[str] | None
    ) -> list[dict[str, Any]]:
        """Raw records that an address of its own answers at once."""
        shape = self._shape
        known = {**shape.wanted(fields), "field": field, "values": list(values)}
        with shape.named():
            answer = self._client.read(
                shape.fill(told.path, path=shape.path),
                params=told.params,
                method=told.method,
                body=shape.body(told.body, known, sparse=True),
                safe=shape.config.query_safe,
            )
            refused(shape, self._client, answer)
            found = self._client.objects(
                self._client.json(answer), told.records, "search.records", answer.path
            )
            return [shape.plain(entry) for entry in found]

    def _questions(
        self, field: str, values: Sequence[Any], many: KeyList | None, *, moments: bool = False
    ) -> Iterator[dict[str, str]]:
        """Parameters that ask for records whose field is one of the values."""
        shape = self._shape
        if many is None:
            if shape.config.filter is None:
                raise Misconfigured(
                    "nothing can be searched here: it has no `filter` or `find`", resource=shape.name
                )
            for part in shape.any_of(field, values, moments=moments):
                yield shape.where(part)
            return
        if "{n}" in many.param:
            yield {many.param.format(field=field, n=n): quoted(v, many.quote) for n, v in enumerate(values)}
            return
        alone = [value for value in values if many.separator in str(value)]
        together = [value for value in values if many.separator not in str(value)]
        if together:
            text = many.separator.join(quoted(value, many.quote) for value in together)
            yield {many.param.format(field=field): _still(text, together)}
        for value in alone:
            yield {(many.single or many.param).format(field=field): Text(quoted(value, many.quote))}

    def bad(self, message: str) -> Unreadable:
        """An error that names the resource."""
        return Unreadable(message, system=self._shape.system, resource=self._shape.name)


def parts(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """The items in pieces of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def _still(text: str, values: Sequence[Any]) -> str:
    """The text of a question; one that was no number does not become one in a body."""
    return text if len(values) == 1 and isinstance(values[0], int) else Text(text)


def _value(entry: Mapping[str, Any], field: str) -> Any:
    try:
        return pick(entry, field)
    except KeyError:
        return None
