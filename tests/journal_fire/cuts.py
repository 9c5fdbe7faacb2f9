"""Lives of a journal that end in power cuts, and what the next life must find.

What was acknowledged is there, in order and unchanged; a commit that was under way is there whole or not at
all; the chain verifies; and a journal that was once opened keeps its name.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from livetrader.errors import JournalError
from livetrader.journal.records import AuditEntry, decode, encode, kind_of
from livetrader.journal.store import Row, Store
from tests.journal_fire.platter import Damage
from tests.journal_fire.shim import BrokenDisk, PowerCutError

JOURNAL = "journal.sqlite3"
MAX_LIVES = 4
CHECKPOINT_SHARE = 0.2  # of the writes are followed by a checkpoint
LONGEST_LIFE = 260  # operations before the power goes, at most; opening alone takes about sixty
BIG_BODY = 9_000  # bytes: a row that spans pages
SHARED_MEMORY = Path("/dev/shm")  # the real files below the shim may as well be there: it is fast


@dataclass
class Outcome:
    """What a series of power cuts did."""

    cuts: int = 0
    acknowledged: int = 0
    present_unacknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    corrupt: list[str] = field(default_factory=list)
    hit: Counter[str] = field(default_factory=Counter)

    @property
    def sound(self) -> bool:
        """Whether every promise was kept."""
        return not self.lost and not self.corrupt


@dataclass
class Promised:
    """What the journal has acknowledged so far, and the batch that was on its way."""

    bodies: list[str] = field(default_factory=list)
    flying: list[str] = field(default_factory=list)
    instance: str | None = None


@contextmanager
def fast_folder() -> Iterator[Path]:
    """Give a folder that is removed afterwards, in memory where there is such a place."""
    parent = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=parent, prefix="journal-fire-") as name:
        yield Path(name)


def row_of(number: int, size: int = 1) -> Row:
    """Return a row that is told from every other one."""
    record = AuditEntry(number, f"operator {number}", "x" * size, "", "")
    return Row(record.time_ns, kind_of(record), None, encode(record))


def live(disk: BrokenDisk, promised: Promised, random: Random) -> None:
    """Be a daemon's journal until the power goes: open, write, tidy, sometimes start again."""
    store = Store(disk.folder / JOURNAL, "account", random.randrange(10**9), disk)
    try:
        while not disk.dead:
            instance = store.open().instance
            if not disk.dead:
                promised.instance = instance
            for _ in range(random.randint(1, 40)):
                write(disk, store, promised, random)
                if random.random() < CHECKPOINT_SHARE:
                    store.tidy()
            store.close()
    finally:
        store.close()


def write(disk: BrokenDisk, store: Store, promised: Promised, random: Random) -> None:
    """Write a batch, and note what was acknowledged while the power was on."""
    number = len(promised.bodies)
    sizes = [random.choice((1, 1, 200, BIG_BODY)) for _ in range(random.randint(1, 4))]
    rows = [row_of(number + step, size) for step, size in enumerate(sizes)]
    if disk.dead:
        return
    promised.flying = [row.body for row in rows]
    store.write(rows)
    if not disk.dead:
        promised.bodies += promised.flying
        promised.flying = []


def found(folder: Path) -> tuple[str, list[str]]:
    """Return the instance and the bodies of a journal, read as the daemon would; from a copy."""
    with fast_folder() as copy:
        for path in folder.iterdir():
            shutil.copy(path, copy / path.name)
        store = Store(copy / JOURNAL, "account", 1)
        try:
            instance = store.open().instance
        finally:
            store.close()
        connection = sqlite3.connect(copy / JOURNAL)
        try:
            return instance, [row[0] for row in connection.execute("SELECT body FROM record ORDER BY seq")]
        finally:
            connection.close()


def judge(name: str, folder: Path, promised: Promised, outcome: Outcome) -> None:
    """Hold what a power cut left against what was promised."""
    try:
        instance, bodies = found(folder)
    except (JournalError, sqlite3.Error) as error:
        outcome.corrupt.append(f"{name}: {error}")
        return
    if promised.instance is not None and instance != promised.instance:
        outcome.lost.append(f"{name}: another journal than the one that was opened")
    kept = bodies[: len(promised.bodies)]
    rest = bodies[len(promised.bodies) :]
    if kept != promised.bodies:
        outcome.lost.append(f"{name}: {len(promised.bodies) - len(kept)} acknowledged rows are not there")
    elif rest and rest != promised.flying:
        outcome.corrupt.append(f"{name}: {len(rest)} rows more than were written")
    outcome.present_unacknowledged += len(rest)
    promised.bodies, promised.flying = bodies, []
    assert all(isinstance(decode(body), AuditEntry) for body in bodies)


def cut(folder: Path, disk: BrokenDisk, promised: Promised, random: Random) -> None:
    """Live on this disk until the power goes."""
    try:
        live(disk, promised, random)
    except PowerCutError:
        return
    finally:
        disk.close()


def series(seed: int, outcome: Outcome, *, synchronous: str | None = None) -> None:
    """Take one journal through a few power cuts; stop at the first broken promise."""
    random = Random(seed)
    promised = Promised()
    with fast_folder() as root:
        folder = root / "0"
        folder.mkdir()
        for life in range(random.randint(1, MAX_LIVES)):
            disk = BrokenDisk(folder, cut_at=random.randint(1, LONGEST_LIFE), synchronous=synchronous)
            acknowledged = len(promised.bodies)
            cut(folder, disk, promised, random)
            outcome.cuts += 1
            outcome.acknowledged += len(promised.bodies) - acknowledged
            outcome.hit[disk.log[-1]] += 1
            damage = random.choice(list(Damage))
            folder = root / str(life + 1)
            folder.mkdir()
            disk.platter.cut_power(folder, damage, random)
            judge(f"seed {seed}, life {life}, {damage} at {disk.log[-1]}", folder, promised, outcome)
            if not outcome.sound:
                return


def every_operation(seed: int, damage: Damage, outcome: Outcome) -> None:
    """Cut the same life at every single one of its operations."""
    for operation in range(1, LONGEST_LIFE + 1):
        with fast_folder() as root:
            before, after = root / "before", root / "after"
            before.mkdir()
            after.mkdir()
            promised = Promised()
            disk = BrokenDisk(before, cut_at=operation)
            cut(before, disk, promised, Random(seed))
            outcome.cuts += 1
            outcome.acknowledged += len(promised.bodies)
            outcome.hit[disk.log[-1]] += 1
            disk.platter.cut_power(after, damage, Random(seed + operation))
            judge(f"{damage} at operation {operation}: {disk.log[-1]}", after, promised, outcome)
