"""What is wrong with a configuration: a list of lines, each `place: key.path: what is wrong; remedy`."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path

from livetrader import settings


class Problems:
    """The problems of one reading. A key of a section that nobody needs is passed over."""

    def __init__(self, path: Path, overridden: Collection[str], needed: frozenset[str]) -> None:
        self._path = path
        self._overridden = overridden
        self._needed = needed
        self.lines: list[str] = []

    def __len__(self) -> int:
        return len(self.lines)

    def add(self, key: str, what: str, remedy: str) -> None:
        """Note one problem."""
        section = section_of(key)
        if self.needs(section) or section not in settings.SECTIONS:
            place = "command line" if key in self._overridden else str(self._path)
            self.lines.append(f"{place}: {key}: {what}; {remedy}")

    def needs(self, section: str) -> bool:
        """Return whether a section must be right."""
        return section in self._needed


def section_of(key: str) -> str:
    """Return the section of a key such as `engine.restarts` or `feed[2].port`."""
    return key.partition(".")[0].partition("[")[0]


def suggest(name: str, known: tuple[str, ...], what: str) -> str:
    """Return the remedy for an unknown name: the nearest known one, else all of them."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"{what}: {', '.join(known)}" if known else f"it has no {what}"
