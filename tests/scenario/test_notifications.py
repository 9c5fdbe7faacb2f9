"""A paper daemon that has something to say: real mail and web receivers, and some that never answer."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notifying.receivers import MailReceiver, WebReceiver
from tests.scenario.daemons import WAIT_S, Daemon, write_market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

TALKER = """
from AlgorithmImports import *


class Talker(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        self.bars = 0

    def on_data(self, data):
        self.bars += 1
        if self.bars == 2:
            answers = [
                self.notify.email("you@example.com", "rebalanced", "10 orders", "symbol,quantity"),
                self.Notify.Sms("+15551234", "bought"),
                self.notify.web("{hook}/bar", {{"bar": self.bars}}, {{"X-Key": "k"}}),
                self.notify.telegram("42", "hello"),
            ]
            self.log(f"answers {{answers}}")
        self.market_order(self.spy, 10 if self.bars % 2 else -5)
"""

CHANNELS = """
[[notify.channel]]
name = "first"
plugin = "direct"
url = "{first}"

[[notify.channel]]
name = "mail"
plugin = "apprise"
url = "{mail}&to=operator@example.com"
email = "{mail}&to={{to}}"
sms = "json://127.0.0.1:{port}/sms/{{to}}"
telegram = "json://127.0.0.1:{port}/telegram/{{to}}"
"""


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    receiver = WebReceiver()
    yield receiver
    receiver.close()


@pytest.fixture
def mail() -> Iterator[MailReceiver]:
    receiver = MailReceiver(password="s3cret-pw")
    yield receiver
    receiver.close()


@pytest.fixture
def daemon(tmp_path: Path, web: WebReceiver, mail: MailReceiver) -> Iterator[Daemon]:
    write_market(tmp_path / "data", lambda minute: 300.0)
    sections: dict[str, dict[str, object]] = {
        "notify": {"attempt_limit_s": 1.0, "retry_s": 0.2, "retry_max_s": 1.0},
    }
    made = Daemon(tmp_path, TALKER.format(hook=web.url), sections)
    smtp = f"mailto://livetrader:s3cret-pw@127.0.0.1:{mail.port}?mode=insecure&from=daemon@example.com"
    channels = CHANNELS.format(first=f"{web.url}/operator", mail=smtp, port=web.port)
    made.config.write_text(made.config.read_text() + channels)
    yield made
    made.close()


def command(daemon: Daemon, *words: str) -> str:
    """Run `livetrader notify`."""
    done = subprocess.run(
        [sys.executable, "-m", "livetrader", "notify", *words],
        capture_output=True, text=True, timeout=WAIT_S * 2, check=False, cwd=daemon.folder,
    )  # fmt: skip
    assert done.returncode in (0, 6), done.stderr
    return done.stdout


def notifications(daemon: Daemon, *, open_only: bool = False) -> list[dict[str, object]]:
    code, answer = daemon.request("GET", f"/v1/notifications?open={str(open_only).lower()}&limit=500")
    assert code == 200, answer
    return list(answer["notifications"])


def is_running(daemon: Daemon) -> bool:
    status = daemon.status()
    return bool(status and status["state"] == "running" and status["engine"]["steps"] > 5)


def test_an_algorithm_sends_mail_and_messages_and_the_operator_looks_after_the_rest(
    daemon: Daemon, web: WebReceiver, mail: MailReceiver
) -> None:
    daemon.start()
    daemon.until(lambda: is_running(daemon), "trading")
    daemon.until(lambda: len(web.requests) >= 3 and mail.mails, "four messages")
    by_path = {path: (headers, body) for path, headers, body in web.requests}
    assert by_path["/bar"][0]["X-Key"] == "k" and json.loads(by_path["/bar"][1]) == {"bar": 2}
    assert json.loads(by_path["/sms/+15551234"][1])["message"] == "bought"
    assert json.loads(by_path["/telegram/42"][1])["message"] == "hello"
    assert mail.addressees == [["you@example.com"]]
    (text,) = mail.texts()
    assert "rebalanced" in text and "10 orders" in text and "symbol,quantity" in text
    assert "answers [True, True, True, True]" in daemon.log.read_text()

    assert command(daemon, "test", str(daemon.config)).splitlines() == ["first: ok", "mail: ok"]
    web.status = 500
    daemon.request("POST", "/v1/halt", {"reason": "a drill"})
    tried = command(daemon, "test", str(daemon.config), "--channel", "first")
    assert "first: 127.0.0.1 answered 500" in tried
    shown = command(daemon, "list", str(daemon.config))
    assert "answered 500" in shown and "email to you@example.com" in shown
    assert json.loads(command(daemon, "ack", "all", "-c", str(daemon.config), "--json")) is not None
    code, _ = daemon.request("POST", "/v1/notifications/999999/ack", {})
    assert code == 404
    journal = (daemon.state / "journal.sqlite3").read_bytes().decode(errors="replace")
    assert "s3cret-pw" not in f"{daemon.log.read_text()} {journal} {shown}"


def fire(daemon: Daemon, name: str) -> None:
    """Say what Alertmanager says when a critical alert fires."""
    alert = {
        "status": "firing", "fingerprint": name, "startsAt": "2020-03-10T14:00:00Z",
        "labels": {"alertname": name, "severity": "critical"}, "annotations": {"summary": "drill"},
    }  # fmt: skip
    code, answer = daemon.request("POST", "/v1/alerts", {"version": "4", "alerts": [alert]})
    assert code == 200, answer


def test_hanging_receivers_never_touch_trading_and_their_alarm_outlives_a_kill(
    daemon: Daemon, web: WebReceiver, mail: MailReceiver
) -> None:
    web.hangs = mail.hangs = True
    daemon.start()
    daemon.until(lambda: is_running(daemon), "trading")
    before, engine = daemon.status()["engine"]["steps"], daemon.engine_pid()
    fire(daemon, "Drill")
    daemon.until(lambda: daemon.status()["engine"]["steps"] > before + 20, "more steps")
    code, orders = daemon.request("GET", "/v1/orders?limit=200")
    assert code == 200 and sum(order["status"] == "filled" for order in orders) > 10
    (alarm,) = [each for each in notifications(daemon, open_only=True) if each["urgency"] == "alarm"]
    daemon.until(lambda: told(daemon, alarm["id"])["deliveries"], "an attempt")
    daemon.send(signal.SIGKILL)
    daemon.wait()
    daemon.until_gone(engine)
    assert not mail.mails and not [path for path, *_ in web.requests if path == "/operator"]

    mail.hangs = False
    daemon.start()
    daemon.until(lambda: any("ALARM: alert Drill" in text for text in mail.texts()), "the alarm of before")
    assert json.loads(command(daemon, "ack", str(alarm["id"]), "-c", str(daemon.config), "--json"))
    assert told(daemon, alarm["id"])["state"] == "acknowledged"
    daemon.until(lambda: is_running(daemon), "trading again")
    mail.hangs = True
    fire(daemon, "Another")
    daemon.liquidate()
    assert daemon.until(lambda: daemon.is_flat(), "flat") < WAIT_S / 2


def told(daemon: Daemon, number: object) -> dict[str, object]:
    """Return one notification."""
    (found,) = [each for each in notifications(daemon) if each["id"] == number]
    return found
