"""Made-up markets, and the look for what is wrong in a folder."""

from __future__ import annotations

import json
import time
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from livetrader import clocks
from livetrader.cli.main import cli
from livetrader.histories import opening
from livetrader_engine.data.bars import QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import TickType
from livetrader_engine.symbols import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND, Resolution, SecurityType
from tests.unit.plugins.lean_data.stores import read, request, store

FIRST, LAST = date(2024, 3, 4), date(2024, 3, 8)


def data(*arguments: str) -> Any:
    """Run `livetrader data` in this process."""
    return CliRunner().invoke(cli, ["data", *arguments], catch_exceptions=False)


def generate(folder: Path, *more: str) -> None:
    """Make up a week of ACME at all resolutions."""
    span = ("--start", str(FIRST), "--end", str(LAST), "--data-folder", str(folder))
    found = data("generate", "--symbol", "ACME", *span, *more)
    assert found.exit_code == 0, found.output


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a week of everything, made once."""
    folder = tmp_path_factory.mktemp("week") / "data"
    generate(folder, "--resolution", "all", "--kind", "trade", "--kind", "quote", "--seed", "7",
             "--trades-per-minute", "1")  # fmt: skip
    return folder


def bars_of(ticks: list[Tick], period_ns: int) -> list[tuple[float, ...]]:
    """Return start, open, high, low, close and volume of the periods that have trades; counted here anew."""
    found: dict[int, list[Tick]] = {}
    for tick in ticks:
        found.setdefault(tick.time_ns // period_ns * period_ns, []).append(tick)
    return [
        (start, part[0].price, max(t.price for t in part), min(t.price for t in part), part[-1].price,
         sum(t.quantity for t in part))
        for start, part in found.items()
    ]  # fmt: skip


def test_all_resolutions_of_a_seed_agree(week: Path) -> None:
    history = store(week)
    acme = history.reference.symbol("ACME", SecurityType.EQUITY, "usa")

    def stored(resolution: Resolution, kind: TickType = TickType.TRADE) -> list[Any]:
        return read(history, request(acme, resolution, kind, FIRST, LAST))

    ticks = stored(Resolution.TICK)
    assert len(ticks) > 5 * 390 * 0.8
    for resolution, period_ns in (
        (Resolution.SECOND, NS_PER_SECOND), (Resolution.MINUTE, NS_PER_MINUTE), (Resolution.HOUR, NS_PER_HOUR)
    ):  # fmt: skip
        told = [(b.time_ns, b.open, b.high, b.low, b.close, b.volume) for b in stored(resolution)]
        assert told == bars_of(ticks, period_ns), resolution
    days = stored(Resolution.DAILY)
    volumes = [volume for *_, volume in bars_of(ticks, 24 * NS_PER_HOUR)]
    assert [bar.volume for bar in days] == volumes, "New York's regular session lies in one UTC date"
    quotes = stored(Resolution.TICK, TickType.QUOTE)
    assert len(quotes) == len(ticks) and all(0 < q.bid_price < q.ask_price for q in quotes)
    assert all(isinstance(bar, QuoteBar) for bar in stored(Resolution.MINUTE, TickType.QUOTE))


def test_the_same_seed_gives_the_same_files_wherever_the_span_ends(week: Path, tmp_path: Path) -> None:
    same = ("--resolution", "minute", "--trades-per-minute", "1", "--seed")
    generate(tmp_path / "again", *same, "7")
    generate(tmp_path / "other", *same, "8")
    name = "equity/usa/minute/acme/20240305_trade.zip"
    files = [(folder / name).read_bytes() for folder in (week, tmp_path / "again", tmp_path / "other")]
    assert files[0] == files[1] != files[2]


def test_years_of_days_have_splits_and_dividends_that_the_factor_file_knows(tmp_path: Path) -> None:
    wild = ("--volatility", "0.6", "--drift", "0.6", "--first-price", "350", "--trades-per-minute", "0.1")
    span = ("--start", "2016-01-04", "--end", "2019-12-31", "--data-folder", str(tmp_path))
    found = data("generate", "--symbol", "ACME", *wild, *span)
    assert found.exit_code == 0, found.output
    history = store(tmp_path)
    acme = history.reference.symbol("ACME", SecurityType.EQUITY, "usa")
    actions = history.reference.corporate_actions(acme, date(2016, 1, 4), date(2019, 12, 31))
    kinds = {type(each).__name__ for each in actions}
    assert kinds == {"Split", "Dividend"}
    days = read(
        history, request(acme, Resolution.DAILY, TickType.TRADE, date(2016, 1, 4), date(2019, 12, 31))
    )
    assert len(days) == 1006, "the sessions of four years"
    assert data("check", "--data-folder", str(tmp_path)).exit_code == 0


def test_a_made_up_crypto_market_never_closes(tmp_path: Path) -> None:
    span = ("--start", "2024-03-02", "--end", "2024-03-03", "--data-folder", str(tmp_path), "--json")
    found = data("generate", "--symbol", "BTCUSD", "--security-type", "crypto", "--resolution", "hour", *span)
    assert json.loads(found.output)["points"] == {"BTCUSD": 48}, found.output


def test_yesterday_is_the_exchanges_wherever_the_machine_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evening = datetime(2024, 3, 5, 23, 30, tzinfo=UTC)  # Tuesday, 18:30 in New York; Wednesday in Tokyo
    for module in (clocks, opening):
        monkeypatch.setattr(module, "wall_ns", lambda: int(evening.timestamp()) * NS_PER_SECOND)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        found = data("generate", "--symbol", "ACME", "--start", "2024-03-01", "--data-folder", str(tmp_path))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found.exit_code == 0, found.output
    assert found.output.startswith("ACME: 2 points"), "Friday and Monday"


# ---- looking for what is wrong


def faults(folder: Path, *more: str) -> list[tuple[str, str, str]]:
    """Return what a check finds: kind, path, words."""
    found = data("check", "--data-folder", str(folder), "--json", *more)
    told = [(each["kind"], each["path"], each["problem"]) for each in json.loads(found.output)]
    assert found.exit_code == (1 if told else 0)
    return told


def rewrite(path: Path, change: Any) -> None:
    """Change the text of an archive's entry."""
    with zipfile.ZipFile(path) as archive:
        name = archive.namelist()[0]
        text = archive.read(name).decode()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, change(text))


def test_nothing_is_wrong_with_what_is_whole(week: Path) -> None:
    assert faults(week) == []


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (lambda text: text.replace(",", ";", 3), "row", "row 1 cannot be read"),
        (lambda text: "\n".join(reversed(text.splitlines())) + "\n", "order", "does not follow"),
        (lambda text: text.replace(text.split(",")[3], "99999999", 1), "price", "cannot be a bar"),
        (lambda text: text.replace(text.splitlines()[0].rsplit(",", 1)[1], "-5", 1), "price", "a size of -5"),
        (lambda text: "", "gap", "no data of 2024-03-06"),
    ],
)  # fmt: skip
def test_rows_that_are_wrong_are_named(tmp_path: Path, spoil: Any, kind: str, words: str) -> None:
    generate(tmp_path, "--resolution", "minute", "--trades-per-minute", "0.2")
    rewrite(tmp_path / "equity/usa/minute/acme/20240306_trade.zip", spoil)
    found = faults(tmp_path)
    assert {each[0] for each in found} - {"empty"} == {kind}, found
    assert all(path.startswith("equity/usa/minute/acme") for _, path, _ in found)
    assert any(words in problem for *_, problem in found), found
    assert len(found) <= 21, "more of the same is counted"


def test_dates_that_there_are_not_are_named(tmp_path: Path) -> None:
    generate(tmp_path, "--resolution", "minute", "--trades-per-minute", "0.2")
    minutes = tmp_path / "equity/usa/minute/acme"
    (minutes / "20240306_trade.zip").rename(minutes / "20240399_trade.zip")
    rewrite(tmp_path / "equity/usa/daily/acme.zip", lambda text: text.replace("20240307", "20240377"))
    found = faults(tmp_path)
    assert ("name", "equity/usa/minute/acme/20240399_trade.zip", "its name begins with no date") in found
    assert ("row", "equity/usa/daily/acme.zip") in {each[:2] for each in found}


def test_archives_gaps_and_unknown_splits_are_named(tmp_path: Path) -> None:
    generate(tmp_path, "--resolution", "minute", "--trades-per-minute", "0.2")
    minutes = tmp_path / "equity/usa/minute/acme"
    (minutes / "20240305_trade.zip").write_bytes(b"PK\x03\x04 cut off")
    (minutes / "20240307_trade.zip").unlink()

    def split(text: str) -> str:
        rows = [row.split(",") for row in text.splitlines()]
        halved = [[row[0], *(str(int(price) // 2) for price in row[1:5]), row[5]] for row in rows[3:]]
        return "\n".join(",".join(row) for row in [*rows[:2], *halved]) + "\n"

    rewrite(tmp_path / "equity/usa/daily/acme.zip", split)
    found = {(kind, words) for kind, _, words in faults(tmp_path)}
    assert ("gap", "no data of 2024-03-05") in found and ("gap", "no data of 2024-03-07") in found
    assert any(kind == "unreadable" and "not a readable zip" in words for kind, words in found)
    (daily,) = [words for kind, words in found if kind == "split"]
    assert daily.startswith("the close of 2024-03-07 looks like a split (")
    assert daily.endswith(" for 1) that equity/usa/factor_files/acme.csv does not know")


def test_tickers_can_be_named_and_one_without_data_is_said(week: Path) -> None:
    assert faults(week, "--symbol", "ACME") == []
    assert faults(week, "--symbol", "ACME,NONE") == [("missing", ".", "there are no data of NONE")]


def test_a_check_changes_nothing(week: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in week.rglob("*") if path.is_file()}
    faults(week)
    assert {path: path.stat().st_mtime_ns for path in week.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["generate", "--symbol", "A", "--start", "2024-02-02", "--end", "2024-02-01"], "before --start"),
        (["generate", "--symbol", "A", "--start", "2199-01-01", "--end", "2199-01-02"], "is not over yet"),
        (["generate", "--symbol", "A", "--start", "2024-02-02", "--market", "mars"], "unknown market 'mars'"),
        (["download", "--symbol", "A", "--start", "2024-02-02", "--provider", "nope"], "no plugin 'nope'"),
        (["download", "--symbol", "A", "--start", "2024-02-02", "--provider", "polygon", "--provider-option",
          "colour=3"], "colour"),
        (["check", "--data-folder", "/nowhere/at/all"], "does not exist"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(tmp_path: Path, arguments: list[str], words: str) -> None:
    place = [] if arguments[0] == "check" else ["--data-folder", str(tmp_path)]
    found = data(*arguments, *place)
    assert found.exit_code == 2 and words in found.output, found.output


def test_bars_of_an_equity_are_trade_bars(week: Path) -> None:
    history = store(week)
    acme = history.reference.symbol("ACME", SecurityType.EQUITY, "usa")
    found = read(history, request(acme, Resolution.DAILY, TickType.TRADE, FIRST, LAST))
    assert len(found) == 5 and all(isinstance(bar, TradeBar) for bar in found)
