"""What holds between several settings, and the defaults that one setting takes from another."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from livetrader import settings
from livetrader.configuration.problems import Problems
from livetrader.configuration.stores import check_store
from livetrader.places import installed_state

_MOVED = frozenset({"history", "options"})  # keys of [data] until there could be several histories


def with_state_directory(account: settings.AccountSettings, file: Path) -> settings.AccountSettings:
    """Return the account with its directory: the file's, else systemd's, else ./state.

    Of an installed file it is the service's own, so that commands find the daemon without being told.
    """
    if account.state_directory is not None:
        return account
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    folder = Path(given) if given else installed_state(file) or file.parent / "state"
    return msgspec.structs.replace(account, state_directory=folder)


def with_tokens_file(
    control: settings.ControlSettings, account: settings.AccountSettings
) -> settings.ControlSettings:
    """Return the control settings with their tokens file: tokens.json in the state directory."""
    if control.tokens_file is not None or account.state_directory is None:
        return control
    return msgspec.structs.replace(control, tokens_file=account.state_directory / "tokens.json")


def without_history(table: Mapping[str, object], problems: Problems) -> dict[str, object]:
    """Return [data] without the keys that belong to [history] now; each of them is a problem."""
    for key in _MOVED & set(table):
        problems.add(
            f"data.{key}",
            "is a section of its own now",
            'write [history] with plugin = "..." and the plugin\'s keys below it; [[history]] for several',
        )
    return {key: value for key, value in table.items() if key not in _MOVED}


def check_together(sections: Mapping[str, Any], problems: Problems) -> None:
    """Judge what depends on more than one key, or on what is there; passes over sections that are None."""
    algorithm: settings.AlgorithmSettings | None = sections["algorithm"]
    data: settings.DataSettings | None = sections["data"]
    engine: settings.EngineSettings | None = sections["engine"]
    control: settings.ControlSettings | None = sections["control"]
    if algorithm is not None and not algorithm.path.is_file():
        problems.add("algorithm.path", f"there is no file {algorithm.path}", "name the algorithm's .py file")
    if data is not None and not data.folder.is_dir():
        problems.add("data.folder", f"there is no folder {data.folder}", "name a folder in LEAN's format")
    if engine is not None and engine.restart_delay_s > engine.restart_delay_max_s:
        problems.add("engine.restart_delay_s", "is above restart_delay_max_s", "lower it, or raise the other")
    training: settings.TrainingSettings | None = sections["training"]
    if training is not None and training.host_capacity_minutes and training.host_file is None:
        problems.add(
            "training.host_file",
            "is missing, and host_capacity_minutes is not 0",
            "name one file for all daemons of this machine, in a folder that their users may write to",
        )
    if control is not None:
        _check_control(control, problems)
    _check_parameters(algorithm, sections.get("parameters"), problems)
    if sections["object_store"] is not None:
        check_store(sections["object_store"], problems)


def _check_parameters(
    algorithm: settings.AlgorithmSettings | None,
    parameters: settings.ParameterSettings | None,
    problems: Problems,
) -> None:
    if algorithm is None or parameters is None:
        return
    if parameters.url and not algorithm.parameters:
        problems.add(
            "parameters.url",
            "has nothing to change: there is no [algorithm.parameters]",
            "name every parameter there that the file may set, with its first value",
        )
    for name in sorted(parameters.bounds.keys() - algorithm.parameters.keys()):
        problems.add(f"parameters.bounds.{name}", "is no parameter", "name it in [algorithm.parameters], too")


def _check_control(control: settings.ControlSettings, problems: Problems) -> None:
    pair = (control.tls_certificate, control.tls_key)
    if (pair[0] is None) != (pair[1] is None):
        problems.add("control.tls_key", "only one of tls_certificate and tls_key is set", "set both or none")
    for key, file in zip(("tls_certificate", "tls_key"), pair, strict=True):
        if file is not None and not file.is_file():
            problems.add(f"control.{key}", f"there is no file {file}", "name a PEM file")
    if not control.is_local and None in pair:
        problems.add(
            "control.host",
            f"{control.host!r} is not loopback and there is no TLS",
            "use 127.0.0.1 (and a tunnel), or set tls_certificate and tls_key",
        )
