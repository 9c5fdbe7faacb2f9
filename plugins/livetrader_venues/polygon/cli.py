"""The command `livetrader-polygon-peer`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click

from livetrader_venues.polygon.access import TEST_KEY, Access
from livetrader_venues.polygon.peer import Peer
from livetrader_venues.stockmarket.securities import chain, index
from livetrader_venues.web import running, script

EXAMPLES = """\b
Examples:
  livetrader-polygon-peer
      A hundred stocks in real time on port 8767; outside New York's hours they are silent.
  livetrader-polygon-peer --start "2025-06-16 09:25" --speed 10
      The morning of that day, ten times as fast, each time the same.
  livetrader-polygon-peer --script hostile.toml --weather 0.01 --json
      What the script says, and one event of a hundred goes wrong somehow.
  livetrader-polygon-peer --stream A --stream AM --delay 900 --requests-per-minute 5
      A cheap plan: no trades, no quotes, a quarter of an hour late.

\b
Then, in another terminal:
  python -c "import polygon as p; p.WebSocketClient('test-key', feed='127.0.0.1:8767', secure=False,
             subscriptions=['T.AAPL']).run(print)"
  curl 'http://127.0.0.1:8767/v2/aggs/ticker/AAPL/range/1/minute/2025-06-16/2025-06-16?apiKey=test-key'

It listens on loopback only. docs/venues.md tells the rest.
"""
ACTIONS: dict[str, frozenset[str]] = {
    "mute": frozenset({"ticker"}),
    "unmute": frozenset({"ticker"}),
    "freeze": frozenset(),
    "thaw": frozenset(),
    "close": frozenset({"code", "reason"}),
    "refuse_connections": frozenset(),
    "accept_connections": frozenset(),
    "weather": frozenset({"share"}),
    "clear_faults": frozenset(),
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said."""

    port: int
    scene: running.Scene
    script: script.Script
    access: tuple[Access, ...]
    weather: float
    as_json: bool


@click.command(
    epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--port", default=8767, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one."
)
@click.option("--symbols", default=100, show_default=True, type=click.IntRange(0, 10_000), help="Stocks.")
@click.option("--trades", type=float, help="Trades a minute of each; by default they differ a hundredfold.")
@click.option("--seed", default=1, show_default=True, help="Of prices and faults.")
@click.option("--start", help="Time in New York, like '2025-06-16 09:30'; without it, now.")
@click.option(
    "--speed", default=1.0, show_default=True, type=click.FloatRange(0.01, 1000), help="Times as fast."
)
@click.option("--key", "keys", multiple=True, help="API key; again for several. Default: test-key.")
@click.option(
    "--stream",
    "streams",
    multiple=True,
    type=click.Choice(["T", "Q", "A", "AM", "V"]),
    help="What the plan may stream; again for several. Default: all.",
)
@click.option("--delay", default=0.0, show_default=True, help="Seconds; a delayed plan.")
@click.option("--requests-per-minute", default=0, show_default=True, help="Of REST; 0 for no limit.")
@click.option("--weather", default=0.0, show_default=True, help="Share of events that go wrong somehow.")
@click.option(
    "--script", "script_file", type=click.Path(dir_okay=False, exists=True, path_type=Path), help="TOML file."
)
@click.option("--json", "as_json", is_flag=True, help="Tell what happens as JSON, one object a line.")
def main(  # noqa: PLR0913  # one argument an option, as click passes them
    port: int,
    symbols: int,
    trades: float | None,
    seed: int,
    start: str | None,
    speed: float,
    keys: tuple[str, ...],
    streams: tuple[str, ...],
    delay: float,
    requests_per_minute: int,
    weather: float,
    script_file: Path | None,
    as_json: bool,
) -> None:
    """Run a simulated Polygon: WebSockets and REST of a made-up stock market and, if wanted, faults."""
    plan = Access(requests_per_minute=requests_per_minute, delay_s=delay)
    access = tuple(
        Access(key, streams or plan.streams, delay_s=delay, requests_per_minute=requests_per_minute)
        for key in keys or (TEST_KEY,)
    )
    said = running.script_of(script_file, ACTIONS)
    scene = running.Scene(symbols, trades, seed, start, speed)
    running.run(_run(Options(port, scene, said, access, weather, as_json)), port)


async def _run(options: Options) -> None:
    """Serve until SIGINT or SIGTERM."""
    more = (index("I:SPX", 5980.0, "S&P 500"), *chain("SPY", [date(2026, 12, 18)], [580.0, 600.0, 620.0]))
    market = options.scene.market(options.script, more)
    clock = options.scene.clock(time.time_ns, time.monotonic_ns)
    async with Peer(
        market, clock=clock, access=options.access, seed=options.scene.seed, port=options.port
    ) as peer:
        for fault in options.script.faults:
            peer.faults.add(fault)
        if options.weather:
            peer.weather(options.weather)
        _greet(options, peer)
        async with asyncio.TaskGroup() as tasks:
            player = tasks.create_task(_play(options, peer), name="script")
            await running.ended()
            player.cancel()


async def _play(options: Options, peer: Peer) -> None:
    """Do what the script says, when it says so."""
    passed_s = 0.0
    for step in options.script.steps:
        await asyncio.sleep((step.at_s - passed_s) / options.scene.speed)
        passed_s = step.at_s
        await perform(peer, step)
        words = " ".join(f"{name}={value}" for name, value in step.keywords.items())
        running.tell(options.as_json, "step", f"{step.at_s:g} s: {step.action} {words}", did=step.action)


async def perform(peer: Peer, step: script.Step) -> None:
    """Do one step."""
    said = step.keywords
    match step.action:
        case "mute":
            peer.mute(None if "ticker" not in said else str(said["ticker"]))
        case "unmute":
            peer.unmute(None if "ticker" not in said else str(said["ticker"]))
        case "freeze":
            peer.freeze()
        case "thaw":
            peer.thaw()
        case "close":
            peer.close(int(str(said.get("code", 1000))), str(said.get("reason", "")))
        case "refuse_connections":
            await peer.refuse_connections()
        case "accept_connections":
            await peer.refuse_connections(False)
        case "weather":
            peer.weather(float(str(said.get("share", 0.01))))
        case "clear_faults":
            peer.faults.clear()
        case _:
            raise AssertionError(f"{step.action} is in ACTIONS and not here")


def _greet(options: Options, peer: Peer) -> None:
    keys = ", ".join(each.key for each in options.access)
    text = (
        f"Polygon peer on {peer.host}: {peer.ws_url}/stocks, {peer.url}\n"
        f"{len(peer.market.securities)} tickers, seed {options.scene.seed}, keys {keys}; Ctrl-C ends it"
    )
    running.tell(
        options.as_json, "listening", text, host=peer.host, keys=[each.key for each in options.access]
    )
