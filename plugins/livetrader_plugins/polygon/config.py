"""What can be set about Polygon."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec

from livetrader_engine.spi import PluginError
from livetrader_plugins.sdk.rest import check_url

Seconds = Annotated[float, msgspec.Meta(gt=0, le=3_600)]
KEY_VARIABLES: Final = ("POLYGON_API_KEY", "MASSIVE_API_KEY")  # taken where the settings name no key
DELAYED_S: Final = 900.0  # what hosts called delayed… are behind
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:(?P<port>\d{1,5}))?")
_DELAYED_PREFIX: Final = "delayed"


class PolygonFeedConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[feed] plugin = "polygon". One connection for each of the markets that something is subscribed of.

    `made_from`: where the ladder begins that ends with what the plan includes: trades, bars of seconds, bars
    of minutes. `delay_s`: how far the host's data is behind; bars close so much later.
    """

    api_key: str = ""  # or { credential = "polygon" }; "": $POLYGON_API_KEY, then $MASSIVE_API_KEY
    host: str = "socket.polygon.io"  # delayed.polygon.io, business.polygon.io, socket.massive.com …
    tls: bool = True  # False only for a peer on this machine
    markets: tuple[Literal["stocks", "options", "indices"], ...] = ("stocks",)  # connected from the start
    transport: Literal["fast", "client"] = "fast"  # client: the official package, as a fallback
    made_from: Literal["trades", "seconds", "minutes"] = "trades"
    delay_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] | None = None  # None: by the host's name
    close_after_s: Annotated[float, msgspec.Meta(ge=0, le=30)] = (
        2.0  # where nothing is said, bars wait so long
    )
    connect_timeout_s: Seconds = 15.0  # until logged in
    answer_timeout_s: Seconds = 10.0  # until a request for streams is answered
    ping_idle_s: Seconds = 1.0  # of silence, then the venue is pinged; bars of a quiet market wait for it
    ping_timeout_s: Seconds = 5.0  # until a ping counts as unanswered: the connection is made anew

    def __post_init__(self) -> None:
        """Refuse a host that is none: an address with a scheme, a path, or a port out of range."""
        found = _HOST.fullmatch(self.host)
        if found is None or int(found["port"] or 1) not in range(1, 65_536):
            raise ValueError(
                f"host {self.host!r} is no name of a host: write socket.polygon.io, no wss:// and no path"
            )

    @property
    def behind_s(self) -> float:
        """How far the data is behind."""
        if self.delay_s is not None:
            return self.delay_s
        return DELAYED_S if self.host.startswith(_DELAYED_PREFIX) else 0.0


class PolygonHistoryConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[[history]] plugin = "polygon". Everything is asked over REST, with the official client.

    `patience_s` is for one page of an answer: waiting for the pace, for what the venue asks to wait, and for
    repetitions. All histories of a process with one key share its pace.
    """

    api_key: str = ""  # or { credential = "polygon" }; "": $POLYGON_API_KEY, then $MASSIVE_API_KEY
    url: str = ""  # "": the library's own, https://api.polygon.io or https://api.massive.com
    library: Literal["auto", "polygon", "massive"] = "auto"  # auto: polygon, else massive
    requests_per_minute: Annotated[int, msgspec.Meta(ge=0, le=6_000)] = 0  # free plans: 5; 0: as 429s allow
    connect_timeout_s: Seconds = 10.0
    read_timeout_s: Seconds = 30.0  # of silence; a whole answer may take twice as long
    patience_s: Seconds = 300.0
    attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5  # of one page, where the venue fails
    page_rows: Annotated[int, msgspec.Meta(ge=10, le=50_000)] = 50_000  # asked for at once

    def __post_init__(self) -> None:
        """Refuse an address that would show the key."""
        if self.url:
            check_url(self.url)


def api_key_of(key: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the key to use: the settings', else the environment's. Raises PluginError without one."""
    for found in (key, *(environment.get(name, "") for name in KEY_VARIABLES)):
        if found.strip():
            return found.strip()
    raise PluginError(
        'Polygon needs an API key: set api_key = { credential = "polygon" } in the plugin\'s section, or the '
        "environment variable POLYGON_API_KEY"
    )
