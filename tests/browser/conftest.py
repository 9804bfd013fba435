"""A real browser for tests: one a process, on Debian's headless shell, with a page that is signed in.

Playwright keeps an event loop in the thread that starts it, until it is stopped, so Django must be told
that using its database there is meant; only for as long as there is a browser.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from syncadmin.permissions import make_groups
from tests.builders import a_user

BROWSERS = ("chromium-headless-shell", "chromium")
FLAGS = [
    "--no-sandbox",  # tests run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # it must not look for addresses outside
    "--disable-component-update",
    "--disable-sync",
]
WIDE, NARROW = (1440, 900), (390, 844)


@pytest.fixture(scope="session")
def browser(django_db_setup: None) -> Iterator[Browser]:
    """The browser of this test process."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.fail(f"no browser is installed; one of {', '.join(BROWSERS)} is needed")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        expect.set_options(timeout=20_000)  # a busy machine is slow; what comes is not waited for longer
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def reviewer(transactional_db: None) -> User:
    """Someone who may look at everything and decide conflicts. The groups are there too."""
    make_groups(Group, Permission)
    user = a_user(name="rita")
    user.groups.add(Group.objects.get(name="Reviewer"), Group.objects.get(name="Operator"))
    return user


@pytest.fixture
def tolerated() -> list[str]:
    """What pages may log as an error in this test, by a part of its text: for connections that are cut."""
    return []


@pytest.fixture
def open_page(
    browser: Browser, live_server: LiveServer, tolerated: list[str]
) -> Iterator[Callable[..., Page]]:
    """Opens signed-in pages: `open_page(user, size=WIDE, scheme="light")`; paths are relative to the hub.

    A test fails if a page logs an error: a script that broke, a refused style, a missing file.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_(user: User, size: tuple[int, int] = WIDE, scheme: str = "light") -> Page:
        context = browser.new_context(
            base_url=live_server.url, viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
        )
        contexts.append(context)
        context.add_cookies([session_cookie(user, live_server.url)])
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_
    logged = [error for error in errors if not any(part in error for part in tolerated)]
    for context in contexts:  # which breaks off whatever is under way, and may log so
        context.close()
    assert logged == []


@pytest.fixture
def browser_page(open_page: Callable[..., Page], reviewer: User) -> Page:
    """A wide page, signed in as a reviewer."""
    return open_page(reviewer)


def session_cookie(user: User, url: str) -> dict[str, str]:
    """The session of a signed-in user as a browser's cookie."""
    client = Client()
    client.force_login(user)
    return {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "url": url,
    }


@pytest.fixture
def shoot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Keeps a screenshot of a page (`whole`: of all of it) under test-results/, as an artefact of the run."""
    folder = Path(os.environ.get("TEST_RESULTS", "test-results")) / "screens"

    def shoot_(page: Page, name: str, *, whole: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(folder / f"{name}.png"), full_page=whole)

    return shoot_


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pages look the same whatever the hub's database: only the main story is played on each."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here and item.path.name != "test_main_story.py":
            item.add_marker("runs_once")
