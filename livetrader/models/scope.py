"""The part of a store that belongs to one project, exactly: nothing of another's is ever seen in it.

`ProjectStore` also reads what other projects keep, by their names. Versions are numbered, so here a number of
somebody else's must not look like one of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from livetrader.store.store import ProjectStore
from livetrader_engine.ports import ObjectStore


class Blobs(Protocol):
    """What the catalog needs of a store; `ports.ObjectStore` says what each does."""

    def read(self, key: str) -> bytes:
        """Return the bytes. Raises KeyError where there are none."""
        ...

    def save(self, key: str, value: bytes) -> None:
        """Store the bytes durably."""
        ...

    def save_new(self, key: str, value: bytes) -> bool:
        """Store the bytes durably where there is nothing; return whether there was nothing."""
        ...

    def contains(self, key: str) -> bool:
        """Return whether there is something under `key`."""
        ...

    def delete(self, key: str) -> bool:
        """Forget the key; return whether there was something."""
        ...

    def keys(self, prefix: str = "") -> Sequence[str]:
        """Return all keys that begin with `prefix`, sorted."""
        ...

    def forget(self) -> None:
        """Drop what is cached, so that the next read sees what others have saved."""
        ...


class Below:
    """Implements Blobs over the keys of a store that begin with a folder."""

    def __init__(self, whole: Blobs, folder: str) -> None:
        self._whole = whole
        self._start = f"{folder}/"

    def read(self, key: str) -> bytes:
        """Return the bytes. Raises KeyError where there are none."""
        return self._whole.read(self._start + key)

    def save(self, key: str, value: bytes) -> None:
        """Store the bytes durably."""
        self._whole.save(self._start + key, value)

    def save_new(self, key: str, value: bytes) -> bool:
        """Store the bytes durably where there is nothing; return whether there was nothing."""
        return self._whole.save_new(self._start + key, value)

    def contains(self, key: str) -> bool:
        """Return whether there is something under `key`."""
        return self._whole.contains(self._start + key)

    def delete(self, key: str) -> bool:
        """Forget the key; return whether there was something."""
        return self._whole.delete(self._start + key)

    def keys(self, prefix: str = "") -> Sequence[str]:
        """Return all keys that begin with `prefix`, sorted."""
        return [key.removeprefix(self._start) for key in self._whole.keys(self._start + prefix)]

    def forget(self) -> None:
        """Drop what is cached."""
        self._whole.forget()


def own_part(store: ObjectStore) -> Blobs:
    """Return what is a project's own of its view, or the whole of a store without projects."""
    return Below(store.whole, store.project) if isinstance(store, ProjectStore) else store
