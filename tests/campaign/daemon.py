"""One daemon process under fire: start it, find its engine, kill either. Touches no other process."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from tests.campaign.facts import JOURNAL_FILE
from tests.campaign.workload import Workload

POLL_S = 0.01  # between looks at a process
JOURNAL_POLL_S = 0.1  # between looks into a journal: they cost a daemon of the next lane its processor
TAIL_BYTES = 4000  # of the daemon's log, in a failure


class DaemonProcess:
    """A daemon that was started here. `log` is where its words go, appended over all starts.

    `module` is what is run in place of livetrader: a daemon with a bug in it.
    """

    def __init__(
        self, workload: Workload, log: Path, *, quiet: bool = False, module: str = "livetrader"
    ) -> None:
        self._log_path = log
        self._log: IO[bytes] = log.open("ab")
        command = [sys.executable, "-m", module, "run", str(workload.config(quiet=quiet))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True
        )

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended, None while it runs."""
        return self._process.poll()

    def engine_pid(self) -> int | None:
        """Return the pid of its engine process, None where there is none now."""
        try:
            tasks = list(Path(f"/proc/{self._process.pid}/task").iterdir())
            children = [
                int(pid) for task in tasks for pid in (task / "children").read_text(encoding="ascii").split()
            ]
        except (FileNotFoundError, ProcessLookupError):
            return None
        for pid in children:
            try:
                if b"livetrader.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
            except (FileNotFoundError, ProcessLookupError):
                continue
        return None

    def kill_engine(self, pid: int) -> bool:
        """SIGKILL the engine; False where it was gone already."""
        if self.engine_pid() != pid:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL the daemon and wait until it and its engine are gone."""
        engine = self.engine_pid()
        self._process.kill()
        self._process.wait()
        if engine is not None:
            wait_until(lambda: not _runs(engine), 10.0, "the engine to die with its daemon")
        self._log.close()

    def signal(self, number: signal.Signals) -> None:
        """Send the daemon a signal."""
        self._process.send_signal(number)

    def stop(self, limit_s: float) -> int:
        """SIGTERM; return the exit code."""
        self._process.terminate()
        code = self._process.wait(limit_s)
        self._log.close()
        return code

    def tail(self) -> str:
        """Return the end of the log."""
        with self._log_path.open("rb") as log:
            log.seek(max(0, self._log_path.stat().st_size - TAIL_BYTES))
            return log.read().decode(errors="replace")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: Callable[[], bool], limit_s: float, what: str, poll_s: float = POLL_S) -> None:
    """Poll until `condition` holds. Raises TimeoutError naming what was waited for."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {limit_s:g} s: {what}")
        time.sleep(poll_s)


def count_intents(state: Path) -> int:
    """Return how many orders were ever journaled as intended; 0 before there is a journal."""
    return _count(state / JOURNAL_FILE, "SELECT COUNT(*) FROM record WHERE kind = 'order_intended'")


def _count(path: Path, query: str) -> int:
    if not path.exists():
        return 0
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)
    except sqlite3.OperationalError:
        return 0
    try:
        return int(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # just being made, or locked by its owner
    finally:
        connection.close()
