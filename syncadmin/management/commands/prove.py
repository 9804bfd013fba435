"""`manage.py prove [MAPPING ...] [--live] [--json]`: nothing was lost, or it is named. Touches nothing."""

from __future__ import annotations

import json as json_module
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from tqdm import tqdm

from syncadmin.engine.prove import prove
from syncadmin.engine.prove_report import Finding, Proof
from syncadmin.management.mapping_command import FAILED, USAGE, MappingCommand
from syncadmin.models import Mapping
from syncadmin.show import brief

SHOWN = 50


class Command(MappingCommand):
    """Exit codes: 0 proven, 1 something does not hold, 2 no such mapping."""

    help = "Prove from the journal that every change is accounted for; --live compares both systems with it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "mappings", nargs="*", metavar="MAPPING", help="short names; all if none is given"
        )
        parser.add_argument("--live", action="store_true", help="read both systems too, and compare")
        parser.add_argument(
            "--seal",
            metavar="NUMBER:HASH",
            help="an entry as an earlier proof told it: the journal up to there must be the same",
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        names = options["mappings"] or list(Mapping.objects.order_by("name").values_list("name", flat=True))
        mappings = [self.mapping(name) for name in dict.fromkeys(names)]
        seal = _seal(options["seal"], len(mappings))
        proofs = []
        for mapping in mappings:
            with tqdm(
                unit=" records", disable=options["json"] or not sys.stderr.isatty(), leave=False
            ) as bar:
                report = _Progress(bar, mapping.name)
                proofs.append(prove(mapping, live=options["live"], seal=seal, report=report))
            if not options["json"]:
                self._print(proofs[-1])
        failed = [proof.mapping for proof in proofs if not proof.proven]
        if options["json"]:
            document = {"proven": not failed, "mappings": [proof.document() for proof in proofs]}
            self.stdout.write(json_module.dumps(document, indent=2))
        if failed:
            raise CommandError(f"not proven: {', '.join(failed)}", returncode=FAILED)

    def _print(self, proof: Proof) -> None:
        verdict = (
            self.style.SUCCESS("proven") if proof.proven else self.style.ERROR(f"{proof.failed} findings")
        )
        self.stdout.write(f"{proof.mapping}: {verdict} ({proof.seconds:.1f} s)")
        for name, count in _counts(proof):
            self.stdout.write(f"  {count:>9,}  {name}")
        if proof.entries:
            self.stdout.write(f"  seal {proof.sequence}:{proof.head}")
        for finding in proof.findings[:SHOWN]:
            self.stdout.write(self.style.ERROR(f"  {line(finding)}"))
        if proof.failed > SHOWN:
            self.stdout.write(f"  ... and {proof.failed - SHOWN:,} more; --json shows them")


def _seal(text: str | None, mappings: int) -> tuple[int, str] | None:
    if text is None:
        return None
    number, _, digest = text.partition(":")
    if not number.isdecimal() or not digest or mappings != 1:
        raise CommandError("--seal takes NUMBER:HASH, and one mapping with it", returncode=USAGE)
    return int(number), digest.lower()


class _Progress:
    """Moves the bar; starts afresh with each phase."""

    def __init__(self, bar: tqdm[Any], name: str) -> None:
        self.bar, self.name, self.phase = bar, name, ""

    def __call__(self, phase: str, advanced: int, total: int) -> None:
        if phase != self.phase:
            self.phase = phase
            self.bar.reset(total or None)
            self.bar.set_description(f"{self.name}: {phase}", refresh=False)
        self.bar.update(advanced)


def _counts(proof: Proof) -> list[tuple[str, int]]:
    counts = [("journal entries", proof.entries), ("observed changes", proof.changes)]
    counts += [(f"  {name}", count) for name, count in sorted(proof.dispositions.items())]
    counts += [("  taken back by an undo", proof.reverted)] if proof.reverted else []
    counts += [(f"  {name} (open)", count) for name, count in sorted(proof.waiting.items())]
    counts += [("writes", proof.writes), ("linked values compared with the journal", proof.values)]
    if proof.live is not None:
        counts += [(f"records read on the {side}", count) for side, count in proof.live.records.items()]
        counts += [("open links", proof.live.links)]
        counts += [(f"  differ: {why}", count) for why, count in sorted(proof.live.explained.items())]
    return counts


def line(finding: Finding) -> str:
    """A finding on one line, for people."""
    place = f"{finding.side}:{brief(finding.key, 40)}" if finding.key else finding.side
    about = " ".join(part for part in (place, finding.field) if part)
    entry = f"entry {finding.seq}: " if finding.seq is not None else ""
    text = f"[{finding.check}] {about + ': ' if about else ''}{entry}{finding.text}"
    if finding.check in ("shadow", "live") and finding.field:
        text += f": expected {brief(finding.expected)}, found {brief(finding.found)}"
    return text
