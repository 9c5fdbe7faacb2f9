"""What the doctor says: a finding for each thing looked at, with a remedy where there is one to do."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"  # good to know
    WARNING = "warning"  # it will trade, and you may regret it
    PROBLEM = "problem"  # it will not trade, or not safely


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at. `remedy` is what to do, empty where nothing is to be done."""

    check: str
    level: Level
    message: str
    remedy: str = ""


def ok(check: str, message: str) -> Finding:
    """Return a finding that nothing is to be done about."""
    return Finding(check, Level.OK, message)


def note(check: str, message: str, remedy: str = "") -> Finding:
    """Return a finding that is good to know."""
    return Finding(check, Level.NOTE, message, remedy)


def warning(check: str, message: str, remedy: str) -> Finding:
    """Return a finding that may be regretted."""
    return Finding(check, Level.WARNING, message, remedy)


def problem(check: str, message: str, remedy: str) -> Finding:
    """Return a finding that has to be mended."""
    return Finding(check, Level.PROBLEM, message, remedy)
