"""The object store on disk: one file per key, replaced atomically, never outside its folder.

    <folder>/models/spy.bin          the value of "models/spy.bin"
    <folder>/.livetrader/pending/    values on their way (livetrader.store.pending)
    <folder>/.livetrader/usage       how full the folder is, where it has limits (livetrader.store.ledger)

Nothing is cached, so what another process saves is read at once.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final

from livetrader.clocks import wall_ns
from livetrader.store import pending
from livetrader.store.folders import contents, is_there, opened, refuse_link, remove_empty, status, walk
from livetrader.store.keys import RESERVED, KeyRefusedError, checked, checked_for_saving
from livetrader.store.ledger import Ledger
from livetrader.store.quota import UNLIMITED, Quota, Usage
from livetrader_engine.errors import StoreError
from livetrader_engine.ports import StoredObject, StoreLimits

PLACE_TRIES: Final = 10  # others may remove an empty folder between two steps of ours
_IN_THE_WAY: Final = "it is a folder of other keys, or a part of it is a key; use another name"
_GONE: Final = (FileNotFoundError, NotADirectoryError)
_REMEDIES: Final = {
    errno.ENOSPC: "free space on its disk",
    errno.EDQUOT: "free space, or raise the user's disk quota",
    errno.EROFS: "mount its disk for writing, or name the folder in ReadWritePaths= of the unit",
    errno.EACCES: "check owner and mode of the folder",
    errno.EPERM: "check owner and mode of the folder",
}


class FileObjectStore:
    """Implements ports.ObjectStore in a folder. Safe for several threads and processes at once."""

    def __init__(self, folder: Path, quota: Quota = UNLIMITED, now_ns: Callable[[], int] = wall_ns) -> None:
        self._folder = folder.absolute()
        self._quota = quota
        self._ledger = Ledger(self._folder, quota, now_ns)
        self._cleaned = False
        self._lock = threading.Lock()  # guards _cleaned

    @property
    def limits(self) -> StoreLimits:
        """The most bytes and files."""
        return StoreLimits(self._quota.max_bytes, self._quota.max_files)

    def read(self, key: str) -> bytes:
        """Return the bytes. Raises KeyError where there are none, KeyRefusedError for a key out of bounds."""
        *parts, name = checked(key).split("/")
        value = None
        with suppress(*_GONE), _told(key, "read"), opened(self._folder, parts) as folder:
            value = contents(folder, name)
        if value is None:
            raise KeyError(key)
        return value

    def save(self, key: str, value: bytes) -> None:
        """Store the bytes durably: after a crash there is the old value or the new one, never a part.

        Raises StoreFullError over the limits, StoreError where the disk will not take it, and then the old
        value stands; KeyRefusedError for a key out of bounds.
        """
        self._place(key, value, new=False)

    def save_new(self, key: str, value: bytes) -> bool:
        """Store the bytes durably unless there is something; return whether there was nothing.

        A link is made for one writer only, in whatever process, so nobody replaces what another has saved.
        """
        try:
            return self._place(key, value, new=True)
        except _TakenError:
            return False

    def save_file(self, key: str) -> None:
        """Make durable what was written into the file of `path`. Raises KeyError where there is none."""
        self.save(key, self.read(key))

    def contains(self, key: str) -> bool:
        """Return whether there is something under `key`."""
        return self.stat(key) is not None

    def stat(self, key: str) -> StoredObject | None:
        """Return size and age of an object, None where there is none."""
        *parts, name = checked(key).split("/")
        found = None
        with suppress(*_GONE), _told(key, "read"), opened(self._folder, parts) as folder:
            refuse_link(folder, name)
            found = status(folder, name)
        return None if found is None else StoredObject(found.st_size, found.st_mtime_ns)

    def delete(self, key: str) -> bool:
        """Forget the key; return whether there was something."""
        *parts, name = checked(key).split("/")
        with (
            suppress(*_GONE, IsADirectoryError),
            _told(key, "deleted"),
            opened(self._folder, parts) as folder,
        ):
            if status(folder, name) is None:
                return False
            with self._counted(folder, name, None):
                os.unlink(name, dir_fd=folder)
            os.fsync(folder)
            return True
        return False

    def keys(self, prefix: str = "") -> Sequence[str]:
        """Return all keys that begin with `prefix`, sorted."""
        return [key for key, _ in self.listing(prefix)]

    def listing(self, prefix: str = "") -> Sequence[tuple[str, StoredObject]]:
        """Return keys that begin with `prefix`, sorted, with size and age."""
        above = prefix.rpartition("/")[0]
        parts = checked(above).split("/") if above else []
        base = "".join(f"{part}/" for part in parts)
        found = []
        with suppress(*_GONE), _told(prefix, "listed"), opened(self._folder, parts) as folder:
            for path, state in walk(folder, base):
                if path.startswith(prefix) and _is_key(path):
                    found.append((path, StoredObject(state.st_size, state.st_mtime_ns)))
        return sorted(found)

    def path(self, key: str) -> str:
        """Return the file of a key, for libraries that want one; makes its folders, not the file.

        What is written there is the key's value at once, but neither atomic nor within the limits until
        `save_file`.
        """
        clean = checked_for_saving(key)
        *parts, name = clean.split("/")
        with _told(key, "saved"), opened(self._folder, parts, create=True) as folder:
            refuse_link(folder, name)
        return str(self._folder / clean)

    def forget(self) -> None:
        """Do nothing: nothing is cached."""

    def usage(self) -> Usage:
        """Count what the store holds, looking at every file."""
        return self._ledger.usage()

    def _place(self, key: str, value: bytes, *, new: bool) -> bool:
        *parts, name = checked_for_saving(key).split("/")
        self._clean_once()
        for _ in range(PLACE_TRIES):
            with (
                suppress(FileNotFoundError, BlockingIOError),  # somebody cleaned up under us: once more
                _told(key, "saved"),
                pending.written(self._folder, value) as aside,
                opened(self._folder, parts, create=True) as folder,
            ):
                return self._put(aside, folder, name, len(value), new)
        raise StoreError(f"{key!r} cannot be saved: its folder is removed again and again; see who does that")

    def _put(self, aside: tuple[int, str], folder: int, name: str, size: int, new: bool) -> bool:
        """Give a written file its name; return whether it got it."""
        refuse_link(folder, name)
        if new and status(folder, name) is not None:
            return False
        with self._counted(folder, name, size):
            if not new:
                _rename(aside, folder, name)
            elif not _link(aside, folder, name):
                raise _TakenError  # leaves the count dirty: it is made again
        os.fsync(folder)
        return True

    def _counted(self, folder: int, name: str, size: int | None) -> AbstractContextManager[None]:
        if not self._ledger.kept:
            return nullcontext()
        return self._ledger.change(lambda: _size(folder, name), size)

    def _clean_once(self) -> None:
        with self._lock:
            if self._cleaned:
                return
            self._cleaned = True
        pending.clean(self._folder)


class _TakenError(Exception):
    """Somebody has saved something under the key."""


@contextmanager
def _told(key: str, done: str) -> Iterator[None]:
    """Say what the system said in words of the store; what is not there, or gone, stays as it is."""
    try:
        yield
    except (KeyRefusedError, StoreError, FileNotFoundError, BlockingIOError):
        raise
    except ValueError as error:
        raise KeyRefusedError(key, str(error)) from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        if done != "saved":
            raise
        raise KeyRefusedError(key, _IN_THE_WAY) from error
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "check the disk that it is on")
        what = f"{key!r} cannot be {done} in the object store: {error.strerror or error}"
        raise StoreError(f"{what}; {remedy}") from error


def _rename(aside: tuple[int, str], folder: int, name: str) -> None:
    """Give a written file its name.

    Raises IsADirectoryError where other keys are in the way, BlockingIOError where it is to be tried again.
    """
    source, written = aside
    try:
        os.rename(written, name, src_dir_fd=source, dst_dir_fd=folder)
    except IsADirectoryError:
        if _is_in_the_way(folder, name):
            raise
        try:
            os.rename(written, name, src_dir_fd=source, dst_dir_fd=folder)
        except IsADirectoryError:
            raise BlockingIOError("folders of that name come and go") from None


def _link(aside: tuple[int, str], folder: int, name: str) -> bool:
    """Give a written file its name unless there is such a file; return whether it got it.

    Raises FileExistsError where other keys are in the way, BlockingIOError where it is to be tried again.
    """
    source, written = aside
    try:
        os.link(written, name, src_dir_fd=source, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        if status(folder, name) is not None:
            return False
        if _is_in_the_way(folder, name):
            raise
        try:
            os.link(written, name, src_dir_fd=source, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            raise BlockingIOError("folders of that name come and go") from None
    return True


def _is_in_the_way(folder: int, name: str) -> bool:
    """Whether something stands there that is no key's; a folder goes whose keys are all deleted."""
    return not remove_empty(folder, name) and is_there(folder, name) and status(folder, name) is None


def _size(folder: int, name: str) -> int | None:
    found = status(folder, name)
    return None if found is None else found.st_size


def _is_key(path: str) -> bool:
    """Whether a file's path can be asked for: names with a backslash, say, come in by other ways."""
    if path.startswith(RESERVED + "/"):
        return False
    try:
        return checked(path) == path
    except KeyRefusedError:
        return False
