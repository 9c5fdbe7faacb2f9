"""What people do with the dashboard, done in Chromium with a daemon that trades on paper."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.dashboard.alerts import raise_alerts
from tests.dashboard.browser import PAGES, PHONE, WIDE, Visit, Visitor
from tests.dashboard.deployment import ACCOUNT, Deployment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

MODULES = (Path(__file__).parent / "modules.js").read_text()
POST = """async ([path, csrf]) => {
    const headers = { "Content-Type": "application/json" };
    if (csrf) headers["X-CSRF-Token"] = localStorage.getItem("livetrader.csrf");
    return (await fetch(path, { method: "POST", headers, body: "{}" })).status;
}"""
ENDS = ("CONNECTION_REFUSED", "CONNECTION_RESET", "EMPTY_RESPONSE", "INCOMPLETE_CHUNKED_ENCODING")
SETTLED = "() => !document.querySelector('main').innerText.includes('Reading …')"
LIQUIDATED_MEANWHILE = """async () => {
    const folder = document.querySelector("script[type=module]").src.replace(/[^/]*$/, "");
    const { state } = await import(folder + "store.js");
    const before = state.status;
    state.status = { ...before, kill_switch: { ...before.kill_switch, latched: true, kill_id: "another" } };
    document.querySelector("dialog button[type=submit]").click();
    state.status = before;
}"""
SYMBOLS = "() => [...document.querySelectorAll('main tbody strong')].map((each) => each.textContent)"


def _holds_something(deployment: Deployment) -> None:
    deployment.until(deployment.holdings, "a position", 60.0)


def _press(window: Visit, name: str) -> None:
    window.page.get_by_role("button", name=name, exact=True).click()


def test_a_wrong_token_is_told_so_and_a_right_one_shows_the_account(
    visit: Visitor, deployment: Deployment
) -> None:
    with visit() as window:
        window.expected.add("401")
        page = window.page
        page.goto(deployment.address)
        page.get_by_label("Token").fill("lt_wrong")
        page.keyboard.press("Enter")
        page.get_by_text("This token is not known here").wait_for()
        assert window.audit() == []
        window.sign_in(deployment.control_token)
        assert page.locator("header strong").inner_text() == ACCOUNT
        assert page.locator("header .badge").inner_text() == "Running"
        page.reload()  # the session outlives it
        page.locator("header .badge").wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("Token").wait_for()
        assert page.evaluate("localStorage.getItem('livetrader.csrf')") is None
        window.page.goto(deployment.address)
        page.get_by_label("Token").wait_for()  # and ends with it


def test_the_pages_show_what_the_daemon_says(visit: Visitor, deployment: Deployment) -> None:
    with visit() as window:
        page = window.sign_in(deployment.control_token)
        _holds_something(deployment)
        page.locator("#panel-holdings").wait_for()
        window.until("() => document.querySelectorAll('.panel table tbody tr').length > 0")
        window.until(
            "() => document.querySelector('.chart > svg path.path')?.getAttribute('d').includes('L')"
        )
        window.go("holdings")
        window.until("() => document.querySelectorAll('main tbody tr').length > 0")
        assert set(page.evaluate(SYMBOLS)) <= {"AAPL", "IBM", "MSFT", "SPY"}
        window.go("orders")
        page.locator("button.row").first.click()
        page.get_by_label("What happened to it").get_by_text("Sent").wait_for()
        window.go("charts")
        window.until("() => document.querySelectorAll('.chart > svg path.path').length >= 3")
        window.go("insights")
        page.get_by_role("cell", name="momentum").first.wait_for()
        window.go("log")
        page.get_by_label("Text").fill("ranking model")
        window.until("() => document.querySelectorAll('ol.log li').length === 1")
        assert page.locator("ol.log mark").inner_text() == "ranking model"
        window.go("training")
        page.get_by_role("cell", name="learn").first.wait_for()
        window.go("decisions")
        page.get_by_text("An order could leave now.").wait_for()
        page.get_by_text("max order notional", exact=False).first.wait_for()
        window.go("data")
        page.get_by_role("cell", name="replay").first.wait_for()


@pytest.mark.parametrize(("theme", "size"), [("light", WIDE), ("dark", PHONE)])
def test_every_page_can_be_read_by_everybody(
    visit: Visitor, deployment: Deployment, theme: str, size: tuple[int, int]
) -> None:
    with visit(theme=theme, size=size) as window:
        window.sign_in(deployment.control_token)
        for name in PAGES:
            window.go(name)
            window.until(SETTLED)
            assert window.audit() == [], name
        if size == PHONE:
            _press(window, "Menu")
            assert window.audit() == [], "menu"
            _press(window, "Menu")
            _press(window, "Controls")
        else:
            _press(window, "Stop …")
        assert window.audit() == [], "dialog"


def test_an_alert_is_told_at_once_and_acknowledged(visit: Visitor, deployment: Deployment) -> None:
    with visit() as window:
        page = window.sign_in(deployment.control_token)
        window.go("alerts")
        window.until(SETTLED)
        raise_alerts(deployment)
        page.locator("#panel-firing-now").locator("xpath=../..").get_by_text("DataStale").wait_for()
        assert "DataStale" in page.locator("#alarms").inner_text()
        page.get_by_role("button", name="DataStale", exact=True).click()
        assert page.get_by_role("link", name="Open").get_attribute("rel") == "noopener noreferrer"
        page.get_by_role("button", name="Acknowledge all").click()
        page.get_by_role("cell", name="Acknowledged").wait_for()
        assert page.get_by_role("button", name="Acknowledge all").count() == 0
        assert window.audit() == []


def test_everything_works_from_the_keyboard(visit: Visitor, deployment: Deployment) -> None:
    with visit() as window:
        page = window.sign_in(deployment.control_token)
        focused = "() => document.activeElement.textContent"
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("Tab")
        assert page.evaluate(focused) == "Skip to the content"
        page.keyboard.press("Tab")
        assert page.evaluate(focused) == "Halt"
        page.keyboard.press("Enter")
        page.get_by_role("dialog").wait_for()
        for _ in range(8):  # the focus stays inside
            page.keyboard.press("Tab")
            inside = (
                "() => document.activeElement === document.body || !!document.activeElement.closest('dialog')"
            )
            assert page.evaluate(inside)
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
        assert page.evaluate(focused) == "Halt"
        window.until("() => document.querySelector('.chart > svg path.path')")
        page.locator(".chart").first.focus()
        page.keyboard.press("End")
        said = window.until("() => document.getElementById('announcements').textContent")
        assert "Equity" in said


def test_who_may_only_look_sees_no_buttons_and_is_refused(visit: Visitor, deployment: Deployment) -> None:
    with visit() as window:
        window.expected.add("403")
        page = window.sign_in(deployment.view_token)
        for name in ("Halt", "Stop …", "Liquidate …", "Cancel all …"):
            assert page.get_by_role("button", name=name).count() == 0
        paths = ("v1/halt", "v1/liquidate", "v1/cancel", "v1/stop", "v1/resume")
        assert [page.evaluate(POST, [path, True]) for path in paths] == [403] * len(paths)
    with visit() as window:
        window.expected.add("403")
        page = window.sign_in(deployment.control_token)
        assert page.evaluate(POST, ["v1/halt", False]) == 403  # the cookie alone changes nothing
    status = deployment.status()
    assert status["state"] == "running"
    assert not status["halted"]


def test_the_page_says_that_it_is_old_while_the_daemon_is_silent(
    visit: Visitor, deployment: Deployment
) -> None:
    with visit() as window:
        page = window.sign_in(deployment.view_token)
        deployment.send(signal.SIGSTOP)
        try:
            page.get_by_text("What you see is old.").wait_for()
            assert "old" in page.locator(".figures dd").last.inner_text()
        finally:
            deployment.send(signal.SIGCONT)
        page.get_by_text("What you see is old.").wait_for(state="detached")
        assert page.locator(".figures dd").last.inner_text() == "live"
        window.expected.add("500")
        page.route("**/v1/equity*", lambda route: route.fulfill(status=500))  # while the stream goes on
        page.get_by_text("A part of this page is old.").wait_for()
        page.unroute("**/v1/equity*")
        page.get_by_text("A part of this page is old.").wait_for(state="detached")


def test_numbers_times_and_events_are_read_exactly(visit: Visitor, deployment: Deployment) -> None:
    with visit() as window:
        window.page.goto(deployment.address)
        read = {
            name: window.page.evaluate(MODULES, name)
            for name in (
                "money",
                "durations",
                "moments",
                "marks",
                "thinning",
                "patching",
                "lines",
                "forgetting",
                "curve",
                "events",
            )
        }
    assert read["money"] == ["12,345,678,901,234,567.89", "\u22120.10", "+5.00", "–", "0.00"]
    assert read["durations"] == ["500 ms", "4 s", "3 min 5 s", "2 h 10 min", "3 d 4 h"]
    assert read["moments"] == ["02 Mar 2020 14:31:00", "–", "14:31", "2 Mar"]
    assert read["marks"][:2] == [[0, 20, 40, 60, 80, 100], [-0.5, 0]]
    assert read["marks"][2] == ["2020-03-01", "2020-05-01", "2020-07-01", "2020-09-01", "2020-11-01"]
    assert read["marks"][3] == [[1e16, 1e16 + 2], []]
    assert all(read["thinning"])
    assert read["lines"] == [4, 5, 6, 7, 8]
    assert read["curve"] == [120, [60, 120, 180, 181], 4], "a candle that is not over is replaced"
    assert read["forgetting"] == {"lines": 0, "older": 0, "text": "fill"}
    assert read["patching"] == [True, "dcbn", True, 0]
    assert read["events"] == ['{"a":1}', "two\nlines", "last"]


def test_a_broken_policy_is_refused_and_would_be_noticed(visit: Visitor, deployment: Deployment) -> None:
    with pytest.raises(AssertionError, match="policy broken: style-src"), visit() as window:
        window.page.goto(deployment.address)
        refused = window.page.evaluate(
            """() => {
                document.body.setAttribute("style", "color: red");
                try { document.body.innerHTML = "<b>markup</b>"; } catch (error) { return error.name; }
            }"""
        )
        assert refused == "TypeError"


def test_an_operator_halts_resumes_and_presses_liquidate_twice_until_it_is_flat(
    visit: Visitor, deployment: Deployment
) -> None:
    _holds_something(deployment)
    with visit() as window:
        window.expected.add("409")  # the first press of Liquidate is answered with a question
        page = window.sign_in(deployment.control_token)
        _press(window, "Halt")
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Reason").fill("a look at the fills")
        dialog.get_by_role("button", name="Halt", exact=True).click()
        dialog.get_by_text("new orders are refused").wait_for()
        dialog.get_by_role("button", name="Close").click()
        assert deployment.status()["halted"]
        page.get_by_text("No new orders can leave now.").wait_for()
        _press(window, "Resume")
        page.evaluate(LIQUIDATED_MEANWHILE)
        dialog.get_by_text("changed while this was open").wait_for()
        assert deployment.status()["halted"], "a click on what was not read resumed"
        dialog.get_by_role("button", name="Back").click()
        _press(window, "Resume")
        dialog.get_by_role("button", name="Resume", exact=True).click()
        dialog.get_by_text("orders are allowed").wait_for()
        dialog.get_by_role("button", name="Close").click()
        assert not deployment.status()["halted"]

        window.expected.add("ERR_FAILED")
        page.route("**/v1/liquidate", lambda route: route.abort())  # the first press gets lost
        _press(window, "Liquidate …")
        dialog.get_by_text("The daemon did not answer").wait_for()
        page.unroute("**/v1/liquidate")
        dialog.get_by_role("button", name="Ask again").click()
        dialog.get_by_text(f"positions of the account '{ACCOUNT}'").wait_for()
        assert dialog.get_by_role("alert").count() == 0
        second = dialog.get_by_role("button", name="Liquidate now")
        assert second.is_disabled()
        dialog.get_by_label("Type the name of the account").fill("another-account")
        assert second.is_disabled()
        assert deployment.holdings(), "the first press alone changed the account"
        dialog.get_by_label("Type the name of the account").fill(ACCOUNT)
        second.click()
        dialog.get_by_text("verified flat").wait_for(timeout=60_000)
        assert window.audit() == []
        dialog.get_by_role("button", name="Close").click()
        window.until("() => document.querySelector('header .badge').textContent === 'Flat, latched'")
        window.go("holdings")
        page.get_by_text("No open positions.").wait_for()
        assert deployment.is_flat()
        assert deployment.holdings() == []

        _press(window, "Resume")
        dialog.get_by_text(deployment.status()["kill_switch"]["kill_id"]).wait_for()
        dialog.get_by_role("button", name="Resume", exact=True).click()
        dialog.get_by_text("orders are allowed").wait_for()
        assert deployment.status()["state"] == "running"


def test_stop_needs_the_name_and_then_ends_the_daemon(visit: Visitor, deployment: Deployment) -> None:
    with visit() as window:
        window.expected |= {f"ERR_{end}" for end in ENDS}
        page = window.sign_in(deployment.control_token)
        _press(window, "Stop …")
        dialog = page.get_by_role("dialog")
        stop = dialog.get_by_role("button", name="Stop the daemon")
        assert stop.is_disabled()
        dialog.get_by_label("Type the name of the account").fill(ACCOUNT)
        stop.click()
        dialog.get_by_text("the daemon has ended").wait_for(timeout=30_000)
        dialog.get_by_role("button", name="Close").click()
        page.get_by_text("No connection to the daemon").wait_for()
        assert window.audit() == []
    assert deployment.wait() == 0
