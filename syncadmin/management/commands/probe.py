"""`manage.py probe MAPPING --left KEY --right KEY --yes`: what both systems do to values."""

from __future__ import annotations

import json as json_module
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from syncadmin import probes
from syncadmin.core.side import Side
from syncadmin.management.mapping_command import FAILED, USAGE, MappingCommand
from syncadmin.models import Mapping, Probe, ProbeState


class Command(MappingCommand):
    """Exit codes: 0 done and cleaned up, 1 failed or not all is as before, 2 usage."""

    help = "Write marked values to records that you name, show what becomes of them, and take them back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "mapping", metavar="MAPPING", help="short name of the mapping; it must be switched off"
        )
        parser.add_argument("--left", default="", metavar="KEY", help="key of the left record to write to")
        parser.add_argument("--right", default="", metavar="KEY", help="key of the right record to write to")
        parser.add_argument("--fields", default="", metavar="A,B", help="only these fields")
        parser.add_argument("--yes", action="store_true", help="these records may be written to")
        parser.add_argument(
            "--clean", action="store_true", help="only put back what earlier probes left behind"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        mapping = self.mapping(options["mapping"])
        found = self._clean(mapping) if options["clean"] else [self._make(mapping, options)]
        if options["json"]:
            self.stdout.write(json_module.dumps([document(mapping, one) for one in found], indent=2))
        else:
            for one in found:
                self._print(mapping, one)
        failed = not options["clean"] and any(one.state != ProbeState.DONE for one in found)
        if failed or not all(_clean(one) for one in found):
            raise CommandError("not everything went as it should: see above", returncode=FAILED)

    def _make(self, mapping: Mapping, options: dict[str, Any]) -> Probe:
        keys = {side: options[side.value] for side in Side}
        names = [name.strip() for name in options["fields"].split(",") if name.strip()]
        self._clean(mapping)
        try:
            made = probes.start(mapping, keys, names, consent=options["yes"], actor="manage.py probe")
        except probes.NotProbed as error:
            hint = "" if options["yes"] else " (--yes)"
            raise CommandError(f"{error}{hint}", returncode=USAGE) from error
        probes.run(made.pk)
        return Probe.objects.get(pk=made.pk)

    def _clean(self, mapping: Mapping) -> list[Probe]:
        """What was left behind is put back; a probe at work is overtaken, one that waits is not begun."""
        left = [one for one in probes.unclean(mapping) if one.state != ProbeState.WAITING]
        for one in left:
            probes.run(one.pk)
        return list(Probe.objects.filter(pk__in=[one.pk for one in left]))

    def _print(self, mapping: Mapping, found: Probe) -> None:
        self.stdout.write(f"{mapping.name}: {found}, {found.state} {found.message}".rstrip())
        told = found.result or {}
        for one in told.get("findings", ()):
            what = ", ".join(one["effects"]) + (f" {one['amount']}" if one["amount"] is not None else "")
            shown = f"{one['sent']} -> {one['found']}" if one["found"] else one["sent"]
            said = f" ({one['said']})" if one["said"] else ""
            self.stdout.write(f"  {one['side']} {one['field']}, {one['probe']}: {what}: {shown}{said}")
        for name, proposal in told.get("proposals", {}).items():
            self.stdout.write(f"  set {name}: {json_module.dumps(proposal)}")
        for side, name, key, how in told.get("holds", ()):
            if how != "restored":
                self.stdout.write(f"  {side} {key} {name}: {how or 'still to be put back: --clean'}")


def _clean(found: Probe) -> bool:
    return all(how == "restored" for _side, _name, _key, how in (found.result or {}).get("holds", ()))


def document(mapping: Mapping, found: Probe) -> dict[str, Any]:
    """A probe as plain data."""
    return {
        "mapping": mapping.name,
        "probe": found.pk,
        "state": found.state,
        "message": found.message,
        "left": found.left_key,
        "right": found.right_key,
        **(found.result or {}),
    }
