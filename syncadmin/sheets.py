"""Field authority sheets as they are printed: one page that both teams can read, check and sign.

`printed` turns a sheet's plain data into words; the page in the browser and the PDF show the very same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from syncadmin.core.assess import Cost
from syncadmin.core.side import SIDES
from syncadmin.models import AssessmentVersion
from syncadmin.sheetwords import SHORT_COSTS, Names, headline, percent, strategy, why
from syncadmin.show import short_number


@dataclass(frozen=True, slots=True)
class Row:
    """One field. `kind` is the strategy's name, `owner` a side or ''."""

    name: str
    kind: str
    sources: tuple[str, str]
    edits: str
    needs: str
    cost: str
    strategy: str
    why: str
    owner: str


@dataclass(frozen=True, slots=True)
class Share:
    """How much has one owner, in words and as a number of 100."""

    label: str
    text: str
    hundredths: int


@dataclass(frozen=True, slots=True)
class Party:
    """A side's team, and who signed for it: '' as long as nobody did."""

    side: str
    team: str
    system: str
    resource: str
    name: str = ""
    role: str = ""
    on: str = ""


@dataclass(frozen=True, slots=True)
class Printed:
    """All that a sheet shows. `number` is None for a draft that nobody has kept yet."""

    mapping: str
    number: int | None
    mark: str
    made: str
    parties: tuple[Party, Party]
    headline: str
    shares: list[Share]
    rules: list[tuple[str, str]]
    rows: list[Row]
    risk: str

    @property
    def head(self) -> str:
        """Which sheet it is."""
        return _("Sheet %(number)s") % {"number": self.number} if self.number else _("Draft")

    @property
    def signed(self) -> bool:
        """Whether both teams have signed."""
        return all(party.name for party in self.parties)


def printed(sheet: dict[str, Any], version: AssessmentVersion | None) -> Printed:
    """A sheet in the reader's language; without a version it is a draft."""
    names = Names(sheet["left"]["system"], sheet["right"]["system"])
    signed = {one.side: one for one in version.signatures.all()} if version is not None else {}
    left, right = (_party(sheet[side.value], side.value, signed.get(side.value)) for side in SIDES)
    at = timezone.localdate(version.at) if version is not None else timezone.localdate()
    return Printed(
        mapping=sheet["mapping"]["label"],
        number=version.number if version is not None else None,
        mark=version.short_mark if version is not None else "",
        made=", ".join([day(at), *([version.by] if version is not None else [])]),
        parties=(left, right),
        headline=headline(sheet, names),
        shares=_shares(sheet),
        rules=[(row["when"], names.of(row["owner"])) for row in sheet["rows"]],
        rows=[_row(line, names) for line in sheet["fields"]],
        risk=_risk(sheet["risk"]),
    )


def day(at: date) -> str:
    """A day as the reader's language writes it."""
    return date_format(at, "SHORT_DATE_FORMAT")


def _party(side: dict[str, str], name: str, signed: Any) -> Party:
    made = Party(name, side["team"], side["system"], side["resource"])
    if signed is None:
        return made
    return Party(name, made.team, made.system, made.resource, signed.name, signed.role, day(signed.on))


def _shares(sheet: dict[str, Any]) -> list[Share]:
    found = []
    labels = {"fields": _("fields with one owner"), "edits": _("observed edits in such fields")}
    for what, label in labels.items():
        part, whole = sheet["owned"][what]
        if whole:
            counted = _("%(part)s of %(total)s") % {"part": part, "total": whole}
            found.append(Share(label, f"{percent(part, whole)} ({counted})", round(100 * part / whole)))
    return found


def _row(line: dict[str, Any], names: Names) -> Row:
    return Row(
        name=line["name"],
        kind=line["strategy"].replace(" ", "-"),
        sources=(line["left"], line["right"]),
        edits=names.who(line["edits"]),
        needs=names.who(line["needs"]),
        cost=str(SHORT_COSTS[Cost(line["cost"])]),
        strategy=strategy(line, names),
        why=why(line, names),
        owner=line["owner"] or "",
    )


def _risk(risk: dict[str, Any]) -> str:
    """The risk that is left, in a sentence or two."""
    if risk["need"] == "owned":
        return _("No edit can be lost unseen: as it is configured, no field is shared.")
    if risk["need"] == "atomic":
        return _("No edit can be lost unseen: both systems refuse a write over an edit that was not seen.")
    if risk["lost"] is None:
        return _("How many edits of shared fields may be lost in a year is not known yet.")
    low, expected, high = risk["lost"]
    told = _("Lost edits of shared fields to be expected in a year: %(count)s (%(low)s to %(high)s).") % {
        "count": short_number(expected),
        "low": short_number(low),
        "high": short_number(high),
    }
    if (accepted := risk["accepted"]) is None:
        nobody = _("Nobody has accepted that yet.")
        return f"{told} {nobody}"
    words = _("Accepted by %(name)s (%(role)s): up to %(most)s, until %(day)s.") % {
        "name": accepted["by"],
        "role": accepted["role"],
        "most": short_number(accepted["most"]),
        "day": day(date.fromisoformat(accepted["until"])),
    }
    return f"{told} {words}"
