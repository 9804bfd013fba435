"""The field authority sheet as PDF, on A4. Any letter prints: fonts come from packages, and fall back.

A character that no font has, or that would be invisible or turn text around, is printed as its number.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory

from django.utils.translation import get_language
from django.utils.translation import gettext as _
from fpdf import FPDF
from fpdf.enums import TableBordersLayout, WrapMode
from fpdf.fonts import FontFace
from pymupdf_fonts import FiraGO_Bold, FiraGO_Regular, NotoSansSymbols2_Regular, NotoSansSymbols_Regular

from syncadmin.sheets import Party, Printed, Row

INK, MUTED, LINE, SOFT = (16, 24, 40), (91, 100, 120), (207, 212, 220), (244, 246, 249)
SIDES = {"left": (14, 116, 144), "right": (171, 66, 115)}
MARGIN, WIDTH = 14.0, 182.0
FOOT = 12.0
SIGNING = 42.0  # millimetres that the lines for signatures take
FONTS = {
    ("text", ""): FiraGO_Regular,
    ("text", "B"): FiraGO_Bold,
    ("symbols", ""): NotoSansSymbols_Regular,
    ("symbols2", ""): NotoSansSymbols2_Regular,
}
HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def pdf(sheet: Printed, at: datetime) -> bytes:
    """The sheet as a PDF file, dated `at`."""
    with TemporaryDirectory(prefix="syncadmin-fonts-") as directory:
        page = _Page(sheet, Path(directory), at)
        page.head()
        page.figures()
        page.fields()
        page.foot_of_last()
        return bytes(page.output())


class _Page(FPDF):
    """One sheet. Millimetres; the origin is at the top left."""

    def __init__(self, sheet: Printed, directory: Path, at: datetime) -> None:
        super().__init__(format="A4")
        self._sheet = sheet
        for (family, style), module in FONTS.items():
            file = directory / f"{family}{style}.ttf"
            file.write_bytes(module.fontbuffer)
            self.add_font(family, style, file)
        self._fallback = ["symbols", "symbols2"]
        if any(self._lacking(text) for text in _texts(sheet)):
            cjk = resources.files("noto_cjk_sans_jp_regular") / "NotoSansCJKjp-Regular.otf"
            self.add_font("cjk", "", str(cjk))
            self._fallback.append("cjk")
        self.set_fallback_fonts(self._fallback, exact_match=False)
        self.set_margins(MARGIN, MARGIN, MARGIN)
        self.c_margin = 0
        self.set_auto_page_break(True, FOOT + 4)
        self.set_title(f"{_('Field authority sheet')}: {self._plain(sheet.mapping)}")
        self.set_lang(get_language() or "en")
        self.set_creation_date(at)
        self.set_creator("SyncAdmin")
        self.add_page()

    # ------------------------------------------------------------ text

    def _covered(self, character: str) -> bool:
        fonts = ("text", *self._fallback)
        return any(ord(character) in self.fonts[family].cmap for family in fonts if family in self.fonts)

    def _lacking(self, text: str) -> bool:
        return any(unicodedata.category(c) not in HIDDEN and not self._covered(c) for c in text)

    def _plain(self, text: str) -> str:
        """A text of which every character can be seen."""
        return "".join(
            c
            if c.isspace() or (unicodedata.category(c) not in HIDDEN and self._covered(c))
            else f"U+{ord(c):04X}"
            for c in text
        )

    def _say(
        self,
        text: str,
        size: float,
        *,
        bold: bool = False,
        color: tuple[int, int, int] = INK,
        width: float = 0,
        height: float = 1.35,
        align: str = "L",
    ) -> None:
        """A paragraph; `height` is of a line, in font sizes."""
        self.set_font("text", "B" if bold else "", size)
        self.set_text_color(*color)
        self.multi_cell(
            width,
            size * height * 0.3528,
            self._plain(text),
            align=align,
            new_x="LMARGIN",
            new_y="NEXT",
            wrapmode=WrapMode.WORD,
        )

    # ------------------------------------------------------------ parts

    def head(self) -> None:
        """What it is, of which mapping, and who takes part."""
        sheet, top = self._sheet, self.get_y()
        which = " · ".join(part for part in (sheet.head, sheet.mark, sheet.made) if part)
        self._say(which, 8.5, color=MUTED, align="R")
        self.set_y(top)
        self._say(_("Field authority sheet"), 9, bold=True, color=MUTED)
        self._say(sheet.mapping, 19, bold=True, width=WIDTH)
        self.ln(1.5)
        top, low = self.get_y(), 0.0
        for number, party in enumerate(sheet.parties):
            self.set_xy(MARGIN + number * WIDTH / 2, top)
            low = max(low, self._party(party))
        self.set_y(low + 2.5)
        self._say(sheet.headline, 11, bold=True)
        self.ln(1.5)

    def _party(self, party: Party) -> float:
        x, top, width = self.get_x(), self.get_y(), WIDTH / 2 - 4
        self.set_left_margin(x + 3)
        self.set_x(x + 3)
        self._say(party.team, 11, bold=True, width=width - 4)
        self._say(f"{party.system}: {party.resource}", 8.5, color=MUTED, width=width - 4)
        low = self.get_y()
        self.set_fill_color(*SIDES[party.side])
        self.rect(x, top + 0.6, 1.1, low - top - 0.8, style="F")
        self.set_left_margin(MARGIN)
        return low

    def figures(self) -> None:
        """How much has one owner, the risk that is left, and row rules."""
        sheet = self._sheet
        for share in sheet.shares:
            y = self.get_y() + 1.1
            self.set_fill_color(*LINE)
            self.rect(MARGIN, y, 34, 2.2, style="F", round_corners=True, corner_radius=1.1)
            if share.hundredths:
                self.set_fill_color(*SIDES["left"])
                wide = max(2.2, 0.34 * share.hundredths)
                self.rect(MARGIN, y, wide, 2.2, style="F", round_corners=True, corner_radius=1.1)
            self.set_x(MARGIN + 38)
            self._say(f"{share.text} {share.label}", 8.5, width=WIDTH - 38)
        self.ln(0.8)
        self._say(sheet.risk, 8.5)
        for when, owner in sheet.rules:
            self._say(_("Rows with %(when)s: owner %(system)s") % {"when": when, "system": owner}, 8.5)
        self.ln(2)

    def fields(self) -> None:
        """A row a field; the type gets smaller, so that many fit on a page."""
        rows = self._sheet.rows
        size = 8.2 if len(rows) <= 14 else 7.2 if len(rows) <= 22 else 6.4
        self.set_font("text", "", size)
        self.set_text_color(*INK)
        self.set_draw_color(*LINE)
        self.set_fill_color(255)
        heads = (
            _("Field"),
            _("Edited by"),
            _("Needed by"),
            _("Lost edit"),
            _("Recommended"),
            _("Why"),
        )
        with self.table(
            col_widths=(34, 20, 20, 16, 34, 58),
            width=WIDTH,
            align="L",
            text_align="L",
            line_height=size * 0.3528 * 1.3,
            padding=(0.9, 1.4, 0.9, 0),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD", color=MUTED, fill_color=SOFT),
            wrapmode=WrapMode.WORD,
        ) as table:
            head = table.row()
            for text in heads:
                head.cell(text, padding=(0.9, 1.4, 0.9, 1.2) if text == heads[0] else None)
            for row in rows:
                self._field(table.row(), row)
        self.ln(2)

    def _field(self, cells: object, row: Row) -> None:
        bold = FontFace(emphasis="BOLD")
        left, right = row.sources
        sources = left if left == right else f"{left} / {right}"
        name = row.name if sources == row.name else f"{row.name} ({sources})"
        color = SIDES.get(row.owner, INK)
        style = FontFace(emphasis="BOLD", color=color)
        texts = (name, row.edits, row.needs, row.cost, row.strategy, row.why)
        for text, look in zip(texts, (bold, None, None, None, style, None), strict=True):
            padding = (0.9, 1.4, 0.9, 1.2) if text is name else None
            cells.cell(self._plain(text), style=look, padding=padding)  # type: ignore[attr-defined]

    def foot_of_last(self) -> None:
        """Lines to sign on, or who has signed."""
        if self.get_y() + SIGNING > self.h - FOOT - 4:
            self.add_page()
        self.set_y(max(self.get_y() + 2, self.h - FOOT - 4 - SIGNING))
        self._say(
            _(
                "We agree that each field is edited where this sheet says, and accept the risk that it "
                "names. It counts until a newer sheet is signed."
            ),
            8.5,
        )
        top = self.get_y() + 12
        for number, party in enumerate(self._sheet.parties):
            self._signature(party, MARGIN + number * WIDTH / 2, top)

    def _signature(self, party: Party, x: float, top: float) -> None:
        width = WIDTH / 2 - 6
        self.set_left_margin(x)
        if party.name:
            self.set_xy(x, top - 7)
            role = f", {party.role}" if party.role else ""
            self._say(f"{party.name}{role}, {party.on}", 10, bold=True, width=width)
        self.set_draw_color(*INK)
        self.line(x, top, x + width, top)
        self.set_xy(x, top + 1)
        self._say(party.team, 8.5, bold=True, width=width)
        self._say(
            _("signed, put down in SyncAdmin") if party.name else _("name, date, signature"),
            7.5,
            color=MUTED,
            width=width,
        )
        self.set_left_margin(MARGIN)

    def footer(self) -> None:
        """Which sheet a page belongs to."""
        sheet = self._sheet
        self.set_y(-FOOT)
        parts = (sheet.mapping, sheet.head, sheet.mark, f"{self.page_no()}/{{nb}}")
        text = " · ".join(part for part in parts if part)
        self.set_font("text", "", 7.5)
        self.set_text_color(*MUTED)
        self.cell(0, 4, self._plain(text), align="R")


def _texts(sheet: Printed) -> Iterable[str]:
    """All that was not written by us."""
    yield sheet.mapping
    yield sheet.made
    for party in sheet.parties:
        yield from (party.team, party.system, party.resource, party.name, party.role)
    for when, _owner in sheet.rules:
        yield when
    for row in sheet.rows:
        yield from (row.name, *row.sources, row.why)
