"""How full a folder is, counted once and carried on by every writer, in whatever process.

The count lies in a file beside the lock that guards it. A writer marks it dirty before it changes the
store and writes the new count after; who finds it dirty (the writer died between), unreadable or older than
RECOUNT_S counts again. So a save costs no look at all files, and files that come and go by other ways are
seen in time.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from livetrader.store.folders import opened, walk
from livetrader.store.keys import RESERVED
from livetrader.store.quota import Quota, Usage, refusal
from livetrader_engine.errors import StoreError, StoreFullError

RECOUNT_S: Final = 60.0  # files that were put or removed by hand count after this long
REFUSAL_RECOUNT_S: Final = 1.0  # nobody is refused by an older count
LOCK_LIMIT_S: Final = 10.0  # a writer holds the lock for a rename, not for the writing
_LOCK_POLL_S: Final = 0.005
_NS: Final = 1e9
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_RECORD_BYTES: Final = 4096


class Count(msgspec.Struct, frozen=True):
    """What the file holds; `counted_ns`: when all files were looked at last (wall clock)."""

    files: int
    bytes: int
    counted_ns: int
    dirty: bool = False

    @property
    def usage(self) -> Usage:
        """Return what the store holds."""
        return Usage(self.files, self.bytes)


class Ledger:
    """Guards a folder's count. Made per store object; the state is in the file. Thread-safe."""

    def __init__(self, root: Path, quota: Quota, wall_ns: Callable[[], int]) -> None:
        self._root = root
        self._quota = quota
        self._wall_ns = wall_ns

    @property
    def kept(self) -> bool:
        """Whether changes must be counted: this store has limits, or another user of the folder has."""
        return self._quota.limited or (self._root / RESERVED / "usage").exists()

    @contextmanager
    def change(self, old_bytes: Callable[[], int | None], new_bytes: int | None) -> Iterator[None]:
        """Count one change, made inside the block: an object gives way to another; None: there is none.

        Raises StoreFullError before the block where the store would be over its limits, StoreError where
        another process holds the lock too long.
        """
        with opened(self._root, (RESERVED,), create=True) as folder, _locked(folder):
            descriptor = os.open("usage", _FLAGS, 0o666, dir_fd=folder)
            try:
                count = self._read(descriptor)
                if not self._fresh(count, RECOUNT_S):
                    count = self._count()
                old = old_bytes()
                if self._too_full(count, old, new_bytes) and not self._fresh(count, REFUSAL_RECOUNT_S):
                    count = self._count()
                _write(descriptor, count)
                if words := self._too_full(count, old, new_bytes):
                    raise StoreFullError(words)
                _write(descriptor, msgspec.structs.replace(count, dirty=True))
                yield
                after = count.usage.replacing(old, new_bytes)
                _write(descriptor, msgspec.structs.replace(count, files=after.files, bytes=after.bytes))
            finally:
                os.close(descriptor)

    def usage(self) -> Usage:
        """Count what the store holds, now."""
        try:
            return self._count().usage
        except FileNotFoundError:
            return Usage()

    def _too_full(self, count: Count, old: int | None, new: int | None) -> str | None:
        """Return why an object may not give way to another; one that makes the store no fuller may."""
        if new is None or (old is not None and new <= old):
            return None
        return refusal(self._quota, count.usage.replacing(old, new))

    def _read(self, descriptor: int) -> Count:
        """Return the count in the file, a dirty one where there is none that can be read."""
        try:
            return msgspec.json.decode(os.pread(descriptor, _RECORD_BYTES, 0), type=Count)
        except msgspec.MsgspecError:
            return Count(0, 0, 0, dirty=True)

    def _fresh(self, count: Count, age_s: float) -> bool:
        """Whether a count can be trusted and is not older than `age_s`, nor from the future."""
        return not count.dirty and 0 <= self._wall_ns() - count.counted_ns <= age_s * _NS

    def _count(self) -> Count:
        files = size = 0
        with opened(self._root, ()) as root:
            for path, state in walk(root):
                if not path.startswith(RESERVED + "/"):
                    files += 1
                    size += state.st_size
        return Count(files, size, self._wall_ns())


@contextmanager
def _locked(folder: int) -> Iterator[None]:
    """Hold the folder's lock; raises StoreError after LOCK_LIMIT_S."""
    descriptor = os.open("lock", _FLAGS, 0o666, dir_fd=folder)
    try:
        for _ in range(int(LOCK_LIMIT_S / _LOCK_POLL_S)):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_LOCK_POLL_S)
        else:
            words = f"another process has held the lock of the object store for {LOCK_LIMIT_S:.0f} s"
            raise StoreError(f"{words}; see who has .livetrader/lock open (fuser), and end it")
        yield
    finally:
        os.close(descriptor)


def _write(descriptor: int, count: Count) -> None:
    os.pwrite(descriptor, msgspec.json.encode(count).ljust(_RECORD_BYTES), 0)
