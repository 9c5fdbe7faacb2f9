"""Research: what a QuantBook in a notebook stands on. The same history plugin and object store as backtests.

Nothing here knows Jupyter. The settings come from the command line through the environment of the kernel, or,
in a kernel that somebody else started, from the environment and the working directory.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NoReturn
from zoneinfo import ZoneInfo

import msgspec

from livetrader.clocks import wall_ns
from livetrader.errors import ConfigError
from livetrader.histories.opening import STORE, offline_context, open_histories
from livetrader.models.opening import open_registry, surroundings_of, user_keys
from livetrader.offline.data_monitor import DataWarnings
from livetrader.offline.project import STORAGE, nearest_storage
from livetrader.settings import PluginSection
from livetrader.store.opening import open_store
from livetrader.store.options import StoreOptions
from livetrader.store.store import Store
from livetrader.training.inline import InlineTrainer
from livetrader_engine.commands import (
    CancelOrder,
    LogLevel,
    NoteInsight,
    NoteOrderEvent,
    SeriesStyle,
    UpdateOrder,
)
from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.subscription import HistoryRequest, Subscription
from livetrader_engine.engine import Engine, EngineOptions, EnginePorts
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.events import EngineEvent, OrderEventArrived
from livetrader_engine.outgoing import Outgoing
from livetrader_engine.ports import HistoryProvider
from livetrader_engine.symbols import NS_PER_SECOND, Resolution
from livetrader_lean import quantbook
from livetrader_lean.loader import install
from livetrader_lean.times import to_ns

DATA: Final = "LIVETRADER_DATA"  # names of environment variables
OBJECT_STORE: Final = "LIVETRADER_OBJECT_STORE"
PROJECT: Final = "LIVETRADER_PROJECT"
HISTORY: Final = "LIVETRADER_HISTORY"
DATA_FOLDER: Final = "data"
DATA_HOUR: Final = 9  # LEAN's qb-data-hour: before it, New York time, the data of yesterday are not out yet


class ResearchSettings(msgspec.Struct, frozen=True):
    """Where a notebook's data and objects are: `object_store` is a folder or a URL that fsspec knows.

    `project` is whose keys come first in it, empty for all alike. `history` names the installed plugin that
    reads the data.
    """

    folder: Path
    data_folder: Path
    object_store: str
    project: str = ""
    history: str = STORE


def settings_from(environment: Mapping[str, str], folder: Path) -> ResearchSettings:
    """Return the settings of a kernel that runs in `folder`: the environment's, else what lies there.

    Without them data are looked for in the nearest folder `data`, in the folder or above it, and the object
    store in the nearest `storage`; a store that is not there yet will be made in the folder.
    """
    data, store = environment.get(DATA), environment.get(OBJECT_STORE)
    return ResearchSettings(
        folder=folder,
        data_folder=Path(data) if data else nearest_data(folder),
        object_store=store or str(nearest_storage(folder) or folder / STORAGE),
        project=environment.get(PROJECT, ""),
        history=environment.get(HISTORY) or STORE,
    )


def nearest_data(folder: Path) -> Path:
    """Return the nearest folder `data`: in a folder or above it; where there is none, the one in it."""
    places = (at / DATA_FOLDER for at in (folder, *folder.parents))
    return next((place for place in places if place.is_dir()), folder / DATA_FOLDER)


def begin(settings: ResearchSettings) -> None:
    """Make `QuantBook()` and LEAN's namespaces work in this process. Again: with other settings from now on.

    Opens nothing yet, so a wrong setting is told where a QuantBook is made.
    """
    install()
    quantbook.provide_engines(lambda: research_engine(settings, _show))


def names() -> dict[str, Any]:
    """Return what the first cell of a notebook finds: what `from AlgorithmImports import *` gives."""
    install()
    module = import_module("AlgorithmImports")
    return {name: getattr(module, name) for name in module.__all__}


def research_engine(settings: ResearchSettings, show: Callable[[str], None]) -> Engine:
    """Return an engine that stands still at the midnight where research begins. See `first_day`.

    `show` gets what is logged, and a line for every kind of data that was asked for in vain. Raises
    ConfigError where there is no such data folder or history plugin, or the store cannot be opened.
    """
    if not settings.data_folder.is_dir():
        remedy = f"name one in LEAN's format with --data-folder, or in the environment as {DATA}"
        raise ConfigError([f"there is no data folder {settings.data_folder}; {remedy}"])
    warnings = DataWarnings(settings.data_folder)

    def heard(path: str, problem: str) -> None:
        found = Path(path)
        if problem:
            inside = found.is_relative_to(settings.data_folder)
            warnings.add(found.relative_to(settings.data_folder) if inside else found, problem)
            for words in warnings.take():
                show(words)

    def told(action: str, **fields: object) -> None:
        if fields.pop("level", "info") == "warning":
            words = ", ".join(f"{name} {value}" for name, value in fields.items())
            show(f"{action.replace('_', ' ')}: {words}")

    plugin = open_histories(
        (PluginSection(settings.history, {}),),
        lambda name: offline_context(name, settings.data_folder, told, heard),
    )
    zone = ZoneInfo(EngineOptions(start_ns=0).timezone)
    day = first_day(datetime.fromtimestamp(wall_ns() / NS_PER_SECOND, zone))
    store = _open_store(settings, show)
    ports = EnginePorts(
        feed=_NoFeed(),
        orders=_NoOrders(),
        history=_Answers(plugin, show),
        reference=plugin.reference,
        results=_Shown(show),
        trainer=InlineTrainer(wall_ns),
        object_store=store,
        models=open_registry(store, user_keys(), surroundings_of(lambda: engine, sequential=True)),
    )
    engine = Engine(ports, EngineOptions(start_ns=to_ns(day, zone)))
    return engine


def _open_store(settings: ResearchSettings, show: Callable[[str], None]) -> Store:
    # fresh: what a notebook saves is read by the next cell, and what an algorithm saves is not a minute old
    options = StoreOptions(settings.object_store, project=settings.project, fresh_s=0.0)
    try:
        return open_store(options, show)
    except ValueError as error:
        raise ConfigError([str(error)]) from error


def first_day(now: datetime) -> date:
    """Return the day at whose midnight a new QuantBook stands, given the wall clock of New York.

    Source: LEAN's QuantBook.cs: today from nine o'clock on, yesterday before.
    """
    return now.date() if now.hour >= DATA_HOUR else now.date() - timedelta(days=1)


def _show(line: str) -> None:
    sys.stdout.write(line + "\n")


class _Answers:
    """ports.HistoryProvider that says so where a span is empty: an empty frame explains nothing."""

    def __init__(self, provider: HistoryProvider, show: Callable[[str], None]) -> None:
        self._provider = provider
        self._show = show

    def history(self, request: HistoryRequest) -> Iterator[MarketPoint]:
        """Yield what the provider has."""
        found = False
        for point in self._provider.history(request):
            found = True
            yield point
        if not found:
            self._explain(request)

    def _explain(self, request: HistoryRequest) -> None:
        stream = request.subscription
        span = f"from {_day(request.start_ns)} to {_day(request.end_ns)}"
        kind = f"{stream.resolution.name} {stream.tick_type.name}".lower()
        words = f"no {kind} data of {stream.symbol.value} {span}"
        newest = self._newest_before(request)
        if newest is not None:
            day = _day(newest.end_time_ns) + timedelta(days=1)
            words += f": they end before; try qb.set_start_date({day.year}, {day.month}, {day.day})"
        self._show(words)

    def _newest_before(self, request: HistoryRequest) -> MarketPoint | None:
        if request.subscription.resolution < Resolution.HOUR:
            return None  # a file a day: looking through all of them takes too long
        before = msgspec.structs.replace(request, start_ns=0, end_ns=request.start_ns)
        newest = deque(self._provider.history(before), maxlen=1)
        return newest[0] if newest else None


def _day(time_ns: int) -> date:
    return datetime.fromtimestamp(time_ns / NS_PER_SECOND, UTC).date()


class _NoFeed:
    """ports.DataFeed where nothing ever arrives."""

    def next(self) -> EngineEvent | None:
        return None

    def subscribe(self, subscription: Subscription) -> None:
        """Do nothing: what is added is there to be asked about."""

    def unsubscribe(self, subscription: Subscription) -> None:
        """Do nothing."""


class _NoOrders:
    """ports.OrderSink of a notebook, which does not trade."""

    def submit(self, command: object) -> NoReturn:
        raise AlgorithmError("a notebook does not trade; put the order into an algorithm and backtest it")

    def update(self, command: UpdateOrder) -> NoReturn:
        raise AssertionError("an order that was not made cannot change")

    def cancel(self, command: CancelOrder) -> NoReturn:
        raise AssertionError("an order that was not made cannot be canceled")

    def advance(self, now_ns: int) -> None:
        """Do nothing: no order works."""

    def drain(self, wait_s: float = 0.0) -> Sequence[OrderEventArrived]:
        return ()


class _Shown:
    """ports.ResultSink that shows log lines; charts are drawn by the notebook itself."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show

    def log(self, time_ns: int, level: LogLevel, message: str) -> None:
        self._show(message if level is not LogLevel.ERROR else f"error: {message}")

    def declare(self, chart: str, series: str, style: SeriesStyle) -> None:
        """Draw nothing."""

    def plot(self, time_ns: int, chart: str, series: str, *values: float) -> None:
        """Draw nothing."""

    def order_event(self, noted: NoteOrderEvent) -> None:
        """Do nothing: there is none."""

    def insight(self, noted: NoteInsight) -> None:
        self._show(f"{noted.symbol.value} {noted.kind} {noted.direction}")

    def statistic(self, name: str, value: str) -> None:
        self._show(f"{name}: {value}")

    def send_out(self, time_ns: int, message: Outgoing) -> bool:
        """Send nothing."""
        return False
