"""`livetrader data` and `livetrader backtest --provider` as processes, against a peer of Polygon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from livetrader.cli.main import cli
from livetrader_engine.data.bars import TradeBar
from livetrader_engine.data.subscription import TickType
from livetrader_engine.symbols import Resolution, SecurityType
from livetrader_venues.polygon.access import Access
from livetrader_venues.polygon.peer import Peer
from livetrader_venues.stockmarket.clocks import new_york
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import stocks
from livetrader_venues.web.faults import Fault, Kind
from livetrader_venues.web.threads import Threaded
from tests.unit.plugins.lean_data.stores import read, request, store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]  # several processes one after another
KEY = "test-key"
MINUTE_NS = 60 * 10**9
SEEDS = int(os.environ.get("DOWNLOAD_KILLS", "1"))  # more in a lane of its own
ALGORITHM = """
from AlgorithmImports import *

class First(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2025, 6, 16)
        self.set_end_date(2025, 6, 17)
        self.set_cash(100000)
        self.aapl = self.add_equity("AAPL", Resolution.MINUTE).symbol
        self.log(f"past {len(self.history(self.aapl, 3, Resolution.DAILY))}")
        self.bars = 0

    def on_data(self, data):
        self.bars += self.aapl in data.bars
        if not self.portfolio.invested:
            self.set_holdings(self.aapl, 0.5)

    def on_end_of_algorithm(self):
        self.log(f"bars {self.bars}")
"""


@pytest.fixture(scope="module")
def market() -> Market:
    """One stock with few trades."""
    return Market.generated([each for each in stocks(10, trades=0.2) if each.ticker == "AAPL"], seed=5)


@pytest.fixture
def peer(market: Market) -> Iterator[Threaded[Peer]]:
    """A peer that is there as long as the test, unless the test ends it."""
    with Threaded(lambda: Peer(market, clock=time.time_ns, access=(Access(KEY),))) as served:
        yield served


def command(peer: Threaded[Peer] | None, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return a command line and its environment; None: nobody listens."""
    url = "http://127.0.0.1:9" if peer is None else peer.peer.url
    options = ["--provider", "polygon", "--provider-option", f"url={url}"]
    options += ["--provider-option", "attempts=2"]
    environment = {**os.environ, "POLYGON_API_KEY": KEY, "NO_COLOR": "1"}
    return [sys.executable, "-m", "livetrader", *arguments, *options], environment


def run(peer: Threaded[Peer] | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    line, environment = command(peer, *arguments)
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=False, timeout=60)


def downloading(folder: Path, *more: str) -> list[str]:
    """Return the arguments of a download of three months of minutes: three pieces."""
    return ["data", "download", "--symbol", "AAPL", "--resolution", "minute", "--start", "2025-03-03",
            "--end", "2025-05-30", "--data-folder", str(folder), *more]  # fmt: skip


def asked(peer: Threaded[Peer]) -> list[str]:
    """Return the requests for bars, oldest first."""
    return [line for line in list(peer.peer.log) if "/v2/aggs/" in line]


def test_a_backtest_on_an_empty_folder_fetches_what_it_needs_and_the_next_needs_nobody(
    market: Market, tmp_path: Path
) -> None:
    algorithm, data = tmp_path / "main.py", tmp_path / "data"
    algorithm.write_text(ALGORITHM)
    base = ["backtest", str(algorithm), "--data-folder", str(data), "--json"]
    with Threaded(lambda: Peer(market, clock=time.time_ns, access=(Access(KEY),))) as served:
        first = run(served, *base, "--output", str(tmp_path / "one"))
        assert first.returncode == 0, first.stderr
        assert asked(served)
    second = run(None, *base, "--output", str(tmp_path / "two"))
    assert second.returncode == 0, second.stderr
    assert "LOG past 3" in first.stderr and "LOG bars 7" in first.stderr
    assert second.stderr == first.stderr
    assert json.loads(second.stdout)["statistics"] == json.loads(first.stdout)["statistics"]
    orders = [next((tmp_path / each).glob("*-order-events.json")).read_bytes() for each in ("one", "two")]
    assert orders[0] == orders[1] and len(json.loads(orders[0])) >= 2


def test_a_provider_that_is_away_ends_a_backtest_and_says_so(tmp_path: Path) -> None:
    algorithm = tmp_path / "main.py"
    algorithm.write_text(ALGORITHM)
    result = run(None, "backtest", str(algorithm), "--data-folder", str(tmp_path / "data"), "--output",
                 str(tmp_path / "out"))  # fmt: skip
    assert result.returncode == 3
    assert "AAPL: no daily data from" in result.stderr and "polygon: " in result.stderr


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_download_killed_at_any_instant_goes_on_where_it_was(
    peer: Threaded[Peer], tmp_path: Path, seed: int
) -> None:
    random, data = Random(seed), tmp_path / "data"
    line, environment = command(peer, *downloading(data))
    for end_with in (signal.SIGKILL, signal.SIGINT):
        with subprocess.Popen(
            line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            _until_asked(peer, len(asked(peer)) + random.randrange(1, 3), process)
            process.send_signal(end_with)
            process.wait()
    last = run(peer, *downloading(data, "--json"))
    assert last.returncode == 0, last.stderr
    pieces = [path.split("?")[0] for path in asked(peer)]
    assert len(set(pieces)) >= 3
    assert max(pieces.count(piece) for piece in pieces) <= 3, "each end may cost its own piece once"
    kept = store(data)
    aapl = kept.reference.symbol("AAPL", SecurityType.EQUITY, "usa")
    whole = request(aapl, Resolution.MINUTE, TickType.TRADE, date(2025, 3, 3), date(2025, 5, 30))
    assert kept.gaps(whole) == [] and len(list(data.rglob("*_trade.zip"))) == 63, "every session"
    told = peer.peer.market.bars(
        "AAPL", new_york("2025-03-03 00:00"), new_york("2025-05-31 00:00"), MINUTE_NS
    )
    found = [(bar.time_ns, bar.close) for bar in read(kept, whole) if isinstance(bar, TradeBar)]
    assert found == [(bar.start_ns, bar.close) for bar in told] and len(found) > 1_000


def _until_asked(peer: Threaded[Peer], count: int, process: subprocess.Popen[bytes]) -> None:
    """Return when the peer was asked so often; look often, because the instant matters."""
    pause = threading.Event()
    while len(asked(peer)) < count and process.poll() is None:
        pause.wait(0.002)


def test_what_cannot_be_had_is_named_and_the_rest_is_kept(peer: Threaded[Peer], tmp_path: Path) -> None:
    twice = Fault(Kind.STATUS, on="rest:/v2/aggs", code=500, skip=1, count=2)
    peer.do(lambda venue: venue.faults.add(twice))
    result = run(peer, *downloading(tmp_path / "data"))
    assert result.returncode == 1
    assert "lacking: AAPL minute trade 2025-04-03 to" in result.stderr
    assert len(list((tmp_path / "data").rglob("*_trade.zip"))) == 42, "all but one piece"


def test_a_wrong_key_or_a_missing_provider_is_one_line(peer: Threaded[Peer], tmp_path: Path) -> None:
    line, environment = command(peer, *downloading(tmp_path / "data"))
    environment["POLYGON_API_KEY"] = "wrong"
    environment["POLYGON_API_KEY"] = "wrong"
    wrong = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert wrong.returncode in (1, 2) and "Traceback" not in wrong.stderr and "key" in wrong.stderr.lower()
    bare = CliRunner().invoke(cli, downloading(tmp_path / "data"))
    assert bare.exit_code == 2 and "name a --provider: alphavantage" in bare.output
