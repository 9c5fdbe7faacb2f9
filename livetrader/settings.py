"""The daemon's settings: frozen, every key declared here or by a plugin's `Config`.

`livetrader.configuration.loading` reads them from a file. `config/livetrader.toml` shows every key with its
default; a test compares it with these structs.
"""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from livetrader.quiet_hours import QuietHours
from livetrader.results.live_settings import ResultSettings
from livetrader.witnesses import witnesses_of
from livetrader_engine.data.quality import QualityLimits
from livetrader_engine.missed import MissedPolicy
from livetrader_engine.outgoing import Way
from livetrader_engine.symbols import NS_PER_SECOND

DAY_S = 86_400.0  # no limit of the daemon makes sense beyond a day

Seconds = Annotated[float, msgspec.Meta(gt=0, le=DAY_S)]
SecondsOrZero = Annotated[float, msgspec.Meta(ge=0, le=DAY_S)]
NotNegative = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
Minutes = Annotated[float, msgspec.Meta(ge=0, le=44_640)]  # a month
Name = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]


def convert_path(kind: type, value: object) -> object:
    """Return `value` as a Path: the one type of the settings that msgspec does not know."""
    if kind is Path and isinstance(value, str | Path):
        if not str(value):
            raise ValueError("an empty path")
        return Path(value)
    raise ValueError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")


def is_loopback(host: str) -> bool:
    """Return whether a host can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class OnShutdown(StrEnum):
    """What SIGTERM and `stop` do to the account."""

    KEEP = "keep"  # positions and orders stay
    CANCEL_ENTRIES = "cancel_entries"  # what only reduces a position stays: stops and targets
    CANCEL = "cancel"  # open orders are cancelled, positions stay
    LIQUIDATE = "liquidate"  # the kill switch runs first


class OrdersInMaintenance(StrEnum):
    """What becomes of a new order that could be lost in a venue's maintenance, or cannot be sent in it."""

    HOLD = "hold"  # it waits for its end, `orders_held_s` at most, and is then checked and sent
    REFUSE = "refuse"  # INVALID, with the reason


class OnManualTrades(StrEnum):
    """What trades of somebody else in the account lead to, while the daemon trades it."""

    ALERT = "alert"  # people are told
    HALT = "halt"  # … and no new order leaves until `resume`
    STOP = "stop"  # … and the daemon ends in good order, as LEAN does


class OnLost(StrEnum):
    """What a lost engine (no beats, or dead) leads to."""

    RESTART = "restart"  # within the restart budget
    LIQUIDATE = "liquidate"  # at once


class OnShortWarmUp(StrEnum):
    """What it leads to that history had less than a warm-up asked for."""

    TRADE = "trade"  # it is said, loudly
    HALT = "halt"  # no order leaves until `resume`


class OnSpent(StrEnum):
    """What a spent restart budget leads to."""

    LIQUIDATE = "liquidate"
    HALT = "halt"
    EXIT = "exit"  # leave it to systemd: exit non-zero, OnFailure= decides


class OnFeedEnd(StrEnum):
    """What the end of a feed's data (a finished replay) leads to."""

    STOP = "stop"
    WAIT = "wait"


class OnRunaway(StrEnum):
    """What a training thread leads to that was told to stop and does not."""

    MARK = "mark"  # its job is marked as expired; the thread is left to itself
    RESTART = "restart"  # the engine process is killed and started again, within the restart budget


class AlgorithmSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[algorithm]"""

    path: Path
    class_name: str | None = None  # needed only where the file holds several algorithms
    parameters: dict[str, str] = {}


class ParameterSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[parameters] A file elsewhere that changes the algorithm's parameters while it runs.

    `url` is https, http of this machine, or the absolute path of a file; empty: there is none. Raises
    ValueError for an address that others could answer in the place of its server.
    """

    url: Annotated[str, msgspec.Meta(pattern="^(https?://[^ ]+|/[^ ]+)?$", max_length=1000)] = ""
    interval_s: Annotated[float, msgspec.Meta(ge=1, le=DAY_S)] = 60.0
    bounds: dict[str, tuple[float, float]] = {}  # lowest and highest value of a number

    def __post_init__(self) -> None:
        """Refuse what could be tampered with on its way, and bounds that nothing can lie in."""
        if self.url.startswith("http"):
            try:
                parts = urlsplit(self.url)
                host, _ = parts.hostname or "", parts.port  # what is no port is found when it is asked for
            except ValueError as error:
                raise ValueError(f"url: is no address: {error}") from error
            if not host:
                raise ValueError("url: names no server")
            if parts.scheme == "http" and not is_loopback(host):
                raise ValueError("url: plain http is for this machine only; write https")
        for name, (lowest, highest) in self.bounds.items():
            if not lowest <= highest:
                raise ValueError(f"bounds: {name!r} has its lowest value above its highest")


class AccountSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[account] `state_directory` defaults to $STATE_DIRECTORY, else ./state; one per account."""

    name: Name = "paper"
    state_directory: Path | None = None
    any_file_system: bool = False  # where true, a journal on a network's or memory's one is only warned of
    orders_in_maintenance: OrdersInMaintenance = OrdersInMaintenance.HOLD
    orders_held_s: Seconds = 300.0
    on_manual_trades: OnManualTrades = OnManualTrades.ALERT
    outage_alarm_s: Seconds = 300.0  # a brokerage away for longer, and not for its maintenance, is an alarm


class DataSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[data] `folder` is in LEAN's format."""

    folder: Path


class EngineSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[engine] Limits of the engine process and what happens when they are exceeded."""

    initialize_limit_s: Seconds = 300.0
    warm_up_limit_s: Seconds = 3600.0
    io_beat_limit_s: Seconds = 60.0
    step_limit_s: Seconds = 1200.0
    memory_limit_mb: Annotated[int, msgspec.Meta(ge=0, le=16_777_216)] = 0  # 0: no limit
    on_lost: OnLost = OnLost.RESTART
    restarts: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 5
    restart_window_s: Seconds = 600.0
    restart_delay_s: SecondsOrZero = 0.1
    restart_delay_max_s: SecondsOrZero = 30.0
    on_restarts_spent: OnSpent = OnSpent.LIQUIDATE
    on_short_warm_up: OnShortWarmUp = OnShortWarmUp.TRADE


class LimitSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[limits] Pre-trade limits of the gateway; 0 means: no limit."""

    max_order_quantity: NotNegative = 0.0
    max_order_notional: NotNegative = 0.0
    max_position_notional: NotNegative = 0.0
    orders_per_minute: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 300
    duplicate_window_s: SecondsOrZero = 1.0  # same symbol and quantity in this time: see duplicates_allowed
    duplicates_allowed: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 2  # the next one is refused
    unknown_orders: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 3  # more unknown outcomes at once: halt
    daily_loss: NotNegative = 0.0  # account currency; reaching it runs the kill switch


class TrainingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[training] The leaky buckets. `server_mb` 512, 1024 or 2048 picks a row of LEAN's table; 0: none.

    LEAN's own keys are accepted for the first three; see livetrader.configuration.lean_keys.
    """

    capacity_minutes: Minutes = 120.0
    refill_minutes: Minutes = 18.0
    refill_interval_minutes: Annotated[float, msgspec.Meta(gt=0, le=44_640)] = 1440.0
    server_mb: Literal[0, 512, 1024, 2048] = 0
    nice: Annotated[int, msgspec.Meta(ge=0, le=19)] = 10
    deadline_minutes: Minutes = 0.0  # of a job that names none; 0: its budget is the only end
    on_runaway: OnRunaway = OnRunaway.MARK
    process_memory_mb: Annotated[int, msgspec.Meta(ge=0, le=16_777_216)] = 0  # 0: half of the machine's
    process_cpu_s: Annotated[int, msgspec.Meta(ge=0, le=2_678_400)] = 0  # 0: no limit
    process_result_mb: Annotated[int, msgspec.Meta(ge=1, le=1_048_576)] = 1024
    threads: Annotated[int, msgspec.Meta(ge=0, le=1024)] = 0  # of numeric libraries; 0: all cores but one
    missed: MissedPolicy = MissedPolicy.COALESCE  # of occurrences while nobody was there to start them
    host_file: Path | None = None  # of the bucket that all daemons of this machine share
    host_capacity_minutes: Minutes = 0.0  # 0: none is shared
    host_refill_minutes: Minutes = 18.0
    host_refill_interval_minutes: Annotated[float, msgspec.Meta(gt=0, le=44_640)] = 1440.0


class ObjectStoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[object_store] `url` defaults to object_store in the state directory; `max_*` 0: what the tier says."""

    url: str | None = None
    project: str = ""  # empty: the whole store is one
    tier: Literal["free", "prime", "professional", "unlimited"] = "unlimited"
    max_mb: NotNegative = 0.0
    max_files: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 0
    options: dict[str, str | int | float | bool] = {}  # of the fsspec file system; no secrets
    model_versions: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 10  # of each model


class ControlSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[control] The HTTP control API. The unix socket is always there; port 0 turns TCP off.

    A `host` other than loopback needs the TLS pair. `allowed_hosts` are further names that the Host header
    may carry (the name of a reverse proxy, say). Sessions are those of browsers that logged in.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8765
    tokens_file: Path | None = None  # default: tokens.json in the state directory
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    session_hours: Annotated[float, msgspec.Meta(gt=0, le=744)] = 12.0
    session_idle_minutes: Annotated[float, msgspec.Meta(gt=0, le=44_640)] = 120.0

    @property
    def is_local(self) -> bool:
        """Whether `host` can only be reached from this machine."""
        return is_loopback(self.host)


class AlertAction(StrEnum):
    """What an alert may do to the daemon, by its rule's label."""

    HALT = "halt"  # new orders are refused until `resume`
    LIQUIDATE = "liquidate"  # the kill switch, without the second press that a person needs


class AlertSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[alerts] What comes back from Alertmanager. `allow` is one of three locks: rule, token, and this."""

    allow: tuple[AlertAction, ...] = (AlertAction.HALT,)
    unheard_s: Seconds = 18_000.0  # above Alertmanager's repeat_interval, which is 4 h by default
    watchdog_s: SecondsOrZero = 0.0  # LivetraderWatchdog has to come this often; 0: it is not missed


class DaemonSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[daemon]"""

    on_shutdown: OnShutdown = OnShutdown.KEEP
    on_feed_end: OnFeedEnd = OnFeedEnd.STOP
    shutdown_limit_s: Seconds = 60.0
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_file: Path | None = None  # default: standard error; the file is kept beside it where set


class Backfill(StrEnum):
    """What becomes of bars that a feed could not bring."""

    BARS = "bars"  # history tells them, in order, before the live ones go on
    NONE = "none"  # they are missing, and the count is told


class FreshnessSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[freshness] How long silence of a live stream is believed, while its market is open.

    Not for feeds that keep time (replays). `witness`: kind/market/ticker of what always trades, one a market.
    Raises ValueError where the times do not follow each other, and for a witness that is none.
    """

    silence_s: Seconds = 15.0  # then a stream is doubted; doubles for one that is proven to be quiet ...
    silence_most_s: Seconds = 29.0  # ... up to this; with 29, what is missed is known within 60 s
    renew_s: Seconds = 8.0  # a stream that was asked for anew has so long, then the feed is connected anew
    stale_s: Seconds = 45.0  # then orders that add risk are refused, and another feed is asked
    reconnect_every_s: Seconds = 120.0  # the least between two connections that silence alone costs
    failback_s: Seconds = 300.0  # a feed further ahead has to be good for so long before it serves again
    backfill: Backfill = Backfill.BARS
    backfill_wait_s: Seconds = 30.0  # for bars that history does not have yet
    history_limit_s: Seconds = 20.0  # of one question to history
    witness: tuple[str, ...] = (
        "equity/usa/SPY", "index/usa/SPX", "forex/oanda/EURUSD", "crypto/coinbase/BTCUSD",
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse times that do not follow each other, and a witness that is none."""
        witnesses_of(self.witness)
        if self.silence_most_s < self.silence_s:
            raise ValueError("silence_most_s: must be at least silence_s")
        if self.stale_s <= self.silence_s:
            raise ValueError("stale_s: must be above silence_s")

    @property
    def backfill_wait_ns(self) -> int:
        """How long live bars wait for their past."""
        return int(self.backfill_wait_s * NS_PER_SECOND)


class NotifySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[notify] Who is told what, how often, and when. The channels are those of [[notify.channel]].

    `information`, `warning` and `alarm` name channels in order of preference; "*" are all others in the order
    of the file. Raises ValueError for quiet hours that are none.
    """

    information: tuple[str, ...] = ("*",)
    warning: tuple[str, ...] = ("*",)
    alarm: tuple[str, ...] = ("*",)
    repeat_s: Seconds = 900.0  # the same again within this time is counted, and told at its end
    per_hour: Annotated[int, msgspec.Meta(ge=2, le=3600)] = 40  # messages of one channel; more are summed up
    escalate_s: SecondsOrZero = 300.0  # an alarm that nobody acknowledged goes to one channel more; 0: never
    quiet_hours: str = ""  # "22:00-07:00": what is no alarm waits for their end
    quiet_timezone: str = "UTC"
    attempt_limit_s: Seconds = 10.0  # of one attempt of a channel
    retry_s: Seconds = 5.0  # until a channel that failed is tried again; doubles ...
    retry_max_s: Seconds = 300.0  # ... up to this
    give_up_s: Annotated[float, msgspec.Meta(gt=0, le=2_678_400)] = 259_200.0  # not alarms: those stay
    keep_days: Annotated[float, msgspec.Meta(gt=0, le=3660)] = 30.0  # of what is done
    algorithm: tuple[Way, ...] = tuple(Way)  # what `self.notify` may use
    algorithm_per_hour: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 20  # of each way; LEAN's cloud has 20

    def __post_init__(self) -> None:
        """Refuse quiet hours that are none, and times that do not follow each other."""
        QuietHours.parse(self.quiet_hours, self.quiet_timezone)
        if self.retry_max_s < self.retry_s:
            raise ValueError("retry_max_s: must be at least retry_s")


class PluginSection(msgspec.Struct, frozen=True):
    """[brokerage], one [[feed]], one [[history]]: `plugin` names the entry point, other keys are its own."""

    plugin: str
    options: dict[str, object]


class ChannelSection(msgspec.Struct, frozen=True):
    """One [[notify.channel]]: its name in the settings, its plugin of the group livetrader.notifiers."""

    name: str
    section: PluginSection


class TelemetrySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[telemetry] Traces of orders."""

    otlp_endpoint: Annotated[str, msgspec.Meta(pattern="^(https?://[^ ]+)?$", max_length=1000)] = ""
    trace_ratio: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0  # of the orders


class Settings(msgspec.Struct, frozen=True):
    """Everything, checked. `source` is the file it came from."""

    source: Path
    algorithm: AlgorithmSettings
    account: AccountSettings
    brokerage: PluginSection
    feeds: tuple[PluginSection, ...]  # in order of preference, at least one
    histories: tuple[PluginSection, ...]  # in order of preference, at least one
    data: DataSettings
    engine: EngineSettings
    limits: LimitSettings
    training: TrainingSettings
    object_store: ObjectStoreSettings
    control: ControlSettings
    daemon: DaemonSettings
    freshness: FreshnessSettings = FreshnessSettings()
    quality: QualityLimits = QualityLimits()
    notify: NotifySettings = NotifySettings()
    channels: tuple[ChannelSection, ...] = ()  # [[notify.channel]], in the order of the file
    alerts: AlertSettings = AlertSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    results: ResultSettings = ResultSettings()
    parameters: ParameterSettings = ParameterSettings()


SECTIONS = ("algorithm", "account", "brokerage", "feed", "history", "data", "engine", "limits", "training",
            "object_store", "control", "daemon", "freshness", "quality", "telemetry", "alerts",
            "notify", "results", "parameters")  # fmt: skip
