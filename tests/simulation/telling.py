"""Telling a history: every act, pass and journal entry, for whoever looks for the cause of a failure."""

from __future__ import annotations

import sys

from conflicts.models import Conflict
from syncadmin.models import Entry, Link

from .world import World


def tell(world: World) -> None:
    """Write the whole history to standard output, from the first act to the last."""
    lines = [f"{side}: {habits}" for side, habits in world.habits.items()]
    lines.append(str(world.rules))
    for number in range(len(world.audit) + 1):
        lines += [f"--- {text}" for at, text in world.notes if at == number]
        if number < len(world.audit):
            e = world.audit[number]
            what = f"{e.actor} {e.op} {e.resource} {e.side} {e.key} {e.old} -> {e.new}"
            lines.append(f"{e.number:4} {e.at:%H:%M:%S.%f} {what}")
    for entry in Entry.objects.order_by("mapping_id", "seq"):
        values = f"{entry.old} -> {entry.new}" if entry.old or entry.new else ""
        of = f"of #{entry.of}" if entry.of else ""
        lines.append(
            f"#{entry.seq} pass {entry.pass_id} link {entry.link_id} {entry.kind} {entry.side} {entry.key} "
            f"{entry.field} {values} {entry.disposition} {entry.rule} {of}"
        )
    for link in Link.objects.order_by("id"):
        held = "held" if link.held else ""
        lines.append(f"link {link.pk}: {link.left_key} = {link.right_key} {link.status} {held}")
    for item in Conflict.objects.order_by("id"):
        about = f"link {item.link_id}" if item.link_id else f"{item.side} {item.key}"
        lines.append(
            f"item {item.pk}: {item.kind} {item.state} {about}: {item.reason} {item.closed_how} {item.seqs}"
        )
    sys.stdout.write("\n".join(lines) + "\n")
