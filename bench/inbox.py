"""`python -m bench.inbox [--items N]`: lists and cards of the inbox among N open conflicts, on PostgreSQL.

Fills a PostgreSQL of its own with five mappings of twenty fields, with conflicts of all kinds, patterns, ages
and weights, and then asks for every kind of page as a browser would, through the real views. Prints p50 and
p95 in milliseconds, and how many queries a page took. `--keep URL` uses a database that is filled already.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from syncadmin.embedded import PostgresServer

SETTINGS = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "synchronous_commit": "off",
}
MAPPINGS = {"customers": 50, "products": 25, "orders": 15, "contacts": 8, "suppliers": 2}  # per cent
FIELDS = [f"{name}_{n}" for n in range(4) for name in ("phone", "name", "city", "credit", "note")]
LINKS = """
    INSERT INTO syncadmin_link (mapping_id, left_key, right_key, left_shadow, held, status)
    SELECT %(mapping)s, 'L' || n, 'R' || n, '\\x80', true, 'open' FROM generate_series(1, %(items)s) n
"""
# three of four conflicts are about fields; the others are about whole records, a tenth of them unlinked
ITEMS = """
    INSERT INTO conflicts_conflict (
        mapping_id, link_id, side, key, kind, state, revision, label, reason, said, candidates, twins,
        snapshot, seqs, moved, opened_at, changed_at, closed_how, impact, waiting, search, hold_reason,
        second_look, told
    )
    SELECT l.mapping_id, CASE WHEN kind <> 'ambiguous match' THEN l.id END,
           CASE WHEN kind = 'field' THEN '' ELSE (ARRAY['left', 'right'])[1 + l.id %% 2] END,
           CASE WHEN kind = 'ambiguous match' THEN l.left_key ELSE '' END,
           kind, 'open', 1, (ARRAY[%(names)s])[1 + (l.id * 7919) %% 400] || ' ' || l.id, 'both changed', '',
           '["R1", "R2"]', '[]',
           jsonb_build_object('left', record, 'right', record), '{}', false,
           now() - power(random(), 3) * interval '120 days', now(), '', 0, 0, '', '', '', 0
    FROM syncadmin_link l, LATERAL (SELECT CASE
             WHEN l.id %% 100 < 80 THEN 'field' WHEN l.id %% 100 < 88 THEN 'ambiguous match'
             WHEN l.id %% 100 < 93 THEN 'deleted / changed' WHEN l.id %% 100 < 96 THEN 'delete'
             WHEN l.id %% 100 < 97 THEN 'left scope' ELSE 'rejected' END AS kind) k,
         LATERAL (SELECT jsonb_build_object('name_0', 'Ada ' || l.id, 'city_0', 'City ' || l.id %% 997,
             'credit_0', (l.id %% 5000) || '.00') AS record) r
    WHERE l.mapping_id = %(mapping)s
"""
VALUES = """
    INSERT INTO conflicts_conflictfield (
        conflict_id, field, has_base, base_left, base_right, "left", "right", left_time, right_time,
        left_who, right_who, reason, pattern, changed
    )
    SELECT c.id, (ARRAY[%(fields)s])[1 + (c.id * 31 + f * 7) %% 20], c.id %% 5 > 0,
           to_jsonb('+49 30 ' || c.id), to_jsonb('+49 30 ' || c.id),
           CASE (c.id / 3 + f) %% 6 WHEN 0 THEN 'null' ELSE to_jsonb('+49 30 ' || c.id + 1) END,
           CASE (c.id / 3 + f) %% 6
             WHEN 0 THEN to_jsonb('+49 40 ' || c.id) WHEN 1 THEN 'null'
             WHEN 2 THEN to_jsonb('+4930' || c.id + 1) WHEN 3 THEN to_jsonb('+49 30 ' || c.id + 1 || ' x9')
             ELSE to_jsonb('+49 40 ' || c.id) END,
           c.opened_at, c.opened_at - (c.id %% 3 - 1) * interval '1 hour', 'anna', '', 'both changed', '', ''
    FROM conflicts_conflict c, generate_series(0, CASE WHEN c.id %% 8 = 0 THEN 2 WHEN c.id %% 4 = 0 THEN 1
                                                  ELSE 0 END) f
    WHERE c.mapping_id = %(mapping)s AND c.kind IN ('field', 'rejected')
"""


def fill(items: int) -> None:
    """The mappings, and their conflicts. Classing them is what a pass does when weights have changed."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    from conflicts.listing import Yardstick, relist
    from conflicts.models import Conflict
    from syncadmin.models import FieldMapping, Mapping, MappingState, Resource, System

    get_user_model().objects.create_superuser("rita", password=None)
    systems = [System.objects.create(name=name, connector="sql") for name in ("crm", "erp")]
    names = [f"{first} {last}" for first in ("Ada", "Bob", "Cleo", "Dan") for last in range(100, 200)]
    for name, share in MAPPINGS.items():
        sides = [Resource.objects.create(system=system, name=name) for system in systems]
        value = "credit_0" if name == "customers" else ""
        mapping = Mapping.objects.create(
            name=name, left=sides[0], right=sides[1], match=["name_0"], value=value
        )
        for position, field in enumerate(FIELDS):
            kind = "decimal" if field.startswith("credit") else "text"
            FieldMapping.objects.create(
                mapping=mapping, position=position, name=field, left=field, right=field, type=kind,
                weight=1 + position % 4,
            )  # fmt: skip
        quoted = {"names": ", ".join(map(_quoted, names)), "fields": ", ".join(map(_quoted, FIELDS))}
        given = {"mapping": mapping.pk, "items": max(items * share // 100, 20)}
        with connection.cursor() as cursor:
            for statement in (LINKS, ITEMS, VALUES):
                for blank, text in quoted.items():
                    statement = statement.replace(f"%({blank})s", text)
                cursor.execute(statement, given)
        began = time.monotonic()
        done = relist(mapping.pk, every=True)
        say(f"{name}: {done:,} classed in {time.monotonic() - began:.1f} s")
        MappingState.objects.filter(mapping=mapping).update(weighed=Yardstick.by(mapping).mark())
    rita = get_user_model().objects.get(username="rita")
    Conflict.objects.filter(pk__in=range(1, items, 2000)).update(assignee=rita)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Browser:
    """Asks for pages as a signed-in reviewer, as HTMX does or whole."""

    def __init__(self) -> None:
        from django.contrib.auth import get_user_model
        from django.test import Client

        self.client = Client(SERVER_NAME="localhost")
        self.client.force_login(get_user_model().objects.get(username="rita"))

    def get(self, path: str, whole: bool = False) -> str:
        """The page's text. A page that is none stops the benchmark."""
        answer = self.client.get(path, **({} if whole else {"HTTP_HX_REQUEST": "true"}))
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code}")
        return str(answer.content.decode())


def pages(dice: random.Random, numbers: list[int]) -> dict[str, Callable[[], tuple[str, bool]]]:
    """Every kind of page: a function that gives an address, another one each time, and whether all of it."""
    from django.urls import reverse

    here, inbox = (lambda: dice.choice(numbers)), reverse("conflicts:list")
    field, mapping = (lambda: dice.choice(FIELDS)), (lambda: dice.choice(list(MAPPINGS)))
    pattern = lambda: dice.choice(["left+empty", "right+empty", "space", "right+more", "left+newer"])  # noqa: E731
    made: dict[str, Callable[[], tuple[str, bool]]] = {
        "whole page": lambda: (inbox, True),
        "whole page with a card": lambda: (f"{inbox}{here()}/", True),
        "card": lambda: (f"{inbox}{here()}/", False),
        "next card": lambda: (f"{inbox}{here()}/next/", False),
        "groups": lambda: (f"{inbox}?view=groups", False),
        "groups of a mapping": lambda: (f"{inbox}?view=groups&mapping={mapping()}", False),
        "groups of a search": lambda: (f"{inbox}?view=groups&search=ada+12", False),
    }
    for order in ("impact", "oldest", "newest"):
        queries = {
            "all": lambda: "",
            "a page far on": lambda: f"after={here()}",
            "mapping": lambda: f"mapping={mapping()}",
            "field": lambda: f"field={field()}",
            "kind": lambda: "kind=" + dice.choice(["rejected", "delete", "left+scope", "ambiguous+match"]),
            "pattern": lambda: f"pattern={pattern()}",
            "a group": lambda: f"mapping={mapping()}&kind=field&field={field()}&pattern={pattern()}",
            "a group, far on": lambda: f"kind=field&field={field()}&pattern={pattern()}&after={here()}",
            "changed side": lambda: f"changed={dice.choice(['left', 'right', 'both'])}",
            "older than": lambda: f"age=%3E{dice.choice([1, 7, 30, 90])}d",
            "newer than": lambda: f"age=%3C{dice.choice([1, 4, 24, 240])}h",
            "older than, nothing": lambda: "age=%3E200d",
            "assigned": lambda: "assignee=me",
            "not assigned": lambda: "assignee=-",
            "search, one": lambda: f"search={here()}",
            "search, hundreds": lambda: f"search=ada+{dice.randrange(100, 200)}",
            "search, many": lambda: f"search={dice.choice(['ada', 'bob', 'cleo'])}",
            "search, one in a hundred": lambda: f"search={dice.randrange(100, 200)}",
            "search, nothing": lambda: "search=nobody",
            "search in a group": lambda: f"search=ada&field={field()}&pattern={pattern()}",
            "mapping, assigned, old": lambda: f"mapping={mapping()}&assignee=me&age=%3E30d",
        }
        for name, query in queries.items():
            made[f"{name}, {order}"] = _listed(inbox, query, order)
    return made


def _listed(inbox: str, query: Callable[[], str], order: str) -> Callable[[], tuple[str, bool]]:
    return lambda: (f"{inbox}?{query()}&order={order}", False)


def _noting(asked: list[str]) -> Callable[..., Any]:
    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    return note


def measure(runs: int) -> float:
    """Ask for each kind of page so many times; answers the worst p95."""
    from django.db import connection

    from conflicts.models import Conflict

    dice, browser, worst = random.Random(1), Browser(), 0.0
    numbers = dice.sample(list(Conflict.objects.order_by("pk").values_list("pk", flat=True)), 1000)
    say(f"{'':<34} {'p50':>7} {'p95':>7} {'slowest':>8}  queries")
    for name, address in pages(dice, numbers).items():
        taken = []
        asked: list[str] = []
        with connection.execute_wrapper(_noting(asked)):
            browser.get(*address())
        for _ in range(runs):
            path, whole = address()
            began = time.perf_counter()
            browser.get(path, whole)
            taken.append((time.perf_counter() - began) * 1000)
        taken.sort()
        p95 = taken[max(int(len(taken) * 0.95) - 1, 0)]
        worst = max(worst, p95)
        say(f"{name:<34} {taken[len(taken) // 2]:7.1f} {p95:7.1f} {taken[-1]:8.1f}  {len(asked):>7}")
    return worst


@contextmanager
def hub(kept: str) -> Iterator[None]:
    """Django on a PostgreSQL that is started for it, or on the one at `kept`."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o711)
        server = None if kept else PostgresServer(Path(folder) / "postgres", settings=SETTINGS).start()
        try:
            url = kept if server is None else server.create_database("hub")
            os.environ |= {"DATABASE_URL": url, "SECRET_KEY": "only-for-the-benchmark"}
            os.environ |= {"FIELD_ENCRYPTION_KEYS": urlsafe_b64encode(bytes(32)).decode()}
            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncadmin.settings")
            import django

            django.setup()
            yield
        finally:
            if server is not None:
                server.stop()


def main(arguments: Any = None) -> int:
    """Fill and measure. Exit codes: 0 done."""
    parser = argparse.ArgumentParser(prog="python -m bench.inbox", description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=40, help="requests for each kind of page")
    parser.add_argument("--keep", default="", metavar="URL", help="a PostgreSQL database that is kept")
    options = parser.parse_args(arguments)
    with hub(options.keep):
        from django.core.management import call_command

        from conflicts.models import Conflict

        call_command("migrate", verbosity=0)
        if not Conflict.objects.exists():
            fill(options.items)
        say(f"worst p95: {measure(options.runs):.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
