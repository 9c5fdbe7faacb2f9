"""What goes wrong in a seeded run, and when. Every scene ends with everything well again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum
from random import Random

from livetrader_venues.polygon.peer import Peer
from livetrader_venues.stockmarket.clocks import new_york
from livetrader_venues.web.faults import WEATHER, Fault, Kind

WARM_S = 130.0  # of undisturbed market time before
CALM_S = 400.0  # and after: a proven quiet stream may have taught itself 240 s of patience
TROUBLE_S = (3.0, 200.0)
STREAMS_MOST = 6
UNFILLED_SHARE = 0.1  # of runs have no back-fill
WEATHER_SHARE = 0.05  # of events are delayed, repeated, out of order, each; other troubles are rarer

Say = Callable[[Peer], Awaitable[None]]


ONE_ALONE = 1012  # the close code that a seed drew says whether one symbol stands still with history, or all


class What(Enum):
    """The kinds of trouble."""

    MUTE_ONE = "one symbol is silent"
    MUTE_ALL = "all symbols are silent"
    FREEZE = "the socket stays open and says nothing, not even a pong"
    CLOSE = "the connection ends"
    CLOSE_AGAIN = "the connection ends, and again before the login is done"
    AWAY = "nobody listens"
    REFUSED = "a subscription is refused after a reconnect"
    STANDSTILL = "streams are silent, and history answers as if nothing were traded any more"
    WEATHER = "a little of everything"
    CLOSED_MARKET = "silence out of session"


@dataclass(frozen=True)
class Scene:
    """One run. Times in seconds from its start; `history` is what is wrong with REST meanwhile.

    `streams`: so many symbols are subscribed. `fills`: history is asked for what a feed did not bring.
    """

    seed: int
    what: What
    start_ns: int
    begin_s: float
    trouble_s: float
    code: int
    ticker: int
    streams: int
    history: tuple[Fault, ...] = ()
    fills: bool = True

    @property
    def end_s(self) -> float:
        """When everything is well again."""
        return self.begin_s + self.trouble_s

    @property
    def is_silent(self) -> bool:
        """Whether trades are lost without any sign."""
        return self.what in (What.MUTE_ONE, What.MUTE_ALL, What.FREEZE, What.STANDSTILL)

    def stands_still(self, tickers: list[str]) -> frozenset[str]:
        """Return the symbols that are silent while history stands still; the others go on without it."""
        if self.what is not What.STANDSTILL:
            return frozenset()
        return frozenset([tickers[self.ticker % len(tickers)]] if self.code == ONE_ALONE else tickers)

    @property
    def length_s(self) -> float:
        """How long the run is."""
        return self.end_s + CALM_S


def scene_of(seed: int) -> Scene:
    """Return the scene of a seed."""
    random = Random(seed)
    what = list(What)[seed % len(What)]
    start = "2025-06-16 20:30" if what is What.CLOSED_MARKET else f"2025-06-16 {10 + seed % 5}:{seed % 50:02}"
    return Scene(
        seed=seed,
        what=what,
        start_ns=new_york(start),
        begin_s=WARM_S + random.uniform(0, 60),
        trouble_s=random.uniform(*TROUBLE_S),
        code=random.choice((1000, 1001, 1006, 1012)),
        ticker=random.randrange(100),
        history=() if what is What.STANDSTILL else random.choice(_HISTORIES),
        streams=random.randint(1, STREAMS_MOST),
        fills=random.random() >= UNFILLED_SHARE,
    )


_HISTORIES = (
    (), (), (),
    (Fault(Kind.LAG, on="rest", count=0, by_s=20.0),),
    (Fault(Kind.STATUS, on="rest", count=0, code=500),),
    (Fault(Kind.STATUS, on="rest", count=3, code=429, retry_after_s=2.0),),
    (Fault(Kind.GARBAGE, on="rest", count=0, probability=0.5),),
    (Fault(Kind.DELAY, on="rest", count=0, by_s=3.0),),
    (Fault(Kind.CLOSE, on="rest", count=0, probability=0.5),),
    (Fault(Kind.TRUNCATE, on="rest", count=0, probability=0.5),),
)  # fmt: skip


async def trouble(scene: Scene, peer: Peer, tickers: list[str]) -> None:
    """Begin what goes wrong."""
    for fault in scene.history:
        peer.faults.add(fault)
    match scene.what:
        case What.MUTE_ONE:
            peer.mute(tickers[scene.ticker % len(tickers)])
        case What.MUTE_ALL | What.CLOSED_MARKET:
            peer.mute()
        case What.FREEZE:
            peer.freeze()
        case What.STANDSTILL:
            _stand_still(scene, peer, tickers)
        case What.CLOSE:
            peer.close(scene.code)
        case What.CLOSE_AGAIN:
            peer.faults.add(Fault(Kind.CLOSE, on="auth", count=1 + scene.seed % 3, code=scene.code))
            peer.close(scene.code)
        case What.AWAY:
            await peer.refuse_connections()
            peer.close(scene.code)
        case What.REFUSED:
            peer.faults.add(Fault(Kind.REFUSE, on="subscribe", count=1, text="not authorized"))
            peer.close(scene.code)
        case What.WEATHER:
            _weather(peer)


def _stand_still(scene: Scene, peer: Peer, tickers: list[str]) -> None:
    """Stop history, and with it one symbol or all; new connections are as silent as the old ones."""
    peer.stop_history()
    peer.mute(tickers[scene.ticker % len(tickers)] if scene.code == ONE_ALONE else None)
    if scene.code == 1006:
        peer.freeze()


def _weather(peer: Peer) -> None:
    for fault, rate in WEATHER:
        if fault.kind not in (Kind.MUTE, Kind.UNKNOWN):  # of one lost trade nobody can know
            peer.faults.add(replace(fault, probability=min(WEATHER_SHARE * rate, 1.0)))


async def relief(scene: Scene, peer: Peer) -> None:
    """End it."""
    peer.faults.clear()
    peer.unmute()
    peer.thaw()
    peer.resume_history()
    if scene.what is What.AWAY:
        await peer.refuse_connections(False)
