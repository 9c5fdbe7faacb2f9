"""The coverage record of a data folder: who brought what, which dates are empty, what was announced.

One SQLite file in the folder, shared by processes. Data files stay the truth of what is stored: without this
record a folder reads as before, only that nobody knows which of its gaps are real.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from livetrader_engine.data.subscription import TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi_data import (
    AnnouncedDividend,
    AnnouncedSplit,
    Announcement,
    DateSpan,
    DownloadRequest,
    Served,
)
from livetrader_engine.symbols import Resolution, Symbol

VERSION: Final = 1
BUSY_S: Final = 30.0  # another process writes for milliseconds; longer is a process that was stopped
MAX_SERVED: Final = 10_000  # entries that one question brings; the newest
FOUND: Final = "found"  # the provider of what was in a file before anything was downloaded into it

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS served (
    number INTEGER PRIMARY KEY, provider TEXT NOT NULL, symbol TEXT NOT NULL, resolution INTEGER NOT NULL,
    tick_type INTEGER NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL, known_until TEXT NOT NULL,
    time_ns INTEGER NOT NULL, points INTEGER NOT NULL, left_out INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS served_kind ON served (symbol, resolution, tick_type);
CREATE TABLE IF NOT EXISTS announcements (
    symbol TEXT NOT NULL, ex_date TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,
    provider TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS announcements_symbol ON announcements (symbol, ex_date);
CREATE TABLE IF NOT EXISTS announced (symbol TEXT PRIMARY KEY, last TEXT NOT NULL, provider TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS factor_bases (symbol TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pending (part TEXT NOT NULL, target TEXT NOT NULL);
"""


class Known(NamedTuple):
    """Dates of one kind of data that were downloaded: with how many points."""

    dates: DateSpan
    points: int


class Coverage:
    """One opened record. Belongs to the thread that opened it, for one question or one write."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Coverage]:
        """Open the record, made where it is not there.

        Raises DataError where it is none or damaged, OSError where the disk fails or somebody else holds it.
        """
        try:
            connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        except sqlite3.Error as error:
            raise OSError(f"{path}: {error}") from error
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                connection.executescript(_TABLES)
                connection.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                raise DataError(
                    f"{path}: written by another release (version {version}, this one: {VERSION})"
                )
            yield cls(connection)
        except sqlite3.OperationalError as error:  # a lock, a full disk: not the record's contents
            raise OSError(f"{path}: {error}") from error
        except sqlite3.DatabaseError as error:
            remedy = "remove it: the data files stay, only who brought them is forgotten"
            raise DataError(f"{path}: {error}; {remedy}") from error
        finally:
            connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Have what is written inside happen at once or not at all, durably."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # a full disk may have ended it already
                self._connection.execute("ROLLBACK")
            raise

    # ---- what was downloaded

    def known(self, symbol: Symbol, resolution: Resolution, tick_type: TickType) -> list[Known]:
        """Return what was downloaded of one kind, in the order in which it was."""
        rows = self._connection.execute(
            "SELECT first, known_until, points FROM served WHERE symbol=? AND resolution=? AND tick_type=?"
            " ORDER BY number",
            (symbol.text, int(resolution), int(tick_type)),
        )
        return [Known(_span(first, last), points) for first, last, points in rows if first <= last]

    def note(self, served: Served, known_until: date, left_out: int) -> None:
        """Record who brought what. `known_until`: the date up to which an absence of points is knowledge."""
        request = served.request
        self._connection.execute(
            "INSERT INTO served (provider, symbol, resolution, tick_type, first, last, known_until, time_ns,"
            " points, left_out) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                served.provider, request.symbol.text, int(request.resolution), int(request.tick_type),
                request.dates.first.isoformat(), request.dates.last.isoformat(), known_until.isoformat(),
                served.time_ns, served.points, left_out,
            ),
        )  # fmt: skip

    def served(self, symbol: Symbol | None) -> list[Served]:
        """Return who brought what, newest first."""
        where, values = ("", ()) if symbol is None else ("WHERE symbol=?", (symbol.text,))
        rows = self._connection.execute(
            "SELECT provider, symbol, resolution, tick_type, first, last, time_ns, points FROM served"
            f" {where} ORDER BY number DESC LIMIT {MAX_SERVED}",
            values,
        )
        return [
            Served(
                provider,
                DownloadRequest(
                    Symbol.parse(text), Resolution(resolution), TickType(tick_type), _span(first, last)
                ),
                time_ns,
                points,
            )
            for provider, text, resolution, tick_type, first, last, time_ns, points in rows
        ]

    # ---- what was announced

    def announced_until(self, symbol: Symbol) -> date | None:
        """Return up to when announcements are known, None for never asked."""
        row = self._connection.execute("SELECT last FROM announced WHERE symbol=?", (symbol.text,)).fetchone()
        return None if row is None else date.fromisoformat(row[0])

    def announcements(self, symbol: Symbol) -> list[Announcement]:
        """Return what was announced, ascending by date, a dividend before a split of its date."""
        rows = self._connection.execute(
            "SELECT ex_date, kind, value FROM announcements WHERE symbol=? ORDER BY ex_date, kind",
            (symbol.text,),
        )
        return [
            AnnouncedDividend(symbol, date.fromisoformat(day), Decimal(value))
            if kind == "dividend"
            else AnnouncedSplit(symbol, date.fromisoformat(day), Decimal(value))
            for day, kind, value in rows
        ]

    def announce(self, provider: str, symbol: Symbol, dates: DateSpan, found: Sequence[Announcement]) -> None:
        """Record announcements in place of those of the same dates."""
        self._connection.execute(
            "DELETE FROM announcements WHERE symbol=? AND ex_date BETWEEN ? AND ?",
            (symbol.text, dates.first.isoformat(), dates.last.isoformat()),
        )
        for each in found:
            kind, value = (
                ("dividend", each.amount) if isinstance(each, AnnouncedDividend) else ("split", each.factor)
            )
            self._connection.execute(
                "INSERT INTO announcements VALUES (?, ?, ?, ?, ?)",
                (symbol.text, each.ex_date.isoformat(), kind, str(value), provider),
            )
        known = self.announced_until(symbol)
        last = dates.last if known is None else max(known, dates.last)
        self._connection.execute(
            "INSERT OR REPLACE INTO announced VALUES (?, ?, ?)", (symbol.text, last.isoformat(), provider)
        )

    def factor_base(self, symbol: Symbol) -> str | None:
        """Return the factor file from before the first announcement: "" for none, None for not known."""
        row = self._connection.execute(
            "SELECT text FROM factor_bases WHERE symbol=?", (symbol.text,)
        ).fetchone()
        return None if row is None else str(row[0])

    def keep_factor_base(self, symbol: Symbol, text: str) -> None:
        """Record the factor file that is there before the first announcement."""
        self._connection.execute("INSERT OR REPLACE INTO factor_bases VALUES (?, ?)", (symbol.text, text))

    # ---- files on their way

    def pending(self) -> list[tuple[str, str]]:
        """Return (name of the part, place in the folder) of the files that are yet to be renamed."""
        return self._connection.execute("SELECT part, target FROM pending ORDER BY rowid").fetchall()

    def await_renames(self, parts: Sequence[tuple[str, str]]) -> None:
        """Record files that are about to be renamed."""
        self._connection.executemany("INSERT INTO pending VALUES (?, ?)", parts)

    def renamed(self) -> None:
        """Record that they all are."""
        self._connection.execute("DELETE FROM pending")


def _span(first: str, last: str) -> DateSpan:
    return DateSpan(date.fromisoformat(first), date.fromisoformat(last))
