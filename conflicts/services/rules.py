"""Rules learned from decisions: proposed by those who decide, answered by those who configure.

A rule in force is an entry of the field mapping's `learned`, saved like any change of the configuration; its
row only tells its story. Who suspends it is `conflicts.services.ruling`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from conflicts.models import Conflict, LearnedRule, RuleState
from conflicts.suggestions import suggestions
from syncadmin.models import EntryKind, EventKind, FieldMapping, MappingState, events, ledger

NOTE = 1000


class Unfit(Exception):
    """A rule cannot be what is asked. Says why, in words for people."""


def propose(conflict_id: int, field: str, user: Any, now: datetime) -> LearnedRule:
    """Propose as a rule what is suggested for a field of an open item; one that is there already stays.

    Raises `Unfit` if nothing is suggested (any more), `Conflict.DoesNotExist`.
    """
    with transaction.atomic():
        conflict = Conflict.objects.select_related("mapping__left__system", "mapping__right__system").get(
            pk=conflict_id
        )
        MappingState.objects.select_for_update().get_or_create(mapping_id=conflict.mapping_id)
        mapped = {row.name: row for row in conflict.mapping.fields.all()}
        found = suggestions(conflict, mapped).get(field)
        if found is None or not found.rulable:
            raise Unfit(_("There is no pattern to make a rule of any more."))
        if found.rule is not None:
            return found.rule
        row = conflict.fields.get(field=field)
        habit = found.habit
        rule = LearnedRule.objects.create(
            mapping=conflict.mapping,
            field=field,
            pattern=row.pattern,
            changed=row.changed,
            take=found.take,
            evidence={"right": habit.right, "wrong": habit.wrong, "people": habit.people},
            proposed_by=user,
            proposed_at=now,
        )
        _write_down(rule, "proposed", user, now)
        _tell(rule, user, now)
    return rule


def approve(rule_id: int, seen: str, user: Any, now: datetime, note: str = "") -> LearnedRule:
    """Put a proposed or suspended rule in force. Raises `Unfit` if it is no longer in the state `seen`."""
    with transaction.atomic():
        rule = _locked(rule_id, seen, RuleState.PROPOSED, RuleState.SUSPENDED)
        field = _field(rule)
        if field is None:
            raise Unfit(_("The field “%(field)s” is no longer mapped.") % {"field": rule.field})
        if field.group or field.two_people:
            raise Unfit(_("No rule decides what is decided together, or what takes two people."))
        _configure(field, [*without(field.learned, rule), rule.entry], rule, "approved", user)
        rule.state, rule.counts_from, rule.suspended_at = RuleState.APPROVED, now, None
        rule.uses = rule.overruled = 0
        _answer(rule, "approved", user, now, note)
    return rule


def end(rule_id: int, seen: str, user: Any, now: datetime, note: str = "") -> LearnedRule:
    """Reject a proposal, or take a rule out of the configuration. Raises `Unfit` as `approve` does."""
    with transaction.atomic():
        rule = _locked(rule_id, seen, RuleState.PROPOSED, RuleState.APPROVED, RuleState.SUSPENDED)
        said = "rejected" if rule.state == RuleState.PROPOSED else "ended"
        field = _field(rule)
        if field is not None and rule.entry in field.learned:
            _configure(field, without(field.learned, rule), rule, said, user)
        rule.state = RuleState.ENDED
        _answer(rule, said, user, now, note)
    return rule


def suspend(rule: LearnedRule, now: datetime) -> None:
    """Have a rule in force decide nothing more, in the caller's transaction and under the mapping's lock."""
    rule.state, rule.suspended_at = RuleState.SUSPENDED, now
    rule.save(update_fields=["state", "suspended_at", "uses", "overruled"])
    words = f"suspended: {rule.overruled} of its latest {rule.uses} decisions were overruled"
    _write_down(rule, words, None, now)
    _tell(rule, None, now)


def without(learned: list[dict[str, str]], rule: LearnedRule) -> list[dict[str, str]]:
    """A field's rules but for the one on the same habit."""
    habit = rule.entry["differs"], rule.entry["changed"]
    return [entry for entry in learned if (entry["differs"], entry["changed"]) != habit]


def _locked(rule_id: int, seen: str, *states: str) -> LearnedRule:
    rule = LearnedRule.objects.get(pk=rule_id)
    MappingState.objects.select_for_update().get_or_create(mapping_id=rule.mapping_id)
    rule.refresh_from_db()
    if rule.state not in states or rule.state != seen:
        words = _("Somebody was faster: the rule is %(state)s by now.")
        raise Unfit(words % {"state": rule.get_state_display()})
    return rule


def _field(rule: LearnedRule) -> FieldMapping | None:
    return (
        FieldMapping.objects.select_related("mapping")
        .filter(mapping=rule.mapping_id, name=rule.field)
        .first()
    )


def _configure(
    field: FieldMapping, learned: list[dict[str, str]], rule: LearnedRule, said: str, user: Any
) -> None:
    """The same way as a change in the admin: the row is saved, and its history says who and why."""
    field.learned = learned
    field._change_reason = f"rule #{rule.pk} {said}"  # type: ignore[attr-defined]
    field._history_user = user  # type: ignore[attr-defined]
    field.save()


def _answer(rule: LearnedRule, said: str, user: Any, now: datetime, note: str) -> None:
    rule.answered_by, rule.answered_at = user, now
    rule.note = note.replace("\0", "").strip()[:NOTE]
    rule.save()
    _write_down(rule, said, user, now)


def _write_down(rule: LearnedRule, said: str, user: Any, now: datetime) -> None:
    """The rule's story is in the journal too."""
    like = rule.entry
    words = f"rule #{rule.pk} ({like['differs']}, {like['changed']}: take {rule.take}) {said}"
    actor = user.get_username() if user is not None else f"rule #{rule.pk}"
    ledger.append(
        rule.mapping_id, [ledger.Row(EntryKind.NOTE, field=rule.field, rule=words, actor=actor)], now
    )


def _tell(rule: LearnedRule, user: Any, now: datetime) -> None:
    events.tell(
        EventKind.RULE,
        now,
        mapping_id=rule.mapping_id,
        subject=rule.pk,
        by=user.pk if user is not None else None,
        actor=user.get_username() if user is not None else "",
        words=rule.field,
    )
