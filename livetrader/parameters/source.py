"""Where parameters come from: a file of this machine, or one that a web server hands out.

Bounded in time and size. Redirections are not followed: who may change how money is traded is named in the
settings, not by a web server.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from livetrader.daemon_threads import DaemonThreads
from livetrader.parameters.values import BODY_LIMIT_BYTES

if TYPE_CHECKING:
    from aiohttp import ClientSession

FETCH_LIMIT_S: Final = 10.0  # of one attempt, name lookup to last byte


class UnreachableError(Exception):
    """The file cannot be had now; the message says why. What was read before stays."""


class Fetched(msgspec.Struct, frozen=True):
    """What was found; `body` None where it is what `tag` named already."""

    body: bytes | None
    tag: str = ""


def public_name(url: str) -> str:
    """Return an address without what may be secret in it: user, password, query."""
    parts = urlsplit(url)
    if not parts.scheme:
        return url
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


class Source:
    """Reads the file of parameters. Belongs to the loop's thread.

    Owns the one call that may be at the disk: a file system that hangs takes one thread, which holds up
    neither other parts of the daemon nor its end.
    """

    def __init__(self) -> None:
        self._threads = DaemonThreads("parameters")
        self._reading: Future[bytes] | None = None

    async def fetch(self, url: str, tag: str = "") -> Fetched:
        """Read the file. `tag` is that of the last answer. Raises UnreachableError."""
        try:
            async with asyncio.timeout(FETCH_LIMIT_S):
                if url.startswith("/"):
                    return Fetched(await self._read(Path(url)))
                return await _get(url, tag)
        except TimeoutError as error:
            raise UnreachableError(f"{public_name(url)} did not answer within {FETCH_LIMIT_S:g} s") from error
        except OSError as error:  # aiohttp's connection errors are such
            raise UnreachableError(f"{public_name(url)} cannot be read: {error}") from error

    async def _read(self, path: Path) -> bytes:
        """Return what the file says; go on waiting for a call that hangs since an earlier attempt."""
        reading = self._reading = self._reading or self._threads.submit(_read, path)
        try:
            return await asyncio.shield(asyncio.wrap_future(reading))
        finally:
            if reading.done():
                self._reading = None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BODY_LIMIT_BYTES + 1)


async def _get(url: str, tag: str) -> Fetched:
    import aiohttp  # the daemon has it anyway; commands that only read settings do not

    limit = aiohttp.ClientTimeout(total=FETCH_LIMIT_S)
    try:
        async with aiohttp.ClientSession(timeout=limit, auto_decompress=False) as session:
            return await _ask(session, url, tag)
    except aiohttp.ClientConnectionError as error:  # names host and port, no more of the address
        raise UnreachableError(f"{public_name(url)} cannot be read: {error}") from error
    except (aiohttp.ClientError, ValueError) as error:  # in words of ours: theirs repeat the whole address
        words = f"{type(error).__name__}, no answer that HTTP allows"
        raise UnreachableError(f"{public_name(url)} cannot be read: {words}") from None


async def _ask(session: ClientSession, url: str, tag: str) -> Fetched:
    headers = {"Accept-Encoding": "identity", "Cache-Control": "no-cache"}
    if tag:
        headers["If-None-Match"] = tag
    async with session.get(url, headers=headers, allow_redirects=False) as answer:
        if answer.status == 304 and tag:
            return Fetched(None, tag)
        if answer.status != 200:
            hint = "; name the address it leads to" if 300 <= answer.status < 400 else ""
            raise UnreachableError(f"{public_name(url)} answers {answer.status} {answer.reason or ''}{hint}")
        body = bytearray()
        async for piece in answer.content.iter_chunked(16 * 1024):
            body += piece
            if len(body) > BODY_LIMIT_BYTES:
                break  # `parse` says so
        return Fetched(bytes(body), answer.headers.get("ETag", ""))
