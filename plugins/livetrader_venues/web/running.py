"""What the commands of vendors' peers have in common: clock, market, running until told to end."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from livetrader_venues.stockmarket.clocks import Clock, ScaledClock, new_york
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import Security, stocks
from livetrader_venues.web.script import Script, ScriptError, parsed


@dataclass(frozen=True, slots=True)
class Scene:
    """Which market a command shows, and from when on how fast."""

    symbols: int
    trades: float | None
    seed: int
    start: str | None
    speed: float

    def market(self, script: Script, more: tuple[Security, ...] = ()) -> Market:
        """Return the market: made-up stocks, those of the script, and more."""
        return Market.generated(
            (*stocks(self.symbols, seed=self.seed, trades=self.trades), *more, *script.stocks), seed=self.seed
        )

    def clock(self, wall_ns: Callable[[], int], monotonic_ns: Callable[[], int]) -> Clock:
        """Return the clock. Raises click.BadParameter for a start that is no time."""
        try:
            start_ns = wall_ns() if self.start is None else new_york(self.start)
        except ValueError as error:
            raise click.BadParameter(
                f"{self.start!r} is no time like '2025-06-16 09:30' (New York)", param_hint="--start"
            ) from error
        return ScaledClock(start_ns, monotonic_ns, speed=self.speed)


def script_of(path: Path | None, actions: Mapping[str, frozenset[str]]) -> Script:
    """Return what a script says, nothing without one. Raises click.ClickException, naming the place."""
    try:
        return parsed("" if path is None else path.read_text(encoding="utf-8"), actions)
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"cannot read {path}: {error}") from error
    except ScriptError as error:
        raise click.ClickException(f"{path}: {error}") from error


def run(serve: Coroutine[object, object, None], port: int) -> None:
    """Run a peer until it ends. Raises click.ClickException where the port is taken."""
    try:
        asyncio.run(serve)
    except OSError as error:
        raise click.ClickException(f"cannot listen on port {port}: {error.strerror}") from error


async def ended() -> None:
    """Wait for SIGINT or SIGTERM."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, event.set)
    await event.wait()


def tell(as_json: bool, event: str, text: str, **more: object) -> None:
    """Say what happened, as a line of text or of JSON."""
    click.echo(json.dumps({"event": event, **more}) if as_json else text)
