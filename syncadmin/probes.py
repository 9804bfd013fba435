"""Probes: marked values are written to the records that a person named, read back, judged and taken back.

The original of a field is stored before its first probe is written, so that whatever dies, the next run, the
ticker or `manage.py probe MAPPING --clean` puts it back. Nothing is overwritten that the probe did not write:
what somebody else entered meanwhile stays, and is told. The journal gets notes, not changes: a change there
is an edit that asks for a disposition, and a probe is none.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.base import ConnectorError, Op, Result, Retry, Unreadable, Write
from syncadmin.config import secrets
from syncadmin.core.fieldtype import FieldType
from syncadmin.core.probing import KINDS, Effect, Finding, judge, ours, plain, probes, propose, refused
from syncadmin.core.probing import Probe as Value
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Unfit, reader, writer
from syncadmin.engine.binding import Binding, BoundSide, bind
from syncadmin.engine.run import mapping_for_pass
from syncadmin.models import (
    EntryKind,
    FieldMapping,
    Link,
    LinkStatus,
    Mapping,
    MappingState,
    Probe,
    ProbeHold,
    ProbeState,
    Resource,
    ledger,
)
from syncadmin.models.state import lock_all
from syncadmin.probeholds import kept, pack, settle, shown

UNSTARTED = timedelta(seconds=20)
STALLED = timedelta(minutes=2)
LOOKS, LOOK_SECONDS = 150, 0.2  # for the end of passes of mappings of the same resource
WORKING = (ProbeState.WAITING, ProbeState.RUNNING)


class Overtaken(Exception):
    """Another worker has taken the probe up, to clean up behind it."""


class NotProbed(ValueError):
    """A probe can't be made. Says why, in words for a person."""


def start(
    mapping: Mapping,
    keys: dict[Side, str],
    fields: Sequence[str] = (),
    *,
    consent: bool,
    user: Any = None,
    actor: str = "",
) -> Probe:
    """A probe that waits for a worker. The hub chooses no records: they are named. Raises NotProbed."""
    keys = {side: key for side, key in keys.items() if key}
    with transaction.atomic():
        MappingState.objects.get_or_create(mapping=mapping)
        MappingState.objects.select_for_update().get(mapping=mapping)
        _ensure_may_be_probed(mapping, keys, fields, consent=consent)
        now = timezone.now()
        made = Probe.objects.create(
            mapping=mapping,
            user=user,
            actor=actor or user.get_username(),
            left_key=keys.get(Side.LEFT, ""),
            right_key=keys.get(Side.RIGHT, ""),
            fields=list(fields),
            created_at=now,
            beat_at=now,
        )
        places = " and ".join(f"{side} {key}" for side, key in keys.items())
        _note(made, f"asked for {made}: marked values are written to {places}, and taken back", now)
    return made


def _ensure_may_be_probed(
    mapping: Mapping, keys: dict[Side, str], fields: Sequence[str], *, consent: bool
) -> None:
    if not consent:
        raise NotProbed(_("Say that values may be written to these records."))
    if not keys:
        raise NotProbed(_("Name the record to write to."))
    if Mapping.objects.filter(pk=mapping.pk, enabled=True).exists():
        raise NotProbed(_("The mapping is switched on: what is probed would be synced."))
    unknown = set(fields) - set(mapping.fields.values_list("name", flat=True))
    if unknown:
        raise NotProbed(_("There is no field %(name)s.") % {"name": ", ".join(sorted(unknown))})
    if Probe.objects.filter(Q(state__in=WORKING) | _open(), mapping=mapping).exists():
        raise NotProbed(_("Another probe is at work, or has to be cleaned up first."))
    for side, key in keys.items():
        resource = mapping.resource(side)
        for other in SIDES:
            at = {f"{other}_key": key, f"mapping__{other}": resource}
            linked = Link.objects.filter(mapping__enabled=True, **at).exclude(status=LinkStatus.CLOSED)
            if (link := linked.select_related("mapping").first()) is not None:
                words = _("The record %(key)s is synced by the mapping %(name)s.")
                raise NotProbed(words % {"key": key, "name": link.mapping.name})


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would be written to one field of a named record: its value now, and the probes in their order."""

    side: Side
    key: str
    field: str
    now: Any
    probes: tuple[Value, ...]


def fields_of(mapping: Mapping, names: Sequence[str] = (), side: Side | None = None) -> list[FieldMapping]:
    """The field mappings that can be probed, of those named or all; on a side: the hub writes to no owner."""
    found = [f for f in mapping.fields.all() if f.type in KINDS and (not names or f.name in names)]
    return [f for f in found if side is None or (f.owner or mapping.owner) != side]


def expected(mapping: Mapping, row: Probe) -> int:
    """How many fields of how many records a probe is to write to, together."""
    sides = [side for side in SIDES if getattr(row, f"{side}_key")]
    return sum(len(fields_of(mapping, row.fields, side)) for side in sides)


def foresee(mapping: Mapping, keys: dict[Side, str], fields: Sequence[str] = ()) -> list[Foreseen]:
    """What a probe of these records would write; both are read. Raises NotProbed, ConnectorError."""
    keys = {side: key for side, key in keys.items() if key}
    _ensure_may_be_probed(mapping, keys, fields, consent=True)
    found = []
    with bind(mapping_for_pass(mapping.pk)) as binding:
        for side, key in keys.items():
            bound, wanted = binding.sides[side], fields_of(mapping, fields, side)
            names = [f.source(side) for f in wanted]
            record = bound.connector.fetch(bound.resource, [key], fields=names).found.get(key)
            if record is None:
                words = _("%(resource)s has no record %(key)s.")
                raise NotProbed(words % {"resource": mapping.resource(side), "key": key})
            for f in wanted:
                values = probes(f.field_type(), bound.limits.get(f.name, {}))
                now = kept(record.values.get(f.source(side)))
                found.append(Foreseen(side, key, f.name, now, tuple(values)))
    if not found:
        raise NotProbed(_("There is no field to probe: the hub writes to none of them on this side."))
    return found


def clean_up(mapping: Mapping) -> list[int]:
    """Probes that have left something behind, to be handed to a worker that puts it back."""
    behind = ~Q(state=ProbeState.WAITING) & _open()
    numbers = list(Probe.objects.filter(behind, mapping=mapping).values_list("pk", flat=True))
    Probe.objects.filter(pk__in=numbers).update(state=ProbeState.RUNNING, beat_at=timezone.now())
    return numbers


def _at_work(resource: Resource) -> bool:
    """Whether a pass of a mapping of the resource is at work; none begins before the transaction is over."""
    sharing = Mapping.objects.filter(Q(left=resource) | Q(right=resource)).values_list("pk", flat=True)
    now = timezone.now()
    return any(state.expires_at is not None and state.expires_at > now for state in lock_all(sharing))


def _open() -> Exists:
    return Exists(ProbeHold.objects.filter(probe=OuterRef("pk"), settled_at=None))


def unclean(mapping: Mapping) -> list[Probe]:
    """Probes of a mapping that have left something behind, and those that wait or work."""
    return list(Probe.objects.filter(Q(state__in=WORKING) | _open(), mapping=mapping))


def stalled(now: datetime) -> list[int]:
    """Probes that no worker has taken, or has left behind uncleaned; each is told once in a while."""
    unstarted = Q(state=ProbeState.WAITING, beat_at__lt=now - UNSTARTED)
    behind = ~Q(state=ProbeState.WAITING) & _open() | Q(state=ProbeState.RUNNING)
    found = []
    for row in Probe.objects.filter(unstarted | behind & Q(beat_at__lt=now - STALLED)).only("beat_at"):
        if Probe.objects.filter(pk=row.pk, beat_at=row.beat_at).update(beat_at=now):
            found.append(row.pk)
    return found


def run(probe_id: int) -> Probe | None:
    """Carry a waiting probe out, or clean up behind one that was begun. None if overtaken meanwhile."""
    row, fresh = _take(probe_id)
    try:
        _Work(row).do(fresh=fresh)
    except Overtaken:
        return None
    return row


def _take(probe_id: int) -> tuple[Probe, bool]:
    """The probe, now ours, and whether it is yet to be carried out."""
    with transaction.atomic():
        row = Probe.objects.select_for_update().get(pk=probe_id)
        fresh = row.state == ProbeState.WAITING
        row.token += 1
        row.beat_at = timezone.now()
        if fresh:
            row.state = ProbeState.RUNNING
        row.save(update_fields=["token", "beat_at", "state"])
    return row, fresh


class _Work:
    """A worker's hold on one probe."""

    def __init__(self, row: Probe) -> None:
        self._row = row
        self._mapping = mapping_for_pass(row.mapping_id)
        self._told: list[dict[str, Any]] = []
        self._found: dict[str, dict[Side, list[Finding]]] = {}

    def do(self, *, fresh: bool) -> None:
        """Probe, if it is fresh, and put everything back. Raises Overtaken."""
        message = "" if fresh else self._row.message or "its worker died"
        try:
            if fresh:
                with bind(self._mapping) as binding:
                    self._probe(binding)
        except ConnectorError as error:
            message = self._scrubbed(error)
        try:
            self._clean()
        except ConnectorError as error:
            message = self._scrubbed(error)
        self._finish(message)

    def _probe(self, binding: Binding) -> None:
        for side in SIDES:
            key = getattr(self._row, f"{side}_key")
            for f in fields_of(self._mapping, self._row.fields, side) if key else ():
                self._field(binding.sides[side], key, f)
                self._clean()

    def _field(self, bound: BoundSide, key: str, f: FieldMapping) -> None:
        """Write all probes of one field, one after the other. Raises ConnectorError, Overtaken."""
        of, source = f.field_type(), f.source(bound.side)
        record = bound.connector.fetch(bound.resource, [key], fields=[source]).found.get(key)
        if record is None or source not in record.values:
            raise Unreadable("the record to probe is not there", resource=bound.resource, key=key)
        hold = self._hold(bound, key, f, pack(record.values[source]))
        for probe in probes(of, bound.limits.get(f.name, {})):
            try:
                raw = writer(plain(of), bound.side)(probe.value)
            except Unfit:
                continue
            self._ahead(hold, probe, raw)
            current = {source: record.values[source]}
            version = record.version if bound.can.versions else None
            write = Write(Op.UPDATE, key, {source: raw}, current, version)
            outcome = bound.connector.write(bound.resource, [write], fields=[source])[0]
            if outcome.result is Result.REJECTED:
                self._tell(hold, refused(probe), probe, said=outcome.said)
                if probe.name == "plain":
                    break
                continue
            if outcome.result in (Result.STALE, Result.GONE):
                break  # somebody else was there; what is to be put back is seen by settling
            if outcome.result is not Result.APPLIED:
                raise Retry("a probe was not answered", resource=bound.resource, key=key, said=outcome.said)
            answer = outcome.record
            record = bound.connector.fetch(bound.resource, [key], fields=[source]).found.get(key)
            if record is None:
                break
            left = record.values.get(source) if answer is None else answer.values.get(source)
            finding = _finding(of, bound.side, probe, left)
            if answer is None and not _ours(of, bound.side, probe, left):
                self._tell(hold, finding, probe, left)
                break
            self._left(hold, left)
            self._tell(hold, finding, probe, left)
            if pack(record.values.get(source)) != pack(left):
                break  # it has changed since: by the system later on, or by somebody

    # ------------------------------------------------------------ what is stored before and after

    def _hold(self, bound: BoundSide, key: str, f: FieldMapping, original: str) -> ProbeHold:
        """Store the original: from here until it is settled no pass of a mapping of the resource begins.

        Waits for those that are at work. Raises Overtaken; Retry if one takes too long.
        """
        resource = self._mapping.resource(bound.side)
        for look in range(LOOKS):
            if look:
                time.sleep(LOOK_SECONDS)
            with transaction.atomic():
                busy = _at_work(resource)
                self._ensure_ours()
                if not busy:
                    return ProbeHold.objects.create(
                        probe=self._row,
                        resource=resource,
                        side=bound.side,
                        key=key,
                        name=f.name,
                        source=f.source(bound.side),
                        kind=f.type,
                        original=original,
                    )
        raise Retry("a pass of a mapping of this resource is at work", resource=resource.name, key=key)

    def _ahead(self, hold: ProbeHold, probe: Value, raw: Any) -> None:
        with transaction.atomic():
            self._ensure_ours()
            hold.sent = [probe.name, probe.value, pack(raw)]
            hold.save(update_fields=["sent"])

    def _left(self, hold: ProbeHold, left: Any) -> None:
        with transaction.atomic():
            self._ensure_ours()
            hold.sent = None
            hold.known = [*hold.known, pack(left)]
            hold.save(update_fields=["sent", "known"])

    def _ensure_ours(self) -> None:
        """Renew our hold on the probe. Raises Overtaken; Retry if the mapping was switched on meanwhile."""
        mine = Probe.objects.filter(pk=self._row.pk, token=self._row.token)
        if not mine.update(beat_at=timezone.now()):
            raise Overtaken
        if Mapping.objects.filter(pk=self._mapping.pk, enabled=True).exists():
            raise Retry("the mapping was switched on: probing stopped")

    def _clean(self) -> None:
        """Put back whatever is still held. Raises ConnectorError, Overtaken."""
        for hold in self._row.holds.filter(settled_at=None).select_related("resource__system").order_by("id"):
            if not Probe.objects.filter(pk=self._row.pk, token=self._row.token).update(
                beat_at=timezone.now()
            ):
                raise Overtaken
            hold.settled_how = settle(hold)
            hold.settled_at = timezone.now()
            hold.save(update_fields=["settled_how", "settled_at"])

    # ------------------------------------------------------------ what is told

    def _tell(
        self, hold: ProbeHold, finding: Finding, probe: Value, left: Any = None, *, said: str = ""
    ) -> None:
        self._found.setdefault(hold.name, {}).setdefault(Side(hold.side), []).append(finding)
        self._told.append(
            {
                "side": str(hold.side),
                "field": hold.name,
                "probe": finding.name,
                "sent": shown(probe.value),
                "found": "" if Effect.REFUSED in finding.effects else shown(left),
                "effects": [str(effect) for effect in finding.effects],
                "amount": finding.amount,
                "values": [kept(probe.value), kept(left)],
                "said": shown(said) if said else "",
            }
        )

    def _finish(self, message: str) -> None:
        now, row = timezone.now(), self._row
        holds = list(row.holds.order_by("id"))
        open_ = [hold for hold in holds if hold.settled_at is None]
        result = row.result or {"findings": self._told, "proposals": self._proposals()}
        result["holds"] = [[str(h.side), h.name, h.key, h.settled_how] for h in holds]
        done = {"result": result, "message": message, "finished_at": now, "beat_at": now}
        done["state"] = ProbeState.INTERRUPTED if message else ProbeState.DONE
        with transaction.atomic():
            if not Probe.objects.filter(pk=row.pk, token=row.token).update(**done):
                raise Overtaken
            other = [h for h in holds if h.settled_how not in ("", "restored")]
            text = f"{row}: {len(holds) - len(other) - len(open_)} fields are as before"
            text += "".join(f"; {h.side} {h.key} {h.name}: {h.settled_how}" for h in other[:20])
            text += f"; {len(open_)} are to be cleaned up" if open_ else ""
            _note(row, text, now)
        for name, value in done.items():
            setattr(row, name, value)

    def _proposals(self) -> dict[str, Any]:
        made = {}
        for f in self._mapping.fields.all():
            found = propose(f.field_type(), self._found[f.name]) if f.name in self._found else None
            if found is None:
                continue
            told: dict[str, Any] = {}
            if found.type is not None:
                told["type"] = str(found.type)
            if found.scale is not None:
                told["scale"] = found.scale
            if found.normalize:
                told["normalize"] = [*f.normalize, *map(str, found.normalize)]
            if found.limits:
                told["max_length"] = {str(side): n for side, n in found.limits.items()}
            if told:
                made[f.name] = told
        return made

    def _scrubbed(self, error: ConnectorError) -> str:
        told = str(error)
        for side in SIDES:
            told = secrets.scrub(told, secrets.values_of(self._mapping.resource(side).system))
        return told.replace("\x00", "")


def _finding(of: FieldType, side: Side, probe: Value, left: Any) -> Finding:
    try:
        return judge(of.kind, probe, reader(plain(of), side)(left))
    except Unfit:
        return Finding(probe.name, (Effect.OTHER,))


def _ours(of: FieldType, side: Side, probe: Value, left: Any) -> bool:
    try:
        return ours(of.kind, probe, reader(plain(of), side)(left))
    except Unfit:
        return False


def _note(probe: Probe, text: str, now: datetime) -> None:
    ledger.append(probe.mapping_id, [ledger.Row(EntryKind.NOTE, rule=text, actor=probe.actor)], now)
