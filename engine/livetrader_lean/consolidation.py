"""Consolidators as an algorithm sees them: how all of them look, and attaching them to data.

The work is done by the core's; `consolidators.py` has the kinds. A consolidator may be fed by the engine
(`subscription_manager.add_consolidator`) or by hand (`update`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from typing import Any, ClassVar, Final, cast
from zoneinfo import ZoneInfo

from livetrader_engine.data.consolidators import Consolidator as CoreConsolidator
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.data.wallclock import WallClock
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.ports import ReferenceData
from livetrader_engine.securities import Security
from livetrader_engine.symbols import Resolution
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.binding import Binding
from livetrader_lean.market import DEFAULT_ZONE, BaseData, QuoteBar, Tick, TradeBar
from livetrader_lean.names import Twins, pascal
from livetrader_lean.times import local, to_ns
from livetrader_lean.views import Face
from livetrader_lean.windows import RollingWindow

EventHandler = Callable[[Any, Any], object]

_KEPT: Final = 2  # newest bars that a consolidator remembers, as in LEAN


class ConsolidatedEvent:
    """The `data_consolidated` event: `+=` a handler(sender, bar)."""

    def __init__(self, owner: ConsolidatorBase) -> None:
        self._owner = owner
        self._calls: list[tuple[EventHandler, Callable[[Any], object]]] = []

    def __iadd__(self, handler: EventHandler) -> ConsolidatedEvent:
        owner = self._owner

        def call(point: Any) -> None:
            handler(owner, owner.face_of(point))

        self._calls.append((handler, call))
        owner.core.own_handlers.append(call)
        return self

    def __isub__(self, handler: EventHandler) -> ConsolidatedEvent:
        for entry in self._calls:
            if entry[0] == handler:
                self._calls.remove(entry)
                self._owner.core.own_handlers.remove(entry[1])
                break
        return self


class ConsolidatorBase(Face):
    """What all consolidators have. `core` does the work; `input_type` and `output_type` are face classes."""

    input_type: type = BaseData
    output_type: type = TradeBar
    core: CoreConsolidator
    reference: ClassVar[ReferenceData | None] = None  # of the run that this process is for

    def __init__(self, core: CoreConsolidator) -> None:
        self.core = core
        self._zone: tzinfo = DEFAULT_ZONE
        self._bound = False
        self._event = ConsolidatedEvent(self)
        self._shown: tuple[Any, Any] = (None, None)  # the newest core bar and its face
        self._window: RollingWindow | None = None

    @property
    def data_consolidated(self) -> ConsolidatedEvent:
        """The event of finished bars."""
        return self._event

    @data_consolidated.setter
    def data_consolidated(self, event: ConsolidatedEvent) -> None:
        self._event = event  # `data_consolidated += handler` assigns what += returned

    def on_consolidated(self, handler: Callable[[Any], object]) -> Callable[[Any], object]:
        """Call `handler` with each finished bar, before those attached by hand; return what is attached."""

        def call(point: Any) -> None:
            handler(self.face_of(point))

        self.core.handlers.append(call)
        return call

    @property
    def consolidated(self) -> Any:
        """The newest finished bar, None before the first. While handlers run it may be the one before."""
        return self.face_of(self.core.consolidated)

    @property
    def working_data(self) -> Any:
        """The unfinished bar, None where there is none."""
        return self.face_of(self.core.working)

    @property
    def working_bar(self) -> Any:
        """The same as `working_data`."""
        return self.face_of(self.core.working)

    @property
    def window(self) -> RollingWindow:
        """The newest bars, newest first; bars count from the first look at it on."""
        if self._window is None:
            window = self._window = RollingWindow(_KEPT)
            if self.core.consolidated is not None:
                window.add(self.consolidated)
            self.core.handlers.insert(0, lambda point: window.add(self.face_of(point)))
        return self._window

    @property
    def current(self) -> Any:
        """The newest bar of the window."""
        return self.window[0] if self.window.count else None

    @property
    def previous(self) -> Any:
        """The bar before the newest."""
        return self.window[1] if self.window.count > 1 else None

    def __getitem__(self, index: int) -> Any:
        return self.window[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.window)

    def update(self, data: Any) -> None:
        """Take in one bar or tick."""
        takes: type = self.input_type
        if not isinstance(data, BaseData) or not isinstance(data, takes):
            raise AlgorithmError(f"{type(self).__name__} takes {takes.__name__}, not {type(data).__name__}")
        if not self._bound:
            self._bind(data._zone)
        self.core.update(data.core)

    def scan(self, time: datetime) -> None:
        """Close the bar whose time is over at a local time of the exchange."""
        self.core.scan(to_ns(time, self._zone))

    def reset(self) -> None:
        """Forget the data, keep the handlers."""
        self.core.reset()
        if self._window is not None:
            self._window.reset()

    def dispose(self) -> None:
        """Let go of the handlers that indicators and `consolidate` attached."""
        self.core.handlers.clear()

    def face_of(self, point: Any) -> Any:
        """Return the face of a core bar, the same one for all handlers."""
        if point is None:
            return None
        known, face = self._shown
        if known is not point:
            face = BaseData.of(point, self._zone)
            self._shown = (point, face)
        return face

    def attach(self, binding: Binding, symbol: CoreSymbol, kind: TickType | None = None) -> None:
        """Be fed with the first of the symbol's streams that fits, of `kind` where that is named.

        Raises AlgorithmError where the symbol is not subscribed or no stream fits.
        """
        security = binding.engine.securities.get(symbol)
        streams = [] if security is None else security.subscriptions
        if security is None or not streams:
            raise AlgorithmError(f"subscribe to {symbol.value} before adding a consolidator for it")
        fitting = [stream for stream in streams if self._fits(stream, kind)]
        if not fitting:
            offered = ", ".join(sorted({data_type(stream).__name__ for stream in streams}))
            raise AlgorithmError(
                f"{type(self).__name__} takes {self.input_type.__name__};"
                f" of {symbol.value} there is {offered}"
            )
        self._bind(security.hours.timezone)
        stream = fitting[0]
        several = len({each.resolution for each in streams}) > 1
        binding.engine.consolidators.add(symbol, self.core, stream.tick_type, stream.resolution, only=several)

    def detach(self, binding: Binding, symbol: CoreSymbol | None) -> None:
        """Be fed no longer with a symbol's data; None: with anybody's."""
        for each in list(binding.engine.securities) if symbol is None else [symbol]:
            binding.engine.consolidators.remove(each, self.core)
        self.dispose()

    @classmethod
    def known(cls) -> ReferenceData:
        """Return where hours and properties are found. Raises AlgorithmError outside a run."""
        if cls.reference is None:
            raise AlgorithmError(f"{cls.__name__} needs a running algorithm")
        return cls.reference

    def _fits(self, stream: Subscription, kind: TickType | None) -> bool:
        data = data_type(stream)
        if not issubclass(data, self.input_type):
            return False
        if data is not Tick:
            return True
        if kind is not None:
            return stream.tick_type is kind
        if self.output_type is TradeBar:
            return stream.tick_type is TickType.TRADE
        return self.output_type is not QuoteBar or stream.tick_type is TickType.QUOTE

    def _bind(self, zone: tzinfo) -> None:
        self._zone = zone
        self._bound = True
        if isinstance(zone, ZoneInfo):
            self.core.clock = WallClock(zone)


class PythonConsolidator(Twins):
    """Base of consolidators written by the user, who overrides `update` and `scan` and fires the event.

    Whatever has `update`, `scan`, `input_type`, `output_type` and a `data_consolidated` event may stand in.
    """

    consolidated: Any = None
    working_data: Any = None
    input_type: Any = None
    output_type: Any = None
    _event: UserEvent | None = None

    @property
    def data_consolidated(self) -> UserEvent:
        """The event of finished bars."""
        if self._event is None:  # the user's __init__ need not call ours
            self._event = UserEvent()
        return self._event

    @data_consolidated.setter
    def data_consolidated(self, event: UserEvent) -> None:
        self._event = event

    def on_data_consolidated(self, consolidator: Any, data: Any) -> None:
        """Tell everybody about a finished bar."""
        self.data_consolidated(consolidator, data)

    def update(self, data: Any) -> None:
        """Take in one point."""

    def scan(self, time: datetime) -> None:
        """Close the bar whose time is over."""

    def reset(self) -> None:
        """Forget the data."""
        self.consolidated = self.working_data = None


class UserEvent:
    """An event that the user's consolidator fires: `+=` a handler(sender, bar), call it to fire."""

    def __init__(self) -> None:
        self._handlers: list[EventHandler] = []

    def __iadd__(self, handler: EventHandler) -> UserEvent:
        self._handlers.append(handler)
        return self

    def __isub__(self, handler: EventHandler) -> UserEvent:
        if handler in self._handlers:
            self._handlers.remove(handler)
        return self

    def __call__(self, sender: Any, data: Any) -> None:
        for handler in tuple(self._handlers):
            handler(sender, data)


class _UserCore:
    """A user's consolidator as the engine wants one: asked at each look, for nobody knows when bars end."""

    waits = True
    wants_every_look = True
    due_ns = 2**63 - 1

    def __init__(self, user: Any) -> None:
        self.user = user
        self.handlers: list[Callable[[Any], object]] = []
        self.own_handlers: list[Callable[[Any], object]] = []
        self.consolidated: Any = None
        self.clock = WallClock(DEFAULT_ZONE)
        user.data_consolidated += self._fired

    @property
    def working(self) -> Any:
        return getattr(getattr(self.user, "working_data", None), "core", None)

    def update(self, point: Any) -> None:
        _called(self.user, "update")(BaseData.of(point, self.clock.zone))

    def scan(self, now_ns: int) -> None:
        _called(self.user, "scan")(local(now_ns, self.clock.zone))

    def reset(self) -> None:
        _called(self.user, "reset")()

    def _fired(self, _sender: Any, bar: Any) -> None:
        if bar is None:
            return
        for handler in (*self.handlers, *self.own_handlers):
            handler(bar.core)
        self.consolidated = bar.core


def _called(user: Any, name: str) -> Callable[..., object]:
    """Return a user's method in the spelling that they wrote: theirs before the base class's."""
    for cls in type(user).__mro__:
        if cls.__module__.startswith("livetrader_lean"):
            break
        for spelling in (name, pascal(name)):
            if spelling in vars(cls):
                return cast("Callable[..., object]", getattr(user, spelling))
    return cast("Callable[..., object]", getattr(user, name))


class UserConsolidator(ConsolidatorBase):
    """What stands for a user's consolidator where one of ours is expected."""

    def __init__(self, user: Any) -> None:
        super().__init__(_UserCore(user))
        self.user = user
        wanted = getattr(user, "input_type", None) or BaseData
        if not isinstance(wanted, type):
            raise AlgorithmError(f"input_type of {type(user).__name__} is {wanted!r}, not a type")
        self.input_type = wanted
        given = getattr(user, "output_type", None)
        self.output_type = given if isinstance(given, type) else BaseData


def consolidator_of(binding: Binding, given: Any) -> ConsolidatorBase:
    """Return what is given as one of ours; the same one each time for the same user's object."""
    if isinstance(given, ConsolidatorBase):
        return given
    held = binding.user_consolidators.get(id(given))
    if held is not None:
        return cast("ConsolidatorBase", held)
    missing = [name for name in ("update", "scan", "data_consolidated") if not _has(given, name)]
    if missing:
        raise AlgorithmError(f"{given!r} is no consolidator: it has no {', '.join(missing)}")
    made = binding.user_consolidators[id(given)] = UserConsolidator(given)
    return made


def _has(given: Any, name: str) -> bool:
    return hasattr(given, name) or hasattr(given, pascal(name))


def data_type(stream: Subscription) -> type[BaseData]:
    """Return the class of a stream's points."""
    if stream.resolution is Resolution.TICK:
        return Tick
    return QuoteBar if stream.tick_type is TickType.QUOTE else TradeBar


def stream_of(binding: Binding, symbol: CoreSymbol, kind: TickType | None = None) -> Subscription:
    """Return the symbol's first stream of a kind, else its first one; subscribe where there is none."""
    security = binding.engine.securities.get(symbol)
    if security is None or not security.subscriptions:
        security = binding.engine.subscriptions.add_security(symbol, binding.default_resolution)
    return _first(security, kind)


def _first(security: Security, kind: TickType | None) -> Subscription:
    streams = sorted(security.subscriptions, key=lambda stream: stream.tick_type)
    return next((stream for stream in streams if kind is None or stream.tick_type is kind), streams[0])
