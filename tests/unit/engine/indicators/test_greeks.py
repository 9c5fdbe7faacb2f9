"""Implied volatility and greeks against LEAN's reference tables, of QuantLib and of a broker."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.identifiers import Identity, OptionRight, OptionStyle
from livetrader_engine.indicators.greeks import Delta, Gamma, Greek, ImpliedVolatility, Rho, Theta, Vega
from livetrader_engine.indicators.option_pricing import (
    OptionPricingModelType,
    Terms,
    black_price,
    find_root,
    implied_volatility,
)
from livetrader_engine.symbols import SecurityType, Symbol
from tests.unit.engine.indicators.reference import FOLDER

BLACK = OptionPricingModelType.BLACK_SCHOLES
BINOMIAL = OptionPricingModelType.BINOMIAL_COX_ROSS_RUBINSTEIN
FORWARD = OptionPricingModelType.FORWARD_TREE
NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2023, 8, 1, 10, 0, tzinfo=NEW_YORK)
SPY = Symbol.create("SPY R735QTJ8XC9X", "SPY", SecurityType.EQUITY, "usa")
# absolute tolerances and rates of LEAN's own tests
KINDS: dict[str, tuple[type[Greek], float, float, float]] = {
    "Delta": (Delta, 0.0017, 0.0403, 0.0),
    "Gamma": (Gamma, 0.0005, 0.0403, 0.0),
    "Vega": (Vega, 0.0072, 0.053, 0.0153),
    "Theta": (Theta, 0.0042, 0.0403, 0.0),
    "Rho": (Rho, 0.017, 0.053, 0.0153),
}
# relative and absolute tolerances of LEAN's comparison with the broker; columns of put and call
BROKER: dict[str, tuple[type[Any], float, float, int]] = {
    "IV": (ImpliedVolatility, 0.08, 1e-4, 6),
    "Delta": (Delta, 0.03, 1e-4, 8),
    "Gamma": (Gamma, 0.12, 1e-4, 10),
    "Vega": (Vega, 0.2, 2e-4, 12),
    "Theta": (Theta, 0.6, 1.5e-3, 14),
}


class Point(NamedTuple):
    symbol: Symbol
    end_time_ns: int
    value: float
    open: float = 0.0
    high: float = 0.0
    low: float = 0.0
    close: float = 0.0


def option(
    right: str, strike: str = "450", expiry: date = date(2023, 9, 1), style: str = "European"
) -> Symbol:
    identifier = Identity(
        "SPY", SecurityType.OPTION, "usa", expiry, Decimal(strike),
        OptionRight[right.upper()], OptionStyle[style.upper()], SPY.id,
    )  # fmt: skip
    return Symbol.create(identifier.text, f"{right}{strike}", SecurityType.OPTION, "usa")


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000


def table() -> list[dict[str, str]]:
    with (FOLDER / "greeks.csv").open() as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("row", table(), ids=lambda row: "-".join(list(row.values())[:5]))
def test_agrees_with_quantlib(row: dict[str, str]) -> None:
    contract = option(row["Right"], expiry=NOW.date() + timedelta(days=int(row["Days"])), style=row["Style"])
    model = BLACK if row["Style"] == "European" else BINOMIAL
    points = (Point(contract, ns(NOW), float(row["Price"])), Point(SPY, ns(NOW), float(row["Spot"])))
    volatility = ImpliedVolatility(contract, 0.053, 0.0153, option_model=BLACK)
    for point in points:
        volatility.push_bar(point)
    assert volatility.value == pytest.approx(float(row["IV"]), abs=0.0036)
    # the search ends within 1e-4 of the price in volatility, too, and 1 of that moves the price by the vega
    margin = 1e-4 * float(row["Price"]) * 100 * float(row["Vega"])
    assert volatility.theoretical_price.value == pytest.approx(float(row["Price"]), abs=margin)
    for name, (kind, tolerance, rate, dividend) in KINDS.items():
        greek = kind(contract, rate, dividend, option_model=model, iv_model=BLACK)
        assert [greek.push_bar(point) for point in points] == [False, True]
        assert greek.value == pytest.approx(float(row[name]), abs=tolerance), name


def broker_rows() -> list[list[str]]:
    with (FOLDER / "greeks_of_mirrors.csv").open() as stream:
        return list(csv.reader(stream))[3:-1]  # as in LEAN: the last is too deep in the money to have an IV


@pytest.mark.parametrize("row", broker_rows(), ids=lambda row: "-".join((row[2], row[3][-8:])))
def test_agrees_with_a_broker_where_a_mirror_contract_is_used(row: list[str]) -> None:
    expiry = datetime.strptime(row[1], "%d/%m/%Y %H:%M:%S").replace(tzinfo=NEW_YORK)
    moment_ns = ns(datetime.strptime(row[3], "%d/%m/%Y %H:%M:%S").replace(tzinfo=NEW_YORK))
    put, call = (option(right, row[2], expiry.date(), "American") for right in ("put", "call"))
    points = (
        Point(put, moment_ns, float(row[4])),
        Point(call, moment_ns, float(row[5])),
        Point(SPY, moment_ns, float(row[16])),
    )
    rate, dividend = float(row[-2]), float(row[-1])
    for name, (kind, relative, absolute, column) in BROKER.items():
        for own, mirror, wanted in ((put, call, row[column]), (call, put, row[column + 1])):
            indicator = kind(own, rate, dividend, mirror, FORWARD)
            # the contract is written to expire at 23:59, past the last close: LEAN takes the midnight after
            indicator.expiry = datetime(expiry.year, expiry.month, expiry.day) + timedelta(days=1)  # noqa: DTZ001
            for point in points:
                indicator.push_bar(point)
            assert indicator.is_ready
            assert indicator.value == pytest.approx(float(wanted), rel=relative, abs=absolute), name


def test_rates_may_depend_on_time_and_expired_options_have_no_greeks() -> None:
    asked: list[int] = []

    def rate(time_ns: int) -> float:
        asked.append(time_ns)
        return 0.01 * len(asked)

    delta = Delta(option("call"), rate, lambda time_ns, spot: spot / 10_000)
    for hour in range(2):
        moment_ns = ns(NOW + timedelta(hours=hour))
        delta.push_bar(Point(delta_option(), moment_ns, 20.0))
        delta.push_bar(Point(SPY, moment_ns, 460.0))
    assert len(asked) == 4  # for the volatility and for the greek
    assert (delta.risk_free_rate.value, delta.dividend_yield.value) == (0.04, 0.046)
    late_ns = ns(datetime(2099, 1, 1, tzinfo=UTC))
    delta.push_bar(Point(delta_option(), late_ns, 10.0))
    delta.push_bar(Point(SPY, late_ns, 500.0))
    assert delta.value == 0.0
    delta.reset()
    assert (delta.samples, delta.value, delta.is_ready, delta.price.samples) == (0, 0.0, False, 0)


def delta_option() -> Symbol:
    return option("call")


def test_a_volatility_of_the_users_is_left_to_the_user() -> None:
    call = option("call")
    volatility, gamma = ImpliedVolatility(call), Gamma(call)
    gamma.implied_volatility = volatility
    points = (Point(call, ns(NOW), 20.0), Point(SPY, ns(NOW), 460.0))
    for point in points:
        gamma.push_bar(point)
    assert not gamma.is_ready and volatility.samples == 0
    for point in points:
        volatility.push_bar(point)
    assert gamma.is_ready


def test_a_smoothing_function_sees_both_volatilities() -> None:
    call, put = option("call"), option("put")
    volatility = ImpliedVolatility(call, 0.0, 0.0, put, BLACK)
    seen: list[tuple[float, float]] = []

    def smoothing(own: float, mirror: float) -> float:
        seen.append((own, mirror))
        return 0.5

    volatility.set_smoothing_function(smoothing)
    for symbol, price in ((call, 20.0), (put, 12.0), (SPY, 455.0)):
        volatility.push_bar(Point(symbol, ns(NOW), price))
    assert volatility.value == 0.5 and seen[0][0] != seen[0][1]


def test_what_is_no_option_or_not_its_own_is_refused() -> None:
    with pytest.raises(AlgorithmError, match="no option"):
        Delta(SPY)
    with pytest.raises(AlgorithmError, match="not about"):
        Delta(option("call")).push_bar(Point(option("put"), 1, 1.0))


@pytest.mark.parametrize("model", list(OptionPricingModelType))
@pytest.mark.parametrize("is_call", [True, False])
def test_the_volatility_is_found_that_made_the_price(model: OptionPricingModelType, is_call: bool) -> None:
    # without a rate: LEAN's forward tree grows its branches in a way that loses the drift
    terms = Terms(100.0, 105.0, 0.5, 0.0, 0.0, is_call)
    found = implied_volatility(model, terms, black_price(terms, 0.25))
    assert found == pytest.approx(0.25, abs=2e-3)


def test_prices_that_no_volatility_explains_give_none() -> None:
    terms = Terms(100.0, 105.0, 0.5, 0.03, 0.0, is_call=True)
    assert implied_volatility(BLACK, terms, 200.0) is None
    assert implied_volatility(BLACK, terms._replace(years=-0.1), 5.0) is None


def test_calls_and_puts_are_in_parity() -> None:
    call = Terms(100.0, 105.0, 0.5, 0.03, 0.01, is_call=True)
    put = call._replace(is_call=False)
    forward = 100 * 2.718281828459045 ** (-0.005) - 105 * 2.718281828459045 ** (-0.015)
    assert black_price(call, 0.3) - black_price(put, 0.3) == pytest.approx(forward)


def test_roots_are_bracketed_first() -> None:
    assert find_root(lambda x: x * x - 2, 0.0, 2.0, 1e-12) == pytest.approx(2**0.5, abs=1e-9)
    assert find_root(lambda x: x * x + 1, -1.0, 2.0, 1e-9) is None
