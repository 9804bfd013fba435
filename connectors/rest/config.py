"""The declarative configuration of a REST system and its resources, as typed and validated data.

Everything a person may write in the configuration file is here, in `credentials` and in `asking`, in the
vocabulary of dlt's `rest_api` where it fits. Texts may hold blanks such as `{collection}`, which are filled
when the connector is made; nothing in these files talks to a server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.offers import gettext_noop as _

from .asking import (
    Fetch,
    Filter,
    Find,
    Incremental,
    Keyset,
    Order,
    Paginator,
    SinglePage,
    TimeFormat,
)
from .credentials import Auth, Csrf, NoAuth
from .presets import merged
from .selectors import Selector
from .strict import Duration, Strict
from .webhooks import Webhook

# ---------------------------------------------------------------- writing


class Version(Strict):
    """What makes a write conditional at the system itself.

    `etag`: the ETag of an answer (in lists: the `field`, as `format` writes it) goes into `header`.
    `field`: the value of `field` goes into the body under its own name, and the system checks it.
    """

    type: Literal["etag", "field"]
    field: str | None = None
    header: str = "If-Match"
    format: str = '"{version}"'

    @model_validator(mode="after")
    def _complete(self) -> Version:
        if self.type == "field" and not self.field:
            raise ValueError("version of type 'field' needs the name of the field")
        return self


class CreateId(Strict):
    """The key of a new record is made by us, from the idempotency of the write: a repeat makes no twin."""

    type: Literal["uuid", "base36"] = "uuid"
    length: int = Field(default=15, ge=8, le=64)


class Create(Strict):
    """How a record is made."""

    method: str = "POST"
    path: str | None = None
    envelope: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    id: CreateId | None = None
    idempotency_header: str | None = None
    exists: tuple[int, ...] = (409, 412)  # statuses that say: a record with this key is there


class Update(Strict):
    """How a record is changed. `nested`: does the system merge an object it is given, or replace it?"""

    method: str = "PATCH"
    path: str | None = None
    envelope: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    nested: Literal["replace", "merge"] = "replace"


class Delete(Strict):
    """How a record is deleted."""

    method: str = "DELETE"
    path: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    body: dict[str, Any] | None = None


class Batch(Strict):
    """An address that takes many writes at once.

    `transactional`: one refused write undoes all of them; they are then sent one by one.
    """

    path: str
    limit: int = Field(default=25, gt=0)
    prefix: str = "{base_path}"  # of the paths inside the batch
    requests: str = "requests"
    path_name: str = "path"
    results: Selector = Selector("@")
    transactional: bool = False


class Pace(Strict):
    """How is written: how many records a step reads, compares and writes, and requests at the same time.

    Without compare-and-set the step is the window in which a stranger's edit can be lost: small by default.
    """

    chunk: int | None = Field(default=None, gt=0)
    concurrency: int = Field(default=4, ge=1, le=16)


# ---------------------------------------------------------------- description


class FieldConfig(Strict):
    """A declared field, for systems that cannot describe themselves."""

    type: str = "unknown"
    nullable: bool = True
    writable: bool = True
    max_length: int | None = None
    precision: int | None = None
    scale: int | None = None
    low: int | None = None
    high: int | None = None
    choices: tuple[str, ...] = ()


class SchemaConfig(Strict):
    """Where the system describes a resource.

    `fields` selects a list of {name, native, nullable, writable, max_length, low, high, choices}; `types`
    says what each native type is for us.
    """

    path: str
    fields: Selector
    types: dict[str, str] = Field(default_factory=dict)


class Count(Strict):
    """How many records there are: selected from a listing's answer, or from a header."""

    params: dict[str, str] = Field(default_factory=dict)
    method: str = "GET"
    selector: Selector | None = None
    header: str | None = None


class Discover(Strict):
    """Where the system lists its resources; `names` selects their names."""

    path: str
    names: Selector


class Resource(Strict):
    """One collection of a REST system."""

    preset: str | None = None
    collection: str = ""  # its name in the system; the resource's own name if empty
    blanks: dict[str, str] = Field(default_factory=dict)

    path: str = Field("", title=_("Path of the records"), description=_("Below the address of the system"))
    item: str = "{path}/{key}"
    key: str = Field("id", title=_("Key"), description=_("Field that identifies a record"))
    key_type: Literal["text", "integer"] = "text"
    modified: str | None = Field(
        None, title=_("Last change"), description=_("Field that says when a record was last changed, if any")
    )
    changes: Literal["cursor", "scan"] | None = None
    records: Selector = Field(
        Selector("@"),
        title=_("Where the list is"),
        description=_("In the answer, as JMESPath: @ if the answer is the list, else a name such as data"),
    )
    record: Selector = Selector("@")
    params: dict[str, str] = Field(default_factory=dict)
    fields_param: str | None = None
    paginator: Paginator = SinglePage()
    filter: Filter | None = None
    order: Order | None = None
    incremental: Incremental | None = None
    fetch: Fetch = Fetch()
    find: Find | None = None
    version: Version | None = None
    create: Create = Create()
    update: Update = Update()
    delete: Delete = Delete()
    batch: Batch | None = None
    pace: Pace = Pace()
    answers: bool = True
    gone: tuple[int, ...] = (404, 410)
    tombstone: Selector | None = None
    canary: str | None = None  # a path that answers only as long as the credentials see everything
    sparse: bool = False  # records leave out empty fields: a field that is not there is empty
    datetimes: TimeFormat = TimeFormat.ISO
    decimals: Literal["number", "string"] = "number"
    fields: dict[str, FieldConfig] = Field(default_factory=dict)
    description: SchemaConfig | None = Field(default=None, alias="schema")
    count: Count | None = None

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, data: Any) -> Any:
        return merged(data, "resource")

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
        if self.changes == "cursor" and not (self.modified and self.incremental):
            raise ValueError("changes: cursor needs `modified` and `incremental`; or write changes: scan")
        if self.incremental and not (self.incremental.param or (self.filter and self.filter.at_least)):
            raise ValueError("incremental needs its `param`, or a filter with `at_least`")
        if isinstance(self.paginator, Keyset) and not (
            self.filter and self.filter.greater and self.order and self.order.key
        ):
            raise ValueError("paginator keyset needs a filter with `greater` and an order with `key`")
        return self

    @property
    def incremental_reads(self) -> bool:
        """Can changes be asked for?"""
        return self.changes != "scan" and self.modified is not None and self.incremental is not None


class System(Strict):
    """One REST system: where it is and how to be let in."""

    preset: str | None = None
    blanks: dict[str, str] = Field(default_factory=dict)
    base_url: str = Field(
        title=_("Address"),
        description=_("Begins with https:// (or http://); what is below it is the system's"),
    )
    auth: Auth = Field(NoAuth(), title=_("How the hub is let in"))
    csrf: Csrf | None = Field(None, description="A token that it wants to see with each write, if any")
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="More headers for every request; their values are kept secret"
    )
    timeout: Duration = timedelta(seconds=30)
    verify_tls: bool = Field(
        True,
        title=_("Check the certificate"),
        description=_("Switch it off only for a system of your own with a certificate of its own"),
    )
    discover: Discover | None = None
    webhook: Webhook | None = None

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
