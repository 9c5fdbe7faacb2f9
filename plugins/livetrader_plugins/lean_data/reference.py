"""Symbols, hours, properties, factor and map files of a LEAN data folder, read on first use and kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from livetrader_engine.calendar.hours import ExchangeHours, hours_from_lean
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.errors import DataError
from livetrader_engine.securities import SecurityProperties
from livetrader_engine.shortable import Shortable
from livetrader_engine.symbols import SecurityType, Symbol, equity_identifier, plain_identifier
from livetrader_plugins.lean_data.actions import corporate_actions
from livetrader_plugins.lean_data.client import DataFolder, file_name, signature_of
from livetrader_plugins.lean_data.convert import (
    FactorFile,
    MapFile,
    read_factor_file,
    read_properties,
)
from livetrader_plugins.lean_data.defaults import default_hours, default_properties
from livetrader_plugins.lean_data.rates import RATES_FILE, InterestRates
from livetrader_plugins.lean_data.shortable import read_shortable
from livetrader_plugins.lean_data.tickers import Mapped, Tickers

MAX_CACHED_FACTS: Final = 2_000  # map and factor files, hours: one each per symbol in use

HOURS_FILE: Final = "market-hours/market-hours-database.json"
PROPERTIES_FILE: Final = "symbol-properties/symbol-properties-database.csv"

# LEAN's spelling of security types in the two databases
_TYPE_NAMES: Final = {
    SecurityType.BASE: "Base", SecurityType.EQUITY: "Equity", SecurityType.OPTION: "Option",
    SecurityType.COMMODITY: "Commodity", SecurityType.FOREX: "Forex", SecurityType.FUTURE: "Future",
    SecurityType.CFD: "Cfd", SecurityType.CRYPTO: "Crypto", SecurityType.FUTURE_OPTION: "FutureOption",
    SecurityType.INDEX: "Index", SecurityType.INDEX_OPTION: "IndexOption",
    SecurityType.CRYPTO_FUTURE: "CryptoFuture",
}  # fmt: skip

_Fact = TypeVar("_Fact")


class LeanReference:
    """Implements ports.ReferenceData over a LEAN data folder. Thread-safe.

    Where the folder has no databases, defaults.py knows US markets, crypto and forex.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._tickers = Tickers(folder, folder.report)
        self._lock = threading.RLock()
        self._facts: OrderedDict[tuple[str, str], object] = OrderedDict()
        self._overridden: dict[Symbol, ExchangeHours] = {}  # by an algorithm, for securities that it added

    def symbol(self, ticker: str, security_type: SecurityType, market: str) -> Symbol:
        """Return the symbol of a ticker as of today. Raises DataError for an unknown market.

        An equity without map file gets an identifier without first date, as in LEAN.
        """
        market, ticker = market.lower(), ticker.upper()
        if security_type is not SecurityType.EQUITY:
            return Symbol.create(
                plain_identifier(ticker, security_type, market), ticker, security_type, market
            )
        mapped = self._mapped(market, ticker)
        first = None if mapped is None else mapped.file.first_date
        original = ticker if mapped is None else mapped.file.tickers[0]
        return Symbol.create(equity_identifier(original, first, market), ticker, security_type, market)

    def hours(self, symbol: Symbol) -> ExchangeHours:
        """Return the exchange's hours. Raises DataError, naming the remedy, where there are none."""
        found = self._overridden.get(symbol)
        if found is not None:
            return found
        key = f"{_TYPE_NAMES[symbol.security_type]}-{symbol.market}-{symbol.value}"
        return self._once("hours", key, lambda: self._read_hours(symbol, key))

    def override_hours(self, symbol: Symbol, hours: ExchangeHours) -> None:
        """Have a symbol trade at other hours from now on; streams that began keep theirs."""
        self._overridden[symbol] = hours

    def properties(self, symbol: Symbol) -> SecurityProperties:
        """Return lot size, price variation, multiplier and currency: its own row, else the market's.

        Raises DataError, naming the remedy, where nobody knows what a contract stands for.
        """
        table = self._once("table", PROPERTIES_FILE, self._read_properties)
        kind = _TYPE_NAMES[symbol.security_type].lower()
        for ticker in (symbol.value, "[*]"):
            found = table.get((symbol.market, ticker, kind))
            if found is not None:
                return found
        default = default_properties(symbol)
        if default is None:
            raise DataError(
                f"nothing is known of {kind} {symbol.value}: {self._folder.folder / PROPERTIES_FILE} has no"
                f" row {symbol.market},{symbol.value},{kind} nor {symbol.market},[*],{kind}; add one, or copy"
                " LEAN's file there"
            )
        return default

    def interest_rate(self, day: date) -> Decimal:
        """Return the yearly rate without risk of a day; 0.01 where the folder has no rates."""
        return self._once("table", RATES_FILE, self._read_rates).rate(day)

    def map_file(self, symbol: Symbol) -> MapFile | None:
        """Return the tickers of an equity over time, None where there is no file."""
        if symbol.security_type is not SecurityType.EQUITY:
            return None
        return self._once("map", symbol.text, lambda: self._map_file_of_symbol(symbol))

    def factor_file(self, symbol: Symbol) -> FactorFile | None:
        """Return the corporate actions of an equity, None where there is no file.

        A file that changed is read anew: another process may have written what was announced since.
        """
        if symbol.security_type is not SecurityType.EQUITY:
            return None
        signature = signature_of(self._folder.folder / self.factor_path(symbol))
        return self._once("factors", f"{symbol.text} {signature}", lambda: self._read_factors(symbol))

    def factor_path(self, symbol: Symbol) -> str:
        """Return where in the folder the factor file of an equity lies, or would."""
        mapped = self._mapped_symbol(symbol)
        name = (symbol.value if mapped is None else mapped.permtick).lower()
        return f"equity/{file_name(symbol.market)}/factor_files/{file_name(name)}.csv"

    def tickers(self, symbol: Symbol, first: date, last: date) -> Iterator[tuple[str, date, date]]:
        """Yield (ticker, from, to) of a symbol in these dates: outside its map file there is nothing."""
        mapped = self.map_file(symbol)
        if mapped is None:
            yield symbol.value, first, last
            return
        begin = max(first, mapped.days[0])
        for until, ticker in zip(mapped.days, mapped.tickers, strict=True):
            if begin > last:
                return
            if until >= begin:
                yield ticker, begin, min(until, last)
                begin = until + timedelta(days=1)

    def ticker_on(self, symbol: Symbol, day: date) -> str:
        """Return the ticker under which a security traded on a date, today's where no map file tells."""
        mapped = self.map_file(symbol)
        found = None if mapped is None else mapped.ticker_on(day)
        return found or symbol.value

    def security_id(self, symbol: Symbol, kind: str) -> str | None:
        """Return an identifier of another registry (see tickers.ID_KINDS), None where it is not told."""
        return self._tickers.ids_of(symbol, kind)

    def symbols_with_id(self, kind: str, value: str, day: date) -> Sequence[Symbol]:
        """Return the securities with an identifier of another registry, under their tickers of `day`."""
        return self._tickers.with_id(kind, value, day)

    def corporate_actions(self, symbol: Symbol, first: date, last: date) -> tuple[CorporateAction, ...]:
        """Return the splits, dividends, ticker changes and the delisting of an equity; nothing for others."""
        if symbol.security_type is not SecurityType.EQUITY:
            return ()
        with self._lock:  # whoever lives over days meets files that were written anew
            self._facts.pop(("map", symbol.text), None)
            self._facts.pop(("ticker", f"{symbol.market}/{symbol.value}"), None)
        files = (self.factor_file(symbol), self.map_file(symbol))
        return corporate_actions(symbol, files, self.hours(symbol), (first, last))

    def shortable(self, symbol: Symbol, brokerage: str) -> Mapping[date, Shortable]:
        """Return what a brokerage lent of a security, by date; nothing where there is no file."""
        kind = _TYPE_NAMES[symbol.security_type].lower()
        folder = f"{kind}/{file_name(symbol.market)}/shortable/{file_name(brokerage)}"
        path = f"{folder}/symbols/{file_name(symbol.value.lower())}.csv"
        return self._once("shortable", path, lambda: self._read_shortable(path))

    def _read_shortable(self, path: str) -> Mapping[date, Shortable]:
        return read_shortable(self._folder.text(path) or "")

    def _once(self, kind: str, name: str, read: Callable[[], _Fact]) -> _Fact:
        """Return the fact under this key, read at most once while it stays among the newest."""
        key = (kind, name)
        with self._lock:
            if key in self._facts:
                self._facts.move_to_end(key)
            else:
                self._facts[key] = read()
                while len(self._facts) > MAX_CACHED_FACTS:
                    self._facts.popitem(last=False)
            return self._facts[key]  # type: ignore[return-value]  # what `read` of this key returned

    def _read_hours(self, symbol: Symbol, key: str) -> ExchangeHours:
        kind = _TYPE_NAMES[symbol.security_type]
        entries = self._once("table", HOURS_FILE, self._read_hours_table)
        general_key = f"{kind}-{symbol.market}-[*]"
        raw, general = entries.get(key), entries.get(general_key)
        if raw is None and general is None:
            return self._once("hours", general_key, lambda: self._default_hours(symbol, key, general_key))
        if raw is None:
            return self._once("hours", general_key, lambda: hours_from_lean(_entry(general)))
        return hours_from_lean(_entry(raw), None if general is None else _entry(general))

    def _default_hours(self, symbol: Symbol, key: str, general_key: str) -> ExchangeHours:
        found = default_hours(symbol)
        if found is None:
            raise DataError(
                f"no trading hours for {symbol.value}: {self._folder.folder / HOURS_FILE} has neither"
                f" {key} nor {general_key}; add an entry, or copy LEAN's file there"
            )
        return found

    def _read_hours_table(self) -> Mapping[str, msgspec.Raw]:
        data = self._folder.data(HOURS_FILE)
        if data is None:
            return {}
        try:
            # entries stay undecoded: a LEAN folder has hundreds and an algorithm needs a few
            return msgspec.json.decode(data, type=dict[str, dict[str, msgspec.Raw]])["entries"]
        except (msgspec.MsgspecError, KeyError) as error:
            raise DataError(
                f"{self._folder.folder / HOURS_FILE}: not a market-hours database: {error}"
            ) from error

    def _read_rates(self) -> InterestRates:
        return InterestRates(self._folder.text(RATES_FILE) or "")

    def _read_properties(self) -> dict[tuple[str, str, str], SecurityProperties]:
        text = self._folder.text(PROPERTIES_FILE)
        place = str(self._folder.folder / PROPERTIES_FILE)
        return {} if text is None else read_properties(place, text)

    def _mapped(self, market: str, ticker: str) -> Mapped | None:
        """Return the map file of who trades under this ticker now, or did last."""
        return self._once("ticker", f"{market}/{ticker}", lambda: self._tickers.find(market, ticker))

    def _mapped_symbol(self, symbol: Symbol) -> Mapped | None:
        found = self._mapped(symbol.market, symbol.value)
        if found is None:
            return None
        own = equity_identifier(found.file.tickers[0], found.file.first_date, symbol.market)
        return found if own == symbol.id else None

    def _map_file_of_symbol(self, symbol: Symbol) -> MapFile | None:
        found = self._mapped_symbol(symbol)
        return None if found is None else found.file

    def _read_factors(self, symbol: Symbol) -> FactorFile | None:
        relative = self.factor_path(symbol)
        try:
            text = self._folder.text(relative)
            place = str(self._folder.folder / relative)
            return None if text is None else read_factor_file(place, text)
        except DataError as error:
            self._folder.report("factor_file_unreadable", str(error))  # its prices are taken as they are
            return None


def _entry(raw: msgspec.Raw | None) -> Mapping[str, object]:
    try:
        return msgspec.json.decode(raw or b"", type=dict[str, object])
    except msgspec.MsgspecError as error:
        raise DataError(f"a market-hours entry is no object: {error}") from error
