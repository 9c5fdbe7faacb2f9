"""The files of the dashboard, ready to be served: read once, never built, never fetched from elsewhere.

Every file but the page itself lies under a folder that is named after the content of all of them. So a
browser may keep them for good, and a new version of the daemon is a new address: no mixture of old and new
modules ever runs. The page finds them by relative addresses, so a reverse proxy may put it under a prefix.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import msgspec

VERSION_CHARACTERS: Final = 12  # of SHA-256 in hex: 48 bits tell versions of one program apart
PLACEHOLDER: Final = b"{version}"  # in index.html, where the folder's name goes
INDEX: Final = "index.html"
FOREVER: Final = "public, max-age=31536000, immutable"  # the address says which content it is
ASK_AGAIN: Final = "no-cache"  # the page itself: it names the others
CONTENT_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
}
# What the page may do: its own scripts and styles, its own server; no inline code, no frames, no forms that
# post by themselves, and no text that becomes markup.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)


class Asset(msgspec.Struct, frozen=True):
    """One file: what goes over the wire. `etag` is quoted, as the header has it."""

    body: bytes
    content_type: str
    cache_control: str
    etag: str


def load() -> dict[str, Asset]:
    """Return every file of the dashboard by its path from the server's root; `/` is the page.

    Reads the disk: call it off the loop, once.
    """
    return address(dict(_read(files("livetrader.dashboard") / "web", "")))


def address(contents: Mapping[str, bytes]) -> dict[str, Asset]:
    """Return files, given by their names, by the addresses they are served under."""
    version = _digest(b"".join(_digest(contents[name]).encode() for name in sorted(contents)))
    found = {
        f"/assets/{version}/{name}": _asset(name, body, FOREVER)
        for name, body in contents.items()
        if name != INDEX
    }
    page = contents[INDEX].replace(PLACEHOLDER, version.encode())
    return {"/": _asset(INDEX, page, ASK_AGAIN), **found}


def _read(folder: Traversable, above: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _read(entry, f"{above}{entry.name}/")
        elif entry.name.rpartition(".")[2] in CONTENT_TYPES:
            found.append((above + entry.name, entry.read_bytes()))
    return found


def _asset(name: str, body: bytes, cache_control: str) -> Asset:
    return Asset(body, CONTENT_TYPES[name.rpartition(".")[2]], cache_control, f'"{_digest(body)}"')


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:VERSION_CHARACTERS]
