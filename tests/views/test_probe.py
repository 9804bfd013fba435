"""The page of a probe: named records, what would be written, what was done to it, and the advice."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from connectors.base import Retry
from syncadmin import probepages, probes, services
from syncadmin.core.probing import Effect
from syncadmin.core.side import Side
from syncadmin.models import EntryKind, Mapping, MappingVersion, Probe, ProbeHold, ledger
from syncadmin.selectors import flow
from tests.builders import a_mapping

PAGE = "/mappings/customers/probe/"
HOSTILE = " <script>alert(1)</script>\u202e "
KEYS = {"left": "7", "right": "", "field": ["name"]}


@pytest.fixture
def mapping(db: None) -> Mapping:
    return a_mapping(enabled=False)


@pytest.fixture
def prober(viewer: Client) -> Client:
    user = User.objects.get(username="otto")
    user.user_permissions.add(*Permission.objects.filter(codename__in=["add_rehearsal", "change_mapping"]))
    return viewer


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []
    monkeypatch.setattr("syncadmin.views.probe.enqueue_probe", found.append)
    return found


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def told(
    field: str, name: str, sent: Any, found: Any, effect: str, amount: int | None = None
) -> dict[str, Any]:
    return {
        "side": "left", "field": field, "probe": name, "sent": "", "found": "", "effects": [effect],
        "amount": amount, "said": HOSTILE if effect == "refused" else "", "values": [sent, found],
    }  # fmt: skip


def a_probe(mapping: Mapping, state: str = "done", **more: Any) -> Probe:
    """A probe that was made, of what it may have shown."""
    findings = [
        told("name", "spaces", " sa-probe ", "sa-probe", "trimmed"),
        told("name", "emoji", "sa-probe\U0001f642", None, "refused"),
        told("name", "plain", HOSTILE, HOSTILE, "same"),
    ]
    proposals = {"name": {"normalize": ["trim"], "max_length": {"left": 20}}}
    now = timezone.now()
    made = {"result": {"findings": findings, "proposals": proposals}, **more}
    return Probe.objects.create(
        mapping=mapping, actor="otto", left_key="7", state=state, created_at=now, beat_at=now, **made
    )


def a_hold(probe: Probe, how: str = "") -> ProbeHold:
    return ProbeHold.objects.create(
        probe=probe,
        resource=probe.mapping.left,
        side="left",
        key="7",
        name="name",
        source="name",
        kind="text",
        original='"Anna"',
        settled_how=how,
        settled_at=timezone.now() if how else None,
    )


def step(mapping: Mapping) -> flow.Step:
    return next(one for one in flow.steps(flow.of_mapping(mapping)) if one.name == "probe")


def test_nobody_probes_without_the_right(viewer, mapping, asked):
    assert "takes the right to rehearse" in text(viewer.get(PAGE))
    probe = a_probe(mapping)
    for place in ("preview/", "start/", "clean/", f"{probe.pk}/take/"):
        assert viewer.post(f"{PAGE}{place}", KEYS | {"consent": "yes"}).status_code == 403
    assert asked == []


def test_what_would_be_written_is_shown_before_anything_is(prober, mapping, asked, monkeypatch):
    foreseen = probes.Foreseen(Side.LEFT, "7", "name", " Anna", (probes.Value("spaces", " sa-probe "),))
    monkeypatch.setattr(probes, "foresee", lambda *_asked: [foreseen])
    shown = text(prober.post(f"{PAGE}preview/", KEYS))
    for words in ("Would be written to CRM, record 7", "space at both ends", "Nothing has been written yet"):
        assert words in shown
    assert not Probe.objects.exists()
    prober.post(f"{PAGE}start/", KEYS | {"consent": "yes"})
    made = Probe.objects.get()
    assert (made.left_key, made.right_key, made.fields, made.actor) == ("7", "", ["name"], "otto")
    assert asked == [made.pk]
    assert "waits for a worker" in text(prober.get(PAGE))


@pytest.mark.parametrize("error", [probes.NotProbed("There is no record 7."), Retry("away")])
def test_a_record_or_system_that_is_not_there_is_told_and_the_form_stays(prober, mapping, monkeypatch, error):
    def fails(*_asked: Any) -> None:
        raise error

    monkeypatch.setattr(probes, "foresee", fails)
    answer = prober.post(f"{PAGE}preview/", KEYS)
    assert answer.status_code == 422
    assert str(error) in text(answer)
    assert 'value="7"' in text(answer)


def test_a_second_click_makes_no_second_probe_and_no_consent_none_at_all(prober, mapping, asked):
    assert prober.post(f"{PAGE}start/", KEYS).status_code == 422
    assert not Probe.objects.exists()
    prober.post(f"{PAGE}start/", KEYS | {"consent": "yes"})
    again = prober.post(f"{PAGE}start/", KEYS | {"consent": "yes"})
    assert "Another probe is at work" in text(again)
    assert Probe.objects.count() == len(asked) == 1


def test_a_mapping_that_was_switched_on_meanwhile_is_not_probed(prober, mapping):
    Mapping.objects.update(enabled=True)
    answer = prober.post(f"{PAGE}start/", KEYS | {"consent": "yes"})
    assert "switched on" in text(answer)
    assert not Probe.objects.exists()


def test_what_each_side_did_is_shown_in_words_with_everything_visible(viewer, mapping):
    a_hold(a_probe(mapping), "restored")
    shown = text(viewer.get(PAGE))
    for words in ("space at the ends removed", "refused", "and is as before", "takes 20 characters at most"):
        assert words in shown
    assert "<script>alert" not in shown
    assert "\u202e" not in shown
    assert "Take this over" not in shown


def test_advice_is_taken_over_with_one_click_and_then_shown_as_taken(prober, mapping):
    probe = a_probe(mapping)
    ledger.append(mapping.pk, [ledger.Row(EntryKind.NOTE, rule="asked for a probe")], timezone.now())
    assert "Take this over" in text(prober.get(PAGE))
    prober.post(f"{PAGE}{probe.pk}/take/")
    assert mapping.fields.get(name="name").normalize == ["trim"]
    assert not MappingVersion.objects.filter(state="proposed").exists()
    shown = text(prober.get(PAGE))
    assert "taken over" in shown
    assert "Take this over" not in shown
    assert "nothing left to take over" in text(prober.post(f"{PAGE}{probe.pk}/take/"))


def test_what_is_still_to_be_put_back_is_said_loudly_and_tried_again(prober, mapping, asked):
    probe = a_probe(mapping, "interrupted", message="the shop is away")
    a_hold(probe)
    shown = text(prober.get(PAGE))
    assert "have to be put back" in shown
    assert "the shop is away" in shown
    assert "keep passes from running" in text(prober.get("/"))
    assert services.switch_on(mapping, by="otto")
    with pytest.raises(CommandError, match="values of a probe"):
        call_command("sync", "customers")
    assert step(mapping).state in (flow.State.NOW, flow.State.OPEN)
    prober.post(f"{PAGE}clean/")
    assert asked == [probe.pk]
    assert "is written, read back and put back" in text(prober.get(PAGE))


def test_a_probe_is_a_step_that_nobody_has_to_take(mapping):
    assert (step(mapping).state, step(mapping).address) == (flow.State.NOT_NEEDED, PAGE)


@pytest.mark.runs_once
@pytest.mark.parametrize("effect", list(Effect))
def test_every_effect_has_words(effect):
    words = probepages.effect_words([effect.value], 3)
    assert words
    assert words != effect.value or effect is Effect.REFUSED
