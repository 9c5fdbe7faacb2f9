"""In place of an engine: its inbox, emptied as fast as it fills. Run by the daemon of bench/feed/ours.py.

Subscribes as an algorithm would, says READY, answers each step, beats; knows no algorithm. When the marker
has come it writes down when, and what it has seen, to the file that the parameters name.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from feed.frames import MARKER, tickers
from livetrader.ipc.messages import BEAT_INTERVAL_S, Beat, Initialized, StartEngine, StepCompleted, WarmedUp
from livetrader.worker.confinement import confine
from livetrader.worker.inbox import Inbox
from livetrader.worker.outbox import Outbox
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.events import MarketDataArrived, StopRequested, TimePulse
from livetrader_engine.symbols import Resolution, SecurityType, Symbol


def symbol_of(ticker: str) -> Symbol:
    """Return an equity that has always had this ticker."""
    return Symbol.create(f"{ticker} 2T", ticker, SecurityType.EQUITY, "usa")


def subscriptions(symbols: int, resolution: Resolution) -> list[Subscription]:
    """Return trades and quotes of every symbol, and the marker's trades."""
    wanted = [
        Subscription(symbol_of(name), resolution, kind, fill_forward=False, extended_market_hours=True)
        for name in tickers(symbols)
        for kind in (TickType.TRADE, TickType.QUOTE)
    ]
    marker = symbol_of(MARKER)
    ticks = [Subscription(marker, Resolution.TICK, kind, fill_forward=False) for kind in TickType][:2]
    return [*wanted, *ticks]


class Reader:
    """Everything there is of this process."""

    def __init__(self, connection: socket.socket) -> None:
        self._outbox = Outbox(connection)
        self._inbox = Inbox(connection, self._outbox, lambda: 0, lambda _: None)
        self._seen: Counter[str] = Counter()
        self._steps = 0

    def run(self) -> None:
        """Be the engine until asked to stop."""
        self._inbox.start()
        start = self._inbox.wait_for_start()
        threading.Thread(target=self._beats, daemon=True).start()
        wanted = subscriptions(int(start.parameters["symbols"]), Resolution[start.parameters["resolution"]])
        for subscription in wanted:
            self._inbox.subscribe(subscription)
        self._outbox.send(Initialized(None, "Inbox"))
        self._outbox.send(WarmedUp(0))
        self._read(start)

    def _read(self, start: StartEngine) -> None:
        marker, file = symbol_of(MARKER), Path(start.parameters["file"])
        while not isinstance(event := self._inbox.next(), StopRequested):
            self._steps += 1
            if isinstance(event, MarketDataArrived):
                for point in event.points:
                    self._seen[type(point).__name__] += 1
                if event.points[-1].symbol == marker or any(each.symbol == marker for each in event.points):
                    self._write(file)
            if isinstance(event, MarketDataArrived | TimePulse):
                self._outbox.send(StepCompleted(event.sequence, event.time_ns))

    def _write(self, file: Path) -> None:
        told = {
            "done_ns": time.monotonic_ns(), "conflated_in_engine": self._inbox.conflated,
            "steps": self._steps, "engine_cpu_s": time.process_time(), **self._seen,
        }  # fmt: skip
        file.with_suffix(".new").write_text(json.dumps(told))
        file.with_suffix(".new").rename(file)

    def _beats(self) -> None:
        pause = threading.Event()
        while not pause.wait(BEAT_INTERVAL_S):
            self._outbox.send_urgent(Beat(None, self._steps, False, 0.0, 0.0, self._inbox.conflated))


if __name__ == "__main__":
    confine(int(sys.argv[3]), int(sys.argv[2]))
    Reader(socket.socket(fileno=int(sys.argv[1]))).run()
