"""Serves the dashboard's files from memory. Anybody may have them: they say nothing of an account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web

from livetrader.control import refusals
from livetrader.control.gate import Gate, Peer
from livetrader.control.http_headers import file_headers
from livetrader.dashboard import assets
from livetrader.dashboard.assets import Asset

METRIC_ROUTE: Final = "dashboard"  # all files are one row in the count of requests
METHODS: Final = ("GET", "HEAD")


class Pages:
    """The files by path. `load` reads the disk: call it off the loop, once."""

    def __init__(self, read: Callable[[], Mapping[str, Asset]] = assets.load) -> None:
        self._read = read
        self._files: Mapping[str, Asset] = {}

    def load(self) -> None:
        """Read the files."""
        self._files = self._read()

    def has(self, path: str) -> bool:
        """Return whether there is a file at this path."""
        return path in self._files

    def answer(self, request: web.Request, gate: Gate, peer: Peer) -> web.Response:
        """Return the file, or that the browser has it. Raises Refusal.

        A link on another site may lead to the page, so only its Host is checked; no page of another origin
        can read what it answers, or show it in a frame.
        """
        gate.check_host(request.headers, peer)
        gate.check_file_rate(peer)
        if request.method not in METHODS:
            raise refusals.wrong_method(", ".join(METHODS))
        asset = self._files[request.path]
        headers = file_headers(asset.cache_control, asset.etag, assets.CONTENT_SECURITY_POLICY)
        if asset.etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        return web.Response(body=asset.body, headers=headers | {"Content-Type": asset.content_type})
