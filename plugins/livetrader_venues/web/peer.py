"""What the peers of vendors have in common: a house that listens on loopback, and what tests do to any."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from livetrader_venues.stockmarket.clocks import Clock, ManualClock
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.web.faults import Faults
from livetrader_venues.web.server import LOOPBACK, PATIENCE_S, House, Server


class Vendor(House, Protocol):
    """A house of which things can go wrong."""

    faults: Faults


VendorT = TypeVar("VendorT", bound=Vendor)


class VendorPeer(Generic[VendorT]):
    """A vendor that listens on loopback. It belongs to the loop that entered it."""

    def __init__(self, house: VendorT, market: Market, clock: Clock, port: int) -> None:
        self.house = house
        self.market = market
        self.clock = clock
        self.faults = house.faults
        self._server = Server(house, clock=clock, port=port)

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError where the port is taken."""
        await self._server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything. Raises what failed inside."""
        await self._server.__aexit__(kind, error, trace)

    @property
    def port(self) -> int:
        """Return the port, the same while the peer lives."""
        return self._server.port

    @property
    def host(self) -> str:
        """Return address and port."""
        return f"{LOOPBACK}:{self._server.port}"

    @property
    def url(self) -> str:
        """Return the base of what is asked over HTTP."""
        return f"http://{self.host}"

    def move(self, seconds: float) -> None:
        """Let time pass on a ManualClock; what became due is written when this returns."""
        assert isinstance(self.clock, ManualClock), "only a ManualClock is moved by hand"
        self.clock.move(seconds)
        self._server.wake()

    def wake(self) -> None:
        """Do what is due by the clock, after somebody else moved it."""
        self._server.wake()

    async def until(self, probe: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
        """Wait for clients to do something until a probe is true. Raises TimeoutError."""
        await self._server.until(probe, patience_s)
