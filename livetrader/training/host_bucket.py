"""The training minutes that all daemons of one machine share: one small file, changed under a lock.

Three rules. The file is only ever replaced as a whole, by a file that is already on disk, so a reader needs
no lock and a crash leaves the old or the new one. Changes are made by whoever holds the lock of the file
beside it (`.lock`, never replaced: a lock on a file that is replaced locks nobody out). And what cannot be
read is never guessed at: HostBucketError says what is wrong and what to do, and it is for the caller to go
on without new trainings.

The file is missing before its first use, and a missing one counts as full. Users may differ: the folder has
to be writable for all of them (a group's, with the setgid bit), the files are readable for everybody.
"""

from __future__ import annotations

import fcntl
import math
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from livetrader_engine.limits import ClockMark, LeakyBucket, Quota

VERSION: Final = 1  # of the file; a reader refuses any other
FILE_LIMIT_BYTES: Final = 4096  # a record has some 300
LOCK_LIMIT_S: Final = 0.1  # others hold the lock for one write; the beats of the engine wait behind this
LOCK_TRY_S: Final = 0.005
MODE: Final = 0o644  # only the folder's writers can replace it


class HostBucketError(Exception):
    """The shared bucket cannot be used. The message names the file, what is wrong, and the remedy."""


class HostRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file says: the level, how long the next refill has been waited for, and when that was.

    The quota is that of the daemon that wrote it, process `pid`; each daemon counts with its own.
    """

    version: int
    level_minutes: float
    waited_ns: int
    wall_ns: int
    elapsed_ns: int
    boot_id: str
    capacity_minutes: float
    refill_minutes: float
    refill_interval_minutes: float
    pid: int


@dataclass(frozen=True, slots=True)
class HostLevel:
    """The shared bucket at one moment, on this process's clock. `stranger`: its writer's quota is another."""

    bucket: LeakyBucket
    stranger: str = ""


class HostBucket:
    """One process's hold on the shared bucket. Owns no state: the file has it. Thread-safe.

    `mark` looks at the clocks. Each call touches the disk: the training thread and the beats may, the
    engine's thread may not.
    """

    def __init__(self, path: Path, quota: Quota, mark: Callable[[], ClockMark]) -> None:
        self.path = path
        self.quota = quota
        self._mark = mark
        self._lock_path = path.with_name(path.name + ".lock")
        self._new_path = path.with_name(path.name + ".new")
        self._pause = threading.Event()  # never set: to wait a little

    def look(self) -> HostLevel:
        """Return the shared bucket with all refills that are due. Raises HostBucketError.

        Writes only after a start of the machine: from the first look on, the wall clock may do what it likes.
        """
        record, now = self._read(), self._mark()
        if record is None or record.boot_id == now.boot_id:
            return self._level(record, now)
        with self._changing():
            now = self._mark()
            level = self._level(self._read(), now)
            self._write(level.bucket, now)
            return level

    def take(self, minutes: float) -> HostLevel | None:
        """Take `minutes` for everybody to see; None where the bucket does not hold so much.

        Raises HostBucketError where that is not certain; then nothing was taken.
        """
        with self._changing():
            now = self._mark()
            level = self._level(self._read(), now)
            taken = level.bucket.take(minutes, now.elapsed_ns)
            if taken is None:
                return None
            self._write(taken, now)
            return HostLevel(taken, level.stranger)

    # -- inside --------------------------------------------------------------------------------------

    def _level(self, record: HostRecord | None, now: ClockMark) -> HostLevel:
        if record is None:
            return HostLevel(LeakyBucket.full(self.quota, now.elapsed_ns))
        then = ClockMark(record.wall_ns, record.elapsed_ns, record.boot_id)
        bucket = LeakyBucket.carried(self.quota, record.level_minutes, record.waited_ns, (then, now))
        theirs = (record.capacity_minutes, record.refill_minutes, record.refill_interval_minutes)
        ours = (self.quota.capacity_minutes, self.quota.refill_minutes, self.quota.refill_interval_minutes)
        stranger = (
            ""
            if theirs == ours
            else (
                f"{self.path}: another daemon counts with capacity, refill and interval {theirs}, this one"
                f" with {ours}; give all daemons of this machine the same [training] host_ settings"
            )
        )
        return HostLevel(bucket.refilled(now.elapsed_ns), stranger)

    def _read(self) -> HostRecord | None:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            if self.path.parent.is_dir():
                return None
            raise HostBucketError(
                f"{self.path}: there is no folder {self.path.parent}; make it, writable for the users of all"
                " daemons, or set [training] host_capacity_minutes = 0"
            ) from None
        except OSError as error:
            raise HostBucketError(_cannot("read", error, self.path)) from error
        try:
            raw = os.read(descriptor, FILE_LIMIT_BYTES + 1)
        except OSError as error:
            raise HostBucketError(_cannot("read", error, self.path)) from error
        finally:
            os.close(descriptor)
        return _checked(raw, self.path)

    def _write(self, bucket: LeakyBucket, now: ClockMark) -> None:
        quota = bucket.quota
        record = HostRecord(
            version=VERSION,
            level_minutes=bucket.level_minutes,
            waited_ns=bucket.waited_ns(now.elapsed_ns),
            wall_ns=now.wall_ns,
            elapsed_ns=now.elapsed_ns,
            boot_id=now.boot_id,
            capacity_minutes=quota.capacity_minutes,
            refill_minutes=quota.refill_minutes,
            refill_interval_minutes=quota.refill_interval_minutes,
            pid=os.getpid(),
        )
        self._new_path.unlink(missing_ok=True)  # of a process that died right here; we hold the lock
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(self._new_path, flags, MODE), "wb") as file:
            os.fchmod(file.fileno(), MODE)  # whatever the umask: the other users have to read it
            file.write(msgspec.json.encode(record) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._new_path.replace(self.path)  # its folder is not synced: losing power may lose the last minute

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the lock; what the system refuses becomes a HostBucketError."""
        try:
            with self._locked():
                yield
        except OSError as error:
            raise HostBucketError(_cannot("changed", error, self.path)) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock. Raises HostBucketError where others hold it for too long."""
        descriptor = self._open_lock()
        try:
            tries = math.ceil(LOCK_LIMIT_S / LOCK_TRY_S)
            while not _try_lock(descriptor):
                tries -= 1
                if not tries:
                    raise HostBucketError(
                        f"{self._lock_path} has been locked by another process for {LOCK_LIMIT_S} s;"
                        " `fuser` names it"
                    )
                self._pause.wait(LOCK_TRY_S)
            yield
        finally:
            os.close(descriptor)  # gives the lock back, as the end of the process does

    def _open_lock(self) -> int:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            return os.open(self._lock_path, flags)  # without O_CREAT: it may be another user's
        except FileNotFoundError:
            descriptor = os.open(self._lock_path, flags | os.O_CREAT, MODE)
            os.fchmod(descriptor, MODE)  # whatever the umask, as with the file itself
            return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _checked(raw: bytes, path: Path) -> HostRecord:
    """Return what the file says. Raises HostBucketError for anything that no daemon has written."""
    remedy = "repair it, or delete it (the shared bucket is then full)"
    if len(raw) > FILE_LIMIT_BYTES:
        raise HostBucketError(
            f"{path}: larger than {FILE_LIMIT_BYTES} bytes: not a training bucket; {remedy}"
        )
    try:
        record = msgspec.json.decode(raw, type=HostRecord)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HostBucketError(f"{path}: not a training bucket: {error}; {remedy}") from error
    if record.version != VERSION:
        raise HostBucketError(
            f"{path}: of version {record.version}, this livetrader knows {VERSION}; update it"
        )
    if record.waited_ns < 0 or record.level_minutes < 0:
        raise HostBucketError(f"{path}: has a negative level or wait; {remedy}")
    return record


def _cannot(verb: str, error: OSError, path: Path) -> str:
    return (
        f"{path}: cannot be {verb}: {error.strerror}; its folder has to be writable, and"
        " its files readable, for the users of all daemons"
    )
