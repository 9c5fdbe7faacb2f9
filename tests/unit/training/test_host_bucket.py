"""The training minutes that the daemons of one machine share: one file, many processes, any damage."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest

from livetrader.ipc.messages import HostBucketLevel
from livetrader.training import host_bucket
from livetrader.training.budget import HOST_EMPTY, OWN_EMPTY, WAITS, Budget
from livetrader.training.host_bucket import HostBucket, HostBucketError, HostRecord
from livetrader_engine.limits import ClockMark, LeakyBucket, Quota

MINUTE = 60_000_000_000
DAY = 1440 * MINUTE
WALL = 1_700_000_000_000_000_000
QUOTA = Quota(10.0, 4.0)


class Machine:
    """Clocks to set: time passes, the wall clock is stepped, the machine starts again."""

    def __init__(self) -> None:
        self.wall_ns, self.elapsed_ns, self.boot = WALL, 5 * DAY, 1

    def mark(self) -> ClockMark:
        return ClockMark(self.wall_ns, self.elapsed_ns, f"boot {self.boot}")

    def pass_time(self, span_ns: int) -> None:
        self.wall_ns += span_ns
        self.elapsed_ns += span_ns

    def reboot(self, off_ns: int, step_ns: int = 0) -> None:
        self.wall_ns += off_ns + step_ns
        self.elapsed_ns, self.boot = 0, self.boot + 1


def bucket(folder: Path, machine: Machine | None = None, quota: Quota = QUOTA) -> HostBucket:
    return HostBucket(folder / "training.json", quota, (machine or Machine()).mark)


def left(shared: HostBucket) -> float:
    return shared.look().bucket.level_minutes


def test_before_its_first_use_it_is_full_and_looking_writes_nothing(tmp_path: Path) -> None:
    assert left(bucket(tmp_path)) == 10.0
    assert list(tmp_path.iterdir()) == []


def test_what_one_process_takes_the_others_miss(tmp_path: Path) -> None:
    machine = Machine()
    one, other = bucket(tmp_path, machine), bucket(tmp_path, machine)
    assert one.take(3.0) is not None
    assert left(other) == 7.0
    assert other.take(7.0) is not None
    assert one.take(1.0) is None
    machine.pass_time(DAY - 1)
    assert one.take(1.0) is None
    machine.pass_time(1)
    taken = one.take(1.0)
    assert taken is not None and taken.bucket.level_minutes == 3.0


TAKER = """
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from livetrader.clocks import clock_mark
from livetrader.training.host_bucket import HostBucket, HostBucketError
from livetrader_engine.limits import Quota
shared, granted, empty = HostBucket(Path(sys.argv[1]), Quota(60.0, 0.0), clock_mark), 0, False
while not empty:
    try:
        empty = shared.take(1.0) is None
        granted += not empty
    except HostBucketError as error:
        assert "has been locked" in str(error), error
print(granted)
"""


def test_processes_that_take_at_the_same_time_get_each_minute_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TAKER, str(tmp_path / "training.json")]
    takers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    granted = [int(taker.communicate(timeout=15)[0]) for taker in takers]
    assert sum(granted) == 60, granted


def test_everybody_may_read_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        bucket(tmp_path).take(1.0)
    finally:
        os.umask(before)
    for name in ("training.json", "training.json.lock"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o644


GOOD = HostRecord(1, 5.0, 0, WALL, 5 * DAY, "boot 1", 10.0, 4.0, 1440.0, 7)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not a training bucket"),
        (b"\x00" * 300, "not a training bucket"),
        (msgspec.json.encode(GOOD)[:-20], "not a training bucket"),
        (b'{"version":1}', "not a training bucket"),
        (msgspec.json.encode(GOOD).replace(b"5.0", b'"5"', 1), "not a training bucket"),
        (msgspec.json.encode(GOOD).replace(b"5.0", b"NaN", 1), "not a training bucket"),
        (msgspec.json.encode(msgspec.structs.replace(GOOD, version=2)), "of version 2"),
        (msgspec.json.encode(msgspec.structs.replace(GOOD, level_minutes=-1.0)), "negative"),
        (msgspec.json.encode(msgspec.structs.replace(GOOD, waited_ns=-1)), "negative"),
        (b"x" * 5000, "larger than 4096 bytes"),
    ],
)
def test_a_damaged_file_is_an_error_with_place_and_remedy_and_stays_as_it_is(
    tmp_path: Path, raw: bytes, words: str
) -> None:
    file = tmp_path / "training.json"
    file.write_bytes(raw)
    shared = bucket(tmp_path)
    for use in (shared.look, lambda: shared.take(1.0)):
        with pytest.raises(HostBucketError, match=words) as told:
            use()
        assert str(file) in str(told.value)
    assert file.read_bytes() == raw


def test_a_link_or_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(msgspec.json.encode(GOOD))
    (tmp_path / "training.json").symlink_to(secret)
    with pytest.raises(HostBucketError, match="cannot be read"):
        bucket(tmp_path).look()
    folder = tmp_path / "other"
    (folder / "training.json").mkdir(parents=True)
    with pytest.raises(HostBucketError, match="cannot be read"):
        bucket(folder).take(1.0)


def test_without_its_folder_it_says_which_one_to_make(tmp_path: Path) -> None:
    shared = bucket(tmp_path / "none")
    with pytest.raises(HostBucketError, match=r"there is no folder .*none; make it"):
        shared.look()
    with pytest.raises(HostBucketError):
        shared.take(1.0)


def test_what_a_dying_process_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "training.json.new").write_bytes(b"half a rec")
    shared = bucket(tmp_path)
    assert shared.take(1.0) is not None
    assert left(shared) == 9.0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["training.json", "training.json.lock"]


def test_a_folder_that_takes_no_new_file_is_an_error(tmp_path: Path) -> None:
    shared = bucket(tmp_path)
    shared.take(1.0)
    (tmp_path / "training.json.new").mkdir()
    with pytest.raises(HostBucketError, match="has to be writable"):
        shared.take(1.0)
    assert left(shared) == 9.0


def test_a_lock_that_somebody_holds_is_given_up_on_soon(tmp_path: Path) -> None:
    shared = bucket(tmp_path)
    shared.take(1.0)
    with (tmp_path / "training.json.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(HostBucketError, match="has been locked by another process"):
            shared.take(1.0)
        assert left(shared) == 9.0, "to look needs no lock"
    assert shared.take(1.0) is not None


@pytest.mark.parametrize("step_ns", [-900 * DAY, -DAY, DAY, 900 * DAY])
def test_a_step_of_the_wall_clock_neither_gives_nor_takes(tmp_path: Path, step_ns: int) -> None:
    machine = Machine()
    shared = bucket(tmp_path, machine)
    shared.take(10.0)
    machine.wall_ns += step_ns
    assert left(shared) == 0.0
    machine.pass_time(DAY)
    assert left(shared) == 4.0


@pytest.mark.parametrize(
    ("off_ns", "step_ns", "level"),
    [(0, 0, 0.0), (DAY, 0, 4.0), (2 * DAY, 0, 8.0), (90 * DAY, 0, 10.0), (DAY, -5 * DAY, 0.0)],
)
def test_over_a_start_of_the_machine_the_wall_clock_counts_but_never_backwards(
    tmp_path: Path, off_ns: int, step_ns: int, level: float
) -> None:
    machine = Machine()
    shared = bucket(tmp_path, machine)
    shared.take(10.0)
    machine.reboot(off_ns, step_ns)
    assert left(shared) == level
    machine.pass_time(DAY)
    assert left(shared) == min(10.0, level + 4.0), "it is not frozen until the old time comes again"


def test_daemons_that_count_differently_say_so(tmp_path: Path) -> None:
    machine = Machine()
    bucket(tmp_path, machine, Quota(10.0, 4.0)).take(1.0)
    level = bucket(tmp_path, machine, Quota(6.0, 4.0)).look()
    assert level.bucket.level_minutes == 6.0
    assert "(10.0, 4.0, 1440.0)" in level.stranger and "(6.0, 4.0, 1440.0)" in level.stranger
    assert bucket(tmp_path, machine).look().stranger == ""


# -- paid together with the algorithm's own bucket ----------------------------------------------------------


class Purse:
    """A budget over both buckets, and what it told."""

    def __init__(self, folder: Path, own: float = 5.0, quota: Quota = QUOTA) -> None:
        self.machine = Machine()
        self.told: list[HostBucketLevel] = []
        self.host = bucket(folder, self.machine, quota)
        self.file = folder / "training.json"
        own_bucket = LeakyBucket.restored(Quota(20.0, 0.0), own, self.machine.elapsed_ns)
        self.budget = Budget(own_bucket, lambda: self.machine.elapsed_ns, self.host, self.told.append)


def test_a_minute_is_paid_from_both_or_from_none(tmp_path: Path) -> None:
    purse = Purse(tmp_path, own=2.0)
    assert purse.budget.refusal() == ""
    assert purse.budget.pay(1.0)
    assert (purse.budget.level.level_minutes, left(purse.host)) == (1.0, 9.0)
    purse.host.take(9.0)  # another daemon
    assert not purse.budget.pay(1.0)
    assert (purse.budget.level.level_minutes, purse.budget.shortage) == (1.0, HOST_EMPTY)
    assert purse.budget.refusal() == HOST_EMPTY + WAITS
    purse.machine.pass_time(DAY)
    assert purse.budget.refusal() == ""
    assert purse.budget.pay(1.0)
    assert not purse.budget.pay(1.0)
    assert (purse.budget.shortage, left(purse.host)) == (OWN_EMPTY, 3.0)
    assert purse.budget.refusal() == OWN_EMPTY + WAITS


def test_damage_stops_new_trainings_and_none_that_runs_and_the_debt_is_paid_later(tmp_path: Path) -> None:
    purse = Purse(tmp_path)
    assert purse.budget.pay(1.0)
    good = purse.file.read_bytes()
    purse.file.write_bytes(b"\xff")
    assert purse.budget.pay(1.0) and purse.budget.pay(1.0), "what runs goes on"
    assert purse.budget.level.level_minutes == 2.0, "and costs its own bucket"
    assert "not a training bucket" in purse.budget.refusal()
    assert "not a training bucket" in purse.told[-1].problem and purse.told[-1].next_refill_ns is None
    purse.file.write_bytes(good)
    assert purse.budget.refusal() == ""
    assert left(purse.host) == 7.0, "two minutes were owed"
    assert purse.told[-1].problem == "" and purse.told[-1].level_minutes == 7.0


def test_debt_beyond_what_is_there_keeps_new_trainings_waiting(tmp_path: Path) -> None:
    purse = Purse(tmp_path, own=20.0)
    purse.host.take(9.0)
    good = purse.file.read_bytes()
    purse.file.write_bytes(b"")
    for _ in range(3):
        assert purse.budget.pay(1.0)
    purse.file.write_bytes(good)
    assert purse.budget.refusal() == HOST_EMPTY + WAITS
    purse.machine.pass_time(DAY)
    assert purse.budget.refusal() == ""
    assert left(purse.host) == 2.0


def test_how_it_stands_is_told_when_it_changed_and_looked_at_now_and_then(tmp_path: Path) -> None:
    purse = Purse(tmp_path)
    purse.budget.look()
    purse.budget.look()
    assert [told.level_minutes for told in purse.told] == [10.0]
    bucket(tmp_path, purse.machine).take(4.0)
    purse.budget.look()
    assert len(purse.told) == 1, "it was looked at a moment ago"
    purse.machine.pass_time(6 * 1_000_000_000)
    purse.budget.look()
    assert [told.level_minutes for told in purse.told] == [10.0, 6.0]


def test_a_machine_without_a_shared_bucket_asks_for_none() -> None:
    budget = Budget(LeakyBucket.full(Quota(1.0, 0.0), 0), lambda: 0)
    assert (budget.refusal(), budget.pay(1.0), budget.pay(1.0)) == ("", True, False)


def test_the_lock_is_waited_for_less_than_a_beat(tmp_path: Path) -> None:
    assert host_bucket.LOCK_LIMIT_S < 0.25


def take_as(user: int, group: int, folder: Path) -> str:
    """Take a minute in a process of another user; return what is left, or what went wrong."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(group)
            os.setuid(user)
            os.umask(0o077)
            taken = bucket(folder).take(1.0)
            os.write(writing, b"empty" if taken is None else str(taken.bucket.level_minutes).encode())
        except BaseException as error:  # noqa: BLE001 — whatever it is, the test shows it
            os.write(writing, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be several users")
def test_users_who_share_a_group_share_the_bucket_and_others_are_told() -> None:
    group, users = 54_321, (54_322, 54_323)
    with TemporaryDirectory() as made:
        folder = Path(made)
        os.chown(folder, 0, group)
        folder.chmod(0o2770)
        assert [take_as(user, group, folder) for user in (*users, *users)] == ["9.0", "8.0", "7.0", "6.0"]
        folder.chmod(0o2775)
        assert "has to be writable" in take_as(54_324, 54_324, folder)
        folder.chmod(0o2770)
        assert "HostBucketError" in take_as(54_324, 54_324, folder), "it may not even look"
        assert left(bucket(folder)) == 6.0
