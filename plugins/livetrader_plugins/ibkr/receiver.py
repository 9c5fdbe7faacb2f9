"""Stands where the library's Wrapper stands: hands every decoded message on, keeps nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, tzinfo
from functools import partial
from typing import Final, NamedTuple


class Message(NamedTuple):
    """One decoded message: the name of its callback in the TWS API, and what came with it."""

    name: str
    arguments: tuple[object, ...]


Sink = Callable[[Message], None]


class _Zone:
    """The part of the library's IB class that its decoder asks: which zone times without one are in."""

    def __init__(self, name: str) -> None:
        self.TimezoneTWS = name


class Receiver:
    """A wrapper in the library's sense: any callback becomes a Message for the sink.

    The decoder finds the callbacks by name, so they are made when they are asked for. It has no state.
    """

    defaultTimezone: Final[tzinfo] = UTC
    # The client looks for these and does without.
    tcpDataArrived = None
    tcpDataProcessed = None

    def __init__(self, sink: Sink, timezone: str) -> None:
        self._sink = sink
        self.ib = _Zone(timezone)

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("_"):
            raise AttributeError(name)
        method = partial(self._receive, name)
        setattr(self, name, method)
        return method

    def _receive(self, name: str, *arguments: object) -> None:
        self._sink(Message(name, arguments))
