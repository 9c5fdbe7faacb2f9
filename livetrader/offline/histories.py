"""Make a history plugin where no daemon does: for backtests and research."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from livetrader import registry
from livetrader.clocks import wall_ns
from livetrader_engine.spi import Context, HistoryPlugin


def open_history(
    name: str, data_folder: Path, state_directory: Path, heard: Callable[[str, str], None]
) -> HistoryPlugin:
    """Return the installed history plugin of this name over a data folder.

    `heard` is told of every file that is asked for: its path, and what is wrong with it ("" for nothing).
    Raises ConfigError where there is no such plugin.
    """
    from random import Random  # noqa: TID251 — seeded, and history plugins are deterministic

    plugin = registry.load_plugin(registry.HISTORIES, name)
    context = Context(
        name=name,
        state_directory=state_directory,
        data_folder=data_folder,
        now_ns=wall_ns,
        monotonic_s=lambda: 0.0,
        random=Random(0),
        spawn=_no_tasks,
        report=_unheard,
        data_requested=heard,
    )
    history: HistoryPlugin = plugin(plugin.Config(), context)
    return history


def _unheard(action: str, **fields: object) -> None:
    """Take a report that `heard` has too."""


def _no_tasks(name: str, coroutine: object) -> None:
    raise RuntimeError(f"a history plugin is synchronous and cannot start the task {name!r}")
