"""All checks of the doctor, in the order in which one mends things."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from livetrader.configuration.loading import load
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
    try:
        settings = load(config)
    except ConfigError as error:
        findings = [_of_configuration(each) for each in error.problems]
        try:
            settings = load(config, needed=("account",), plugins=False)
        except ConfigError:
            return findings
        return [*findings, *_about(settings)]
    findings = [ok("configuration", str(config)), *_optional(settings), *_about(settings)]
    findings.append(reach.daemon(settings))
    if offline:
        return [*findings, note("network", "not looked at")]
    return [*findings, *reach.plugins(settings)]


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
