"""Where a journal may lie, and what a small real disk does when it is full."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from livetrader.errors import JournalError
from livetrader.journal.examination import examine
from livetrader.journal.filesystems import Fitness, judge, kind_of
from livetrader.journal.journal import Journal
from livetrader.journal.records import AuditEntry
from livetrader.journal.store import BALLAST_BYTES
from tests.journal_fire.small_disk import NoMountError, grow, small_disk

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /tmp rw - tmpfs tmpfs rw
31 22 0:26 / /home rw shared:5 master:2 - nfs4 server:/home rw
32 31 0:27 / /home/my\\040disk rw - xfs /dev/vdb rw
33 22 0:28 / /containers rw - overlay overlay rw
34 22 0:29 / /drive rw - fuse.sshfs me@server: rw
35 22 0:30 / /donn\u00e9es\u2028du\\040jour rw - nfs4 server:/donnees rw
36 22 0:31 / /srv/\udcff rw - nfs4 server:/srv rw
"""
DISK_BYTES = BALLAST_BYTES + 1_500_000


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/livetrader", "ext4"),
        ("/tmp/state", "tmpfs"),
        ("/tmpfoo", "ext4"),
        ("/home/me", "nfs4"),
        ("/home/my disk/state", "xfs"),
        ("/drive/state", "fuse.sshfs"),
        ("/donn\u00e9es\u2028du jour/state", "nfs4"),
        ("/srv/\udcff", "nfs4"),
    ],
)
def test_the_deepest_mount_tells_the_kind_of_file_system(folder: str, kind: str) -> None:
    assert kind_of(Path(folder), MOUNTS) == kind


def test_the_kernel_is_asked_where_nothing_is_given(tmp_path: Path) -> None:
    assert kind_of(tmp_path)


@pytest.mark.parametrize(
    ("kind", "simulated", "allowed", "fitness"),
    [
        ("ext4", False, False, Fitness.FIT),
        ("btrfs", False, False, Fitness.FIT),
        ("", False, False, Fitness.FIT),
        ("nfs4", False, False, Fitness.REFUSE),
        ("fuse.sshfs", False, False, Fitness.REFUSE),
        ("tmpfs", False, False, Fitness.REFUSE),
        ("tmpfs", True, False, Fitness.WARN),
        ("nfs", False, True, Fitness.WARN),
        ("overlay", False, False, Fitness.WARN),
    ],
)
def test_a_real_accounts_journal_lies_on_a_disk_of_this_machine(
    kind: str, simulated: bool, allowed: bool, fitness: Fitness
) -> None:
    judgement = judge(kind, Path("/state"), simulated=simulated, allowed=allowed)
    assert judgement.fitness is fitness
    assert bool(judgement.why) == (fitness is not Fitness.FIT)
    assert ("account.any_file_system" in judgement.why) == (fitness is Fitness.REFUSE)


@pytest.fixture
def full_soon(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for the ballast and a little more."""
    try:
        with small_disk(tmp_path / "disk", DISK_BYTES) as folder:
            yield folder
    except NoMountError as error:
        pytest.skip(str(error))


def test_on_a_full_disk_orders_stop_the_end_is_still_written_and_the_reserve_comes_back(
    full_soon: Path,
) -> None:
    path = full_soon / "journal.sqlite3"
    ballast = path.with_name(path.name + ".ballast")

    async def fill() -> int:
        journal = Journal(path, "test")
        await journal.open()
        assert ballast.stat().st_size == BALLAST_BYTES
        number = 0
        with pytest.raises(JournalError, match=r"disk is full.*Free disk space"):
            while True:
                await journal.append(AuditEntry(number, "w" * 5_000, "/", "", ""))
                number += 1
        assert not ballast.exists()
        for step in range(100):  # the kill switch goes on, and so does its story
            journal.append_soon(AuditEntry(1_000_000 + step, "kill", "/", "", ""))
        await journal.close()
        assert journal.dropped == 0
        return number

    written = asyncio.run(fill())
    found = examine(path)
    assert found.intact
    assert found.rows in (written + 100, written + 101)

    grow(full_soon, 4 * DISK_BYTES)

    async def again() -> int:
        journal = Journal(path, "test")
        await journal.open()
        seq = await journal.append(AuditEntry(1, "w", "/", "", ""))
        await journal.close()
        return seq

    assert asyncio.run(again()) == found.rows + 1
    assert ballast.stat().st_size == BALLAST_BYTES
