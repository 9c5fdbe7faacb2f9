"""One daemon and one browser for all tests of the dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.dashboard.browser import ARGUMENTS, CHROMIUM, Visit, Visitor
from tests.dashboard.deployment import Deployment

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SPEED = 200.0  # the first session lasts two minutes, and the first orders leave after five seconds


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A daemon that trades on paper and holds something."""
    daemon = Deployment(tmp_path_factory.mktemp("dashboard"), speed=SPEED)
    daemon.start()
    try:
        daemon.until(daemon.status, "an answer")
        yield daemon
    finally:
        daemon.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window; skips with the reason where it is missing."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: install Debian's package chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield running
        running.close()


@pytest.fixture
def visit(browser: Browser, deployment: Deployment) -> Visitor:
    """Open a window on the dashboard: `with visit(theme="dark") as window:`."""

    def opened(**options: object) -> Visit:
        return Visit(browser, deployment, **options)  # type: ignore[arg-type]  # passed on as they are

    return opened
