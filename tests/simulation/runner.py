"""Running many histories, on all cores, with a progress bar; each worker has a hub of its own in memory."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, as_completed, wait
from contextlib import contextmanager
from itertools import count, cycle
from multiprocessing import get_context
from typing import Any

from .figures import Report

CHUNK = 20
FIRST_THEMED = 600_000  # histories with a theme have numbers of their own (themes.py)
FIRST_RULED = 700_000
FIRST_SLEPT = 750_000
FIRST_HASHED = 780_000
MORE_THEMED = 800_000
FIRST_RESTORED = 900_000
FIRSTS = (0, FIRST_THEMED, FIRST_RULED, FIRST_SLEPT, FIRST_HASHED, MORE_THEMED, FIRST_RESTORED)


def prepare() -> None:
    """Django with an empty hub database in memory, and no witness beside it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncadmin.settings")
    os.environ["DATABASE_URL"] = "sqlite://:memory:"
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    settings.WITNESS_DIR = None
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
            with planted(mutant), few_sweeps():
                report.note(History.of(seed).play(staff, tell=report.note))
        except Broken as broken:
            report.failures[seed] = str(broken)
    return report


@contextmanager
def few_sweeps() -> Iterator[None]:
    """The garbage collector looks seldom: a history makes many small objects, and few cycles."""
    usual = gc.get_threshold()
    gc.set_threshold(20_000)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def first_to_notice(mutant: str, seeds: Sequence[int]) -> int | None:
    """The first of these seeds whose history ends well, and in a wrong state with this planted bug; or None.

    A crash does not count: it may be the planted code's own.
    """
    from .history import Broken, History
    from .mutants import planted

    staff = staff_member()
    for seed in seeds:
        try:
            with planted(mutant):
                History.of(seed).play(staff)
        except Broken as broken:
            if isinstance(broken.__cause__, AssertionError) and not run_some([seed]).failures:
                return seed
    return None


def run_mutants(names: Sequence[str], seeds: Sequence[int]) -> Iterator[tuple[str, int | None]]:
    """Each planted bug with the first of these seeds to notice it, on all cores, as they are found."""
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=prepare) as pool:
        running = {pool.submit(first_to_notice, name, seeds): name for name in names}
        for done in as_completed(running):
            yield running[done], done.result()


def of_each_kind(limit: int) -> list[int]:
    """So many seeds of plain histories and of those with a theme, in turn."""
    return [first + k for k in range(limit) for first in FIRSTS]


def run_many(first: int, seeds: int = 0, *, steps: int = 0, minutes: float = 0, mutant: str = "") -> Report:
    """Play histories on all cores, from seed `first`: so many seeds, or until so many steps were taken.

    The latter plays themed histories too, every third portion. `minutes` is when it ends at the latest.
    A failing history stops nothing; a worker that dies does, and is told as a failure of its first seed.
    """
    from tqdm import tqdm

    began, total = time.monotonic(), Report()
    bars = {"total": steps, "unit": "step"} if steps else {"total": seeds, "unit": "seed"}
    chunks = chunks_of(first, seeds) if seeds else mixed(first)
    cores = os.cpu_count() or 1
    with (
        ProcessPoolExecutor(cores, mp_context=get_context("spawn"), initializer=prepare) as pool,
        tqdm(**bars, unit_scale=bool(steps), disable=not sys.stderr.isatty()) as bar,
    ):
        running: dict[Future[Report], Sequence[int]] = {}
        while True:
            enough = bool(steps) and total.steps.total() >= steps
            enough |= bool(minutes) and time.monotonic() - began >= 60 * minutes
            while not enough and len(running) < 2 * cores and (chunk := next(chunks, None)):
                running[pool.submit(run_some, chunk, mutant)] = chunk
            if not running:
                return total
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                chunk = running.pop(done)
                if (error := done.exception()) is not None:
                    total.failures[chunk[0]] = (
                        f"the worker of seeds {chunk[0]} to {chunk[-1]} died: {error!r}"
                    )
                    chunks = iter(())
                    continue
                report = done.result()
                total.add(report)
                bar.update(report.steps.total() if steps else report.seeds)
                bar.set_postfix(failed=len(total.failures))


def mixed(first: int) -> Iterator[Sequence[int]]:
    """Portions without end: two of plain histories from `first` on, one of each range of themes in turn."""
    plain, themed = chunks_of(first, 0), cycle([chunks_of(start, 0) for start in FIRSTS[1:]])
    while True:
        yield from (next(plain), next(plain), next(next(themed)))


def chunks_of(first: int, seeds: int) -> Iterator[Sequence[int]]:
    """The seeds in portions for the workers; without end if `seeds` is 0."""
    last = first + seeds
    for start in count(first, CHUNK):
        if seeds and start >= last:
            return
        yield range(start, min(start + CHUNK, last) if seeds else start + CHUNK)
