"""Reads a configuration file and finds everything that is wrong with it, not just the first thing.

Nothing is started, created or connected here; plugins are imported only to learn their `Config`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, cast

from livetrader import settings
from livetrader.configuration.channels import check_routes, read_channels, take_channels
from livetrader.configuration.lean_keys import translated
from livetrader.configuration.plugins import LISTED_GROUPS, PLUGIN_GROUPS, STORE, PluginSections
from livetrader.configuration.problems import Problems, suggest
from livetrader.configuration.stores import with_url
from livetrader.configuration.tables import TABLES, Tables
from livetrader.configuration.together import (
    check_together,
    with_state_directory,
    with_tokens_file,
    without_history,
)
from livetrader.configuration.words import shown
from livetrader.errors import ConfigError

FILE_LIMIT_BYTES: Final = 1 << 20  # a configuration is some kilobytes; more is a mistake, not a file to parse


def load(
    path: Path,
    overrides: Mapping[str, object] | None = None,
    *,
    needed: Iterable[str] = settings.SECTIONS,
    plugins: bool = True,
) -> settings.Settings:
    """Read and check a configuration file.

    `overrides` maps `section.key` to a value that replaces the file's. `needed` names the sections that must
    be right: a problem in another one is passed over and its defaults stand in, so that a liquidation is
    not refused because of a missing algorithm. Without `plugins` no plugin is imported and their own keys
    are not checked. Relative paths are relative to the file.

    Starts nothing and creates nothing. Raises ConfigError with every problem of the needed sections.
    """
    return Loader(path, overrides or {}, frozenset(needed), plugins=plugins).load()


class Loader:
    """One reading of one file; used once and thrown away."""

    def __init__(
        self, path: Path, overrides: Mapping[str, object], needed: frozenset[str], *, plugins: bool
    ) -> None:
        self._path = path
        self._base = path.absolute().parent
        self._overrides = overrides
        self._needed = needed
        self._problems = Problems(path, overrides.keys(), needed)
        self._tables = Tables(self._base, self._problems)
        self._plugins = PluginSections(self._tables, self._problems, checked=plugins)

    def load(self) -> settings.Settings:
        """Return the settings. Raises ConfigError with every problem."""
        document = self._read()
        self._override(document)
        self._check_sections(document)
        sections: dict[str, Any] = {}
        for name, kind in TABLES.items():
            table = self._table(document, name)
            if name == "training":
                table = translated(table, self._problems)
            if name == "data":
                table = without_history(table, self._problems)
            if name == "notify":
                table, listed_channels = take_channels(table, self._problems)
                sections["channels"] = read_channels(self._plugins, self._problems, listed_channels)
            sections[name] = self._tables.struct(name, kind, table)
        for name, group in PLUGIN_GROUPS.items():
            sections[name] = self._plugins.read(name, group, self._table(document, name))
        for name, (listed, group) in LISTED_GROUPS.items():
            default = (settings.PluginSection(STORE, {}),) if name == "history" else ()
            sections[listed] = self._plugins.read_listed(name, group, document.get(name), default)
        check_together(sections, self._problems)
        check_routes(sections["notify"], sections["channels"], self._problems)
        if self._problems:
            raise ConfigError(self._problems.lines)
        sections["account"] = with_state_directory(sections["account"], self._path.absolute())
        sections["object_store"] = with_url(sections["object_store"], self._base)
        sections["control"] = with_tokens_file(sections["control"], sections["account"])
        return settings.Settings(source=self._path.absolute(), **sections)

    # -- reading

    def _read(self) -> dict[str, object]:
        try:
            with self._path.open("rb") as file:
                raw = file.read(FILE_LIMIT_BYTES + 1)
            if len(raw) > FILE_LIMIT_BYTES:
                raise ConfigError(
                    [f"{self._path}: larger than {FILE_LIMIT_BYTES} bytes; not a configuration"]
                )
            return tomllib.loads(raw.decode("utf-8"))
        except FileNotFoundError:
            problem = "there is no such file; name another, or copy config/paper.toml and edit it"
        except OSError as error:
            problem = f"cannot be read: {error.strerror}; check its owner and mode"
        except UnicodeDecodeError as error:
            problem = f"is not UTF-8 (byte {error.start}); save it as UTF-8 text"
        except tomllib.TOMLDecodeError as error:
            problem = f"is not valid TOML: {error}; https://toml.io shows the syntax"
        raise ConfigError([f"{self._path}: {problem}"])

    def _override(self, document: dict[str, object]) -> None:
        for dotted, value in self._overrides.items():
            section, _, key = dotted.partition(".")
            if not key:
                self._problems.add(dotted, "is not section.key", "write for example engine.restarts=3")
                continue
            table = document.setdefault(section, {})
            if isinstance(table, list):
                self._problems.add(dotted, f"there are several [[{section}]]", "change the file instead")
            if isinstance(table, dict):
                inner, _, last = key.rpartition(".")
                if inner:
                    table = table.setdefault(inner, {})
                if isinstance(table, dict):
                    table[last] = value

    def _check_sections(self, document: Mapping[str, object]) -> None:
        if self._needed != frozenset(settings.SECTIONS):
            return  # somebody in a hurry: what nobody needs is not worth a refusal
        for name in document:
            if name not in settings.SECTIONS:
                self._problems.add(name, "unknown section", suggest(name, settings.SECTIONS, "sections"))

    def _table(self, document: Mapping[str, object], name: str) -> dict[str, object]:
        value = document.get(name, {})
        if isinstance(value, dict):
            return cast("dict[str, object]", value)
        self._problems.add(name, f"is {shown(value)}, not a section", f"write [{name}] and its keys below it")
        return {}
