"""What a key may be, and which key of a shared store a project's own key stands for. Pure.

A key is a relative path with `/`, as in LEAN ("models/spy.bin"). LEAN's rule for saving is letters, digits,
`/ _ # - $ =`, spaces and one dot; here there may be several dots, so that "model.v1.pkl" is a key. Reading
takes any printable name, because files may have come into the folder by other ways.

    project "momentum"      saves and reads "a/b"        as   momentum/a/b
    project "momentum"      reads "value/a/b"            as   momentum/value/a/b, else value/a/b
    no project              saves and reads "a/b"        as   a/b

So each project has its own names, reads those of all others by `<project>/<key>`, and changes only its own.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

MAX_KEY_BYTES: Final = 512  # below what every file system takes for a path; S3 takes 1024
MAX_PART_BYTES: Final = 200  # file systems take 255 for a name
MAX_SLASHES: Final = 100  # LEAN's
RESERVED: Final = ".livetrader"  # first part of what the store itself keeps beside the keys
_SAVED: Final = re.compile(r"[A-Za-z0-9/_#\-$= .]+\Z")


class KeyRefusedError(ValueError):
    """A key breaks a rule. The message names the key, the rule, and what to write instead."""

    def __init__(self, key: object, rule: str) -> None:
        shown = repr(key)
        super().__init__(f"{shown if len(shown) <= 120 else shown[:117] + '...'} is no key: {rule}")


def checked(key: object) -> str:
    """Return the key in its one spelling ("./a//b" is "a/b"). Raises KeyRefusedError."""
    if not isinstance(key, str):
        raise KeyRefusedError(key, "a key is a text such as 'models/spy.bin'")
    _check_characters(key)
    if key.startswith("/"):
        raise KeyRefusedError(key, "it is absolute; leave the leading '/' away")
    if key.endswith("/"):
        raise KeyRefusedError(key, "it ends with '/', so it names a folder; add a name")
    parts = [part for part in key.split("/") if part not in ("", ".")]
    if not parts:
        raise KeyRefusedError(key, "it is empty; use a short relative path such as 'models/spy.bin'")
    for part in parts:
        if not part.strip("."):
            raise KeyRefusedError(key, f"{part!r} would leave the object store; write the path without it")
        if len(part.encode()) > MAX_PART_BYTES:
            raise KeyRefusedError(key, f"a part of it is longer than {MAX_PART_BYTES} bytes; shorten it")
    if parts[0] == RESERVED:
        raise KeyRefusedError(key, f"{RESERVED!r} is reserved for the object store itself")
    if len(parts) > MAX_SLASHES:
        raise KeyRefusedError(key, f"it has {MAX_SLASHES} folders or more; use fewer")
    clean = "/".join(parts)
    if len(clean.encode()) > MAX_KEY_BYTES:
        raise KeyRefusedError(key, f"it is longer than {MAX_KEY_BYTES} bytes; shorten it")
    return clean


def checked_for_saving(key: object) -> str:
    """Return the key in its one spelling, if LEAN too would save under it. Raises KeyRefusedError."""
    clean = checked(key)
    if _SAVED.match(clean) is None:
        odd = next(character for character in clean if _SAVED.match(character) is None)
        rule = f"{odd!r} cannot be saved; use letters, digits, spaces and any of / . _ # - $ ="
        raise KeyRefusedError(key, rule)
    return clean


def _check_characters(key: str) -> None:
    if "\0" in key:
        raise KeyRefusedError(key, "it holds a NUL character; leave it away")
    if "\\" in key:
        raise KeyRefusedError(key, "it holds a backslash; separate folders with '/'")
    if not key.isprintable():
        raise KeyRefusedError(key, "it holds a control or other unprintable character; leave it away")


class Scope(msgspec.Struct, frozen=True):
    """The project whose keys are meant; an empty name is the whole store.

    Raises KeyRefusedError for a project that could not be the first part of a key.
    """

    project: str = ""

    def __post_init__(self) -> None:
        if self.project and ("/" in self.project or checked_for_saving(self.project) != self.project):
            raise KeyRefusedError(self.project, "a project is one part of a key, without '/'")

    def own(self, key: str) -> str:
        """Return the store's key of the project's own object. Raises KeyRefusedError."""
        clean = checked(key)
        if not self.project or clean.startswith(self.project + "/"):
            return clean
        return checked(f"{self.project}/{clean}")

    def readable(self, key: str) -> tuple[str, ...]:
        """Return the store's keys where the object may be, the project's own first."""
        own, clean = self.own(key), checked(key)
        return (own,) if own == clean else (own, clean)

    def shown(self, stored: str) -> str:
        """Return the name that the project has for a key of the store."""
        return stored.removeprefix(self.project + "/") if self.project else stored
