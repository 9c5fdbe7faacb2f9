"""One account: its configuration, disk, files and their permissions, journal, and who hears of alarms."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import sys
from glob import escape
from pathlib import Path
from typing import Final

from livetrader import places
from livetrader.control.auth import TokenStore
from livetrader.deployment.plan import drop_in
from livetrader.deployment.units import DAEMON, SHIPPED, rendered, shipped_folder, user_of
from livetrader.doctor.findings import Finding, note, ok, problem, warning
from livetrader.errors import ConfigError, JournalError
from livetrader.journal.examination import examine
from livetrader.journal.filesystems import Fitness, judge, kind_of
from livetrader.journal.records import SCHEMA_VERSION
from livetrader.settings import Settings

DISK_LEAST_BYTES: Final = 256 * 1024 * 1024  # below it the journal's next days are not certain
DISK_LOW_BYTES: Final = 2 * 1024**3
DISK_LOW_PART: Final = 0.05
NODES_LEAST: Final = 1_000
JOURNAL: Final = "journal.sqlite3"
PAPER: Final = "paper"


def disk(folder: Path) -> list[Finding]:
    """Look at the room for the state directory, and at its file system."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    usage, nodes = shutil.disk_usage(there), os.statvfs(there)
    free = f"{usage.free / 1e9:.1f} GB of {usage.total / 1e9:.1f} GB are free for {folder}"
    remedy = "free some, or move account.state_directory; a full disk stops new orders"
    if usage.free < DISK_LEAST_BYTES:
        return [problem("disk", free, remedy)]
    if nodes.f_files > 0 and nodes.f_favail < NODES_LEAST:
        return [problem("disk", f"{nodes.f_favail} files can still be made for {folder}", remedy)]
    if usage.free < max(DISK_LOW_BYTES, int(usage.total * DISK_LOW_PART)):
        return [warning("disk", free, remedy)]
    return [ok("disk", free)]


def file_system(settings: Settings, folder: Path) -> Finding:
    """Look whether a journal is safe on the file system of the state directory."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    simulated = settings.brokerage.plugin == PAPER
    found = judge(kind_of(there), folder, simulated=simulated, allowed=settings.account.any_file_system)
    if found.fitness is Fitness.FIT:
        return ok("file system", kind_of(there) or "not known")
    why, _, remedy = found.why.partition(";")
    make = problem if found.fitness is Fitness.REFUSE else warning
    return make("file system", why, remedy.strip() or "put account.state_directory on a disk of this machine")


def permissions(settings: Settings, folder: Path, units_folder: Path = places.UNITS) -> list[Finding]:
    """Look who may read and write what money depends on."""
    findings = []
    if folder.exists():
        about = folder.stat()
        if about.st_mode & 0o077:
            mode = f"{stat.S_IMODE(about.st_mode):04o}"
            findings.append(
                problem("permissions", f"{folder} has mode {mode}: others may look", f"chmod 700 {folder}")
            )
        if os.geteuid() not in (0, about.st_uid):
            findings.append(_not_ours(folder, about.st_uid))
    if settings.source.stat().st_mode & 0o022:
        words = f"{settings.source} can be changed by others, and with it what is traded"
        findings.append(problem("permissions", words, f"chmod go-w {settings.source}"))
    tokens = settings.control.tokens_file
    if tokens is not None and os.access(tokens, os.F_OK):
        try:
            TokenStore(tokens).refresh()
        except ConfigError as error:
            findings.append(problem("permissions", str(error), f"make {tokens} the daemon's own, mode 0600"))
    for secret in sorted(settings.source.parent.glob(f"{escape(settings.source.stem)}.*credential*")):
        if secret.stat().st_mode & 0o077:
            findings.append(problem("permissions", f"{secret} can be read by others", f"chmod 600 {secret}"))
    findings += _seen_by_service(settings, units_folder)
    return findings or [ok("permissions", "only its user and root get at it")]


def _not_ours(folder: Path, uid: int) -> Finding:
    try:
        owner = pwd.getpwuid(uid).pw_name
    except KeyError:
        owner = str(uid)
    return problem(
        "permissions", f"{folder} belongs to {owner}", f"run as {owner}: sudo -u {owner} livetrader ..."
    )


def _seen_by_service(settings: Settings, folder: Path) -> list[Finding]:
    """Look whether the service's user can read what an installed configuration names."""
    if places.installed_state(settings.source) is None:
        return []
    name = user_of(_unit(folder / DAEMON)) or places.USER
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        return [problem("permissions", f"there is no user {name}", "livetrader install-service")]
    groups = os.getgrouplist(name, user.pw_gid)
    return [
        problem("permissions", f"{path} cannot be read by the user {name}", "chmod o+rX it and its folders")
        for path in (settings.algorithm.path, settings.data.folder)
        if path.exists() and not readable_by(path, user.pw_uid, *groups)  # else told of the settings
    ]


def readable_by(path: Path, uid: int, *gids: int) -> bool:
    """Return whether a user of these groups may read a file or folder, by the modes on the way to it."""

    def may(each: Path, bit: int) -> bool:
        about = each.stat()
        shift = 6 if about.st_uid == uid else 3 if about.st_gid in gids else 0
        return bool(about.st_mode >> shift & bit)

    whole = path.resolve()
    return all(may(folder, 0o1) for folder in whole.parents) and may(whole, 0o4)


def journal(folder: Path, account: str) -> Finding:
    """Look whether the journal can be traded on."""
    path = folder / JOURNAL
    if not path.is_file() or not path.stat().st_size:
        return note("journal", "none yet; the first start makes one")
    try:
        found = examine(path)
    except JournalError as error:
        return problem("journal", str(error), f"livetrader journal check {path}")
    if found.schema.isdigit() and int(found.schema) > SCHEMA_VERSION:
        remedy = "install that version again, or `livetrader restore` a backup of before"
        return problem("journal", f"{path} was written by a newer livetrader", remedy)
    if not found.intact:
        return problem(
            "journal", f"{path}: {found.problems[0]}", f"livetrader journal check {path}; restore a backup"
        )
    if found.account != account:
        remedy = "give each account its own state directory"
        return problem("journal", f"{path} is of the account {found.account!r}, not {account!r}", remedy)
    if found.schema != str(SCHEMA_VERSION):
        words = f"of schema {found.schema}; the next start upgrades it to {SCHEMA_VERSION} and keeps a copy"
        return note("journal", words, "livetrader backup before that start")
    return ok("journal", f"{found.rows} rows, intact")


def alarms(settings: Settings) -> Finding:
    """Look whether anybody hears of an alarm."""
    if settings.channels:
        return ok("alarms", f"go to {', '.join(channel.name for channel in settings.channels)}")
    remedy = "add two [[notify.channel]], then `livetrader notify test` (docs/notifications.md)"
    make = note if settings.brokerage.plugin == PAPER else warning
    return make("alarms", "nobody is told: there is no channel", remedy)


def limits(settings: Settings) -> Finding:
    """Look whether an account that is real has limits."""
    named = ("max_order_notional", "max_position_notional", "daily_loss")
    missing = [name for name in named if not getattr(settings.limits, name)]
    if not missing:
        return ok("limits", "set")
    make = note if settings.brokerage.plugin == PAPER else warning
    return make(
        "limits", f"none: {', '.join(missing)}", "set them in [limits]: the most that you would sign by hand"
    )


def units(settings: Settings, folder: Path = places.UNITS) -> list[Finding]:
    """Look whether the installed units are those of this version."""
    if places.installed_state(settings.source) is None or not (folder / DAEMON).is_file():
        return [note("units", "not installed for this configuration", "livetrader install-service")]
    shipped = shipped_folder()
    remedy = f"livetrader install-service {settings.source}, then systemctl restart"
    for name in SHIPPED:
        there = folder / name
        text = _unit(there)
        user = user_of(text) or places.USER
        mine = rendered(
            (shipped / name).read_text(encoding="utf-8"), Path(sys.prefix) / "bin/livetrader", user
        )
        if text != mine:
            return [warning("units", f"{there} is not this version's", remedy)]
    return [ok("units", "installed, of this version")]


def _unit(path: Path) -> str:
    """Return the text of an installed unit, whoever edited it; nothing where there is none."""
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def gpu_in_service(settings: Settings, folder: Path = places.UNITS) -> Finding | None:
    """Say how the service gets at a GPU, where it does not."""
    if places.installed_state(settings.source) is None:
        return None
    if (folder / drop_in(DAEMON, settings.source.stem, "gpu.conf")).is_file():
        return None
    remedy = f"livetrader install-service {settings.source} --gpu"
    return note("gpu", "the service cannot see it (PrivateDevices=)", remedy)
