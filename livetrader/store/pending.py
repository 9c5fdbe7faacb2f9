"""Values on their way into the store: written aside, made durable, and put in place by a rename.

Each writer holds a lock on the file it writes, so what a crashed process left is known by its free lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

from livetrader.store.folders import opened
from livetrader.store.keys import RESERVED

PLACE: Final = (RESERVED, "pending")
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_numbers: Final = count()


@contextmanager
def written(root: Path, value: bytes) -> Iterator[tuple[int, str]]:
    """Write a value durably aside; give folder descriptor and name, from which it can be moved.

    What has not been moved away when the block ends is removed.
    """
    name = f"{os.getpid()}-{next(_numbers)}-{os.urandom(4).hex()}"
    with opened(root, PLACE, create=True) as folder:
        descriptor = os.open(name, _NEW, 0o666, dir_fd=folder)
        try:
            _lock(descriptor)
            view = memoryview(value)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
            yield folder, name
        finally:
            _remove(folder, name)  # before the lock is let go, so that no cleaner races for it
            os.close(descriptor)


def clean(root: Path) -> int:
    """Remove what crashed writers left behind; return how many files that were."""
    removed = 0
    try:
        with opened(root, PLACE) as folder:
            with os.scandir(folder) as entries:
                names = [entry.name for entry in entries]
            for name in names:
                removed += _remove_abandoned(folder, name)
    except FileNotFoundError:
        return 0
    return removed


def _remove_abandoned(folder: int, name: str) -> bool:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(folder, name)
    except OSError:  # its writer lives, or may live: this file system has no locks
        return False
    finally:
        os.close(descriptor)
    return True


def _lock(descriptor: int) -> None:
    """Lock a new file; without locks in the file system leftovers stay. Raises BlockingIOError."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise


def _remove(folder: int, name: str) -> None:
    with suppress(FileNotFoundError):  # it is in its place
        os.unlink(name, dir_fd=folder)
