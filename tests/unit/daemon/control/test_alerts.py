"""Alerts that come back from Alertmanager: who may do what, once, over restarts, and what people are told."""

from __future__ import annotations

import asyncio
import io
import json
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner
from rich.console import Console

from livetrader.cli.alerts import alerts_view
from livetrader.cli.main import cli
from livetrader.cli.views import status_view
from livetrader.control.alert_book import FIRING_LIMIT, RECENT_LIMIT, AlertBook
from livetrader.control.alert_views import AlertState, AlertsView, AlertView
from livetrader.control.alert_watchdog import Watchdog
from livetrader.control.alertmanager import WebhookBody, permitted, viewed
from livetrader.control.alerts import DISK_S
from livetrader.control.auth import Identity, Scope
from livetrader.control.gate import BODY_LIMIT
from livetrader.errors import ControlRefusedError
from livetrader.settings import AlertAction, AlertSettings
from livetrader.telemetry.notifications import Urgency
from tests.repository.sources import ROOT
from tests.unit.daemon.control.conftest import NOW_NS, Daemon, Running

Serve = Callable[[], AbstractAsyncContextManager[Running]]
HALT = {"livetrader_action": "halt"}
SELL = {"livetrader_action": "liquidate"}
BOTH = AlertSettings(allow=(AlertAction.HALT, AlertAction.LIQUIDATE))
OPERATOR = Identity("am", frozenset({Scope.OPERATE}))
SELLER = Identity("am", frozenset({Scope.OPERATE, Scope.LIQUIDATE}))
TELLER = Identity("am", frozenset({Scope.ALERT}))


def alert(
    name: str = "LivetraderFeedDead",
    *,
    status: str = "firing",
    start: str = "2023-11-14T22:00:00.123456789Z",
    fingerprint: str = "a1b2",
    labels: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return one alert as Alertmanager 0.25 sends it."""
    return {
        "status": status,
        "labels": {"alertname": name, "severity": "critical", "account": "paper"} | (labels or {}),
        "annotations": {
            "summary": "no feed is connected", "description": "blind.", "next_step": "look",
            "runbook_url": "docs/runbook.md#x",
        },
        "startsAt": start,
        "endsAt": "2023-11-14T22:05:00Z" if status == "resolved" else "0001-01-01T00:00:00Z",
        "generatorURL": "http://127.0.0.1:9090/graph?g0.expr=up",
        "fingerprint": fingerprint,
    }  # fmt: skip


def delivery(*alerts: dict[str, Any], truncated: int = 0) -> dict[str, Any]:
    """Return a delivery as Alertmanager 0.25 sends it, with what nobody reads."""
    return {
        "receiver": "livetrader-paper", "status": "firing", "alerts": list(alerts), "groupLabels": {},
        "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am:9093", "version": "4",
        "groupKey": '{}:{alertname="x"}', "truncatedAlerts": truncated,
    }  # fmt: skip


def one(labels: dict[str, str], severity: str = "critical") -> AlertView:
    body = msgspec.convert(delivery(alert(labels=labels | {"severity": severity})), WebhookBody)
    return viewed(body.alerts[0], NOW_NS)


async def post(running: Running, headers: dict[str, str], *alerts: dict[str, Any]) -> tuple[int, Any]:
    async with (
        running.tcp() as session,
        session.post("/v1/alerts", headers=headers, json=delivery(*alerts)) as answer,
    ):
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("labels", "who", "settings", "expected"),
    [
        (HALT, OPERATOR, AlertSettings(), AlertAction.HALT),
        (SELL, SELLER, BOTH, AlertAction.LIQUIDATE),
        (SELL, Identity("am", frozenset({Scope.ADMIN})), BOTH, AlertAction.LIQUIDATE),
        (HALT, TELLER, AlertSettings(), "lacks the scope 'operate'"),
        (HALT, Identity("am", frozenset({Scope.READ})), AlertSettings(), "lacks the scope 'operate'"),
        (SELL, OPERATOR, BOTH, "lacks the scope 'liquidate'"),
        (SELL, SELLER, AlertSettings(), "alerts.allow does not have 'liquidate'"),
        (HALT, SELLER, AlertSettings(allow=()), "alerts.allow does not have 'halt'"),
        (HALT | {"account": "other"}, SELLER, BOTH, "of the account 'other'"),
        ({"livetrader_action": "sell everything"}, SELLER, BOTH, "is no action"),
        ({"livetrader_action": "HALT"}, SELLER, BOTH, "is no action"),
    ],
)
def test_rule_token_and_settings_have_to_agree(
    labels: dict[str, str], who: Identity, settings: AlertSettings, expected: AlertAction | str
) -> None:
    verdict = permitted(one(labels), who, settings, "paper")
    if isinstance(expected, AlertAction):
        assert verdict is expected
    else:
        assert isinstance(verdict, str) and verdict.startswith("refused: ") and expected in verdict


def test_an_alert_halts_once_and_its_end_resumes_nothing(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running:
            operations = running.operations
            headers = await running.token(Scope.OPERATE, name="am")
            status, taken = await post(running, headers, alert(labels=HALT))
            assert (status, taken["begun"]) == (200, 1)
            assert operations.halted
            assert operations.asked == [("halt", "am", "alert LivetraderFeedDead: no feed is connected")]
            for _ in range(3):
                status, taken = await post(running, headers, alert(labels=HALT))
                assert (status, taken["begun"], taken["repeated"]) == (200, 0, 1)
            assert len(operations.asked) == 1 and len(operations.told) == 1
            (firing,) = operations.alerts.view().firing
            assert (firing.deliveries, firing.severity, firing.action) == (4, "critical", "halt")
            assert firing.outcome.startswith("halted (operation op-")
            assert operations.status().state == "halted"

            status, taken = await post(running, headers, alert(labels=HALT, status="resolved"))
            assert (status, taken["ended"]) == (200, 1)
            assert operations.halted, "an alert that is over resumes nothing"
            assert not operations.alerts.view().firing
            (past,) = operations.alerts.view().recent
            assert past.state is AlertState.RESOLVED
            assert past.ended_ns == 1_699_999_500 * 10**9  # 22:05 on that day

            begun, over = operations.told
            assert begun.urgency is Urgency.ALARM and "halted" in begun.message
            assert (begun.next_step, begun.url, begun.source) == ("look", "docs/runbook.md#x", "alert")
            assert over.resolved and over.key == begun.key and over.urgency is Urgency.WARNING
            assert "stays until somebody resumes" in over.message
            acted = [entry for entry in running.audit if entry.route.startswith("alert ")]
            assert [(entry.who, entry.route) for entry in acted] == [("am", "alert LivetraderFeedDead: halt")]
            assert sum(entry.route == "POST /v1/alerts" for entry in running.audit) == 5

    asyncio.run(scenario())


def test_the_same_rule_firing_later_acts_again(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running:
            headers = await running.token(Scope.OPERATE, name="am")
            for day in ("14", "15", "15"):
                start = f"2023-11-{day}T22:00:00Z"
                await post(running, headers, alert(labels=HALT, start=start))
            assert len(running.operations.asked) == 2

    asyncio.run(scenario())


def test_a_liquidation_is_done_first_and_only_where_it_was_written_down(serve: Serve) -> None:
    async def scenario(allow: tuple[AlertAction, ...]) -> list[str]:
        async with serve() as running:
            desk = running.operations.alerts
            ports = desk._ports
            object.__setattr__(ports, "settings", AlertSettings(allow=allow))
            name = f"am{len(allow)}"
            headers = await running.token(Scope.OPERATE, Scope.LIQUIDATE, name=name)
            sale = alert("Deep", labels=SELL, fingerprint="f2")
            status, _ = await post(running, headers, alert(labels=HALT), sale)
            assert status == 200
            await post(running, headers, sale)
            return [kind for kind, _, _ in running.operations.asked]

    assert asyncio.run(scenario((AlertAction.HALT, AlertAction.LIQUIDATE))) == ["liquidate", "halt"]


def test_without_a_word_in_the_settings_nothing_is_sold_and_people_hear_of_it(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running:
            headers = await running.token(Scope.OPERATE, Scope.LIQUIDATE, name="am")
            status, taken = await post(running, headers, alert("Deep", labels=SELL))
            assert status == 200 and "alerts.allow" in taken["actions"][0]
            assert running.operations.asked == [] and not running.operations.halted
            (told,) = running.operations.told
            assert told.urgency is Urgency.ALARM and "alerts.allow does not have 'liquidate'" in told.message
            refused = [entry for entry in running.audit if entry.route == "alert Deep: liquidate"]
            assert len(refused) == 1 and refused[0].outcome.startswith("refused")
            counted = running.metrics.exposition().decode()
            assert 'livetrader_alerts_total{kind="liquidate",outcome="refused"} 1.0' in counted
            await post(running, headers, alert("Deep", labels=SELL))
            assert len(running.operations.told) == 1, "a repeat of the refusal is not told again"

    asyncio.run(scenario())


def test_what_failed_is_answered_503_and_done_when_it_comes_again(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running:
            headers = await running.token(Scope.OPERATE, name="am")
            running.operations.failure = ControlRefusedError("the daemon is stopping")
            status, body = await post(running, headers, alert(labels=HALT))
            assert status == 503 and "the daemon is stopping" in body["message"]
            running.operations.failure = None
            status, _ = await post(running, headers, alert(labels=HALT))
            assert status == 200 and running.operations.halted
            assert [told.message.rpartition("; ")[2][:6] for told in running.operations.told] == [
                "failed", "halted",
            ]  # fmt: skip

    asyncio.run(scenario())


def test_a_restarted_daemon_neither_acts_nor_tells_again(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as first:
            headers = await first.token(Scope.OPERATE, name="am")
            await post(first, headers, alert(labels=HALT), alert("Other", fingerprint="f2"))
        async with serve() as second:
            headers = await second.token(Scope.OPERATE, name="am2")
            await second.operations.alerts.load()
            assert {each.name for each in second.operations.alerts.view().firing} == {
                "LivetraderFeedDead", "Other",
            }  # fmt: skip
            await post(second, headers, alert(labels=HALT))
            assert second.operations.asked == [] and second.operations.told == []
            await post(second, headers, alert("Other", fingerprint="f2", status="resolved"))
            assert [told.resolved for told in second.operations.told] == [True]

    asyncio.run(scenario())


def test_a_spoiled_memory_is_passed_over(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "alerts.json").write_text("{")

    async def scenario() -> None:
        async with serve() as running:
            headers = await running.token(Scope.OPERATE, name="am")
            assert (await post(running, headers, alert(labels=HALT)))[0] == 200
            assert running.operations.halted

    asyncio.run(scenario())
    assert json.loads((tmp_path / "alerts.json").read_text())["acted"]
    assert (tmp_path / "alerts.json").stat().st_mode & 0o777 == 0o600


def test_a_disk_that_takes_nothing_does_not_keep_an_alert_from_halting(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "alerts.json.new").mkdir()

    async def scenario() -> None:
        async with serve() as running:
            headers = await running.token(Scope.OPERATE, name="am")
            assert (await post(running, headers, alert(labels=HALT)))[0] == 200
            assert running.operations.halted

    asyncio.run(scenario())


def test_a_disk_that_hangs_keeps_no_alert_from_halting_or_selling(serve: Serve, tmp_path: Path) -> None:
    """A pipe that nobody reads stands in for it: opening it blocks for ever."""
    pipe = tmp_path / "alerts.json.new"
    os.mkfifo(pipe)

    async def scenario() -> None:
        async with serve() as running:
            ports = running.operations.alerts._ports
            object.__setattr__(ports, "settings", BOTH)
            headers = await running.token(Scope.OPERATE, Scope.LIQUIDATE, name="am")
            begun_s = asyncio.get_running_loop().time()
            for number, wish in enumerate((HALT, SELL, HALT)):
                sent = alert(f"A{number}", labels=wish, fingerprint=f"f{number}")
                assert (await post(running, headers, sent))[0] == 200
            assert [kind for kind, _, _ in running.operations.asked] == ["halt", "liquidate", "halt"]
            assert asyncio.get_running_loop().time() - begun_s < 2 * DISK_S, "only the first one waits"
            readers.append(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))  # the loop's end waits for its threads

    readers: list[int] = []
    asyncio.run(scenario())
    os.close(readers[0])


def test_what_the_daemon_tells_by_itself_is_booked_and_not_told_twice(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running:
            headers = await running.token(Scope.ALERT, name="am")
            quiet = alert("LivetraderDataStale", labels={"told_by": "livetrader"})
            assert (await post(running, headers, quiet))[0] == 200
            assert running.operations.told == []
            assert running.operations.status is not None
            assert [each.name for each in running.operations.alerts.view().firing] == ["LivetraderDataStale"]
            acting = alert("Acts", labels={"told_by": "livetrader"} | HALT, fingerprint="f3")
            await post(running, headers, acting)
            assert "lacks the scope" in running.operations.told[0].message, "a refused action is always told"

    asyncio.run(scenario())


def test_a_reader_of_the_stream_sees_an_alert_begin(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running:
            headers = await running.token(Scope.OPERATE, name="am")
            async with running.tcp() as session, session.get("/v1/events", headers=headers) as stream:
                await post(running, headers, alert())
                async for line in stream.content:
                    if line == b"event: alert\n":
                        break
                await stream.content.readline()
                told = json.loads((await stream.content.readline()).removeprefix(b"data: "))
                assert told["alert"]["name"] == "LivetraderFeedDead"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        ({"version": "3"}, 400),
        ({"alerts": [alert() | {"startsAt": "yesterday"}]}, 400),
        ({"alerts": [alert() | {"startsAt": "2023-11-14T22:00:00"}]}, 400),
        ({"alerts": [alert() | {"fingerprint": "../x"}]}, 400),
        ({"alerts": [alert() | {"status": "maybe"}]}, 400),
        ({"alerts": [alert()] * 1000}, 413),
        ({"alerts": [alert() | {"startsAt": "9999-12-31T23:59:59Z"}], "later": {"field": 1}}, 200),
        ({"alerts": [alert() | {"startsAt": "0001-01-01T00:00:00+23:59", "annotations": {}}]}, 200),
        ({"alerts": [alert(labels={f"l{n}": "x" * 300 for n in range(80)})]}, 200),
        ({"alerts": []}, 200),
    ],
)
def test_odd_deliveries_are_refused_or_taken_but_break_nothing(
    serve: Serve, spoil: dict[str, Any], status: int
) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            headers = await running.token(Scope.ALERT, Scope.READ, name="am")
            body = delivery(alert()) | spoil
            async with session.post("/v1/alerts", headers=headers, json=body) as answer:
                assert answer.status == status, await answer.text()
            async with session.get("/v1/alerts", headers=headers) as answer:
                assert answer.status == 200
                assert len((await answer.json())["firing"]) == (status == 200 and bool(body["alerts"]))

    asyncio.run(scenario())


def test_twenty_of_the_longest_rules_fit_into_one_delivery() -> None:
    """alertmanager.yml sends 20 at most: a larger body would be refused, and the alerts lost."""
    groups = yaml.safe_load((ROOT / "config" / "alerts.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert "max_alerts: 20 " in (ROOT / "config" / "alertmanager.yml").read_text()
    sent = [
        alert(rule["alert"], labels={"instance": "trader.example.org:8765", "process": "supervisor"})
        | {"annotations": rule["annotations"], "generatorURL": "http://x/graph?g0.expr=" + rule["expr"] * 2}
        for rule in rules
    ]
    longest = sorted(sent, key=lambda each: -len(json.dumps(each)))[:20]
    assert len(json.dumps(delivery(*longest))) < BODY_LIMIT


def test_the_book_is_bounded_and_the_quietest_makes_room() -> None:
    book = AlertBook(unheard_ns=10**9)
    for number in range(FIRING_LIMIT + 10):
        severity = "info" if number % 2 else "critical"
        book.put(msgspec.structs.replace(one({}, severity), fingerprint=f"f{number}"))
    view = book.view()
    assert len(view.firing) == FIRING_LIMIT and view.forgotten == 10
    kept = {each.fingerprint for each in view.firing}
    assert {f"f{number}" for number in range(0, FIRING_LIMIT + 10, 2)} <= kept
    assert not kept & {f"f{number}" for number in range(1, 20, 2)}, "the oldest of the quietest went"
    assert view.firing[0].severity == "critical" and view.firing[-1].severity == "info"
    counts = book.counts()
    assert counts.firing == FIRING_LIMIT and sum(counts.by_severity.values()) == FIRING_LIMIT

    book.expire(NOW_NS + 10**9)
    assert len(book.view().firing) == FIRING_LIMIT, "not yet"
    book.expire(NOW_NS + 10**9 + 1)
    assert not book.view().firing and book.counts().firing == 0
    assert len(book.view().recent) == RECENT_LIMIT
    assert {each.state for each in book.view().recent} == {AlertState.UNHEARD}


def test_an_alert_that_is_heard_again_stands_in_one_list_and_ends_as_it_ended() -> None:
    book, fires = AlertBook(unheard_ns=10**9), one({}, "warning")
    book.put(fires)
    book.expire(fires.heard_ns + 10**9 + 1)
    assert [each.state for each in book.view().recent] == [AlertState.UNHEARD]
    book.put(fires)
    assert book.view().recent == () and len(book.view().firing) == 1
    over = msgspec.structs.replace(fires, state=AlertState.RESOLVED, ended_ns=fires.heard_ns + 5)
    book.put(over)
    assert book.view().recent == (over,) and book.view().firing == ()


def test_who_is_expected_is_missed_once_and_heard_again_once(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running:
            desk, told = running.operations.alerts, running.operations.told
            desk._watchdog = Watchdog(900.0, running.clock_s)
            headers = await running.token(Scope.ALERT, Scope.READ, name="am")
            sign = alert("LivetraderWatchdog", labels={"severity": "info"})

            running.clock_s += 890.0
            desk.look()
            assert told == [] and desk.view().watchdog_age_s is None
            assert (await post(running, headers, sign))[0] == 200
            running.clock_s += 900.0
            desk.look()
            assert told == [] and desk.view().watchdog_age_s == 900.0
            assert desk.view().firing == (), "a sign of life is no alert"
            running.clock_s += 0.1
            for _ in range(3):
                desk.look()
            assert [each.title for each in told] == ["nobody watches"] and told[0].next_step
            for _ in range(3):
                await post(running, headers, sign)
            assert [each.title for each in told] == ["nobody watches", "watched again"]
            assert told[1].resolved and told[1].key == told[0].key
            await post(running, headers, sign | {"status": "resolved"})
            running.clock_s += 900.1
            desk.look()
            assert len(told) == 3, "its end is no sign of life"

    asyncio.run(scenario())


def test_nobody_is_missed_who_is_not_expected() -> None:
    assert not Watchdog(0.0, 0.0).missed(1e9)


def test_alerts_are_shown_to_a_person_as_text_and_never_as_markup(daemon: Daemon) -> None:
    def text_of(view: AlertsView) -> str:
        shown = io.StringIO()
        Console(width=200, file=shown).print(alerts_view(view))
        return shown.getvalue()

    assert "nothing fires" in text_of(AlertsView())
    nasty = msgspec.convert(
        delivery(alert("[bold]x\x1b[2J", labels={"severity": "critical"})), WebhookBody
    ).alerts[0]
    shown = text_of(AlertsView(firing=(viewed(nasty, NOW_NS),)))
    assert "[bold]x" in shown and "\x1b" not in shown and "do: look" in shown

    body = msgspec.convert(delivery(alert()), WebhookBody)
    desk = daemon.operations.alerts
    daemon.do(lambda: desk._book.put(viewed(body.alerts[0], NOW_NS)))
    done = CliRunner().invoke(cli, ["alerts", "--state-directory", str(daemon.folder)])
    assert done.exit_code == 0 and "CRITICAL  LivetraderFeedDead" in done.output
    done = CliRunner().invoke(cli, ["alerts", "--state-directory", str(daemon.folder), "--json"])
    assert json.loads(done.output)["firing"][0]["name"] == "LivetraderFeedDead"


def test_the_status_counts_what_fires() -> None:
    book = AlertBook(unheard_ns=10**18)
    book.put(one({}))
    status = msgspec.structs.replace(_status(), alerts=book.counts())
    shown = io.StringIO()
    Console(width=200, file=shown).print(status_view(status))
    assert "1 critical; LivetraderFeedDead: no feed is connected" in shown.getvalue()


def _status() -> Any:
    from tests.unit.daemon.control.conftest import FakeOperations

    return asyncio.run(_made(FakeOperations))


async def _made(kind: Callable[[], Any]) -> Any:
    return kind().status()
