"""Insights: LEAN's ways to say until when, and what is told of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from livetrader_engine.commands import NoteInsight
from livetrader_engine.errors import AlgorithmError
from livetrader_lean.binding import Binding
from livetrader_lean.enums import Resolution
from livetrader_lean.insights import Insight, InsightDesk, InsightDirection, InsightType, flat
from livetrader_lean.symbols import Symbol
from tests.unit.engine.world import SPY, STOCK_EXCHANGE, at

TUESDAY = "2020-03-10 10:30"  # in New York
FRIDAY = "2020-03-13 15:55"  # five minutes before the close


def moment(text: str) -> datetime:
    """Return a time as LEAN's are: naive."""
    return datetime.fromisoformat(text)


class Desk:
    """An algorithm's desk, and what it told."""

    def __init__(self, begins: str = TUESDAY) -> None:
        self.told: list[NoteInsight] = []
        self.lines: list[str] = []
        security = SimpleNamespace(hours=STOCK_EXCHANGE, price=300.5)
        self.engine = SimpleNamespace(
            ports=SimpleNamespace(results=SimpleNamespace(insight=self.told.append)),
            clock=SimpleNamespace(now_ns=at(begins)),
            securities={SPY: security},
            corporate=SimpleNamespace(delisted=set()),
            is_warming_up=False,
        )
        binding = SimpleNamespace(
            engine=self.engine,
            resolve=lambda symbol: symbol.core,
            log=lambda level, words: self.lines.append(words),
        )
        self.desk = InsightDesk(cast("Binding", binding))

    def emit(self, *insights: Any) -> NoteInsight:
        self.desk.emit(flat(insights))
        return self.told[-1]


def price(period: Any, *more: Any, **named: Any) -> Insight:
    return Insight.price(Symbol(SPY), period, *more, **named)


@pytest.mark.parametrize(
    ("begins", "period", "closes"),
    [
        (TUESDAY, (timedelta(minutes=5),), "2020-03-10 10:35"),
        (TUESDAY, (timedelta(seconds=30),), "2020-03-10 10:30:30"),
        (TUESDAY, (timedelta(hours=2),), "2020-03-10 12:30"),
        (FRIDAY, (timedelta(minutes=10),), "2020-03-16 09:35"),
        (FRIDAY, (timedelta(days=1),), "2020-03-16 15:55"),
        (TUESDAY, (timedelta(days=3),), "2020-03-13 10:30"),
        (TUESDAY, (timedelta(days=4),), "2020-03-16 10:30"),
        (TUESDAY, (Resolution.DAILY, 4), "2020-03-16 10:30"),
        (TUESDAY, (Resolution.HOUR, 1), "2020-03-10 11:30"),
        (FRIDAY, (Resolution.MINUTE, 6), "2020-03-16 09:31"),
        (TUESDAY, (moment("2020-03-10 15:00"),), "2020-03-10 15:00"),
        (TUESDAY, (moment("2020-03-14 12:00"),), "2020-03-16 09:30"),
        (TUESDAY, (lambda now: now + timedelta(hours=1),), "2020-03-10 11:30"),
    ],
)  # fmt: skip
def test_an_insight_closes_when_that_much_trading_is_over(begins: str, period: Any, closes: str) -> None:
    told = Desk(begins).emit(price(*period, InsightDirection.UP))
    assert told.close_ns == at(closes)


def test_a_part_of_a_day_is_that_part_of_a_session() -> None:
    told = Desk("2020-03-10 09:30").emit(price(timedelta(days=1, hours=12), InsightDirection.DOWN))
    assert told.close_ns == at("2020-03-11 09:30") + int(3.25 * 3600) * 10**9


def test_everything_that_was_said_is_told() -> None:
    desk = Desk()
    insight = price(timedelta(minutes=1), InsightDirection.DOWN, -0.01, 0.8, "reversion", 0.25, tag="late")
    told = desk.emit(insight)
    assert (told.symbol, told.kind, told.direction, told.time_ns) == (SPY, "price", "down", at(TUESDAY))
    assert (told.magnitude, told.confidence, told.weight) == (-0.01, 0.8, 0.25)
    assert (told.source, told.tag, told.group) == ("reversion", "late", "")
    assert told.id == insight.id == insight.Id and insight.reference_value == 300.5
    assert insight.generated_time_utc == moment("2020-03-10 14:30")
    assert insight.is_active(moment("2020-03-10 14:31")) and insight.is_expired(moment("2020-03-10 14:32"))
    volatile = Insight(Symbol(SPY), timedelta(days=1), InsightType.VOLATILITY, InsightDirection.UP)
    assert desk.emit(volatile).kind == "volatility" and volatile.reference_value == 0


def test_the_same_run_gives_the_same_ids_and_no_two_alike() -> None:
    def ids() -> list[str]:
        desk = Desk()
        for _ in range(3):
            desk.emit(price(timedelta(minutes=1), InsightDirection.UP))
        return [each.id for each in desk.told]

    assert ids() == ids() and len(set(ids())) == 3


def test_a_group_has_one_name_and_nobody_is_in_two() -> None:
    desk = Desk()
    pair = [
        price(timedelta(minutes=1), InsightDirection.UP),
        price(timedelta(minutes=1), InsightDirection.DOWN),
    ]
    desk.emit(Insight.group(*pair))
    first, second = desk.told
    assert first.group == second.group != ""
    with pytest.raises(AlgorithmError, match="in a group already"):
        Insight.Group(pair)


def test_while_warming_up_insights_are_ignored_and_that_is_said_once() -> None:
    desk = Desk()
    desk.engine.is_warming_up = True
    for _ in range(2):
        desk.desk.emit([price(timedelta(minutes=1), InsightDirection.UP)])
    assert desk.told == [] and desk.lines == [
        "Warning: insights emitted during algorithm warmup are ignored."
    ]
    desk.engine.is_warming_up = False
    desk.engine.corporate.delisted.add(SPY)
    desk.desk.emit([price(timedelta(minutes=1), InsightDirection.UP)])
    assert desk.told == [] and "delisted" in desk.lines[1]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: price(timedelta(milliseconds=1), InsightDirection.UP), "one second at least"),
        (lambda: price(Resolution.MINUTE, 0, InsightDirection.UP), "1 to 1000000 bars"),
        (lambda: price("soon", InsightDirection.UP), "ends after a timedelta"),
        (lambda: price(timedelta(days=1), InsightDirection.UP, colour=3), "'colour'"),
        (lambda: flat(["SPY"]), "is no insight"),
        (lambda: Desk().emit(price(moment("2020-03-09 12:00"), InsightDirection.UP)), "in the past"),
    ],
)
def test_what_is_no_prediction_is_refused_in_words(make: Any, words: str) -> None:
    with pytest.raises(AlgorithmError, match=words):
        make()


def test_a_symbol_that_was_not_added_has_no_insights() -> None:
    desk = Desk()
    desk.engine.securities.clear()
    with pytest.raises(AlgorithmError, match="was not added"):
        desk.emit(price(timedelta(minutes=1), InsightDirection.UP))
