"""Where a journal may lie: on a disk that keeps what it was told to keep, and of this machine.

A network file system has locks and shared memory of its own kind, on which a write-ahead log is not safe;
one in memory forgets everything with the machine. What a container's overlay keeps ends with the container.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "virtiofs"}
)
MEMORY: Final = frozenset({"tmpfs", "ramfs", "zram"})
CONTAINER: Final = frozenset({"overlay", "aufs"})
_MOUNTS: Final = Path("/proc/self/mountinfo")


class Fitness(StrEnum):
    """Whether a journal may lie on a file system."""

    FIT = "fit"
    WARN = "warn"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found, and why in words; empty where it is fit."""

    fitness: Fitness
    why: str = ""


def judge(kind: str, folder: Path, *, simulated: bool, allowed: bool) -> Judgement:
    """Say whether an account's folder may lie on this kind of file system.

    `simulated`: the brokerage is, so that little is lost with the journal. `allowed`: an operator has said
    `account.any_file_system = true`. Both turn a refusal into a warning.
    """
    if kind in NETWORK or kind.startswith("fuse.") or kind in MEMORY:
        why = (
            f"{folder} lies in memory ({kind}): the journal would be gone with the machine"
            if kind in MEMORY
            else f"{folder} lies on {kind}: its locks and its memory maps are not safe for a journal"
        )
        remedy = "; put account.state_directory on a disk of this machine"
        if simulated or allowed:
            return Judgement(Fitness.WARN, why + remedy)
        return Judgement(Fitness.REFUSE, f"{why}{remedy}, or say account.any_file_system = true")
    if kind in CONTAINER:
        why = f"{folder} lies in a container's layer ({kind}): the journal ends with it; mount a volume there"
        return Judgement(Fitness.WARN, why)
    return Judgement(Fitness.FIT)


def kind_of(folder: Path, mounts: str | None = None) -> str:
    """Return the kind of file system a folder lies on, empty where that is not known."""
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return ""
    best, kind = -1, ""
    path = os.path.realpath(folder)
    for line in mounts.split("\n"):
        left, _, right = line.partition(" - ")
        fields = left.split(" ")  # a name may have white space of other kinds
        if len(fields) < 5 or not right:
            continue
        point = _unescaped(fields[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:  # the deepest mount, and of those the newest
            best, kind = len(point), right.split(" ")[0]
    return kind


def _unescaped(field: str) -> str:
    """Return a path as it is: the kernel writes a space as \\040, and all other bytes as they are."""
    raw = os.fsencode(field).decode("unicode_escape")  # each byte as the character of its number
    return os.fsdecode(raw.encode("latin-1"))
