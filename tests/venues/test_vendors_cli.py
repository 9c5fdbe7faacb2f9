"""Scripts and commands of the vendors' peers: what a file says happens; mistakes are told first."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import urllib.request
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from livetrader_venues.alphavantage import cli as alphavantage_cli
from livetrader_venues.polygon import cli
from livetrader_venues.polygon.peer import Peer
from livetrader_venues.stockmarket.clocks import ManualClock, new_york
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import Dividend, Split
from livetrader_venues.web.faults import Fault, Kind
from livetrader_venues.web.script import ScriptError, Step, parsed
from tests.repository.sources import ROOT
from tests.venues.ears import ear

DAY = """
[[stock]]
ticker = "XYZ"
price = 25.0
trades = 30.0
split = ["2025-06-20 1:4"]
dividend = ["2025-06-18 0.25"]

[[fault]]
kind = "delay"
on = "T"
by_s = 0.5
count = 3

[[step]]
at_s = 60.0
do = "close"
code = 1012

[[step]]
at_s = 10
do = "mute"
ticker = "AAPL"
"""


def test_a_script_says_what_there_is_and_what_happens_in_order() -> None:
    said = parsed(DAY, cli.ACTIONS)
    (stock,) = said.stocks
    assert (stock.ticker, stock.price, stock.trades) == ("XYZ", 25.0, 30.0)
    assert stock.splits == (Split(date(2025, 6, 20), 1, 4),)
    assert stock.dividends == (Dividend(date(2025, 6, 18), 0.25),)
    assert said.faults == (Fault(Kind.DELAY, on="T", by_s=0.5, count=3),)
    assert [step.action for step in said.steps] == ["mute", "close"]


def test_the_script_in_the_guide_can_be_played_and_names_all_there_is() -> None:
    guide = (ROOT / "docs" / "venues.md").read_text(encoding="utf-8")
    (text,) = (each for each in re.findall(r"```toml\n(.*?)```", guide, re.DOTALL) if "polygon-peer" in each)
    said = parsed(text, cli.ACTIONS)
    assert (len(said.stocks), len(said.faults), len(said.steps)) == (1, 1, 2)
    named = set(re.findall(r"`([a-z_]+)`", guide[guide.index("| fault |") : guide.index("## Alpha Vantage")]))
    assert named >= {kind.value for kind in Kind} | set(cli.ACTIONS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[", "not TOML"),
        ("[stok]", "unknown section stok; known: stock, fault, step"),
        ("[[stock]]\nprice = 1", "needs a ticker"),
        ('[[stock]]\nticker = "X"\nsplit = ["soon 1:2"]', r"XYZ|X: .*; numbers are numbers"),
        ('[[fault]]\nkind = "explode"', "needs a kind, one of mute, delay"),
        ('[[fault]]\nkind = "mute"\nwhen = 3', "mute knows .*, not when"),
        ('[[fault]]\nkind = "lag"\non = "T"', "lag cannot strike 'T'"),
        ('[[step]]\ndo = "dance"\nat_s = 1', "there is accept_connections, .*"),
        ('[[step]]\ndo = "close"\nat_s = 1\ncolour = 2', "close takes code, reason, not colour"),
        ('[[step]]\ndo = "close"', "needs at_s"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(ScriptError, match=message):
        parsed(text, cli.ACTIONS)


def test_every_action_of_a_script_does_what_its_name_says() -> None:
    async def run() -> None:
        market, clock = Market.recorded([]), ManualClock(new_york("2025-06-16 10:00"))

        async def do(action: str, **keywords: object) -> None:
            assert set(keywords) <= cli.ACTIONS[action]
            await cli.perform(peer, Step(0.0, action, keywords))

        async with Peer(market, clock=clock) as peer:
            await do("mute", ticker="AAPL")
            await do("mute")
            assert peer.house.stream.is_mute
            assert peer.house.stream.muted == {"AAPL"}
            await do("unmute")
            assert not peer.house.stream.muted
            async with ear(peer) as client:
                await do("freeze")
                assert all(each.is_frozen for each in peer.house.stream.clients.values())
                await do("thaw")
                await do("close", code=1012)
                await client.until(lambda: client.ended)
            await do("refuse_connections")
            with pytest.raises(OSError):
                await asyncio.open_connection("127.0.0.1", peer.port)
            await do("accept_connections")
            await do("weather", share=0.5)
            assert peer.faults
            await do("clear_faults")
            assert not peer.faults

    asyncio.run(run())


@pytest.mark.parametrize("command", [cli.main, alphavantage_cli.main])
def test_the_commands_refuse_what_they_cannot_do_with_a_reason(command: object, tmp_path: Path) -> None:
    script = tmp_path / "bad.toml"
    script.write_text("[[step]]\ndo = 'dance'\nat_s = 1\n")
    runner = CliRunner()
    found = runner.invoke(command, ["--script", str(script)])  # type: ignore[arg-type]  # click's
    assert found.exit_code == 1
    assert "bad.toml: [[step]] do = 'dance'" in found.output
    found = runner.invoke(command, ["--port", "0", "--start", "noon"])  # type: ignore[arg-type]  # click's
    assert found.exit_code == 2
    assert "no time like '2025-06-16" in found.output
    assert "Examples:" in runner.invoke(command, ["--help"]).output  # type: ignore[arg-type]  # click's


@pytest.mark.slow
def test_the_command_serves_until_it_is_told_to_end() -> None:
    arguments = ["--port", "0", "--symbols", "5", "--start", "2025-06-16 10:00", "--speed", "10", "--json"]
    code = "from livetrader_venues.polygon.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        url = (
            f"http://{told['host']}/v2/aggs/ticker/AAPL/range/1/minute/2025-06-16/2025-06-16?apiKey=test-key"
        )
        with urllib.request.urlopen(url, timeout=5) as answer:
            found = json.load(answer)
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0
    assert found["status"] == "OK"
    assert found["results"][0]["t"] >= new_york("2025-06-16 04:00") // 10**6
