"""How records are written, as configuration: operations, versions, many at once, what refusals look like.

The models only; `preparing`, `batching`, `judging` and `writing` act by them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .selectors import Selector
from .strict import Strict

FIXED = (
    "Fixed parts of the body; may hold {key}, {version} and {names} of blanks. Where the text {values} "
    "stands, the values go; else beside them"
)
Verdict = Literal["applied", "stale", "gone", "rejected", "retry", "unknown", "exists"]


class Version(Strict):
    """What makes a write conditional at the system itself.

    `etag`: the ETag of an answer (in lists: the `field`, as `format` writes it) goes into `header`. Without a
    field only a read of the record alone tells it, and is made before each write.
    `field`: the value of `field` goes into the body under its own name, and the system checks it.
    `placed`: it goes where an operation has {version}: in its path, params, headers or body.
    """

    type: Literal["etag", "field", "placed"] = Field(description="How the version goes with a write")
    field: str | None = Field(default=None, description="The field of a record that holds its version")
    header: str = Field(default="If-Match", description="The header that carries the version of an `etag`")
    format: str = Field(default='"{version}"', description="How the field's value is written as an ETag")
    weak: Literal["keep", "strip"] = Field(
        default="keep", description="Whether a weak ETag goes back as it came, or without its W/"
    )
    mandatory: bool = Field(
        default=False,
        description="Whether the system refuses a write without one (428): it is always read then",
    )
    seconds: bool = Field(
        default=False,
        description="It is a time in seconds, as If-Unmodified-Since has it, and goes with updates. Two "
        "edits within one look the same: records are compared before each write, too; it counts as checked",
    )

    @model_validator(mode="after")
    def _complete(self) -> Version:
        if (self.type != "etag" or self.seconds) and not self.field:
            raise ValueError(f"version of type {self.type!r} needs the name of the field")
        return self


# ---------------------------------------------------------------- one operation


class Many(Strict):
    """An address that takes many records of one operation at once, and tells of each what became of it.

    What came of a record is found in its place of the list, or by its key with `match`.
    """

    path: str = Field(description="Where they are sent; may hold {path}")
    method: str = Field(default="POST", description="Method of that request")
    limit: int = Field(default=100, gt=0, description="How many at most")
    envelope: str = Field(
        default="", description="Where in the body the list goes, with dots; empty: it is the body"
    )
    items: Literal["objects", "keys"] = Field(
        default="objects", description="What is listed; keys only for deletes"
    )
    key: str | None = Field(
        default=None, description="The name of the key in each object; the resource's if empty"
    )
    results: Selector = Field(default=Selector("@"), description="Where the list of results is")
    match: Selector | None = Field(
        default=None, description="The key of a result, if they don't come in order"
    )
    status: Selector = Field(
        default=Selector("status"), description="What became of one: a status, a word, yes or no"
    )
    statuses: dict[str, int] = Field(
        default_factory=dict, description="What each such word means as a status: {success: 200, stale: 412}"
    )
    record: Selector = Field(
        default=Selector("@"), description="What of a result is the answer for that record"
    )


class Operation(Strict):
    """What creating, changing and deleting share. Texts may hold {path} and {key}."""

    path: str | None = Field(default=None, description="Where it is sent; may hold {path} and {key}")
    params: dict[str, str] = Field(default_factory=dict, description="Parameters; may hold {key}")
    headers: dict[str, str] = Field(default_factory=dict, description="More headers")
    envelope: str = Field(
        default="",
        description="Where in the body the values go, with dots; [] at the end makes a list of one; may hold "
        "{names} of blanks",
    )
    record: Selector | None = Field(
        default=None, description="Where the record is in the answer, if not as usual"
    )
    many: Many | None = Field(
        default=None, description="How many records are sent at once, if there is a way"
    )
    affected: Selector | None = Field(
        default=None,
        description="Where a good answer tells what was written; nothing or 0: the version was another one",
    )


class CreateId(Strict):
    """The key of a new record is made by us, from the idempotency of the write: a repeat makes no twin."""

    type: Literal["uuid", "base36"] = Field(default="uuid", description="What such a key looks like")
    length: int = Field(default=15, ge=8, le=64, description="Characters of a base36 key")


class KeyInBody(Strict):
    """The key of a new record stands in the answer's body."""

    type: Literal["body"]
    select: Selector = Field(description="Where it is")


class KeyInLink(Strict):
    """The key of a new record is the end of an address, in a header or in the body."""

    type: Literal["location", "link"] = Field(description="Whether a header or the body holds the address")
    header: str = Field(default="Location", description="The header with the address, for `location`")
    select: Selector = Field(
        default=Selector("links.self"), description="Where the address is in the body, for `link`"
    )
    pattern: str = Field(
        default=r"([^/?#'()]+)'?\)?/?(?:[?#].*)?$", description="Regular expression; its group is the key"
    )


NewKey = Annotated[KeyInBody | KeyInLink, Field(discriminator="type")]


class Once(Strict):
    """An address that takes one create and no second one. It is kept until what came of it is known."""

    path: str = Field(description="Where such an address is asked for; may hold {path}")
    method: str = Field(default="POST", description="Method of that request")
    url: Selector | None = Field(default=None, description="Where the address is; else the Location header")


class Create(Operation):
    """How a record is made."""

    method: str = Field(default="POST", description="Method of that request")
    body: dict[str, Any] = Field(default_factory=dict, description=FIXED)
    id: CreateId | None = Field(default=None, description="Whether we make the key")
    key: NewKey | None = Field(default=None, description="Where the key is told, if not in the record")
    idempotency_header: str | None = Field(
        default=None, description="The header that keeps a repeat from a twin"
    )
    idempotency_field: str | None = Field(
        default=None, description="The field that keeps a repeat from a twin: external_id, client_token"
    )
    natural: str | None = Field(
        default=None,
        description="A field that the system holds unique, by which a refused record is looked up",
    )
    there: Selector | None = Field(
        default=None, description="Where the refusal of a repeat tells the key of the record that is there"
    )
    exists: tuple[int, ...] = Field(
        default=(409, 412), description="Statuses that say: such a record is there already"
    )
    once: Once | None = Field(default=None, description="Where an address for each create is asked for")

    @property
    def is_idempotent(self) -> bool:
        """Does a repeat make no twin?"""
        return any((self.id, self.idempotency_header, self.idempotency_field, self.natural, self.once))


class Update(Operation):
    """How a record is changed. `nested`: does the system merge an object it is given, or replace it?

    `whole`: the system replaces the record by what it is given. It is read first, and sent with the changes.
    """

    method: str = Field(default="PATCH", description="Method of that request")
    body: dict[str, Any] = Field(default_factory=dict, description=FIXED)
    nested: Literal["replace", "merge"] = Field(
        default="replace", description="What the system does to an object that it is given"
    )
    whole: bool = Field(
        default=False, description="Whether a field that is not sent is emptied, as PUT often does"
    )
    omit: tuple[str, ...] = Field(
        default=(), description="Fields of a record that are never sent back with `whole`"
    )


class Delete(Operation):
    """How a record is deleted, if it can be."""

    possible: bool = Field(
        default=True, description="Whether it can be: some are deleted by people alone, or never"
    )

    method: str = Field(default="DELETE", description="Method of that request")
    body: dict[str, Any] | None = Field(
        default=None, description="The body, if any; may hold {key}, {version} and {names} of blanks"
    )


# ---------------------------------------------------------------- many operations in one request


class Batch(Strict):
    """An address that takes many writes at once, each told as a request of its own.

    `transactional`: one refused write undoes all of them; they are then sent one by one.
    """

    path: str = Field(description="Where they are sent")
    limit: int = Field(default=25, gt=0, description="How many at most")
    prefix: str = Field(default="{base_path}", description="Put before the paths inside")
    requests: str = Field(default="requests", description="The name of the list that is sent")
    path_name: str = Field(default="path", description="The name of the path inside: path, url, relative_url")
    results: Selector = Field(default=Selector("@"), description="Where the list of answers is")
    transactional: bool = Field(default=False, description="Whether one refused write undoes all")


class Pace(Strict):
    """How is written: how many records a step reads, compares and writes, and requests at the same time.

    Without compare-and-set the step is the window in which a stranger's edit can be lost: small by default.
    """

    chunk: int | None = Field(default=None, gt=0, description="Records a step; by the guarantee if empty")
    concurrency: int = Field(default=4, ge=1, le=16, description="Requests at the same time")


# ---------------------------------------------------------------- refusals


class Errors(Strict):
    """Errors as the system tells them: in an answer whose status says nothing, or by a code of its own."""

    when: Selector = Field(description="Selects something only in answers that are errors")
    code: Selector | None = Field(default=None, description="Where the error's code is")
    message: Selector | None = Field(default=None, description="Where its words are")
    codes: dict[str, Verdict] = Field(
        default_factory=dict,
        description="What a code means; else the status tells",
    )
