"""Watches for splits, dividends, delistings and new tickers, and has everybody hear of them in order.

    when                                   what
    -------------------------------------  -----------------------------------------------------------------
    start, before the brokerage connects   announcements since the last look: the account may have changed
    08:00 exchange time, each day          announcements of today and of the next session, as LEAN's live feed
    a symbol is new                        the same, at once
    midnight of an ex-date                 positions count in new shares; a simulated brokerage books it
    an engine is READY, and from then on   it is told: warnings to every engine, what happened to one only

What is held, ordered and subscribed is asked about, and what options that are held can be exercised into.
Everything is durable before anybody acts on it (journal/action_records.py); the account's part is in
gateway/corporate.py. Source of 08:00: LEAN's Common/Time.cs, LiveAuxiliaryDataOffset.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

import msgspec

from livetrader.daemon_threads import DaemonThreads
from livetrader.errors import JournalError
from livetrader.gateway.gateway import Gateway
from livetrader.journal.action_records import (
    ActionNoted,
    SplitApplied,
    is_warning,
    words_of,
)
from livetrader.supervisor.announcements import Announcements
from livetrader.telemetry.notifications import Notify, Urgency
from livetrader_engine.data.corporate_actions import CorporateAction, Dividend, Split
from livetrader_engine.errors import DataError
from livetrader_engine.spi import VenueError
from livetrader_engine.spi_data import ActionBooker, DateSpan
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND, SecurityType, Symbol

DAY_BEGINS_NS: Final = 8 * NS_PER_HOUR  # exchange time of the daily look
TURN_S: Final = 30.0  # between two looks at what is due, unless an ex-date comes before
PENDING_S: Final = 60.0  # between two looks at an account that has not booked a split yet
LOOK_LIMIT_S: Final = 120.0  # for all announcements of a look; a plan of a few requests a minute needs that
START_LIMIT_S: Final = 20.0  # for those of the start: nothing trades before
RETRY_S: Final = 900.0  # after a look that failed
OLDEST_LOOK: Final = timedelta(days=7)  # how far back a start asks
UNBOOKED_ALARM_NS: Final = 9 * NS_PER_HOUR  # after midnight: the session begins soon and nothing is booked
_EPOCH: Final = date(1970, 1, 1)
_OPTIONS: Final = frozenset({SecurityType.OPTION})  # an index does not split


@dataclass(frozen=True, slots=True)
class CorporatePorts:
    """What the watch works with. `tell` hands actions to the engine, if there is one that runs, and says so.

    `subscribed` are the symbols with data, `booker` a brokerage that has to be told, None for a real one.
    """

    announcements: Announcements
    gateway: Gateway
    booker: ActionBooker | None
    subscribed: Callable[[], Iterable[Symbol]]
    tell: Callable[[tuple[CorporateAction, ...]], bool]
    now_ns: Callable[[], int]
    monotonic_s: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    report: Callable[..., None]
    notify: Notify


@dataclass(slots=True)
class _Question:
    """What is asked of announcers in a thread; what was answered until the time was up counts."""

    spans: dict[Symbol, DateSpan]
    found: list[CorporateAction] = field(default_factory=list)
    answered: list[Symbol] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    given_up: bool = False

    def ask(self, announcements: Announcements) -> None:
        """Ask for all of them, one by one, until nobody waits for the answers any more."""
        for symbol, span in self.spans.items():
            if self.given_up:
                return
            try:
                actions = announcements.actions(symbol, span)
            except (DataError, VenueError) as error:
                self.trouble.append(f"{symbol.value}: {error}")
            else:
                self.found += actions  # before the symbol: who reads it meanwhile misses nothing
                self.answered.append(symbol)


class CorporateWatch:
    """Owns what was asked for and told in this process; the journal has the rest. On the loop's thread."""

    def __init__(self, ports: CorporatePorts) -> None:
        self._ports = ports
        self._looked: dict[Symbol, date] = {}  # symbol -> day whose announcements are known
        self._failed_s: dict[Symbol, float] = {}  # monotonic: when nobody could say anything of a symbol
        self._since: dict[Symbol, date] = {}  # where the first look of a start begins, until it has an answer
        self._heard: set[str] = set()  # ids of what the present engine has heard
        self._booked: set[str] = set()  # by the simulated brokerage, in this process
        self._alarmed: set[str] = set()
        self._account_s = 0.0  # monotonic: when the account was looked at for a split
        self._threads = DaemonThreads("announcements")  # one at a time, and those that hang since
        ports.gateway.ledger.split_applied = self._applied

    async def begin(self) -> None:
        """Learn what was announced since the last look, before the account is compared."""
        await self._look(self._symbols(), START_LIMIT_S, begins=True)

    async def run(self) -> None:
        """Do what is due, for ever."""
        while True:
            try:
                await self.turn()
            except JournalError as error:
                self._ports.report("corporate_actions_failed", level="critical", error=str(error))
            except VenueError as error:
                self._ports.report("corporate_actions_failed", level="warning", error=str(error))
            await self._ports.sleep(self._until_next())

    def _until_next(self) -> float:
        """Return how long to sleep: to the next ex-date, so that no order slips in between."""
        now_ns = self._ports.now_ns()
        ahead = self._ports.gateway.state.actions.splits_ahead()
        next_ns = min((split.time_ns for _, split in ahead if split.time_ns > now_ns), default=now_ns)
        return min(TURN_S, (next_ns - now_ns) / NS_PER_SECOND or TURN_S)

    async def turn(self) -> None:
        """Do once what is due now. Raises JournalError and VenueError; the next turn tries again."""
        await self._act()
        due = self._due_symbols()
        if due:
            await self._look(due, LOOK_LIMIT_S)
            await self._act()

    async def _act(self) -> None:
        if await self._ports.gateway.corporate.apply_due():
            self._ports.gateway.tell_account()
        await self._book()
        self._tell_due()
        await self._compare()
        await self._ports.gateway.corporate.scale_orders()

    def engine_ready(self) -> None:
        """Take note that another engine runs: it has heard of nothing yet."""
        self._heard.clear()
        self._tell_due()

    # -- what is announced --------------------------------------------------------------------------

    def _symbols(self) -> set[Symbol]:
        state = self._ports.gateway.state
        symbols = {*state.positions, *state.ignored, *self._ports.subscribed()}
        symbols |= {order.spec.symbol for order in state.open.values()}
        symbols |= {_underlying(one) for one in symbols if one.security_type in _OPTIONS}
        return {one for one in symbols if one.security_type is SecurityType.EQUITY}

    def _due_symbols(self) -> set[Symbol]:
        now_s, symbols = self._ports.monotonic_s(), self._symbols()
        for gone in self._failed_s.keys() - symbols:
            del self._failed_s[gone]  # its trouble is nobody's any more
        return {
            one
            for one in symbols
            if self._looked.get(one) != self._day(one)
            and now_s - self._failed_s.get(one, -RETRY_S) >= RETRY_S
        }

    def _day(self, symbol: Symbol) -> date | None:
        """Return the exchange's day, which begins at 08:00; None where its hours are not known."""
        try:
            hours = self._ports.announcements.hours(symbol)
        except DataError:
            return None
        return hours.local_date(self._ports.now_ns() - DAY_BEGINS_NS)

    async def _look(self, symbols: set[Symbol], limit_s: float, *, begins: bool = False) -> None:
        """Ask for announcements and note them; what cannot be had is asked for again later."""
        days = {symbol: day for symbol in symbols if (day := self._day(symbol)) is not None}
        question = _Question({one: self._span(one, day, begins=begins) for one, day in days.items()})
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(limit_s):
                await loop.run_in_executor(self._threads, question.ask, self._ports.announcements)
        except TimeoutError:
            question.trouble.append(f"not every answer within {limit_s:g} s")
        finally:
            question.given_up = True  # also where the daemon ends meanwhile
        corporate = self._ports.gateway.corporate
        for record in await corporate.note(tuple(question.found)):
            self._announce(record)
        for symbol in tuple(question.answered):
            self._looked[symbol] = days[symbol]
            self._since.pop(symbol, None)
        self._note_trouble(question)
        if days and not question.trouble:
            await corporate.looked(max((span.last - _EPOCH).days for span in question.spans.values()))

    def _span(self, symbol: Symbol, day: date, *, begins: bool) -> DateSpan:
        """Return the dates that matter: from this day, or where the last look ended, to the next session."""
        looked = self._ports.gateway.state.actions.looked_day
        if begins and looked is not None:
            self._since[symbol] = max(min(day, _EPOCH + timedelta(days=looked + 1)), day - OLDEST_LOOK)
        first = self._since.get(symbol, day)
        return DateSpan(first, self._ports.announcements.hours(symbol).next_trading_day(day))

    def _note_trouble(self, question: _Question) -> None:
        ports, trouble, said = self._ports, question.trouble, bool(self._failed_s)
        for symbol in question.answered:
            self._failed_s.pop(symbol, None)
        for symbol in question.spans.keys() - set(question.answered):
            self._failed_s[symbol] = ports.monotonic_s()
        if not trouble:
            return
        if not said:  # once, not with every attempt
            step = "a split that nobody announces restricts its symbol until you `adopt` it"
            ports.notify("splits and dividends unknown", "; ".join(trouble[:5]), step)
        ports.report("announcements_failed", level="warning", problems=trouble[:20], failed=len(trouble))

    def _announce(self, record: ActionNoted) -> None:
        action = record.action
        if is_warning(action):
            return
        held = self._ports.gateway.state.position(action.symbol)
        words = f"{words_of(action)}; {held} are held"
        if isinstance(action, Dividend):
            words += f", so the brokerage will book {held * action.distribution}"
        self._ports.notify("corporate action ahead", words, "", Urgency.INFORMATION)

    # -- what counts now ----------------------------------------------------------------------------

    def _applied(self, record: SplitApplied) -> None:
        """Let the new shares count everywhere, in the instant in which they do in the journal."""
        ports = self._ports
        ports.gateway.corporate.scale_price(record)
        words = f"{record.symbol.value} split: {record.before} shares are {record.after} now"
        ports.report("split_applied", id=record.id, message=words, quantity=str(record.quantity))
        if record.before or record.after:
            ports.notify("split", words, "", Urgency.INFORMATION)
        noted = ports.gateway.state.actions.noted.get(record.id)
        if noted is not None:
            self._tell([noted])

    async def _book(self) -> None:
        """Have a simulated brokerage book what counts now; once, which it makes sure of itself."""
        ports = self._ports
        if ports.booker is None or "brokerage" in ports.gateway.ready_reasons():
            return
        booked = False
        in_order = sorted(  # dividends of a day are paid on the shares before its splits, as in LEAN
            ports.gateway.state.actions.noted.values(),
            key=lambda noted: (noted.action.time_ns, isinstance(noted.action, Split)),
        )
        for noted in in_order:
            if noted.id not in self._booked and self._counts(noted) and not is_warning(noted.action):
                await ports.booker.book_action(noted.id, noted.action)
                self._booked.add(noted.id)
                booked = True
        if booked:
            await ports.gateway.look()
            ports.gateway.tell_account()

    def _counts(self, noted: ActionNoted) -> bool:
        """Whether it is time for an action, and not long past."""
        now_ns = self._ports.now_ns()
        if isinstance(noted.action, Split) and not is_warning(noted.action):
            return noted.id in self._ports.gateway.state.actions.applied
        return noted.action.time_ns <= now_ns < noted.action.time_ns + OLDEST_LOOK.days * NS_PER_DAY

    async def _compare(self) -> None:
        """Look at the account while a split is not booked, and call somebody before the session begins."""
        ports = self._ports
        pending = tuple(ports.gateway.state.actions.pending.values())
        if not pending:
            return
        now_s = ports.monotonic_s()
        if now_s - self._account_s >= PENDING_S:
            self._account_s = now_s
            await ports.gateway.look()
        for record in pending:
            noted = ports.gateway.state.actions.noted.get(record.id)
            late = noted is not None and ports.now_ns() >= noted.action.time_ns + UNBOOKED_ALARM_NS
            if (
                late
                and record.id not in self._alarmed
                and record.symbol in ports.gateway.state.actions.pending
            ):
                self._alarmed.add(record.id)
                words = f"{record.symbol.value}: {ports.gateway.state.actions.why_no_order(record.symbol)}"
                step = f"ask the brokerage; `livetrader adopt {record.symbol.value}` takes what it shows"
                ports.notify("split not booked", words, step)

    # -- what engines hear --------------------------------------------------------------------------

    def _tell_due(self) -> None:
        actions = self._ports.gateway.state.actions
        due = [noted for noted in actions.noted.values() if self._counts(noted) and not self._knows(noted)]
        if due:
            self._tell(due)

    def _knows(self, noted: ActionNoted) -> bool:
        """Whether the present engine has heard of it, or needs not."""
        if noted.id in self._heard:
            return True
        if is_warning(noted.action):
            return self._has_happened(noted.action)
        ahead = noted.action.time_ns > self._ports.now_ns()  # booked early: its prices are still the old ones
        return noted.id in self._ports.gateway.state.actions.told and not ahead

    def _has_happened(self, warning: CorporateAction) -> bool:
        return any(
            type(noted.action) is type(warning)
            and not is_warning(noted.action)
            and noted.action.symbol == warning.symbol
            and warning.time_ns < noted.action.time_ns
            and self._counts(noted)
            for noted in self._ports.gateway.state.actions.noted.values()
        )

    def _tell(self, due: list[ActionNoted]) -> None:
        ports = self._ports
        due.sort(key=lambda noted: noted.action.time_ns)
        if not ports.tell(tuple(self._as_told(noted.action) for noted in due)):
            return  # `engine_ready` comes
        for noted in due:
            self._heard.add(noted.id)
            if not is_warning(noted.action):
                ports.gateway.corporate.told(noted.id)

    def _as_told(self, action: CorporateAction) -> CorporateAction:
        if isinstance(action, Split) and not is_warning(action):
            return msgspec.structs.replace(action, held=self._ports.gateway.state.position(action.symbol))
        return action


def _underlying(option: Symbol) -> Symbol:
    """Return what an option can be exercised into, under the ticker that its identifier has."""
    identifier = option.id.rsplit("|", 1)[-1]
    return Symbol.create(identifier, identifier.split(" ")[0], SecurityType.EQUITY, option.market)
