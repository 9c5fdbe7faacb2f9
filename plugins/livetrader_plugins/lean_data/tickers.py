"""Which map file belongs to a ticker, and which identifiers of other registries belong to a security.

Sources: LEAN's MapFileResolver.cs, SecurityDefinition.cs and SecurityDefinitionSymbolResolver.cs. A file that
cannot be read is reported once and counts as missing: the run goes on, as LEAN's does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, NamedTuple

from livetrader_engine.errors import DataError
from livetrader_engine.identifiers import identity
from livetrader_engine.symbols import SecurityType, Symbol
from livetrader_plugins.lean_data.client import DataFolder, file_name
from livetrader_plugins.lean_data.convert import MapFile, read_map_file

IDS_FILE: Final = "symbol-properties/security-database.csv"
ID_KINDS: Final = ("cusip", "composite_figi", "sedol", "isin", "cik")  # columns behind the identifier
MAX_MAP_FILES: Final = 200_000  # files of one market that are looked through for a former ticker

Report = Callable[[str, str], None]


class Mapped(NamedTuple):
    """A map file and the name that it goes by: the newest ticker, `.1` and so on behind one used before."""

    permtick: str
    file: MapFile


class Tickers:
    """Finds map files by ticker. Thread-safe; what was read is kept by whoever asks."""

    def __init__(self, folder: DataFolder, report: Report) -> None:
        self._folder = folder
        self._report = report
        self._lock = threading.Lock()
        self._all: dict[str, list[Mapped]] = {}  # by market: read when a ticker has no file of its name
        self._ids: list[tuple[str, ...]] | None = None

    def find(self, market: str, ticker: str, day: date | None = None) -> Mapped | None:
        """Return the map file of who trades under a ticker on a day (None: today), or did last.

        Looks at the files named after the ticker, then through all: a former ticker is in another's file.
        """
        directory = f"equity/{file_name(market)}/map_files"
        lower = file_name(ticker.lower())
        names = self._folder.names(directory, f"{lower}.csv")
        names += self._folder.names(directory, f"{lower}.[0-9]*.csv")
        named = [mapped for name in names if (mapped := self._read(directory, name)) is not None]
        found = _of_ticker(named, ticker, day)
        if found is None:
            found = next((mapped for mapped in named if mapped.permtick == ticker), None)
        if found is None:
            found = _of_ticker(self._of_market(market, directory), ticker, day)
        if found is None or (day is not None and found.file.first_date > day):
            return None
        return found

    def _of_market(self, market: str, directory: str) -> list[Mapped]:
        with self._lock:
            known = self._all.get(market)
            if known is None:
                names = self._folder.names(directory, "*.csv")[:MAX_MAP_FILES]
                known = [mapped for name in names if (mapped := self._read(directory, name)) is not None]
                self._all[market] = known
            return known

    def _read(self, directory: str, name: str) -> Mapped | None:
        relative = f"{directory}/{name}"
        try:
            text = self._folder.text(relative) or ""
            return Mapped(
                name.removesuffix(".csv").upper(), read_map_file(str(self._folder.folder / relative), text)
            )
        except DataError as error:
            self._report("map_file_unreadable", str(error))
            return None

    def ids_of(self, symbol: Symbol, kind: str) -> str | None:
        """Return an identifier of another registry of a security, None where it is not told."""
        column = ID_KINDS.index(kind) + 1
        return next((row[column] or None for row in self._id_rows() if row[0] == symbol.id), None)

    def with_id(self, kind: str, value: str, day: date) -> Sequence[Symbol]:
        """Return the securities with an identifier of another registry, under their tickers of `day`."""
        column = ID_KINDS.index(kind) + 1
        wanted = value.upper()
        return [self._symbol(row[0], day) for row in self._id_rows() if wanted and row[column] == wanted]

    def _symbol(self, identifier: str, day: date) -> Symbol:
        named = identity(identifier)
        ticker = named.ticker
        if named.security_type is SecurityType.EQUITY:
            mapped = self.find(named.market, ticker, named.day)
            if mapped is not None and mapped.file.first_date == named.day:
                file = mapped.file
                at = next((row for row, last in enumerate(file.days) if last >= day), len(file.days) - 1)
                ticker = file.tickers[at]
        return Symbol.create(identifier, ticker, named.security_type, named.market)

    def _id_rows(self) -> list[tuple[str, ...]]:
        with self._lock:
            if self._ids is None:
                self._ids = self._read_ids()
            return self._ids

    def _read_ids(self) -> list[tuple[str, ...]]:
        text = self._folder.text(IDS_FILE)
        if text is None:
            self._report("security_ids_missing", str(self._folder.folder / IDS_FILE))
            return []
        rows: list[tuple[str, ...]] = []
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            columns = [column.strip() for column in line.split(",")]
            try:
                identity(columns[0])
            except DataError as error:
                self._report(
                    "security_id_unreadable", f"{self._folder.folder / IDS_FILE} row {number}: {error}"
                )
                continue
            values = [column.upper() for column in columns[1:6]]
            rows.append((columns[0], *values, *[""] * (len(ID_KINDS) - len(values))))
        return rows


def _of_ticker(files: Sequence[Mapped], ticker: str, day: date | None) -> Mapped | None:
    """Return the file of the first row of this ticker that ends on `day` or later, else of the last."""
    rows = sorted(
        (
            (last, mapped)
            for mapped in files
            for last, name in zip(mapped.file.days, mapped.file.tickers, strict=True)
            if name == ticker
        ),
        key=lambda row: row[0],
    )
    if not rows:
        return None
    if day is not None:
        return next((mapped for last, mapped in rows if last >= day), rows[-1][1])
    return rows[-1][1]
