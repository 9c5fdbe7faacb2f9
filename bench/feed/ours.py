"""Ours, once: the daemon as its composition root builds it, with an engine that only empties its inbox.

    python -m feed.ours RESOLUTION PORT EVENTS SYMBOLS [--profile FILE] [--lags]

The account is one at Interactive Brokers: a TWS peer in a process of its own, which does nothing meanwhile.
A bar begins with its first whole minute, so its clock is set to begin one soon; the sender waits for that.
Prints one JSON line: when the marker was in the engine's inbox, the supervisor's processor seconds over time
(from time to time, as pairs with CLOCK_MONOTONIC), and what became of the events.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from livetrader import clocks

LOOK_S = 0.01
LAG_S = 0.005  # between looks at the loop's lag
WARM_S = 12.0  # from the start of the process to the next whole minute of the daemon's clock
MINUTE_NS = 60_000_000_000
AHEAD_NS = -(time.time_ns() + int(WARM_S * 1e9)) % MINUTE_NS  # by so much the daemon's clock is set ahead


def ahead_ns() -> int:
    """Return the daemon's time: a minute begins WARM_S after this process."""
    return time.time_ns() + AHEAD_NS


clocks.wall_ns = ahead_ns  # whoever is imported from here on takes this one

from livetrader import app  # noqa: E402
from livetrader.configuration.loading import load  # noqa: E402
from livetrader.garbage import spare_what_is_loaded  # noqa: E402
from livetrader.supervisor import engine_process  # noqa: E402
from livetrader.supervisor.supervisor import Supervisor  # noqa: E402
from livetrader.telemetry import logs  # noqa: E402

LIMIT_S = 150.0
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def write_reference(folder: Path) -> None:
    """Write a data folder in which the market never closes."""
    always = [{"start": "00:00:00", "end": "1.00:00:00", "state": "market"}]
    zone = "America/New_York"
    entry = {"dataTimeZone": zone, "exchangeTimeZone": zone, **dict.fromkeys(WEEK, always)}
    hours = folder / "market-hours" / "market-hours-database.json"
    properties = folder / "symbol-properties" / "symbol-properties-database.csv"
    for path in (hours, properties):
        path.parent.mkdir(parents=True, exist_ok=True)
    hours.write_text(json.dumps({"entries": {"Equity-usa-[*]": entry}}), encoding="utf-8")
    properties.write_text(
        "market,symbol,type,description,quote_currency,contract_multiplier,minimum_price_variation,lot_size\n"
        "usa,[*],equity,,USD,1,0.01,1\n",
        encoding="utf-8",
    )


def write_configuration(folder: Path, port: int, tws_port: int, parameters: dict[str, str]) -> Path:
    """Write the daemon's configuration."""
    write_reference(folder / "data")
    given = ", ".join(f"{name} = {json.dumps(value)}" for name, value in parameters.items())
    (folder / "main.py").write_text("# the engine process reads its inbox, and no algorithm\n")
    file = folder / "livetrader.toml"
    file.write_text(
        f"""
[algorithm]
path = "main.py"
parameters = {{ {given} }}
[account]
name = "bench"
state_directory = "state"
any_file_system = true
[brokerage]
plugin = "ibkr"
port = {tws_port}
[feed]
plugin = "polygon"
api_key = "key+{AHEAD_NS}"
host = "127.0.0.1:{port}"
tls = false
[data]
folder = "data"
[control]
port = 0
""",
        encoding="utf-8",
    )
    return file


@contextmanager
def tws_peer() -> Iterator[int]:
    """Run a TWS peer until the end of the block; yield its port."""
    command = [sys.executable, "-m", "livetrader_venues.tws.cli", "--port", "0", "--still", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        port = int(json.loads(process.stdout.readline())["port"])
        # it tells of every order, and a pipe that nobody reads stops it after some hundred
        threading.Thread(target=process.stdout.read, name="words of the TWS peer", daemon=True).start()
        yield port
    finally:
        process.kill()
        process.wait()


def reader_instead(process: engine_process.EngineProcess) -> subprocess.Popen[bytes]:
    """Start the reader where the supervisor would start an engine; as EngineProcess._fork does."""
    theirs = process._theirs.fileno()
    return subprocess.Popen(
        [sys.executable, "-m", "feed.inbox_reader", str(theirs), "0", str(os.getpid())],
        pass_fds=(theirs,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


class Life:
    """One daemon, from its start to the marker."""

    def __init__(self, supervisor: Supervisor, result: Path, profile: cProfile.Profile | None) -> None:
        self._supervisor = supervisor
        self._result = result
        self._profile = profile
        self.lags: list[tuple[float, float]] = []  # CLOCK_MONOTONIC and seconds late, each LAG_S

    async def run(self) -> dict[str, Any]:
        """Run the daemon until the marker has arrived; return what is to be told."""
        async with asyncio.TaskGroup() as group:
            life = group.create_task(self._supervisor.run())
            lag = group.create_task(self._take_lag()) if "--lags" in sys.argv else None
            told = await self._watch(life)
            if lag is not None:
                lag.cancel()
            self._supervisor.end("measured")
        return told

    async def _watch(self, life: asyncio.Task[None]) -> dict[str, Any]:
        deadline_s = time.monotonic() + LIMIT_S
        keeper = self._supervisor.keeper
        while not keeper.ready:
            await self._pause(life, deadline_s)
        if self._profile is not None:
            self._profile.enable()
        processor, conflated = [], 0
        while not self._result.exists():
            processor.append((time.monotonic_ns(), time.process_time()))
            await self._pause(life, deadline_s)
            if keeper.process is not None:
                conflated = keeper.process.link.conflated
        processor.append((time.monotonic_ns(), time.process_time()))
        if self._profile is not None:
            self._profile.disable()
        told: dict[str, Any] = json.loads(self._result.read_text())
        return told | {
            "processor": processor,
            "conflated": conflated,
            "routed": self._supervisor.router.points,
        }

    async def _take_lag(self) -> None:
        """Take down how late the loop wakes up, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            asked_s = loop.time()
            await asyncio.sleep(LAG_S)
            self.lags.append((asked_s, loop.time() - asked_s - LAG_S))

    async def _pause(self, life: asyncio.Task[None], deadline_s: float) -> None:
        if life.done():
            raise SystemExit("the daemon has ended")
        if time.monotonic() > deadline_s:
            self._supervisor.end("too late")
            raise SystemExit("the marker did not arrive")
        await asyncio.sleep(LOOK_S)


async def measure(configuration: Path, result: Path, profile: cProfile.Profile | None) -> dict[str, Any]:
    """Build the daemon and run it."""
    life = Life(app.build(load(configuration)), result, profile)
    spare_what_is_loaded()  # as the daemon does
    told = await life.run()
    return told | ({"lags": life.lags} if "--lags" in sys.argv else {})


def main() -> None:
    """Run once."""
    resolution, port, events, symbols = sys.argv[1].upper(), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    profile = cProfile.Profile(time.process_time) if "--profile" in sys.argv else None
    engine_process.EngineProcess._fork = reader_instead  # type: ignore[method-assign]  # no engine: its inbox
    with tempfile.TemporaryDirectory(prefix="feed-") as name, tws_peer() as tws_port:
        folder = Path(name)
        logs.configure("error")
        result = folder / "result.json"
        parameters = {"resolution": resolution, "symbols": symbols, "file": str(result)}
        configuration = write_configuration(folder, port, tws_port, parameters)
        told = asyncio.run(measure(configuration, result, profile))
    if profile is not None:
        profile.dump_stats(sys.argv[sys.argv.index("--profile") + 1])
    told["events"] = int(events)
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
