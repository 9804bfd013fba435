"""Assessments, acted on: answers are stored, sheets made and signed, and what they recommend taken over.

Whatever changes what passes do goes through `syncadmin.config`, as a file would: checked, in one
transaction, with history. A mapping in use only gets a proposed version, and nothing else is changed than
what was shown.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from syncadmin.config import apply as configuration
from syncadmin.config.convert import mapping_document, stored_mappings
from syncadmin.config.export import as_yaml
from syncadmin.core.assess import Advice, Strategy
from syncadmin.core.policy import Create, Drift, Merge
from syncadmin.core.side import SIDES, Side
from syncadmin.models import (
    AssessmentSignature,
    AssessmentVersion,
    FieldMapping,
    MappingState,
    MappingVersion,
)
from syncadmin.models import Mapping as MappingRow
from syncadmin.selectors.assessment import Answers, Assessment, Line, assessment
from syncadmin.selectors.risk import standing as risk_standing

Document = dict[str, Any]


class NotDone(ValueError):
    """What is asked can't be done like this; says why, in words for a person."""


# ---------------------------------------------------------------- answers


def store(mapping: MappingRow, answers: Answers, user: Any) -> bool:
    """Keep answers, with history; whether any are new. A pass does nothing differently by them."""
    changed = False
    with transaction.atomic():
        rows: list[tuple[MappingRow | FieldMapping, Mapping[str, Any]]] = [(mapping, answers.table)]
        rows += [(row, answers.fields.get(row.name, {})) for row in mapping.fields.all()]
        for row, given in rows:
            if row.assessment != given:
                row.assessment = dict(given)
                row._change_reason = "assessment"  # type: ignore[union-attr]
                row._history_user = user  # type: ignore[union-attr]
                row.save(update_fields=["assessment"])
                changed = True
    return changed


# ---------------------------------------------------------------- sheets


def sheet_of(found: Assessment) -> Document:
    """All that is printed on a sheet, as plain data."""
    made, mapping = found.found, found.mapping
    return {
        "mapping": {"name": mapping.name, "label": str(mapping)},
        **{
            side.value: {
                "system": str(mapping.resource(side).system),
                "resource": mapping.resource(side).name,
                "team": found.teams[side],
            }
            for side in SIDES
        },
        "strategy": made.strategy.value,
        "reason": made.reason.value,
        "owner": made.owner.value if made.owner else None,
        "rows": [{"when": row.when, "owner": row.owner.value} for row in found.table.rows]
        if made.rows
        else [],
        "every_row": made.rows and found.table.every,
        "against_rows": list(made.against_rows),
        "owned": {
            "fields": [made.fields_owned, len(made.fields)],
            "edits": [made.edits_owned, made.edits],
        },
        "fields": [_line(line) for line in found.lines],
        "risk": _risk(mapping),
    }


def _line(line: Line) -> Document:
    advice, answer, row = line.advice, line.answer, line.row
    return {
        **{name: getattr(row, name) for name in ("name", "left", "right", "type", "group")},
        "edits": answer.edits.value,
        "needs": answer.needs.value,
        "cost": answer.cost.value,
        "strategy": advice.strategy.value,
        "reason": advice.reason.value,
        "owner": advice.owner.value if advice.owner else None,
        "merge": advice.merge.value if advice.merge else None,
        "drift": advice.drift.value,
        "against": advice.against,
        "seen": {side.value: line.seen.get(side, 0) for side in SIDES},
    }


def _risk(mapping: MappingRow) -> Document:
    """What the lost-update meter says of the mapping as it is configured now."""
    told = risk_standing(mapping, timezone.now())
    lost, last = told.figures.lost, told.last
    accepted = last is not None and told.status.value == "accepted"
    return {
        "status": told.status.value,
        "need": told.figures.exposure.need.value,
        "lost": [lost.low, lost.expected, lost.high] if lost is not None else None,
        "watched_days": round(told.figures.watched / 86400, 1),
        "accepted": {
            "by": last.name,
            "role": last.role,
            "most": last.most,
            "until": last.last_day.isoformat(),
        }
        if accepted and last is not None
        else None,
    }


def keep(mapping: MappingRow, by: str, now: datetime | None = None) -> AssessmentVersion:
    """Make a sheet of the answers as they are stored. It stays with the mapping."""
    now = now or timezone.now()
    found = assessment(mapping)
    answers, sheet = found.answers.basis(mapping), sheet_of(found)
    printed = json.dumps([answers, sheet], sort_keys=True, ensure_ascii=False).encode()
    with transaction.atomic():
        MappingState.objects.select_for_update().get_or_create(mapping=mapping)
        newest = AssessmentVersion.objects.filter(mapping=mapping).first()
        return AssessmentVersion.objects.create(
            mapping=mapping,
            number=newest.number + 1 if newest is not None else 1,
            at=now,
            by=by,
            answers=answers,
            sheet=sheet,
            mark=hashlib.sha256(printed).hexdigest(),
        )


def sign(
    version: AssessmentVersion, side: Side, name: str, role: str, on: date, by: str
) -> AssessmentSignature:
    """Put down that somebody signed a sheet for a side's team. Raises NotDone."""
    now = timezone.now()
    name = name.replace("\0", "").strip()
    if not name:
        raise NotDone(_("Say who signed."))
    if on > timezone.localdate(now):
        raise NotDone(_("A sheet can't have been signed in the future."))
    if on < timezone.localdate(version.at):
        raise NotDone(_("The sheet was not there yet on that day."))
    with transaction.atomic():
        MappingState.objects.select_for_update().get_or_create(mapping_id=version.mapping_id)
        if version.signatures.filter(side=side.value).exists():
            raise NotDone(_("This side has signed already."))
        return AssessmentSignature.objects.create(
            version=version,
            side=side.value,
            name=name,
            role=role.replace("\0", "").strip(),
            on=on,
            at=now,
            by=by,
        )


# ---------------------------------------------------------------- taking it over


@dataclass(frozen=True, slots=True)
class Change:
    """One setting of the mapping, or of a field mapping, as it is and as it would be; None: not there."""

    field: str
    key: str
    old: Any
    new: Any


def taken_over(document: Document, found: Assessment) -> Document:
    """The mapping's document with what is recommended."""
    made = found.found
    after = {**document, "fields": {name: dict(one) for name, one in document["fields"].items()}}
    if made.strategy is Strategy.NO_SYNC:
        return {**after, "enabled": False}
    _take_table(after, found)
    for name, advice in made.fields.items():
        if advice.strategy is Strategy.NO_SYNC:
            del after["fields"][name]
        else:
            after["fields"][name] = _take_field(after["fields"][name], advice)
    return after


def _take_table(after: Document, found: Assessment) -> None:
    """Owner of the table, row rules and what belongs to them."""
    made = found.found
    for key in ("owner", "rows", "drift"):
        after.pop(key, None)
    if made.owner is not None:
        after["owner"] = made.owner.value
        if any(one.drift is Drift.REVIEW for one in made.fields.values()):
            after["drift"] = Drift.REVIEW.value
        if after.get("create", Create.BOTH.value) == Create.BOTH:
            after["create"] = made.owner.other.value
    elif made.rows:
        after["rows"] = [{"when": row.when, "owner": row.owner.value} for row in found.table.rows]


def _take_field(document: Document, advice: Advice) -> Document:
    """A field mapping's document with its owner or merge strategy."""
    if advice.strategy in (Strategy.TABLE, Strategy.ROWS):
        return document  # the table's owner, or the row's, counts
    keep_rule = advice.merge is Merge.RULE
    left_out = {"owner", "drift", "merge", *(() if keep_rule else ("rule",))}
    made = {key: value for key, value in document.items() if key not in left_out}
    if advice.owner is not None:
        made["owner"] = advice.owner.value
        if advice.drift is not Drift.ENFORCE:
            made["drift"] = advice.drift.value
    elif advice.merge is not None and advice.merge is not Merge.REVIEW:
        made["merge"] = advice.merge.value
    return made


def changes(before: Document, after: Document) -> Iterator[Change]:
    """What differs between two documents of one mapping."""
    for key in dict.fromkeys([*before, *after]):
        if key != "fields" and before.get(key) != after.get(key):
            yield Change("", key, before.get(key), after.get(key))
    for name, one in before["fields"].items():
        if name not in after["fields"]:
            yield Change(name, "", one, None)
            continue
        other = after["fields"][name]
        for key in dict.fromkeys([*one, *other]):
            if one.get(key) != other.get(key):
                yield Change(name, key, one.get(key), other.get(key))


def planned(mapping: MappingRow, found: Assessment) -> list[Change]:
    """What taking the recommendation over would change in the mapping as it is stored."""
    before = mapping_document(stored_mappings()[mapping.name])
    return list(changes(before, taken_over(before, found)))


def digest(listed: Collection[Change]) -> str:
    """What stands for a list of changes that was shown."""
    told = [[one.field, one.key, one.old, one.new] for one in listed]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a recommendation: its changes, and the version that proposes them (None: made)."""

    changes: list[Change]
    proposal: MappingVersion | None = None


def take_over(mapping: MappingRow, *, by: str, shown: str, running: bool = False) -> Taken:
    """Configure what is recommended, exactly as it was shown (`shown` is its digest).

    What has linked or changed anything gets a proposed version, to be approved; what is switched on, and has
    not yet, is changed only with `running`: somebody's word that it may be. Raises NotDone, BadConfig.
    """
    with transaction.atomic():
        MappingState.objects.select_for_update().get_or_create(mapping=mapping)
        fresh = stored_mappings()[mapping.name]
        found = assessment(fresh)
        before = mapping_document(fresh)
        after = taken_over(before, found)
        listed = list(changes(before, after))
        if digest(listed) != shown:
            raise NotDone(_("It would change something else by now. Look at the list again."))
        if fresh.enabled and not fresh.in_use and not running:
            raise NotDone(_("This mapping is switched on. Confirm that it may be changed while it runs."))
        if not listed:
            return Taken([])
        text = as_yaml({"version": 1, "mappings": {fresh.name: after}})
        loaded = configuration.read(text, "assessment")
        done = configuration.apply(loaded, by=by, reason="taken over from the assessment")
        number = next((one.version for one in done if one.action is configuration.Action.PROPOSED), None)
        proposal = MappingVersion.objects.get(mapping=fresh, number=number) if number is not None else None
    return Taken(listed, proposal)
