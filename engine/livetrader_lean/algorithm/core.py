"""Dates, cash, parameters, time, log lines, and the callbacks that LEAN calls."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from livetrader_engine.commands import LogLevel
from livetrader_engine.errors import AlgorithmError
from livetrader_lean.algorithm.part import Part
from livetrader_lean.names import hook, known_as
from livetrader_lean.slices import Slice
from livetrader_lean.tickets import decimal
from livetrader_lean.times import local, to_ns, utc
from livetrader_lean.views import Face


def _day(arguments: tuple[Any, ...], named: dict[str, Any]) -> date:
    whole = next((named[name] for name in ("start", "end") if name in named), None)
    if whole is not None:  # LEAN's names of the one argument that is a datetime
        arguments = (whole,)
    elif named:
        parts = dict(zip(("year", "month", "day"), arguments, strict=False)) | named
        return date(**parts)
    if len(arguments) == 3:
        return date(*(int(part) for part in arguments))
    (given,) = arguments
    if isinstance(given, datetime):
        return given.date()
    if isinstance(given, date):
        return given
    raise AlgorithmError(f"a date is given as year, month, day or as a datetime, not as {given!r}")


_EARLIEST: Final = date(1900, 1, 1)
_ONE_DAY: Final = timedelta(days=1)
_ONE_MICROSECOND: Final = timedelta(microseconds=1)  # LEAN: a tick of 100 ns, which Python's times lack


class ParametersMixin(Part):
    """Dates, cash, time zone and parameters. Live, dates and cash come from outside and these do nothing.

    Raises AlgorithmError where one of them is called after `initialize`.
    """

    def set_start_date(self, *when: Any, **named: Any) -> None:
        """Begin the backtest on this date, unless the run overrides it."""
        day = _day(when, named)
        lean = self._lean
        self._only_at_first("set_start_date")
        if day < _EARLIEST:
            raise AlgorithmError(f"please select a start date after January 1st, 1900, not {day}")
        if lean.run.live or lean.run.start is not None:
            return
        lean.start = day
        self._stand_at_start()

    def _stand_at_start(self) -> None:
        """Put the clock at the midnight of the start in the algorithm's time zone; only in initialize."""
        lean = self._lean
        if not lean.run.live and not lean.initialized and lean.start is not None:
            lean.engine.clock.rewind(to_ns(lean.start, lean.time_zone))

    def _only_at_first(self, member: str) -> None:
        if self._lean.initialized and not self._lean.run.live:
            raise AlgorithmError(f"{member} can only be called from initialize")

    def set_end_date(self, *when: Any, **named: Any) -> None:
        """End the backtest with this date, unless the run overrides it."""
        day = _day(when, named)
        self._only_at_first("set_end_date")
        if not self._lean.run.live and self._lean.run.end is None:
            self._lean.end = day

    def set_cash(self, *arguments: Any, **named: Any) -> None:
        """Start with this cash: an amount, or a currency, an amount and a conversion rate."""
        lean = self._lean
        self._only_at_first("set_cash")
        if lean.run.live or lean.run.cash is not None:
            return
        cash = lean.engine.portfolio.cash
        order = ("symbol", "starting_cash", "conversion_rate")
        arguments = (*arguments, *(named.pop(name) for name in order if name in named))
        if named:
            raise AlgorithmError(f"set_cash has no argument {', '.join(sorted(named))}")
        if isinstance(arguments[0], str) and len(arguments) > 1:
            rate = decimal(arguments[2]) if len(arguments) > 2 and arguments[2] else None
            cash.set(arguments[0], decimal(arguments[1]), rate)
        else:
            cash.set(cash.account_currency, Decimal(str(arguments[0])))

    @property
    def current_slice(self) -> Slice | None:
        """The newest slice, None before the first."""
        lean, data = self._lean, self._lean.engine.current_slice
        if data is None:
            return None
        return Slice(data.time_ns, data.points, lean.time_zone, lean.zone, data.actions)

    def set_time_zone(self, time_zone: Any) -> None:
        """Tell `time` in another zone than New York's; days begin and are sampled at its midnights."""
        if self._lean.initialized:
            raise AlgorithmError("set_time_zone can only be called from initialize")
        try:
            zone = time_zone if isinstance(time_zone, ZoneInfo) else ZoneInfo(str(time_zone))
        except ZoneInfoNotFoundError as error:
            raise AlgorithmError(f"there is no time zone {time_zone!r}") from error
        self._lean.time_zone = zone
        self._lean.engine.sampler.timezone = zone
        self._stand_at_start()

    @known_as(default_value="default")
    def get_parameter(self, name: str, default: Any = None) -> Any:
        """Return a parameter of the run; where there is a default, converted to its type."""
        text = self._lean.parameters.get(name)
        if text is None:
            return default
        if isinstance(default, bool):
            return text.strip().lower() in ("true", "1", "yes")
        if isinstance(default, int | float):
            try:
                return type(default)(text)
            except ValueError as error:
                raise AlgorithmError(
                    f"parameter {name!r} is {text!r}, not a {type(default).__name__}"
                ) from error
        return text

    def get_parameters(self) -> dict[str, str]:
        """Return all parameters of the run."""
        return dict(self._lean.parameters)

    def set_parameters(self, parameters: dict[str, Any]) -> None:
        """Replace the parameters."""
        self._lean.parameters = {str(key): str(value) for key, value in parameters.items()}

    def set_name(self, name: str) -> None:
        """Give the algorithm a name."""
        self._lean.name = str(name)

    @property
    def start_date(self) -> datetime:
        """First date of the run; live, the day it began."""
        start = self._lean.start
        return self.time if start is None else datetime(start.year, start.month, start.day)  # noqa: DTZ001

    @property
    def end_date(self) -> datetime:
        """Last moment of the last date of the run. Live there is none: LEAN's end of time."""
        end = self._lean.end
        if end is None:
            return datetime(2050, 12, 31)  # noqa: DTZ001
        return datetime(end.year, end.month, end.day) + _ONE_DAY - _ONE_MICROSECOND  # noqa: DTZ001

    @property
    def time(self) -> datetime:
        """Engine time, local to the algorithm's time zone."""
        return local(self._lean.engine.clock.now_ns, self._lean.time_zone)

    @property
    def utc_time(self) -> datetime:
        """Engine time in UTC."""
        return utc(self._lean.engine.clock.now_ns)

    @property
    def time_zone(self) -> Any:
        """Time zone of `time`."""
        return self._lean.time_zone

    @property
    def live_mode(self) -> bool:
        """Whether orders go to a brokerage instead of a backtest's arithmetic."""
        return self._lean.run.live


class OutputMixin(Part):
    """Log lines and the end of the run."""

    def log(self, message: Any) -> None:
        """Write a line."""
        self._lean.log(LogLevel.LOG, message)

    def debug(self, message: Any) -> None:
        """Write a debug line."""
        self._lean.log(LogLevel.DEBUG, message)

    @known_as(error="message")
    def error(self, message: Any) -> None:
        """Write an error line; the algorithm goes on."""
        self._lean.log(LogLevel.ERROR, message)

    def quit(self, message: str = "") -> None:
        """End the algorithm after the present step; positions stay."""
        self._lean.quit_reason = str(message) or "the algorithm quit"
        self._lean.log(LogLevel.DEBUG, f"Quit(): {message}")


class SecurityChangesFace(Face):
    """Securities that came and went: what `on_securities_changed` gets."""

    __slots__ = ("added_securities", "removed_securities")

    def __init__(self, added: list[Any], removed: list[Any]) -> None:
        self.added_securities = added
        self.removed_securities = removed


class CallbacksMixin(Part):
    """What LEAN calls and algorithms override, in either spelling. None of them does anything here."""

    @hook
    def initialize(self) -> None:
        """Set the algorithm up: dates, cash, securities, schedules."""

    @hook
    def on_data(self, data: Slice) -> None:
        """New data arrived."""

    @hook
    def on_order_event(self, order_event: Any) -> None:
        """News of an order arrived."""

    @hook
    def on_warmup_finished(self) -> None:
        """Warm-up is over."""

    @hook
    def on_end_of_day(self, symbol: Any = None) -> None:
        """A symbol's session ends in ten minutes."""

    @hook
    def on_end_of_algorithm(self) -> None:
        """The run is over."""

    @hook
    def on_securities_changed(self, changes: Any) -> None:
        """Securities were added or removed."""

    @hook
    def on_assignment_order_event(self, assignment_event: Any) -> None:
        """An option was assigned; options are not offered, so nothing calls it."""

    @hook
    def on_splits(self, splits: Any) -> None:
        """Shares split, or will tomorrow."""

    @hook
    def on_dividends(self, dividends: Any) -> None:
        """Shares pay a dividend."""

    @hook
    def on_delistings(self, delistings: Any) -> None:
        """Securities were delisted, or will be with this day."""

    @hook
    def on_symbol_changed_events(self, symbols_changed: Any) -> None:
        """Securities have new tickers."""

    @hook
    def on_margin_call(self, requests: Any) -> Any:
        """Positions are about to be reduced: return the orders that shall be made."""
        return requests

    @hook
    def on_margin_call_warning(self) -> None:
        """Little margin is left."""

    @hook
    def on_brokerage_message(self, message_event: Any) -> None:
        """The brokerage said something beside orders."""

    @hook
    def on_brokerage_disconnect(self) -> None:
        """The connection to the brokerage was lost."""

    @hook
    def on_brokerage_reconnect(self) -> None:
        """The connection to the brokerage is back."""

    @hook
    def on_parameters_changed(self, parameters: Any) -> None:
        """The operator changed these parameters (name to text); LEAN has no such call."""
