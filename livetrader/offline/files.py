"""Files of lines that appear whole or not at all: written beside their name first, then renamed."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TextIO

MAX_LINES_BYTES: Final = 64 * 1024 * 1024  # of one file of lines; then lines are counted and left out


class LinesFile:
    """A text file of lines that gets its name when it is closed. Owned by one thread.

    Beyond `limit_bytes` lines are left out; the last line says how many. `always`: it appears even where
    nothing was written.
    """

    def __init__(self, path: Path, *, limit_bytes: int = MAX_LINES_BYTES, always: bool = False) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._file: TextIO | None = None
        self._left = limit_bytes
        self._limit = limit_bytes
        self._always = always
        self._dropped = 0

    def write(self, line: str) -> None:
        """Add a line."""
        self._left -= len(line) + 1
        if self._left < 0:
            self._dropped += 1
            return
        self._opened().write(line + "\n")

    def close(self) -> None:
        """Give the file its name. Closing twice is harmless."""
        if self._file is None and not self._always:
            return
        file = self._opened()
        if self._dropped:
            file.write(f"{self._dropped} more lines were not written: the limit is {self._limit} bytes\n")
        file.close()
        self._file = None
        self._always = False
        self._part.replace(self._path)

    def _opened(self) -> TextIO:
        if self._file is None:
            self._file = self._part.open("w", encoding="utf-8")
        return self._file
