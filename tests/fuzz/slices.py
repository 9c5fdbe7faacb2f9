"""Slices of the fuzz lane: so many spoiled things of one kind, from one seed."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.fuzz.feeds import spoil
from tests.fuzz.histories import Findings, Skipping, ask
from tests.fuzz.venues import VENUES, polygon_feed

Slice = Callable[[Path, int, int], Findings]  # of a folder, a count and a seed


def frames(made_from: str) -> Slice:
    """Return what runs a slice of frames."""
    return lambda folder, count, seed: asyncio.run(spoil(polygon_feed(made_from), folder, count, seed))


def answers(venue: str) -> Slice:
    """Return what runs a slice of answers."""

    def run(folder: Path, count: int, seed: int) -> Findings:
        clock = Skipping()
        with VENUES[venue](folder, clock, Random(seed)) as (history, answered):
            return ask(history, answered, clock, count, seed)

    return run


def played(run: Slice, count: int, seed: int) -> Findings:
    """Run a slice, and once more where something was slow: a hang hangs again, a machine that stood does not.

    The seed says all that is sent, so the second run meets what the first one met.
    """
    found = _run(run, count, seed)
    if found.slow and (again := _run(run, count, seed).slow):
        found.flaws += [*found.slow, *(f"again: {words}" for words in again)]
    return found


def _run(run: Slice, count: int, seed: int) -> Findings:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        return run(Path(folder), count, seed)
