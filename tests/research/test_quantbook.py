"""QuantBook: what its history and indicators answer, and what it refuses."""

from __future__ import annotations

import statistics
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from livetrader.errors import ConfigError
from livetrader.offline.research import first_day
from livetrader_engine.errors import AlgorithmError
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.names import snake
from livetrader_lean.parity import OFFERED, QUANT_BOOK, members
from livetrader_lean.quantbook import QuantBook
from tests.research.conftest import Begin
from tests.research.market import CLOSES, closes_before

DAY = date(2015, 3, 2)
at = datetime.fromisoformat  # naive, as LEAN's times are


@pytest.fixture
def names(begin: Begin) -> dict[str, Any]:
    return begin()


@pytest.fixture
def book(names: dict[str, Any]) -> Any:
    """A QuantBook at the midnight of DAY with MADE added."""
    found = names["QuantBook"]()
    found.set_start_date(DAY.year, DAY.month, DAY.day)
    found.add_equity("MADE")
    return found


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2024-03-05 00:30", "2024-03-04"),
        ("2024-03-05 08:59", "2024-03-04"),
        ("2024-03-05 09:00", "2024-03-05"),
        ("2024-03-01 03:00", "2024-02-29"),
    ],
)
def test_a_new_book_stands_at_today_from_nine_on(now: str, expected: str) -> None:
    assert first_day(datetime.fromisoformat(now)) == date.fromisoformat(expected)


def test_a_new_book_stands_at_a_midnight_of_new_york(names: dict[str, Any]) -> None:
    book = names["QuantBook"]()
    assert (book.time.hour, book.time.minute) == (0, 0)
    assert str(book.time_zone) == "America/New_York"
    assert book.start_date == book.time
    assert book.algorithm_mode == names["AlgorithmMode"].RESEARCH
    assert not book.live_mode


def test_without_research_a_book_says_how_to_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QuantBook, "_engines", None)
    with pytest.raises(AlgorithmError, match=r"livetrader research.*from livetrader\.research import \*"):
        QuantBook()


def test_a_missing_data_folder_is_named_with_the_remedy(begin: Begin, tmp_path: Path) -> None:
    names = begin(data_folder=tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"nowhere.*--data-folder"):
        names["QuantBook"]()


ASKED: dict[str, Any] = {
    "a ticker": lambda n, qb: qb.history("MADE", 5, n["Resolution"].DAILY),
    "a symbol": lambda n, qb: qb.history(qb.symbol("MADE"), 5, n["Resolution"].DAILY),
    "a list": lambda n, qb: qb.history(["MADE"], 5, n["Resolution"].DAILY),
    "all securities": lambda n, qb: qb.history(qb.securities.keys, 5, n["Resolution"].DAILY),
    "PascalCase": lambda n, qb: qb.History(qb.Securities.Keys, 5, n["Resolution"].Daily),
    "a span": lambda n, qb: qb.history("MADE", timedelta(days=7), n["Resolution"].DAILY),
    "start and end": lambda n, qb: qb.history(
        "MADE", at("2015-02-23"), at("2015-02-28"), n["Resolution"].DAILY
    ),
    "named": lambda n, qb: qb.history(
        symbol="MADE", periods=5, resolution=n["Resolution"].DAILY, fill_forward=False,
        extended_market_hours=False, data_normalization_mode=n["DataNormalizationMode"].RAW,
    ),
}  # fmt: skip


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_history_answers_however_it_is_asked(names: dict[str, Any], book: Any, asked: Any) -> None:
    frame = asked(names, book)
    assert list(frame["close"]) == closes_before(DAY)[-5:]
    assert frame.index.names == ["symbol", "time"]
    assert frame.index[-1][1].to_pydatetime() == at("2015-02-27 16:00")
    assert list(frame.loc["MADE"]["close"]) == list(frame["close"])


def test_history_of_a_type_gives_bars(names: dict[str, Any], book: Any) -> None:
    bars = list(book.history[names["TradeBar"]]("MADE", 3, names["Resolution"].DAILY))
    assert [bar.close for bar in bars] == closes_before(DAY)[-3:]
    average = names["SimpleMovingAverage"](3)
    for bar in bars:
        average.update(bar.end_time, bar.close)
    assert average.current.value == pytest.approx(statistics.fmean(closes_before(DAY)[-3:]))


def test_nothing_after_its_day_is_told_until_the_book_moves_on(
    names: dict[str, Any], book: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    daily = names["Resolution"].DAILY
    until = at("2016-01-01")
    assert list(book.history("MADE", at("2015-02-20"), until, daily)["close"]) == [
        close for day, close in CLOSES.items() if date(2015, 2, 20) <= day < DAY
    ]
    assert "Request for future history modified to end now." in capsys.readouterr().out
    book.set_start_date(2015, 3, 4)
    assert book.history("MADE", 1, daily)["close"].iloc[-1] == CLOSES[date(2015, 3, 3)]
    book.set_time_zone("UTC")
    assert book.time == at("2015-03-04")
    assert book.utc_time == at("2015-03-04")


def test_an_indicator_has_leans_columns_and_rows_where_it_is_ready(names: dict[str, Any], book: Any) -> None:
    frame = book.indicator(names["BollingerBands"](30, 2), "MADE", 100, names["Resolution"].DAILY)
    # BollingerBands.cs: its public properties and Current, in lower case, in order
    assert list(frame.columns) == [
        "bandwidth", "current", "lowerband", "middleband", "movingaveragetype", "percentb", "price",
        "standarddeviation", "upperband",
    ]  # fmt: skip
    assert len(frame) == 100 - 30 + 1
    newest = closes_before(DAY)[-30:]
    middle, deviation = statistics.fmean(newest), statistics.pstdev(newest)
    assert frame["middleband"].iloc[-1] == pytest.approx(middle)
    assert frame["upperband"].iloc[-1] == pytest.approx(middle + 2 * deviation)
    assert frame["price"].iloc[-1] == newest[-1]
    assert set(frame["movingaveragetype"]) == {"Simple"}
    assert frame.index[-1].to_pydatetime() == at("2015-02-27 16:00")


def test_indicator_history_has_as_many_rows_as_were_asked_for(names: dict[str, Any], book: Any) -> None:
    daily = names["Resolution"].DAILY
    assert len(book.indicator_history(names["BollingerBands"](30, 2), "MADE", 100, daily).data_frame) == 100


def test_an_indicator_takes_spans_dates_and_fields(names: dict[str, Any], book: Any) -> None:
    daily = names["Resolution"].DAILY
    average = names["SimpleMovingAverage"]
    span = book.Indicator(average(3), "MADE", timedelta(days=14), daily)
    dates = book.indicator(average(3), "MADE", at("2015-02-16"), at("2015-03-02"), daily)
    assert list(span.columns) == ["current", "rollingsum"]
    assert list(span["current"]) == list(dates["current"])
    assert span["rollingsum"].iloc[-1] == pytest.approx(sum(closes_before(DAY)[-3:]))
    high = book.indicator(average(3), "MADE", 3, daily, names["Field"].HIGH)
    close = book.indicator(average(3), "MADE", 3, daily)
    assert high["current"].iloc[-1] > close["current"].iloc[-1]


def test_bars_go_through_consolidators_by_hand(names: dict[str, Any], book: Any) -> None:
    made: list[Any] = []
    consolidator = names["TradeBarConsolidator"](2)
    consolidator.data_consolidated += lambda sender, bar: made.append(bar)
    for bar in book.history[names["TradeBar"]]("MADE", 4, names["Resolution"].DAILY):
        consolidator.update(bar)
    assert [bar.close for bar in made] == closes_before(DAY)[-4:][1::2]


def test_objects_are_files_of_the_store_and_seen_by_the_next_book(
    names: dict[str, Any], book: Any, tmp_path: Path
) -> None:
    book.object_store.save_bytes("models/first.bin", b"\x00\x01")
    assert (tmp_path / "storage" / "models" / "first.bin").read_bytes() == b"\x00\x01"
    again = names["QuantBook"]()
    assert again.ObjectStore.ContainsKey("models/first.bin")
    assert bytes(again.object_store.read_bytes("models/first.bin")) == b"\x00\x01"


def test_an_empty_answer_comes_with_its_reason(
    names: dict[str, Any], book: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    daily = names["Resolution"].DAILY
    assert book.history("NOBODY", 5, daily).empty
    assert "nobody.zip" in capsys.readouterr().out
    book.set_start_date(2015, 12, 1)
    assert book.history("MADE", 5, daily).empty
    assert "they end before; try qb.set_start_date(2015, 7, 1)" in capsys.readouterr().out


def test_a_book_does_not_trade(names: dict[str, Any], book: Any) -> None:
    bar = next(iter(book.history[names["TradeBar"]]("MADE", 1, names["Resolution"].DAILY)))
    book.securities["MADE"].set_market_price(bar)
    with pytest.raises(AlgorithmError, match="a notebook does not trade"):
        book.market_order("MADE", 1)


def test_training_runs_at_once_and_never_by_the_clock(book: Any) -> None:
    trained: list[str] = []
    book.train(lambda: trained.append("now"))
    assert trained == ["now"]
    assert book.training.ready
    with pytest.raises(AlgorithmError, match="time stands still"):
        book.train(book.date_rules.every_day(), book.time_rules.noon, lambda: None)
    with pytest.raises(ZeroDivisionError):
        book.Train(lambda: 1 / 0)


def test_a_save_that_fails_is_an_error(book: Any) -> None:
    with pytest.raises(ValueError, match="key"):
        book.object_store.save("../outside", "text")


def test_log_lines_are_shown(book: Any, capsys: pytest.CaptureFixture[str]) -> None:
    book.log("as of now")
    book.error("no good")
    assert capsys.readouterr().out == "as of now\nerror: no good\n"


LACKING = sorted(
    {one.name: one for one in members(QUANT_BOOK).values() if one.status not in OFFERED}.values()
)


@pytest.mark.parametrize("member", LACKING, ids=lambda member: member.name)
def test_what_it_lacks_is_refused_by_name_with_the_reason(book: Any, member: Any) -> None:
    for spelling in (member.name, snake(member.name)):
        with pytest.raises(NotInLivetrader, match=f"QuantBook.{spelling} .*{member.note}"):
            getattr(book, spelling)("MADE")


def test_what_it_offers_is_there() -> None:
    offered = {one.name for one in members(QUANT_BOOK).values() if one.status in OFFERED}
    assert offered == {"Indicator", "GetPortfolioStatistics"}
    assert all(hasattr(QuantBook, name) and hasattr(QuantBook, snake(name)) for name in offered)


def test_statistics_of_a_frame_are_those_of_an_account(names: dict[str, Any], book: Any) -> None:
    days = names["pd"].date_range("2015-01-05", periods=5, freq="D")
    frame = names["pd"].DataFrame(
        {"equity": [100.0, 110.0, 99.0, 120.0, 150.0], "benchmark": [10.0, 10.5, 10.1, 10.4, 11.0]},
        index=days,
    )
    figures = book.get_portfolio_statistics(frame)
    assert figures["Net Profit (%)"] == pytest.approx(50.0)
    assert figures["Drawdown (%)"] == pytest.approx(10.0)
    # of five changes, the first of which is none: three up
    assert figures["Win Rate (%)"] == pytest.approx(60.0)
    assert len(figures) == 17
    assert set(book.get_portfolio_statistics(frame[["equity"]])) == {"Runtime Error"}
