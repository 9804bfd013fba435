"""One resource with its blanks filled: where it is, how a record looks, how questions to it are put.

Shared by reading, writing and describing. Makes paths, filters and records; sends nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote as percent

from connectors.base import ConnectorError, Misconfigured, Record, Unreadable

from .asking import Filter, Order, Quote, TimeFormat
from .bodies import Lists, keyed, pairs
from .config import Resource
from .moments import Moments
from .selectors import Selector, kind, shortened
from .values import chosen, decode, pick, quoted

_BLANK = re.compile(r"\{(\w+)\}")


class Shape:
    """A configured resource. Raises Misconfigured if a blank stays open."""

    def __init__(self, name: str, config: Resource, *, blanks: Mapping[str, str], system: str) -> None:
        self.name, self.config, self.system = name, config, system
        known = {**blanks, "collection": config.collection or name, **config.blanks}
        # one that was left empty is as open as one that was never named
        self.blanks = {blank: value for blank, value in known.items() if value or blank == "base_path"}
        self.path = self.fill(config.path)
        told = config.incremental
        self.moments = Moments(told.format, told.pattern, config.zone) if told else Moments(zone=config.zone)
        self.times = Moments(config.datetimes, config.datetime_pattern, config.zone)
        self._dated: set[str] = set()
        self._yes_or_no: set[str] = set()
        self.described({name: field.type for name, field in config.fields.items()})
        self.params = {param: self.fill(value) for param, value in config.params.items()}
        self.item("x")  # so that an open blank is found now

    @contextmanager
    def named(self) -> Iterator[None]:
        """Errors from inside name this resource."""
        try:
            yield
        except ConnectorError as error:
            error.resource = error.resource or self.name
            raise

    # ------------------------------------------------------------ paths

    def fill(self, text: str, **more: str) -> str:
        """A path with its blanks filled."""
        return filled(text, {**self.blanks, **more}, system=self.system, resource=self.name)

    def selector(self, text: str) -> Selector:
        """A selector with the blanks in its quotes filled."""
        inside = {name: value.replace("\\", r"\\").replace("'", r"\'") for name, value in self.blanks.items()}
        return Selector(filled(text, inside, system=self.system, resource=self.name))

    def body(self, template: Any, known: Mapping[str, Any], *, sparse: bool = False) -> Any:
        """A body with its blanks and what else is known filled in. Raises Misconfigured."""
        try:
            return keyed(template, {**self.blanks, **known}, sparse=sparse)
        except ValueError as error:
            raise Misconfigured(
                f"a body can't be filled in: {shortened(error)}", system=self.system, resource=self.name
            ) from error

    def item(self, key: str, path: str | None = None, version: str = "") -> str:
        """The path of one record (or of an operation on it)."""
        written = quoted(self.raw_key(key), self.config.key_quote)
        return self.fill(
            path or self.config.item,
            path=self.path,
            key=percent(written, safe="'"),
            version=percent(version, safe=""),
        )

    @property
    def form_lists(self) -> Lists | None:
        """How a form writes lists; None where bodies are JSON."""
        return self.config.lists if self.config.encoding == "form" else None

    # ------------------------------------------------------------ records

    def key(self, entry: Mapping[str, Any]) -> str:
        """A record's key. Raises Unreadable if there is none."""
        try:
            key = pick(entry, self.config.key)
        except KeyError:
            key = None
        if isinstance(key, bool) or not isinstance(key, str | int) or key == "":
            raise Unreadable(
                f"a record has no key at `key: {self.config.key}` ({kind(key)}); it is {kind(dict(entry))}",
                system=self.system,
                resource=self.name,
            )
        return str(key)

    def raw_key(self, key: str) -> str | int:
        """A key as the system's filters and bodies have it."""
        if self.config.key_type == "integer" and re.fullmatch(r"-?\d{1,18}", key):
            return int(key)
        return key

    def modified(self, entry: Mapping[str, Any]) -> Any:
        """When a record was changed (before that: made), as the system wrote it; None if it is not told."""
        told = self.config.incremental
        for name in (self.config.modified, told.created if told else None):
            try:
                if name and (found := pick(entry, name)) not in (None, ""):
                    return found
            except KeyError:
                continue
        return None

    def asked(self, at: Any) -> Any:
        """A cursor as it is sent, where that is not how records have it."""
        told = self.config.incremental
        if told is not None and told.exclusive is not None:
            at = self.moments.earlier(at, told.exclusive)
        if told is None or told.asked is None or (moment := self.moments.read(at)) is None:
            return at
        return Moments(told.asked, zone=self.config.zone).write(moment)

    def plain(self, entry: dict[str, Any]) -> dict[str, Any]:
        """A record as the system answers it, with values in place of objects that only hold one."""
        found = self.config.forms.plain(entry) if self.config.forms else entry
        if not self.config.false_is_empty:
            return found
        asked = self._yes_or_no
        return {
            name: None if value is False and name not in asked else value for name, value in found.items()
        }

    def is_gone(self, entry: Mapping[str, Any]) -> bool:
        """Is it a tombstone?"""
        return bool(self.config.tombstone and self.config.tombstone(dict(entry)))

    def version(self, entry: Mapping[str, Any], etag: str | None = None) -> str | None:
        """A record's version, from its field or from the ETag of an answer about it alone."""
        told = self.config.version
        if told is None:
            return None
        if told.field:
            try:
                return str(pick(entry, told.field))
            except KeyError:
                return None
        return etag

    @property
    def vague(self) -> bool:
        """Is its version a time in seconds, which two states of a record may share?"""
        return self.config.version is not None and self.config.version.seconds

    def described(self, types: Mapping[str, str]) -> None:
        """Take note of the types of fields, by name, as far as records are read by them."""
        self._yes_or_no |= {name for name, kind in types.items() if kind == "boolean"}
        plain = (TimeFormat.ISO, TimeFormat.POCKETBASE)
        if self.config.datetimes not in plain or self.config.zone != "UTC":
            self._dated |= {name for name, kind in types.items() if kind == "datetime"}

    def record(
        self, entry: Mapping[str, Any], fields: Iterable[str] | None, etag: str | None = None
    ) -> Record:
        """A record with the wanted fields; all of its own for None."""
        names = list(entry) if fields is None else fields
        values = chosen(entry, names, sparse=self.config.sparse)
        for name in self._dated:
            if name in values:  # only the system's own settings tell what its writing of a moment means
                values[name] = self.times.read(values[name]) or values[name]
        return Record(
            key=self.key(entry),
            values=values,
            version=None if self.vague else self.version(entry, etag),
            modified=self.moments.read(self.modified(entry)),
        )

    # ------------------------------------------------------------ questions

    def wanted(self, fields: Sequence[str] | None) -> dict[str, str]:
        """The parameters that ask for these fields only, and what every record needs."""
        told = self.config
        if fields is None or told.fields_param is None or (told.tombstone and not told.fields_always):
            return {}
        needed = [
            told.key,
            told.modified,
            told.incremental.created if told.incremental else None,
            told.version.field if told.version else None,
            *told.fields_always,
            *fields,
        ]
        return {told.fields_param: ",".join(dict.fromkeys(name.split(".")[0] for name in needed if name))}

    def order(self, by: str) -> dict[str, str]:
        """The parameters that ask for an order: `key`, `modified` or `newest`; none if it has none."""
        order: Order | None = self.config.order
        template = getattr(order, by) if order else None
        if order is None or not template:
            return {}
        return {order.param: template.format(key=self.config.key, modified=self.config.modified)}

    def stated(self, params: Mapping[str, str]) -> dict[str, str]:
        """The parameters with those that belong into a statement put into it, if there is to be one."""
        told = self.config.listing.statement
        if told is None:
            return dict(params)
        parts = {
            name: part.replace("{value}", params[name]) if name in params else ""
            for name, part in told.parts.items()
        }
        text = told.every if told.every and self.config.fields_param not in params else told.text
        others = {name: value for name, value in params.items() if name not in parts}
        return {**others, told.param: self.fill(text, **parts)}

    def compare(self, how: str, field: str, value: Any, *, moment: bool = False) -> str:
        """One comparison in the filter's language. `moment`: the value is one, written as the system does."""
        language = self._filter()
        template = str(getattr(language, how))
        if language.moment and value is not None and (moment or field == self.config.modified):
            return template.format(field=field, value=language.moment.format(value=value))
        quote = Quote.NONE if field in language.bare else language.quote
        return template.format(field=field, value=quoted(value, quote, language.null))

    def any_of(self, field: str, values: Sequence[Any], *, moments: bool = False) -> Iterator[str]:
        """Filters, none longer than the system takes: the field equals one of the values."""
        found = ""
        for value in values:
            one = self.compare("equals", field, value, moment=moments)
            longer = self.either(found, one) if found else one
            if found and len(longer) > self._filter().longest:
                yield found
                longer = one
            found = longer
        if found:
            yield found

    def both(self, left: str, right: str) -> str:
        """Both filters; one alone if the other is empty."""
        return self._filter().both.format(left=left, right=right) if left and right else left or right

    def either(self, left: str, right: str) -> str:
        """One filter or the other."""
        return self._filter().either.format(left=left, right=right)

    def where(self, expression: str) -> dict[str, str]:
        """The parameter that holds a filter; none for an empty one."""
        return {self._filter().param: expression} if expression else {}

    def sent(self, params: Mapping[str, str]) -> Mapping[str, str]:
        """Parameters as the system takes them: a filter in brackets becomes several."""
        language = self.config.filter
        if language is None or not language.brackets or language.param not in params:
            return params
        others = {name: value for name, value in params.items() if name != language.param}
        return others | dict(pairs(decode(params[language.param].encode()), language.param, "indexed"))

    def behind(self, entry: Mapping[str, Any], by: str) -> str:
        """A filter: what comes after this record in that order."""
        key = self.compare("greater", self.config.key, self.raw_key(self.key(entry)))
        if by != "modified" or not self.config.modified:
            return key
        field, value = self.config.modified, self.modified(entry)
        return self.either(
            self.compare("greater", field, value), self.both(self.compare("equals", field, value), key)
        )

    def _filter(self) -> Filter:
        if self.config.filter is None:
            raise Misconfigured("this needs a `filter`", system=self.system, resource=self.name)
        return self.config.filter

    def loop(self, error: Exception) -> Unreadable:
        """A list that turns in a circle."""
        return Unreadable(shortened(error), system=self.system, resource=self.name)


def filled(text: str, blanks: Mapping[str, str], *, system: str, resource: str) -> str:
    """A text with its blanks filled. Raises Misconfigured, naming a blank that is not known."""

    def known(match: re.Match[str]) -> str:
        if match[1] not in blanks:
            raise Misconfigured(
                f"{text!r} has the blank {{{match[1]}}}: give it under `blanks`",
                system=system,
                resource=resource,
            )
        return blanks[match[1]]

    return _BLANK.sub(known, text)
