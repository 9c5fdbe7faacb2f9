"""The whole way round: a vendor dies, Prometheus notices, Alertmanager tells, the daemon halts, people hear.

Real programs on loopback, with the files of config/: only addresses, tokens and waits are other ones. The
steps build on each other and are one test; the dashboard is asked while everything runs.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from livetrader.cli.main import cli
from livetrader_venues.polygon.access import Access
from livetrader_venues.polygon.peer import Peer
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import stocks
from livetrader_venues.web.threads import Threaded
from tests.alerts.names import metrics_of
from tests.alerts.programs import Served, alertmanager, free_port, program, prometheus
from tests.repository.sources import ROOT
from tests.scenario.daemons import Daemon
from tests.scenario.test_feeds import KEY, Tape, daemon_at

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

CONFIG = ROOT / "config"
RULE = "LivetraderFeedDead"
# Series that appear with the first event of their kind.
LATER = {"ALERTS"} | {
    f"livetrader_{name}"
    for name in (
        "alerts_total", "feed_points_refused", "kill_switch_trips_total", "model_drift", "model_version",
        "not_ready", "notifications_total", "orders_denied_total", "orders_rejected_total",
        "reconnects_total", "training_jobs_total", "venue_clock_offset_seconds",
    )
}  # fmt: skip
VARIABLES = {"$account": ".*", "$instance": ".*", "$__rate_interval": "1m", "$__range": "1m"}


@dataclass(frozen=True)
class Watched:
    """A daemon that trades, and who watches it."""

    daemon: Daemon
    prometheus: Served
    alertmanager: Served

    def expression(self, text: str) -> dict[str, Any]:
        """Return Prometheus' answer to an expression, with Grafana's variables filled in."""
        for variable, value in VARIABLES.items():
            text = text.replace(variable, value)
        return dict(self.prometheus.get("/api/v1/query", query=text))

    def value(self, text: str) -> float | None:
        """Return the value of an expression that has one."""
        found = self.expression(text)["data"]["result"]
        return float(found[0]["value"][1]) if found else None

    def alerts(self) -> dict[str, Any]:
        """Return what the daemon says of alerts."""
        code, answer = self.daemon.request("GET", "/v1/alerts")
        return answer if code == 200 else {"firing": [], "recent": []}

    def one(self, kind: str, name: str = RULE) -> dict[str, Any] | None:
        """Return an alert that the daemon was told of."""
        return next((alert for alert in self.alerts()[kind] if alert["name"] == name), None)


def a_peer(port: int) -> Peer:
    market = Market.recorded([], stocks(12, seed=1))
    return Peer(market, clock=time.time_ns, access=(Access(KEY),), port=port)


def token(daemon: Daemon, name: str, *scopes: str) -> Path:
    """Make a token with the command line, into a file as the programs want it."""
    words = ["token", "new", name, "--config", str(daemon.config)]
    for scope in scopes:
        words += ["--scope", scope]
    made = CliRunner().invoke(cli, words)
    assert made.exit_code == 0, made.output
    file = daemon.folder / f"{name}.token"
    file.write_text(made.stdout.strip())
    return file


def write_prometheus(folder: Path, control: int, alerting: int, credentials: Path) -> None:
    config = yaml.safe_load((CONFIG / "prometheus.yml").read_text())
    config["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    (job,) = config["scrape_configs"]
    job["authorization"]["credentials_file"] = str(credentials)
    job["static_configs"][0]["targets"] = [f"127.0.0.1:{control}"]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{alerting}"]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    rules = yaml.safe_load((CONFIG / "alerts.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            if rule["alert"] == RULE:
                rule["for"] = "1s"
    (folder / "alerts.yml").write_text(yaml.safe_dump(rules))


def write_alertmanager(folder: Path, control: int, credentials: Path) -> None:
    config = yaml.safe_load((CONFIG / "alertmanager.yml").read_text())
    config["route"] |= {"group_wait": "0s", "group_interval": "1s"}
    hooks = [hook for receiver in config["receivers"] for hook in receiver.get("webhook_configs", ())]
    assert len(hooks) == 2
    for hook in hooks:
        hook["url"] = hook["url"].replace("8765", str(control))
        hook["http_config"]["authorization"]["credentials_file"] = str(credentials)
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))


class Ears(ThreadingHTTPServer):
    """Where people hear: takes every POST on loopback while the block lasts."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Keep quiet."""

        super().__init__(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self.serve_forever, name="ears")

    def __enter__(self) -> Ears:
        self._thread.start()
        return self

    def __exit__(self, *of: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def about(self, word: str) -> list[str]:
        """Return what was heard with a word in its title."""
        return [str(told["message"]) for told in self.heard if word in str(told["title"])]


@contextmanager
def watched(folder: Path, peer: Threaded[Peer], ears: Ears) -> Iterator[Watched]:
    """Start everything, in the order in which an operator does."""
    daemon = daemon_at(folder, [peer])
    control, scraping, alerting = free_port(), free_port(), free_port()
    text = daemon.config.read_text().replace("port = 0", f"port = {control}")
    daemon.config.write_text(
        f"""{text}
        [alerts]
        allow = ["halt", "liquidate"]
        [[notify.channel]]
        plugin = "apprise"
        name = "ears"
        url = "json://127.0.0.1:{ears.server_port}/"
        """
    )
    write_prometheus(folder, control, alerting, token(daemon, "prometheus", "read"))
    write_alertmanager(folder, control, token(daemon, "alertmanager", "operate", "liquidate"))
    daemon.start()
    try:
        daemon.until(lambda: daemon.status() and daemon.holdings(), "the first share")
        with alertmanager(folder, alerting) as telling, prometheus(folder, scraping) as watching:
            yield Watched(daemon, watching, telling)
    finally:
        daemon.close()


def check_every_question(seen: Watched) -> None:
    """Ask Prometheus every expression of the dashboard and of the rules."""
    seen.daemon.until(lambda: (seen.value("count_over_time(livetrader_ready[1m])") or 0) >= 4, "four scrapes")
    drawn = json.loads((CONFIG / "grafana-dashboard.json").read_text())
    asked = [target["expr"] for panel in drawn["panels"] for target in panel.get("targets", ())]
    asked += [note["expr"] for note in drawn["annotations"]["list"]]
    assert len(asked) > 100
    there = set(seen.prometheus.get("/api/v1/label/__name__/values")["data"])
    empty = []
    for text in asked:
        answer = seen.expression(text)
        assert answer["status"] == "success", (text, answer)
        if not answer["data"]["result"]:
            empty += [text]
            assert metrics_of(text) <= there | LATER, text
    assert len(empty) < len(asked) / 4, empty
    for variable in drawn["templating"]["list"][1:]:
        name = variable["name"]
        found = seen.prometheus.get(f"/api/v1/label/{name}/values", **{"match[]": "livetrader_ready"})
        assert len(found["data"]) == 1, variable
    groups = seen.prometheus.get("/api/v1/rules")["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 60 and {rule["health"] for rule in rules} == {"ok"}
    assert seen.value('up{job="livetrader"}') == 1


def check_the_death(seen: Watched, ears: Ears) -> None:
    """The feed is dead: the alert fires, the daemon halts, people hear of it once."""
    daemon = seen.daemon
    begun_s = time.monotonic()
    daemon.until(lambda: seen.value("max(livetrader_feed_connected)") == 0, "the metric")
    daemon.until(lambda: seen.value(f'ALERTS{{alertname="{RULE}",alertstate="firing"}}'), "the rule")
    daemon.until(lambda: (daemon.status() or {}).get("state") == "halted", "the halt")
    print(f"from the vendor's death to the halt: {time.monotonic() - begun_s:.1f} s")
    fired = seen.one("firing")
    assert fired is not None and fired["outcome"].startswith("halted (operation ")
    assert (fired["severity"], fired["labels"]["account"]) == ("critical", "paper")
    daemon.until(lambda: ears.about(RULE), "the word to people")
    assert "no feed is connected" in ears.about(RULE)[0] and "halted" in ears.about(RULE)[0]
    status = daemon.status()
    assert status["halted"] and status["alerts"]["by_severity"]["critical"] >= 1
    assert not status["kill_switch"]["latched"]


def check_the_recovery(seen: Watched, ears: Ears) -> None:
    """The feed is back: the alert is over, people hear that, the daemon stays halted until it may go on."""
    daemon = seen.daemon
    daemon.until(lambda: seen.one("recent"), "the end of the alert")
    assert seen.alerts()["watchdog_age_s"] is not None, "the alert that always fires came, too"
    over = seen.one("recent")
    assert over is not None and over["state"] == "resolved" and over["ended_ns"] > over["started_ns"]
    assert seen.one("firing") is None
    daemon.until(lambda: ears.about(f"{RULE} is over"), "the word that it is over")
    assert daemon.status()["halted"], "an alert that is over resumes nothing"
    held = daemon.holdings()[0]["quantity"]
    code, _ = daemon.request("POST", "/v1/resume", {"reason": "the feed is back"})
    assert code == 202
    daemon.until(lambda: daemon.holdings()[0]["quantity"] != held, "the next share")
    audit = [line for line in daemon.log.read_text().splitlines() if '"alert_action"' in line]
    assert len(audit) == 1, "once, however often Alertmanager came"


def sell_everything(seen: Watched) -> None:
    """Tell Alertmanager of an alert that liquidates, as a rule of one's own would."""
    words = ["alertname=MyLimit", "account=paper", "severity=critical", "livetrader_action=liquidate"]
    done = subprocess.run(
        [program("amtool"), "alert", "add", *words, "--annotation=summary=enough",
         f"--alertmanager.url={seen.alertmanager.url}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    seen.daemon.until(seen.daemon.is_flat, "a flat account")
    status = seen.daemon.status()
    assert status["kill_switch"]["source"] == "alertmanager" and "MyLimit" in status["kill_switch"]["reason"]
    assert seen.daemon.holdings() == []


def test_a_dead_feed_halts_the_daemon_by_way_of_prometheus_and_its_return_is_told(tmp_path: Path) -> None:
    program("prometheus"), program("prometheus-alertmanager")
    port = free_port()
    with ExitStack() as stack:
        ears = stack.enter_context(Ears())
        first = ExitStack()
        stack.callback(first.close)
        peer = first.enter_context(Threaded(lambda: a_peer(port)))
        first.enter_context(Tape([peer]))
        seen = stack.enter_context(watched(tmp_path, peer, ears))
        check_every_question(seen)
        first.close()  # the vendor is gone: connections are cut, new ones refused
        check_the_death(seen, ears)
        second = stack.enter_context(Threaded(lambda: a_peer(port)))
        with Tape([second]):
            check_the_recovery(seen, ears)
            sell_everything(seen)
