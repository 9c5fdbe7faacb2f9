"""Finds plugins by entry point: bundled ones and those of other distributions are equals.

Nothing is imported until a plugin is asked for by name, so a broken plugin that nobody uses hurts nobody.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import msgspec

from livetrader.errors import ConfigError
from livetrader.settings import convert_path
from livetrader_engine.spi import API_VERSION

BROKERAGES: Final = "livetrader.brokerages"
FEEDS: Final = "livetrader.feeds"
HISTORIES: Final = "livetrader.histories"
NOTIFIERS: Final = "livetrader.notifiers"
GROUPS: Final = (BROKERAGES, FEEDS, HISTORIES, NOTIFIERS)


def plugin_names(group: str) -> list[str]:
    """Return the names installed under `group`, sorted; imports none of them."""
    return sorted({point.name for point in entry_points(group=group)})


def load_plugin(group: str, name: str) -> Any:
    """Return the plugin class registered as `name` under `group`.

    Any, because each group has a Protocol of its own and the caller knows which. Does not make an instance.
    Raises ConfigError, naming the plugin and the remedy, where there is none, where several distributions
    claim the name, where it cannot be imported, or where it was written for another API_VERSION.
    """
    found = [point for point in entry_points(group=group) if point.name == name]
    kind = group.removeprefix("livetrader.")
    if not found:
        known = ", ".join(plugin_names(group)) or "none"
        raise ConfigError([f"no plugin {name!r} among the {kind} (installed: {known}); install it with pip"])
    owners = {point.dist.name for point in found if point.dist is not None}
    if len(owners) > 1:
        raise ConfigError([f"{' and '.join(sorted(owners))} both provide {name!r} in {kind}; uninstall one"])
    plugin = _imported(found[0], kind)
    version = getattr(plugin, "API_VERSION", None)
    if version != API_VERSION:
        raise ConfigError(
            [
                f"plugin {name!r} ({found[0].value}) is written for plugin API {version}, this daemon has"
                f" {API_VERSION}; install a release of the plugin that fits"
            ]
        )
    if not isinstance(getattr(plugin, "Config", None), type):
        raise ConfigError([f"plugin {name!r} ({found[0].value}) has no Config; ask its author"])
    return plugin


def config_of(plugin: Any, options: dict[str, object]) -> msgspec.Struct:
    """Return the plugin's validated section. Raises ConfigError with the offending key."""
    try:
        config: msgspec.Struct = msgspec.convert(options, plugin.Config, strict=False, dec_hook=convert_path)
    except msgspec.ValidationError as error:
        raise ConfigError([f"plugin {plugin.__name__}: {error}"]) from error
    return config


def _imported(point: EntryPoint, kind: str) -> Any:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        problem = f"plugin {point.name!r} of the {kind} ({point.value}) cannot be imported: {error}"
        raise ConfigError([problem]) from error
