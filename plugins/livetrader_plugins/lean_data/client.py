"""The files of a LEAN data folder: where they lie and how their text is read. No meaning is given here."""

from __future__ import annotations

import re
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

from livetrader_engine.data.subscription import TickType
from livetrader_engine.errors import DataError
from livetrader_engine.symbols import Resolution, SecurityType

MAX_CACHED_FILES: Final = 32  # whole-history files (daily, hour) kept as rows; the oldest goes
MAX_FILE_BYTES: Final = 512 * 1024 * 1024  # uncompressed; more is a damaged or hostile archive
MAX_MISSING: Final = 256  # names of missing files kept for whoever asks; older ones go
MAX_REPORTED: Final = 4_096  # directories and kinds with a missing file that are told once each; then no more

# What zipfile raises for damaged archives; RuntimeError and NotImplementedError are its answers to flags
# that say "encrypted" or name a compression it does not know.
_UNREADABLE: Final = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, NotImplementedError,
)  # fmt: skip

MAX_NAME: Final = 100  # characters of a ticker or market: file systems take 255 bytes, with what is added
_NO_NAME: Final = re.compile(r"[/\\*?\[\]\x00-\x1f]|^\.|^$")  # leads out of a folder, or means several files

_Signature = tuple[int, int, int]
_KINDS: Final = {TickType.TRADE: "trade", TickType.QUOTE: "quote", TickType.OPEN_INTEREST: "openinterest"}


class DataFolder:
    """Reads one LEAN data folder. Thread-safe: the only shared state is two bounded tables under a lock."""

    def __init__(
        self,
        folder: Path,
        report: Callable[[str, str], None],
        requested: Callable[[str, str], None] | None = None,
    ) -> None:
        """`report(action, path)` is told the first file missing of each directory.

        `requested(path, problem)` hears of every data file; with it, an unreadable file counts as missing.
        """
        self.folder = folder
        self.requested = requested
        self.report = report
        self._lock = threading.Lock()
        self._rows: OrderedDict[Path, tuple[_Signature, list[str]]] = OrderedDict()
        self._missing: OrderedDict[Path, None] = OrderedDict()
        self._reported: set[Path] = set()

    @property
    def missing(self) -> tuple[Path, ...]:
        """The newest files that were asked for and are not there, at most MAX_MISSING."""
        with self._lock:
            return tuple(self._missing)

    def history_rows(self, security_type: SecurityType, market: str, name: str) -> list[str] | None:
        """Return the rows of a whole-history file such as `daily/spy`, None where it is missing."""
        path = self.history_path(security_type, market, name)
        return self._kept_rows(path, lambda: self._zip_rows(path))

    def rows_at(self, path: Path) -> list[str] | None:
        """Return the rows of a whole-history file, None where it is missing, which nobody is told of.

        Raises DataError where it cannot be read.
        """

        def read() -> list[str] | None:
            text = self.unzipped(path) if path.exists() else None
            return None if text is None else rows_of(path, text)

        return self._kept_rows(path, read)

    def _kept_rows(self, path: Path, read: Callable[[], list[str] | None]) -> list[str] | None:
        """Return rows read before, unless the file is another now: it grows by what is downloaded."""
        signature = signature_of(path)
        with self._lock:
            kept = self._rows.get(path)
            if kept is not None and kept[0] == signature:
                self._rows.move_to_end(path)
                return kept[1]
        rows = read()
        if rows is not None and signature is not None:
            with self._lock:
                self._rows[path] = signature, rows
                while len(self._rows) > MAX_CACHED_FILES:
                    self._rows.popitem(last=False)
        return rows

    def history_path(self, security_type: SecurityType, market: str, name: str) -> Path:
        """Return where a whole-history file such as `daily/spy` lies. Raises DataError for no name."""
        resolution, _, own = name.partition("/")
        return self._root(security_type, market) / resolution / f"{file_name(own)}.zip"

    def day_path(
        self, security: tuple[SecurityType, str, str], resolution: Resolution, tick_type: TickType, day: date
    ) -> Path:
        """Return where the file of one day lies; `security` is type, market and ticker of that day.

        Raises DataError for a ticker that names no folder.
        """
        security_type, market, ticker = security
        name = f"{day:%Y%m%d}_{_KINDS[tick_type]}.zip"
        return self._root(security_type, market) / resolution.name.lower() / file_name(ticker.lower()) / name

    def day_text(self, path: Path, expected: bool) -> bytes | None:
        """Return the text of one day's file, None where it is missing, noted as such if `expected`."""
        if not expected and not path.exists():
            return None
        return self._zip_text(path)

    def text(self, relative: str) -> str | None:
        """Return a small text file, None where it is missing. Raises DataError where it is no text."""
        path = self.folder / relative
        try:
            return path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read: {error}") from error

    def data(self, relative: str) -> bytes | None:
        """Return a file's bytes, None where it is missing."""
        path = self.folder / relative
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error}") from error

    def names(self, relative: str, pattern: str) -> list[str]:
        """Return the names in a directory that match, sorted; none where there is no directory."""
        return sorted(path.name for path in (self.folder / relative).glob(pattern))

    def _root(self, security_type: SecurityType, market: str) -> Path:
        return self.folder / security_type.name.lower().replace("_", "") / file_name(market)

    def _zip_rows(self, path: Path) -> list[str] | None:
        text = self._zip_text(path)
        if text is None:
            return None
        try:
            return rows_of(path, text)
        except DataError as error:
            self.damaged(path, error)
            return None

    def _zip_text(self, path: Path) -> bytes | None:
        try:
            text = self.unzipped(path)
        except DataError as error:
            self.damaged(path, error)
            return None
        if self.requested is not None:
            self.requested(str(path), "missing" if text is None else "")
        return text

    def damaged(self, path: Path, error: DataError) -> None:
        """Tell of a file that cannot be used, or raise the error where nobody wants to hear."""
        if self.requested is None:
            raise error
        self.requested(str(path), str(error).removeprefix(f"{path}: "))

    def unzipped(self, path: Path) -> bytes | None:
        """Return the text of an archive's first entry, None without the file. Raises DataError."""
        try:
            with zipfile.ZipFile(path) as archive:
                entries = archive.infolist()
                if not entries:
                    raise DataError(f"{path}: the archive is empty")
                if entries[0].file_size > MAX_FILE_BYTES:
                    raise DataError(f"{path}: {entries[0].filename} claims {entries[0].file_size} bytes")
                return archive.read(entries[0])
        except FileNotFoundError:
            self._note_missing(path)
            return None
        except _UNREADABLE as error:
            raise _unreadable(path, error) from error

    def _note_missing(self, path: Path) -> None:
        with self._lock:
            self._missing[path] = None
            self._missing.move_to_end(path)
            while len(self._missing) > MAX_MISSING:
                self._missing.popitem(last=False)
            # one report per directory and kind: a year of minutes must not write 250 lines
            kind = path.parent / path.name.partition("_")[2]
            news = kind not in self._reported and len(self._reported) < MAX_REPORTED
            if news:
                self._reported.add(kind)
        if news:
            self.report("data_file_missing", str(path))


def file_name(text: str) -> str:
    """Return a ticker or market that can be the name of a file.

    Raises DataError for another: symbols come from algorithms and vendors, and none may lead out of the
    folder.
    """
    odd = _NO_NAME.search(text)
    if odd is not None or len(text) > MAX_NAME:
        raise DataError(f"{text[:MAX_NAME]!r} is no name of data in LEAN's format: use the ticker alone")
    return text


def signature_of(path: Path) -> _Signature | None:
    """Return what tells one content of a file from another, None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def rows_of(place: Path | str, text: bytes) -> list[str]:
    """Return the rows of a file's text. Raises DataError naming the file where it is no text."""
    try:
        return text.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise _unreadable(place, error) from error


def _unreadable(place: Path | str, error: Exception) -> DataError:
    return DataError(f"{place}: not a readable zip archive of text: {error}")
