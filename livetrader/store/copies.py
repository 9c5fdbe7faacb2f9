"""What a remote store keeps on this machine: copies for reading again, and the files that it gives out.

Both belong to one process at a time. Losing them loses nothing that is stored.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from livetrader.store.local import FileObjectStore
from livetrader.store.quota import MB
from livetrader_engine.ports import StoredObject

MAX_COPIES_BYTES: Final = 2048 * MB  # the oldest go first


class Copies:
    """Values that were read or saved. Thread-safe. Saving raises StoreError, as a folder's does."""

    def __init__(self, folder: Path, max_bytes: int = MAX_COPIES_BYTES) -> None:
        self._store = FileObjectStore(folder)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._bytes: int | None = None  # at least what lies there; None: not counted yet

    def read(self, key: str) -> bytes | None:
        """Return a copy, None where there is none (any more)."""
        try:
            return self._store.read(key)
        except KeyError:
            return None

    def stat(self, key: str) -> StoredObject | None:
        """Return size and age of a copy, None where there is none."""
        return self._store.stat(key)

    def keep(self, key: str, value: bytes) -> bool:
        """Keep a copy; return whether there is room for it."""
        if len(value) > self._max_bytes:
            self.drop(key)
            return False
        self._make_room(len(value))
        self._store.save(key, value)
        return True

    def drop(self, key: str) -> None:
        """Forget a copy."""
        self._store.delete(key)

    def _make_room(self, size: int) -> None:
        with self._lock:
            if self._bytes is None:
                self._bytes = self._store.usage().bytes
            self._bytes += size  # a replaced one counts twice, until all are counted again
            if self._bytes <= self._max_bytes:
                return
            listing = sorted(self._store.listing(), key=lambda item: item[1].modified_ns)
            total = sum(copy.size for _, copy in listing) + size
            for key, copy in listing:
                if total <= self._max_bytes:
                    break
                self._store.delete(key)
                total -= copy.size
            self._bytes = total


class GivenFiles:
    """Files by key that libraries read and write. What was written there and not stored is not replaced."""

    def __init__(self, folder: Path) -> None:
        self._store = FileObjectStore(folder)
        self._lock = threading.Lock()
        self._given: dict[str, StoredObject | None] = {}  # as they were given out or stored

    def path(self, key: str) -> str:
        """Return the file of a key; its folders are made."""
        return self._store.path(key)

    def read(self, key: str) -> bytes:
        """Return what stands in the file. Raises KeyError where there is none."""
        return self._store.read(key)

    def offer(self, key: str, value: bytes) -> None:
        """Let the file hold this value, unless somebody has changed it since it was given out or stored."""
        with self._lock:
            present = self._store.stat(key)
            if present is not None and present != self._given.get(key, present):
                return
            if present is None or self._store.read(key) != value:
                self._store.save(key, value)
            self._given[key] = self._store.stat(key)

    def stored(self, key: str) -> None:
        """Take note that what stands in the file has been stored."""
        with self._lock:
            self._given[key] = self._store.stat(key)
