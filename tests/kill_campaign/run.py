"""One kill: fifty positions and fifty working orders, a crime, an operator, and the peer's books.

Judged from the peer's own books: nothing is held, nothing works, and no position ever crossed zero or grew.
"""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

from tests.campaign.daemon import DaemonProcess, wait_until
from tests.campaign.workload import Workload
from tests.journal_fire.small_disk import fill, small_disk
from tests.kill_campaign.peer import LINK_LOST_S, RESTART_S, SYMBOLS, KillVenue
from tests.scenario.daemons import UnixConnection

READY_LIMIT_S = 60.0  # until everything works at the venue
CRIME_LIMIT_S = 15.0
FLAT_LIMIT_S = 60.0  # until a run counts as hung
PROMISED_S = 10.0  # on a machine that has nothing else to do; and the time that the venue was away
LOOK_S = 0.01
PEER_LIFE_S = 600.0
DISK_BYTES = 24_000_000  # the ballast, the journal, and a daemon that has not run for long
FLIGHT_S = 1.0  # the longest way of an order to IB


class Crime(StrEnum):
    """What is wrong when the operator wants out."""

    HEALTHY = "healthy"
    IN_FLIGHT = "flood"  # the algorithm has just ordered in every symbol
    HUNG = "hang"  # the algorithm holds the interpreter
    SEGFAULT = "segfault"
    DISK_FULL = "disk_full"
    DISCONNECTED = "disconnected"  # the socket has ended, and the daemon makes another
    RECONNECTING = "reconnecting"  # TWS has no line to IB
    GATEWAY_RESTARTS = "gateway_restarts"  # the socket ends and the port is closed, in the middle of the kill
    DAEMON_STOPPED = "daemon_stopped"  # SIGSTOP; the command line takes over
    DAEMON_KILLED = "daemon_killed"  # SIGKILL; the command line takes over


AWAY_S = {Crime.RECONNECTING: LINK_LOST_S, Crime.GATEWAY_RESTARTS: RESTART_S}
BY_COMMAND = frozenset({Crime.DAEMON_STOPPED, Crime.DAEMON_KILLED})
BY_ALGORITHM = frozenset({
    Crime.IN_FLIGHT, Crime.HUNG, Crime.SEGFAULT, Crime.DISCONNECTED, Crime.RECONNECTING,
})  # fmt: skip


@dataclass
class Outcome:
    """What a kill did. `seconds`: from the operator's word to the latch that says flat."""

    crime: Crime
    seed: int
    seconds: float = 0.0
    away_s: float = 0.0  # so long nobody could reach the venue
    violations: list[str] = field(default_factory=list)


def kill(root: Path, crime: Crime, seed: int) -> Outcome:
    """Set everything up, commit the crime, pull the switch, and judge.

    Raises TimeoutError where it hangs, NoMountError where a disk is to be filled and none can be mounted.
    """
    root.mkdir(parents=True)
    if crime is not Crime.DISK_FULL:
        return _kill(root, crime, seed)
    with small_disk(root / "state", DISK_BYTES):
        return _kill(root, crime, seed)


def _kill(root: Path, crime: Crime, seed: int) -> Outcome:
    venue = KillVenue(root, seed, FLIGHT_S, crime)
    outcome = Outcome(crime, seed, away_s=AWAY_S.get(crime, 0.0))
    daemon: DaemonProcess | None = None
    try:
        workload = venue.prepare(PEER_LIFE_S)
        daemon = DaemonProcess(workload, root / "daemon.log")
        wait_until(lambda: _works(venue), READY_LIMIT_S, "fifty positions and fifty working orders")
        _commit(crime, root, workload, daemon, Random(seed))
        before = _signed(venue.statement()["positions"])
        started = time.monotonic()
        command = _pull(crime, workload, root)
        wait_until(lambda: _says_flat(workload), FLAT_LIMIT_S, f"flat\n{daemon.tail()}")
        outcome.seconds = time.monotonic() - started
        if command is not None and command.wait(FLAT_LIMIT_S) != 0:
            outcome.violations.append(f"livetrader liquidate ended with {command.returncode}")
        outcome.violations = judge(venue.statement(), before, venue.positions)
    finally:
        if daemon is not None:
            daemon.kill()  # or sweep up after it
        venue.close()
    return outcome


def judge(books: dict[str, Any], before: dict[str, Decimal], first: dict[str, int]) -> list[str]:
    """Return what is wrong in the peer's books after a kill that said flat."""
    found = [f"{row['quantity']} {row['symbol']} are held" for row in books["positions"]]
    found += [f"order {row['reference']} works" for row in books["orders"] if row["is_open"]]
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in books["executions"]:
        was = held[row["symbol"]]
        now = held[row["symbol"]] = was + Decimal(row["quantity"])
        if row["reference"].startswith("LK") and (was * now < 0 or abs(now) > abs(was)):
            found.append(f"{row['symbol']} went from {was} to {now} by {row['reference']}")
    if not any(row["reference"].startswith("LK") for row in books["executions"]):
        found.append("nothing was liquidated: the account had nothing to lose")
    if set(first) - {row["symbol"] for row in books["executions"]} or not before:
        found.append("the account did not hold what it should have")
    return found


def _works(venue: KillVenue) -> bool:
    books = venue.statement()
    working = sum(1 for row in books["orders"] if row["is_open"] and row["reference"].startswith("LT"))
    return working >= SYMBOLS and len(books["positions"]) == SYMBOLS and not books["travelling"]


def _signed(rows: list[dict[str, Any]]) -> dict[str, Decimal]:
    return {row["symbol"]: Decimal(row["quantity"]) for row in rows}


def _commit(crime: Crime, root: Path, workload: Workload, daemon: DaemonProcess, random: Random) -> None:
    if crime in BY_ALGORITHM:
        (root / "crime.new").write_text(crime.value)
        (root / "crime.new").rename(root / "crime")
        wait_until((root / "committed").exists, CRIME_LIMIT_S, "the crime")
    if crime is Crime.DISCONNECTED:
        wait_until(lambda: "TWS closed the connection" in daemon.tail(), CRIME_LIMIT_S, "the socket to end")
    if crime is Crime.RECONNECTING:
        wait_until(lambda: "1100" in daemon.tail(), CRIME_LIMIT_S, "the line to be lost")
    elif crime is Crime.DISK_FULL:
        fill(workload.state)
    elif crime is Crime.DAEMON_STOPPED:
        daemon.signal(signal.SIGSTOP)
    elif crime is Crime.DAEMON_KILLED:
        daemon.signal(signal.SIGKILL)
    time.sleep(random.uniform(0.0, 0.3))


def _pull(crime: Crime, workload: Workload, root: Path) -> subprocess.Popen[bytes] | None:
    """Ask for a liquidation; return the command that does it where the daemon cannot."""
    if crime in BY_COMMAND:
        with (root / "command.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "livetrader", "liquidate", str(workload.config(quiet=False)), "--yes"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
    code, asked = _operate(workload, "POST", "/v1/liquidate", {"reason": "campaign"})
    assert code == 409, asked
    confirmed = {"reason": "campaign", "confirm": asked["confirm"]}
    code, answer = _operate(workload, "POST", "/v1/liquidate", confirmed)
    assert code == 202, answer
    return None


def _operate(
    workload: Workload, method: str, path: str, body: dict[str, object] | None = None
) -> tuple[int, Any]:
    connection = UnixConnection(workload.state / "control.sock")
    try:
        connection.request(method, path, json.dumps(body or {}), {"Content-Type": "application/json"})
        answer: http.client.HTTPResponse = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        connection.close()


def _says_flat(workload: Workload) -> bool:
    try:
        text = (workload.state / "kill.latch").read_bytes().strip()
    except FileNotFoundError:
        return False
    return bool(json.loads(text)["flat"])
