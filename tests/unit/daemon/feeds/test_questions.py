"""Questions to a history that hangs: bounded, and nobody waits for them at the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

from livetrader.feeds.board import Board
from livetrader.feeds.counting import FeedCounts
from livetrader.feeds.questions import HANGING_MOST, Questions
from livetrader.settings import FreshnessSettings
from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.subscription import HistoryRequest, Subscription
from livetrader_engine.symbols import Resolution

from .scene import SPY, START_NS


class Hanging:
    """A history whose vendor says nothing until `answers` is set."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.asked: list[threading.Thread] = []

    def history(self, request: HistoryRequest) -> Iterator[MarketPoint]:
        self.asked.append(threading.current_thread())
        self.answers.wait()
        return iter(())


class Ports:
    """What Questions wants of the chain."""

    def __init__(self, history: Hanging) -> None:
        self.history = history
        self.rules = FreshnessSettings(history_limit_s=0.01)
        self.log: list[object] = []

    def spawn(self, name: str, coroutine: object) -> None:
        raise AssertionError("nothing is spawned here")

    def now_ns(self) -> int:
        return START_NS

    def report(self, action: str, **fields: object) -> None:
        self.log.append(fields["error"])


def test_of_questions_that_hang_there_are_only_so_many_and_none_holds_the_end_up() -> None:
    history = Hanging()
    ports, counts = Ports(history), FeedCounts()

    async def hand_on(make: object) -> None:
        raise AssertionError("nothing is handed on here")

    async def body() -> None:
        questions = Questions(Board(()), ports, counts, hand_on)  # type: ignore[arg-type]  # all that is asked
        subscription = Subscription(SPY, Resolution.MINUTE)
        for _ in range(HANGING_MOST + 3):
            assert await questions._ask(subscription, 0, START_NS) == (None, True)
        assert len(history.asked) == counts.history_questions == HANGING_MOST
        assert counts.history_failures == HANGING_MOST + 3
        assert all(thread.daemon for thread in history.asked), "the interpreter would wait for it"
        history.answers.set()
        for thread in history.asked:
            thread.join()
        ports.rules = FreshnessSettings()
        assert await questions._ask(subscription, 0, START_NS) == (None, False), "it never had any"

    asyncio.run(body())
