"""A mapping against live systems: what is missing, does not fit or may not be written, each with a remedy."""

# ruff: noqa: E501  messages are given whole

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.base import FieldInfo, Misconfigured, ResourceInfo, Retry, Unreadable
from syncadmin.config.apply import ObjectChange
from syncadmin.config.connect import open_connector
from syncadmin.config.verify import verify
from syncadmin.core.side import Side
from syncadmin.models import Mapping

from .conftest import TWO_SYSTEMS

Applied = Callable[..., list[ObjectChange]]


class Described:
    """Stands for a connector that can only describe."""

    def __init__(
        self, *fields: FieldInfo, key: str = "id", complete: bool = True, error: Exception | None = None
    ):
        self.info, self.error = ResourceInfo("customers", key, fields, complete), error

    def describe(self, resource: str) -> ResourceInfo:
        """What was given."""
        if self.error:
            raise self.error
        return self.info


FITS = Described(FieldInfo("mail", "text"), FieldInfo("x", "text"))


@pytest.fixture
def problems(applied: Applied) -> Callable[..., list[str]]:
    """Problems of `customers` with one more field mapping, the left system real, the right one described."""

    def run(
        fields: str = "", right: Any = FITS, left_table: str = "contacts, key: id", mapping: str = ""
    ) -> list[str]:
        text = TWO_SYSTEMS.replace("table: contacts, key: id", f"table: {left_table}")
        applied(text + (f"      x: {fields}\n" if fields else "") + (f"    {mapping}\n" if mapping else ""))
        row = Mapping.objects.get(name="customers")
        left = open_connector(row.left.system)
        try:
            return [f"{p.place}: {p.text}" for p in verify(row, {Side.LEFT: left, Side.RIGHT: right})]
        finally:
            left.close()

    return run


Problems = Callable[..., list[str]]


def test_a_mapping_that_fits_has_no_problems(problems: Problems) -> None:
    assert problems("{left: phone, right: x}") == []


def test_a_missing_column_is_told_with_those_there_are(problems: Problems) -> None:
    assert problems("{left: phne, right: x}") == [
        'mappings.customers.fields.x.left: crm.contacts has no field "phne"; did you mean "phone"? Allowed: born, '
        "email, id, phone, tags. Correct the field mapping, or add the field to the system"
    ]


def test_a_missing_table_is_told(problems: Problems) -> None:
    (line,) = problems(left_table="contcts")
    assert line.startswith("mappings.customers.left: ")
    assert "contcts" in line


def test_a_table_without_a_key_is_told_with_the_remedy(problems: Problems) -> None:
    (line,) = problems(left_table="keyless")
    assert line.startswith("mappings.customers.left: ")
    assert "key" in line.partition("keyless")[2]


def test_a_type_that_does_not_fit_is_told_with_those_that_do(problems: Problems) -> None:
    (line,) = problems("{left: born, right: x, type: integer}")
    assert line.startswith(
        "mappings.customers.fields.x.type: type integer does not fit crm.contacts.born, which is of type date"
    )
    assert line.endswith("Types that fit: date")


def test_a_set_kept_as_text_needs_a_separator(problems: Problems) -> None:
    right = Described(FieldInfo("mail", "text"), FieldInfo("x", "set"))
    assert problems("{left: tags, right: x, type: set}", right) == [
        "mappings.customers.fields.x.separators.left: crm.contacts.tags is text, and nothing says what separates the "
        'members of the set. Give a separator, such as {left: ";"}'
    ]
    assert problems("{left: tags, right: x, type: set, separators: {left: ','}}", right) == []


READ_ONLY = Described(FieldInfo("mail", "text"), FieldInfo("x", "text", writable=False))


def test_a_read_only_field_that_would_be_written_needs_an_owner(problems: Problems) -> None:
    assert problems("{left: phone, right: x}", READ_ONLY) == [
        "mappings.customers.fields.x.right: shop.customers.x is read-only, but changes of the other side would be "
        "written to it. Set `owner: right`, so that it is only read"
    ]
    assert problems("{left: phone, right: x, owner: right}", READ_ONLY) == []
    assert problems("{left: phone, right: x}", READ_ONLY, mapping="owner: right") == []


def test_what_a_system_cannot_tell_is_not_held_against_it(problems: Problems) -> None:
    assert problems("{left: phone, right: x}", Described(complete=False)) == []


def test_a_resource_without_a_key_is_told(problems: Problems) -> None:
    assert problems("{left: phone, right: x}", Described(*FITS.info.fields, key="")) == [
        "mappings.customers.right: shop.customers has no key that identifies a record. Give the table a primary key, "
        "or name a unique column as `key` of the resource"
    ]


def test_what_a_person_must_repair_is_told_and_what_passes_by_itself_is_raised(problems: Problems) -> None:
    wrong = Described(error=Misconfigured("the credentials are refused", system="shop"))
    assert problems(right=wrong) == ["mappings.customers.right: shop: the credentials are refused"]
    odd = Described(error=Unreadable("`data` selects nothing", system="shop", resource="customers"))
    assert problems(right=odd) == ["mappings.customers.right: shop customers: `data` selects nothing"]
    with pytest.raises(Retry):
        problems(right=Described(error=Retry("cannot be reached")))
