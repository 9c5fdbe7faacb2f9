"""The loop: pull an event, let the engine process it, say so. The same for backtest, paper and live."""

from __future__ import annotations

from collections.abc import Callable

from livetrader_engine.engine import Engine
from livetrader_engine.events import EngineEvent
from livetrader_engine.ports import DataFeed


def run(engine: Engine, feed: DataFeed, completed: Callable[[EngineEvent], None]) -> None:
    """Process events until the engine has ended or the feed has no more.

    `completed` is called after each event, in the engine's thread: live it answers the supervisor, in a
    backtest it may count. Exceptions of the algorithm end the loop and reach the caller as they are.
    """
    while not engine.ended:
        event = feed.next()
        if event is None:
            return
        engine.process(event)
        completed(event)
