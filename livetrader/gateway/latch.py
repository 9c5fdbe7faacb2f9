"""The latch of the kill switch: one small file that outlives everything.

While `kill.latch` exists the daemon comes up halted. It is written to a spare file made beforehand (its
blocks are allocated, so a full disk does not stop it), synced, renamed, and the directory is synced.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

import msgspec

LATCH_BYTES: Final = 4096  # one block; the record is padded to it
UNREADABLE: Final = "unread"  # kill id of a latch that exists and cannot be read


class LatchRecord(msgspec.Struct, frozen=True):
    """What the latch says. `flat`: the account was verified flat under this kill.

    `include_foreign`: orders that are not ours are cancelled, too.
    """

    kill_id: str
    reason: str
    source: str
    time_ns: int  # wall clock
    flat: bool = False
    include_foreign: bool = False


class Latch:
    """Reads and writes the latch file. Blocking; every method may take as long as the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = threading.Lock()  # a caller that stopped waiting leaves its write running

    @property
    def spare(self) -> Path:
        """The file prepared for the next write."""
        return self.path.with_name(self.path.name + ".spare")

    def arm(self) -> None:
        """Prepare the spare file. Raises OSError where there is no room for it."""
        with self._turn:
            if self.spare.exists() and self.spare.stat().st_size == LATCH_BYTES:
                return
            self.spare.write_bytes(b" " * LATCH_BYTES)
            _sync(self.spare)

    def read(self) -> LatchRecord | None:
        """Return what the latch says, None where there is none.

        A latch that cannot be read is a latch: its record says so, and that it is not flat.
        """
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            return LatchRecord(UNREADABLE, f"the latch cannot be read: {error}", "latch", 0)
        try:
            return msgspec.json.decode(text.strip(), type=LatchRecord)
        except msgspec.DecodeError as error:
            return LatchRecord(UNREADABLE, f"the latch is damaged: {error}", "latch", 0)

    def write(self, record: LatchRecord) -> None:
        """Make the latch say this, durably. Raises OSError where it cannot."""
        text = msgspec.json.encode(record)
        if len(text) > LATCH_BYTES:
            text = msgspec.json.encode(msgspec.structs.replace(record, reason=record.reason[:200]))
        with self._turn:
            self._write(text)

    def _write(self, text: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.spare, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.pwrite(descriptor, text.ljust(LATCH_BYTES), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self.spare.rename(self.path)
        _sync(self.path.parent)

    def remove(self) -> None:
        """Take the latch away, durably; harmless where there is none. Raises OSError where it cannot."""
        with self._turn:
            self.path.unlink(missing_ok=True)
            _sync(self.path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
