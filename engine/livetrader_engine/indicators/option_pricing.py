"""Theoretical prices of options. Source: LEAN Indicators/OptionGreekIndicatorsHelper.cs.

Rates and yields are yearly fractions, times are years, volatility is yearly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntEnum
from itertools import pairwise
from typing import Final, NamedTuple

STEPS: Final = 200  # of a binomial tree
_SURE: Final = 10.0  # what d1 is where nothing is left to chance
_ROOT_TWO: Final = math.sqrt(2)
_ROOT_ITERATIONS: Final = 100
_EPSILON: Final = 2.0**-52


class OptionPricingModelType(IntEnum):
    """How an option is priced; values as in LEAN."""

    BLACK_SCHOLES = 0
    BINOMIAL_COX_ROSS_RUBINSTEIN = 1
    FORWARD_TREE = 2


class Terms(NamedTuple):
    """What a price depends on beside the volatility."""

    spot: float
    strike: float
    years: float
    rate: float
    dividend: float
    is_call: bool


def cumulative(value: float) -> float:
    """Return the standard normal distribution's share below `value`."""
    return math.erfc(-value / _ROOT_TWO) / 2


def density(value: float) -> float:
    """Return the standard normal density."""
    return math.exp(-value * value / 2) / math.sqrt(2 * math.pi)


def d1_of(terms: Terms, volatility: float) -> float:
    """Return d1 of Black and Scholes."""
    width = volatility * math.sqrt(max(0.0, terms.years))
    if not width:
        return _SURE
    drift = terms.rate - terms.dividend + volatility * volatility / 2
    return (math.log(terms.spot / terms.strike) + drift * terms.years) / width


def d2_of(terms: Terms, volatility: float) -> float:
    """Return d2 of Black and Scholes."""
    return d1_of(terms, volatility) - volatility * math.sqrt(max(0.0, terms.years))


def black_price(terms: Terms, volatility: float) -> float:
    """Return the price of Black, Scholes and Merton."""
    d1, d2 = d1_of(terms, volatility), d2_of(terms, volatility)
    spot = terms.spot * math.exp(-terms.dividend * terms.years)
    strike = terms.strike * math.exp(-terms.rate * terms.years)
    if terms.is_call:
        return spot * cumulative(d1) - strike * cumulative(d2)
    return strike * cumulative(-d2) - spot * cumulative(-d1)


def binomial_price(terms: Terms, volatility: float) -> float:
    """Return the price by the tree of Cox, Ross and Rubinstein."""
    step = terms.years / STEPS
    up = math.exp(volatility * math.sqrt(step))
    if up == 1:
        up = 1.0001  # a tree needs branches
    down = 1 / up
    chance = (math.exp((terms.rate - terms.dividend) * step) - down) / (up - down)
    return _tree(terms, step, chance, up)


def forward_price(terms: Terms, volatility: float) -> float:
    """Return the price by a tree around the forward price."""
    step = terms.years / STEPS
    drift = math.exp((terms.rate - terms.dividend) * step)
    width = volatility * math.sqrt(step)
    up, down = math.exp(width) * drift, math.exp(-width) * drift
    if up == down:
        up, down = 1.0001, 0.9999
    return _tree(terms, step, (drift - down) / (up - down), up)


def _tree(terms: Terms, step: float, chance: float, up: float) -> float:
    """Walk back from the leaves. Calls may be exercised at each step; LEAN lets puts wait to the end."""
    sign = 1.0 if terms.is_call else -1.0

    def worth(power: int) -> float:
        return max(0.0, sign * (terms.spot * up**power - terms.strike))

    values = [worth(2 * leaf - STEPS) for leaf in range(STEPS + 1)]
    discount = math.exp(-terms.rate * step)
    low, high = discount * (1 - chance), discount * chance
    exercised = [worth(power - STEPS) for power in range(2 * STEPS)] if terms.is_call else []
    for period in range(STEPS - 1, -1, -1):
        values = [low * a + high * b for a, b in pairwise(values)]
        if exercised:
            values = list(map(max, values, exercised[STEPS - period : STEPS + period + 1 : 2]))
    return values[0]


PRICES: Final[dict[OptionPricingModelType, Callable[[Terms, float], float]]] = {
    OptionPricingModelType.BLACK_SCHOLES: black_price,
    OptionPricingModelType.BINOMIAL_COX_ROSS_RUBINSTEIN: binomial_price,
    OptionPricingModelType.FORWARD_TREE: forward_price,
}


def theoretical_price(model: OptionPricingModelType, terms: Terms, volatility: float) -> float:
    """Return the price by a model, 0 after expiry."""
    return PRICES[model](terms, volatility) if terms.years > 0 else 0.0


def implied_volatility(model: OptionPricingModelType, terms: Terms, price: float) -> float | None:
    """Return the volatility that explains a price, None where none does.

    Trees search around the volatility of Black and Scholes. Source: ImpliedVolatility.cs.
    """
    low, high = 1e-7, 4.0
    if model is not OptionPricingModelType.BLACK_SCHOLES:
        guess = implied_volatility(OptionPricingModelType.BLACK_SCHOLES, terms, price)
        if guess:
            low, high = max(low, guess / 2), min(high, guess * 1.5)
    try:
        return find_root(
            lambda volatility: theoretical_price(model, terms, volatility) - price,
            low, high, max(1e-4, 1e-4 * price),
        )  # fmt: skip
    except (OverflowError, ValueError, ZeroDivisionError):  # prices that no such market can have
        return None


def find_root(function: Callable[[float], float], low: float, high: float, accuracy: float) -> float | None:
    """Return where a function is 0 to within `accuracy`, by Brent's method; None where it does not converge.

    The three points are those of the textbook: `best` is the newest guess, `last` the one before, `other` has
    the opposite sign.
    """
    last, other, best = low, high, high
    at_last, at_other = function(low), function(high)
    at_best = at_other
    if (at_last > 0) == (at_other > 0):
        return None
    step = before = 0.0
    middle = math.nan
    for _ in range(_ROOT_ITERATIONS + 1):
        if (at_best > 0) == (at_other > 0):
            other, at_other = last, at_last
            step = before = best - last
        if abs(at_other) < abs(at_best):
            last, best, other = best, other, best
            at_last, at_best, at_other = at_best, at_other, at_best
        least = _EPSILON * abs(best) + accuracy / 2
        middle_before, middle = middle, (other - best) / 2
        if abs(middle) <= least or abs(at_best) < accuracy:
            return best
        if middle == middle_before:
            return None
        if abs(before) >= least and abs(at_last) > abs(at_best):
            guess = _interpolated((last, at_last), (best, at_best), (other, at_other), middle)
            if 2 * abs(guess[0]) < min(3 * middle * guess[1] - abs(least * guess[1]), abs(before * guess[1])):
                before, step = step, guess[0] / guess[1]
            else:
                step = before = middle
        else:
            step = before = middle
        last, at_last = best, at_best
        best += step if abs(step) > least else math.copysign(least, middle)
        at_best = function(best)
    return None


Point = tuple[float, float]


def _interpolated(last: Point, best: Point, other: Point, middle: float) -> Point:
    """Return the step by inverse quadratic interpolation as a fraction, its numerator positive."""
    ratio = best[1] / last[1]
    if last[0] == other[0]:
        above, below = 2 * middle * ratio, 1 - ratio
    else:
        q, r = last[1] / other[1], best[1] / other[1]
        above = ratio * (2 * middle * q * (q - r) - (best[0] - last[0]) * (r - 1))
        below = (q - 1) * (r - 1) * (ratio - 1)
    return (abs(above), -below if above > 0 else below)
