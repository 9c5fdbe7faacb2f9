"""Implied volatility and the greeks of an option.

Sources: LEAN Indicators/{OptionIndicatorBase,OptionGreekIndicatorBase,ImpliedVolatility,Delta,Gamma,Vega,
Theta,Rho}.cs. They are fed with the option's points, its underlying's and, where one is named, those of the
mirror contract (the other right at the same strike); a value comes when all have one of the same time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.identifiers import Identity as Identifier
from livetrader_engine.identifiers import OptionRight, OptionStyle, identity
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, indicator
from livetrader_engine.indicators.breadth import key_of
from livetrader_engine.indicators.momentum import Identity
from livetrader_engine.indicators.option_pricing import (
    PRICES,
    STEPS,
    OptionPricingModelType,
    Terms,
    cumulative,
    d1_of,
    d2_of,
    density,
    implied_volatility,
    theoretical_price,
)

RateOf = Callable[[int], float]  # yearly risk-free rate at an instant (UTC ns)
YieldOf = Callable[[int, float], float]  # yearly dividend yield at an instant (UTC ns) and price
Smoothing = Callable[[float, float], float]  # own and mirror volatility -> the one to take

_ZONE: Final = ZoneInfo("America/New_York")
_CLOSE: Final = timedelta(hours=16)  # when options of US equities expire, local time
_DAYS_PER_YEAR: Final = 365.0
_DIGITS: Final = 7  # to which LEAN rounds
_LEAST_VOLATILITY: Final = 0.01  # by which gamma divides and theta multiplies at least
BLACK_SCHOLES: Final = OptionPricingModelType.BLACK_SCHOLES
FORWARD_TREE: Final = OptionPricingModelType.FORWARD_TREE


class OptionIndicator(Indicator):
    """Base of what is computed from an option's price and its underlying's.

    `expiry` is the naive local time of the settlement, 16:00 New York of the expiry day; it may be set.
    Raises AlgorithmError for symbols that are no options.
    """

    kind = InputKind.DATA
    warm_up_period = 1

    def __init__(
        self, name: str, option: object, risk_free_rate: float | RateOf, dividend_yield: float | YieldOf,
        mirror_option: object | None, model: int | None,
    ) -> None:  # fmt: skip
        super().__init__(name)
        self._option = str(key_of(option))
        self._contract = _contract(self._option)
        style = FORWARD_TREE if self._contract.style is OptionStyle.AMERICAN else BLACK_SCHOLES
        self._model = style if model is None else OptionPricingModelType(int(model))
        day = self._contract.day
        assert day is not None  # options have an expiry
        self.expiry = datetime(day.year, day.month, day.day) + _CLOSE  # noqa: DTZ001 — naive local time
        self.zone_of_expiry: tzinfo = _ZONE
        self.rate_model, self.yield_model = risk_free_rate, dividend_yield
        self.risk_free_rate = Identity(f"{name}_RiskFreeRate")
        self.dividend_yield = Identity(f"{name}_DividendYield")
        self.price, self.underlying_price = Identity(f"{name}_Close"), Identity(f"{name}_UnderlyingClose")
        self._underlying = self._contract.underlying
        self._mirror = None if mirror_option is None else str(key_of(mirror_option))
        self.opposite_price = None if self._mirror is None else Identity(f"{name}_OppositeClose")
        self._points: dict[str, BarLike] = {}
        self._result, self._results = 0.0, 0

    @property
    def use_mirror_contract(self) -> bool:
        """Whether the mirror contract's price is used too."""
        return self._mirror is not None

    @property
    def strike(self) -> float:
        """The option's strike."""
        return float(self._contract.strike)

    @property
    def is_ready(self) -> bool:
        """Whether all prices have come."""
        return self._results > 0

    def push_bar(self, bar: BarLike) -> bool:
        """Take a point of one of the symbols; return whether the indicator is ready.

        Raises AlgorithmError for the point of any other symbol.
        """
        place = str(key_of(getattr(bar, "symbol", None)))
        line = self._line_of(place)
        before = self._points.get(place)
        if before is not None and bar.end_time_ns < before.end_time_ns:
            return self.is_ready
        self._points[place] = bar
        self.samples += 1
        self.time_ns = bar.end_time_ns
        line.push(bar.end_time_ns, bar.value)
        if self.samples > 1 and self._complete():
            self._result = self._compute_result(self.price.time_ns)
            self._results += 1
        self._publish(self.time_ns, round(self._result, _DIGITS))
        return self.is_ready

    def _line_of(self, place: str) -> Identity:
        if place == self._option:
            return self.price
        if place == self._underlying:
            return self.underlying_price
        if self.opposite_price is None or place != self._mirror:
            raise AlgorithmError(f"{self.name} was given a point of {place}, which it is not about")
        return self.opposite_price

    def _complete(self) -> bool:
        wanted = 3 if self.use_mirror_contract else 2
        return len(self._points) == wanted and len({p.end_time_ns for p in self._points.values()}) == 1

    def _compute_result(self, time_ns: int) -> float:
        raise NotImplementedError

    def _take_rates(self, time_ns: int) -> None:
        rate, dividend = self.rate_model, self.yield_model
        spot = self.underlying_price.value
        self.risk_free_rate.push(time_ns, rate(time_ns) if callable(rate) else float(rate))
        self.dividend_yield.push(time_ns, dividend(time_ns, spot) if callable(dividend) else float(dividend))

    def _terms(self, time_ns: int, contract: Identifier | None = None) -> Terms:
        moment = datetime.fromtimestamp(time_ns / 1e9, UTC).astimezone(self.zone_of_expiry)
        left = self.expiry - moment.replace(tzinfo=None)  # by the clock on the wall, as LEAN reckons
        return Terms(
            self.underlying_price.value, self.strike, left / timedelta(days=1) / _DAYS_PER_YEAR,
            self.risk_free_rate.value, self.dividend_yield.value,
            (contract or self._contract).right is OptionRight.CALL,
        )  # fmt: skip

    def _clear(self) -> None:
        super()._clear()
        self._points.clear()
        self._result, self._results = 0.0, 0


def _contract(text: str | None) -> Identifier:
    found = identity(str(text))
    if not found.is_option or found.underlying is None:
        raise AlgorithmError(f"{text} is no option")
    return found


@indicator()
class ImpliedVolatility(OptionIndicator):
    """The volatility that explains the option's price; 0 where none does.

    With a mirror contract the volatility of the one out of the money is taken, unless a smoothing function
    was set.
    """

    def __init__(
        self, option: object, risk_free_rate: float | RateOf = 0.05, dividend_yield: float | YieldOf = 0.0,
        mirror_option: object | None = None, option_model: int | None = None, *, name: str | None = None,
    ) -> None:  # fmt: skip
        shown = (option, mirror_option or "", risk_free_rate, dividend_yield, option_model or "")
        super().__init__(
            name or f"IV({','.join(map(str, shown))})",
            option,
            risk_free_rate,
            dividend_yield,
            mirror_option,
            option_model,
        )
        self.theoretical_price = Identity(f"{self.name}_TheoreticalPrice")
        # LEAN prices by Black and Scholes where no model was named, whatever found the volatility
        self._price_model = BLACK_SCHOLES if option_model is None else self._model
        self._smoothing: Smoothing | None = None

    def set_smoothing_function(self, function: Smoothing) -> None:
        """Choose between the option's volatility and its mirror's by a function of both."""
        self._smoothing = function

    def _compute_result(self, time_ns: int) -> float:
        self._take_rates(time_ns)
        terms = self._terms(time_ns)
        own = implied_volatility(self._model, terms, self.price.value)
        if self.opposite_price is None:
            return own or 0.0
        mirror = implied_volatility(
            self._model, self._terms(time_ns, _contract(self._mirror)), self.opposite_price.value
        )
        if own is None or mirror is None:
            return own or mirror or 0.0
        if self._smoothing is not None:
            return self._smoothing(own, mirror)
        in_the_money = terms.strike < terms.spot if terms.is_call else terms.strike > terms.spot
        return mirror if in_the_money else own

    def _publish(self, time_ns: int, value: float | None) -> None:
        super()._publish(time_ns, value)
        if self.is_ready:
            terms = self._terms(time_ns)
            price = (
                theoretical_price(self._price_model, terms, value) if value else self.theoretical_price.value
            )
            self.theoretical_price.push(time_ns, price)


class Greek(OptionIndicator):
    """Base of the greeks; `implied_volatility` is its own unless another is set."""

    def __init__(  # noqa: PLR0913 — LEAN's parameters
        self, option: object, risk_free_rate: float | RateOf = 0.05, dividend_yield: float | YieldOf = 0.0,
        mirror_option: object | None = None, option_model: int | None = None, iv_model: int | None = None, *,
        name: str | None = None,
    ) -> None:  # fmt: skip
        kind = type(self).__name__
        shown = (option, mirror_option or "", risk_free_rate, dividend_yield, option_model or "")
        super().__init__(
            name or f"{kind}({','.join(map(str, shown))})",
            option,
            risk_free_rate,
            dividend_yield,
            mirror_option,
            option_model,
        )
        if iv_model is None:
            iv_model = FORWARD_TREE if self._contract.style is OptionStyle.AMERICAN else BLACK_SCHOLES
        self._own_volatility = self._volatility = ImpliedVolatility(
            option, risk_free_rate, dividend_yield, mirror_option, iv_model, name=f"{self.name}_IV"
        )

    @property
    def implied_volatility(self) -> ImpliedVolatility:
        """The volatility that the greek is computed with; one that is set is not updated here."""
        return self._volatility

    @implied_volatility.setter
    def implied_volatility(self, volatility: ImpliedVolatility) -> None:
        self._volatility = volatility

    @property
    def is_ready(self) -> bool:
        """Whether the volatility is."""
        return self._volatility.is_ready

    def _compute_result(self, time_ns: int) -> float:
        if self._volatility is self._own_volatility:
            self._volatility.expiry = self.expiry
            for place in (self._option, self._underlying, self._mirror):
                if place is not None and place in self._points:
                    self._volatility.push_bar(self._points[place])
        self._take_rates(time_ns)
        terms = self._terms(time_ns)
        if terms.years < 0:
            return 0.0
        try:
            return self._greek(terms, self._volatility.value)
        except (OverflowError, ValueError, ZeroDivisionError):  # no number: LEAN keeps the last one
            return self._result

    def _greek(self, terms: Terms, volatility: float) -> float:
        raise NotImplementedError

    def _price(self, terms: Terms, volatility: float) -> float:
        return PRICES[self._model](terms, volatility)

    def _clear(self) -> None:
        super()._clear()
        self._volatility.reset()


@indicator()
class Delta(Greek):
    """Change of the price per change of the underlying's."""

    def _greek(self, terms: Terms, volatility: float) -> float:
        if self._model is BLACK_SCHOLES:
            d1 = d1_of(terms, volatility)
            share = cumulative(d1) if terms.is_call else -cumulative(-d1)
            return share * math.exp(-terms.dividend * terms.years)
        step = terms.years / STEPS
        drift = math.exp((terms.rate - terms.dividend) * step) if self._model is FORWARD_TREE else 1.0
        up = math.exp(volatility * math.sqrt(step)) * drift
        up = 1.00001 if up == 1 else up
        down = math.exp(-volatility * math.sqrt(step)) * drift if self._model is FORWARD_TREE else 1 / up
        down = 0.99999 if down == 1 else down
        above, below = terms.spot * up, terms.spot * down
        rise = self._price(terms._replace(spot=above), volatility)
        rise -= self._price(terms._replace(spot=below), volatility)
        return rise / (above - below) if above != below else 0.0


@indicator()
class Gamma(Greek):
    """Change of delta per change of the underlying's price."""

    def _greek(self, terms: Terms, volatility: float) -> float:
        if self._model is BLACK_SCHOLES:
            wide = max(volatility, _LEAST_VOLATILITY) * math.sqrt(terms.years)
            return density(-d1_of(terms, volatility)) / terms.spot / wide
        up = math.exp(volatility * math.sqrt(terms.years / STEPS))
        up = 1.0001 if up == 1 else up
        above, below = terms.spot * up * up, terms.spot / up / up
        middle = self._price(terms, volatility)
        rising = (self._price(terms._replace(spot=above), volatility) - middle) / (above - terms.spot)
        falling = (middle - self._price(terms._replace(spot=below), volatility)) / (terms.spot - below)
        return 2 * (rising - falling) / (above - below) if above != below else 0.0


@indicator()
class Vega(Greek):
    """Change of the price per percentage point of volatility."""

    def _greek(self, terms: Terms, volatility: float) -> float:
        if self._model is BLACK_SCHOLES:
            spot = terms.spot * math.exp(-terms.dividend * terms.years)
            return spot * math.sqrt(terms.years) * density(d1_of(terms, volatility)) / 100
        step = 0.01
        change = self._price(terms, volatility + step) - self._price(terms, volatility)
        return change / step / 100


@indicator()
class Theta(Greek):
    """Change of the price per day that passes."""

    def _greek(self, terms: Terms, volatility: float) -> float:
        if self._model is not BLACK_SCHOLES:
            step = terms.years / STEPS
            later = self._price(terms._replace(years=terms.years - 2 * step), volatility)
            return (later - self._price(terms, volatility)) / 2 / step / _DAYS_PER_YEAR
        sign = 1 if terms.is_call else -1
        d1, d2 = d1_of(terms, volatility), d2_of(terms, volatility)
        spot = terms.spot * math.exp(-terms.dividend * terms.years)
        strike = terms.strike * math.exp(-terms.rate * terms.years)
        decay = -spot * max(volatility, _LEAST_VOLATILITY) * density(d1) / 2 / math.sqrt(terms.years)
        carry = terms.dividend * spot * cumulative(sign * d1) - terms.rate * strike * cumulative(sign * d2)
        return (decay + sign * carry) / _DAYS_PER_YEAR


@indicator()
class Rho(Greek):
    """Change of the price per percentage point of the risk-free rate."""

    def _greek(self, terms: Terms, volatility: float) -> float:
        if self._model is BLACK_SCHOLES:
            sign = 1 if terms.is_call else -1
            strike = terms.strike * terms.years * math.exp(-terms.rate * terms.years)
            return sign * strike * cumulative(sign * d2_of(terms, volatility)) / 100
        step = 0.0001
        change = self._price(terms._replace(rate=terms.rate + step), volatility)
        return (change - self._price(terms, volatility)) / step / 100
