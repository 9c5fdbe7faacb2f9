"""The command `livetrader-alphavantage-peer`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import click

from livetrader_venues.alphavantage.keys import TEST_KEY, Key
from livetrader_venues.alphavantage.peer import Peer
from livetrader_venues.web import running, script

EXAMPLES = """\b
Examples:
  livetrader-alphavantage-peer
      The free plan on port 8766: five requests a minute, twenty-five a day.
  livetrader-alphavantage-peer --per-minute 75 --per-day 0 --start "2025-06-16 17:00"
      A paid plan, on that day.
  livetrader-alphavantage-peer --script hostile.toml --json
      What the script says goes wrong: [[fault]] on = "rest".

\b
Then, in another terminal:
  curl 'http://127.0.0.1:8766/query?function=TIME_SERIES_DAILY&symbol=IBM&datatype=csv&apikey=test-key'

It listens on loopback only. docs/venues.md tells the rest.
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said."""

    port: int
    scene: running.Scene
    script: script.Script
    keys: tuple[Key, ...]
    as_json: bool


@click.command(
    epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--port", default=8766, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one."
)
@click.option("--symbols", default=20, show_default=True, type=click.IntRange(0, 10_000), help="Stocks.")
@click.option("--trades", default=0.5, show_default=True, help="Trades a minute of each.")
@click.option("--seed", default=1, show_default=True, help="Of prices; the same seed, the same past.")
@click.option("--start", help="Time in New York, like '2025-06-16 17:00'; without it, now.")
@click.option("--key", "names", multiple=True, help="API key; again for several. Default: test-key.")
@click.option("--per-minute", default=5, show_default=True, help="Requests; 0 for no limit.")
@click.option("--per-day", default=25, show_default=True, help="Requests; 0 for no limit.")
@click.option("--free", is_flag=True, help="Refuse intraday, adjusted and whole histories.")
@click.option(
    "--script", "script_file", type=click.Path(dir_okay=False, exists=True, path_type=Path), help="TOML file."
)
@click.option("--json", "as_json", is_flag=True, help="Tell what happens as JSON, one object a line.")
def main(  # noqa: PLR0913  # one argument an option, as click passes them
    port: int,
    symbols: int,
    trades: float,
    seed: int,
    start: str | None,
    names: tuple[str, ...],
    per_minute: int,
    per_day: int,
    free: bool,
    script_file: Path | None,
    as_json: bool,
) -> None:
    """Run a simulated Alpha Vantage: prices, splits and dividends of a made-up stock market."""
    keys = tuple(Key(name, per_minute, per_day, not free) for name in names or (TEST_KEY,))
    said = running.script_of(script_file, {})
    scene = running.Scene(symbols, trades, seed, start, 1.0)
    running.run(_run(Options(port, scene, said, keys, as_json)), port)


async def _run(options: Options) -> None:
    """Serve until SIGINT or SIGTERM."""
    market = options.scene.market(options.script)
    clock = options.scene.clock(time.time_ns, time.monotonic_ns)
    async with Peer(market, clock=clock, keys=options.keys, port=options.port) as peer:
        for fault in options.script.faults:
            peer.faults.add(fault)
        keys = [key.name for key in options.keys]
        text = (
            f"Alpha Vantage peer on {peer.url}/query\n"
            f"{len(market.securities)} stocks, seed {options.scene.seed}, "
            f"keys {', '.join(keys)}; Ctrl-C ends it"
        )
        running.tell(options.as_json, "listening", text, url=peer.url, keys=keys)
        await running.ended()
