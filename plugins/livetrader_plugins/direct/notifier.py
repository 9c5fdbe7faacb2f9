"""The notifier: POSTs messages to an address of the operator, and carries requests and files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import urlsplit

import msgspec

from livetrader_engine.outgoing import FileUpload, Outgoing, Way, WebRequest
from livetrader_engine.spi import API_VERSION, Context, PluginError, VenueError
from livetrader_engine.spi_notify import Message
from livetrader_plugins.direct.files import put_by_ftp, put_by_sftp
from livetrader_plugins.sdk.blocking import BlockingCalls

if TYPE_CHECKING:
    from aiohttp import ClientSession

REQUEST_S: Final = 8.0  # a whole request; below the daemon's limit of one attempt
TRY_AGAIN: Final = frozenset({408, 425, 429})  # answers below 500 that may be different later
_OWN_HEADERS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection"})


class DirectConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keys of the channel; each may be left out.

    `url` gets messages for people as JSON, with `token` as its bearer token. `hosts`: only there may an
    algorithm send requests and files; empty: anywhere. `known_hosts` has the keys of SFTP servers.
    """

    url: str = ""
    token: str = ""
    hosts: tuple[str, ...] = ()
    known_hosts: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what is no address of the web."""
        if self.url and not _is_web(self.url):
            raise ValueError("url: is no address of the web; write for example https://example.com/alerts")


class DirectNotifier:
    """Implements NotifierPlugin and Carrier. Owns one HTTP session, on the daemon's loop."""

    API_VERSION: ClassVar[int] = API_VERSION
    Config: ClassVar[type[msgspec.Struct]] = DirectConfig

    def __init__(self, config: DirectConfig, context: Context) -> None:
        self._config = config
        self._calls = BlockingCalls(f"direct {context.name}")
        self._session: ClientSession | None = None

    async def connect(self) -> None:
        """Look whether the file of known hosts is there. Raises PluginError."""
        known = self._config.known_hosts
        if known is not None and not await self._calls.run(known.is_file):
            raise PluginError(f"there is no file {known}; ssh-keyscan HOST > {known} makes one")

    async def send(self, message: Message) -> None:
        """POST a message as JSON. Raises VenueError, PluginError where no `url` is set."""
        config = self._config
        if not config.url:
            raise PluginError("this channel has no url: it carries an algorithm's requests and files only")
        headers = [("Content-Type", "application/json")]
        headers += [("Authorization", f"Bearer {config.token}")] if config.token else []
        await self._post(config.url, msgspec.json.encode(message), headers)

    def carries(self, way: Way) -> bool:
        """Return whether it is a request or a file."""
        return way in (Way.WEB, Way.FTP)

    async def carry(self, message: Outgoing) -> None:
        """Deliver an algorithm's request or file. Raises VenueError, or PluginError where it never can."""
        match message:
            case WebRequest():
                if not _is_web(message.address):
                    raise PluginError("the address is none of the web: http:// or https://")
                self._admit(urlsplit(message.address).hostname or "")
                headers = [each for each in message.headers if each[0].lower() not in _OWN_HEADERS]
                if all(name.lower() != "content-type" for name, _ in headers):
                    headers.append(("Content-Type", message.content_type))
                await self._post(message.address, message.body.encode(), headers)
            case FileUpload():
                self._admit(message.host)
                if message.secure:
                    await put_by_sftp(message, await self._known_hosts())
                else:
                    await self._calls.run(lambda: put_by_ftp(message))
            case _:
                raise PluginError("only requests and files go without a service between")

    async def close(self) -> None:
        """Close the session; idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _known_hosts(self) -> bytes:
        """Return the keys of SFTP servers. Raises PluginError where there are none."""
        known = self._config.known_hosts
        if known is None:
            raise PluginError(
                "SFTP needs the keys of its servers: ssh-keyscan HOST > known_hosts, look at them, and name"
                ' the file as known_hosts of a [[notify.channel]] with plugin = "direct"'
            )
        try:
            return await self._calls.run(known.read_bytes)
        except OSError as error:
            raise PluginError(f"{known} cannot be read: {error.strerror}") from error

    def _admit(self, host: str) -> None:
        if self._config.hosts and host.lower() not in {each.lower() for each in self._config.hosts}:
            raise PluginError(f"{host} is not among the hosts of this channel")

    async def _post(self, url: str, body: bytes, headers: Sequence[tuple[str, str]]) -> None:
        from aiohttp import ClientError, ClientSession, ClientTimeout

        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=REQUEST_S), trust_env=True)
        try:
            async with self._session.post(
                url, data=body, headers=list(headers), allow_redirects=False
            ) as response:
                status, reason = response.status, response.reason or ""
        except (ClientError, OSError, TimeoutError) as error:
            raise VenueError(f"{urlsplit(url).hostname}: {type(error).__name__}") from error
        except ValueError as error:  # an address or a header that cannot be one
            raise PluginError(f"the request cannot be made: {type(error).__name__}") from error
        if 300 <= status < 500 and status not in TRY_AGAIN:
            raise PluginError(f"{urlsplit(url).hostname} answered {status} {reason[:80]}")
        if status >= 300:
            raise VenueError(f"{urlsplit(url).hostname} answered {status} {reason[:80]}")


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
