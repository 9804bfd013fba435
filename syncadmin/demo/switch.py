"""The switch of the activity simulator: two small files beside the hub's database.

The page makes or removes one (staff pause while it is there), the simulator writes the other (what
was done). Neither can overwrite the other's, both outlive a restart, and the hub's tables know nothing of
the demo.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Activity:
    """Whether the sample systems' staff are at work, how much they did, and what last."""

    on: bool
    edits: int = 0
    last: str = ""


class Switch:
    """The switch of the demo whose hub is in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.pause = directory / "staff.paused"
        self.done = directory / "staff.json"

    @property
    def on(self) -> bool:
        return not self.pause.exists()

    def turn(self, on: bool) -> None:
        if on:
            self.pause.unlink(missing_ok=True)
        else:
            self.pause.touch()

    def report(self, edits: int, last: str) -> None:
        """Write down what has been done so far."""
        draft = self.done.with_suffix(".new")
        draft.write_text(json.dumps({"edits": edits, "last": last}))
        draft.replace(self.done)

    def read(self) -> Activity:
        done = json.loads(self.done.read_text()) if self.done.exists() else {}
        return Activity(self.on, **done)
