"""Bulk runs on the command line: carried out in the foreground, and told in words or as a document."""

from __future__ import annotations

from typing import Any

from conflicts import bulkpages
from conflicts.models import BulkItemState, BulkRun, RunState
from conflicts.services import bulk
from syncadmin.jobs import enqueue_pass

MOST_TOLD = 1000


def carry_out(run: BulkRun, *, dry: bool) -> BulkRun:
    """Prepare a run, and unless `dry` carry it out here; a dry one is discarded. Returns it as it is then."""
    bulk.prepare(run.pk)
    if dry:
        bulk.cancel(run.pk)
    elif bulk.confirm(run.pk):
        touched: set[int] = set()
        while (step := bulk.step(run.pk)).more:
            touched |= {step.mapping_id} if step.mapping_id is not None else set()
        for mapping_id in touched:
            enqueue_pass(mapping_id)
    run.refresh_from_db()
    return run


def describe(run: BulkRun) -> str:
    """A run in a few lines."""
    dry = run.state == RunState.CANCELLED
    verb = "would be decided" if dry else "decided"
    lines = [f"bulk run #{run.pk}: {run.chosen if dry else run.decided} of {run.seen} {verb}"]
    for line in bulkpages.counted(run):
        lines.append(f"  {line.count:>7}  {line.mapping.name} {line.field}: {line.what}")
    for code, words, count in bulkpages.left_out(run):
        if code != bulk.Reason.CANCELLED:
            lines.append(f"  {count:>7}  left out: {words}")
    lines += [f"  {count:>7}  fields stay open: {words}" for words, count in bulkpages.skipped(run)]
    return "\n".join(lines)


def document(run: BulkRun) -> dict[str, Any]:
    """A run as one JSON document; `left_out` names at most the first thousand items."""
    items = run.items.filter(state=BulkItemState.LEFT_OUT).exclude(reason=bulk.Reason.CANCELLED)
    return {
        "run": run.pk,
        "state": run.state,
        "looked_at": run.seen,
        "chosen": run.chosen,
        "decided": run.decided,
        "cut": run.cut,
        "fields": [
            {"mapping": line.mapping.name, "field": line.field, "what": line.what, "count": line.count}
            for line in bulkpages.counted(run)
        ],
        "left_out": [
            {"conflict": number, "reason": reason, "why": bulkpages.reason_words(reason), "detail": detail}
            for number, reason, detail in items.order_by("pk").values_list("conflict", "reason", "detail")[
                :MOST_TOLD
            ]
        ],
    }
