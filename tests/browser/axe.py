"""What axe-core finds on a page that keeps people from it who don't see it, see it badly or use no mouse."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

GRAVE = ("serious", "critical")
# what axe itself never calls grave: to look for it takes a third of its time
LIGHT = (
    *("aria-allowed-role", "aria-deprecated-role", "empty-heading", "empty-table-header"),
    *("form-field-multiple-labels", "heading-order", "image-redundant-alt", "page-has-heading-one"),
    *("landmark-banner-is-top-level", "landmark-contentinfo-is-top-level", "landmark-main-is-top-level"),
    *("landmark-no-duplicate-banner", "landmark-no-duplicate-contentinfo", "landmark-no-duplicate-main"),
    *("landmark-one-main", "landmark-unique", "presentation-role-conflict", "region", "skip-link"),
)
OPTIONS = {
    "resultTypes": ["violations"],
    "preload": False,  # style sheets would be fetched again, for rules that are off
    "rules": {name: {"enabled": False} for name in LIGHT},
}


def grave_findings(page: Page) -> list[str]:
    """One line for each element with a serious or critical finding; an empty list is a good page."""
    # colours that are still on their way are nobody's colours
    page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished.catch(() => null)))")
    answer = Axe().run(page, options=OPTIONS).response
    return [
        f"{rule['id']} ({rule['impact']}): {' '.join(map(str, node['target']))}: {node['html'][:200]}: "
        + "; ".join(check["message"] for check in [*node["any"], *node["all"], *node["none"]])
        for rule in answer["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]
