"""What Polygon knows about securities: former tickers, splits and dividends, contracts, names.

A security is asked for under the ticker that it had at the time; Polygon tells its tickers as a list of
changes. They are asked for once in the life of a process and security, and only for dates before today.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from livetrader_engine.errors import DataError
from livetrader_engine.identifiers import OptionStyle, identity
from livetrader_engine.ports import ReferenceData
from livetrader_engine.spi import VenueError
from livetrader_engine.spi_data import AnnouncedDividend, AnnouncedSplit, Announcement, DateSpan
from livetrader_engine.symbols import SecurityType, Symbol
from livetrader_plugins.polygon.rest import Client, NoSuchThingError, NotEntitledError, PolygonRest
from livetrader_plugins.polygon.symbols import symbol_of, ticker_of

REFERENCE_ROWS: Final = 1_000  # in a page: the most that reference questions allow
REMEMBERED: Final = 10_000  # securities whose tickers are remembered; the first goes first
MARKETS: Final = {
    SecurityType.EQUITY: "stocks", SecurityType.INDEX: "indices", SecurityType.OPTION: "options",
    SecurityType.INDEX_OPTION: "options",
}  # fmt: skip
USUAL_SHARES: Final = 100  # in a contract; others come from corporate actions and LEAN has no name for them
CURRENCY: Final = "USD"
MOST: Final = 1e6  # shares for one, or dollars for one: more is damage
_ONE_DAY: Final = timedelta(days=1)

Report = Callable[..., None]


class Renamed(NamedTuple):
    """From `day` on a security trades under `ticker`."""

    day: date
    ticker: str


class Listing(NamedTuple):
    """What a look-up found."""

    symbol: Symbol
    name: str
    exchange: str
    currency: str
    active: bool


class _Change(msgspec.Struct):
    ticker: str


class _Event(msgspec.Struct):
    date: date
    type: str = ""
    ticker_change: _Change | None = None


class _Events(msgspec.Struct):
    events: list[_Event] = []


class _Split(msgspec.Struct):
    execution_date: date
    split_from: float
    split_to: float


class _Dividend(msgspec.Struct):
    ex_dividend_date: date
    cash_amount: float
    currency: str | None = None


class _Contract(msgspec.Struct):
    ticker: str
    exercise_style: str = ""
    shares_per_contract: float = USUAL_SHARES
    additional_underlyings: list[msgspec.Raw] | None = None


class _Ticker(msgspec.Struct):
    ticker: str
    name: str = ""
    primary_exchange: str | None = None
    currency_name: str | None = None
    currency_symbol: str | None = None
    active: bool = True


_EVENTS: Final = msgspec.json.Decoder(_Events)
_SPLITS: Final = msgspec.json.Decoder(list[_Split])
_DIVIDENDS: Final = msgspec.json.Decoder(list[_Dividend])
_CONTRACTS: Final = msgspec.json.Decoder(list[_Contract])
_TICKERS: Final = msgspec.json.Decoder(list[_Ticker])


class Catalog:
    """Asks for facts. Thread-safe; remembers former tickers and nothing else."""

    def __init__(self, rest: PolygonRest, reference: ReferenceData, report: Report) -> None:
        self._rest = rest
        self._reference = reference
        self._report = report
        self._lock = threading.Lock()
        self._renames: dict[Symbol, tuple[Renamed, ...]] = {}

    def renames(self, symbol: Symbol) -> tuple[Renamed, ...]:
        """Return the tickers of an equity, oldest first; empty where the venue tells none.

        The first one is what it traded under from its first day on.
        """
        with self._lock:
            known = self._renames.get(symbol)
        if known is not None:
            return known
        ticker = ticker_of(symbol)
        try:
            known = self._asked_renames(ticker)
        except NoSuchThingError:
            known = ()
        except NotEntitledError as error:
            self._report("polygon_tickers_unknown", level="warning", ticker=ticker, error=str(error))
            known = ()
        with self._lock:
            self._renames[symbol] = known
            while len(self._renames) > REMEMBERED:
                del self._renames[next(iter(self._renames))]
        return known

    def _asked_renames(self, ticker: str) -> tuple[Renamed, ...]:
        def question(client: Client) -> object:
            return client.get_ticker_events(ticker, types="ticker_change", raw=True)

        found: list[Renamed] = []
        for page in self._rest.pages(question):
            try:
                events = _EVENTS.decode(page.rows).events
            except (msgspec.MsgspecError, RecursionError) as error:
                raise VenueError(f"polygon told the tickers of {ticker} in another form: {error}") from error
            found += [
                Renamed(event.date, event.ticker_change.ticker) for event in events if event.ticker_change
            ]
        found.sort()
        return tuple(found)

    def tickers(self, symbol: Symbol, dates: DateSpan, today: date) -> list[tuple[str, DateSpan]]:
        """Return under which ticker a security is asked for, for each part of these dates, ascending."""
        ticker = ticker_of(symbol)
        if symbol.security_type is not SecurityType.EQUITY or dates.first >= today:
            return [(ticker, dates)]
        changes = self.renames(symbol)
        if not changes:
            return [(ticker, dates)]
        parts: list[tuple[str, DateSpan]] = []
        first = dates.first
        for at, change in enumerate(changes):
            last = changes[at + 1].day - _ONE_DAY if at + 1 < len(changes) else dates.last
            last = min(last, dates.last)
            if first <= last:
                parts.append((change.ticker, DateSpan(first, last)))
                first = last + _ONE_DAY
        return parts

    def announcements(self, symbol: Symbol, dates: DateSpan, today: date) -> list[Announcement]:
        """Return splits and dividends with ex-dates within these, ascending. Raises VenueError, DataError.

        Dividends in other currencies are left out and reported: the port tells amounts in the security's.
        """
        found: dict[tuple[date, str], Announcement] = {}
        for ticker, span in self.tickers(symbol, dates, today):
            for split in self._splits(symbol, ticker, span):
                found[split.ex_date, "split"] = split
            paid: dict[date, Decimal] = {}
            for dividend in self._dividends(symbol, ticker, span):  # several may be paid on one day
                paid[dividend.ex_date] = paid.get(dividend.ex_date, Decimal(0)) + dividend.amount
            for day, amount in paid.items():
                found[day, "dividend"] = AnnouncedDividend(symbol, day, amount)
        return [found[key] for key in sorted(found)]

    def _splits(self, symbol: Symbol, ticker: str, dates: DateSpan) -> Iterable[AnnouncedSplit]:
        def question(client: Client) -> object:
            return client.list_splits(
                ticker, execution_date_gte=f"{dates.first}", execution_date_lte=f"{dates.last}",
                limit=REFERENCE_ROWS, sort="execution_date", order="asc", raw=True,
            )  # fmt: skip

        for row in self._rest.rows(question, _SPLITS):
            if not (0 < row.split_from < MOST and 0 < row.split_to < MOST):
                raise VenueError(f"polygon told a split of {ticker} of {row.split_from} for {row.split_to}")
            factor = Decimal(repr(row.split_from)) / Decimal(repr(row.split_to))
            if factor != 1 and dates.first <= row.execution_date <= dates.last:
                yield AnnouncedSplit(symbol, row.execution_date, factor)

    def _dividends(self, symbol: Symbol, ticker: str, dates: DateSpan) -> Iterable[AnnouncedDividend]:
        def question(client: Client) -> object:
            return client.list_dividends(
                ticker, ex_dividend_date_gte=f"{dates.first}", ex_dividend_date_lte=f"{dates.last}",
                limit=REFERENCE_ROWS, sort="ex_dividend_date", order="asc", raw=True,
            )  # fmt: skip

        for row in self._rest.rows(question, _DIVIDENDS):
            if (row.currency or CURRENCY) != CURRENCY:
                self._report(
                    "dividend_left_out", level="warning", ticker=ticker, ex_date=f"{row.ex_dividend_date}",
                    reason=f"paid in {row.currency}",
                )  # fmt: skip
            elif not 0 <= row.cash_amount < MOST:
                raise VenueError(f"polygon told a dividend of {ticker} of {row.cash_amount}")
            elif row.cash_amount and dates.first <= row.ex_dividend_date <= dates.last:
                yield AnnouncedDividend(symbol, row.ex_dividend_date, Decimal(repr(row.cash_amount)))

    def chain(self, underlying: Symbol, day: date) -> list[Symbol]:
        """Return the option contracts that could be traded on a date, in the venue's order.

        Contracts of a share that a corporate action changed have no name in LEAN; they are left out and
        counted in a report, and so is what is exercised otherwise than its name says.
        """
        name = ticker_of(underlying)

        def question(client: Client) -> object:
            return client.list_options_contracts(
                underlying_ticker=name, as_of=f"{day}", limit=REFERENCE_ROWS, sort="ticker", order="asc",
                raw=True,
            )  # fmt: skip

        found: list[Symbol] = []
        left_out = 0
        for row in self._rest.rows(question, _CONTRACTS):
            symbol = self._contract(row)
            if symbol is None:
                left_out += 1
            else:
                found.append(symbol)
        if left_out:
            self._report("contracts_left_out", underlying=name, count=left_out)
        return found

    def _contract(self, row: _Contract) -> Symbol | None:
        if row.shares_per_contract != USUAL_SHARES or row.additional_underlyings:
            return None
        try:
            symbol = symbol_of(row.ticker, self._reference)
        except DataError:
            return None
        european = identity(symbol.id).style is OptionStyle.EUROPEAN
        return symbol if row.exercise_style in ("", "european" if european else "american") else None

    def find(self, text: str, kind: SecurityType, limit: int) -> list[Listing]:
        """Return securities whose ticker or name has these words, best first as the venue sees it."""
        market = MARKETS.get(kind)
        if market is None:
            raise DataError(
                f"polygon has no list of {kind.name.lower()} here; it has {sorted(set(MARKETS.values()))}"
            )

        def question(client: Client) -> object:
            return client.list_tickers(search=text, market=market, limit=min(limit, REFERENCE_ROWS), raw=True)

        found: list[Listing] = []
        for row in islice(self._rest.rows(question, _TICKERS), limit):
            try:
                symbol = symbol_of(row.ticker, self._reference)
            except DataError:
                continue
            currency = (row.currency_name or row.currency_symbol or CURRENCY).upper()
            found.append(Listing(symbol, row.name, row.primary_exchange or "", currency, row.active))
        return found


def known_until(announcements: Sequence[Announcement], today: date) -> list[Announcement]:
    """Return what has come into effect: a split of tomorrow is known, but today's prices are before it."""
    return [one for one in announcements if one.ex_date <= today]
