"""The object store on disk: one file per key, replaced atomically, never outside its folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Final

MAX_KEY_LENGTH: Final = 512  # bytes; below what every file system takes for a path
MAX_PART_LENGTH: Final = 200  # bytes; file systems take 255 for a name
_PENDING: Final = ".pending"  # where a value is written before it takes its place


class FileObjectStore:
    """Implements ports.ObjectStore in a folder. Thread-safe; made for one process at a time.

    Keys are relative paths with `/`, as in LEAN ("models/spy.bin"). It refuses keys that would leave the
    folder, and it does not limit how much is stored.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()
        self._lock = threading.Lock()  # a save and a delete of the same key must not interleave

    def read(self, key: str) -> bytes:
        """Return the bytes. Raises KeyError where there are none, ValueError for a key out of bounds."""
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise KeyError(key) from None

    def save(self, key: str, value: bytes) -> None:
        """Store the bytes durably: after a crash there is the old value or the new one, never a part."""
        self._place(key, value, Path.replace)

    def save_new(self, key: str, value: bytes) -> bool:
        """Store the bytes durably unless there is something; return whether there was nothing.

        A link is made for one writer only, in whatever process, so nobody replaces what another has saved.
        """
        try:
            self._place(key, value, _link)
        except _TakenError:
            return False
        return True

    def _place(self, key: str, value: bytes, place: Callable[[Path, Path], object]) -> None:
        path = self._path(key)
        pending = self._folder / _PENDING / f"{os.getpid()}-{next(self._numbers)}"
        with self._lock:
            pending.parent.mkdir(parents=True, exist_ok=True)
            try:
                with pending.open("wb") as file:
                    file.write(value)
                    file.flush()
                    os.fsync(file.fileno())
                path.parent.mkdir(parents=True, exist_ok=True)
                place(pending, path)
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise ValueError(
                    f"{key!r} cannot be stored: it is a folder, or a part of it is a key"
                ) from error
            finally:
                pending.unlink(missing_ok=True)
            _sync_folder(path.parent)

    def contains(self, key: str) -> bool:
        """Return whether there is something under `key`."""
        return self._path(key).is_file()

    def delete(self, key: str) -> bool:
        """Forget the key; return whether there was something."""
        path = self._path(key)
        with self._lock:
            try:
                path.unlink()
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
                return False
            _sync_folder(path.parent)
        return True

    def keys(self, prefix: str = "") -> Sequence[str]:
        """Return all keys that begin with `prefix`, sorted."""
        files = (path for path in self._folder.rglob("*") if path.is_file())
        names = (path.relative_to(self._folder).as_posix() for path in files)
        found = (name for name in names if name.startswith(prefix))
        return sorted(name for name in found if not name.startswith(_PENDING + "/"))

    def _path(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        if not parts or "\0" in key or "\\" in key or len(os.fsencode(key)) > MAX_KEY_LENGTH:
            raise ValueError(f"{key!r} is no key: use a short relative path such as 'models/spy.bin'")
        if key.startswith("/") or ".." in parts or parts[0] == _PENDING:
            raise ValueError(f"{key!r} is no key: it would leave the object store")
        if any(len(os.fsencode(part)) > MAX_PART_LENGTH for part in parts):
            raise ValueError(f"{key!r} is no key: a part of it is longer than {MAX_PART_LENGTH} bytes")
        path = self._folder.joinpath(*parts)
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise ValueError(f"{key!r} is no key: a link in it leaves the object store")
        return path


class _TakenError(Exception):
    """Somebody has saved something under the key."""


def _link(pending: Path, path: Path) -> None:
    """Give a written file its name, unless there is such a file. Raises _TakenError where there is."""
    try:
        os.link(pending, path)
    except FileExistsError as error:
        if path.is_dir():
            raise
        raise _TakenError from error


def _sync_folder(folder: Path) -> None:
    """Make a rename or a delete in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
