"""Pictures of every page, in both themes, wide and as on a phone, for people to look at.

`python -m tests.dashboard.screenshots FOLDER [PAGE ...]`: runs a deployment for two and a half sessions,
raises two alerts, and takes the pictures in Debian's Chromium.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from tests.dashboard.alerts import raise_alerts
from tests.dashboard.browser import ARGUMENTS, CHROMIUM, PAGES, PHONE, WIDE, Visit
from tests.dashboard.deployment import WEEK, Deployment

SPEED = 4000.0  # times real time: a night in 16 s
PATIENCE_S = 180.0
LAST_MINUTES = 200  # of the third session: then the market stands still, open, while pictures are taken
SETTLE = "() => !document.querySelector('main').innerText.includes('Reading …')"


def take(deployment: Deployment, folder: Path, pages: tuple[str, ...]) -> None:
    """Write the pictures."""
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        for theme in ("light", "dark"):
            for size in (WIDE, PHONE):
                with Visit(browser, deployment, theme=theme, size=size) as window:
                    window.expected.add("409")
                    _round(window, folder, f"{theme}-{'wide' if size == WIDE else 'phone'}.png", pages)
        browser.close()


def _round(window: Visit, folder: Path, suffix: str, pages: tuple[str, ...]) -> None:
    page = window.page
    page.goto(window.deployment.address)
    page.get_by_label("Token").wait_for()
    page.screenshot(path=folder / f"sign-in-{suffix}")
    window.sign_in(window.deployment.control_token)
    for name in pages:
        window.go(name)
        window.until(SETTLE)
        page.wait_for_timeout(700)  # for curves that are read in a second answer
        opener = page.locator("main button.row")
        if name in ("orders", "decisions", "alerts") and opener.count():
            opener.first.click()
            page.wait_for_timeout(200)
        page.screenshot(path=folder / f"{name}-{suffix}")
        page.screenshot(path=folder / f"{name}-whole-{suffix}", full_page=True)
    if suffix.endswith("phone.png"):
        page.get_by_role("button", name="Menu", exact=True).click()
        page.screenshot(path=folder / f"menu-{suffix}")
        page.get_by_role("button", name="Controls", exact=True).click()
        page.screenshot(path=folder / f"controls-{suffix}")
        page.get_by_role("button", name="Liquidate the account").click()
    else:
        page.get_by_role("button", name="Liquidate …", exact=True).click()
    page.get_by_text("positions of the account").wait_for()
    page.get_by_label("Type the name of the account").fill("paper-mom")
    page.screenshot(path=folder / f"liquidate-{suffix}")


def main() -> None:
    """Run a deployment and take its pictures."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    pages = tuple(sys.argv[2:]) or PAGES
    with TemporaryDirectory() as temporary:
        deployment = Deployment(Path(temporary), days=WEEK[:3], last_minutes=LAST_MINUTES, speed=SPEED)
        deployment.start()
        try:
            deployment.until(deployment.status, "an answer")
            ended = "data_ended"
            deployment.until(lambda: ended in deployment.log.read_text(), "the end of the data", PATIENCE_S)
            raise_alerts(deployment)
            take(deployment, folder, pages)
        finally:
            deployment.close()
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


if __name__ == "__main__":
    main()
