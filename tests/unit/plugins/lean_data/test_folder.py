"""Reader and writer over folders of our own: round trips, missing files, damaged files."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.data.bars import TradeBar
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription, TickType
from livetrader_engine.errors import ConfigurationError, DataError
from livetrader_engine.spi import API_VERSION, Context
from livetrader_engine.symbols import Resolution, SecurityType, Symbol
from livetrader_plugins.lean_data import (
    LeanDataConfig,
    LeanDataHistory,
    write_daily,
    write_minute,
    write_reference,
)
from livetrader_plugins.lean_data.convert import read_factor_file, read_map_file
from tests.unit.engine.calendar.hours_of import MINUTE, at

_UNIT = Decimal("0.0001")
ROWS = [
    (date(2013, 11, 27), 10.0, 11.0, 9.5, 10.5, 1_000),
    (date(2013, 11, 29), 10.5, 10.75, 10.25, 10.3125, 500),
    (date(2013, 12, 2), 10.3, 12.0, 10.3, 11.9999, 2_000),
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with daily ACME, minutes of two days, and reference data."""
    path = tmp_path_factory.mktemp("lean")
    write_daily(path, "ACME", ROWS)
    for day in (date(2013, 11, 27), date(2013, 11, 29)):
        minutes = [(34_200_000 + n * 60_000, 10.0, 10.5, 9.5, 10.0 + n / 100, 100 + n) for n in range(5)]
        write_minute(path, "ACME", day, minutes)
    write_reference(path, {"ACME": date(2005, 1, 3)}, date(2013, 1, 1), date(2014, 12, 31))
    return path


def _acme(history: LeanDataHistory) -> Symbol:
    return history.reference.symbol("ACME", SecurityType.EQUITY, "usa")


def _read(history: LeanDataHistory, resolution: Resolution, start: str, end: str) -> list[TradeBar]:
    request = HistoryRequest(Subscription(_acme(history), resolution), at(start), at(end))
    return [point for point in history.history(request) if isinstance(point, TradeBar)]


def test_what_is_written_is_read_back(folder: Path) -> None:
    bars = _read(LeanDataHistory.open(folder), Resolution.DAILY, "2013-11-01", "2013-12-31")
    assert [(b.open, b.high, b.low, b.close, int(b.volume)) for b in bars] == [row[1:] for row in ROWS]
    assert [b.end_time_ns for b in bars] == [
        at("2013-11-27 16:00"), at("2013-11-29 13:00"), at("2013-12-02 16:00"),
    ]  # fmt: skip


def test_minutes_are_read_back_at_their_time(folder: Path) -> None:
    bars = _read(LeanDataHistory.open(folder), Resolution.MINUTE, "2013-11-27", "2013-11-30")
    assert [b.time_ns for b in bars[:5]] == [at("2013-11-27 09:30") + n * MINUTE for n in range(5)]
    assert len(bars) == 10 and bars[7].close == 10.02 and bars[7].volume == 102.0


def test_written_hours_know_holidays_and_half_days(folder: Path) -> None:
    history = LeanDataHistory.open(folder)
    hours = history.reference.hours(_acme(history))
    assert not hours.is_trading_day(date(2013, 11, 28)) and not hours.is_trading_day(date(2014, 4, 18))
    assert hours.next_close(at("2013-11-29 10:00")) == at("2013-11-29 13:00")
    assert hours.is_open(at("2013-11-27 19:59"), extended=True)


def test_the_map_file_gives_the_symbol_its_first_date(folder: Path) -> None:
    history = LeanDataHistory.open(folder)
    assert _acme(history) is not LeanDataHistory.open(folder / "none").reference.symbol(
        "ACME", SecurityType.EQUITY, "usa"
    )
    before = HistoryRequest(
        Subscription(_acme(history), Resolution.MINUTE), at("2004-01-05"), at("2004-01-07")
    )
    assert list(history.history(before)) == []
    assert history.missing_files == ()  # nothing is looked for before it existed


def test_equal_data_gives_equal_files(folder: Path, tmp_path: Path) -> None:
    write_daily(tmp_path, "ACME", ROWS)
    name = "equity/usa/daily/acme.zip"
    assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
    assert [path.name for path in (tmp_path / name).parent.iterdir()] == ["acme.zip"]  # nothing half-written


def test_who_reads_while_a_file_is_replaced_sees_the_old_one_whole(tmp_path: Path) -> None:
    write_daily(tmp_path, "ACME", ROWS)
    path = tmp_path / "equity/usa/daily/acme.zip"
    before = path.read_bytes()
    with path.open("rb") as reader:
        write_daily(tmp_path, "ACME", ROWS[:1])
        assert reader.read() == before
    assert path.read_bytes() != before


def test_a_ticker_belongs_to_who_traded_under_it_last(tmp_path: Path) -> None:
    directory = tmp_path / "equity" / "usa" / "map_files"
    directory.mkdir(parents=True)
    (directory / "acme.csv").write_text("20000103,acme,Q\n20050103,acme,Q\n20501231,other,Q\n")
    (directory / "acme.1.csv").write_text("20060103,young,Q\n20100104,young,Q\n20501231,acme,Q\n")
    symbol = _acme(LeanDataHistory.open(tmp_path))
    assert symbol.value == "ACME" and symbol.id.startswith("YOUNG ")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((date(2013, 11, 27), 1.0, 1.0, 1.0, 1.0, 1), "must ascend"),
        ((date(2013, 12, 5), 10.0, 9.0, 8.0, 8.5, 1), "cannot be a bar"),
        ((date(2013, 12, 5), float("nan"), 9.0, 8.0, 8.5, 1), "cannot be a bar"),
        ((date(2013, 12, 5), 0.0, 1.0, 0.0, 1.0, 1), "cannot be a bar"),
    ],
)
def test_rows_that_make_no_bar_are_refused_and_the_old_file_stays(
    tmp_path: Path, row: tuple[date, float, float, float, float, int], message: str
) -> None:
    write_daily(tmp_path, "ACME", ROWS)
    path = tmp_path / "equity/usa/daily/acme.zip"
    before = path.read_bytes()
    with pytest.raises(DataError, match=message):
        write_daily(tmp_path, "ACME", [*ROWS, row])
    assert path.read_bytes() == before


@given(
    st.lists(
        st.tuples(
            st.integers(1, 10**9), st.integers(0, 10**7), st.integers(0, 10**6), st.integers(0, 10**12)
        ),
        min_size=1,
        max_size=15,
    )
)
def test_any_daily_bars_survive_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[int, int, int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    rows = []
    for number, (low, up, inside, volume) in enumerate(values):
        prices = [part / 10_000 for part in (low + min(inside, up), low + up, low, low + up // 2)]
        day = date(2013, 10, 7) + timedelta(days=number // 5 * 7 + number % 5)
        rows.append((day, prices[0], prices[1], prices[2], prices[3], volume))
    write_daily(folder, "ACME", rows)
    bars = _read(LeanDataHistory.open(folder), Resolution.DAILY, "2013-10-01", "2014-03-01")
    assert [(b.open, b.high, b.low, b.close, int(b.volume)) for b in bars] == [row[1:] for row in rows]


def test_missing_files_are_an_empty_answer_named_and_reported_once(folder: Path) -> None:
    reports: list[tuple[str, str]] = []
    history = LeanDataHistory.open(folder, lambda action, path: reports.append((action, path)))
    assert _read(history, Resolution.MINUTE, "2013-12-02", "2013-12-06 23:59") == []
    assert [path.name for path in history.missing_files] == [f"2013120{n}_trade.zip" for n in range(2, 7)]
    assert len(reports) == 1
    assert reports[0][0] == "data_file_missing" and reports[0][1].endswith("20131202_trade.zip")


def test_weekends_and_holidays_are_not_missed(folder: Path) -> None:
    history = LeanDataHistory.open(folder)
    _read(history, Resolution.MINUTE, "2013-11-28", "2013-12-01 23:59")
    assert history.missing_files == ()


def _zip(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("acme.csv", text)


DAILY = Path("equity/usa/daily/acme.zip")
GOOD = "20131127 00:00,100000,110000,95000,105000,1000\n"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: _zip(path, GOOD + "20131129 00:00,100000,110000\n"), "row 2"),
        (lambda path: _zip(path, GOOD + "20131129 00:00,100000,oops,95000,105000,1000\n"), "row 2"),
        (lambda path: _zip(path, GOOD + "20131399 00:00,100000,110000,95000,105000,1000\n"), "row 2"),
        (lambda path: _zip(path, GOOD + "20131129 00:00,1,2,3,4,5,6,7\n"), "row 2"),
        (lambda path: path.write_bytes(b"this is no archive"), "not a readable zip"),
        (lambda path: path.write_bytes(path.read_bytes()[:-30]), "not a readable zip"),
        (lambda path: path.write_bytes(b""), "not a readable zip"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_file_and_row(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    write_daily(tmp_path, "ACME", ROWS)
    damage(tmp_path / DAILY)
    with pytest.raises(DataError, match=message) as caught:
        _read(LeanDataHistory.open(tmp_path), Resolution.DAILY, "2013-11-01", "2014-01-10")
    assert "acme" in str(caught.value)


def test_any_byte_of_an_archive_may_be_wrong_without_another_exception(tmp_path: Path) -> None:
    write_daily(tmp_path, "ACME", ROWS)
    path = tmp_path / DAILY
    whole = path.read_bytes()
    random = Random(7)
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
        path.write_bytes(bytes(damaged))
        try:
            bars = _read(LeanDataHistory.open(tmp_path), Resolution.DAILY, "2013-11-01", "2014-01-10")
        except DataError:
            continue
        assert len(bars) <= 3


@pytest.mark.parametrize("text", ["{", "[]", '{"other": {}}', '{"entries": {"Equity-usa-[*]": 5}}'])
def test_a_damaged_hours_database_is_an_error(folder: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "market-hours" / "market-hours-database.json"
    path.parent.mkdir()
    path.write_text(text)
    history = LeanDataHistory.open(tmp_path)
    with pytest.raises(DataError, match="market-hours"):
        history.reference.hours(_acme(history))


def test_without_databases_whole_markets_have_leans_defaults_and_others_say_what_is_missing(
    tmp_path: Path,
) -> None:
    reference = LeanDataHistory.open(tmp_path).reference
    stock = reference.symbol("ACME", SecurityType.EQUITY, "usa")
    assert reference.hours(stock).next_close(at("2013-11-29 10:00")) == at("2013-11-29 13:00")
    index = reference.symbol("SPX", SecurityType.INDEX, "usa")
    assert reference.hours(index).next_close(at("2013-11-29 10:00")) == at("2013-11-29 13:15")
    assert reference.hours(index).next_close(at("2013-11-27 10:00")) == at("2013-11-27 16:15")
    contract = Symbol.create("SPY 1", "SPY   131220C00180000", SecurityType.OPTION, "usa")
    assert reference.hours(contract).next_open(at("2013-11-29 17:00")) == at("2013-12-02 09:30")
    assert reference.properties(contract).contract_multiplier == 100
    euro = reference.symbol("EURUSD", SecurityType.FOREX, "oanda")
    assert reference.hours(euro).next_open(at("2013-11-30 10:00")) == at("2013-12-01 17:03")
    assert reference.properties(euro).quote_currency == "USD"
    bitcoin = reference.symbol("BTCUSD", SecurityType.CRYPTO, "coinbase")
    assert reference.hours(bitcoin).always_open
    gold = reference.symbol("XAUUSD", SecurityType.CFD, "fxcm")
    with pytest.raises(DataError, match=r"no trading hours for XAUUSD.*copy LEAN's file"):
        reference.hours(gold)
    with pytest.raises(DataError, match=r"nothing is known of cfd XAUUSD.*copy LEAN's file"):
        reference.properties(gold)


def test_an_unknown_market_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="unknown market 'mars'"):
        LeanDataHistory.open(folder).reference.symbol("ACME", SecurityType.EQUITY, "mars")


def test_a_security_type_without_reader_is_refused(folder: Path) -> None:
    symbol = Symbol.create("ES 1", "ES", SecurityType.FUTURE, "cme")
    history = LeanDataHistory.open(folder)
    with pytest.raises(DataError, match=r"ES|future"):
        list(history.history(HistoryRequest(Subscription(symbol, Resolution.DAILY), 0, 1)))


def test_threads_may_read_at_once(folder: Path) -> None:
    history = LeanDataHistory.open(folder)
    expected = _read(LeanDataHistory.open(folder), Resolution.MINUTE, "2013-11-27", "2013-11-30")
    results: list[list[tuple[int, float]]] = []

    def read() -> None:
        for _ in range(10):
            bars = _read(history, Resolution.MINUTE, "2013-11-27", "2013-11-30")
            results.append([(b.time_ns, b.close) for b in bars])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 40
    assert all(result == [(b.time_ns, b.close) for b in expected] for result in results)


def _context(folder: Path | None, reports: list[str]) -> Context:
    def report(action: str, **fields: object) -> None:
        reports.append(action)

    def never(name: str, coroutine: object) -> None:
        raise AssertionError("a history starts no tasks")

    return Context(
        name="lean_data", state_directory=Path(), data_folder=folder, now_ns=lambda: 0,
        monotonic_s=lambda: 0.0, random=Random(1), spawn=never, report=report,
    )  # fmt: skip


def test_the_plugin_takes_the_daemons_data_folder(folder: Path) -> None:
    reports: list[str] = []
    history = LeanDataHistory(LeanDataConfig(), _context(folder, reports))
    assert LeanDataHistory.API_VERSION == API_VERSION
    assert len(_read(history, Resolution.DAILY, "2013-11-01", "2013-12-31")) == 3
    assert _read(history, Resolution.MINUTE, "2013-12-02", "2013-12-03") == []
    assert reports == ["data_file_missing"]
    with pytest.raises(ConfigurationError, match=r"\[data\] folder"):
        LeanDataHistory(LeanDataConfig(), _context(None, reports))


def test_the_open_interest_of_a_stock_is_empty(folder: Path) -> None:
    history = LeanDataHistory.open(folder)
    subscription = Subscription(_acme(history), Resolution.MINUTE, TickType.OPEN_INTEREST)
    assert list(history.history(HistoryRequest(subscription, 0, at("2014-01-01")))) == []


def test_factors_hold_up_to_and_including_their_date() -> None:
    factors = read_factor_file(
        "f", "20130101,0.5,0.25,100\n20130201,0.8,1,50\n20130301,inf,1\n20501231,1,1,0\n"
    )
    cases = [
        (date(2012, 1, 1), 0.125), (date(2013, 1, 1), 0.125), (date(2013, 1, 2), 0.8),
        (date(2013, 2, 1), 0.8), (date(2013, 2, 2), 1.0), (date(2051, 1, 1), 1.0),
    ]  # fmt: skip
    for day, factor in cases:
        assert factors.adjustment(day, Normalization.ADJUSTED, _UNIT).factor == factor
        assert factors.adjustment(day, Normalization.RAW, _UNIT).factor == 1.0
    assert factors.adjustment(date(2013, 1, 1), Normalization.SPLIT_ADJUSTED, _UNIT).factor == 0.25
    with pytest.raises(DataError, match="f: row 1"):
        read_factor_file("f", "20130101,zero,1\n")
    with pytest.raises(DataError, match="row 1"):
        read_factor_file("f", "20130101,0,1\n")


def test_map_files_name_the_ticker_of_a_day() -> None:
    mapped = read_map_file("m", "20040819,goog,Q\n20140402,goog,Q\n20501231,googl,Q\n")
    assert mapped.first_date == date(2004, 8, 19)
    assert mapped.ticker_on(date(2014, 4, 2)) == "GOOG" and mapped.ticker_on(date(2014, 4, 3)) == "GOOGL"
    assert mapped.ticker_on(date(2004, 8, 18)) is None and mapped.ticker_on(date(2051, 1, 1)) is None
    for text in ("", "2004,goog\n", "20040819\n"):
        with pytest.raises(DataError, match="m: "):
            read_map_file("m", text)
