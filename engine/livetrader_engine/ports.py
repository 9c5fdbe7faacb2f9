"""What the engine needs from its surroundings: synchronous and one way.

Backtest and live differ only in who stands behind these. No port returns the outcome of a trade; the
outcome is a later event. All of them are called from the engine's thread unless a docstring says other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.commands import (
    CancelOrder,
    LogLevel,
    NoteInsight,
    NoteOrderEvent,
    SeriesStyle,
    SubmitOrder,
    UpdateOrder,
)
from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.data.subscription import HistoryRequest, Subscription
from livetrader_engine.events import EngineEvent, OrderEventArrived
from livetrader_engine.models import LoadModel, ModelVersion, SaveModel, ServingModel
from livetrader_engine.outgoing import Outgoing
from livetrader_engine.securities import SecurityProperties
from livetrader_engine.shortable import Shortable
from livetrader_engine.symbols import SecurityType, Symbol
from livetrader_engine.training import TrainingJob, TrainingWork


class Clock(Protocol):
    """Engine time."""

    @property
    def now_ns(self) -> int:
        """UTC nanoseconds of the event being processed."""
        ...


class DataFeed(Protocol):
    """Where events come from: files in a backtest, the inbox live. The engine pulls at its own pace."""

    def next(self) -> EngineEvent | None:
        """Return the next event; block until there is one; None when no more will ever come."""
        ...

    def subscribe(self, subscription: Subscription) -> None:
        """Deliver this stream from now on. Subscribing twice is harmless."""
        ...

    def unsubscribe(self, subscription: Subscription) -> None:
        """Deliver it no longer."""
        ...


class OrderSink(Protocol):
    """Where orders go: the simulated brokerage in a backtest, the supervisor's gateway live."""

    def submit(self, command: SubmitOrder) -> None:
        """Hand over a new order."""
        ...

    def update(self, command: UpdateOrder) -> None:
        """Hand over a change."""
        ...

    def cancel(self, command: CancelOrder) -> None:
        """Hand over a cancel."""
        ...

    def advance(self, now_ns: int) -> None:
        """Say that the prices of this instant are in place; a simulated brokerage tries its fills."""
        ...

    def drain(self, wait_s: float = 0.0) -> Sequence[OrderEventArrived]:
        """Return the order events that have arrived, oldest first, and forget them.

        Waits up to `wait_s` seconds of real time for the first; a simulated brokerage never waits.
        """
        ...


class HistoryProvider(Protocol):
    """Past bars. May be called from training threads too, so implementations are thread-safe."""

    def history(self, request: HistoryRequest) -> Iterable[MarketPoint]:
        """Yield the points of one subscription, ascending by end time, without fill-forward.

        A missing file is no error: it is an empty answer that the provider logs.
        """
        ...


class ReferenceData(Protocol):
    """Facts about securities that do not change while the engine runs. Thread-safe."""

    def symbol(self, ticker: str, security_type: SecurityType, market: str) -> Symbol:
        """Return the symbol of a ticker. Raises DataError for a market that is not known."""
        ...

    def hours(self, symbol: Symbol) -> ExchangeHours:
        """Return the exchange's hours. Raises DataError, naming the remedy, where there are none."""
        ...

    def override_hours(self, symbol: Symbol, hours: ExchangeHours) -> None:
        """Have a symbol trade at other hours from now on; streams that began keep theirs."""
        ...

    def properties(self, symbol: Symbol) -> SecurityProperties:
        """Return lot size, price variation, multiplier and currency."""
        ...

    def interest_rate(self, day: date) -> Decimal:
        """Return the yearly rate without risk of a day (0.01 is one percent), as statistics take it."""
        ...

    def ticker_on(self, symbol: Symbol, day: date) -> str:
        """Return the ticker under which a security traded on a date, today's where nothing is told."""
        ...

    def security_id(self, symbol: Symbol, kind: str) -> str | None:
        """Return an identifier of another registry: cusip, composite_figi, sedol, isin, cik; None without."""
        ...

    def symbols_with_id(self, kind: str, value: str, day: date) -> Sequence[Symbol]:
        """Return the securities with an identifier of another registry, under their tickers of `day`."""
        ...

    def corporate_actions(self, symbol: Symbol, first: date, last: date) -> Sequence[CorporateAction]:
        """Return what a stream that begins on `first` and ends on `last` (exchange dates) tells, by time."""
        ...

    def shortable(self, symbol: Symbol, brokerage: str) -> Mapping[date, Shortable]:
        """Return what a brokerage lent of a security, by date; nothing where that is not known."""
        ...


class ResultSink(Protocol):
    """Where what the algorithm shows goes: files in a backtest, the supervisor live."""

    def log(self, time_ns: int, level: LogLevel, message: str) -> None:
        """Show a line."""
        ...

    def declare(self, chart: str, series: str, style: SeriesStyle) -> None:
        """Have a series on a chart, drawn in this style."""
        ...

    def plot(self, time_ns: int, chart: str, series: str, *values: float) -> None:
        """Add a point to a series: a value, or open, high, low, close. One at the same time replaces it."""
        ...

    def order_event(self, noted: NoteOrderEvent) -> None:
        """Take note of one piece of news of an order, before the algorithm hears of it."""
        ...

    def insight(self, noted: NoteInsight) -> None:
        """Show a prediction."""
        ...

    def statistic(self, name: str, value: str) -> None:
        """Show a named value."""
        ...

    def send_out(self, time_ns: int, message: Outgoing) -> bool:
        """Have a message sent outside; return whether it was taken on. False where nothing is ever sent."""
        ...


class TrainingStatus(Protocol):
    """What an algorithm may ask about its training at any time, from any thread."""

    @property
    def ready(self) -> bool:
        """Whether at least one training has succeeded and none is running."""
        ...

    @property
    def is_training(self) -> bool:
        """Whether a training function is running now."""
        ...

    @property
    def is_replacing(self) -> bool:
        """Whether a training may be changing the model now. One in a process leaves it alone to its end."""
        ...

    @property
    def last_error(self) -> str | None:
        """What the newest failed training said, None after a success."""
        ...

    @property
    def trained_ns(self) -> int | None:
        """Engine time (UTC ns) at which the newest success was complete, None before the first."""
        ...

    @property
    def jobs(self) -> Sequence[TrainingJob]:
        """The newest trainings, oldest first."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether the training that asks has been told to stop; False on any other thread."""
        ...

    @property
    def device(self) -> str:
        """Where the training that asks should put its model: 'cuda' where it may and can, else 'cpu'."""
        ...

    def progress(self, fraction: float, text: str = "") -> None:
        """Say how far the training that calls is, 0 to 1; without effect on any other thread."""
        ...


class Trainer(Protocol):
    """Runs what is to be trained: inline in a backtest; live in threads and processes, within the quota."""

    @property
    def status(self) -> TrainingStatus:
        """The readiness flags."""
        ...

    def submit(self, work: TrainingWork) -> None:
        """Run the work when the quota allows. An exception of it never reaches the caller live."""
        ...


class StoredObject(msgspec.Struct, frozen=True):
    """What is known of an object without reading it. `modified_ns`: UTC nanoseconds of its last save."""

    size: int
    modified_ns: int


class StoreLimits(msgspec.Struct, frozen=True):
    """The most that an object store takes; None is no limit."""

    max_bytes: int | None = None
    max_files: int | None = None


class ObjectStore(Protocol):
    """Keyed bytes that outlive the algorithm. Thread-safe, and shared with other processes.

    A key that breaks a rule raises ValueError, naming the rule. StoreError: the store cannot do it now.
    """

    @property
    def limits(self) -> StoreLimits:
        """How much the store takes."""
        ...

    def read(self, key: str) -> bytes:
        """Return the bytes. Raises KeyError where there are none."""
        ...

    def save(self, key: str, value: bytes) -> None:
        """Store the bytes durably, replacing what was there. Raises StoreFullError over the limits."""
        ...

    def save_new(self, key: str, value: bytes) -> bool:
        """Store the bytes durably where there is nothing under `key`; return whether there was nothing.

        Of several writers at once, in any process, exactly one hears True; nobody reads a part of a value.
        """
        ...

    def contains(self, key: str) -> bool:
        """Return whether there is something under `key`."""
        ...

    def delete(self, key: str) -> bool:
        """Forget the key; return whether there was something."""
        ...

    def keys(self, prefix: str = "") -> Sequence[str]:
        """Return all keys that begin with `prefix`, sorted."""
        ...

    def stat(self, key: str) -> StoredObject | None:
        """Return size and age of an object, None where there is none."""
        ...

    def path(self, key: str) -> str:
        """Return a local file of the key, for libraries that read or write files; its folders are made.

        It holds what is stored, where something is. What is written there is kept by `save_file`.
        """
        ...

    def save_file(self, key: str) -> None:
        """Store what stands in the file of `path`. Raises KeyError where there is no such file."""
        ...

    def forget(self) -> None:
        """Drop what is cached, so that the next read sees what others have saved. Nothing is deleted."""
        ...


class ServedModel(Protocol):
    """A model that predicts, and the newest version of it that may. Thread-safe.

    Another version takes over between two steps of the engine, never within one call.
    """

    @property
    def version(self) -> ModelVersion | None:
        """What is known of the version in use, None where none may be used."""
        ...

    @property
    def model(self) -> Any:
        """The model object of that version. Raises ModelRefusedError where there is none."""
        ...

    @property
    def reason(self) -> str:
        """Why the promoted version is not in use; empty where it is."""
        ...

    def predict(self, features: Any) -> Any:
        """Predict with the version in use; one that answers with NaN or infinity is rolled back at once."""
        ...

    def predict_proba(self, features: Any) -> Any:
        """Return the probability of each class, guarded like `predict`."""
        ...


class ModelRegistry(Protocol):
    """Versions of models over the object store. Thread-safe; training functions use it."""

    def save(self, wish: SaveModel) -> ModelVersion:
        """Keep a model durably as a new version, and let it serve where the wish says so."""
        ...

    def load(self, wish: LoadModel) -> ServedModel:
        """Open the version that serves. Raises ModelRefusedError where none may be used."""
        ...

    def names(self) -> Sequence[str]:
        """Return the names of all models, sorted."""
        ...

    def versions(self, name: str) -> Sequence[ModelVersion]:
        """Return all versions of a model that can be read, oldest first."""
        ...

    def promote(self, name: str, number: int, reason: str) -> ModelVersion:
        """Let a version serve."""
        ...

    def rollback(self, name: str, number: int | None, reason: str) -> ModelVersion:
        """Let the version that served before serve again, or the one named."""
        ...

    def drift(self, name: str, reference: Any, recent: Any) -> float:
        """Return how far recent data are from those that a model was made of, and tell the operator."""
        ...

    def serving(self) -> Sequence[ServingModel]:
        """Return what each model that was loaded serves now."""
        ...
