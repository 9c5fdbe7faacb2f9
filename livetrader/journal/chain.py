"""The chain of hashes that ties the journal's rows together: a row that was changed, lost or moved breaks it.

Every row carries the SHA-256 of itself and of the one before. What a chain cannot see is that its newest rows
are missing: those it would have to remember elsewhere, and the brokerage does.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from livetrader.journal.disk import Value
from livetrader.journal.records import Record, decode, kind_of

SELECT_ROWS: Final = "SELECT seq, time_ns, kind, body, hash FROM record ORDER BY seq"


class DamagedRowError(Exception):
    """A row is not what was written. `seq` is its number as the file has it."""

    def __init__(self, seq: Value, why: str) -> None:
        self.seq = seq
        super().__init__(f"row {seq!r} {why}")


def link(previous: str, seq: int, time_ns: int, kind: str, body: str) -> str:
    """Return the hash of a row that follows the row with the hash `previous`."""
    return hashlib.sha256(f"{previous}\n{seq}\n{time_ns}\n{kind}\n{body}".encode()).hexdigest()


class Chain:
    """Where a walk along the rows has come to. Owned by whoever walks."""

    def __init__(self) -> None:
        self.seq = 0
        self.hash = ""

    def take(self, row: tuple[Value, ...]) -> Record:
        """Go on to this row of SELECT_ROWS and return its record. Raises DamagedRowError, and stays then."""
        seq, time_ns, kind, body, found = row
        if seq != self.seq + 1:
            raise DamagedRowError(seq, f"follows row {self.seq}: rows are missing or were moved")
        if not (isinstance(time_ns, int) and isinstance(kind, str) and isinstance(body, str)):
            raise DamagedRowError(seq, "has values of other kinds than were written")
        expected = link(self.hash, self.seq + 1, time_ns, kind, body)
        if found != expected:
            raise DamagedRowError(seq, "was changed or damaged after it was written")
        try:
            record = decode(body)
        except (msgspec.DecodeError, ValueError, ArithmeticError) as error:
            raise DamagedRowError(seq, f"({kind}) cannot be read: {error}") from error
        if kind_of(record) != kind:
            raise DamagedRowError(seq, f"is called {kind} and is {kind_of(record)}")
        self.seq, self.hash = self.seq + 1, expected
        return record
