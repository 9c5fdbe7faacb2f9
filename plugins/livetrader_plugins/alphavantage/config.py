"""What can be set about Alpha Vantage."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from livetrader_engine.spi import PluginError
from livetrader_plugins.sdk.rest import check_url

Seconds = Annotated[float, msgspec.Meta(gt=0, le=3_600)]
KEY_VARIABLE: Final = "ALPHAVANTAGE_API_KEY"  # taken where the settings name no key


class AlphaVantageConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[[history]] plugin = "alphavantage". The limits are those of a free key; 0 means without one.

    `patience_s` is for one request: waiting for the pace, and for repetitions.
    """

    api_key: str = ""  # or { credential = "alphavantage" }; "": $ALPHAVANTAGE_API_KEY
    url: str = "https://www.alphavantage.co"
    requests_per_minute: Annotated[int, msgspec.Meta(ge=0, le=6_000)] = 5
    requests_per_day: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 25
    connect_timeout_s: Seconds = 10.0
    read_timeout_s: Seconds = 30.0  # of silence; a whole answer may take twice as long
    patience_s: Seconds = 300.0
    attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] = 4

    def __post_init__(self) -> None:
        """Refuse an address that would show the key."""
        check_url(self.url)


def api_key_of(key: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the key to use: the settings', else the environment's. Raises PluginError without one."""
    for found in (key, environment.get(KEY_VARIABLE, "")):
        if found.strip():
            return found.strip()
    raise PluginError(
        'Alpha Vantage needs an API key: set api_key = { credential = "alphavantage" } in the section of the '
        f"history, or the environment variable {KEY_VARIABLE}"
    )
