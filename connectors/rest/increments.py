"""How changes are found, as configuration: by times or numbers in records, by a feed, by deletions apart.

The models only; `following` acts by them.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, model_validator

from .asking import TimeFormat
from .selectors import Selector
from .strict import Duration, Strict


class Incremental(Strict):
    """How changes since a cursor are asked for: by `param`, by a `header`, or by the filter's `at_least`.

    The cursor is the latest `modified` that was seen, less the `overlap`; or what the system itself tells.
    """

    param: str | None = Field(default=None, description="The parameter that carries the cursor")
    header: str | None = Field(
        default=None, description="The header that carries it, such as If-Modified-Since; a 304 is no change"
    )
    format: TimeFormat = Field(default=TimeFormat.ISO, description="How `modified` is written")
    pattern: str = Field(default="", description="The pattern of a `custom` format, as strftime has it")
    asked: TimeFormat | None = Field(
        default=None, description="How it is written when it is asked by, if not as `modified` is"
    )
    overlap: Duration = Field(
        default=timedelta(seconds=5),
        description="How much is read twice; longer than the smallest step of the system's times",
    )
    exclusive: Duration | None = Field(
        default=None,
        description="The smallest step of the system's times, where it answers only what is later than what "
        "it is asked by, and not what is of the same moment",
    )
    tombstones: bool = Field(
        default=True,
        description="Whether records with a `tombstone` are answered, too; some are read by key alone",
    )
    created: str | None = Field(
        default=None, description="The field that counts while `modified` is empty, before a first change"
    )
    created_param: str | None = Field(
        default=None, description="The parameter that asks by it, if not the filter"
    )
    told: Selector | None = Field(
        default=None, description="Where an answer tells the next cursor, to be sent back as it is"
    )
    told_header: str | None = Field(default=None, description="The header that tells it, such as ETag")

    @model_validator(mode="after")
    def _fits(self) -> Incremental:
        if (self.format is TimeFormat.CUSTOM) != bool(self.pattern):
            raise ValueError("incremental: `format: custom` and `pattern` go together")
        if self.asked is TimeFormat.CUSTOM or (self.asked and (self.told or self.told_header)):
            raise ValueError("incremental: `asked` is a known way to write times that records tell")
        return self

    @property
    def is_told(self) -> bool:
        """Does the system tell the cursor?"""
        return self.told is not None or self.told_header is not None


class Feed(Strict):
    """A list of changes by a sequence number or a sync token, deletes included."""

    path: str = Field(description="Where it is; may hold {path}")
    records: Selector = Field(default=Selector("@"), description="Where the list of changes is")
    param: str = Field(default="since", description="The parameter that carries the token")
    token: Selector = Field(description="Where an answer tells the next token")
    key: Selector = Field(default=Selector("id"), description="The key in a change")
    deleted: Selector | None = Field(
        default=None, description="Selects something only in a change that is a delete"
    )
    record: Selector | None = Field(
        default=None, description="Where the record is in a change; else it is read by its key"
    )
    params: dict[str, str] = Field(default_factory=dict, description="Fixed parameters")
    start: dict[str, str] = Field(
        default_factory=dict, description="Parameters that ask for the token of now: {since: now}"
    )
    limit_param: str | None = Field(default=None, description="The parameter that asks for a page size")
    has_more: Selector | None = Field(
        default=None, description="Where it tells whether there are more; else until nothing comes"
    )
    expired: tuple[int, ...] = Field(
        default=(400, 404, 410), description="Statuses that say: this token is too old; then all is read"
    )


class Deletions(Strict):
    """Where deletes are told apart from records: a bin, a list of deleted keys, an audit log."""

    path: str = Field(description="Where it is; may hold {path}")
    records: Selector = Field(default=Selector("@"), description="Where the list is")
    key: Selector = Field(default=Selector("id"), description="The key that the record had")
    when: Selector | None = Field(default=None, description="Selects something only in what is a delete")
    modified: str = Field(description="The field that tells when, in the format of `incremental`")
    param: str | None = Field(
        default=None, description="The parameter that asks since when; without it all are read"
    )
    params: dict[str, str] = Field(default_factory=dict, description="Fixed parameters")
