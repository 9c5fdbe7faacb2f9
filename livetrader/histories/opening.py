"""Make the configured histories and put them in order: the one place where this is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random  # noqa: TID251 — seeded; required by plugin contexts
from typing import Any, Final

import msgspec

from livetrader import registry
from livetrader.clocks import monotonic_s, wall_ns
from livetrader.errors import ConfigError
from livetrader.histories.chain import HistoryChain
from livetrader.histories.sources import Source, Store
from livetrader.settings import PluginSection
from livetrader_engine.spi import Context, HistoryPlugin
from livetrader_engine.spi_data import DataStore

STORE: Final = "lean_data"  # the store: there without being named, and then the first
STATE_FOLDER: Final = ".livetrader"  # in a data folder: what is known of it, and what plugins remember
Heard = Callable[[str, str], None]  # (path of a data file, what is wrong with it or "")


def open_histories(sections: Sequence[PluginSection], context_for: Callable[[str], Context]) -> HistoryChain:
    """Return the configured histories as one. Connects to nothing.

    `context_for(plugin)` makes the context of each. The store is there though no section names it, as the
    first. Raises ConfigError, naming the remedy, for a plugin that is not there or a key it does not take.
    """
    named = tuple(sections)
    if STORE not in (section.plugin for section in named):
        named = (PluginSection(STORE, {}), *named)
    contexts = {section.plugin: context_for(section.plugin) for section in named}
    made = [Source(section.plugin, _made(section, contexts[section.plugin])) for section in named]
    stores = [source for source in made if source.name == STORE]
    if len(stores) != 1 or len(contexts) != len(named):
        names = ", ".join(source.name for source in made)
        raise ConfigError([f"history: {names}: a history is named once; remove the others"])
    plugin = stores[0].plugin
    if not isinstance(plugin, DataStore):
        raise ConfigError([f"history: the installed {STORE} keeps no data; install livetrader's own"])
    context = contexts[STORE]
    return HistoryChain(Store(STORE, plugin, plugin), made, context.now_ns, context.report)


def history_folder(root: Path, name: str) -> Path:
    """Return a history's own folder below that of all; the store's is the root."""
    return root if name == STORE else root / name


def plain_context(
    name: str, data_folder: Path, state_directory: Path, report: Callable[..., None],
    heard: Heard | None = None,
) -> Context:  # fmt: skip
    """Return the context of a history that lives in a process of its own: an engine, a backtest, a command.

    `heard` is told of every data file that is asked for; see Context.data_requested. `state_directory` is the
    folder that holds one of each plugin. It is made, but for the store, which keeps nothing there.
    """
    folder = history_folder(state_directory, name)
    if name != STORE:
        folder.mkdir(parents=True, exist_ok=True)
    return Context(
        name=name,
        state_directory=folder,
        data_folder=data_folder,
        now_ns=wall_ns,
        monotonic_s=monotonic_s,
        random=Random(0),
        spawn=_no_tasks,
        report=report,
        data_requested=heard,
    )


def offline_context(
    name: str, data_folder: Path, report: Callable[..., None], heard: Heard | None = None
) -> Context:
    """Return the context of a history without a daemon: what a plugin remembers lies in the data folder."""
    return plain_context(name, data_folder, data_folder / STATE_FOLDER, report, heard)


def portable(sections: Sequence[PluginSection]) -> tuple[PluginSection, ...]:
    """Return the sections as they can travel to another process: texts, numbers and tables only."""
    return tuple(
        PluginSection(each.plugin, msgspec.to_builtins(each.options, enc_hook=str)) for each in sections
    )


def _made(section: PluginSection, context: Context) -> Any:
    plugin = registry.load_plugin(registry.HISTORIES, section.plugin)
    history: HistoryPlugin = plugin(registry.config_of(plugin, dict(section.options)), context)
    return history


def _no_tasks(name: str, coroutine: object) -> None:
    raise RuntimeError(f"a history plugin is synchronous and cannot start the task {name!r}")
