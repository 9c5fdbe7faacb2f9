"""How far a tape has been played: one small file that is overwritten in place.

The position is written before a step is delivered, not when it is done: after a crash in the middle of a step
the next one comes, as from any live feed. A decision may be missed then, but it is never taken twice. A close
in good order puts it back to the last step that was taken: what nobody has acted on comes again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

FILE_NAME: Final = "position.json"
RECORD_BYTES: Final = 256  # one write of less than a page: a killed process leaves the old or the new one


class Position(msgspec.Struct, frozen=True):
    """`time_ns` of the last step that counts as taken. `tape` names what is played: another starts over."""

    tape: str
    time_ns: int


class PositionFile:
    """The position on disk. Blocking and small; used from the reading thread only."""

    def __init__(self, directory: Path, tape: str) -> None:
        """Open the file, making it where there is none."""
        self._tape = tape
        self._descriptor = os.open(directory / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def read(self) -> int | None:
        """Return the time of the last step that counts, None for a new or another tape or a torn file."""
        content = os.pread(self._descriptor, RECORD_BYTES, 0).strip()
        try:
            position = msgspec.json.decode(content, type=Position)
        except msgspec.DecodeError:
            return None
        return position.time_ns if position.tape == self._tape else None

    def write(self, time_ns: int) -> None:
        """Write the time of a step. Survives a killed process; not synced, so not every power cut."""
        record = msgspec.json.encode(Position(self._tape, time_ns))
        os.pwrite(self._descriptor, record.ljust(RECORD_BYTES), 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
