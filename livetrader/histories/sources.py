"""Who can be asked for past data, and for what."""

from __future__ import annotations

from typing import NamedTuple

from livetrader_engine.data.subscription import TickType
from livetrader_engine.spi import HistoryPlugin, PluginError, VenueError
from livetrader_engine.spi_data import DataStore, Downloader
from livetrader_engine.symbols import Resolution, Symbol


def unanswered(error: PluginError) -> VenueError:
    """Return a history's failure as its own alone, a missing key too: another is asked, and nobody ends."""
    return error if isinstance(error, VenueError) else VenueError(str(error))


class Source(NamedTuple):
    """One configured history under its plugin's name."""

    name: str
    plugin: HistoryPlugin

    @property
    def downloader(self) -> Downloader | None:
        """What downloads from it for keeps; None where it can only be asked directly."""
        return self.plugin if isinstance(self.plugin, Downloader) else None

    def downloads(self, symbol: Symbol, resolution: Resolution, tick_type: TickType) -> bool:
        """Return whether data of this kind can be downloaded from it."""
        found = self.downloader
        return (
            found is not None
            and symbol.security_type in found.downloads.security_types
            and resolution in found.downloads.resolutions
            and tick_type in found.downloads.tick_types
        )


class Store(NamedTuple):
    """The one history that keeps what others download: `plugin` and `data` are one, by its two contracts."""

    name: str
    plugin: HistoryPlugin
    data: DataStore
