"""The shipped units under a real systemd: notified, watched, restarted, and at last liquidated."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from livetrader.journal.records import SCHEMA_VERSION
from livetrader_plugins.lean_data.writer import write_minute, write_reference
from tests.repository.wheels import built_wheel
from tests.system.harness import (
    LOG_FOLDER,
    UNIT_FOLDER,
    BootedSystem,
    Layer,
    make_layer,
    unavailable,
    wait_until,
)
from tests.unit.daemon.old_journals import ACCOUNT, write_journal

REASON = unavailable()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.system,
    pytest.mark.timeout(120),  # boots, builds a wheel, waits for a watchdog
    pytest.mark.skipif(REASON is not None, reason=REASON or ""),
]

LIVETRADER = "/opt/livetrader/bin/livetrader"
DAEMON, LIQUIDATION = "livetrader@.service", "livetrader-liquidate@.service"
START_LIMIT_S = 30.0
RESTARTS = 2  # of the drop-in below; the shipped unit has five in ten minutes
DAY = date(2020, 1, 6)  # a Monday
STEADY_PRICE = 100.0

DROP_IN = f"""
[Service]
StandardOutput=append:{LOG_FOLDER}/%p@%i
StandardError=append:{LOG_FOLDER}/%p@%i
"""
DAEMON_DROP_IN = f"""
[Unit]
StartLimitBurst={RESTARTS}
[Service]
WatchdogSec=2s
RestartSec=100ms
"""

ALGORITHM = """
from AlgorithmImports import *


class BuyOnce(QCAlgorithm):
    def initialize(self):
        self.set_cash(100_000)
        self.one = self.add_equity("ONE", Resolution.MINUTE).symbol

    def on_data(self, slice):
        if not self.portfolio.invested:
            self.market_order(self.one, 100)
"""

# One minute lasts one minute: the market is open for as long as a test can take.
CONFIGURATION = """
[algorithm]
path = "/opt/algorithms/buy_once.py"

[account]
name = "{name}"

[brokerage]
plugin = "paper"

[feed]
plugin = "replay"
start = "{day}"
end = "{day}"
speed = 1.0

[data]
folder = "/opt/data"

[control]
port = 0
"""


def _fill(layer: Layer) -> None:
    """Put units, algorithm and prices where the units and the configurations look for them."""
    for name in (DAEMON, LIQUIDATION):
        layer.unit(f"{name}.d/logs.conf", DROP_IN)
    layer.unit(f"{DAEMON}.d/short.conf", DAEMON_DROP_IN)
    layer.write("/opt/algorithms/buy_once.py", ALGORITHM)
    data = layer.folder / "opt/data"
    price = STEADY_PRICE
    minutes = [((570 + n) * 60_000, price, price, price, price, 1_000_000) for n in range(390)]
    write_minute(data, "ONE", DAY, minutes)
    write_reference(data, {"ONE": DAY}, date(2019, 12, 1), date(2020, 2, 1))


def _configure(layer: Layer, name: str) -> None:
    layer.write(f"/opt/given/{name}.toml", CONFIGURATION.format(name=name, day=DAY))


def install(system: BootedSystem, name: str, *words: str) -> dict[str, Any]:
    """Run `livetrader install-service` inside and return its answer."""
    options = ("--unit-folder", UNIT_FOLDER, "--json", *words)
    done = system.run(LIVETRADER, "install-service", f"/opt/given/{name}.toml", *options)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def outcomes(answer: dict[str, Any], word: str) -> dict[str, str]:
    """Return the outcomes of the steps that a word names."""
    return {step["what"]: step["outcome"] for step in answer["steps"] if word in step["what"]}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BootedSystem]:
    folder = tmp_path_factory.mktemp("system")
    layer = make_layer(folder / "layer", built_wheel())
    _fill(layer)
    names = ("first", "hung", "spent", "upgraded")
    for name in names:
        _configure(layer, name)
    layer.write("/etc/livetrader/wrong.toml", "[algoritm]\npath = 'x.py'\n")
    with BootedSystem(folder, layer) as booted:
        booted.installed = {name: install(booted, name) for name in names}
        yield booted


class Account:
    """One instance of the daemon's unit, and its account."""

    def __init__(self, system: BootedSystem, name: str, folder: Path) -> None:
        self.system, self.name, self._copy = system, name, folder / "paper.sqlite3"
        self.unit = f"livetrader@{name}.service"
        self.liquidation = f"livetrader-liquidate@{name}.service"
        self.state = f"/var/lib/livetrader/{name}"

    def explain(self) -> str:
        """Return what systemd and the daemon have to say, for the message of a failed assertion."""
        status = self.system.run("systemctl", "status", "--no-pager", self.unit, self.liquidation).stdout
        logs = (f"livetrader@{self.name}", f"livetrader-liquidate@{self.name}")
        return "\n".join([status, *(self.system.log(log)[-4000:] for log in logs)])

    def start(self) -> None:
        done = self.system.run("systemctl", "start", self.unit)
        assert done.returncode == 0, done.stderr + self.explain()

    def wait(
        self, what: str, unit: str | None = None, limit_s: float = START_LIMIT_S, **expected: str
    ) -> None:
        """Wait until the unit's properties are as expected."""

        def holds() -> bool:
            return self.system.show(unit or self.unit, *expected) == expected

        try:
            wait_until(holds, limit_s, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.explain()}") from error

    def main_pid(self) -> str:
        return self.system.show(self.unit, "MainPID")["MainPID"]

    def positions(self) -> dict[str, str]:
        """Return what the paper account itself holds, read from a copy of its database."""
        for suffix in ("", "-wal"):
            place = f"{self.state}/brokerage/paper.sqlite3{suffix}"
            content = self.system.read(place)
            copy = self._copy.with_name(self._copy.name + suffix)
            copy.unlink(missing_ok=True)
            if content is not None:
                copy.write_bytes(content)
        if not self._copy.exists():
            return {}
        database = sqlite3.connect(self._copy)
        try:
            return dict(database.execute("SELECT symbol, quantity FROM positions"))
        except sqlite3.OperationalError:  # copied between the file and its first table
            return {}
        finally:
            database.close()

    def wait_for_position(self) -> None:
        try:
            wait_until(lambda: list(self.positions().values()) == ["100"], START_LIMIT_S, "100 held")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.positions()}\n{self.explain()}") from error


@pytest.fixture
def account(system: BootedSystem, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Account]:
    account = Account(system, request.param, tmp_path)
    yield account
    system.run("systemctl", "stop", account.unit, account.liquidation)
    system.run("systemctl", "reset-failed")


@pytest.mark.parametrize("account", ["first"], indirect=True)
def test_start_returns_when_the_daemon_is_ready_and_stop_keeps_positions(account: Account) -> None:
    account.start()
    shown = account.system.show(account.unit, "ActiveState", "SubState", "NRestarts", "User")
    assert shown == {"ActiveState": "active", "SubState": "running", "NRestarts": "0", "User": "livetrader"}
    account.wait_for_position()
    owner = account.system.run("stat", "--format=%U %a", account.state).stdout.split()
    assert owner == ["livetrader", "700"]
    stopped = account.system.run("systemctl", "stop", account.unit)
    assert stopped.returncode == 0
    account.wait("stopped in good order", ActiveState="inactive", Result="success")
    assert list(account.positions().values()) == ["100"]


@pytest.mark.parametrize("account", ["hung"], indirect=True)
def test_a_hung_daemon_is_killed_by_the_watchdog_and_started_again(account: Account) -> None:
    account.start()
    account.wait_for_position()
    hung = account.main_pid()
    account.system.run("kill", "-STOP", hung)
    account.wait("restarted", ActiveState="active", SubState="running", NRestarts="1")
    assert account.main_pid() != hung
    assert list(account.positions().values()) == ["100"]  # neither lost nor bought twice
    assert account.system.show(account.liquidation, "ExecMainStartTimestampMonotonic") == {
        "ExecMainStartTimestampMonotonic": "0"
    }


@pytest.mark.parametrize("account", ["spent"], indirect=True)
def test_spent_restarts_end_in_a_flat_and_latched_account(account: Account) -> None:
    account.start()
    account.wait_for_position()
    for death in range(1, RESTARTS):
        account.system.run("kill", "-KILL", account.main_pid())
        account.wait("restarted", ActiveState="active", SubState="running", NRestarts=str(death))
    account.system.run("kill", "-KILL", account.main_pid())
    account.wait("given up", ActiveState="failed", Result="signal")
    account.wait(
        "liquidated",
        account.liquidation,
        ActiveState="inactive",
        Result="success",
        ExecMainCode="1",
        ExecMainStatus="0",
    )
    assert account.positions() == {}, account.explain()
    assert account.system.run("test", "-e", f"{account.state}/kill.latch").returncode == 0


@pytest.mark.parametrize("account", ["wrong"], indirect=True)
def test_wrong_settings_neither_restart_nor_liquidate(account: Account) -> None:
    done = account.system.run("systemctl", "start", account.unit)
    assert done.returncode != 0
    account.wait("given up at once", ActiveState="failed", ExecMainStatus="2", NRestarts="0")
    account.wait("asked", account.liquidation, ActiveState="inactive", Result="success", ExecMainCode="1")
    assert "algoritm" in account.system.log("livetrader@wrong")
    assert account.system.log("livetrader-liquidate@wrong") == "left alone\n"


def test_installing_made_user_folders_and_one_token_and_makes_none_again(system: BootedSystem) -> None:
    answers = system.installed
    assert outcomes(answers["first"], "user ") == {"user livetrader": "made"}
    assert outcomes(answers["hung"], "user ") == {"user livetrader": "unchanged"}
    tokens = {step["secret"] for answer in answers.values() for step in answer["steps"] if step["secret"]}
    assert len(tokens) == len(answers)
    again = install(system, "first")
    assert {step["outcome"] for step in again["steps"]} == {"unchanged", "done"}
    assert not any(step["secret"] for step in again["steps"])
    made = system.run(LIVETRADER, "token", "new", "grafana", "--config", "/etc/livetrader/first.toml")
    assert made.returncode == 0, made.stderr  # root's work, and the daemon can still read its tokens
    shown = system.run("stat", "--format=%n %U:%G %a", "/etc/livetrader", "/etc/livetrader/first.toml",
                       "/var/lib/livetrader/first", "/var/lib/livetrader/first/tokens.json")  # fmt: skip
    assert shown.stdout.splitlines() == [
        "/etc/livetrader root:livetrader 750",
        "/etc/livetrader/first.toml root:livetrader 640",
        "/var/lib/livetrader/first livetrader:livetrader 700",
        "/var/lib/livetrader/first/tokens.json livetrader:livetrader 600",
    ]
    found = system.run(LIVETRADER, "doctor", "/etc/livetrader/first.toml", "--json")
    levels = {each["check"]: each["level"] for each in json.loads(found.stdout)["findings"]}
    for check in ("systemd", "configuration", "permissions", "brokerage paper", "feed replay"):
        assert levels[check] == "ok", found.stdout
    assert system.run("getent", "passwd", "livetrader").stdout.endswith(":/usr/sbin/nologin\n")


@pytest.mark.parametrize("account", [ACCOUNT], indirect=True)
def test_an_upgrade_keeps_the_old_journal_and_a_downgrade_is_left_alone(
    account: Account, tmp_path: Path
) -> None:
    system, journal = account.system, f"{account.state}/journal.sqlite3"
    write_journal(tmp_path / "journal.sqlite3", 2)
    system.put(journal, (tmp_path / "journal.sqlite3").read_bytes(), "livetrader")
    account.start()
    (tmp_path / "kept.sqlite3").write_bytes(system.read(f"{journal}.schema-2") or b"")
    kept = sqlite3.connect(tmp_path / "kept.sqlite3")
    assert kept.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone() == ("2",)
    kept.close()
    done = system.run(LIVETRADER, "status", f"/etc/livetrader/{ACCOUNT}.toml", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "halted"  # as it was before the upgrade
    copy = system.run(LIVETRADER, "backup", f"/etc/livetrader/{ACCOUNT}.toml", "--output", "/tmp/b.tar.gz")
    assert copy.returncode == 0, copy.stderr
    system.run("systemctl", "stop", account.unit)
    newer = f"UPDATE meta SET value = '{SCHEMA_VERSION + 1}' WHERE key = 'schema_version'"
    words = f"import sqlite3; c = sqlite3.connect('{journal}'); c.execute({newer!r}); c.commit()"
    assert system.run("/opt/livetrader/bin/python", "-c", words).returncode == 0
    assert system.run("systemctl", "start", account.unit).returncode != 0
    account.wait("refused at once", ActiveState="failed", ExecMainStatus="2", NRestarts="0")
    account.wait("asked", account.liquidation, ActiveState="inactive", Result="success", ExecMainCode="1")
    assert system.log(f"livetrader-liquidate@{ACCOUNT}") == "left alone\n"
    system.run("systemctl", "reset-failed")
    restore = (LIVETRADER, "restore", "/tmp/b.tar.gz", f"/etc/livetrader/{ACCOUNT}.toml", "--yes", "--json")
    assert system.run(*restore).returncode == 6  # rows were written since
    back = system.run(*restore, "--replace-newer")
    assert back.returncode == 0, back.stderr
    account.start()  # as the user livetrader again, although root has restored it
    owner = system.run("stat", "--format=%U %a", journal).stdout.split()
    assert owner[0] == "livetrader"


def test_uninstalling_ends_the_service_and_keeps_the_account(system: BootedSystem) -> None:
    """Last in this file: the account is gone from systemd after it."""
    words = ("--unit-folder", UNIT_FOLDER, "--json")
    done = system.run(LIVETRADER, "install-service", "/etc/livetrader/first.toml", "--uninstall", *words)
    assert done.returncode == 0, done.stderr
    assert system.read("/etc/livetrader/first.toml") is not None
    assert system.read("/var/lib/livetrader/first/tokens.json") is not None
    assert system.read(f"{UNIT_FOLDER}/{DAEMON}") is not None  # the others need it
    assert system.show("livetrader@first.service", "ActiveState") == {"ActiveState": "inactive"}
