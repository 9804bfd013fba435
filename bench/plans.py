"""`python -m bench.plans [--rows N]`: plans without a write, on the tables of `python -m bench`.

(a) The rehearsal of a first pass where one record in a hundred differs and one in two hundred is alone on
each side. (b) The same with an empty right side, so that every record would be created. (c) After the first
pass and some thousand updates: what a changed version would do differently, on today's data and on the
captured history.
"""

from __future__ import annotations

import argparse
from copy import deepcopy
from typing import Any

from . import rig as rigs

APART = (
    "UPDATE customers SET city = city || '!' WHERE id % 100 = 0",
    "UPDATE customers SET email = 'only' || email WHERE id % 200 = 1",
    # what a first pass creates gets a key from the table
    "CREATE SEQUENCE keys START 90000000",
    "ALTER TABLE customers ALTER id SET DEFAULT nextval('keys'), ALTER updated_at SET DEFAULT now()",
    "VACUUM ANALYZE customers",
)
EDITS = (
    ("left", "UPDATE customers SET phone = phone || '!', updated_at = clock_timestamp() WHERE id % 50 = 0"),
    ("right", "UPDATE customers SET name = name || '!', updated_at = clock_timestamp() WHERE id % 50 = 1"),
)


def rehearse(made: rigs.Rig, name: str, rows: int) -> None:
    """Make the plan of the mapping's first pass."""
    from syncadmin import rehearsals
    from syncadmin.models import Mapping

    with made.measured(name, rows):
        done = rehearsals.run(rehearsals.start(Mapping.objects.get()).pk)
    if done is None or done.state != "done":
        raise SystemExit(f"there is no plan: {done and done.message}")
    told = {"equal": done.result["equal"], **{str(k): v for k, v in done.result["standings"].items()}}
    print(f"    {told}", flush=True)


def compare(made: rigs.Rig, name: str, change: dict[str, Any], rows: int) -> None:
    """Propose the mapping with some of its document changed, and work out what that would do."""
    from syncadmin import versions as working
    from syncadmin.config import versions
    from syncadmin.models import Mapping

    mapping = Mapping.objects.get()
    document = deepcopy(versions.document_of(mapping))
    fields = change.pop("fields", {})
    document |= change
    for field, keys in fields.items():
        document["fields"][field] |= keys
    proposed = versions.propose(mapping, versions.spec_of(document), name="bench")
    with made.measured(name, rows):
        working.work_out(proposed.pk)
    proposed.refresh_from_db()
    if proposed.comparing != "done":
        raise SystemExit(f"it was not compared: {proposed.message}")


def main() -> None:
    """Run all of it and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m bench.plans", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows a side")
    rows = parser.parse_args().rows
    with rigs.rig() as made:
        made.fill(rows)
        number = rigs.make_mapping(made)
        from syncadmin.models import Mapping

        Mapping.objects.update(guard_floor=10 * rows)
        with made.connect("right") as right:
            right.execute("CREATE TABLE kept AS TABLE customers")
            right.execute("TRUNCATE customers")
        rehearse(made, "(b) rehearsal, right empty", rows)
        with made.connect("right") as right:
            right.execute("INSERT INTO customers TABLE kept")
            right.execute("DROP TABLE kept")
        for side in ("left", "right"):
            with made.connect(side) as connection:
                for statement in APART if side == "right" else APART[2:]:
                    connection.execute(statement)
        rehearse(made, "(a) rehearsal", 2 * rows)
        rigs.run_pass(number, "reconcile")
        for side, statement in EDITS:
            with made.connect(side) as connection:
                connection.execute(statement)
        rigs.run_pass(number, "incremental")
        compare(made, "(c) another owner", {"fields": {"phone": {"owner": "right"}}}, 2 * rows)
        compare(made, "(c) a filter", {"filter": {"left": "record.points < 25"}}, 2 * rows)


if __name__ == "__main__":
    main()
