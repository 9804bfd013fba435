"""`manage.py check [SYSTEM]`: are the systems reachable, are the mappings right, what can be promised?

Django's own `check` runs first; with one of its options (`--deploy`, `--tag`...) nothing else runs.
"""

from __future__ import annotations

import json as json_module
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.check import Command as DjangoCheck
from django.db import DatabaseError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.base import ConnectorError
from syncadmin.config.connect import promises, try_connection
from syncadmin.config.problems import Problem, unknown
from syncadmin.config.verify import verify_live
from syncadmin.models import Mapping, System
from syncadmin.selectors.risk import Status, in_words, standing


class Command(DjangoCheck):
    """Exit codes: 0 all is well, 1 something needs a person, 2 no such system."""

    help = "Check the connections of systems, the mappings between them, and how safe writes are."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        for action in parser._actions:
            if action.dest == "args":
                action.metavar, action.help = "SYSTEM", "systems to check; all if none is named"
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *names: str, json: bool, **options: Any) -> None:
        django_only = any(options[name] for name in ("tags", "list_tags", "deploy", "databases"))
        if django_only or not names:
            stdout, self.stdout = self.stdout, self.stderr if json else self.stdout
            super().handle(**options)
            self.stdout = stdout
        if django_only:
            return
        report = _report(_systems(names))
        if json:
            self.stdout.write(json_module.dumps(report, indent=2))
        else:
            self._print(report)
        if not report["ok"]:
            raise CommandError("Something needs attention.", returncode=1)

    def _print(self, report: dict[str, Any]) -> None:
        for name, system in report["systems"].items():
            self.stdout.write(f"\n{name} ({system['connector']})")
            for item in system["checks"]:
                self._line(item["ok"], f"{item['name']}: {item['detail']}", item["remedy"])
            for resource, told in system["resources"].items():
                self.stdout.write(f"  {resource}: {told if isinstance(told, str) else _guarantees(told)}")
        for name, problems in report["mappings"].items():
            self.stdout.write(f"\nmapping {name}")
            for problem in problems:
                self._line(False, f"{problem['place']}: {problem['message']}", problem["remedy"])
            if not problems:
                self._line(True, "fits both systems", "")
            risk = report["risks"][name]
            if risk["said"]:
                remedy = "" if risk["ok"] else f"See manage.py risk {name}; writes wait until it is accepted."
                self._line(risk["ok"], f"lost edits: {risk['said']}", remedy)

    def _line(self, ok: bool, text: str, remedy: str) -> None:
        mark = self.style.SUCCESS("  ok   ") if ok else self.style.ERROR("  FAIL ")
        self.stdout.write(mark + text.rstrip(": "))
        if remedy:
            self.stdout.write(f"       {remedy}")


def _systems(names: tuple[str, ...]) -> list[System]:
    try:
        found = {system.name: system for system in System.objects.prefetch_related("resources")}
    except DatabaseError:
        return []  # a hub without tables has nothing of ours to check
    for name in names:
        if name not in found:
            said, none = _("unknown system %(name)s"), _("none is configured")
            raise CommandError(unknown(said, name, found, none=none), returncode=2)
    return [found[name] for name in names] if names else list(found.values())


def _report(systems: list[System]) -> dict[str, Any]:
    report: dict[str, Any] = {"ok": True, "systems": {}, "mappings": {}, "risks": {}}
    for system in systems:
        checks = try_connection(system)
        reachable = all(item.ok for item in checks)
        report["ok"] &= reachable
        told = promises(system) if reachable else {}
        report["systems"][system.name] = {
            "connector": system.connector,
            "checks": [{"name": i.name, "ok": i.ok, "detail": i.detail, "remedy": i.remedy} for i in checks],
            "resources": {
                name: can if isinstance(can, str) else _capabilities(can) for name, can in told.items()
            },
        }
    if systems:
        for mapping in Mapping.objects.filter(Q(left__system__in=systems) | Q(right__system__in=systems)):
            problems = _problems(mapping)
            report["ok"] &= not problems
            report["mappings"][mapping.name] = [p.as_dict() for p in problems]
            report["risks"][mapping.name] = risk = _risk(mapping)
            report["ok"] &= risk["ok"]
    return report


def _risk(mapping: Mapping) -> dict[str, Any]:
    """How the risk of lost edits stands; only one that makes writes wait needs a person at once."""
    found = standing(mapping, timezone.now())
    told = found.figures.lost
    said = found.why_none if found.status is not Status.UNKNOWN else ""
    if found.status in (Status.OPEN, Status.LAPSED, Status.ACCEPTED):
        words = {Status.OPEN: "accepted by nobody", Status.LAPSED: "its acceptance has lapsed"}
        said = f"{in_words(told) if told else 'nobody can say yet'}; {words.get(found.status, 'accepted')}"
    return {"status": found.status.value, "ok": not found.stops, "said": said}


def _capabilities(can: Any) -> dict[str, str]:
    return {"changes": can.changes, "create": can.create, "update": can.update, "delete": can.delete}


def _guarantees(told: dict[str, str]) -> str:
    return f"changes by {told['changes']}; " + ", ".join(
        f"{op} {told[op]}" for op in ("create", "update", "delete")
    )


def _problems(mapping: Mapping) -> list[Problem]:
    try:
        return verify_live(mapping)
    except ConnectorError as error:
        return [Problem(("mappings", mapping.name), str(error))]
