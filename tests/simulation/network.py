"""TCP in memory: ordered bytes, late, in pieces, and sometimes into nothing.

A connection is two directions, each first in, first out. What a process wrote before it died still arrives;
then the other side hears of the end. A partition holds back what is written until it heals, as TCP sends
again; a half-open connection swallows everything for ever and tells nobody. While nothing gets through, the
kernel may be full: then bytes stay with the process that wrote them, and die with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Protocol

from tests.simulation.loop import VirtualLoop
from tests.simulation.process import PROCESS, boundary

STEP_S: Final = 1e-6  # between two pieces of one direction: keeps their order
GIVEN_UP_S: Final = (
    45.0  # until the venue ends a connection that is half-open; the client id is taken so long
)
UNREACHED_S: Final = 120.0  # a connection that nobody answers is given up by the kernel
FULL_PROBABILITY: Final = 0.3  # that the kernel takes no more while nothing gets through


class Listener(Protocol):
    """The far end: what listens on a port."""

    @property
    def accepts(self) -> bool:
        """Whether the port is open."""
        ...

    def opened(self, wire: Wire) -> None:
        """A client has connected."""
        ...

    def received(self, wire: Wire, data: bytes) -> None:
        """Bytes came."""
        ...

    def lost(self, wire: Wire) -> None:
        """The connection ended."""
        ...


@dataclass(slots=True)
class Conditions:
    """How the lines are. Owned by the weather."""

    latency_s: tuple[float, float] = (0.0005, 0.004)
    spike_probability: float = 0.0  # of a piece that has to be sent again
    spike_s: tuple[float, float] = (0.2, 5.0)
    fragment_probability: float = 0.0
    half_open_probability: float = 0.0  # of a new connection, that it will be after a while
    half_open_after_s: tuple[float, float] = (5.0, 600.0)
    partition_until_s: float = 0.0


@dataclass(slots=True)
class _Direction:
    """One way of a connection."""

    last_s: float = 0.0


class Network:
    """Connects processes to listeners. Owned by the world."""

    def __init__(self, loop: VirtualLoop, random: Random, kernel: Random | None = None) -> None:
        self.loop = loop
        self.random = random
        self.kernel = kernel or Random(0)
        self.conditions = Conditions()
        self.listeners: dict[int, Listener] = {}
        self.wires: dict[int, Wire] = {}
        self.made = 0

    async def connect(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Connect to a listener. Raises ConnectionRefusedError or TimeoutError as a kernel does."""
        boundary("connect")
        healed_s = self.conditions.partition_until_s - self.loop.time()
        waited_s = max(self.latency_s() + self.latency_s(), healed_s)
        await asyncio.sleep(min(waited_s, UNREACHED_S))
        if waited_s > UNREACHED_S:
            raise TimeoutError(110, f"Connect call failed ('{host}', {port})")
        listener = self.listeners.get(port)
        if listener is None or not listener.accepts:
            raise ConnectionRefusedError(111, f"Connect call failed ('{host}', {port})")
        self.made += 1
        wire = Wire(self.made, self, listener, factory())
        self.wires[wire.number] = wire
        wire.begin()
        return wire, wire.protocol

    def latency_s(self) -> float:
        """Return how long a piece takes."""
        now = self.conditions
        seconds = self.random.uniform(*now.latency_s)
        if now.spike_probability and self.random.random() < now.spike_probability:
            seconds += self.random.uniform(*now.spike_s)
        return seconds

    def arrival_s(self, way: _Direction) -> float:
        """Return when the next piece of a direction arrives."""
        sent_s = max(self.loop.time(), self.conditions.partition_until_s)
        way.last_s = max(way.last_s + STEP_S, sent_s + self.latency_s())
        return way.last_s

    def pieces(self, data: bytes) -> list[bytes]:
        """Cut bytes at random places, mostly not at all."""
        if len(data) < 2 or self.random.random() >= self.conditions.fragment_probability:
            return [data]
        cuts = sorted({self.random.randrange(1, len(data)) for _ in range(self.random.randint(1, 4))})
        return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@dataclass(eq=False)
class Wire(asyncio.Transport):
    """One connection, seen from the client: its transport."""

    number: int
    network: Network
    listener: Listener
    protocol: asyncio.Protocol
    up: _Direction = field(default_factory=_Direction)
    down: _Direction = field(default_factory=_Direction)
    closing: bool = False  # by the client
    ended: bool = False  # at the venue
    told: bool = False  # the client's protocol knows that it is over
    swallows: bool = False  # half-open
    held: list[bytes] = field(default_factory=list)  # written, and not taken by the kernel
    context: Context = field(default_factory=copy_context)

    def __post_init__(self) -> None:
        super().__init__()
        process = self.context.get(PROCESS)
        if process is not None:
            process.at_death.append(self.kernel_close)

    def begin(self) -> None:
        """Tell both sides that they are connected."""
        now, chance = self.network.conditions, self.network.random
        self.network.loop.call_soon(self.protocol.connection_made, self, context=self.context)
        self._at(self.up, self.listener.opened, self)
        if now.half_open_probability and chance.random() < now.half_open_probability:
            self.network.loop.call_later(
                chance.uniform(*now.half_open_after_s), self.go_half_open, context=Context()
            )

    # -- the client's side --------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Hand bytes to the kernel."""
        boundary("socket write")
        if not self.closing and not self.told:
            for piece in self.network.pieces(bytes(data)):
                if self.held or self._is_full():
                    self._hold(piece)
                else:
                    self._at(self.up, self._arrive, piece)
        boundary("socket written")

    def _is_full(self) -> bool:
        now_s, healed_s = self.network.loop.time(), self.network.conditions.partition_until_s
        return (self.swallows or healed_s > now_s) and self.network.kernel.random() < FULL_PROBABILITY

    def _hold(self, piece: bytes) -> None:
        """Keep bytes with the process until the line heals."""
        self.held.append(piece)
        if len(self.held) == 1:
            healed_s = max(self.network.conditions.partition_until_s, self.network.loop.time())
            self.network.loop.call_at(healed_s, self._release, context=Context())

    def _release(self) -> None:
        if self.swallows:
            return
        held, self.held = self.held, []
        if not self.closing and not self.told:
            for piece in held:
                self._at(self.up, self._arrive, piece)

    def write_eof(self) -> None:
        """Do nothing: `close` follows at once."""

    def can_write_eof(self) -> bool:
        """Return True."""
        return True

    def is_closing(self) -> bool:
        """Return whether it is over, or about to be."""
        return self.closing or self.told

    def close(self) -> None:
        """Send the end after what was written."""
        if not self.closing:
            self.closing = True
            self._at(self.up, self._end_at_venue)
            self._tell(None)

    def abort(self) -> None:
        """Close at once."""
        self.close()

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the kernel has not taken."""
        return sum(map(len, self.held))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing: nobody is told to pause."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the addresses."""
        return {"peername": ("127.0.0.1", 0), "sockname": ("127.0.0.1", self.number)}.get(name, default)

    def kernel_close(self) -> None:
        """End as the kernel ends the connections of a dead process: what was written still arrives."""
        if not self.closing:
            self.closing = True
            self._at(self.up, self._end_at_venue)

    # -- the venue's side ---------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send bytes to the client."""
        if data and not self.ended:
            for piece in self.network.pieces(data):
                self._at(self.down, self._deliver, piece, context=self.context)

    def finish(self) -> None:
        """End after what was sent, as a server that closes."""
        if not self.ended:
            self.ended = True
            self.network.wires.pop(self.number, None)
            self._at(self.down, self._hear_end, context=self.context)

    # -- the line's side ----------------------------------------------------------------------------

    def reset(self) -> None:
        """Break: both sides hear of it, and what was under way is lost."""
        self.swallows = True
        error = ConnectionResetError(104, "reset by peer")
        self.network.loop.call_soon(self._tell, error, context=self.context)
        self.network.loop.call_soon(self._end_at_venue, True, context=Context())

    def go_half_open(self) -> None:
        """Swallow everything from now on, and tell nobody; the venue gives up after a while."""
        self.swallows = True
        self.network.loop.call_later(GIVEN_UP_S, self._end_at_venue, True, context=Context())

    def _at(
        self, way: _Direction, action: Callable[..., None], *said: object, context: Context | None = None
    ) -> None:
        when_s = self.network.arrival_s(way)
        self.network.loop.call_at(when_s, action, *said, context=context or Context())

    def _arrive(self, data: bytes) -> None:
        if not self.swallows and not self.ended:
            self.listener.received(self, data)

    def _end_at_venue(self, broken: bool = False) -> None:
        if (broken or not self.swallows) and not self.ended:
            self.ended = True
            self.network.wires.pop(self.number, None)
            self.listener.lost(self)

    def _deliver(self, data: bytes) -> None:
        if not self.swallows and not self.closing and not self.told:
            boundary("socket read")
            self.protocol.data_received(data)

    def _hear_end(self) -> None:
        if not self.swallows and not self.closing:
            self.protocol.eof_received()
            self.closing = True
            self._tell(None)

    def _tell(self, error: Exception | None) -> None:
        if not self.told:
            self.told = True
            self.network.loop.call_soon(self.protocol.connection_lost, error, context=self.context)
