"""Running many histories, on all cores, with a progress bar; each worker has a hub of its own in memory."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

CHUNK = 10


@dataclass
class Report:
    """What many histories came to: how many, what they reached, and which failed, with the reason."""

    seeds: int = 0
    probes: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)

    def add(self, other: Report) -> None:
        """Take another report in."""
        self.seeds += other.seeds
        self.probes += other.probes
        self.failures |= other.failures


def prepare() -> None:
    """Django with an empty hub database in memory."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncadmin.settings")
    os.environ["DATABASE_URL"] = "sqlite://:memory:"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def staff_member() -> Any:
    """The person who decides."""
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get_or_create(username="rita", defaults={"is_staff": True})[0]


def run_some(seeds: Iterable[int], mutant: str = "") -> Report:
    """Play these seeds here. The hub must be prepared."""
    from .history import Broken, History
    from .mutants import planted

    report, staff = Report(), staff_member()
    for seed in seeds:
        report.seeds += 1
        try:
            with planted(mutant):
                world = History.of(seed).play(staff)
        except Broken as broken:
            report.failures[seed] = str(broken)
            continue
        report.probes += world.probes
        report.probes["users' acts"] += world.people.acts
        report.probes["hub's writes"] += sum(e.actor == "hub" for e in world.audit)
    return report


def run_many(seeds: Sequence[int], mutant: str = "") -> Report:
    """Play these seeds on all cores; a progress bar on a terminal."""
    from tqdm import tqdm

    total = Report()
    chunks = [seeds[n : n + CHUNK] for n in range(0, len(seeds), CHUNK)]
    with (
        ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=prepare) as pool,
        tqdm(total=len(seeds), unit="seed", disable=not sys.stderr.isatty()) as bar,
    ):
        for done in as_completed([pool.submit(run_some, chunk, mutant) for chunk in chunks]):
            report = done.result()
            total.add(report)
            bar.update(report.seeds)
            bar.set_postfix(failed=len(total.failures))
    return total
