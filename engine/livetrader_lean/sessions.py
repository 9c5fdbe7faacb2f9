"""`security.session`: the running trading day's prices and volume, and the days before it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from livetrader_engine.data import session as core
from livetrader_engine.data.subscription import TickType
from livetrader_engine.securities import Security as CoreSecurity
from livetrader_engine.symbols import SecurityType
from livetrader_lean.binding import Binding
from livetrader_lean.sides import short, written
from livetrader_lean.symbols import Symbol
from livetrader_lean.views import Face

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 — the wall clock is naive
_ONE_DAY: Final = timedelta(days=1)
# whose first kind of data are quotes. Source: SubscriptionManager.DefaultDataTypes
_OF_QUOTES: Final = frozenset(
    {
        SecurityType.FOREX,
        SecurityType.CFD,
        SecurityType.OPTION,
        SecurityType.FUTURE,
        SecurityType.FUTURE_OPTION,
        SecurityType.INDEX_OPTION,
    }
)


class _Prices(Face):
    """Prices of one session bar."""

    __slots__ = ()

    def _bar(self) -> core.SessionBar:
        raise NotImplementedError

    @property
    def open(self) -> float:
        """First price of the session."""
        return self._bar().open

    @property
    def high(self) -> float:
        """Highest price of the session."""
        return self._bar().high

    @property
    def low(self) -> float:
        """Lowest price of the session."""
        return self._bar().low

    @property
    def close(self) -> float:
        """Last price of the session."""
        return self._bar().close

    @property
    def value(self) -> float:
        """The same as `close`."""
        return self._bar().close

    @property
    def price(self) -> float:
        """The same as `close`."""
        return self._bar().close

    @property
    def volume(self) -> float:
        """Shares traded in the session."""
        return self._bar().volume

    @property
    def open_interest(self) -> float:
        """Newest open interest."""
        return self._bar().open_interest

    @property
    def symbol(self) -> Symbol:
        """Whose session it is."""
        return Symbol(self._bar().symbol)

    @property
    def time(self) -> datetime:
        """Midnight of the session's date; the end of time where no data has come yet."""
        day = self._bar().day
        return datetime.max if day == core.NO_DAY else _EPOCH + day * _ONE_DAY  # noqa: DTZ901 — naive

    @property
    def end_time(self) -> datetime:
        """Midnight after the session."""
        return datetime.max if self._bar().day == core.NO_DAY else self.time + _ONE_DAY  # noqa: DTZ901

    @property
    def period(self) -> timedelta:
        """A day."""
        return _ONE_DAY

    def __str__(self) -> str:
        bar = self._bar()
        return f"{written(bar)} V: {short(bar.volume)} OI: {short(bar.open_interest)}"


class SessionBar(_Prices):
    """One trading day."""

    __slots__ = ("_core",)

    def __init__(self, bar: core.SessionBar) -> None:
        self._core = bar

    def _bar(self) -> core.SessionBar:
        return self._core

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SessionBar) and other._core is self._core

    def __hash__(self) -> int:
        return id(self._core)


class Session(_Prices):
    """The running trading day; `session[1]` is the one before. Off until `size` is set to 1 or more."""

    __slots__ = ("_binding", "_session")

    def __init__(self, binding: Binding, security: CoreSecurity) -> None:
        self._binding = binding
        kind = TickType.QUOTE if security.symbol.security_type in _OF_QUOTES else TickType.TRADE
        self._session = core.Session(security.symbol, security.hours, kind)

    def _bar(self) -> core.SessionBar:
        return self._session.running(self._binding.engine.clock.now_ns)

    @property
    def size(self) -> int:
        """How many sessions are kept, the running one included; 0: none."""
        return self._session.size

    @size.setter
    def size(self, size: int) -> None:
        self._session.size = int(size)
        if size > 0:
            self._binding.engine.sessions.follow(self._session)

    @property
    def count(self) -> int:
        """How many sessions there are."""
        self._bar()
        return self._session.count

    @property
    def samples(self) -> int:
        """How many sessions there ever were."""
        self._bar()
        return self._session.samples

    @property
    def is_ready(self) -> bool:
        """Whether as many sessions have begun as are kept."""
        return self.samples >= self._session.size

    def __getitem__(self, index: int) -> SessionBar | None:
        found = self._session.bar(index, self._binding.engine.clock.now_ns)
        return None if found is None else SessionBar(found)

    def __iter__(self) -> Iterator[SessionBar]:
        bars = [self._session.bar(index, self._binding.engine.clock.now_ns) for index in range(self.count)]
        return (SessionBar(bar) for bar in bars if bar is not None)

    def __len__(self) -> int:
        return self.count

    def reset(self) -> None:
        """Forget all sessions."""
        self._session.reset()
