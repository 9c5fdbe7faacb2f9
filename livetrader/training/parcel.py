"""Python objects in anonymous memory, for the way between the engine process and a training process.

Arrays travel beside the pickle and are mapped, not copied, where they arrive; while they are put together
other threads get a turn after each array, so a forest of a thousand trees does not stop trading.
"""

from __future__ import annotations

import mmap
import os
import pickle
import struct
from collections.abc import Iterator, Sequence
from typing import Final

ALIGNMENT: Final = 64  # bytes: what vector instructions like best
PARTS_LIMIT: Final = 1_000_000  # arrays in one parcel; more is damage
_COUNT: Final = struct.Struct("<Q")
_MB: Final = 1024 * 1024


class ParcelError(Exception):
    """An object cannot travel. The message says why."""


class UnpicklableError(ParcelError):
    """An object cannot be pickled, or not put together again."""


class ParcelTooLargeError(ParcelError):
    """The object is larger than it may be. The message has both sizes."""


class Parcel:
    """One object in anonymous memory. Owns its file descriptor; close it."""

    def __init__(self, descriptor: int | None = None) -> None:
        self.descriptor = os.memfd_create("training") if descriptor is None else descriptor

    def fileno(self) -> int:
        """Return the descriptor, as sockets do."""
        return self.descriptor

    def close(self) -> None:
        """Let go of the memory; what was unpacked keeps what it needs. Idempotent."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def pack(self, value: object, limit_mb: int) -> None:
        """Put an object in. Raises UnpicklableError or ParcelTooLargeError; runs the object's own code."""
        buffers: list[pickle.PickleBuffer] = []
        try:
            head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        except MemoryError:
            raise
        except Exception as error:  # boundary: the object's own code
            raise UnpicklableError(f"{type(error).__name__}: {error}") from error
        parts = [memoryview(head), *(buffer.raw() for buffer in buffers)]
        size = sum(part.nbytes for part in parts)
        if size > limit_mb * _MB:
            raise ParcelTooLargeError(f"it has {size / _MB:.0f} MB, the limit is {limit_mb} MB")
        table = b"".join(_COUNT.pack(number) for number in (len(parts), *(part.nbytes for part in parts)))
        place = self._write(memoryview(table), 0)
        for part in parts:
            place = self._write(part, _aligned(place))

    def unpack(self) -> object:
        """Return the object. Raises UnpicklableError; runs the object's own code."""
        size = os.fstat(self.descriptor).st_size
        if size < 2 * _COUNT.size:
            raise UnpicklableError("nothing has arrived")
        memory = memoryview(mmap.mmap(self.descriptor, size, access=mmap.ACCESS_COPY))
        head, *buffers = _parts(memory)
        try:
            return pickle.loads(head, buffers=_one_by_one(buffers))
        except Exception as error:  # boundary: the object's own code
            raise UnpicklableError(f"{type(error).__name__}: {error}") from error

    def _write(self, part: memoryview, place: int) -> int:
        left = part.cast("B") if part.nbytes else part
        while left.nbytes:
            written = os.pwrite(self.descriptor, left, place)
            left, place = left[written:], place + written
        return place


def _parts(memory: memoryview) -> Sequence[memoryview]:
    (count,) = _COUNT.unpack_from(memory, 0)
    place = _COUNT.size * (count + 1)
    if not 1 <= count <= PARTS_LIMIT or place > memory.nbytes:
        raise UnpicklableError("what arrived is damaged")
    parts: list[memoryview] = []
    for index in range(count):
        (size,) = _COUNT.unpack_from(memory, _COUNT.size * (index + 1))
        place = _aligned(place)
        if place + size > memory.nbytes:
            raise UnpicklableError("what arrived is cut off")
        parts.append(memory[place : place + size])
        place += size
    return parts


def _one_by_one(buffers: Sequence[memoryview]) -> Iterator[memoryview]:
    """Yield the buffers. A generator with a loop of its own on purpose: each step lets other threads run."""
    for buffer in buffers:  # noqa: UP028 — `yield from` would not look whether somebody waits for a turn
        yield buffer


def _aligned(place: int) -> int:
    return -(-place // ALIGNMENT) * ALIGNMENT
