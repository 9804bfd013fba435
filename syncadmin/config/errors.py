"""What pydantic found, told as problems of a document: key path, plain words, what is allowed.

Pydantic's locations name union members and tags that no document has; here they are walked beside the
document, so that the place of a problem is always one that a person can find.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from django.utils.translation import gettext, gettext_lazy
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from syncadmin.troubles import told

from .problems import Path, Problem, hint, quoted, unknown

SHAPES = {
    "model_type": gettext_lazy("must hold keys (key: value)"),
    "model_attributes_type": gettext_lazy("must hold keys (key: value)"),
    "dict_type": gettext_lazy("must hold keys (key: value)"),
    "mapping_type": gettext_lazy("must hold keys (key: value)"),
    "list_type": gettext_lazy("must be a list"),
    "tuple_type": gettext_lazy("must be a list"),
    "string_type": gettext_lazy("must be text; put it in quotes"),
    "bool_type": gettext_lazy("must be true or false"),
    "bool_parsing": gettext_lazy("must be true or false"),
    "int_type": gettext_lazy("must be a whole number"),
    "int_parsing": gettext_lazy("must be a whole number"),
    "int_from_float": gettext_lazy("must be a whole number"),
    "float_type": gettext_lazy("must be a number"),
    "float_parsing": gettext_lazy("must be a number"),
    "time_delta_type": gettext_lazy("must be a duration such as 30s"),
    "time_delta_parsing": gettext_lazy("must be a duration such as 30s"),
}
BOUNDS = {  # with what pydantic tells of them
    "greater_than": gettext_lazy("must be greater than %(gt)s"),
    "greater_than_equal": gettext_lazy("must be greater than or equal to %(ge)s"),
    "less_than": gettext_lazy("must be less than %(lt)s"),
    "less_than_equal": gettext_lazy("must be less than or equal to %(le)s"),
    "string_too_short": gettext_lazy("must have at least %(min_length)s characters"),
    "string_too_long": gettext_lazy("must have at most %(max_length)s characters"),
    "string_pattern_mismatch": gettext_lazy("must match the pattern %(pattern)s"),
    "too_short": gettext_lazy("must have at least %(min_length)s entries, and has %(actual_length)s"),
    "too_long": gettext_lazy("must have at most %(max_length)s entries, and has %(actual_length)s"),
}


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    document: Any,
    prefix: Path = (),
    own_keys: Sequence[str] = (),
) -> list[Problem]:
    """All problems of a document that `model` refused, each once, with `prefix` before its path.

    `own_keys` are allowed beside those of `model`: others look at them.
    """
    found: dict[tuple[Path, str], Problem] = {}
    for detail in error.errors(include_url=False, include_input=False, include_context=True):
        path, owner = walk(detail["loc"], model, document)
        allowed = [*(own_keys if len(path) == 1 else ()), *(keys_of(owner) if owner else ())]
        problem = Problem(prefix + path, _words(detail, owner, path, at(document, path), allowed))
        found.setdefault((problem.path, problem.message), problem)
    return list(found.values())


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys that a document may have where `model` describes it."""
    return [field.alias or name for name, field in model.model_fields.items()]


def walk(location: Sequence[str | int], model: Any, document: Any) -> tuple[Path, type[BaseModel] | None]:
    """A pydantic location as a path in the document, and the innermost model on the way."""
    path: list[str | int] = []
    annotation: Any = model
    owner: type[BaseModel] | None = None
    here = document
    for part in location:
        if part == "[key]":
            break  # the name itself is wrong
        choices = members(annotation)
        if len(choices) > 1:
            annotation = _chosen(choices, part)
            if annotation is not None:
                continue  # the part names a member of a union, not a key
        elif choices:
            annotation = choices[0]
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            owner = annotation
            path.append(part)
            annotation = field_type(annotation, part)
        elif isinstance(here, Mapping) or isinstance(part, int):
            path.append(part)
            arguments = get_args(annotation)
            annotation = (
                arguments[-1] if arguments and arguments[-1] is not Ellipsis else (arguments or (None,))[0]
            )
        elif not isinstance(here, (Mapping, list)):
            continue  # the name of a validator
        here = _inside(here, part)
    last = members(annotation)
    if len(last) == 1 and isinstance(last[0], type) and issubclass(last[0], BaseModel):
        owner = last[0]
    return tuple(path), owner


def at(document: Any, path: Path) -> Any:
    """What a document holds at a path; None where it holds nothing."""
    for part in path:
        document = _inside(document, part)
    return document


def _inside(here: Any, part: str | int) -> Any:
    if isinstance(here, Mapping):
        return here.get(part)
    if isinstance(here, list) and isinstance(part, int) and part < len(here):
        return here[part]
    return None


def members(annotation: Any) -> list[Any]:
    """The types an annotation allows, None left out."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return members(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [m for arg in get_args(annotation) if arg is not type(None) for m in members(arg)]
    return [] if annotation is None else [annotation]


def _chosen(choices: list[Any], part: str | int) -> Any:
    """The member of a union that a location part names: by its tag, or by its type's name."""
    for member in choices:
        if isinstance(member, type) and issubclass(member, BaseModel):
            tags = [value for field in member.model_fields.values() for value in literals(field.annotation)]
            if part in tags or part == member.__name__:
                return member
    return next((m for m in choices if getattr(m, "__name__", "") == part), None)


def literals(annotation: Any) -> tuple[Any, ...]:
    """The values that a `Literal` allows."""
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def field_type(model: type[BaseModel], part: str | int) -> Any:
    """The type of a model's field, by its name or alias; None if there is none."""
    for name, field in model.model_fields.items():
        if part in (name, field.alias):
            return field.annotation
    return None


def _words(
    detail: ErrorDetails, owner: type[BaseModel] | None, path: Path, value: Any, allowed_keys: list[str]
) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown(gettext("unknown key %(name)s"), path[-1], allowed_keys)
    if kind == "missing":
        what = _description(owner, path[-1])
        return gettext("is missing: %(what)s") % {"what": gettext(what)} if what else gettext("is missing")
    if kind in ("enum", "literal_error"):
        allowed = re.findall(r"'([^']*)'", context["expected"])
        must_be = gettext("must be %(expected)s") % {"expected": context["expected"]}
        return not_allowed(value, allowed) if allowed else must_be
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        tags = re.findall(r"'([^']*)'", str(context.get("expected_tags", "")))
        given = value.get("type") if isinstance(value, Mapping) else None
        needs = gettext("needs `type`, one of: %(kinds)s") % {"kinds": ", ".join(tags)}
        return f"`type` {not_allowed(given, tags)}" if given else needs
    if kind in ("value_error", "assertion_error"):
        return told(str(context.get("error", detail["msg"])))
    if kind in SHAPES:
        return str(SHAPES[kind])
    if kind in BOUNDS:
        return BOUNDS[kind] % context
    text = detail["msg"].removeprefix("Value error, ").removeprefix("Input ").strip()
    return text.replace("should", "must", 1)


def _description(owner: type[BaseModel] | None, name: str | int) -> str:
    field = _named(owner, name)
    return (field.description or "") if field else ""


def _named(owner: type[BaseModel] | None, name: str | int) -> Any:
    for key, field in owner.model_fields.items() if owner else ():
        if name in (key, field.alias):
            return field
    return None


def not_allowed(value: object, allowed: Sequence[str]) -> str:
    """`"newst" is not allowed; did you mean "newest"? Allowed: ...`."""
    if isinstance(value, str):
        said = gettext("%(value)s is not allowed")
    else:
        said = gettext("%(value)s (put text in quotes) is not allowed")
    return said % {"value": quoted(value)} + hint(value, allowed)
