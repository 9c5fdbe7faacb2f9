"""What the account and its benchmark are worth for the results. Belongs to the loop's thread."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from livetrader.gateway.gateway import Gateway
from livetrader.supervisor.result_facts import holding_facts
from livetrader_engine.money import ZERO, from_float
from livetrader_engine.statistics.numbers import rounded
from livetrader_engine.symbols import Symbol

UNPRICED_S: Final = 600.0  # a position without a price is waited for so long; then its average price counts
RATIO_DIGITS: Final = 4  # LEAN: SampleExposure


class AccountValues:
    """Looks at the gateway; owns the newest value of the benchmark.

    `ticker` is followed, as far as its price goes by, where the algorithm chose no benchmark.
    """

    def __init__(self, gateway: Gateway, monotonic_s: Callable[[], float], ticker: str) -> None:
        self._gateway = gateway
        self._monotonic_s = monotonic_s
        self._ticker = ticker
        self._symbol: Symbol | None = None
        self._told: float | None = None
        self._unpriced_s: float | None = None

    def priced(self) -> bool:
        """Return whether every position has a price, or has been waited for: no false fall after a start."""
        gateway = self._gateway
        if all(symbol in gateway.last_prices for symbol in gateway.positions):
            self._unpriced_s = None
            return True
        now_s = self._monotonic_s()
        if self._unpriced_s is None:
            self._unpriced_s = now_s
        return now_s - self._unpriced_s >= UNPRICED_S

    def exposure(self, equity: Decimal) -> tuple[Decimal, Decimal]:
        """Return what is held long and short as ratios of the account's value, the second zero or below."""
        gateway, sides = self._gateway, [ZERO, ZERO]
        for held in holding_facts(gateway.positions.items(), gateway.last_prices, gateway.rules.multiplier):
            price = held.average_price if held.price is None else from_float(held.price)
            sides[held.quantity < 0] += price * held.quantity * held.multiplier
        if equity <= 0:
            return ZERO, ZERO
        return rounded(sides[0] / equity, RATIO_DIGITS), rounded(sides[1] / equity, RATIO_DIGITS)

    def tell_benchmark(self, value: float) -> None:
        """Take what the algorithm's own benchmark is worth."""
        self._told = value if math.isfinite(value) else None

    def benchmark(self) -> float | None:
        """Return what the algorithm's own told last, else the newest price of the ticker."""
        if self._told is not None or not self._ticker:
            return self._told
        prices = self._gateway.last_prices
        if self._symbol not in prices:
            self._symbol = next((symbol for symbol in prices if symbol.value == self._ticker), None)
        return None if self._symbol is None else prices.get(self._symbol)
