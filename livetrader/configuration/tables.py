"""Reads one table of a configuration into the values of a struct, converted and checked key by key."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final, get_type_hints

import msgspec

from livetrader import settings
from livetrader.configuration.problems import Problems, suggest
from livetrader.configuration.words import describe, shown, wants_path
from livetrader.results.live_settings import ResultSettings
from livetrader.settings import convert_path
from livetrader_engine.data.quality import QualityLimits

TABLES: Final[dict[str, type[msgspec.Struct]]] = {
    "algorithm": settings.AlgorithmSettings,
    "account": settings.AccountSettings,
    "data": settings.DataSettings,
    "engine": settings.EngineSettings,
    "limits": settings.LimitSettings,
    "training": settings.TrainingSettings,
    "object_store": settings.ObjectStoreSettings,
    "control": settings.ControlSettings,
    "daemon": settings.DaemonSettings,
    "freshness": settings.FreshnessSettings,
    "quality": QualityLimits,
    "notify": settings.NotifySettings,
    "alerts": settings.AlertSettings,
    "telemetry": settings.TelemetrySettings,
    "results": ResultSettings,
    "parameters": settings.ParameterSettings,
}
_STAND_INS: Final[dict[str, dict[str, object]]] = {  # for sections that are not needed and not usable
    "algorithm": {"path": "main.py"},
    "data": {"folder": "data"},
}


class Tables:
    """Turns tables into values. Paths are relative to `base`, the file's folder."""

    def __init__(self, base: Path, problems: Problems) -> None:
        self._base = base
        self._problems = problems

    def struct(
        self, name: str, kind: type[msgspec.Struct], table: dict[str, object]
    ) -> msgspec.Struct | None:
        """Return one of the daemon's own sections; None where it has a problem."""
        before = len(self._problems)
        values = self.values(name, kind, table)
        if len(self._problems) > before:
            return None
        try:
            return kind(**values)
        except TypeError:  # a required key is missing in a section that nobody needs
            return kind(**(self._stand_in(name) | values))
        except ValueError as error:  # of several keys together
            self._problems.add(name, str(error), f"compare the keys of [{name}]")
            return None

    def _stand_in(self, name: str) -> dict[str, object]:
        return {key: self._base / str(value) for key, value in _STAND_INS.get(name, {}).items()}

    def values(self, name: str, kind: type[msgspec.Struct], table: Mapping[str, object]) -> dict[str, object]:
        """Return a table's values by the fields of `kind`; what is wrong becomes a problem."""
        hints = get_type_hints(kind, include_extras=True)
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for key in table:
            if key not in fields:
                self._problems.add(f"{name}.{key}", "unknown key", self._remedy_for(key, name, fields))
        values: dict[str, object] = {}
        for key, field in fields.items():
            if key in table:
                self._convert(f"{name}.{key}", hints[field.name], table[key], values, field)
            elif field.required:
                self._problems.add(
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
            self._problems.add(key, f"is {value}", f"must be {describe(kind)}")
            return
        try:
            values[field.name] = msgspec.convert(value, kind, dec_hook=convert_path)
        except msgspec.ValidationError as error:
            place = str(error).rpartition(" - at `$")[2].rstrip("`") if " - at `$" in str(error) else ""
            default = (
                f" (default {shown(field.default)})" if field.default not in (msgspec.NODEFAULT, None) else ""
            )
            self._problems.add(key + place, f"is {shown(value)}", f"must be {describe(kind)}{default}")

    def _parameters(self, key: str, table: Mapping[str, object]) -> dict[str, str]:
        """Return the parameters as LEAN hands them to an algorithm: always text."""
        texts: dict[str, str] = {}
        for name, value in table.items():
            if isinstance(value, bool):
                texts[name] = "true" if value else "false"
            elif isinstance(value, str | int | float):
                texts[name] = str(value)
            else:
                self._problems.add(
                    f"{key}.{name}", f"is {shown(value)}", "must be a text, a number, true or false"
                )
        return texts

    def _remedy_for(self, key: str, section: str, fields: Mapping[str, object]) -> str:
        for other, kind in TABLES.items():
            if other != section and key in kind.__struct_fields__:
                return f"that key belongs to [{other}]"
        return suggest(key, tuple(fields), "keys")
