"""Two versions of a mapping, key by key: what differs, what that does, and whether it can write anything.

Pure: two checked configurations go in, plain data comes out. A key that is not known to be harmless is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel

from syncadmin.core.exposure import Unaccepted

from .convert import GUARD_SHARES
from .schema import FieldSpec, MappingSpec
from .units import format_duration, format_share

DURATIONS = ("clock_tolerance", "schedule", "reconcile", "due", "after")
NESTED = ("filter", "guards", "escalate")
RUNNING = "enabled"  # whether passes run is no part of a version

INBOX = _("It only changes how the inbox shows and times its items.")
NAMES = _("It only changes what people are shown.")
RHYTHM = _("It only changes when passes run.")
STRICTER = _("It only makes the hub stop and ask sooner.")
MORE_CARE = _("It only takes more people to decide.")

ADDED = _(
    "Nothing was ever agreed on it. Where both systems hold the same, that is agreed silently; an empty one "
    "gets the other's value; the rest follows the owner, or the policy for first contact."
)
REMOVED = _(
    "Both systems keep what they hold. What was agreed on it is forgotten, and its open questions are closed."
)
RENAMED = _("It goes on under its new name, with what was agreed and what is asked.")
COLUMN = _(
    "It stays the same field: what was agreed stays. What the other column holds differently counts as "
    "changed there."
)
FORM = _(
    "Values are compared in another form. Where both systems hold the same in it, that is agreed silently."
)
FILTER = _(
    "Records that it lets in are new to the hub. Records that it shuts out are let go: they are not written "
    "any more, and nothing is deleted because of it; their links rest until they are let in again."
)
MATCH = _(
    "Links stay as they are. Only records without a partner are matched anew, and nothing is made twice that "
    "is linked."
)
RULES = _("What was agreed stays. What is open is judged anew.")
LATER = _("It changes what happens to records from then on. What was agreed stays.")
GUARD = _("It lets more through before the hub stops and asks.")
RISK = _("It changes whether writes wait until the risk is accepted.")
LESS_CARE = _("It takes fewer people to decide.")
ANSWERS = _("It only keeps what people answered: no pass does anything differently by it.")
FORMS = ("type", "scale", "normalize", "values", "separators", "zones", "mapping")
ORDERS = ("left_scope", "create", "deletes", "edit_vs_delete")


class Unchangeable(ValueError):
    """A mapping that is in use can't become this. Says why, in words for a person."""


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key that differs, with its values as a file writes them (None: it is not there).

    `harmless`: it cannot write anything, nor decide what is written. `does` says what it does, in words.
    """

    path: tuple[str, ...]
    old: Any
    new: Any
    harmless: bool
    does: str

    @property
    def key(self) -> str:
        """The key as one reads it: `fields.phone.owner`."""
        return ".".join(self.path)


def differences(old: MappingSpec, new: MappingSpec) -> list[KeyChange]:
    """All that is different, in the order of the file, but for whether passes run.

    Raises Unchangeable if the new one pairs other resources: their records are not those that are linked.
    """
    for side in ("left", "right"):
        if getattr(old, side) != getattr(new, side):
            raise Unchangeable(
                _("A mapping that is in use stays with its resources: make another mapping for these.")
            )
    found = list(_compared((), old, new, leaving_out=("left", "right", "fields", RUNNING)))
    names = renamed(old, new)
    for name, one in new.fields.items():
        before = old.fields.get(name) or old.fields.get(names.get(name, ""))
        if before is None:
            found.append(KeyChange(("fields", name), None, _short(one), False, ADDED))
            continue
        if name in names:
            found.append(KeyChange(("fields", name, "name"), names[name], name, False, RENAMED))
        found += _compared(("fields", name), before, one)
    gone = [name for name in old.fields if name not in new.fields and name not in names.values()]
    return found + [KeyChange(("fields", n), _short(old.fields[n]), None, False, REMOVED) for n in gone]


def renamed(old: MappingSpec, new: MappingSpec) -> dict[str, str]:
    """New name -> old name of fields that only go by another name: same columns, same type."""
    gone = {(f.left, f.right, f.type): name for name, f in old.fields.items() if name not in new.fields}
    made = [(name, (f.left, f.right, f.type)) for name, f in new.fields.items() if name not in old.fields]
    return {name: gone.pop(columns) for name, columns in made if columns in gone}


def harmless(changes: list[KeyChange]) -> bool:
    """Whether none of these can write anything."""
    return all(change.harmless for change in changes)


def _compared(
    path: tuple[str, ...], old: BaseModel, new: BaseModel, leaving_out: tuple[str, ...] = ()
) -> Iterator[KeyChange]:
    for key in type(new).model_fields:
        one, two = getattr(old, key), getattr(new, key)
        if key in leaving_out or one == two:
            continue
        if key in NESTED:
            yield from _compared((*path, key), one, two)
            continue
        is_harmless, does = _judged((*path, key), one, two)
        yield KeyChange((*path, key), _told(key, one), _told(key, two), is_harmless, does)


def _judged(path: tuple[str, ...], old: Any, new: Any) -> tuple[bool, Any]:
    """Whether a change of one key is harmless, and what it does."""
    if path[0] == "guards":
        stricter = new < old
        return stricter, STRICTER if stricter else GUARD
    if path[0] == "filter":
        return False, FILTER
    if path[0] == "escalate":
        return True, INBOX
    if path[0] == "fields":
        return _judged_field(path[2], new)
    known: dict[str, tuple[bool, Any]] = {
        "label": (True, NAMES),
        "title": (True, NAMES),
        "value": (True, INBOX),
        "assessment": (True, ANSWERS),
        "due": (True, INBOX),
        "schedule": (True, RHYTHM),
        "reconcile": (True, RHYTHM),
        "match": (False, MATCH),
        "risk": (new == Unaccepted.STOP, STRICTER if new == Unaccepted.STOP else RISK),
        **dict.fromkeys(ORDERS, (False, LATER)),
    }
    return known.get(path[0], (False, RULES))


def _judged_field(key: str, new: Any) -> tuple[bool, Any]:
    if key == "weight":
        return True, INBOX
    if key == "assessment":
        return True, ANSWERS
    if key == "two_people":
        return bool(new), MORE_CARE if new else LESS_CARE
    if key in ("left", "right"):
        return False, COLUMN
    return False, FORM if key in FORMS else RULES


def _told(key: str, value: Any) -> Any:
    """A value as a file writes it."""
    write: Mapping[str, Callable[[Any], Any]] = {
        **dict.fromkeys(DURATIONS, format_duration),
        **dict.fromkeys(GUARD_SHARES, format_share),
    }
    if value is None:
        return None
    if key in write:
        return write[key](value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_defaults=True)
    if isinstance(value, list | tuple):
        return [_told("", item) for item in value]
    return value.value if hasattr(value, "value") else value


def _short(spec: FieldSpec) -> dict[str, Any]:
    """A field mapping, without what is a default anyway."""
    return spec.model_dump(mode="json", exclude_defaults=True)
