"""What is asked of feeds because of what a look found, by tasks of their own: nothing there waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from livetrader.feeds.board import Board, Source, Stream
from livetrader.feeds.gaps import Bar
from livetrader_engine.data.subscription import Subscription

ASK_LIMIT_S: Final = 30.0  # for a plugin to take a subscription

HandOn = Callable[[Callable[[], Iterable[tuple[Stream, Sequence[Bar]]]]], Coroutine[object, object, None]]


class Ask(NamedTuple):
    """Something to ask a feed for."""

    source: Source
    subscription: Subscription
    what: str  # subscribe, unsubscribe or renew


@dataclass(slots=True)
class Due:
    """What a look has found to do."""

    asks: list[Ask] = field(default_factory=list)
    bars: list[tuple[Stream, Callable[[], Sequence[Bar]]]] = field(default_factory=list)


class ErrandPorts(Protocol):
    """What of the chain's ports is used here."""

    @property
    def spawn(self) -> Callable[[str, Coroutine[object, object, None]], None]: ...
    @property
    def report(self) -> Callable[..., None]: ...


class Errands:
    """Collects what is to be asked and handed on, and starts it. Belongs to the loop's thread."""

    def __init__(self, board: Board, ports: ErrandPorts, hand_on: HandOn) -> None:
        self._board = board
        self._ports = ports
        self._hand_on = hand_on
        self._due = Due()

    def ask(self, source: Source, stream: Stream, what: str) -> None:
        """Have a feed asked to subscribe, unsubscribe or renew a stream."""
        self._due.asks.append(Ask(source, stream.subscription, what))

    def hand_on(self, stream: Stream, bars: Callable[[], Sequence[Bar]]) -> None:
        """Have bars handed on; `bars` is called in its turn."""
        self._due.bars.append((stream, bars))

    def start(self) -> None:
        """Hand what was found to do to tasks of its own."""
        due, self._due = self._due, Due()
        by_source: dict[int, list[Ask]] = {}
        for ask in due.asks:
            by_source.setdefault(ask.source.index, []).append(ask)
        for index, asks in by_source.items():
            name = self._board.sources[index].name
            self._ports.spawn(f"feed {name} streams", self._carry_out(asks))
        if due.bars:
            made = due.bars
            self._ports.spawn(
                "feed held bars",
                self._hand_on(lambda: [(stream, bars()) for stream, bars in made]),
            )

    async def _carry_out(self, asks: Sequence[Ask]) -> None:
        """Ask one feed for what is wanted of it, in order."""
        for source, subscription, what in asks:
            session = source.session
            try:
                async with asyncio.timeout(ASK_LIMIT_S):
                    if what == "subscribe":
                        await session.subscribe(subscription)
                    elif what == "unsubscribe":
                        await session.unsubscribe(subscription)
                    elif source.watched is not None and subscription in session.subscriptions:
                        problem = await session.guarded("renew", source.watched.renew(subscription))
                        if problem:
                            self._ports.report("stream_not_renewed", feed=source.name, error=problem)
            except TimeoutError:
                self._ports.report("feed_slow", level="warning", feed=source.name, asked=what)
