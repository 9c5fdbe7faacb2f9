"""The object store behind a URL: S3 and whatever else fsspec knows.

What was read is kept in a local folder, and read from there as long as it is known to be current: known for
`fresh_s` seconds, then asked for by its tag, and fetched again only where it has changed. So live sees
others' changes within that time, and when the place is sick what was read before can still be read.

    <copies>/read/     what has been read or saved, for reading again
    <copies>/files/    files that `path` gave out; what an algorithm writes there is stored by `save_file`
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypeVar

from livetrader.clocks import monotonic_s as real_monotonic_s
from livetrader.clocks import wall_ns
from livetrader.store.calls import TRIES, BoundedCalls
from livetrader.store.copies import Copies, GivenFiles
from livetrader.store.keys import RESERVED, checked, checked_for_saving
from livetrader.store.objects import Version
from livetrader.store.quota import MB, UNLIMITED, Quota, Usage, refusal
from livetrader.store.remembered import Remembered
from livetrader_engine.errors import StoreError, StoreFullError
from livetrader_engine.ports import StoredObject, StoreLimits

FRESH_S: Final = 30.0  # how long others' changes may go unseen; half of the minute that is promised
CONNECT_LIMIT_S: Final = 30.0  # once: libraries are imported, and some of them connect
ASK_LIMIT_S: Final = 5.0  # for a question about one object
LIST_LIMIT_S: Final = 15.0
MOVE_LIMIT_S: Final = 10.0  # for a value, and ...
SLOWEST_BYTES_PER_S: Final = MB  # ... this rate on top, up to ...
MAX_MOVE_LIMIT_S: Final = 300.0
REPORT_EVERY_S: Final = 60.0

_T = TypeVar("_T")


class Objects(Protocol):
    """What this store needs of a remote place; livetrader.store.objects.RemoteObjects is the real one."""

    def connect(self) -> None: ...
    def get(self, name: str) -> bytes: ...
    def info(self, name: str) -> Version | None: ...
    def put(self, name: str, value: bytes) -> None: ...
    def create(self, name: str, value: bytes) -> None: ...
    def remove(self, name: str) -> None: ...
    def find(self, folder: str) -> dict[str, Version]: ...


class RemoteOptions(NamedTuple):
    """How a remote store behaves. `report` hears what an operator should know, at most once a minute."""

    quota: Quota = UNLIMITED
    fresh_s: float = FRESH_S
    report: Callable[[str], None] = lambda words: None
    monotonic_s: Callable[[], float] = real_monotonic_s


class RemoteObjectStore:
    """Implements Store. Thread-safe; `copies` belongs to one process at a time.

    No call waits for the place longer than MAX_MOVE_LIMIT_S; without a value to move, a few ASK_LIMIT_S.
    """

    def __init__(self, objects: Objects, place: str, copies: Path, options: RemoteOptions) -> None:
        self._objects = objects
        self._options = options
        self._place = place
        self._calls = BoundedCalls(place, options.monotonic_s)
        self._connected = False
        self._copies = Copies(copies / "read")
        self._files = GivenFiles(copies / "files")
        self._memory = Remembered(options.fresh_s, options.monotonic_s)
        self._reported_s = -REPORT_EVERY_S
        self._lock = threading.Lock()  # guards _reported_s

    @property
    def limits(self) -> StoreLimits:
        """The most bytes and files."""
        return StoreLimits(self._options.quota.max_bytes, self._options.quota.max_files)

    def read(self, key: str) -> bytes:
        """Return the bytes, those of the local copy where the place does not answer. Raises KeyError."""
        clean = checked(key)
        try:
            return self._read(clean)
        except StoreError as error:
            copy = self._copies.read(clean)
            if copy is None:
                raise
            self._report(f"{error}; the copy of {clean!r} stands in for it")
            return copy

    def save(self, key: str, value: bytes) -> None:
        """Store the bytes: there is the old value or the new one, never a part.

        Raises StoreFullError over the limits. StoreError: it is not known to be stored; it may yet be,
        where the place did not answer in time.
        """
        clean = checked_for_saving(key)
        limit_s, put = _limit_s(len(value)), self._objects.put
        try:
            with self._counted(clean, len(value)):
                self._run(f"save {clean!r}", lambda: put(clean, value), limit_s, alone=clean)
        except FileNotFoundError as error:
            raise StoreError(f"save {clean!r}: there is no {self._place}: {error}; create it") from error
        self._saved(clean, value)

    def save_new(self, key: str, value: bytes) -> bool:
        """Store the bytes where there is nothing; return whether there was nothing.

        Exact where the place can write under a condition, as S3 can; elsewhere among threads of a process.
        """
        clean = checked_for_saving(key)
        if self._ask(clean)[0] is not None:
            return False
        limit_s, create = _limit_s(len(value)), self._objects.create
        try:
            with self._counted(clean, len(value)):
                self._run(f"save {clean!r}", lambda: create(clean, value), limit_s, alone=clean, tries=1)
        except FileExistsError:
            self._memory.gone(clean)
            return False
        except FileNotFoundError as error:
            raise StoreError(f"save {clean!r}: there is no {self._place}: {error}; create it") from error
        self._saved(clean, value)
        return True

    def save_file(self, key: str) -> None:
        """Store what stands in the file that `path` gave. Raises KeyError where there is no such file."""
        clean = checked_for_saving(key)
        self.save(clean, self._files.read(clean))
        self._files.stored(clean)

    def contains(self, key: str) -> bool:
        """Return whether there is something under `key`."""
        return self.stat(key) is not None

    def stat(self, key: str) -> StoredObject | None:
        """Return size and age of an object, None where there is none."""
        clean = checked(key)
        try:
            version = self._current(clean)[0]
        except StoreError as error:
            copy = self._copies.stat(clean)
            if copy is None:
                raise
            self._report(f"{error}; the copy of {clean!r} stands in for it")
            return copy
        return None if version is None else StoredObject(version.size, version.modified_ns)

    def delete(self, key: str) -> bool:
        """Forget the key; return whether there was something."""
        clean = checked(key)
        if self._ask(clean)[0] is None:
            return False
        remove = self._objects.remove
        there = True
        try:
            with self._counted(clean, None):
                self._run(f"delete {clean!r}", lambda: remove(clean), ASK_LIMIT_S, alone=clean)
        except FileNotFoundError:
            there = False
        self._memory.gone(clean)
        self._copies.drop(clean)
        return there

    def keys(self, prefix: str = "") -> Sequence[str]:
        """Return all keys that begin with `prefix`, sorted."""
        return [key for key, _ in self.listing(prefix)]

    def listing(self, prefix: str = "") -> Sequence[tuple[str, StoredObject]]:
        """Return keys that begin with `prefix`, sorted, with size and age."""
        folder = prefix.rpartition("/")[0]
        if folder:
            checked(folder)
        found = ((key, version) for key, version in self._all(folder).items() if key.startswith(prefix))
        return sorted((key, StoredObject(each.size, each.modified_ns)) for key, each in found)

    def path(self, key: str) -> str:
        """Return a local file that holds what is stored; one changed and not yet saved stays as it is."""
        clean = checked_for_saving(key)
        file = self._files.path(clean)
        try:
            self._files.offer(clean, self.read(clean))
        except KeyError:
            return file
        except StoreError as error:
            self._report(f"{error}; the file of {clean!r} is as it was")
        return file

    def forget(self) -> None:
        """Ask again before anything is read from a copy."""
        self._memory.forget()

    def usage(self) -> Usage:
        """Count what the store holds."""
        found = self._all("")
        return Usage(len(found), sum(version.size for version in found.values()))

    # -- what is known

    def _read(self, key: str) -> bytes:
        version, copied = self._current(key)
        if version is None:
            raise KeyError(key)
        copy = self._copies.read(key) if copied else None
        if copy is not None:
            return copy
        changes = self._memory.changes
        try:
            value = self._run(f"read {key!r}", lambda: self._objects.get(key), _limit_s(version.size))
        except FileNotFoundError:
            self._memory.gone(key)
            raise KeyError(key) from None
        self._memory.copied(key, version, changes, lambda: self._copy(key, value))
        return value

    def _current(self, key: str) -> tuple[Version | None, bool]:
        """Return the state of an object, asking where it is not fresh, and whether there is a copy of it."""
        known = self._memory.fresh(key)
        return self._ask(key) if known is None else (known.version, known.copied)

    def _ask(self, key: str) -> tuple[Version | None, bool]:
        changes = self._memory.changes
        version = self._run(f"look for {key!r}", lambda: self._objects.info(key), ASK_LIMIT_S)
        return version, self._memory.told(key, version, changes)

    def _saved(self, key: str, value: bytes) -> None:
        """Take note of a value of ours. Its tag is not known: somebody may have saved since."""
        ours = Version(len(value), wall_ns(), "saved here")
        self._memory.saved(key, ours, lambda: self._copy(key, value))

    def _all(self, folder: str) -> Mapping[str, Version]:
        known = self._memory.listing
        if known is not None:
            return known
        find, changes = self._objects.find, self._memory.changes
        found: dict[str, Version] = {}
        with suppress(FileNotFoundError):  # no such folder, yet
            found = self._run(f"list {folder or 'all'!r}", lambda: find(folder), LIST_LIMIT_S)
        found = {key: version for key, version in found.items() if not key.startswith(RESERVED + "/")}
        if not folder:
            self._memory.listed(found, changes)
        return found

    @contextmanager
    def _counted(self, key: str, size: int | None) -> Iterator[None]:
        """Count one change, made inside the block. Others' changes are seen when all is listed again."""
        if not self._options.quota.limited:
            yield
            return
        version = self._ask(key)[0]
        old_size = None if version is None else version.size
        counted_s, usage = self._memory.usage or (self._options.monotonic_s(), self.usage())
        after = usage.replacing(old_size, size)
        words = refusal(self._options.quota, after)
        if words and size is not None and (old_size is None or size > old_size):
            raise StoreFullError(words)
        yield
        self._memory.counted(counted_s, after)

    def _copy(self, key: str, value: bytes) -> bool:
        """Keep a value for reading again; return whether it is kept."""
        try:
            return self._copies.keep(key, value)
        except (StoreError, ValueError) as error:  # a full disk, or a name that no folder takes
            self._report(f"{error}; it is read from afar each time")
            return False

    def _run(
        self, what: str, call: Callable[[], _T], limit_s: float, *, alone: str = "", tries: int = TRIES
    ) -> _T:
        if not self._connected:
            self._calls.run(f"open {self._place}", self._objects.connect, CONNECT_LIMIT_S, tries=1)
            self._connected = True
        return self._calls.run(what, call, limit_s, alone=alone, tries=tries)

    def _report(self, words: str) -> None:
        now_s = self._options.monotonic_s()
        with self._lock:
            if now_s - self._reported_s < REPORT_EVERY_S:
                return
            self._reported_s = now_s
        self._options.report(words)


def _limit_s(size: int) -> float:
    """Return how long moving a value may take."""
    return min(MAX_MOVE_LIMIT_S, MOVE_LIMIT_S + size / SLOWEST_BYTES_PER_S)
