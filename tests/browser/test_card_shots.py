"""Every main state of a card fits wide and narrow, light and dark; the screenshots are kept."""

import pytest
from playwright.sync_api import expect

from tests.browser.card_states import STATES, a_rich_mapping
from tests.browser.conftest import NARROW, WIDE

PICKS = {
    "simple": ("1",),
    "many": ("2", "1"),
    "long": ("m", "2"),
    "ambiguous": ("1",),
    "deleted": ("2",),
    "rejected": ("e",),
}


@pytest.mark.parametrize(
    ("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide-light", "narrow-dark"]
)
def test_every_state_of_a_card_fits(open_page, reviewer, shoot, size, scheme):
    mapping = a_rich_mapping()
    page = open_page(reviewer, size, scheme)
    too_wide = {}
    for name, build in STATES.items():
        conflict = build(mapping)
        page.goto(f"/conflicts/{conflict.pk}/")
        expect(page.locator("[data-card]")).to_be_visible()
        for key in PICKS[name]:
            page.keyboard.press(key)
        shoot(page, f"state-{name}-{size[0]}-{scheme}", whole=True)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size[0]:
            too_wide[name] = width
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    shoot(page, f"state-keys-{size[0]}-{scheme}")

    assert too_wide == {}
