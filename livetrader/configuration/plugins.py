"""Reads the sections that belong to plugins: which one is chosen, its own keys, its credentials."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, cast

import msgspec

from livetrader.configuration.problems import Problems, section_of, suggest
from livetrader.configuration.tables import Tables
from livetrader.configuration.words import shown
from livetrader.errors import ConfigError
from livetrader.settings import PluginSection, convert_path

CREDENTIAL_LIMIT_BYTES: Final = 1 << 16
MAX_LISTED: Final = 16  # sections of one name: more feeds or histories than that is a mistake
PLUGIN_GROUPS: Final = {"brokerage": "livetrader.brokerages"}
LISTED_GROUPS: Final = {  # may be there several times: the settings' name of all, the plugins' group
    "feed": ("feeds", "livetrader.feeds"),
    "history": ("histories", "livetrader.histories"),
}
STORE: Final = "lean_data"  # the history that is there without being asked for


def installed(group: str) -> tuple[str, ...]:
    """Return the names of a group's installed plugins."""
    return tuple(sorted({entry.name for entry in entry_points(group=group)}))


class PluginSections:
    """Reads plugin sections. Without `checked` no plugin is imported and their keys are taken as they are."""

    def __init__(self, tables: Tables, problems: Problems, *, checked: bool) -> None:
        self._tables = tables
        self._problems = problems
        self._checked = checked

    def read_listed(
        self, name: str, group: str, value: object, default: tuple[PluginSection, ...] = ()
    ) -> tuple[PluginSection, ...] | None:
        """Return the sections `[name]` or `[[name]]`, in their order; None where one has a problem.

        `value` is what the file has under `name`, None where it has nothing: then `default`, or, without
        one, the problem that it is missing.
        """
        if value is None and default:
            return default
        tables = value if isinstance(value, list) else [{} if value is None else value]
        if not tables or len(tables) > MAX_LISTED or not all(isinstance(each, dict) for each in tables):
            what = f"is {shown(value)}" if len(tables) <= MAX_LISTED else f"is there {len(tables)} times"
            self._problems.add(name, what, f"write [{name}], or [[{name}]] up to {MAX_LISTED} times")
            return None if self._problems.needs(name) else default
        places = [name] if len(tables) == 1 else [f"{name}[{at}]" for at in range(1, len(tables) + 1)]
        read = [self.read(place, group, each) for place, each in zip(places, tables, strict=True)]
        sections = tuple(section for section in read if section is not None)
        return sections if len(sections) == len(read) else None

    def read(self, name: str, group: str, table: dict[str, object]) -> PluginSection | None:
        """Return a plugin's section; None where it has a problem."""
        options = dict(table)
        plugin = options.pop("plugin", None)
        if not isinstance(plugin, str):
            what = "is missing" if plugin is None else f"is {shown(plugin)}, not a name"
            names = ", ".join(installed(group)) or "none"
            self._problems.add(f"{name}.plugin", what, f"installed: {names}")
            return (
                PluginSection(plugin="", options={}) if not self._problems.needs(section_of(name)) else None
            )
        if not self._checked:
            return PluginSection(plugin=plugin, options=options)
        for key, value in options.items():
            options[key] = self._credential(f"{name}.{key}", value)
        config = self._config(f"{name}.plugin", group, plugin)
        if config is None:
            return (
                PluginSection(plugin=plugin, options={})
                if not self._problems.needs(section_of(name))
                else None
            )
        before = len(self._problems)
        values = self._tables.values(name, config, options)
        fields = msgspec.structs.fields(config)
        keyed = {each.encode_name: values[each.name] for each in fields if each.name in values}
        if len(self._problems) == before:
            self._check_whole(name, config, keyed)
        return PluginSection(plugin=plugin, options=keyed)

    def _check_whole(self, name: str, config: type[msgspec.Struct], keyed: dict[str, object]) -> None:
        """Let the plugin judge what depends on several of its keys (its `__post_init__`)."""
        try:
            msgspec.convert(keyed, config, dec_hook=convert_path)
        except msgspec.ValidationError as error:
            key, colon, what = str(error).partition(": ")
            if colon and key in config.__struct_fields__:
                self._problems.add(f"{name}.{key}", what, f"compare with the other keys of [{name}]")
            else:
                self._problems.add(name, str(error), f"compare the keys of [{name}]")

    def _config(self, key: str, group: str, plugin: str) -> type[msgspec.Struct] | None:
        names = installed(group)
        if plugin not in names:
            remedy = suggest(plugin, names, "installed") if names else f"no plugin of {group} is installed"
            self._problems.add(key, f"there is no plugin {plugin!r}", remedy)
            return None
        from livetrader.registry import load_plugin  # the plugin contract is imported only where one is used

        try:
            return cast("type[msgspec.Struct]", load_plugin(group, plugin).Config)
        except ConfigError as error:
            self._problems.add(key, f"the plugin cannot be used: {error}", "or choose another plugin")
            return None

    def _credential(self, key: str, value: object) -> object:
        """Return the content of the credential that `{ credential = "name" }` stands for."""
        if not (isinstance(value, dict) and set(value) == {"credential"}):
            return value
        name = value["credential"]
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not isinstance(name, str) or not name or "/" in name or name.startswith("."):
            what = f"{shown(name)} is not the name of a credential"
            self._problems.add(key, what, "write its file name only")
        elif not folder:
            self._problems.add(
                key,
                f"needs the credential {name!r} and $CREDENTIALS_DIRECTORY is not set",
                "start it with systemd and LoadCredential=, or set the variable to a folder of mode 0700",
            )
        else:
            try:
                with (Path(folder) / name).open("r", encoding="utf-8") as file:
                    return file.read(CREDENTIAL_LIMIT_BYTES).strip()
            except (OSError, UnicodeDecodeError) as error:
                self._problems.add(
                    key, f"the credential {name!r} cannot be read: {error}", "check LoadCredential="
                )
        return ""
