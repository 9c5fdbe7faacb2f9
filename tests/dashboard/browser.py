"""A browser that minds what the page says to its console, and whatever breaks its content security policy."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from tests.dashboard.deployment import Deployment

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

CHROMIUM: Final = Path("/usr/bin/chromium")
ARGUMENTS: Final = ("--no-sandbox", "--disable-dev-shm-usage")  # tests run as root, in small containers
PATIENCE_MS: Final = 15_000  # for something to appear on a busy machine
WIDE, PHONE = (1360, 900), (390, 844)
PAGES: Final = (
    "overview", "charts", "holdings", "orders", "insights", "decisions", "log", "training", "data", "alerts",
)  # fmt: skip
AUDIT: Final = (Path(__file__).parent / "audit.js").read_text()
_TOLD: Final = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy broken: ${event.violatedDirective} ${event.blockedURI}`));"""
_NOT_YET: Final = "/v1/deployment"  # 404 until the algorithm has a name: the page asks again
_ANSWERED: Final = re.compile(r"Failed to load resource: (?:.* status of (\d+)|net::(ERR_\w+))")


class Visit:
    """One window on the dashboard; `expected` answers that are no success may stand in the console."""

    def __init__(
        self, browser: Browser, deployment: Deployment, *, theme: str = "light", size: tuple[int, int] = WIDE
    ) -> None:
        self.deployment = deployment
        self.expected: set[str] = set()
        self.problems: list[str] = []
        self._context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if theme == "dark" else "light",
            has_touch=size == PHONE,
            reduced_motion="reduce",
        )
        self._context.set_default_timeout(PATIENCE_MS)
        self._context.add_init_script(_TOLD)
        self.page: Page = self._context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}\n{error.stack}"))

    def __enter__(self) -> Visit:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the window; fail where the page had problems."""
        self._context.close()
        if kind is None:
            assert not self.problems, "\n".join(self.problems)

    def sign_in(self, token: str) -> Page:
        """Open the dashboard and sign in; return the page when it shows the daemon."""
        self.page.goto(self.deployment.address)
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.locator("header .badge").wait_for()
        return self.page

    def go(self, name: str) -> None:
        """Go to a page by its address and wait for its heading."""
        self.page.evaluate("name => { location.hash = `#/${name}`; }", name)
        self.page.locator(f"nav a[aria-current=page][href='#/{name}']").wait_for(state="attached")
        self.page.locator("main h1").wait_for()

    def audit(self) -> list[str]:
        """Return what is wrong with the page as it stands."""
        return list(self.page.evaluate(AUDIT))

    def until(self, probe: str, argument: object = None) -> Any:
        """Return the first true value of a JavaScript expression."""
        return self.page.wait_for_function(probe, arg=argument).json_value()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        answered = _ANSWERED.search(message.text)
        address = message.location.get("url", "")
        if answered and ((answered[1] or answered[2]) in self.expected or address.endswith(_NOT_YET)):
            return
        self.problems.append(f"console {message.type}: {message.text} {address}")


Visitor = Callable[..., Visit]
