"""What a proof says: counts, and every finding with the record it is about. Plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

MOST_FINDINGS = 10_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold, and the record it is about.

    `check` is what was checked: chain, change, write, link, shadow or live; `seq` the entry of the journal,
    if it is about one. `expected` and `found` are canonical values, where two differ.
    """

    check: str
    text: str
    side: str = ""
    key: str = ""
    field: str = ""
    seq: int | None = None
    link: int | None = None
    expected: Any = None
    found: Any = None


@dataclass(slots=True)
class Live:
    """What the comparison with both systems saw. `explained`: records that differ and may, by reason."""

    records: dict[str, int] = field(default_factory=dict)
    links: int = 0
    explained: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Proof:
    """The proof of one mapping. `head` is the last entry's hash: noted down elsewhere, it seals the past.

    `dispositions` are final ones; `reverted` counts those that an undo took back. `findings` holds the first
    ones; `failed` counts all.
    """

    mapping: str
    entries: int = 0
    changes: int = 0
    writes: int = 0
    links: int = 0
    values: int = 0
    sequence: int = 0
    head: str = ""
    dispositions: dict[str, int] = field(default_factory=dict)
    reverted: int = 0
    waiting: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    findings: list[Finding] = field(default_factory=list)
    live: Live | None = None
    seconds: float = 0.0

    @property
    def proven(self) -> bool:
        """Whether everything holds."""
        return not self.failed

    def found(self, finding: Finding) -> None:
        """Add a finding."""
        self.failed += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)

    def document(self) -> dict[str, Any]:
        """The proof as one JSON-native document."""
        return {"mapping": self.mapping, "proven": self.proven, **asdict(self)}
