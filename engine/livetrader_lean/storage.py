"""`self.object_store` as an algorithm sees it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from livetrader_engine.errors import StoreError
from livetrader_engine.ports import ObjectStore as CoreStore
from livetrader_engine.wire import writable
from livetrader_lean.dotnet import Event
from livetrader_lean.plain import to_json, typed
from livetrader_lean.views import Face, Listing
from livetrader_lean.xml_text import from_xml, to_xml

MAX_LONG: Final = 2**63 - 1  # .NET's, where there is no limit
MAX_INT: Final = 2**31 - 1


def _key(path: str) -> str:
    """Return what LEAN takes a path for: without a leading dot or `/`, with `/` for each backslash.

    Source: LocalObjectStore.NormalizePath, except that `..` stays, for the store to refuse. What is no text
    stays, too.
    """
    if not isinstance(path, str) or path.startswith(".."):
        return path
    return path.replace("\\", "/").removeprefix(".").lstrip("/")


class StoredPair(NamedTuple):
    """One entry, as iterating the object store gives it; unpacks like a tuple."""

    key: str
    value: bytes

    @property
    def Key(self) -> str:
        """The key."""
        return self.key

    @property
    def Value(self) -> bytes:
        """The bytes."""
        return self.value


class ObjectStoreErrorRaisedEventArgs(Face):
    """What a handler of `error_raised` gets: `error`, an exception whose text says what to do."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


class ForType:
    """A method that may be told a type: `read_json(key)` or `read_json[Type](key)`, as in LEAN."""

    def __init__(self, method: Callable[..., Any], kind: type | None = None) -> None:
        self._method = method
        self._kind = kind

    def __getitem__(self, kind: type) -> ForType:
        return ForType(self._method, kind)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the method, for the type."""
        return self._method(self._kind, *arguments, **named)


class ObjectStore(Face):
    """Keyed text and bytes that outlive the algorithm. Thread-safe, so training functions may use it.

    Trouble with the store (it is full, the disk or the remote place fails) never ends the algorithm: what
    saves or deletes returns False, `contains_key` returns False where nothing is known, and `error_raised`
    and the log tell why. Reading what cannot be had raises StoreError. A key that breaks a rule raises
    ValueError, naming the rule.
    """

    __slots__ = ("_error_raised", "_store", "_tell", "raises")

    def __init__(self, store: CoreStore, tell: Callable[[str], None] = lambda words: None) -> None:
        self._store = store
        self._tell = tell
        self._error_raised = Event()
        self.raises = False  # in research a full store is an error, as in LEAN

    @property
    def error_raised(self) -> Event:
        """Fires handler(store, args) when something could not be stored; `args.error` says why."""
        return self._error_raised

    @error_raised.setter
    def error_raised(self, event: Event) -> None:
        self._error_raised = event  # what `+=` gives back

    @property
    def max_size(self) -> int:
        """The most bytes that the store takes."""
        most = self._store.limits.max_bytes
        return MAX_LONG if most is None else most

    @property
    def max_files(self) -> int:
        """The most objects that the store takes."""
        most = self._store.limits.max_files
        return MAX_INT if most is None else most

    def contains_key(self, path: str) -> bool:
        """Return whether there is something under the key."""
        return self._done(lambda: self._store.contains(_key(path)))

    def read_bytes(self, path: str) -> bytes:
        """Return the bytes. Raises KeyError where there are none."""
        try:
            return self._store.read(_key(path))
        except KeyError:
            raise KeyError(f"there is no {path!r} in the object store; ask contains_key first") from None

    def read(self, path: str, encoding: str | None = None) -> str:
        """Return the text. Raises KeyError where there is none. Bytes that are no text become U+FFFD."""
        return self.read_bytes(path).decode(encoding or "utf-8", "replace")

    def read_string(self, path: str, encoding: str | None = None) -> str:
        """Return the text. Raises KeyError where there is none."""
        return self.read(path, encoding)

    @property
    def read_json(self) -> ForType:
        """Read JSON: `read_json(key)`, or `read_json[Type](key)` for an object. Raises KeyError."""
        return ForType(self._read_json)

    @property
    def read_xml(self) -> ForType:
        """Read XML: `read_xml(key)`, or `read_xml[Type](key)` for an object. Raises KeyError."""
        return ForType(self._read_xml)

    def save_bytes(self, path: str, contents: Any) -> bool:
        """Store bytes durably: bytes, bytearray, memoryview, or a list of numbers up to 255."""
        if isinstance(contents, str | int | None):
            raise TypeError(f"save_bytes takes bytes, not {type(contents).__name__}; save takes text")
        value = bytes(contents)
        return self._saved(lambda: self._store.save(_key(path), value))

    def save(self, path: str, text: str | bytes | None = None, encoding: str | None = None) -> bool:
        """Store text durably. Without a text: store what was written into the file of `get_file_path`.

        Raises ValueError where there is no such file.
        """
        if text is None:
            return self._save_file(path)
        value = writable(text).encode(encoding or "utf-8") if isinstance(text, str) else bytes(text)
        return self._saved(lambda: self._store.save(_key(path), value))

    def save_string(self, path: str, text: str, encoding: str | None = None) -> bool:
        """Store text durably."""
        return self.save(path, text, encoding)

    @property
    def save_json(self) -> ForType:
        """Store a value as JSON: `save_json(key, value)`. Objects are their public attributes."""
        return ForType(self._save_json)

    @property
    def save_xml(self) -> ForType:
        """Store a value as XML: `save_xml(key, value)`. Objects are their public attributes."""
        return ForType(self._save_xml)

    def delete(self, path: str) -> bool:
        """Forget the key; return whether there was something."""
        return self._done(lambda: self._store.delete(_key(path)))

    def get_file_path(self, path: str) -> str:
        """Return a local file for libraries that read or write files; its folders are made.

        It holds what is stored. What is written there is stored by `save(path)`.
        """
        return self._store.path(_key(path))

    def clear(self) -> None:
        """Drop what is cached, to see at once what others have saved. Deletes nothing, as in LEAN."""
        self._store.forget()

    @property
    def keys(self) -> Listing[str]:
        """All keys, sorted; `keys()` and `Keys` are the same."""
        try:
            return Listing(self._store.keys())
        except StoreError as error:
            self._failed(error)
            return Listing()

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.contains_key(key)

    def __len__(self) -> int:
        return len(self.keys)

    def __bool__(self) -> bool:
        return True  # an empty store is a store

    def __iter__(self) -> Iterator[StoredPair]:
        for key in self.keys:
            try:
                value = self._store.read(key)
            except KeyError:
                continue  # somebody has deleted it meanwhile
            yield StoredPair(key, value)

    def _read_json(self, kind: type | None, path: str, encoding: str | None = None) -> Any:
        try:
            value = json.loads(self.read(path, encoding))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path!r} holds no JSON: {error}; read_bytes gives what it holds") from error
        return typed(value, kind)

    def _read_xml(self, kind: type | None, path: str, encoding: str | None = None) -> Any:
        try:
            return typed(from_xml(self.read(path, encoding)), kind)
        except ValueError as error:
            raise ValueError(f"{path!r}: {error}") from error

    def _save_json(self, kind: type | None, path: str, obj: object, encoding: str | None = None) -> bool:
        return self.save(path, to_json(obj), encoding)

    def _save_xml(self, kind: type | None, path: str, obj: object, encoding: str | None = None) -> bool:
        return self.save(path, to_xml(obj), encoding)

    def _save_file(self, path: str) -> bool:
        try:
            return self._saved(lambda: self._store.save_file(_key(path)))
        except KeyError:
            remedy = "write the file that get_file_path names first, or give a text"
            raise ValueError(f"there is no file for {path!r}; {remedy}") from None

    def _saved(self, save: Callable[[], None]) -> bool:
        def saved() -> bool:
            save()
            return True

        return self._done(saved)

    def _done(self, call: Callable[[], bool]) -> bool:
        try:
            return call()
        except StoreError as error:
            self._failed(error)
            return False

    def _failed(self, error: StoreError) -> None:
        if self.raises:
            raise error
        self._tell(f"Object store: {error}")
        self._error_raised(self, ObjectStoreErrorRaisedEventArgs(error))
