"""The daemon's settings: frozen, read from TOML, every key declared here or by a plugin's `Config`.

`config/livetrader.toml` shows every key with its default; a test compares it with these structs.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec


class OnShutdown(StrEnum):
    """What SIGTERM and `stop` do to the account."""

    KEEP = "keep"  # positions and orders stay
    CANCEL = "cancel"  # open orders are cancelled, positions stay
    LIQUIDATE = "liquidate"  # the kill switch runs first


class OnLost(StrEnum):
    """What a lost engine (no beats, or dead) leads to."""

    RESTART = "restart"  # within the restart budget
    LIQUIDATE = "liquidate"  # at once


class OnSpent(StrEnum):
    """What a spent restart budget leads to."""

    LIQUIDATE = "liquidate"
    HALT = "halt"
    EXIT = "exit"  # leave it to systemd: exit non-zero, OnFailure= decides


class OnFeedEnd(StrEnum):
    """What the end of a feed's data (a finished replay) leads to."""

    STOP = "stop"
    WAIT = "wait"


class AlgorithmSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[algorithm]"""

    path: Path
    class_name: str | None = None  # needed only where the file holds several algorithms
    parameters: dict[str, str] = {}


class AccountSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[account] `state_directory` defaults to $STATE_DIRECTORY, else ./state; one per account."""

    name: str = "paper"
    state_directory: Path | None = None


class DataSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[data] `folder` is in LEAN's format."""

    folder: Path
    history: str = "lean_data"


class EngineSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[engine] Limits of the engine process and what happens when they are exceeded."""

    initialize_limit_s: float = 300.0
    warm_up_limit_s: float = 3600.0
    io_beat_limit_s: float = 60.0
    step_limit_s: float = 1200.0
    memory_limit_mb: int = 0  # 0: no limit
    on_lost: OnLost = OnLost.RESTART
    restarts: int = 5
    restart_window_s: float = 600.0
    restart_delay_s: float = 0.1
    restart_delay_max_s: float = 30.0
    on_restarts_spent: OnSpent = OnSpent.LIQUIDATE


class LimitSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[limits] Pre-trade limits of the gateway; 0 means: no limit."""

    max_order_quantity: float = 0.0
    max_order_notional: float = 0.0
    max_position_notional: float = 0.0
    orders_per_minute: int = 300
    duplicate_window_s: float = 1.0  # same symbol and quantity in this time: refused from the third on
    duplicates_allowed: int = 2
    daily_loss: float = 0.0  # account currency; reaching it runs the kill switch


class TrainingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[training] The leaky bucket. `server_mb` 512, 1024 or 2048 picks a row of the seeds' table."""

    capacity_minutes: float = 120.0
    refill_minutes: float = 18.0
    refill_interval_minutes: float = 1440.0
    server_mb: int = 0
    nice: int = 10


class ControlSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[control] The HTTP control API. The unix socket is always there; port 0 turns TCP off."""

    host: str = "127.0.0.1"
    port: int = 8765
    tokens_file: Path | None = None  # default: tokens.json in the state directory


class DaemonSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[daemon]"""

    on_shutdown: OnShutdown = OnShutdown.KEEP
    on_feed_end: OnFeedEnd = OnFeedEnd.STOP
    shutdown_limit_s: float = 60.0
    log_level: str = "info"
    log_file: Path | None = None  # default: standard error; the file is kept beside it where set


class PluginSection(msgspec.Struct, frozen=True):
    """[brokerage] or [feed]: `plugin` names the entry point, the other keys are the plugin's own."""

    plugin: str
    options: dict[str, object]


class Settings(msgspec.Struct, frozen=True):
    """Everything, checked. `source` is the file it came from."""

    source: Path
    algorithm: AlgorithmSettings
    account: AccountSettings
    brokerage: PluginSection
    feed: PluginSection
    data: DataSettings
    engine: EngineSettings
    limits: LimitSettings
    training: TrainingSettings
    control: ControlSettings
    daemon: DaemonSettings
