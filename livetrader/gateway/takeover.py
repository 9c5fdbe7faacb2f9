"""One process per account directory: the lock, and taking it from a daemon that hangs.

The lock is a flock on `daemon.lock`, so it ends with its process however that dies; the pid in the file is
for people and for `take_over`, which never kills on the pid alone.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

from livetrader.clocks import monotonic_s
from livetrader.errors import AlreadyRunningError

TAKE_OVER_WAIT_S: Final = 10.0  # for a killed daemon to be gone; a process in disk sleep takes its time
_RETRY_MS: Final = 20  # between tries for the lock once its holder is dead
_PID_CHARACTERS: Final = 20


class StateLock:
    """The right to trade this account, held until `release` or the end of the process.

    Blocks for a moment on the disk. Inherited by no child (the descriptor is close-on-exec).
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, path: Path) -> StateLock:
        """Take the lock. Raises AlreadyRunningError, naming the holder, where another process has it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _read_pid(descriptor)
            os.close(descriptor)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            raise AlreadyRunningError(
                f"another livetrader (pid {holder}) owns {path.parent}: stop it first, "
                "or give this one its own account directory"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(path, descriptor)

    def release(self) -> None:
        """Give the lock back; idempotent. The file stays, because removing it would race."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def take_over(
    path: Path,
    wait_s: float = TAKE_OVER_WAIT_S,
    report: Callable[..., None] | None = None,
) -> StateLock:
    """Take the lock; kill the livetrader process that holds it, if one does.

    For a daemon that no longer answers. Kills exactly one process: the one that /proc/locks names as the
    holder and whose command line says livetrader; it is pinned by a pidfd first, so its pid cannot be reused
    meanwhile. Blocks up to `wait_s`. Raises AlreadyRunningError where the holder is something else or does
    not die.
    """
    try:
        return StateLock.acquire(path)
    except AlreadyRunningError:
        pid = _holder(path)
    if pid is None:
        return _acquire_within(path, wait_s)  # it ended between the two looks
    try:
        pinned = os.pidfd_open(pid)
    except ProcessLookupError:
        return _acquire_within(path, wait_s)
    try:
        if not _is_livetrader(pid) or _holder(path) != pid:
            raise AlreadyRunningError(
                f"{path} is held by pid {pid}, which does not look like livetrader: end it yourself"
            )
        if report is not None:
            report("daemon_killed", level="critical", pid=pid, lock=str(path))
        signal.pidfd_send_signal(pinned, signal.SIGKILL)
        ready, _, _ = select.select([pinned], [], [], wait_s)
        if not ready:
            raise AlreadyRunningError(f"pid {pid} did not die of SIGKILL within {wait_s:g} s (disk sleep?)")
    finally:
        os.close(pinned)
    return _acquire_within(path, wait_s)


def _acquire_within(path: Path, wait_s: float) -> StateLock:
    """Take a lock whose holder is dead; a child of it may keep the file open for another moment."""
    until_s = monotonic_s() + wait_s
    while True:
        try:
            return StateLock.acquire(path)
        except AlreadyRunningError:
            if monotonic_s() >= until_s:
                raise
        select.select([], [], [], _RETRY_MS / 1000)


def _read_pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, _PID_CHARACTERS, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdigit() else None


def _holder(path: Path) -> int | None:
    """Return the pid that holds the flock, None where nobody does.

    The pid in the file counts only where the kernel's list has no answer (some containers hide it).
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    name = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        fields = line.split()
        if len(fields) >= 6 and fields[1] == "FLOCK" and fields[5] == name and fields[4].isdigit():
            pid = int(fields[4])
            if pid > 0:
                return pid
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return _read_pid(descriptor)
    finally:
        os.close(descriptor)


def _is_livetrader(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        owner = Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return False
    named = any(b"livetrader" in Path(os.fsdecode(word)).name.encode() for word in words[:4])
    return named and owner == os.geteuid()
