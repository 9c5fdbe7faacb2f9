"""Identities: order ids that are never used twice, and executions with their revisions.

An order id belongs to (client id, life of the gateway), and `nextValidId` rolls back when the gateway is
restarted with orders that it had not passed on. So ids come from blocks that a file has reserved before the
first of them is used, and TWS's own idea may only raise them. Our identity of an order is its orderRef.
"""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Final, NamedTuple

from livetrader_engine.spi import VenueError

FILE_NAME: Final = "order-ids.json"
FILE_BYTES: Final = 64  # always: within one sector, so that an overwritten file is the old or the new one
BLOCK: Final = 1_000  # ids reserved at once: one small fsync for so many orders
REFILL: Final = 200  # left of a block when the next is reserved, so that no order has to wait for it
LARGEST_ORDER_ID: Final = 999_999_999  # ids of requests begin above: an error names one or the other
FIRST_REQUEST_ID: Final = 1_000_000_000  # TWS takes 32 bits with a sign


class ExecutionName(NamedTuple):
    """IB's id of one execution: a correction differs only in the digits behind the last dot."""

    base: str
    revision: int


def execution_name(execution_id: str) -> ExecutionName:
    """Split an execId. One without digits behind its last dot is its own base, revision 0."""
    base, dot, digits = execution_id.rpartition(".")
    if not dot or not digits.isdecimal():
        return ExecutionName(execution_id, 0)
    return ExecutionName(base, int(digits))


class OrderIds:
    """Hands out order ids, each at most once in the life of the state directory. Owned by the brokerage.

    It does no I/O: ids below `wanted` may be handed out when somebody has made that durable and says so with
    `extend`.
    """

    def __init__(self, reserved_below: int) -> None:
        """Begin above everything that was ever reserved."""
        self._next = max(reserved_below, 1)
        self._end = self._next  # nothing is reserved yet

    def raise_to(self, number: int) -> None:
        """Never hand out an id below this one: TWS has used those. Never lowers."""
        if number > self._next:
            self._next = number
            self._end = max(self._end, number)

    @property
    def wanted(self) -> int | None:
        """What has to be reserved now, ahead of need: every id below this one. None where enough are."""
        return None if self._end - self._next > REFILL else self._next + BLOCK

    def extend(self, end: int) -> None:
        """Hand out ids below `end`, which is durable."""
        self._end = max(self._end, end)

    def take(self) -> int:
        """Return a fresh id. Raises VenueError where none is reserved: nothing may be sent without."""
        if self._next > LARGEST_ORDER_ID:
            raise VenueError(
                "not sent: order ids are used up; in TWS, Global Configuration > API > Reset API order ID "
                f"sequence, then remove {FILE_NAME} of this state directory"
            )
        if self._next >= self._end:
            raise VenueError("not sent: no order id is reserved on disk, see the log for why")
        number, self._next = self._next, self._next + 1
        return number


def read_reserved(path: Path) -> int:
    """Return what an earlier life reserved; 1 where there was none. Raises VenueError for a damaged file.

    Blocks: call it in a thread.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        return 1
    try:
        reserved = int(json.loads(text)["reserved_below"])
    except (ValueError, KeyError, TypeError) as error:
        raise VenueError(
            f"{path} is damaged: remove it once no order of this client id is open in TWS ({error!r})"
        ) from error
    return reserved


def write_reserved(path: Path, reserved_below: int) -> None:
    """Make durable that every id below may have been used: written aside, synced, renamed, synced.

    On a full disk the file is overwritten where it lies: a liquidation needs ids, and it has its block.
    Blocks: call it in a thread. Raises OSError.
    """
    text = json.dumps({"reserved_below": reserved_below}).ljust(FILE_BYTES).encode()
    aside = path.with_suffix(".tmp")
    try:
        with aside.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not _overwritten(path, text):
            raise
        return
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _overwritten(path: Path, text: bytes) -> bool:
    """Overwrite a file of the same length in one write; False where there is none. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_WRONLY)
    except FileNotFoundError:
        return False
    try:
        if os.fstat(descriptor).st_size != len(text):
            return False
        os.pwrite(descriptor, text, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True
