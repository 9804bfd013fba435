"""How records are asked for, as configuration: ways of paging, filters, orders, reads by key, increments.

The models only; `pagination` and `resource` act by them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .selectors import Selector
from .strict import Strict


class Quote(StrEnum):
    """How a text is written in a query."""

    NONE = "none"
    BACKSLASH = "backslash"  # 'it\'s'
    DOUBLED = "doubled"  # 'it''s'
    JSON = "json"  # "it's"


# ---------------------------------------------------------------- paging


class Paging(Strict):
    """What all ways of paging share.

    A list ends with an empty page, with `has_more` when it says so, with `total` when so many records came. A
    short page is taken as the last one only where the page size is known: by `max_limit`, or by `size`.
    """

    limit_param: str | None = Field(default=None, description="The parameter that asks for a page size")
    max_limit: int | None = Field(default=None, gt=0, description="The largest page that the system gives")
    size: Selector | None = Field(default=None, description="Where the answer tells the page size it applied")
    total: Selector | None = Field(default=None, description="Where it tells exactly how many there are")
    total_header: str | None = Field(default=None, description="Or the header that tells it")
    has_more: Selector | None = Field(default=None, description="Where it tells whether there are more pages")
    cap: int | None = Field(
        default=None,
        gt=0,
        description="How many records one question gives at most; more are asked for behind the last one, "
        "by filter and order",
    )


class SinglePage(Paging):
    """Everything comes in one answer."""

    type: Literal["none"] = "none"


class PageNumber(Paging):
    """Pages by number."""

    type: Literal["page"]
    param: str = Field(default="page", description="The parameter that carries the number")
    first: int = Field(default=1, description="The number of the first page")


class Offset(Paging):
    """Pages by the number of records to skip, or by the index of the first one."""

    type: Literal["offset"]
    param: str = Field(default="offset", description="The parameter that carries it")
    first: int = Field(default=0, description="0 counts what is skipped, 1 is the index of the first record")
    limit_param: str | None = Field(default="limit", description="The parameter that asks for a page size")


class CursorToken(Paging):
    """The answer holds a token that asks for the next page, in its body or in a header."""

    type: Literal["cursor"]
    next: Selector | None = Field(default=None, description="Where the token is in the body")
    header: str | None = Field(default=None, description="The header that holds it")
    param: str = Field(description="The parameter that carries it")

    @model_validator(mode="after")
    def _one_place(self) -> CursorToken:
        if (self.next is None) == (self.header is None):
            raise ValueError("paginator cursor needs `next` or `header`: where the token is")
        return self


class Continuation(Paging):
    """The answer holds an object of parameters that are sent back as they are."""

    type: Literal["continuation"]
    next: Selector = Field(description="Where the object is")


class AfterLast(Paging):
    """The next page begins after the last record of this one, named in a parameter."""

    type: Literal["after"]
    param: str = Field(description="The parameter, such as starting_after")
    field: str | None = Field(default=None, description="Which field it names; the key if empty")
    quote: Quote = Field(default=Quote.NONE, description="How it is quoted")
    suffix: str = Field(
        default="",
        description="Put after it, where a page would begin with the record that is named: the least "
        "character there is",
    )


class NextUrl(Paging):
    """The answer holds the address of the next page."""

    type: Literal["next_url"]
    next: Selector = Field(description="Where the address is")


class LinkHeader(Paging):
    """The `Link` header names the next page (RFC 8288)."""

    type: Literal["link_header"]
    rel: str = Field(default="next", description="The relation that leads on")


class HeaderNext(Paging):
    """A header of its own holds the address of the next page."""

    type: Literal["header_next"]
    header: str = Field(default="Next-Page", description="The header that holds the address")


class Keyset(Paging):
    """The next page begins after the last record of this one: needs `filter` and `order`."""

    type: Literal["keyset"]


Paginator = Annotated[
    SinglePage
    | PageNumber
    | Offset
    | CursorToken
    | Continuation
    | AfterLast
    | NextUrl
    | LinkHeader
    | HeaderNext
    | Keyset,
    Field(discriminator="type"),
]


# ---------------------------------------------------------------- asking


class TimeFormat(StrEnum):
    """How a system writes a moment."""

    ISO = "iso"  # 2026-01-02T03:04:05.678Z
    POCKETBASE = "pocketbase"  # 2026-01-02 03:04:05.678Z
    SECONDS = "seconds"  # since 1970
    MILLISECONDS = "milliseconds"  # since 1970
    MICROSECONDS = "microseconds"  # since 1970
    DOTNET = "dotnet"  # /Date(1767322984678)/
    HTTP = "http"  # Fri, 02 Jan 2026 03:04:05 GMT
    DATE = "date"  # 2026-01-02
    LOCAL = "local"  # 2026-01-02T03:04:05, in the resource's zone
    CUSTOM = "custom"  # by a pattern
    INTEGER = "integer"  # a sequence number, not a moment


class Filter(Strict):
    """A filter language in one parameter, from its smallest parts.

    What asks for many values at once is asked in several filters of at most `longest` characters.
    """

    param: str = Field(description="The parameter that carries the filter")
    longest: int = Field(default=3000, gt=0, description="Characters of the longest filter")
    moment: str | None = Field(
        None, description="How a moment is written, if not as a quoted text: {value}, datetime'{value}'"
    )
    bare: tuple[str, ...] = Field((), description="Fields whose texts are not quoted")
    brackets: bool = Field(
        default=False,
        description="Whether the filter is JSON that is sent as parameters: filters[name][$eq]=x",
    )
    equals: str = Field(default="{field} = {value}", description="A field equals a value")
    greater: str | None = Field(default=None, description="A field is greater than a value")
    at_least: str | None = Field(default=None, description="A field is a value or greater")
    both: str = Field(default="({left} && {right})", description="Both of two filters")
    either: str = Field(default="({left} || {right})", description="One filter or the other")
    quote: Quote = Field(default=Quote.BACKSLASH, description="How texts are quoted")
    null: str = Field(default="null", description="How nothing is written")


class Statement(Strict):
    """A whole statement of a query language in one parameter: SQL-like ones want their order and scope in it.

    A part stands in the statement where the parameter of its name is asked for, and is empty where it is not.
    """

    param: str = Field(description="The parameter that carries the statement")
    text: str = Field(description="The statement; holds {names} of parts and of blanks")
    every: str = Field(
        default="", description="The statement where all fields are wanted, if that is another one"
    )
    parts: dict[str, str] = Field(
        description="What a parameter becomes in the statement, {value} standing for what it holds: "
        "{order: ' ORDER BY {value}'}"
    )


class Listing(Strict):
    """How a list is asked for, where it is no plain GET with its parameters."""

    method: str = Field(default="GET", description="GET, or POST for a search")
    params_in: Literal["query", "body", "template"] = Field(
        default="query",
        description="Where parameters go; in a body, dotted names are objects; in a template, the body holds "
        "{names} of parameters, and a member whose parameter is not asked for is left out",
    )
    body: dict[str, Any] = Field(
        default_factory=dict,
        description="Fixed parts of the body; may hold {names} of blanks. `{limit:int}` becomes a number, "
        "`{fields:list}` a list, `{domain:items}` a list of JSON values",
    )
    parts: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="What a parameter becomes in the body, {value} standing for what it holds",
    )
    statement: Statement | None = Field(
        default=None, description="A whole statement that takes up parameters: SOQL, JQL"
    )

    @model_validator(mode="after")
    def _parts_in_body(self) -> Listing:
        if self.parts and self.params_in != "body":
            raise ValueError("listing `parts` need `params_in: body`")
        return self


class KeyList(Strict):
    """Many values at once in one parameter: `in_id=a,b` or `ids=a,b`; `param` may hold `{field}`.

    With `{n}` in it each value has a parameter of its own, numbered from 0: `in[0]=a`, `in[1]=b`.
    """

    param: str = Field(description="The parameter; may hold {field}, and {n} for each value's number")
    separator: str = Field(default=",", description="What stands between values")
    quote: Quote = Field(default=Quote.NONE, description="How each is quoted")
    single: str | None = Field(
        default=None, description="The parameter for a value that holds the separator itself"
    )


class Search(Strict):
    """An address of its own that is given many values in a body, and answers all records at once.

    In the body, the text `{values}` becomes the list of values, and `{field}` the name of the field. It may
    hold blanks, too, and fields that are asked for by the name of their parameter: `{fields:list}`.
    """

    path: str = Field(description="Where it is; may hold {path}")
    method: str = Field(default="POST", description="Method of that request")
    params: dict[str, str] = Field(default_factory=dict, description="Fixed parameters")
    body: dict[str, Any] = Field(description="What is asked")
    records: Selector = Field(default=Selector("@"), description="Where the list is in the answer")


class Fetch(Strict):
    """How records are read by key. Without `many`, `search` and a filter, one by one.

    `confirm`: a key that a bulk answer leaves out is asked for by itself before it counts as absent. Without
    it a `search` is believed, and a single record is asked for by it, too.
    """

    params: dict[str, str] = Field(
        default_factory=dict, description="Parameters of a read of one record by itself"
    )
    many: KeyList | None = Field(default=None, description="The parameter that takes many keys")
    search: Search | None = Field(default=None, description="Or the address that takes many in a body")
    limit: int = Field(default=50, gt=0, description="How many at once")
    confirm: bool = Field(default=True, description="Whether a key that is left out is asked for by itself")


class Find(Strict):
    """How records are searched by the value of a field, if not by the filter.

    `fields`: by other fields than these the system can't be asked: then all records are looked through.
    """

    fields: tuple[str, ...] = Field(
        default=(), description="The fields that can be asked for; by others all is looked through"
    )
    many: KeyList | None = Field(default=None, description="The parameter that takes many values")
    search: Search | None = Field(default=None, description="Or the address that takes many in a body")
    limit: int = Field(default=50, gt=0, description="How many at once")


class Order(Strict):
    """How a stable order is asked for; `{key}` and `{modified}` stand for those fields."""

    param: str = Field(description="The parameter that carries the order")
    key: str | None = Field(default=None, description="By key")
    modified: str | None = Field(default=None, description="By last change, oldest first")
    newest: str | None = Field(default=None, description="By last change, newest first")
