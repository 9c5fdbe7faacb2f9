"""The loop: pull an event, let the engine process it. The same for backtest, paper and live."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from livetrader_engine.data.merge import Step
from livetrader_engine.engine import Engine
from livetrader_engine.events import EngineEvent, StopRequested
from livetrader_engine.ports import DataFeed

LOOK_EVERY: Final = 64  # events between two looks of `run_ahead`
COLLECT_EVERY: Final = 20_000  # objects made, less those gone, between two looks for garbage in cycles


class ReadyFeed(DataFeed, Protocol):
    """A feed that has the next steps at hand."""

    @property
    def ready(self) -> Iterator[Step]:
        """The next steps, as far as they are at hand; another one after every `next` and `subscribe`."""
        ...


def run(engine: Engine, feed: DataFeed, completed: Callable[[EngineEvent], None]) -> None:
    """Process events until the engine has ended or the feed has no more.

    `completed` is called after each event, in the engine's thread: live it answers the supervisor. Exceptions
    of the algorithm end the loop and reach the caller as they are.
    """
    while not engine.ended:
        event = feed.next()
        if event is None:
            return
        engine.process(event)
        completed(event)


def run_ahead(engine: Engine, feed: ReadyFeed, look: Callable[[], None]) -> None:
    """Do what `run` does with a feed that has its steps at hand, and call nothing in between: backtests.

    `look` is called every LOOK_EVERY events: to show how far time has come. Heeds `engine.quit_reason`.
    """
    with _collector_at_ease():
        _run_ahead(engine, feed, look)


@contextmanager
def _collector_at_ease() -> Iterator[None]:
    """Have garbage in cycles looked for less often: data are many objects and make none.

    What is there is not looked at any more until the end; then all is as it was.
    """
    before = gc.get_threshold()
    gc.freeze()
    if before[0]:  # whoever turned it off wants it off
        gc.set_threshold(max(COLLECT_EVERY, before[0]), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _run_ahead(engine: Engine, feed: ReadyFeed, look: Callable[[], None]) -> None:
    step = engine.step
    left = LOOK_EVERY
    while not engine.ended:
        if engine.quit_reason is not None:
            engine.process(StopRequested(engine.clock.now_ns, engine.quit_reason))
            return
        ready = feed.ready
        for time_ns, points, internal in ready:
            step(time_ns, points, internal)
            left -= 1
            if not left:
                left = LOOK_EVERY
                look()
            if feed.ready is not ready or engine.ended or engine.quit_reason is not None:
                break
        else:
            following = feed.next()
            if following is None:
                return
            engine.process(following)
            left = max(left - 1, 1)  # the next step looks
