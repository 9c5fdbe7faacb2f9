"""Trades on a wire, out of order and some of them odd; and their bars, made afterwards the slow way."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import NamedTuple

from hypothesis import strategies as st

from livetrader_engine.calendar.sessions import hours_from_exchange_calendars
from livetrader_engine.data.quality import ALL, CANCELS, FORM_T, HIGH_LOW, OPEN_CLOSE, VOLUME
from livetrader_engine.symbols import SecurityType, Symbol, equity_identifier

MS = 1_000_000
SPY = Symbol.create(equity_identifier("SPY", None), "SPY", SecurityType.EQUITY, "usa")
HOURS = hours_from_exchange_calendars("XNYS")
OPEN_MS = 1_750_080_600_000  # 2025-06-16 09:30 in New York, a Monday
OPEN_NS = OPEN_MS * MS
EFFECTS = {
    (): ALL, (14,): ALL, (37,): VOLUME, (2,): VOLUME, (10,): HIGH_LOW | VOLUME, (38,): OPEN_CLOSE | HIGH_LOW,
    (15,): 0, (12,): FORM_T, (44,): CANCELS,
}  # fmt: skip


class Told(NamedTuple):
    """A trade as a venue's message has it."""

    t: int
    q: int
    p: float
    s: float
    c: tuple[int, ...] = ()


def afterwards(told: list[Told], length_ns: int) -> list[tuple[float, ...]]:
    """Make the bars of a file, the slow and obvious way."""
    groups: dict[int, list[Told]] = defaultdict(list)
    for each in told:
        if HOURS.is_open(each.t * MS, True):
            groups[each.t * MS // length_ns * length_ns].append(each)
    bars: list[tuple[float, ...]] = []
    for start_ns, group in sorted(groups.items()):
        ordered = sorted(group, key=lambda each: (each.t, each.q))
        effects = {each.q: _meant(each) for each in ordered}
        priced = [each.p for each in ordered if effects[each.q] & OPEN_CLOSE]
        spread = [each.p for each in ordered if effects[each.q] & HIGH_LOW]
        sizes = [Decimal(repr(each.s)) for each in ordered if effects[each.q] & VOLUME]
        if priced:
            bars.append((
                start_ns, start_ns + length_ns, priced[0], max(spread), min(spread), priced[-1],
                float(sum(sizes)),
            ))  # fmt: skip
    return bars


def _meant(each: Told) -> int:
    effect = EFFECTS[each.c]
    if effect != FORM_T:
        return effect
    return VOLUME if HOURS.is_open(each.t * MS) else ALL


pauses_ms = st.sampled_from([0, 0, 1, 7, 100, 900, 30_000])
prices = st.sampled_from([99.99, 100.0, 100.01, 100.02, 101.5])
sizes = st.sampled_from([1.0, 100.0, 0.3, 33.0])
conditions = st.sampled_from([(), (), (14,), (37,), (37,), (2,), (10,), (38,), (15,), (12,)])
delays_ms = st.sampled_from([0, 0, 0, 1, 5, 490])


class Wire(NamedTuple):
    """Trades with the times at which they arrive, in that order."""

    arrivals: list[tuple[int, Told]]

    @property
    def told(self) -> list[Told]:
        return [each for _, each in self.arrivals]


@st.composite
def wires(draw: st.DrawFn) -> Wire:
    """Trades in order by time and number, some of them delayed, so that others overtake them."""
    steps = draw(st.lists(st.tuples(pauses_ms, prices, sizes, conditions, delays_ms), max_size=50))
    # the session's end is among the times: there Form T begins to count
    now_ms = OPEN_MS + draw(st.sampled_from([0, 5 * 60_000, 389 * 60_000]))
    arrivals = []
    for number, (pause_ms, price, size, codes, delay_ms) in enumerate(steps, 1):
        now_ms += pause_ms
        arrivals.append((now_ms + delay_ms, Told(now_ms, number, price, size, codes)))
    return Wire(sorted(arrivals, key=lambda each: each[0]))
