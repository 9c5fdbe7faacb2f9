"""One soak: a paper daemon at many times real time, looked at from outside, judged in the end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from tests.scenario.daemons import Daemon, UnixConnection
from tests.soak.watch import (
    Metrics,
    Sample,
    descriptors_of,
    folder_mb,
    judged,
    percentile,
    process_mb,
    threads_of,
    write_csv,
)
from tests.soak.workload import ALGORITHM, FIRST, write_market

LOOKS: Final = 720  # in a soak: every 40 s of eight hours
LEAST_S: Final = 0.5  # between two looks
SHORT_HOURS: Final = 0.05  # a soak that is so short begins when the market opens, and judges no lag
DAY_S: Final = 86_400.0
LAG: Final = "livetrader_loop_lag_seconds"


class Soak:
    """Runs one daemon; `say` hears of progress."""

    def __init__(self, folder: Path, hours: float, speed: float, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._seconds = hours * 3600
        self._say = say
        self._speed = speed
        days = int(self._seconds * speed / DAY_S) + 2
        last = write_market(folder / "data", days, short=hours < SHORT_HOURS)
        feed = {"start": FIRST, "end": last + timedelta(days=1), "speed": speed, "lockstep": False}
        self.daemon = Daemon(folder, ALGORITHM, {"feed": feed})
        self.samples: list[Sample] = []
        self.lag_s = 0.0
        self._buckets: dict[float, float] = {}

    def run(self) -> list[str]:
        """Run to the end; return what was wrong. Fails where the daemon dies."""
        daemon = self.daemon
        daemon.start()
        try:
            daemon.until(lambda: (daemon.status() or {}).get("state") == "running", "running", 60.0)
            daemon.until(lambda: self._metrics().total("livetrader_engine_steps_total") > 5, "steps", 60.0)
            begun_s = time.monotonic()
            pause_s = max(LEAST_S, self._seconds / LOOKS)
            while (seconds := time.monotonic() - begun_s) < self._seconds:
                self.samples.append(self._look(seconds))
                if len(self.samples) % 30 == 1:
                    self._say(str(self.samples[-1]))
                time.sleep(pause_s)
            daemon.send(signal.SIGTERM)
            code = daemon.wait()
        finally:
            daemon.close()
        wrong = judged(self.samples, self.lag_s if self._seconds >= SHORT_HOURS * 3600 else 0.0)
        if code:
            wrong.append(f"the daemon ended with {code}: {daemon.tail()}")
        return wrong + self._said()

    def _said(self) -> list[str]:
        """Return errors and results' own troubles that the daemon's log tells."""
        lines = self.daemon.log.read_text(errors="replace").splitlines()
        return [line for line in lines if '"level":"error"' in line or '"action":"results_' in line][:5]

    def _metrics(self) -> Metrics:
        connection = UnixConnection(self.daemon.state / "control.sock")
        try:
            connection.request("GET", "/metrics")
            return Metrics(connection.getresponse().read().decode())
        finally:
            connection.close()

    def _look(self, seconds: float) -> Sample:
        daemon, metrics = self.daemon, self._metrics()
        assert daemon.process is not None and daemon.process.poll() is None, daemon.tail()
        pid, engine = daemon.process.pid, daemon.engine_pid() or 0
        buckets = metrics.buckets(LAG)
        self.lag_s = percentile(buckets, 0.999)
        since = {bound: count - self._buckets.get(bound, 0.0) for bound, count in buckets.items()}
        self._buckets = buckets
        return Sample(
            seconds=round(seconds, 2),
            steps=int(metrics.total("livetrader_engine_steps_total")),
            orders=int(metrics.total("livetrader_order_events_total", 'status="submitted"')),
            trainings=int(metrics.total("livetrader_training_jobs_total", 'state="ready"')),
            daemon_mb=round(process_mb(pid), 2),
            engine_mb=round(process_mb(engine), 2) if engine else 0.0,
            descriptors=descriptors_of(pid),
            threads=threads_of(pid),
            engine_threads=threads_of(engine) if engine else 0,
            lag_s=percentile(since, 0.99),
            journal_mb=round(sum(folder_file.stat().st_size for folder_file in self._journal()) / 1048576, 3),
            outbox=int(metrics.total("livetrader_notifications_waiting")),
            results_mb=round(folder_mb(daemon.state / "results"), 3),
            restarts=int(metrics.total("livetrader_engine_restarts_total")),
        )

    def _journal(self) -> list[Path]:
        return list(self.daemon.state.glob("journal.sqlite3*"))

    def keep(self, folder: Path) -> None:
        """Write the samples as CSV and as a picture."""
        from tests.soak.plot import write_svg

        folder.mkdir(parents=True, exist_ok=True)
        write_csv(folder / "soak.csv", self.samples)
        hours = self.samples[-1].seconds / 3600
        write_svg(
            folder / "soak.svg", self.samples, f"{hours:.2f} hours of paper trading at {self._speed:g}x"
        )
