"""Reads a configuration file and finds everything that is wrong with it, not just the first thing.

Every problem is one line: `file: key.path: what is wrong; remedy`. Nothing is started, created or
connected here; plugins are imported only to learn their `Config`.
"""

from __future__ import annotations

import difflib
import ipaddress
import math
import os
import tomllib
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, cast, get_type_hints

import msgspec

from livetrader import settings
from livetrader.errors import ConfigError
from livetrader.setting_types import convert_path, describe, shown, wants_path

FILE_LIMIT_BYTES: Final = 1 << 20  # a configuration is some kilobytes; more is a mistake, not a file to parse
CREDENTIAL_LIMIT_BYTES: Final = 1 << 16

_TABLES: Final[dict[str, type[msgspec.Struct]]] = {
    "algorithm": settings.AlgorithmSettings,
    "account": settings.AccountSettings,
    "data": settings.DataSettings,
    "engine": settings.EngineSettings,
    "limits": settings.LimitSettings,
    "training": settings.TrainingSettings,
    "control": settings.ControlSettings,
    "daemon": settings.DaemonSettings,
}
_PLUGIN_GROUPS: Final = {"brokerage": "livetrader.brokerages", "feed": "livetrader.feeds"}
_Problem = Callable[[str, str, str], None]  # (key, what is wrong, remedy)
_STAND_INS: Final[dict[str, dict[str, object]]] = {  # for sections that are not needed and not usable
    "algorithm": {"path": "main.py"},
    "data": {"folder": "data"},
}


class Loader:
    """One reading of one file. Owns the list of problems; used once and thrown away."""

    def __init__(
        self, path: Path, overrides: Mapping[str, object], needed: frozenset[str], *, plugins: bool
    ) -> None:
        self._path = path
        self._base = path.absolute().parent
        self._overrides = overrides
        self._needed = needed
        self._plugins = plugins
        self._problems: list[str] = []

    def load(self) -> settings.Settings:
        """Return the settings. Raises ConfigError with every problem."""
        document = self._read()
        self._override(document)
        self._check_sections(document)
        sections: dict[str, Any] = {}
        for name, kind in _TABLES.items():
            sections[name] = self._section(name, kind, self._table(document, name))
        for name, group in _PLUGIN_GROUPS.items():
            sections[name] = self._plugin_section(name, group, self._table(document, name))
        if not self._problems:
            sections["account"] = _with_state_directory(sections["account"], self._base)
            sections["control"] = _with_tokens_file(sections["control"], sections["account"])
            _check_together(sections, self._problem, plugins=self._plugins)
        if self._problems:
            raise ConfigError(self._problems)
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
                self._problem(dotted, "is not section.key", "write for example engine.restarts=3")
                continue
            table = document.setdefault(section, {})
            if isinstance(table, dict):
                inner, _, last = key.rpartition(".")
                if inner:
                    table = table.setdefault(inner, {})
                if isinstance(table, dict):
                    table[last] = value

    def _problem(self, key: str, what: str, remedy: str) -> None:
        if key.partition(".")[0] in self._needed or key.partition(".")[0] not in settings.SECTIONS:
            place = "command line" if key in self._overrides else str(self._path)
            self._problems.append(f"{place}: {key}: {what}; {remedy}")

    def _check_sections(self, document: Mapping[str, object]) -> None:
        if self._needed != frozenset(settings.SECTIONS):
            return  # somebody in a hurry: what nobody needs is not worth a refusal
        for name in document:
            if name not in settings.SECTIONS:
                self._problem(name, "unknown section", _suggest(name, settings.SECTIONS, "sections"))

    def _table(self, document: Mapping[str, object], name: str) -> dict[str, object]:
        value = document.get(name, {})
        if isinstance(value, dict):
            return cast("dict[str, object]", value)
        self._problem(name, f"is {shown(value)}, not a section", f"write [{name}] and its keys below it")
        return {}

    # -- the daemon's own sections

    def _section(
        self, name: str, kind: type[msgspec.Struct], table: dict[str, object]
    ) -> msgspec.Struct | None:
        before = len(self._problems)
        values = self._values(name, kind, table)
        if len(self._problems) > before:
            return None
        try:
            return kind(**values)
        except TypeError:  # a required key is missing in a section that nobody needs
            return kind(**(self._stand_in(name) | values))

    def _stand_in(self, name: str) -> dict[str, object]:
        return {key: self._base / str(value) for key, value in _STAND_INS.get(name, {}).items()}

    def _values(
        self, name: str, kind: type[msgspec.Struct], table: Mapping[str, object]
    ) -> dict[str, object]:
        hints = get_type_hints(kind, include_extras=True)
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for key in table:
            if key not in fields:
                self._problem(f"{name}.{key}", "unknown key", self._suggest_key(key, name, fields))
        values: dict[str, object] = {}
        for key, field in fields.items():
            if key in table:
                self._convert(f"{name}.{key}", hints[field.name], table[key], values, field)
            elif field.required:
                self._problem(
                    f"{name}.{key}", "is missing", f"add {key} = {describe(hints[field.name])} to [{name}]"
                )
        return values

    def _convert(
        self,
        key: str,
        kind: object,
        value: object,
        values: dict[str, object],
        field: msgspec.structs.FieldInfo,
    ) -> None:
        if isinstance(value, str) and wants_path(kind):
            value = str(self._base / Path(value).expanduser()) if value else value
        if key == "algorithm.parameters" and isinstance(value, dict):
            value = self._parameters(key, value)
        if isinstance(value, float) and not math.isfinite(value):
            self._problem(key, f"is {value}", f"must be {describe(kind)}")
            return
        try:
            values[field.name] = msgspec.convert(value, kind, dec_hook=convert_path)
        except msgspec.ValidationError as error:
            place = str(error).rpartition(" - at `$")[2].rstrip("`") if " - at `$" in str(error) else ""
            default = (
                f" (default {shown(field.default)})" if field.default not in (msgspec.NODEFAULT, None) else ""
            )
            self._problem(key + place, f"is {shown(value)}", f"must be {describe(kind)}{default}")

    def _parameters(self, key: str, table: Mapping[str, object]) -> dict[str, str]:
        """Return the parameters as LEAN hands them to an algorithm: always text."""
        texts: dict[str, str] = {}
        for name, value in table.items():
            if isinstance(value, bool):
                texts[name] = "true" if value else "false"
            elif isinstance(value, str | int | float):
                texts[name] = str(value)
            else:
                self._problem(
                    f"{key}.{name}", f"is {shown(value)}", "must be a text, a number, true or false"
                )
        return texts

    def _suggest_key(self, key: str, section: str, fields: Mapping[str, object]) -> str:
        for other, kind in _TABLES.items():
            if other != section and key in kind.__struct_fields__:
                return f"that key belongs to [{other}]"
        return _suggest(key, tuple(fields), "keys")

    # -- plugins

    def _plugin_section(
        self, name: str, group: str, table: dict[str, object]
    ) -> settings.PluginSection | None:
        options = dict(table)
        plugin = options.pop("plugin", None)
        if not isinstance(plugin, str):
            what = "is missing" if plugin is None else f"is {shown(plugin)}, not a name"
            names = ", ".join(_installed(group)) or "none"
            self._problem(f"{name}.plugin", what, f"installed: {names}")
            return settings.PluginSection(plugin="", options={}) if name not in self._needed else None
        if not self._plugins:
            return settings.PluginSection(plugin=plugin, options=options)
        for key, value in options.items():
            options[key] = self._credential(f"{name}.{key}", value)
        config = self._plugin_config(f"{name}.plugin", group, plugin)
        if config is None:
            return settings.PluginSection(plugin=plugin, options={}) if name not in self._needed else None
        before = len(self._problems)
        values = self._values(name, config, options)
        fields = msgspec.structs.fields(config)
        keyed = {each.encode_name: values[each.name] for each in fields if each.name in values}
        if len(self._problems) == before:
            self._check_whole(name, config, keyed)
        return settings.PluginSection(plugin=plugin, options=keyed)

    def _check_whole(self, name: str, config: type[msgspec.Struct], keyed: dict[str, object]) -> None:
        """Let the plugin judge what depends on several of its keys (its `__post_init__`)."""
        try:
            msgspec.convert(keyed, config, dec_hook=convert_path)
        except msgspec.ValidationError as error:
            key, colon, what = str(error).partition(": ")
            if colon and key in config.__struct_fields__:
                self._problem(f"{name}.{key}", what, f"compare with the other keys of [{name}]")
            else:
                self._problem(name, str(error), f"compare the keys of [{name}]")

    def _plugin_config(self, key: str, group: str, plugin: str) -> type[msgspec.Struct] | None:
        names = _installed(group)
        if plugin not in names:
            remedy = _suggest(plugin, names, "installed") if names else f"no plugin of {group} is installed"
            self._problem(key, f"there is no plugin {plugin!r}", remedy)
            return None
        from livetrader.registry import load_plugin  # the plugin contract is imported only where one is used

        try:
            return cast("type[msgspec.Struct]", load_plugin(group, plugin).Config)
        except ConfigError as error:
            self._problem(key, f"the plugin cannot be used: {error}", "or choose another plugin")
            return None

    def _credential(self, key: str, value: object) -> object:
        """Return the content of the credential that `{ credential = "name" }` stands for."""
        if not (isinstance(value, dict) and set(value) == {"credential"}):
            return value
        name = value["credential"]
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not isinstance(name, str) or not name or "/" in name or name.startswith("."):
            self._problem(key, f"{shown(name)} is not the name of a credential", "write its file name only")
        elif not folder:
            self._problem(
                key,
                f"needs the credential {name!r} and $CREDENTIALS_DIRECTORY is not set",
                "start it with systemd and LoadCredential=, or set the variable to a folder of mode 0700",
            )
        else:
            try:
                with (Path(folder) / name).open("r", encoding="utf-8") as file:
                    return file.read(CREDENTIAL_LIMIT_BYTES).strip()
            except (OSError, UnicodeDecodeError) as error:
                self._problem(
                    key, f"the credential {name!r} cannot be read: {error}", "check LoadCredential="
                )
        return ""


def _with_state_directory(account: settings.AccountSettings, base: Path) -> settings.AccountSettings:
    """Return the account with its directory: the file's, else systemd's, else ./state."""
    if account.state_directory is not None:
        return account
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return msgspec.structs.replace(account, state_directory=Path(given) if given else base / "state")


def _with_tokens_file(
    control: settings.ControlSettings, account: settings.AccountSettings
) -> settings.ControlSettings:
    if control.tokens_file is not None or account.state_directory is None:
        return control
    return msgspec.structs.replace(control, tokens_file=account.state_directory / "tokens.json")


def _check_together(sections: Mapping[str, Any], problem: _Problem, *, plugins: bool) -> None:
    """Judge what depends on more than one key, or on what is there."""
    algorithm: settings.AlgorithmSettings = sections["algorithm"]
    data: settings.DataSettings = sections["data"]
    engine: settings.EngineSettings = sections["engine"]
    if not algorithm.path.is_file():
        problem("algorithm.path", f"there is no file {algorithm.path}", "name the algorithm's .py file")
    if not data.folder.is_dir():
        problem("data.folder", f"there is no folder {data.folder}", "name a folder in LEAN's format")
    if plugins:
        names = _installed("livetrader.histories")
        if data.history not in names:
            what = f"there is no plugin {data.history!r}"
            problem("data.history", what, _suggest(data.history, names, "installed"))
    if engine.restart_delay_s > engine.restart_delay_max_s:
        problem("engine.restart_delay_s", "is above restart_delay_max_s", "lower it, or raise the other")
    _check_control(sections["control"], problem)


def _check_control(control: settings.ControlSettings, problem: _Problem) -> None:
    pair = (control.tls_certificate, control.tls_key)
    if (pair[0] is None) != (pair[1] is None):
        problem("control.tls_key", "only one of tls_certificate and tls_key is set", "set both or none")
    for key, file in zip(("tls_certificate", "tls_key"), pair, strict=True):
        if file is not None and not file.is_file():
            problem(f"control.{key}", f"there is no file {file}", "name a PEM file")
    if not is_loopback(control.host) and None in pair:
        problem(
            "control.host",
            f"{control.host!r} is not loopback and there is no TLS",
            "use 127.0.0.1 (and a tunnel), or set tls_certificate and tls_key",
        )


def is_loopback(host: str) -> bool:
    """Return whether `host` can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _suggest(name: str, known: tuple[str, ...], what: str) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"{what}: {', '.join(known)}" if known else f"it has no {what}"


def _installed(group: str) -> tuple[str, ...]:
    return tuple(sorted({entry.name for entry in entry_points(group=group)}))
