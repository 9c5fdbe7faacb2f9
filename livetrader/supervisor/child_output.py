"""What a child prints, read within a byte budget: an endless print costs the supervisor next to nothing.

Per second at most READ_BUDGET bytes are read; beyond that the pipe stays full and the child waits in its
own print. Of what is read at most SHOWN_BUDGET bytes become lines; the rest is counted, and said each second.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import IO, Final

READ_BUDGET: Final = 4 * 1024 * 1024  # bytes a second
SHOWN_BUDGET: Final = 64 * 1024  # bytes a second: some hundred lines, as much as a log is worth
READ_CHUNK: Final = 64 * 1024  # bytes per turn of the loop: a full pipe
LINE_LENGTH: Final = 4096  # bytes; a longer line is cut into several


class ChildOutput:
    """Owns the reading end of one child's output. Belongs to the loop's thread."""

    def __init__(self, pipe: IO[bytes], line: Callable[[str], None]) -> None:
        self._pipe = pipe
        self._fd = pipe.fileno()
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._unfinished = b""
        self._read = self._shown = self._lost = 0
        self._reading = True
        self._closed = False
        os.set_blocking(self._fd, False)
        self._loop.add_reader(self._fd, self._readable)
        self._timer = self._loop.call_later(1.0, self._new_second)

    def close(self) -> None:
        """Read what is left within the budget, then close; idempotent."""
        if self._closed:
            return
        if self._reading:
            self._readable()
        if self._closed:
            return
        if self._unfinished:
            self._show(self._unfinished)
        self._say_lost()
        self._closed = True
        self._timer.cancel()
        self._loop.remove_reader(self._fd)
        self._pipe.close()

    def _readable(self) -> None:
        try:
            chunk = os.read(self._fd, READ_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._loop.remove_reader(self._fd)
            self._reading = False
            return
        self._read += len(chunk)
        *lines, self._unfinished = (self._unfinished + chunk).split(b"\n")
        while len(self._unfinished) > LINE_LENGTH:
            lines.append(self._unfinished[:LINE_LENGTH])
            self._unfinished = self._unfinished[LINE_LENGTH:]
        for line in lines:
            self._show(line)
        if self._read >= READ_BUDGET:
            self._loop.remove_reader(self._fd)
            self._reading = False

    def _show(self, line: bytes) -> None:
        if self._shown + len(line) > SHOWN_BUDGET:
            self._lost += len(line)
            return
        self._shown += len(line) + 1
        if line:
            self._line(line[:LINE_LENGTH].decode(errors="replace"))

    def _new_second(self) -> None:
        self._say_lost()
        stalled = self._read >= READ_BUDGET
        self._read = self._shown = 0
        if stalled:
            self._reading = True
            self._loop.add_reader(self._fd, self._readable)
        self._timer = self._loop.call_later(1.0, self._new_second)

    def _say_lost(self) -> None:
        if self._lost:
            lost, self._lost = self._lost, 0
            self._line(f"({lost} bytes of output dropped: over {SHOWN_BUDGET} in a second)")
