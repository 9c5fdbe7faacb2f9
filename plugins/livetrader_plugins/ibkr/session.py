"""One connection to TWS: open, request, stream, end. The library's wire under rules of our own.

Rule 1: silence is never an answer. A request is answered up to its end marker or raises VenueError.
Rule 2: nothing is dropped. What cannot be decoded, is too long, or comes too late to be told from the next
answer makes the session suspect: it ends, and its owner reads the account anew in the next one.
Rule 3: an order is never queued. It goes to the socket at once, or raises VenueError and surely did not go.

The session does not reconnect and knows nothing of accounts or orders. It is used from one loop.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, NamedTuple, cast

from livetrader_engine.spi import Context, VenueError
from livetrader_plugins.ibkr import codes
from livetrader_plugins.ibkr.identifiers import FIRST_REQUEST_ID
from livetrader_plugins.ibkr.library import Library
from livetrader_plugins.ibkr.link import LinkState, after
from livetrader_plugins.ibkr.questions import Questions, settle
from livetrader_plugins.ibkr.receiver import Message, Receiver, Sink
from livetrader_plugins.ibkr.requests import CURRENT_TIME, KEYED, Request
from livetrader_plugins.ibkr.sending import Sender
from livetrader_plugins.ibkr.throttle import PER_SECOND, Throttle
from livetrader_plugins.ibkr.wire import make_client
from livetrader_plugins.sdk.venue_clock import VenueClock

WORDS_KEPT: Final = 8  # of what TWS said while opening, for the message when it fails
ENDED: Final = "sessionEnded"  # the last message that a listener hears; it comes with the reason


class Address(NamedTuple):
    """Where TWS listens, and as whom we call."""

    host: str
    port: int
    client_id: int


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a session waits, in seconds, and how many messages a second it sends at most."""

    connect_s: float = 30.0
    request_s: float = 30.0
    heartbeat_s: float = 15.0
    heartbeat_answer_s: float = 10.0
    messages_per_second: int = PER_SECOND


class TwsSession:
    """One socket under one client id. Mutable state: the socket, what is asked, the link.

    `accounts`, `first_order_id` and `server_version` are set by `open`. `link` is what TWS said about its
    line to IB and its farms. `why_ended` is "" while the session lives.
    """

    def __init__(
        self,
        library: Library,
        address: Address,
        context: Context,
        patience: Patience | None = None,
        timezone: str = "UTC",
    ) -> None:
        """Prepare a session; nothing connects before `open`."""
        self.library = library
        self.address = address
        self.accounts: tuple[str, ...] = ()
        self.first_order_id = 0
        self.server_version = 0
        self.link = LinkState()
        self.link_lost_s = 0.0  # monotonic time at which the link was lost last
        self.why_ended = ""
        self._patience = patience or Patience()
        self.clock = VenueClock()
        self._now_ns = context.now_ns
        self._monotonic_s = context.monotonic_s
        self._client = make_client(library, Receiver(self._receive, timezone), self._suspect, self._lost)
        throttle = Throttle(context.monotonic_s, self._patience.messages_per_second)
        self._sender = Sender(self._client, throttle, self._check_alive, self._end)
        patience_s = self._patience.request_s
        self._questions = Questions(self._sender, self._monotonic_s, patience_s, self._end)
        self._listeners: list[Sink] = []
        self._streams: dict[int, Sink] = {}
        self._next_request_id = FIRST_REQUEST_ID
        self._ready: asyncio.Future[None] | None = None
        self._ended = asyncio.Event()
        self._said: list[str] = []  # by TWS while opening

    # The socket.

    async def open(self) -> None:
        """Connect, shake hands, learn accounts and the next order id. Raises VenueError with the remedy."""
        host, port, client_id = self.address
        self._ready = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._patience.connect_s):
                await self._client.dial(host, port, client_id)
                await self._ready
        except TimeoutError as error:
            self._end("TWS did not finish the login of the API")
            raise VenueError(
                f"TWS at {host}:{port} did not answer within {self._patience.connect_s:g} s: it may wait for "
                f"a login, a second factor or a dialog; look at its window{self._words()}"
            ) from error
        except OSError as error:
            self._end("not connected")
            raise VenueError(
                f"nothing accepts connections at {host}:{port} ({error}): TWS or IB Gateway is not running, "
                "waits for its login or second factor, or has its API switched off"
            ) from error
        except BaseException:
            self._end("not connected")
            raise
        finally:
            self._ready = None
        self.accounts = tuple(self._client.getAccounts())
        self.server_version = self._client.serverVersion()

    async def close(self) -> None:
        """End the session; idempotent."""
        self._end("closed")

    def end(self, why: str) -> None:
        """End the session for a reason; idempotent. Everything that waits raises VenueError."""
        self._end(why)

    async def ended(self) -> str:
        """Return why the session ended, when it has."""
        await self._ended.wait()
        return self.why_ended

    async def beat(self) -> None:
        """Ask for the time again and again, also while the link is down; end the session without an answer.

        Returns when the session has ended. Whoever opened the session spawns this.
        """
        while not self.why_ended:
            try:
                async with asyncio.timeout(self._patience.heartbeat_s):
                    await self._ended.wait()
            except TimeoutError:
                await self._beat_once()

    async def _beat_once(self) -> None:
        wait_s = self._patience.heartbeat_answer_s
        try:
            await self.ask_time(wait_s, urgent=True)  # however much data is asked
        except VenueError as error:
            self._end(f"the heartbeat failed: {error}")

    # Asking.

    async def ask_time(self, wait_s: float | None = None, *, urgent: bool = False) -> VenueClock:
        """Ask TWS for its time; return how the clocks compare by now."""
        asked_ns = self._now_ns()
        (row,) = await self.request(CURRENT_TIME, wait_s=wait_s, urgent=urgent)
        self.clock.told(asked_ns, self._now_ns(), cast(int, row.arguments[0]))
        return self.clock

    def request_id(self) -> int:
        """Return a fresh id of a request or stream; never one of an order."""
        number, self._next_request_id = self._next_request_id, self._next_request_id + 1
        return number

    async def request(
        self, request: Request, *arguments: object, wait_s: float | None = None, urgent: bool = False
    ) -> list[Message]:
        """Ask and collect until the end marker; `urgent` where an order waits for the answer.

        For a keyed request the id is made here and put first. Raises VenueError where the answer does not end
        in time, TWS refuses, or the session ends: never an empty list for silence.
        """
        self._check_alive()
        key = (self.request_id(),) if request.keyed else ()
        return await self._questions.ask(request, (*key, *arguments), wait_s, urgent=urgent)

    def stream(self, request_id: int, sink: Sink) -> None:
        """Hand every message with this id to a sink, errors as `error`(id, code, text, json)."""
        self._streams[request_id] = sink

    def unstream(self, request_id: int) -> None:
        """Hand them over no longer; idempotent."""
        self._streams.pop(request_id, None)

    def listen(self, sink: Sink) -> None:
        """Hand what belongs to no keyed request and no stream to this sink too; at last, ENDED with why."""
        self._listeners.append(sink)

    # Sending.

    async def send(self, method: str, *arguments: object) -> None:
        """Call a method of the library's Client when the message limit allows; data, never orders."""
        await self._sender.send(method, arguments)

    async def send_order(self, method: str, *arguments: object) -> None:
        """Send an order, a change or a cancel ahead of everything else; return when the socket has it.

        One after the other, as they were asked for: TWS refuses an order id below the highest it has seen.
        Raises VenueError where it surely was not sent, OutcomeUnknownError where nobody knows.
        """
        await self._sender.send_order(method, arguments)

    def _check_alive(self) -> None:
        if self.why_ended:
            raise VenueError(f"not sent: the session with TWS has ended: {self.why_ended}")

    # Hearing. All of this is called by the library, within `data_received`.

    def _receive(self, message: Message) -> None:
        if self.why_ended:
            return
        if message.name == "error":
            self._hear_error(message)
        elif message.name in KEYED:
            self._hear_keyed(message)
        else:
            self._hear(message)

    def _hear(self, message: Message) -> None:
        if message.name == "nextValidId":
            self.first_order_id = cast(int, message.arguments[0])
        if self._ready is not None and self._client.isReady() and not self._ready.done():
            self._ready.set_result(None)
        self._questions.hear(message)
        self._tell(message)

    def _hear_keyed(self, message: Message) -> None:
        number = cast(int, message.arguments[0])
        if self._questions.hear_keyed(number, message):
            return
        stream = self._streams.get(number)
        if stream is not None:
            stream(message)
        elif number < FIRST_REQUEST_ID:
            self._tell(message)  # an execution that nobody asked for; answers nobody waits for are dropped

    def _hear_error(self, message: Message) -> None:
        number, code, text = cast(tuple[int, int, str], message.arguments[:3])
        losses = self.link.losses
        self.link = after(self.link, code, text)
        if self.link.losses != losses:
            self.link_lost_s = self._monotonic_s()
        if self._ready is not None and len(self._said) < WORDS_KEPT:
            self._said.append(f"{code} {text}")
        if code == codes.CLIENT_ID_IN_USE:
            self._end(self._taken())
        elif not self._questions.hear_error(number, code, text):
            self._streams.get(number, self._tell)(message)
        if code == codes.MESSAGE_RATE and self._questions.waiting:
            self._end("TWS dropped a message (100), and a question that it never heard is never answered")

    def _tell(self, message: Message) -> None:
        for listener in tuple(self._listeners):
            listener(message)

    # Ending.

    def _taken(self) -> str:
        return (
            f"client id {self.address.client_id} is in use (326): stop the other program that uses it, or "
            "give this one its own client_id; after a crash TWS frees it within a minute or so"
        )

    def _words(self) -> str:
        return f" (it said: {'; '.join(self._said)})" if self._said else ""

    def _suspect(self, why: str) -> None:
        self._end(f"it cannot be trusted any more: {why}")

    def _lost(self, why: str) -> None:
        self._end(why or "TWS closed the connection")

    def _end(self, why: str) -> None:
        if self.why_ended:
            return
        self.why_ended = why
        self._ended.set()
        self._client.disconnect()
        error = VenueError(f"the session with TWS ended: {why}")
        if self._ready is not None:
            settle(self._ready, error)
        self._questions.fail(error)
        self._tell(Message(ENDED, (why,)))
