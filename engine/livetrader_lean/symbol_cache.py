"""The tickers that a run knows, as LEAN's SymbolCache tells them."""

from __future__ import annotations

from collections.abc import Callable

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.names import Twins
from livetrader_lean.symbols import Symbol


class SymbolCache(Twins):
    """Tickers that the run knows: those of its securities, and what was set."""

    # what the run's securities are; set by the run that this process is for
    securities: Callable[[], list[CoreSymbol]] = list
    _set: dict[str, Symbol] = {}  # noqa: RUF012 — one algorithm per process

    @classmethod
    def _find(cls, ticker: str) -> Symbol | None:
        held = cls._set.get(ticker.upper())
        if held is not None:
            return held
        wanted = ticker.upper()
        return next((Symbol(found) for found in cls.securities() if found.value.upper() == wanted), None)

    @classmethod
    def set(cls, ticker: str, symbol: Symbol) -> None:
        """Have a ticker found."""
        cls._set[ticker.upper()] = symbol

    @classmethod
    def get_symbol(cls, ticker: str) -> Symbol:
        """Return the symbol of a ticker. Raises AlgorithmError where none was added."""
        found = cls._find(ticker)
        if found is None:
            raise AlgorithmError(f"{ticker} is not in the symbol cache: add the security first")
        return found

    @classmethod
    def try_get_symbol(cls, ticker: str, symbol: object = None) -> tuple[bool, Symbol | None]:
        """Return whether a ticker is known, and its symbol; `symbol` is .NET's out argument."""
        found = cls._find(ticker)
        return found is not None, found

    @classmethod
    def get_ticker(cls, symbol: Symbol) -> str:
        """Return the ticker of a symbol."""
        return symbol.value

    @classmethod
    def try_get_ticker(cls, symbol: Symbol, ticker: object = None) -> tuple[bool, str]:
        """Return True and the ticker; `ticker` is .NET's out argument."""
        return True, symbol.value

    @classmethod
    def try_remove(cls, ticker: str) -> bool:
        """Forget what was set for a ticker; return whether there was something."""
        return cls._set.pop(str(ticker).upper(), None) is not None

    @classmethod
    def clear(cls) -> None:
        """Forget everything that was set."""
        cls._set.clear()
