"""A WebSocket connection to one of Polygon's markets, as the session sees it.

Two of them: line_picows (ours, fast) and line_client (the official package, a fallback). Neither decides
anything: they carry frames, and say when and why they ended.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import NamedTuple, Protocol


class Address(NamedTuple):
    """Where to connect, and as whom."""

    host: str
    market: str
    tls: bool
    key: str

    @property
    def url(self) -> str:
        """The address of the market's stream."""
        return f"{'wss' if self.tls else 'ws'}://{self.host}/{self.market}"


Spawn = Callable[[str, Coroutine[object, object, None]], None]


class Ears(NamedTuple):
    """Who is told: `frames` some that were read, `turn` that the loop's turn has brought no more of them,
    `alive` of a pong, `ended` once, why.
    """

    frames: Callable[[list[bytes]], None]
    turn: Callable[[], None]
    alive: Callable[[], None]
    ended: Callable[[str], None]


class Line(Protocol):
    """One connection. Belongs to the loop's thread; used once."""

    async def open(self, address: Address, timeout_s: float) -> None:
        """Connect and ask to be let in; the answer comes as a frame. Raises VenueError with the remedy."""
        ...

    def send(self, action: str, topics: list[str]) -> None:
        """Subscribe to topics, or unsubscribe."""
        ...

    def ping(self) -> None:
        """Have the venue show that it is there: `alive` follows."""
        ...

    def close(self) -> None:
        """End it at once, and say nothing more; idempotent."""
        ...
