"""`self.settings`: what an algorithm may decide about how it is run. Source: LEAN's AlgorithmSettings.cs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import Resolution as CoreResolution
from livetrader_lean.binding import Binding
from livetrader_lean.enums import Resolution
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.names import Twins, is_pascal, snake

# Settings that are kept and change nothing here, with LEAN's defaults: live trading and the framework read
# them in LEAN.
KEPT: Final[dict[str, object]] = {
    "rebalance_portfolio_on_security_changes": None,
    "rebalance_portfolio_on_insight_changes": None,
    "data_subscription_limit": 2**31 - 1,
    "databases_refresh_period": timedelta(days=1),
    "ignore_unknown_asset_holdings": False,
    "performance_sample_period": timedelta(),
    "stale_price_time_span": timedelta(hours=1),
}


class _BarSettings(Twins):
    """Settings about bars and indicators."""

    _binding: Binding

    @property
    def automatic_indicator_warm_up(self) -> bool:
        """Whether indicator helpers warm their indicators up with past bars, False by default."""
        return self._binding.consolidation.automatic_warm_up

    @automatic_indicator_warm_up.setter
    def automatic_indicator_warm_up(self, value: bool) -> None:
        self._binding.consolidation.automatic_warm_up = bool(value)

    @property
    def daily_precise_end_time(self) -> bool:
        """Whether daily bars end with their session, True by default; else at the next midnight."""
        return self._binding.consolidation.daily_precise_end_time

    @daily_precise_end_time.setter
    def daily_precise_end_time(self, value: bool) -> None:
        self._binding.consolidation.daily_precise_end_time = bool(value)
        self._binding.engine.subscriptions.time_daily(precise=bool(value))

    @property
    def daily_consolidation_use_extended_market_hours(self) -> bool:
        """Whether daily bars made of finer ones hold extended hours, False by default."""
        return self._binding.consolidation.daily_extended

    @daily_consolidation_use_extended_market_hours.setter
    def daily_consolidation_use_extended_market_hours(self, value: bool) -> None:
        self._binding.consolidation.daily_extended = bool(value)


class AlgorithmSettings(_BarSettings):
    """The settings of one run. What has an effect is applied at once; the rest is kept and given back."""

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._kept = dict(KEPT)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        known = snake(name) if is_pascal(name) else name
        if known in KEPT:
            return self._kept[known]
        raise NotInLivetrader(f"AlgorithmSettings.{name}")

    def __setattr__(self, name: str, value: object) -> None:
        known = snake(name) if is_pascal(name) else name
        if known in KEPT:
            self._kept[known] = value
        elif name.startswith("_") or hasattr(type(self), name):
            object.__setattr__(self, name, value)
        else:
            raise AlgorithmError(f"there is no setting {name!r}")

    @property
    def seed_initial_prices(self) -> bool:
        """Whether securities begin with their last known prices, False by default."""
        return bool(getattr(self._binding, "seeds_prices", False))

    @seed_initial_prices.setter
    def seed_initial_prices(self, value: bool) -> None:
        binding: Any = self._binding
        binding.seeds_prices = bool(value)

    def _change(self, **values: object) -> None:
        orders = self._binding.engine.orders
        orders.policy = msgspec.structs.replace(orders.policy, **values)

    @property
    def free_portfolio_value_percentage(self) -> float:
        """Part of the equity that targets leave alone, 0.0025 by default."""
        return float(self._binding.engine.orders.policy.free_portfolio_value)

    @free_portfolio_value_percentage.setter
    def free_portfolio_value_percentage(self, value: float) -> None:
        self._change(free_portfolio_value=Decimal(str(value)))

    @property
    def free_portfolio_value(self) -> float | None:
        """Amount of the equity that targets leave alone; None: the percentage counts."""
        amount = self._binding.engine.orders.policy.free_portfolio_amount
        return None if amount is None else float(amount)

    @free_portfolio_value.setter
    def free_portfolio_value(self, value: float | None) -> None:
        self._change(free_portfolio_amount=None if value is None else Decimal(str(value)))

    @property
    def minimum_order_margin_portfolio_percentage(self) -> float:
        """Targets that move less than this part of the equity are not traded, 0.001 by default."""
        return float(self._binding.engine.orders.policy.minimum_order_margin)

    @minimum_order_margin_portfolio_percentage.setter
    def minimum_order_margin_portfolio_percentage(self, value: float) -> None:
        self._change(minimum_order_margin=Decimal(str(value)))

    @property
    def max_absolute_portfolio_target_percentage(self) -> float:
        """Targets of a larger part of the equity are an error."""
        return float(self._binding.engine.orders.policy.largest_target)

    @max_absolute_portfolio_target_percentage.setter
    def max_absolute_portfolio_target_percentage(self, value: float) -> None:
        self._change(largest_target=Decimal(str(value)))

    @property
    def min_absolute_portfolio_target_percentage(self) -> float:
        """Targets of a smaller part of the equity, but for zero, are not traded."""
        return float(self._binding.engine.orders.policy.smallest_target)

    @min_absolute_portfolio_target_percentage.setter
    def min_absolute_portfolio_target_percentage(self, value: float) -> None:
        self._change(smallest_target=Decimal(str(value)))

    @property
    def liquidate_enabled(self) -> bool:
        """Whether `liquidate` does anything, True by default."""
        return self._binding.engine.orders.policy.liquidates

    @liquidate_enabled.setter
    def liquidate_enabled(self, value: bool) -> None:
        self._change(liquidates=bool(value))

    @property
    def warm_up_resolution(self) -> int | None:
        """Resolution that warm-up bars are counted in; None: each stream's own. `set_warm_up` resets it."""
        wanted = self._binding.warm_up
        found = None if wanted is None else wanted.resolution
        return None if found is None else Resolution(int(found))

    @warm_up_resolution.setter
    def warm_up_resolution(self, value: int | None) -> None:
        chosen = None if value is None else CoreResolution(int(value))
        if self._binding.warm_up is not None:
            self._binding.warm_up = msgspec.structs.replace(self._binding.warm_up, resolution=chosen)

    warmup_resolution = warm_up_resolution

    @property
    def trading_days_per_year(self) -> int | None:
        """Trading days that yearly figures are made with."""
        return self._binding.engine.statistics.trading_days

    @trading_days_per_year.setter
    def trading_days_per_year(self, value: int | None) -> None:
        if value is not None:
            self._binding.engine.statistics.trading_days = int(value)
