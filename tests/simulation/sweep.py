"""A crash at every boundary: short stories, each told without a crash, then once for each boundary of it.

The daemon of a story dies at its n-th boundary and is started again a second later; the story goes on, and
when it is over and everything has had its time, the invariants have to hold. The engine decides at instants,
so what was due when it died is decided once more.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Final, TextIO

from livetrader_engine.data.corporate_actions import Split, SplitKind
from livetrader_engine.orders.order import OrderType
from livetrader_plugins.ibkr.library import LibraryName
from livetrader_venues.tws.director import ScriptError
from tests.simulation.agent import EVERY_S, SYMBOLS, Agent
from tests.simulation.invariants import Violation
from tests.simulation.process import Boundaries
from tests.simulation.world import Week, World

SETTLE_S: Final = 960.0  # the periodic look comes every 900 s
DOWN_S: Final = 1.0
TAIL_S: Final = 60.0  # of a story, after its last instant
FACTOR: Final = Decimal("0.25")  # of the split
SPLIT_LIMIT: Final = Decimal(30)  # between a price of new shares and one of old ones
SECOND_CRASH: Final = (3, 17)  # boundaries after the first crash, for the pairs

_M, _L, _S = OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_MARKET
_AWAY: Final = Decimal("0.50")

Decision = Callable[[Agent], None]
Action = Callable[["Stage"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Story:
    """What the engine decides at which instant (counted from 0), and what happens when, in seconds."""

    name: str
    decisions: Mapping[int, Decision]
    happens: Mapping[float, Action] = field(default_factory=dict)
    splits_s: float = 0.0  # when a split of SPY begins to count, four shares for one; 0 for none


class Stage(World):
    """A world that plays one story."""

    def __init__(self, story: Story, library: LibraryName, reaper: Boundaries) -> None:
        week = Week(weather=False, library=library, settle_s=SETTLE_S)
        super().__init__(7, week, reaper)
        self.story = story
        self.boundaries = 0  # passed until the story was over
        self._counter = reaper
        self.strategy = self._decide
        self._first_ns = 0
        self.held_then: Decimal | None = None  # of SPY, when its split began to count

    def _decide(self, agent: Agent, instant_ns: int) -> None:
        number = (instant_ns - self._first_ns) // (EVERY_S * 1_000_000_000)
        decision = self.story.decisions.get(number)
        if decision is not None:
            decision(agent)

    async def _supervise(self) -> None:
        while True:
            await self.live()
            await asyncio.sleep(DOWN_S)

    async def _happen(self) -> None:
        for at_s, action in sorted(self.story.happens.items()):
            wait_s = self._first_ns / 1e9 + at_s - self.loop.wall_ns() / 1e9
            await asyncio.sleep(max(wait_s, 0.0))
            await action(self)

    async def play(self) -> None:
        """Play the story, let everything come to rest, and judge."""
        every_ns = EVERY_S * 1_000_000_000
        self._first_ns = (self.loop.wall_ns() // every_ns + 1) * every_ns
        if self.story.splits_s:
            ex_ns = self._first_ns + int(self.story.splits_s * 1e9)
            self.actions.append(Split(SYMBOLS["SPY"], ex_ns, SplitKind.OCCURRED, FACTOR, Decimal(100)))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._supervise()), group.create_task(self._operator())]
            await self._happen()
            last_s = max([*self.story.decisions, 0]) * EVERY_S + TAIL_S
            wait_s = self._first_ns / 1e9 + last_s - self.loop.wall_ns() / 1e9
            await asyncio.sleep(max(wait_s, 0.0))
            self.boundaries = self._counter.counted
            await self._clear_up()
            self.judge()
            for task in tasks:
                task.cancel()

    def judge(self) -> None:
        """Check what a split adds: nothing of it is a riddle, and working orders were changed once."""
        super().judge()
        daemon = self.living()
        if not self.story.splits_s or daemon is None:
            return
        state = daemon.parts.gateway.state
        riddles = [item for item in state.adjustments.values() if item.symbol == SYMBOLS["SPY"]]
        if riddles:
            self.violated("split not explained", f"{riddles[0].quantity} booked as {riddles[0].reason}")
        if len(state.actions.applied) != 1 or state.actions.pending:
            self.violated("split not settled", f"{state.actions.applied} {state.actions.pending}")
        if self.reached["split_applied"] > 1 and self.lives[-1] is self.lives[0]:
            self.violated("split applied twice", str(self.reached["split_applied"]))
        for order in self.venue.exchange.open_orders():
            limit = order.terms.limit_price
            ours = order.terms.order_ref.startswith("LT") and order.contract.symbol == "SPY"
            if ours and limit is not None and limit > SPLIT_LIMIT:
                terms = order.terms
                self.violated("order not scaled", f"{terms.order_ref}: {terms.quantity} at {limit}")


def _do(action: str, **keywords: object) -> Action:
    async def happen(stage: Stage) -> None:
        try:
            stage.venue.do(action, **keywords)
        except ScriptError as error:  # after a crash there may be nothing left to act on
            stage.saw("nothing to act on", fault=action, why=str(error))

    return happen


def _quote(middle: str, size: int = 1_000_000) -> Action:
    price = Decimal(middle)
    cent = Decimal("0.01")

    async def happen(stage: Stage) -> None:
        stage.prices["SPY"] = price
        stage.venue.do("quote", symbol="SPY", bid=price - cent, ask=price + cent, last=price, size=size)

    return happen


async def _split(stage: Stage) -> None:
    """Have IB book the split of what was held when it began, overnight; the market opens much later."""
    for position in stage.venue.account.positions.values():
        if position.contract.symbol == "SPY":
            before = position.quantity if stage.held_then is None else stage.held_then
            position.quantity += before / FACTOR - before
            position.average_price *= FACTOR
            stage.watch.moved("SPY", before / FACTOR - before)


async def _begin_split(stage: Stage) -> None:
    stage.held_then = stage.venue.positions().get("SPY", Decimal(0))


async def _trip(stage: Stage) -> None:
    await stage.kill()


async def _resume(stage: Stage) -> None:
    stage.ask("operator", "look_around")


async def _reset(stage: Stage) -> None:
    for wire in list(stage.network.wires.values()):
        wire.reset()


async def _twin(stage: Stage) -> None:
    for order in stage.venue.exchange.open_orders():
        stage.twin(order)
        return


async def _mute(stage: Stage) -> None:
    stage.venue.mute_trades(1)


def _cancel(agent: Agent) -> None:
    for known in agent.view.open_orders()[-1:]:
        agent.cancel(known)


def _reprice(away: str) -> Decision:
    def decide(agent: Agent) -> None:
        for known in agent.view.open_orders()[-1:]:
            agent.change(known, Decimal(away))

    return decide


def _order(quantity: int, kind: OrderType, away: Decimal = Decimal(0), ticker: str = "SPY") -> Decision:
    return lambda agent: agent.order(ticker, quantity, kind, away)


def _both(*decisions: Decision) -> Decision:
    def decide(agent: Agent) -> None:
        for decision in decisions:
            decision(agent)

    return decide


STORIES: Final = (
    Story(
        "fills",
        {0: _order(10, _M), 1: _order(-4, _L), 2: _both(_order(3, _M), _order(-3, _M, ticker="AAPL"))},
    ),
    Story(
        "parts, then a cancel",
        {0: _order(50, _L), 2: _cancel, 3: _order(-20, _M)},
        {1.0: _quote("99.98", 20), 20.0: _quote("99.97", 5), 40.0: _quote("100", 1_000_000)},
    ),
    Story("changes", {0: _order(30, _L, _AWAY), 1: _reprice("0.20"), 2: _reprice("-0.05"), 3: _cancel}),
    Story(
        "a stop and a cancel that races its fill",
        {0: _order(10, _M), 1: _order(-10, _S, _AWAY), 2: _cancel},
        {30.1: _quote("99.30")},
    ),
    Story(
        "the link is lost and comes back",
        {0: _order(25, _L, _AWAY), 1: _order(10, _M), 3: _order(-5, _M)},
        {8.0: _do("lose_link"), 12.0: _quote("99.40"), 31.0: _do("restore_link", data_lost=True)},
    ),
    Story(
        "the gateway restarts and forgets its order ids",
        {0: _order(25, _L, _AWAY), 1: _order(10, _M), 4: _order(-5, _M)},
        {15.001: _do("restart", down_s=20.0, rollback=2)},
    ),
    Story(
        "the connection breaks while an order is on its way",
        {0: _order(12, _M), 1: _order(-12, _L), 3: _order(4, _M)},
        {0.0005: _reset, 15.0: _mute, 20.0: _reset},
    ),
    Story(
        "the kill switch",
        {0: _both(_order(40, _M), _order(-30, _M, ticker="AAPL")),
         1: _both(_order(20, _L, _AWAY), _order(-8, _S, _AWAY)), 6: _order(5, _M)},
        {20.0: _trip, 70.0: _resume},
    ),
    Story(
        "the kill switch while the link is down",
        {0: _order(40, _M), 1: _order(20, _L, _AWAY)},
        {18.0: _do("lose_link"), 20.0: _trip, 33.0: _do("restore_link", data_lost=False), 80.0: _resume},
    ),
    Story(
        "corrections and a bust",
        {0: _order(10, _M), 1: _order(-3, _M), 3: _order(2, _M)},
        {5.0: _do("correct", price="99.5"), 9.0: _do("correct", quantity=9), 20.0: _do("bust"),
         25.0: _reset, 26.0: _do("correct", price="99.4")},
    ),
    Story(
        "others trade in the account",
        {0: _order(10, _M), 1: _order(15, _L, _AWAY), 3: _order(-5, _M)},
        {4.0: _do("trade", symbol="SPY", quantity=7), 20.0: _do("cancel"),
         22.0: _do("order", symbol="SPY", quantity=-3, limit="100"), 35.0: _reset},
    ),
    Story(
        "two orders under one reference",
        {0: _order(15, _L, _AWAY), 3: _cancel, 5: _order(5, _M)},
        {5.0: _twin, 8.0: _reset},
    ),
    Story(
        "a split that is booked late",
        {0: _order(40, _M), 1: _order(10, _L, _AWAY), 5: _order(4, _M), 11: _order(-20, _M)},
        {61.9: _begin_split, 99.0: _split, 175.0: _quote("25")},
        splits_s=62.0,
    ),
    Story(
        "a split that is booked early",
        {0: _order(40, _M), 1: _order(10, _L, _AWAY), 2: _order(-8, _M), 9: _order(-20, _M)},
        {49.0: _split, 50.0: _reset, 135.0: _quote("25")},
        splits_s=95.0,
    ),
    Story(
        "IB refuses late and warns early",
        {0: _order(15, _L, _AWAY), 1: _order(10, _L, _AWAY), 3: _order(5, _M)},
        {0.0: _do("fault", kind="error", message="openOrder", code=10999, text="who knows"),
         20.0: _do("refuse", code=201, text="Order rejected - reason: late")},
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Failure:
    """A crash after which something did not hold. `boundary` counts from 1; `second` is of a pair."""

    story: str
    boundary: int
    kind: str
    violations: tuple[Violation, ...]
    second: int = 0


@dataclass(slots=True)
class Result:
    """What the sweep found."""

    boundaries: dict[str, int] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    crashes: int = 0
    failures: list[Failure] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """Return plain data."""
        return {
            "stories": self.boundaries, "kinds": dict(self.kinds), "crashes": self.crashes,
            "failures": [asdict(failure) for failure in self.failures],
        }  # fmt: skip

    def table(self) -> str:
        """Return it for a terminal."""
        lines = [f"  {name:<52} {count:>5} boundaries" for name, count in self.boundaries.items()]
        lines.append(f"  {self.crashes} crashes, {len(self.failures)} with a violation")
        lines.append(
            "  boundaries: " + ", ".join(f"{kind} {count}" for kind, count in sorted(self.kinds.items()))
        )
        for failure in self.failures:
            lines.append(
                f"  FAILED {failure.story!r} at boundary {failure.boundary} ({failure.kind})"
                + (f" and {failure.second} later" if failure.second else "")
            )
            lines += [f"      {violation}" for violation in failure.violations[:5]]
        return "\n".join(lines)


@dataclass(slots=True)
class Twice(Boundaries):
    """Strikes at one boundary, and again so many later."""

    again: int = 0

    def strikes(self, kind: str) -> bool:
        """See Reaper."""
        self.counted += 1
        self.kinds.append(kind)
        return self.counted == self.at or (bool(self.again) and self.counted == self.at + self.again)


def tell(
    story: Story, library: LibraryName, at: int = 0, again: int = 0
) -> tuple[Twice, tuple[Violation, ...], list[str]]:
    """Play a story with a crash at one boundary, none where `at` is 0."""
    reaper = Twice(at=at, again=again)
    stage = Stage(story, library, reaper)
    outcome = stage.run()
    del reaper.kinds[stage.boundaries :]  # what comes behind the story is the same in all of them
    return reaper, tuple(outcome.violations), outcome.transcript


def run(
    library: LibraryName = "auto",
    *,
    step: int = 1,
    first: int = 1,
    pairs: bool = False,
    report: TextIO | None = None,
) -> Result:
    """Crash at every boundary of every story, or at every `step`-th from `first` on."""
    result = Result()
    for story in STORIES:
        calm, violations, _ = tell(story, library)
        result.boundaries[story.name] = len(calm.kinds)
        result.kinds.update(calm.kinds)
        if violations:
            result.failures.append(Failure(story.name, 0, "no crash", violations))
        for at in range(first, len(calm.kinds) + 1, step):
            for again in (0, *SECOND_CRASH) if pairs else (0,):
                _, violations, _ = tell(story, library, at, again)
                result.crashes += 1
                if violations:
                    kind = calm.kinds[at - 1]
                    result.failures.append(Failure(story.name, at, kind, violations, again))
                    if report is not None:
                        print(f"{story.name!r}, crash at {at} ({kind}): {violations[0]}", file=report)
            if report is not None and report.isatty():
                print(f"\r{story.name}: {at}/{len(calm.kinds)} ", end="", file=report)
    return result
