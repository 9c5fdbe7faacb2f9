"""What a disk would still have if the power went now: which writes and names were synced, and which were not.

The rules are those of POSIX, read pessimistically. A write is durable once its file was synced after it;
before that any part of it may be there, and writes may arrive in any order, sector by sector. A name (of a
new or a removed file) is durable once its folder was synced.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random

SECTOR_BYTES = 512


class Damage(StrEnum):
    """What the power cut does to writes that were not synced."""

    DROPPED = "dropped"  # none of them is there
    KEPT = "kept"  # all of them are: the cache made it
    PREFIX = "prefix"  # the first few, in order
    SUBSET = "subset"  # any of them
    TORN = "torn"  # any sectors of any of them


@dataclass(frozen=True)
class Write:
    """Bytes at an offset; `size` instead of them: the file was cut to that length."""

    offset: int
    data: bytes
    size: int | None = None


@dataclass
class Medium:
    """One file: what is durable, and what was written since."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write] = field(default_factory=list)

    def sync(self) -> None:
        """Make everything durable."""
        for write in self.pending:
            apply(self.durable, write)
        self.pending.clear()

    def after(self, damage: Damage, random: Random) -> bytes:
        """Return what is left of it after a power cut now."""
        content = bytearray(self.durable)
        for write in surviving(self.pending, damage, random):
            apply(content, write)
        return bytes(content)


def apply(content: bytearray, write: Write) -> None:
    """Change the content as this write does."""
    if write.size is not None:
        del content[write.size :]
        content.extend(bytes(max(0, write.size - len(content))))
        return
    content.extend(bytes(max(0, write.offset - len(content))))
    content[write.offset : write.offset + len(write.data)] = write.data


def surviving(pending: list[Write], damage: Damage, random: Random) -> list[Write]:
    """Return the part of these writes that a power cut leaves."""
    if damage is Damage.KEPT:
        return list(pending)
    if damage is Damage.PREFIX:
        return pending[: random.randint(0, len(pending))]
    if damage is Damage.SUBSET:
        return [write for write in pending if random.random() < 0.5]
    if damage is Damage.TORN:
        return [part for write in pending for part in sectors(write) if random.random() < 0.5]
    return []


def sectors(write: Write) -> list[Write]:
    """Return a write in the pieces that a disk writes at once."""
    parts, start, end = [], write.offset, write.offset + len(write.data)
    if write.size is not None:
        return [write]
    while start < end:
        stop = min(end, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
        parts.append(Write(start, write.data[start - write.offset : stop - write.offset]))
        start = stop
    return parts


class Platter:
    """One folder of a disk. Owned by the shim that writes through it."""

    def __init__(self) -> None:
        self.live: dict[str, Medium] = {}
        self.durable: dict[str, Medium] = {}

    @classmethod
    def of(cls, folder: Path) -> Platter:
        """Return a platter on which everything in this folder is durable."""
        platter = cls()
        for path in folder.iterdir():
            platter.live[path.name] = Medium(bytearray(path.read_bytes()))
        platter.sync_names()
        return platter

    def create(self, name: str) -> Medium:
        """Return the file of this name, made if it is not there."""
        return self.live.setdefault(name, Medium())

    def delete(self, name: str, *, synced: bool) -> None:
        """Remove a name."""
        self.live.pop(name, None)
        if synced:
            self.sync_names()

    def sync_names(self) -> None:
        """Make the folder durable: its names, not what its files hold."""
        self.durable = dict(self.live)

    def cut_power(self, folder: Path, damage: Damage, random: Random) -> None:
        """Write what is left into a folder."""
        for name in sorted(self.live.keys() | self.durable.keys()):
            before, now = self.durable.get(name), self.live.get(name)
            medium = now if before is now or self._renamed(damage, random) else before
            if medium is not None:
                (folder / name).write_bytes(medium.after(damage, random))

    @staticmethod
    def _renamed(damage: Damage, random: Random) -> bool:
        """Whether a change of a name that was not synced made it to the disk."""
        if damage in (Damage.DROPPED, Damage.KEPT):
            return damage is Damage.KEPT
        return random.random() < 0.5
