"""How records of a described resource are made, changed and deleted, and whether stale writes are refused."""

from __future__ import annotations

from typing import Any

from .finding import Found, Operation
from .notes import Note, Part, guessed, remark
from .schemas import Shape, is_object, shape
from .words import CONCURRENCY, PARTIAL, VERSION, plain, selector


def writing(found: Found, key: str) -> Part:
    """`create`, `update`, `delete`, `version`, `encoding`, as far as they are described."""
    part = Part()
    create, update, delete = (found.operations.get(name) for name in ("create", "update", "delete"))
    if create is not None:
        _create(part, found, create)
    if update is not None:
        _update(part, found, update, key)
    if delete is not None:
        _delete(part, delete)
    missing = [
        word for word, one in (("make", create), ("change", update), ("delete", delete)) if one is None
    ]
    if missing:
        part.add(
            remark(
                f"no way to {' or '.join(missing)} records is described: a mapping must not ask for it "
                "(create, owner, deletes)"
            )
        )
    _encoding(part, [one for one in (create, update) if one is not None])
    return part


def _create(part: Part, found: Found, create: Operation) -> None:
    told: dict[str, Any] = {"method": create.method.upper()}
    notes: list[Note] = []
    body = create.body()[1]
    if found.paired:
        told["path"] = create.path.lstrip("/")
    if envelope := _envelope(body, found):
        told["envelope"] = envelope
        notes.append(guessed(f"the values go under {envelope}, since what is there looks like the record"))
    record = record_in(create.answered(), found)
    if record is None and not create.answered().properties:
        told["key"] = {"type": "location"}
        notes.append(guessed("its answer is described without a record: the key is taken from Location"))
    elif record is not None and record != record_in(_read(found), found):
        told["record"] = record
        notes.append(guessed(f"its answer holds the record at {record}"))
    header = next((name for name in create.param("header") if plain(name) == "idempotencykey"), None)
    field = next((name for name in body.properties if plain(name) == "idempotencykey"), None)
    if header:
        told["idempotency_header"] = header
        notes.append(guessed(f"by its name, {header} keeps a repeated create from making a twin"))
    elif field and not envelope:
        told["idempotency_field"] = field
        notes.append(guessed(f"by its name, {field} keeps a repeated create from making a twin"))
    elif field:
        notes.append(
            remark(f"{field} stands outside of {envelope}, where it can't be filled: repeats may make twins")
        )
    else:
        notes.append(
            remark(
                "nothing described keeps a repeated create from making a twin; if a field is unique, say "
                "natural: FIELD"
            )
        )
    part.say("create", told, *notes)


def _update(part: Part, found: Found, update: Operation, key: str) -> None:
    told: dict[str, Any] = {"method": update.method.upper()}
    notes: list[Note] = []
    body = update.body()[1]
    if envelope := _envelope(body, found):
        told["envelope"] = envelope
        notes.append(guessed(f"the values go under {envelope}, since what is there looks like the record"))
    values = _inside(body, envelope)
    partial = PARTIAL.search(update.words)
    if update.method == "put" and not partial:
        told["whole"] = True
        notes.append(
            guessed(
                "PUT usually empties what it is not given, so the whole record is sent; if it does not, "
                "drop `whole`"
            )
        )
        omit = sorted(
            name for name in found.record.properties if values.properties and name not in values.properties
        )
        if omit:
            told["omit"] = omit
            notes.append(guessed("these are read, but not among what may be sent"))
    elif update.method == "put":
        notes.append(
            guessed(f"only changed fields are sent, since it says {partial[0]!r}" if partial else "")
        )
    record = record_in(update.answered(), found)
    if record is not None and record != record_in(_read(found), found):
        told["record"] = record
        notes.append(guessed(f"its answer holds the record at {record}"))
    part.say("update", told, *notes)
    _version(part, found, update, values, bool(envelope), key)


def _delete(part: Part, delete: Operation) -> None:
    told: dict[str, Any] = {"method": delete.method.upper()}
    version = part.settings.get("version", {})
    notes = []
    if version.get("type") == "field" and version["field"] in delete.param("query"):
        told["params"] = {version["field"]: "{version}"}
        notes.append(
            guessed(f"deletes take {version['field']} as a parameter, so a stale one is refused too")
        )
    part.say("delete", told, *notes)


def _version(part: Part, found: Found, update: Operation, values: Shape, enveloped: bool, key: str) -> None:
    """What makes a write conditional; claimed only where the description speaks of it."""
    header = next((name for name in update.param("header") if name.lower() == "if-match"), None)
    known = {plain(name): name for name in found.record.properties}
    if header:
        tag = known.get("odataetag")
        told: dict[str, Any] = {"type": "etag"} | ({"field": tag, "format": "{version}"} if tag else {})
        if update.param("header")[header].flag("required"):
            told["mandatory"] = True
        part.say(
            "version",
            told,
            guessed(f"changes take the header {header}; prove it with a probe before trusting it"),
        )
        return
    field = next(
        (known[name] for name in VERSION if name in known and known[name] in values.properties), None
    )
    if field is None:
        part.add(
            remark("no version is described: an edit between our read and our write can be lost (checked)")
        )
        return
    said = f"{values.properties[field].text('description')} {update.words}"
    if CONCURRENCY.search(said):
        part.say(
            "version",
            {"type": "field", "field": field},
            guessed(f"{field} is described as what guards against stale changes; prove it with a probe"),
        )
    else:
        part.add(remark(f"{field} may be a version, but nothing says that a stale one is refused: not used"))


def _encoding(part: Part, operations: list[Operation]) -> None:
    written = {one.body()[0] for one in operations} - {""}
    if written == {"form"}:
        part.say("encoding", "form", guessed("bodies are described as forms"))
    elif "other" in written:
        part.add(remark("some bodies are described as neither JSON nor forms, which is all that can be sent"))


def _read(found: Found) -> Shape:
    read = found.operations.get("read")
    return read.answered() if read is not None else Shape()


def record_in(answer: Shape, found: Found) -> str | None:
    """Where the record is in an answer about one; None if it is nowhere to be seen."""
    if _alike(answer, found.record):
        return "@"
    for name, node in answer.properties.items():
        inner = shape(node)
        if _alike(inner, found.record):
            return selector(name)
        if inner.members is not None and _alike(shape(inner.members), found.record):
            return f"{selector(name)}[0]"
    if answer.members is not None and _alike(shape(answer.members), found.record):
        return "[0]"
    return None


def _envelope(body: Shape, found: Found) -> str:
    """Where in a body the values go; '' if they are the body."""
    if _alike(body, found.record) or (body.members is None and not body.properties):
        return ""
    if body.members is not None and _alike(shape(body.members), found.record):
        return "[]"
    for name, node in body.properties.items():
        inner = shape(node)
        if "." in name:
            continue
        if inner.members is not None and _alike(shape(inner.members), found.record):
            return f"{name}[]"
        if is_object(inner) and _alike(inner, found.record) and name not in found.record.properties:
            return name
    return ""


def _inside(body: Shape, envelope: str) -> Shape:
    if envelope == "[]":
        return shape(body.members)
    if not envelope:
        return body
    inner = shape(body.properties[envelope.removesuffix("[]")])
    return shape(inner.members) if envelope.endswith("[]") else inner


def writable(found: Found) -> set[str]:
    """The fields that may be sent when a record is made or changed."""
    names: set[str] = set()
    for one in (found.operations.get("create"), found.operations.get("update")):
        if one is not None:
            body = one.body()[1]
            names |= _inside(body, _envelope(body, found)).properties.keys()
    return names


def _alike(one: Shape, other: Shape) -> bool:
    """Have two objects so many fields in common that they are the same thing?"""
    smaller = min(len(one.properties), len(other.properties))
    common = one.properties.keys() & other.properties.keys()
    return smaller > 0 and len(common) >= max(min(3, (smaller + 1) // 2), min(2, smaller))
