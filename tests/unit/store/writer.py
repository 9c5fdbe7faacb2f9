"""A process that uses a folder of objects until it is killed or done: `python writer.py WHAT FOLDER ...`.

It says on standard output, a byte each, when it has done something: the tests count those.
"""

from __future__ import annotations

import hashlib
import os
import sys
from itertools import count
from pathlib import Path

from livetrader.store.local import FileObjectStore
from livetrader.store.quota import Quota
from livetrader_engine.errors import StoreFullError

KEYS = 5
SIZES = (0, 10, 5_000, 300_000)


def value(number: int) -> bytes:
    """Return a value that shows whether it is whole."""
    body = os.urandom(1) * SIZES[number % len(SIZES)]
    return hashlib.sha256(body).hexdigest().encode() + body


def whole(stored: bytes) -> bool:
    """Return whether a value is one of `value`, untorn."""
    return hashlib.sha256(stored[64:]).hexdigest().encode() == stored[:64]


def save_and_delete(folder: Path) -> None:
    """Save and delete the same few keys for ever."""
    store = FileObjectStore(folder, Quota(None, 1000))
    for number in count():
        key = f"deep/er/k{number % KEYS}"
        if number % 7 == 6:
            store.delete(key)
        else:
            store.save(key, value(number))
        os.write(1, b".")


def fill(folder: Path, name: str, limit: int) -> None:
    """Save new keys until the store is full; a byte for each that was taken."""
    store = FileObjectStore(folder, Quota(None, limit))
    for number in count():
        try:
            store.save(f"{name}/{number}", b"x")
        except StoreFullError:
            return
        os.write(1, b".")


def claim(folder: Path, numbers: int) -> None:
    """Try to be the first to save each of some keys; `1` for each that was ours, else `0`."""
    store = FileObjectStore(folder)
    for number in range(numbers):
        os.write(1, b"1" if store.save_new(f"claims/{number}", str(os.getpid()).encode()) else b"0")


def come_and_go(folder: Path, rounds: int) -> None:
    """Save and delete a key whose name is also a folder's: `a` and `a/b` take turns."""
    store = FileObjectStore(folder)
    for number in range(rounds):
        for key in ("a", "a/b"):
            try:
                store.save(key, value(number))
            except ValueError:
                continue  # the other one is there
            store.delete(key)
        os.write(1, b".")


if __name__ == "__main__":
    what, place, *rest = sys.argv[1:]
    if what == "save_and_delete":
        save_and_delete(Path(place))
    elif what == "fill":
        fill(Path(place), rest[0], int(rest[1]))
    elif what == "claim":
        claim(Path(place), int(rest[0]))
    else:
        come_and_go(Path(place), int(rest[0]))
