"""Look for what is wrong in a LEAN data folder. Reads everything and changes nothing.

Looked at: trades and quotes of equities, indices, forex, cfds and crypto. What is not:
whether prices are the right ones, other kinds of securities, and gaps inside a session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi_data import DataFault, DateSpan, DownloadRequest
from livetrader_engine.symbols import Resolution, SecurityType, Symbol
from livetrader_plugins.lean_data import convert
from livetrader_plugins.lean_data.client import DataFolder, rows_of
from livetrader_plugins.lean_data.convert import Adjustment, Layout, RowReader
from livetrader_plugins.lean_data.places import KINDS
from livetrader_plugins.lean_data.reference import LeanReference
from livetrader_plugins.lean_data.store import LeanStore
from livetrader_plugins.lean_data.written import CRYPTO, SCALED, refusal

MAX_FAULTS: Final = 20  # of one file, and of one kind for one ticker: more of the same tells nothing new
JUMPS: Final = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 50.0, 1.5)  # of usual splits
JUMP_TOLERANCE: Final = 0.06  # how far from such a ratio an overnight change still looks like one
_TICK_TYPES: Final = {name: kind for kind, name in KINDS.items() if kind is not TickType.OPEN_INTEREST}
_EXAMINED: Final = {
    "equity": SecurityType.EQUITY, "index": SecurityType.INDEX, "forex": SecurityType.FOREX,
    "cfd": SecurityType.CFD, "crypto": SecurityType.CRYPTO, "cryptofuture": SecurityType.CRYPTO_FUTURE,
}  # fmt: skip

Progress = Callable[[str, int, int], None]


class Kind(NamedTuple):
    """One kind of data of one ticker, and the files that hold it: one, or one a date."""

    security_type: SecurityType
    market: str
    ticker: str
    resolution: Resolution
    tick_type: TickType
    files: tuple[Path, ...]


class Examination:
    """One look at a folder."""

    def __init__(self, folder: DataFolder, reference: LeanReference, store: LeanStore) -> None:
        self._folder = folder
        self._reference = reference
        self._store = store

    def faults(self, tickers: Set[str], progress: Progress) -> Iterator[DataFault]:
        """Yield what is wrong, ticker by ticker."""
        kinds = [each for each in self._kinds() if not tickers or each.ticker.upper() in tickers]
        for number, kind in enumerate(kinds):
            name = f"{kind.ticker} {kind.resolution.name.lower()} {KINDS[kind.tick_type]}"
            progress(name, number, len(kinds))
            yield from self._of_kind(kind)
        progress("", len(kinds), len(kinds))
        known = {each.ticker.upper() for each in kinds}
        for ticker in sorted(tickers - known):
            yield DataFault(".", "missing", f"there are no data of {ticker}")

    def _kinds(self) -> Iterator[Kind]:
        for type_name, security_type in _EXAMINED.items():
            for market in _folders(self._folder.folder / type_name):
                for resolution in Resolution:
                    root = market / resolution.name.lower()
                    if resolution >= Resolution.HOUR:
                        yield from _whole_files(root, security_type, market.name, resolution)
                    else:
                        yield from _day_files(root, security_type, market.name, resolution)

    def _of_kind(self, kind: Kind) -> Iterator[DataFault]:
        symbol = self._reference.symbol(kind.ticker, kind.security_type, kind.market)
        request = DownloadRequest(
            symbol, kind.resolution, kind.tick_type, DateSpan(date(1970, 1, 1), date(1970, 1, 1))
        )
        place = self._shown(kind.files[0] if kind.resolution >= Resolution.HOUR else kind.files[0].parent)
        if refusal(request):
            return
        try:
            hours = self._reference.hours(symbol)
        except DataError as error:
            yield DataFault(place, "hours", str(error))
            return
        dates: list[date] = []
        for file in kind.files:
            found, faults = self._of_file(kind, symbol, file)
            dates += found
            yield from faults
        if dates:
            yield from self._gaps(request, hours, dates, place)
        if kind.security_type is SecurityType.EQUITY and kind.resolution is Resolution.DAILY and dates:
            yield from self._splits(symbol, hours, kind.files[0], dates[0])

    # ---- files and rows

    def _of_file(self, kind: Kind, symbol: Symbol, file: Path) -> tuple[list[date], list[DataFault]]:
        """Return the dates that a file has data of, and what is wrong with it."""
        shown, faults = self._shown(file), _Few()
        if kind.resolution < Resolution.HOUR and not _has_date(file.name):
            return [], [DataFault(shown, "name", "its name begins with no date")]
        try:
            text = self._folder.unzipped(file)
            rows = [] if text is None else rows_of(file, text)
        except DataError as error:
            return [], [DataFault(shown, "unreadable", str(error).removeprefix(f"{file}: "))]

        def bad(place: str, words: str) -> None:
            faults.add(DataFault(shown, "row", words))

        numbers: list[int] = []
        layout = Layout(
            str(file), symbol, 10_000.0 if kind.security_type in SCALED else 1.0, _key, 1, problem=bad
        )
        for point in _reader(kind)(rows, layout, Adjustment()):
            if numbers and (
                point.time_ns < numbers[-1] or (point.time_ns == numbers[-1] and not isinstance(point, Tick))
            ):
                faults.add(
                    DataFault(
                        shown, "order", f"{_place(point.time_ns)} does not follow {_place(numbers[-1])}"
                    )
                )
            numbers.append(point.time_ns)
            words = _impossible(point)
            if words:
                faults.add(DataFault(shown, "price", f"{_place(point.time_ns)}: {words}"))
        if not rows:
            faults.add(DataFault(shown, "empty", "has no rows"))
        if kind.resolution < Resolution.HOUR:
            return ([convert.day_of(file.name)] if rows else []), faults.kept
        days = [date.fromordinal(number // _DAY) for number in numbers]
        return sorted(set(days)), faults.kept

    def _gaps(
        self, request: DownloadRequest, hours: ExchangeHours, dates: Sequence[date], place: str
    ) -> Iterator[DataFault]:
        """Yield sessions without data between the first and the last date that have some."""
        try:
            quiet = self._store.known_empty(request)
        except (DataError, OSError) as error:
            yield DataFault(".livetrader", "record", str(error))
            return
        few = _Few()
        ascending = sorted(set(dates))
        for before, after in pairwise(ascending):
            following = hours.next_trading_day(before)
            if following >= after:
                continue
            first = _unknown_from(following, after, quiet, hours)
            if first is None:
                continue
            last = hours.previous_trading_day(after)
            what = f"no data of {first}" if first == last else f"no data from {first} to {last}"
            few.add(DataFault(place, "gap", what))
        yield from few.kept

    # ---- splits and dividends

    def _splits(self, symbol: Symbol, hours: ExchangeHours, file: Path, since: date) -> Iterator[DataFault]:
        factors = self._reference.factor_file(symbol)
        path = self._reference.factor_path(symbol)
        told = set()
        if factors is not None:
            splits = pairwise(zip(factors.days, factors.splits, strict=True))
            told = {hours.next_trading_day(day) for (day, split), (_, later) in splits if split != later}
        few = _Few()
        try:
            rows = self._folder.rows_at(file) or []
        except DataError:
            return  # told already
        closes = [(row[:8], float(row.split(",")[4])) for row in rows if _plain(row)]
        for (_, before), (text, after) in pairwise(closes):
            day = convert.day_of(text)
            ratio = before / after if before and after else 1.0
            if day not in told and _looks_split(ratio):
                shape = f"{ratio:.2f} for 1" if ratio > 1 else f"1 for {1 / ratio:.2f}"
                words = f"the close of {day} looks like a split ({shape}) that {path} does not know"
                few.add(DataFault(self._shown(file), "split", words))
        yield from few.kept
        try:
            unpriced = self._store.announced.unpriced(symbol, since, self._store.gaps)
        except (DataError, OSError) as error:
            yield DataFault(path, "unpriced", f"what was announced cannot be weighed: {error}")
            return
        for day in unpriced:
            words = f"what was announced for {day} is left out: the close before it is not stored"
            yield DataFault(path, "unpriced", words)

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self._folder.folder))


class _Few:
    """Keeps the first faults, and says how many there were more."""

    def __init__(self) -> None:
        self._found: list[DataFault] = []
        self._more = 0

    def add(self, fault: DataFault) -> None:
        """Keep one, or count it."""
        if len(self._found) < MAX_FAULTS:
            self._found.append(fault)
        else:
            self._more += 1

    @property
    def kept(self) -> list[DataFault]:
        """What was kept."""
        if not self._more:
            return self._found
        last = self._found[-1]
        return [*self._found, DataFault(last.path, last.kind, f"and {self._more} more")]


_DAY: Final = 10**6  # of the number that stands for a coarse row's date and time: HHMM and room


def _key(text: str) -> int:
    """Return a number that sorts as the first column does: milliseconds, or date and time."""
    if len(text) > 8 and text[8] == " ":
        hour, minute = int(text[9:11]), int(text[12:14])
        return convert.day_of(text).toordinal() * _DAY + hour * 100 + minute
    if "." in text:
        return round(float(text) * 1e6)
    return int(text) * 1_000_000


def _place(number: int) -> str:
    day = number // _DAY
    if 365 <= day <= 4_000_000 and number % _DAY < 2400 and day > 600_000:
        return f"the row of {date.fromordinal(day)} {number % _DAY:04}"
    return f"the row of {number / 1e6:.15g} ms"


def _reader(kind: Kind) -> RowReader:
    trades = kind.tick_type is TickType.TRADE
    if kind.resolution is Resolution.TICK:
        return convert.trade_ticks if trades else convert.quote_ticks
    return convert.trade_bars if trades else convert.quote_bars


def _impossible(point: MarketPoint) -> str:
    if isinstance(point, TradeBar):
        return _odd(point.open, point.high, point.low, point.close) or _negative(point.volume)
    if isinstance(point, QuoteBar):
        bid = (point.bid_open, point.bid_high, point.bid_low, point.bid_close)
        ask = (point.ask_open, point.ask_high, point.ask_low, point.ask_close)
        for side, prices in (("bid", bid), ("ask", ask)):
            words = _odd(*prices) if any(prices) else ""
            if words:
                return f"{side}: {words}"
        return "neither bid nor ask" if not any(bid + ask) else ""
    shown = [each for each in (point.price, point.bid_price, point.ask_price) if each]
    if not shown or not all(0 < each < float("inf") for each in shown):
        return f"a price of {point.price or point.bid_price or point.ask_price}"
    return _negative(point.quantity)


def _odd(opens: float, high: float, low: float, close: float) -> str:
    if not (low <= opens <= high and low <= close <= high and low > 0 and high < float("inf")):
        return f"open {opens}, high {high}, low {low}, close {close} cannot be a bar"
    return ""


def _negative(size: float) -> str:
    return "" if size >= 0 else f"a size of {size}"


def _looks_split(ratio: float) -> bool:
    size = ratio if ratio > 1 else 1 / ratio
    return any(abs(size / jump - 1) < JUMP_TOLERANCE for jump in JUMPS) and size > 1.4


def _plain(row: str) -> bool:
    columns = row.split(",")
    return len(columns) == 6 and columns[4].isdigit() and _has_date(row)


def _has_date(text: str) -> bool:
    try:
        convert.day_of(text)
    except ValueError:
        return False
    return True


def _unknown_from(first: date, until: date, quiet: Sequence[DateSpan], hours: ExchangeHours) -> date | None:
    """Return the first session before `until` of which nobody knows why it has no data."""
    day = first
    while day < until:
        if not any(low <= day <= high for low, high in quiet):
            return day
        day = hours.next_trading_day(day)
    return None


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def _whole_files(root: Path, kind: SecurityType, market: str, resolution: Resolution) -> Iterator[Kind]:
    for file in sorted(root.glob("*.zip")) if root.is_dir() else []:
        ticker, tick_type = (
            file.stem,
            TickType.QUOTE if kind in {SecurityType.FOREX, SecurityType.CFD} else TickType.TRADE,
        )
        if kind in CRYPTO:
            ticker, _, named = file.stem.rpartition("_")
            found = _TICK_TYPES.get(named)
            if found is None:
                continue
            tick_type = found
        yield Kind(kind, market, ticker, resolution, tick_type, (file,))


def _day_files(root: Path, kind: SecurityType, market: str, resolution: Resolution) -> Iterator[Kind]:
    for folder in _folders(root):
        for name, tick_type in _TICK_TYPES.items():
            files = tuple(sorted(file for file in folder.glob(f"*_{name}.zip") if file.name[:8].isdigit()))
            if files:
                yield Kind(kind, market, folder.name, resolution, tick_type, files)
