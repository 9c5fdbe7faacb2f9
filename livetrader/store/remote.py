"""The object store behind a URL: S3 and whatever else fsspec knows.

What was read is kept in a local folder, and read from there as long as it is known to be current: known for
`fresh_s` seconds, then asked for by its tag, and fetched again only where it has changed. So live sees
others' changes within that time, and when the place is sick what was read before can still be read.

    <copies>/read/     what has been read or saved, for reading again
    <copies>/files/    files that `path` gave out; what an algorithm writes there is stored by `save_file`
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from livetrader.clocks import monotonic_s as real_monotonic_s
from livetrader.clocks import wall_ns
from livetrader.store.calls import BoundedCalls
from livetrader.store.copies import Copies, GivenFiles
from livetrader.store.keys import RESERVED, checked, checked_for_saving
from livetrader.store.objects import Version
from livetrader.store.quota import MB, UNLIMITED, Quota, Usage, refusal
from livetrader_engine.errors import StoreError, StoreFullError
from livetrader_engine.ports import StoredObject, StoreLimits

FRESH_S: Final = 30.0  # how long others' changes may go unseen; half of the minute that is promised
ASK_LIMIT_S: Final = 5.0  # for a question about one object
LIST_LIMIT_S: Final = 15.0
MOVE_LIMIT_S: Final = 10.0  # for a value, and ...
SLOWEST_BYTES_PER_S: Final = MB  # ... this rate on top, up to ...
MAX_MOVE_LIMIT_S: Final = 300.0
MAX_KNOWN: Final = 20_000  # keys whose state is remembered
REPORT_EVERY_S: Final = 60.0


class Objects(Protocol):
    """What this store needs of a remote place; livetrader.store.objects.RemoteObjects is the real one."""

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


class _Known(NamedTuple):
    version: Version | None  # None: there is no such object
    asked_s: float
    copied: bool  # its bytes lie in <copies>/read


class RemoteObjectStore:
    """Implements ports.ObjectStore. Thread-safe; `copies` belongs to one process at a time.

    No call blocks longer than MAX_MOVE_LIMIT_S, and most of them no longer than ASK_LIMIT_S.
    """

    def __init__(self, objects: Objects, place: str, copies: Path, options: RemoteOptions) -> None:
        self._objects = objects
        self._options = options
        self._run = BoundedCalls(place, options.monotonic_s).run
        self._copies = Copies(copies / "read")
        self._files = GivenFiles(copies / "files")
        self._known: dict[str, _Known] = {}
        self._listed: tuple[float, dict[str, Version]] | None = None  # everything, when it was listed
        self._usage: tuple[float, Usage] | None = None
        self._reported_s = -REPORT_EVERY_S
        self._lock = threading.RLock()  # guards what is remembered, never held during a call

    @property
    def limits(self) -> StoreLimits:
        """The most bytes and files."""
        return StoreLimits(self._options.quota.max_bytes, self._options.quota.max_files)

    def read(self, key: str) -> bytes:
        """Return the bytes, those of the local copy where the place does not answer. Raises KeyError."""
        clean = checked(key)
        before = self._known.get(clean)
        try:
            version = self._current(clean)
        except StoreError as error:
            return self._copied(clean, error)
        if version is None:
            raise KeyError(key)
        if before is not None and before.copied and before.version == version:
            copy = self._copies.read(clean)
            if copy is not None:
                return copy
        try:
            value = self._run(f"read {clean!r}", lambda: self._objects.get(clean), _limit_s(version.size))
        except FileNotFoundError:
            self._remember(clean, None)
            raise KeyError(key) from None
        except StoreError as error:
            return self._copied(clean, error)
        self._remember(clean, version, copied=self._copy(clean, value), asked=False)
        return value

    def save(self, key: str, value: bytes) -> None:
        """Store the bytes: there is the old value or the new one, never a part.

        Raises StoreFullError over the limits. StoreError: it is not known to be stored; it may yet be,
        where the place did not answer in time.
        """
        clean = checked_for_saving(key)
        limit_s, put = _limit_s(len(value)), self._objects.put
        with self._counted(clean, len(value)):
            self._run(f"save {clean!r}", lambda: put(clean, value), limit_s, alone=clean)
        self._saved(clean, value)

    def save_new(self, key: str, value: bytes) -> bool:
        """Store the bytes where there is nothing; return whether there was nothing.

        Exact where the place can write under a condition, as S3 can.
        """
        clean = checked_for_saving(key)
        if self._ask(clean) is not None:
            return False
        limit_s, create = _limit_s(len(value)), self._objects.create
        try:
            with self._counted(clean, len(value)):
                self._run(f"save {clean!r}", lambda: create(clean, value), limit_s, alone=clean, tries=1)
        except FileExistsError:
            self._forget(clean)
            return False
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
            version = self._current(clean)
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
        if self._ask(clean) is None:
            return False
        try:
            with self._counted(clean, None):
                remove = self._objects.remove
                self._run(f"delete {clean!r}", lambda: remove(clean), ASK_LIMIT_S, alone=clean)
        except FileNotFoundError:
            return False
        finally:
            self._forget(clean)
            self._copies.drop(clean)
        return True

    def keys(self, prefix: str = "") -> Sequence[str]:
        """Return all keys that begin with `prefix`, sorted."""
        return [key for key, _ in self.listing(prefix)]

    def listing(self, prefix: str = "") -> Sequence[tuple[str, StoredObject]]:
        """Return keys that begin with `prefix`, sorted, with size and age."""
        folder = prefix.rpartition("/")[0]
        if folder:
            checked(folder)
        found = self._all(folder)
        named = ((key, version) for key, version in found.items() if key.startswith(prefix))
        return sorted((key, StoredObject(each.size, each.modified_ns)) for key, each in named)

    def path(self, key: str) -> str:
        """Return a local file that holds what is stored; one changed and not yet saved stays as it is."""
        clean = checked_for_saving(key)
        file = self._files.path(clean)
        with suppress(KeyError):
            self._files.offer(clean, self.read(clean))
        return file

    def forget(self) -> None:
        """Ask again before anything is read from a copy."""
        with self._lock:
            for key, known in self._known.items():
                self._known[key] = known._replace(asked_s=float("-inf"))
            self._listed = self._usage = None

    def usage(self) -> Usage:
        """Count what the store holds."""
        found = self._all("")
        return Usage(len(found), sum(version.size for version in found.values()))

    # -- what is known

    def _current(self, key: str) -> Version | None:
        """Return the state of an object, asking where it is not fresh."""
        known = self._known.get(key)
        if known is not None and self._options.monotonic_s() - known.asked_s < self._options.fresh_s:
            return known.version
        return self._ask(key)

    def _ask(self, key: str) -> Version | None:
        version = self._run(f"look for {key!r}", lambda: self._objects.info(key), ASK_LIMIT_S)
        with self._lock:
            known = self._known.get(key)
            same = known is not None and known.copied and known.version == version
            self._remember(key, version, copied=same)
        if version is None:
            self._copies.drop(key)
        return version

    def _remember(
        self, key: str, version: Version | None, *, copied: bool = False, asked: bool = True
    ) -> None:
        with self._lock:
            before = self._known.get(key)
            now_s = self._options.monotonic_s()
            asked_s = now_s if asked or before is None else before.asked_s
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[key] = _Known(version, asked_s, copied)

    def _forget(self, key: str) -> None:
        with self._lock:
            self._known.pop(key, None)
            self._listed = None

    def _saved(self, key: str, value: bytes) -> None:
        """Take note of a value of ours. Its tag is not known: somebody may have saved since."""
        copied = self._copy(key, value)
        with self._lock:
            self._remember(key, Version(len(value), wall_ns(), "saved here"), copied=copied)
            self._listed = None

    def _all(self, folder: str) -> dict[str, Version]:
        now_s = self._options.monotonic_s()
        with self._lock:
            if self._listed is not None and now_s - self._listed[0] < self._options.fresh_s:
                return self._listed[1]
        find = self._objects.find
        found = self._run(f"list {folder or 'everything'!r}", lambda: find(folder), LIST_LIMIT_S)
        found = {key: version for key, version in found.items() if not key.startswith(RESERVED + "/")}
        if not folder:
            with self._lock:
                self._listed = (now_s, found)
        return found

    # -- limits

    @contextmanager
    def _counted(self, key: str, size: int | None) -> Iterator[None]:
        """Count one change, made inside the block. Others' changes are seen when all is listed again."""
        if not self._options.quota.limited:
            yield
            return
        old = self._ask(key)
        old_size = None if old is None else old.size
        counted_s, usage = self._counted_usage()
        after = usage.replacing(old_size, size)
        words = refusal(self._options.quota, after)
        if words and size is not None and (old_size is None or size > old_size):
            raise StoreFullError(words)
        yield
        with self._lock:
            self._usage = (counted_s, after)

    def _counted_usage(self) -> tuple[float, Usage]:
        now_s = self._options.monotonic_s()
        with self._lock:
            counted = self._usage
        if counted is None or now_s - counted[0] >= self._options.fresh_s:
            return now_s, self.usage()
        return counted

    # -- copies and calls

    def _copy(self, key: str, value: bytes) -> bool:
        """Keep a value for reading again; return whether it is kept."""
        try:
            return self._copies.keep(key, value)
        except (StoreError, ValueError) as error:  # a full disk, or a name that no folder takes
            self._report(f"{error}; it is read from afar each time")
            return False

    def _copied(self, key: str, error: StoreError) -> bytes:
        """Return the copy of what cannot be read now. Raises the error where there is none."""
        value = self._copies.read(key)
        if value is None:
            raise error
        self._report(f"{error}; the copy of {key!r} stands in for it")
        return value

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
