"""A project's view of a store that several projects share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from livetrader.store.keys import Scope, checked
from livetrader.store.quota import Usage
from livetrader_engine.ports import ObjectStore, StoredObject, StoreLimits


class Store(ObjectStore, Protocol):
    """An object store with what operators ask for beside what algorithms need."""

    def listing(self, prefix: str = "") -> Sequence[tuple[str, StoredObject]]:
        """Return keys that begin with `prefix`, sorted, with size and age."""
        ...

    def usage(self) -> Usage:
        """Count what the store holds."""
        ...


class ProjectStore:
    """Implements Store for one project over a whole one: its own keys first, others' by `<project>/<key>`.

    It saves and deletes the project's own objects only. Limits and usage are those of the whole store.
    """

    def __init__(self, whole: Store, scope: Scope) -> None:
        self._whole = whole
        self._scope = scope

    @property
    def whole(self) -> Store:
        """The store of all projects."""
        return self._whole

    @property
    def project(self) -> str:
        """The project whose view this is."""
        return self._scope.project

    @property
    def limits(self) -> StoreLimits:
        """The most bytes and files, of all projects together."""
        return self._whole.limits

    def read(self, key: str) -> bytes:
        """Return the bytes of the project's own object, else of another's. Raises KeyError."""
        for stored in self._scope.readable(key):
            try:
                return self._whole.read(stored)
            except KeyError:
                continue
        raise KeyError(key)

    def save(self, key: str, value: bytes) -> None:
        """Store the bytes as the project's own."""
        self._whole.save(self._scope.own(key), value)

    def save_new(self, key: str, value: bytes) -> bool:
        """Store the bytes as the project's own where there is nothing; return whether there was nothing."""
        return self._whole.save_new(self._scope.own(key), value)

    def contains(self, key: str) -> bool:
        """Return whether the project, or another by this name, has something under `key`."""
        return self.stat(key) is not None

    def stat(self, key: str) -> StoredObject | None:
        """Return size and age of what `read` would return, None where there is nothing."""
        for stored in self._scope.readable(key):
            found = self._whole.stat(stored)
            if found is not None:
                return found
        return None

    def delete(self, key: str) -> bool:
        """Forget the project's own object; return whether there was one."""
        return self._whole.delete(self._scope.own(key))

    def keys(self, prefix: str = "") -> Sequence[str]:
        """Return all keys by the project's names for them, sorted; those of others as `<project>/<key>`."""
        return [key for key, _ in self.listing(prefix)]

    def listing(self, prefix: str = "") -> Sequence[tuple[str, StoredObject]]:
        """Return keys as `keys` does, with size and age."""
        names: dict[str, StoredObject] = {}
        for stored, found in self._listed(prefix):
            name = self._scope.shown(stored)
            if name.startswith(prefix) and (name != stored or name not in names):
                names[name] = found  # what is the project's own hides what another has by the same name
        return sorted(names.items())

    def _listed(self, prefix: str) -> Sequence[tuple[str, StoredObject]]:
        if not prefix:
            return self._whole.listing()
        return [*self._whole.listing(f"{self._scope.project}/{prefix}"), *self._whole.listing(prefix)]

    def path(self, key: str) -> str:
        """Return the file of what `read` would return, of the project's own where there is nothing."""
        own, *others = self._scope.readable(key)
        if self._whole.stat(own) is None:
            for stored in others:
                if self._whole.stat(stored) is not None:
                    return self._whole.path(stored)
        return self._whole.path(own)

    def save_file(self, key: str) -> None:
        """Store what stands in the file of the project's own key. Raises KeyError where there is none."""
        self._whole.save_file(self._scope.own(checked(key)))

    def forget(self) -> None:
        """Drop what is cached."""
        self._whole.forget()

    def usage(self) -> Usage:
        """Count what the whole store holds."""
        return self._whole.usage()
