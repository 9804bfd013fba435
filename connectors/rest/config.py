"""The declarative configuration of a REST system and its resources, as typed and validated data.

What a person may write in the configuration file is here, in `credentials`, `asking` and `sending`, in the
vocabulary of dlt's `rest_api` where it fits. Texts may hold blanks such as `{collection}`, which are filled
when the connector is made; nothing in these files talks to a server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.offers import gettext_noop as _

from .asking import (
    Fetch,
    Filter,
    Find,
    Keyset,
    Listing,
    Order,
    Paginator,
    Quote,
    SinglePage,
    TimeFormat,
)
from .credentials import Auth, Csrf, NoAuth
from .forms import Forms
from .increments import Deletions, Feed, Incremental
from .presets import merged
from .selectors import Selector
from .sending import Batch, Create, Delete, Errors, Pace, Update, Verdict, Version
from .strict import Duration, Strict
from .webhooks import Webhook

# ---------------------------------------------------------------- description


class FieldConfig(Strict):
    """A declared field, for systems that cannot describe themselves."""

    type: str = Field(default="unknown", description="Its canonical type")
    nullable: bool = Field(default=True, description="Whether it may be empty")
    writable: bool = Field(default=True, description="Whether it may be written")
    max_length: int | None = Field(default=None, description="Longest text, in characters")
    precision: int | None = Field(default=None, description="Digits in all")
    scale: int | None = Field(default=None, description="Digits after the point")
    low: int | None = Field(default=None, description="Smallest number")
    high: int | None = Field(default=None, description="Largest number")
    choices: tuple[str, ...] = Field(default=(), description="All values there are")


def _or_type(schema: dict[str, Any]) -> None:
    """In the published schema, too, a field may be its type alone."""
    schema["additionalProperties"] = {"anyOf": [schema["additionalProperties"], {"type": "string"}]}


class SchemaConfig(Strict):
    """Where the system describes a resource.

    `fields` selects a list of {name, native, nullable, needed, writable, max_length, low, high, choices};
    `types` says what each native type is for us. Where they are an object by name, as in a JSON Schema,
    `named` selects it, and `fields` is asked of a list: each with its `name`, parts of objects with a dot.
    """

    path: str = Field(description="Where it describes the resource; may hold {path}")
    method: str = Field(default="GET", description="Method of that request")
    body: dict[str, Any] | None = Field(
        default=None, description="Its body, if any; may hold {names} of blanks"
    )
    named: str | None = Field(
        default=None,
        description="The object of fields by name (JMESPath), if they are no list: a schema's properties; "
        "may hold '{collection}'",
    )
    fields: Selector = Field(description="The list of fields")
    types: dict[str, str] = Field(default_factory=dict, description="What each native type is for us")

    @field_validator("named")
    @classmethod
    def _selects(cls, value: str | None) -> str | None:
        if value is not None:
            Selector(re.sub(r"\{\w+\}", "x", value))
        return value


class Count(Strict):
    """How many records there are: selected from a listing's answer, or from a header."""

    params: dict[str, str] = Field(default_factory=dict, description="Parameters of that request")
    method: str = Field(default="GET", description="Its method")
    body: dict[str, Any] | None = Field(
        default=None, description="Its body, if any; may hold {names} of blanks"
    )
    selector: Selector | None = Field(default=None, description="Where the number is in the answer")
    header: str | None = Field(default=None, description="The header that holds it")


class Discover(Strict):
    """Which resources the system has: `names` selects them from what it lists, or they are `known`."""

    path: str = Field(
        description="Where they are listed; with `known`, an address that answers those alone who are let in"
    )
    method: str = Field(default="GET", description="Method of that request")
    body: dict[str, Any] | None = Field(
        default=None, description="Its body, if any; may hold {names} of blanks"
    )
    names: Selector | None = Field(default=None, description="Their names in that answer")
    known: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Or the names that every such system has, with what is to be said of each",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Discover:
        if (self.names is None) == (not self.known):
            raise ValueError("discover needs `names`, selected from the answer, or names that are `known`")
        return self


class Resource(Strict):
    """One collection of a REST system."""

    preset: str | None = Field(default=None, description="A known product, whose settings lie below these")
    collection: str = Field(default="", description="Its name in the system; the resource's own if empty")
    blanks: dict[str, str] = Field(
        default_factory=dict, description="What {names} in paths and parameters stand for"
    )

    path: str = Field("", title=_("Path of the records"), description=_("Below the address of the system"))
    item: str = Field("{path}/{key}", description="Path of one record; `{path}({key})` for a key predicate")
    key_quote: Quote = Field(
        Quote.NONE, description="How a text key is written in paths: `doubled` for OData"
    )
    key: str = Field("id", title=_("Key"), description=_("Field that identifies a record"))
    key_type: Literal["text", "integer"] = Field(
        default="text", description="How a key stands in bodies and filters"
    )
    modified: str | None = Field(
        None, title=_("Last change"), description=_("Field that says when a record was last changed, if any")
    )
    changes: Literal["cursor", "scan"] | None = Field(
        default=None, description="Whether changes are asked for, or all is read each time"
    )
    records: Selector = Field(
        Selector("@"),
        title=_("Where the list is"),
        description=_("In the answer, as JMESPath: @ if the answer is the list, else a name such as data"),
    )
    record: Selector = Field(default=Selector("@"), description="Where the record is in an answer about one")
    params: dict[str, str] = Field(default_factory=dict, description="Parameters of each listing")
    listing: Listing = Field(default=Listing(), description="How a list is asked for")
    fields_param: str | None = Field(default=None, description="The parameter that asks for some fields only")
    fields_always: tuple[str, ...] = Field(
        default=(), description="Fields that it asks for besides: those that `tombstone` looks at"
    )
    paginator: Paginator = Field(default=SinglePage(), description="How a list goes on")
    filter: Filter | None = Field(default=None, description="The language of questions")
    order: Order | None = Field(default=None, description="How an order is asked for")
    incremental: Incremental | None = Field(default=None, description="How changes are asked for")
    feed: Feed | None = Field(default=None, description="A list of changes, in place of `incremental`")
    deletions: Deletions | None = Field(default=None, description="Where deletes are told apart")
    fetch: Fetch = Field(default=Fetch(), description="How records are read by key")
    find: Find | None = Field(default=None, description="How records are searched, if not by the filter")
    version: Version | None = Field(default=None, description="What makes a write conditional")
    create: Create = Field(default=Create(), description="How a record is made")
    update: Update = Field(default=Update(), description="How a record is changed")
    delete: Delete = Field(default=Delete(), description="How a record is deleted")
    batch: Batch | None = Field(default=None, description="An address that takes many requests at once")
    pace: Pace = Field(default=Pace(), description="How many at a time")
    encoding: Literal["json", "form"] = Field("json", description="How the bodies of writes are written")
    lists: Literal["brackets", "indexed", "repeated"] = Field(
        "brackets", description="How a form writes a list: a[]=1, a[0]=1, or a=1 again and again"
    )
    query_safe: str = Field(
        "", description="Characters that are not percent-encoded in parameters, such as ,:"
    )
    answers: bool = Field(True, description="Whether a write is answered with the record as it left it")
    gone: tuple[int, ...] = Field((404, 410), description="Statuses that prove that there is no such record")
    statuses: dict[int, Verdict] = Field(
        default_factory=dict, description="What other statuses of writes mean here: {422: stale}"
    )
    errors: Errors | None = Field(None, description="How errors are told inside of answers")
    tombstone: Selector | None = Field(
        default=None,
        description="Selects something only in a record that is there but deleted",
    )
    canary: str | None = Field(
        default=None, description="A path that answers only as long as the account sees everything"
    )
    sparse: bool = Field(default=False, description="Whether a field that is not delivered is empty")
    false_is_empty: bool = Field(
        default=False,
        description="Whether false stands for an empty value, in all fields but those that are yes or no",
    )
    datetimes: TimeFormat = Field(default=TimeFormat.ISO, description="How the values of fields are written")
    datetime_pattern: str = Field(default="", description="The pattern of `datetimes: custom`")
    zone: str = Field(default="UTC", description="The zone of times that tell none: Europe/Berlin")
    decimals: Literal["number", "string"] = Field(default="number", description="How decimals are written")
    fields: dict[str, FieldConfig] = Field(
        default_factory=dict,
        description="Fields that the system does not describe, by name; a type alone may do",
        json_schema_extra=_or_type,
    )
    description: SchemaConfig | None = Field(
        default=None, alias="schema", description="Where the system describes the resource"
    )
    written_as: dict[str, str] = Field(
        default_factory=dict,
        description="What fields are called in writes, where they are read under other names: "
        "{title.raw: title}",
    )
    empty_as: dict[str, str] = Field(
        default_factory=dict,
        description='What is written into a field to empty it, where null does not: {title.raw: ""}',
    )
    forms: Forms | None = Field(
        default=None, description="Values that are objects of their own kind, where the system describes them"
    )
    count: Count | None = Field(default=None, description="How many records there are")

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, data: Any) -> Any:
        return merged(data, "resource")

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{value!r} is no time zone; write one such as Europe/Berlin") from None
        return value

    @field_validator("fields", mode="before")
    @classmethod
    def _short_fields(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: {"type": told} if isinstance(told, str) else told for name, told in value.items()}
        return value

    @model_validator(mode="after")
    def _whole(self) -> Resource:
        if not self.path:
            raise ValueError("path is missing: where the records of this resource are listed, or a preset")
        told = self.incremental
        if self.changes == "cursor" and not (self.feed or (told and (self.modified or told.is_told))):
            raise ValueError("changes: cursor needs `modified` and `incremental`; or write changes: scan")
        if told and not (told.param or told.header or (self.filter and self.filter.at_least)):
            raise ValueError("incremental needs its `param` or `header`, or a filter with `at_least`")
        if told and told.created and told.param and not told.created_param:
            raise ValueError("incremental by `param` needs `created_param` to ask by `created`")
        if (self.datetimes is TimeFormat.CUSTOM) != bool(self.datetime_pattern):
            raise ValueError("`datetimes: custom` and `datetime_pattern` go together")
        if self.forms and (self.description is None or self.update.nested != "merge" or self.update.whole):
            raise ValueError("forms need a `schema` that tells kinds, and `update: {nested: merge}`")
        if isinstance(self.paginator, Keyset) and not (
            self.filter and self.filter.greater and self.order and self.order.key
        ):
            raise ValueError("paginator keyset needs a filter with `greater` and an order with `key`")
        if self.paginator.cap and not (self.filter and self.filter.greater and self.order and self.order.key):
            raise ValueError("paginator `cap` needs a filter with `greater` and an order with `key`")
        return self

    @property
    def reads_many(self) -> bool:
        """Can many records be read by key at once?"""
        return bool(self.fetch.many or self.fetch.search or self.filter)

    @property
    def incremental_reads(self) -> bool:
        """Can changes be asked for?"""
        told = self.incremental
        by_records = told is not None and (self.modified is not None or told.is_told)
        return self.changes != "scan" and (self.feed is not None or by_records)

    @property
    def tells_deletes(self) -> bool:
        """Are deletes among the changes?"""
        in_feed = self.feed is not None and self.feed.deleted is not None
        told = self.incremental
        marked = self.tombstone is not None and (told is None or told.tombstones)
        among = self.feed is None and (marked or self.deletions is not None)
        return self.incremental_reads and (in_feed or among)


class Limits(Strict):
    """How much is asked of a system, by all workers together; beyond that they wait, or come back later."""

    requests: int | None = Field(default=None, gt=0, description="So many requests")
    per: Duration = Field(default=timedelta(seconds=1), description="In this time")
    burst: int = Field(default=1, gt=0, description="How many may come at once after a rest")
    per_day: int | None = Field(default=None, gt=0, description="How many a day (UTC) at most")
    backfill: int = Field(
        default=80, ge=1, le=100, description="Percentage of a day's requests that a first comparison may use"
    )
    verify: int = Field(
        default=50,
        ge=1,
        le=100,
        description="Percentage that later full comparisons may use",
    )
    wait: Duration = Field(
        default=timedelta(seconds=30), description="Who would have to wait longer comes back later"
    )

    def share(self, purpose: str) -> int:
        """The percentage of a day's requests after which a purpose may ask for nothing any more."""
        return {"backfill": self.backfill, "verify": self.verify}.get(purpose, 100)


class System(Strict):
    """One REST system: where it is and how to be let in."""

    preset: str | None = Field(default=None, description="A known product, whose settings lie below these")
    blanks: dict[str, str] = Field(
        default_factory=dict, description="What {names} in paths and parameters stand for"
    )
    base_url: str = Field(
        title=_("Address"),
        description=_("Begins with https:// (or http://); what is below it is the system's"),
    )
    auth: Auth = Field(NoAuth(), title=_("How the hub is let in"))
    csrf: Csrf | None = Field(None, description="A token that it wants to see with each write, if any")
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="More headers for every request; their values are kept secret"
    )
    timeout: Duration = Field(
        default=timedelta(seconds=30),
        description="How long nothing may come; a whole answer may take ten times that",
    )
    max_answer: int = Field(default=64 * 2**20, gt=0, description="Bytes of the largest answer that is taken")
    limits: Limits = Field(default=Limits(), description="How much is asked of it, by all workers together")
    verify_tls: bool = Field(
        True,
        title=_("Check the certificate"),
        description=_("Switch it off only for a system of your own with a certificate of its own"),
    )
    discover: Discover | None = Field(default=None, description="Where the system lists its resources")
    webhook: Webhook | None = Field(default=None, description="How it tells by itself that records changed")

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, data: Any) -> Any:
        return merged(data, "system")

    @field_validator("base_url")
    @classmethod
    def _http(cls, value: str) -> str:
        if not re.fullmatch(r"https?://[^/\s@]+(/\S*)?", value):
            raise ValueError("base_url begins with http:// or https:// and a host; credentials go to `auth`")
        return value
