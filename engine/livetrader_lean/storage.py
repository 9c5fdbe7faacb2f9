"""`self.object_store` as an algorithm sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from livetrader_engine.ports import ObjectStore as CoreStore
from livetrader_lean.views import Face


class ObjectStore(Face):
    """Keyed text and bytes that outlive the algorithm. Thread-safe, so training functions may use it."""

    __slots__ = ("_store",)

    def __init__(self, store: CoreStore) -> None:
        self._store = store

    def contains_key(self, key: str) -> bool:
        """Return whether there is something under the key."""
        return self._store.contains(key)

    def read_bytes(self, key: str) -> bytes:
        """Return the bytes. Raises KeyError where there are none."""
        return self._store.read(key)

    def read(self, key: str) -> str:
        """Return the text. Raises KeyError where there is none."""
        return self._store.read(key).decode()

    def read_string(self, key: str) -> str:
        """Return the text. Raises KeyError where there is none."""
        return self.read(key)

    def read_json(self, key: str) -> Any:
        """Return what `save_json` stored. Raises KeyError where there is nothing."""
        return json.loads(self._store.read(key))

    def save_bytes(self, key: str, contents: Any) -> bool:
        """Store bytes (anything `bytes()` takes) durably."""
        self._store.save(key, bytes(contents))
        return True

    def save(self, key: str, text: str) -> bool:
        """Store text durably."""
        self._store.save(key, text.encode() if isinstance(text, str) else bytes(text))
        return True

    def save_string(self, key: str, text: str) -> bool:
        """Store text durably."""
        return self.save(key, text)

    def save_json(self, key: str, value: Any) -> bool:
        """Store a value as JSON durably."""
        return self.save(key, json.dumps(value))

    def delete(self, key: str) -> bool:
        """Forget the key; return whether there was something."""
        return self._store.delete(key)

    def clear(self) -> None:
        """Forget everything."""
        for key in self._store.keys():  # noqa: SIM118 — a port, not a dict
            self._store.delete(key)

    @property
    def keys(self) -> list[str]:
        """All keys, sorted."""
        return list(self._store.keys())

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._store.contains(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.keys())
