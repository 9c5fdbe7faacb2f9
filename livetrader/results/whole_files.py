"""Files that appear whole or not at all: written beside their name first, then renamed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

PART: Final = ".part"  # what the name of a file that is not whole yet ends with


def write_whole(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a text file and give it its name when it is whole; `durable` waits for the disk before.

    A process that dies at any instant leaves the file of before or the new one. Without `durable` that is
    not promised for a machine that loses power. Raises OSError; then what was there is still there.
    """
    part = path.with_name(path.name + PART)
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with suppress(OSError):  # the name may be what is wrong, or the disk
            part.unlink(missing_ok=True)
        raise
