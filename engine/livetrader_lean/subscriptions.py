"""What data an algorithm asked for, as LEAN's configurations look, and consolidators made by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.symbols import Resolution as CoreResolution
from livetrader_lean import market
from livetrader_lean.binding import Binding
from livetrader_lean.consolidation import consolidator_of
from livetrader_lean.enums import DataNormalizationMode, Resolution, SecurityType
from livetrader_lean.enums import TickType as TickTypeFace
from livetrader_lean.symbols import Symbol
from livetrader_lean.views import Face, Listing


class SubscriptionDataConfig(Face):
    """One stream: a symbol, a resolution, a kind of data."""

    __slots__ = ("_binding", "_core")

    def __init__(self, binding: Binding, subscription: Subscription) -> None:
        self._binding = binding
        self._core = subscription

    @property
    def symbol(self) -> Symbol:
        """Whose data it is."""
        return Symbol(self._core.symbol)

    @property
    def mapped_symbol(self) -> str:
        """The ticker of today."""
        return self._core.symbol.value

    @property
    def market(self) -> str:
        """The market, lower case."""
        return self._core.symbol.market

    @property
    def security_type(self) -> int:
        """Kind of security."""
        return SecurityType(int(self._core.symbol.security_type))

    @property
    def resolution(self) -> int:
        """Length of a bar."""
        return Resolution(int(self._core.resolution))

    @property
    def increment(self) -> timedelta:
        """Length of a bar as a span."""
        return timedelta(microseconds=self._core.resolution.period_ns // 1000)

    @property
    def tick_type(self) -> int:
        """TRADE or QUOTE."""
        return TickTypeFace(int(self._core.tick_type))

    @property
    def type(self) -> type:
        """Class of its points."""
        if self._core.resolution is CoreResolution.TICK:
            return market.Tick
        return market.QuoteBar if self._core.tick_type is TickType.QUOTE else market.TradeBar

    @property
    def fill_data_forward(self) -> bool:
        """Whether gaps are filled with the last bar."""
        return self._core.fill_forward

    @property
    def extended_market_hours(self) -> bool:
        """Whether there are points outside regular hours."""
        return self._core.extended_market_hours

    @property
    def data_normalization_mode(self) -> int:
        """How splits and dividends are taken out of prices."""
        return DataNormalizationMode(int(self._core.normalization))

    @property
    def is_internal_feed(self) -> bool:
        """Whether the engine asked for it, not the algorithm."""
        return self._core.internal

    @property
    def is_custom_data(self) -> bool:
        """False: custom data is not offered."""
        return False

    @property
    def exchange_time_zone(self) -> Any:
        """Time zone of the exchange."""
        return self._binding.zone(self._core.symbol)

    @property
    def data_time_zone(self) -> Any:
        """Time zone of the data files."""
        return self._binding.engine.ports.reference.hours(self._core.symbol).data_timezone

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SubscriptionDataConfig) and other._core == self._core

    def __hash__(self) -> int:
        return hash(self._core)

    def __str__(self) -> str:
        return f"{self.symbol},{self.mapped_symbol},{self.resolution},{self.type.__name__},{self.tick_type}"


class SubscriptionDataConfigService(Face):
    """Finds what was asked for by symbol."""

    __slots__ = ("_binding",)

    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    def get_subscription_data_configs(
        self, symbol: Any = None, include_internal_configs: bool = False
    ) -> Listing[SubscriptionDataConfig]:
        """Return the streams of a symbol, or all; `include_internal_configs` adds the engine's own."""
        core = None if symbol is None else self._binding.resolve(symbol)
        return Listing(
            SubscriptionDataConfig(self._binding, stream)
            for stream in self._binding.engine.subscriptions.streams()
            if (core is None or stream.symbol is core) and (include_internal_configs or not stream.internal)
        )


class SubscriptionManager(Face):
    """`self.subscription_manager`: attach consolidators made by hand."""

    __slots__ = ("_binding",)

    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    def add_consolidator(self, symbol: Any, consolidator: Any, tick_type: int | None = None) -> None:
        """Feed a consolidator with a symbol's data."""
        kind = None if tick_type is None else TickType(int(tick_type))
        consolidator_of(self._binding, consolidator).attach(
            self._binding, self._binding.resolve(symbol), kind
        )

    def remove_consolidator(self, symbol: Any, consolidator: Any) -> None:
        """Feed it no longer."""
        core = None if symbol is None else self._binding.resolve(symbol)
        consolidator_of(self._binding, consolidator).detach(self._binding, core)
        self._binding.user_consolidators.pop(id(consolidator), None)

    @property
    def count(self) -> int:
        """How many streams the algorithm asked for."""
        return sum(len(security.subscriptions) for security in self._binding.engine.securities.values())

    @property
    def subscription_data_config_service(self) -> SubscriptionDataConfigService:
        """Finds streams by symbol."""
        return SubscriptionDataConfigService(self._binding)

    @property
    def subscriptions(self) -> Listing[SubscriptionDataConfig]:
        """Every stream that the algorithm asked for."""
        return SubscriptionDataConfigService(self._binding).get_subscription_data_configs()


def configs_of(binding: Binding, symbol: Any) -> Listing[SubscriptionDataConfig]:
    """Return the streams that the algorithm asked for of a symbol."""
    return SubscriptionDataConfigService(binding).get_subscription_data_configs(symbol)
