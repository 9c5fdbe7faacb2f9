"""Questions to TWS and their answers, each up to its end marker: silence is never an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from livetrader_engine.spi import VenueError
from livetrader_plugins.ibkr.codes import Meaning, Subject, meaning_of
from livetrader_plugins.ibkr.receiver import Message
from livetrader_plugins.ibkr.requests import Request
from livetrader_plugins.ibkr.sending import Sender


class RefusedError(VenueError):
    """TWS has answered a request with an error; `code` says which."""

    def __init__(self, method: str, code: int, text: str) -> None:
        super().__init__(f"{method} failed: {code} {text}")
        self.code = code


@dataclass(slots=True)
class _Pending:
    """A request that waits for its end marker. Nobody may wait for it any more: it is waited out."""

    request: Request
    done: asyncio.Future[None]
    asked_s: float = 0.0  # monotonic
    rows: list[Message] = field(default_factory=list)


class Questions:
    """What one session has asked and not been answered. Owned by the session, which ends through `end`.

    `patience_s`: so long may an unkeyed one that nobody waits for any more block the next of its kind.
    """

    def __init__(
        self,
        sender: Sender,
        monotonic_s: Callable[[], float],
        patience_s: float,
        end: Callable[[str], None],
    ) -> None:
        self._sender = sender
        self._monotonic_s = monotonic_s
        self._patience_s = patience_s
        self._end = end
        self._keyed: dict[int, _Pending] = {}
        self._unkeyed: dict[str, _Pending] = {}  # by the name of the end marker
        self._locks: dict[str, asyncio.Lock] = {}

    async def ask(
        self, request: Request, arguments: tuple[object, ...], wait_s: float | None, *, urgent: bool
    ) -> list[Message]:
        """See TwsSession.request; the first argument of a keyed request is its id."""
        patience_s = self._patience_s if wait_s is None else wait_s
        if request.keyed:
            return await self._asked(request, arguments, patience_s, urgent=urgent)
        async with self._locks.setdefault(request.end, asyncio.Lock()):
            return await self._asked(request, arguments, patience_s, urgent=urgent)

    async def _asked(
        self, request: Request, arguments: tuple[object, ...], wait_s: float, *, urgent: bool
    ) -> list[Message]:
        pending = _Pending(request, asyncio.get_running_loop().create_future())
        number = cast(int, arguments[0]) if request.keyed else 0
        try:
            async with asyncio.timeout(wait_s):
                await self._wait_out(request)
                await self._sender.allowed(order=urgent)
                pending.asked_s = self._monotonic_s()
                if request.keyed:  # only now: what was never sent has no end to be waited for
                    self._keyed[number] = pending
                else:
                    self._unkeyed[request.end] = pending
                self._sender.write(request.method, arguments)
                await asyncio.shield(pending.done)
        except TimeoutError as error:
            why = f"{request.method} was not answered to its end within {wait_s:g} s"
            if not request.keyed:  # its end marker, come late, would end the next one in the middle
                self._end(why)
            raise VenueError(why) from error
        finally:
            if request.keyed:
                self._keyed.pop(number, None)
        if request.cancel:
            await self._sender.send(request.cancel, (number,) if request.keyed else (), urgent=urgent)
        return pending.rows

    async def _wait_out(self, request: Request) -> None:
        """Wait for the end marker of an earlier one that nobody waits for any more; not for ever."""
        earlier = None if request.keyed else self._unkeyed.get(request.end)
        if earlier is None:
            return  # callers may be less patient than we are and give up each time: the session still ends
        left_s = earlier.asked_s + self._patience_s - self._monotonic_s()
        try:
            async with asyncio.timeout(left_s):
                await asyncio.shield(earlier.done)
        except TimeoutError as error:
            why = f"{request.method} was not answered to its end within {self._patience_s:g} s"
            self._end(why)
            raise VenueError(why) from error

    # Answers. Called within `data_received`.

    def hear(self, message: Message) -> None:
        """Take in a message without an id: it may be a row, or the end, of what was asked without one."""
        for pending in tuple(self._unkeyed.values()):
            if message.name in pending.request.rows:
                pending.rows.append(message)
            if message.name == pending.request.end:
                del self._unkeyed[message.name]
                settle(pending.done)

    def hear_keyed(self, number: int, message: Message) -> bool:
        """Take in a message with this id; return whether it belongs to a question."""
        pending = self._keyed.get(number)
        if pending is None:
            return False
        if message.name in pending.request.rows:
            pending.rows.append(message)
        if message.name == pending.request.end:
            settle(pending.done)
        return True

    def hear_error(self, number: int, code: int, text: str) -> bool:
        """Take in an error with this id; return whether it belongs to a question."""
        pending = self._keyed.get(number)
        if pending is None:
            return False
        if meaning_of(code, Subject.REQUEST) in {Meaning.FAILED, Meaning.UNKNOWN}:
            settle(pending.done, RefusedError(pending.request.method, code, text))
        return True

    @property
    def waiting(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._keyed or self._unkeyed)

    def fail(self, error: VenueError) -> None:
        """Let everybody who waits have this error."""
        for pending in (*self._keyed.values(), *self._unkeyed.values()):
            settle(pending.done, error)
        self._unkeyed.clear()


def settle(future: asyncio.Future[None], error: VenueError | None = None) -> None:
    """Let whoever waits go on, with an error where there is one. Harmless where nobody waits any more."""
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
        future.exception()  # whoever waits raises it; nobody may be waiting
