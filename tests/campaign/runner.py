"""The campaign itself: kill, look, start again, and at the end let everything come to rest and compare."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.campaign.checker import Belief, check
from tests.campaign.daemon import JOURNAL_POLL_S, DaemonProcess, count_intents, wait_until
from tests.campaign.facts import read_journal
from tests.campaign.venue import Venue
from tests.campaign.workload import Workload

ENGINE_DELAY_S = 0.8  # an engine lives at most this long after it was spawned or traded
DAEMON_DELAY_S = 1.2
SPAWN_LIMIT_S = 120.0  # an engine waits for the brokerage, and that for its line and its fences
TRADING_LIMIT_S = 120.0
REST_LIMIT_S = 120.0
EARLY_SHARE = 0.3  # of the kills: at a random instant of the start, before it trades
AIMED_SHARE = 0.5  # of the daemon's kills: right after an order left; random instants hardly ever hit that


@dataclass
class Result:
    """What a campaign did and found."""

    engine_kills: int = 0
    daemon_kills: int = 0
    aimed_kills: int = 0  # of the daemon, right after an order became durable at the venue
    orders: int = 0
    fills: int = 0
    given_up: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)

    def add(self, other: Result) -> None:
        """Count what another one did too; `seconds` stays ours."""
        self.engine_kills += other.engine_kills
        self.daemon_kills += other.daemon_kills
        self.aimed_kills += other.aimed_kills
        self.orders += other.orders
        self.fills += other.fills
        self.given_up += other.given_up
        self.violations += other.violations

    def __str__(self) -> str:
        """Say what was done in one line."""
        kills = self.engine_kills + self.daemon_kills
        return (
            f"{self.engine_kills} engine and {self.daemon_kills} daemon kills ({self.aimed_kills} of them"
            f" right after an order left) in {self.seconds:.0f} s ({kills / self.seconds * 60:.0f} a minute);"
            f" {self.orders} orders, {self.fills} fills, {self.given_up} proved absent;"
            f" {len(self.violations)} violations"
        )


class Campaign:
    """One state directory under fire, at one venue. `say` gets a line of progress now and then.

    `module` is the daemon that is killed: livetrader, or one with a bug that has to be found.
    """

    def __init__(
        self,
        root: Path,
        seed: int,
        venue: Venue,
        say: Callable[[str], None],
        module: str = "livetrader",
    ) -> None:
        self._random = Random(seed)
        self._venue = venue
        self._say = say
        self._module = module
        self._log = root / "daemon.log"
        self.result = Result()

    def run(self, engine_kills: int, daemon_kills: int) -> Result:
        """Kill so many engines, then so many daemons, then compare. Raises TimeoutError where it hangs."""
        started = time.monotonic()
        seconds = (engine_kills + daemon_kills) * 4 + 60
        try:
            workload = self._venue.prepare(seconds)
            self._kill_engines(workload, engine_kills)
            self._kill_daemons(workload, daemon_kills)
            self._come_to_rest(workload)
            self._judge(workload)
        finally:
            self._venue.close()
        self.result.seconds = time.monotonic() - started
        return self.result

    def _judge(self, workload: Workload) -> None:
        """Compare everything, and count what happened."""
        records = read_journal(workload.state)
        account = self._venue.account(records)
        self.result.violations += self._check(workload, at_rest=True)
        belief = Belief.of(records)
        self.result.orders, self.result.fills = len(belief.intents), len(belief.fills)
        present = {order.client_order_id for order in account.orders}
        self.result.given_up = len(belief.intents.keys() - present)

    def _check(self, workload: Workload, *, at_rest: bool) -> list[str]:
        records = read_journal(workload.state)
        account = self._venue.account(records)
        return check(records, account, at_rest=at_rest, sent_is_there=self._venue.sent_is_there)

    def _kill_engines(self, workload: Workload, kills: int) -> None:
        if not kills:
            return
        daemon = self._start(workload)
        try:
            self._trade_once(daemon, workload)
            for number in range(kills):
                pid = self._engine(daemon)
                if self._random.random() > EARLY_SHARE:
                    self._trade_once(daemon, workload)
                self._linger(ENGINE_DELAY_S)
                while not daemon.kill_engine(pid):  # it may have been restarted for a reason of its own
                    pid = self._engine(daemon)
                self.result.engine_kills += 1
                self._progress("engine", number + 1, kills)
        finally:
            daemon.kill()
        self._look(workload)

    def _kill_daemons(self, workload: Workload, kills: int) -> None:
        for number in range(kills):
            daemon = self._start(workload)
            try:
                if self._random.random() > EARLY_SHARE:
                    self._trade_once(daemon, workload)
                if self._random.random() > AIMED_SHARE:
                    self._linger(DAEMON_DELAY_S)
                elif self._venue.await_order(DAEMON_DELAY_S):
                    self.result.aimed_kills += 1
                if not daemon.alive:
                    raise RuntimeError(f"the daemon ended by itself ({daemon.exit_code}):\n{daemon.tail()}")
            finally:
                daemon.kill()
            self.result.daemon_kills += 1
            self._look(workload)
            self._progress("daemon", number + 1, kills)

    def _start(self, workload: Workload, *, quiet: bool = False) -> DaemonProcess:
        return DaemonProcess(workload, self._log, quiet=quiet, module=self._module)

    def _engine(self, daemon: DaemonProcess) -> int:
        """Wait for an engine process and return its pid."""
        found: list[int] = []

        def look() -> bool:
            pid = daemon.engine_pid()
            if pid is not None:
                found.append(pid)
            return bool(found) or not daemon.alive

        wait_until(look, SPAWN_LIMIT_S, "an engine process")
        if not found:
            raise RuntimeError(f"the daemon ended by itself ({daemon.exit_code}):\n{daemon.tail()}")
        return found[0]

    def _trade_once(self, daemon: DaemonProcess, workload: Workload) -> None:
        """Wait until one more order was journaled than now."""
        before = count_intents(workload.state)
        try:
            wait_until(
                lambda: not daemon.alive or count_intents(workload.state) > before,
                TRADING_LIMIT_S,
                "the next order",
                JOURNAL_POLL_S,
            )
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{daemon.tail()}") from error
        if not daemon.alive:
            raise RuntimeError(f"the daemon ended by itself ({daemon.exit_code}):\n{daemon.tail()}")

    def _linger(self, most_s: float) -> None:
        time.sleep(self._random.uniform(0.0, most_s))

    def _look(self, workload: Workload) -> None:
        """Check what must hold even in the middle of a crash."""
        found = self._check(workload, at_rest=False)
        if found:
            self.result.violations += found
            raise AssertionError("\n".join(found[:20]))

    def _come_to_rest(self, workload: Workload) -> None:
        """Run once more without new orders until the books agree or time is up; then stop in good order."""
        daemon = self._start(workload, quiet=True)
        try:
            self._engine(daemon)  # by then it listens to SIGTERM
            agreed = False
            deadline = time.monotonic() + REST_LIMIT_S
            while time.monotonic() < deadline and daemon.alive and not agreed:
                self._linger(1.0)
                agreed = not self._check(workload, at_rest=True)
            if not daemon.alive:
                raise RuntimeError(f"the daemon ended by itself ({daemon.exit_code}):\n{daemon.tail()}")
            code = daemon.stop(REST_LIMIT_S)
        finally:
            if daemon.alive:
                daemon.kill()
        if code != 0:
            self.result.violations.append(f"the last stop ended with exit code {code}")

    def _progress(self, what: str, done: int, wanted: int) -> None:
        if done % 10 == 0 or done == wanted:
            self._say(f"{done}/{wanted} {what} kills")
