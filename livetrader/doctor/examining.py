"""All checks of the doctor, in the order in which one mends things."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from livetrader import places
from livetrader.configuration.loading import load
from livetrader.deployment.credentials import VARIABLE, as_the_service
from livetrader.deployment.steps import ROOT, Machine
from livetrader.doctor import account, machine, reach
from livetrader.doctor.findings import Finding, Level, note, ok, problem
from livetrader.errors import ConfigError
from livetrader.settings import Settings


def examine_machine(now_ns: int) -> list[Finding]:
    """Look at the machine alone."""
    today = machine.today_of(now_ns)
    return [
        *machine.versions(),
        machine.clock(),
        machine.zones(today),
        machine.calendars(today),
        machine.descriptors(),
        *machine.gpu(),
        machine.extras(),
    ]


def examine_account(config: Path, *, offline: bool) -> list[Finding]:
    """Look at an account: what its configuration says, and what that needs."""
    missing: list[str] = []
    try:
        with _credentials(config) as missing:
            settings = load(config)
    except ConfigError as error:
        findings = [*_missing(config, missing), *map(_of_configuration, error.problems)]
        try:
            settings = load(config, needed=("account",), plugins=False)
        except ConfigError:
            return findings
        return [*findings, *_about(settings)]
    findings = [ok("configuration", str(config)), *_missing(config, missing)]
    findings += [*_optional(settings), *_about(settings)]
    findings.append(reach.daemon(settings))
    if offline:
        return [*findings, note("network", "not looked at")]
    return [*findings, *reach.plugins(settings)]


@contextmanager
def _credentials(config: Path) -> Iterator[list[str]]:
    """Read an installed configuration with the credentials of its service; yield what that lacks."""
    if places.installed_state(config.absolute()) is None or VARIABLE in os.environ:
        yield []
        return
    try:
        document = tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # `load` says what is wrong
        document = {}
    with as_the_service(config.stem, document, {}, Machine(ROOT, dry_run=True)) as missing:
        yield missing


def _missing(config: Path, names: list[str]) -> list[Finding]:
    return [
        problem(
            "credentials",
            f"{name!r} is named and not installed",
            f"livetrader install-service {config} --credential {name}=FILE",
        )
        for name in names
    ]


def _of_configuration(words: str) -> Finding:
    what, _, remedy = words.rpartition("; ")
    return problem("configuration", what or words, remedy if what else "livetrader check tells the same")


def _about(settings: Settings) -> list[Finding]:
    folder = settings.account.state_directory
    assert folder is not None, "load resolves it"
    try:
        return [
            *account.disk(folder),
            account.file_system(settings, folder),
            *account.permissions(settings, folder),
            account.journal(folder, settings.account.name),
            account.limits(settings),
            account.alarms(settings),
            *account.units(settings),
        ]
    except PermissionError as error:
        return [
            problem("permissions", f"{error.filename} cannot be read", "run as the daemon's user or as root")
        ]


def _optional(settings: Settings) -> list[Finding]:
    """Look whether what the settings ask for beyond the core is installed."""
    findings = []
    url = settings.object_store.url or ""
    needs = {
        "otel": ("opentelemetry", bool(settings.telemetry.otlp_endpoint), "telemetry.otlp_endpoint"),
        "s3": ("s3fs", url.startswith("s3://"), "object_store.url"),
    }
    for extra, (module, wanted, key) in needs.items():
        if wanted and find_spec(module) is None:
            remedy = f"pip install 'livetrader[{extra}]'"
            findings.append(problem("extras", f"{key} needs the extra {extra!r}", remedy))
    if Path("/proc/driver/nvidia/version").exists():
        hidden = account.gpu_in_service(settings)
        findings += [hidden] if hidden is not None else []
    return findings


def worst(findings: list[Finding]) -> Level:
    """Return the gravest level among findings."""
    order = list(Level)
    return max((finding.level for finding in findings), key=order.index, default=Level.OK)
