"""A real daemon in a real process, over minute data made here: what the scenarios have in common."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from livetrader_plugins.lean_data.writer import write_minute, write_reference

DAY = date(2020, 3, 10)  # a Tuesday without anything special
MINUTES = 390
OPEN_MS = (9 * 60 + 30) * 60_000
WAIT_S = 15.0  # for another process to do what it should
POLL_S = 0.1  # the daemon answers 20 requests a second


def write_market(folder: Path, price_of: Callable[[int], float]) -> None:
    """Write one day of minute bars of SPY: `price_of(minute)` is the close of each."""
    write_reference(folder, {"SPY": date(1998, 1, 2)}, date(2020, 1, 1), date(2020, 12, 31))
    rows = []
    for minute in range(MINUTES):
        price = price_of(minute)
        rows.append((OPEN_MS + minute * 60_000, price, price, price, price, 1_000_000))
    write_minute(folder, "SPY", DAY, rows)


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the daemon's unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=WAIT_S)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Daemon:
    """One `livetrader run` in its own process; `close` leaves nothing running."""

    def __init__(
        self, folder: Path, algorithm: str, sections: dict[str, dict[str, object]] | None = None
    ) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.log = folder / "daemon.log"
        self.config = folder / "livetrader.toml"
        (folder / "main.py").write_text(algorithm)
        settings: dict[str, dict[str, object]] = {
            "algorithm": {"path": "main.py"},
            "account": {"name": "scenario", "state_directory": "state"},
            "brokerage": {"plugin": "paper"},
            "feed": {
                "plugin": "replay", "start": DAY, "end": DAY, "speed": 240.0, "lockstep": False,
            },
            "data": {"folder": "data"},
            "control": {"port": 0},
            "daemon": {"on_feed_end": "wait"},
        }  # fmt: skip
        for name, section in (sections or {}).items():
            settings.setdefault(name, {}).update(section)
        self.config.write_text(_toml(settings))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start the daemon."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "livetrader", "run", str(self.config), *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
            )  # fmt: skip

    def wait(self) -> int:
        """Wait for its end; return the exit code."""
        assert self.process is not None
        return self.process.wait(WAIT_S)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def close(self) -> None:
        """End it however it hangs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(WAIT_S)

    def request(self, method: str, path: str, body: dict[str, object] | None = None) -> tuple[int, Any]:
        """Make one request over the unix socket; return status and answer."""
        connection = UnixConnection(self.state / "control.sock")
        try:
            headers = {"Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def status(self) -> Any:
        """Return GET /v1/status, None while nobody answers."""
        try:
            code, answer = self.request("GET", "/v1/status")
        except (FileNotFoundError, ConnectionError):
            return None
        if code == 429:
            return None  # we poll faster than the daemon likes
        assert code == 200, answer
        return answer

    def holdings(self) -> list[Any]:
        """Return what the account holds."""
        code, answer = self.request("GET", "/v1/portfolio")
        assert code == 200, answer
        return list(answer["holdings"])

    def until(self, predicate: Callable[[], object], what: str, limit_s: float = WAIT_S) -> float:
        """Poll until `predicate` holds; return how long it took. Fails with the daemon's log."""
        begun_s = time.monotonic()
        while not predicate():
            gone = self.process is not None and self.process.poll() is not None
            assert not gone, f"the daemon ended while waiting for {what}:\n{self.tail()}"
            assert time.monotonic() - begun_s < limit_s, f"waited in vain for {what}:\n{self.tail()}"
            time.sleep(POLL_S)
        return time.monotonic() - begun_s

    def until_gone(self, pid: int) -> None:
        """Wait for the end of a process that is not our child."""
        end_s = time.monotonic() + WAIT_S
        while alive(pid):
            assert time.monotonic() < end_s, f"process {pid} lives on:\n{self.tail()}"
            time.sleep(POLL_S)

    def tail(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-6000:] if self.log.exists() else ""

    def engine_pid(self) -> int:
        """Return the engine process of now, 0 where there is none."""
        status = self.status()
        return int(status["engine"]["pid"] or 0) if status else 0

    def liquidate(self) -> None:
        """Ask for a liquidation over HTTP, with its confirmation."""
        code, asked = self.request("POST", "/v1/liquidate", {"reason": "scenario"})
        assert code == 409, asked
        code, answer = self.request(
            "POST", "/v1/liquidate", {"reason": "scenario", "confirm": asked["confirm"]}
        )
        assert code == 202, answer

    def is_flat(self) -> bool:
        """Whether the daemon says flat and latched."""
        status = self.status()
        return bool(status and status["state"] == "flat" and status["kill_switch"]["latched"])


def alive(pid: int) -> bool:
    """Return whether a process exists and is no zombie."""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def _toml(settings: dict[str, dict[str, object]]) -> str:
    def literal(value: object) -> str:
        return value.isoformat() if isinstance(value, date) else json.dumps(value)

    lines = []
    for name, section in settings.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {literal(value)}" for key, value in section.items()]
    return "\n".join(lines) + "\n"


def wait_for_line(path: Path, word: str) -> str:
    """Return the first line of a growing file that holds a word."""
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        found = [line for line in path.read_text().splitlines() if word in line]
        if found:
            return found[0]
        time.sleep(POLL_S)
    raise AssertionError(f"no line with {word!r} in {path}:\n{path.read_text()[-2000:]}")
