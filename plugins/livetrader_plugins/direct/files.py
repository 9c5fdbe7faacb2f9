"""Files onto servers: FTP by the standard library, in a thread; SFTP by asyncssh, where it is installed."""

from __future__ import annotations

import ftplib
from io import BytesIO
from typing import Any, Final

from livetrader_engine.outgoing import FileUpload
from livetrader_engine.spi import PluginError, VenueError

TIMEOUT_S: Final = 8.0  # of one step of FTP; below the daemon's limit of one attempt


def put_by_ftp(upload: FileUpload) -> None:
    """Store a file; blocks. Raises VenueError, or PluginError where the server refuses for good."""
    try:
        with ftplib.FTP(timeout=TIMEOUT_S) as server:
            server.connect(upload.host, upload.port)
            server.login(upload.user, upload.password)
            server.storbinary(f"STOR {upload.path}", BytesIO(upload.content))
    except ftplib.error_perm as error:
        raise PluginError(f"the FTP server refuses: {error}") from error
    except (ftplib.Error, OSError, EOFError) as error:
        raise VenueError(f"FTP to {upload.host} failed: {error}") from error
    except ValueError as error:  # a line break in a name
        raise PluginError(f"FTP cannot carry this: {error}") from error


async def put_by_sftp(upload: FileUpload, known_hosts: bytes) -> None:
    """Store a file on a server whose key is known. Raises VenueError, or PluginError with the remedy."""
    try:
        import asyncssh
    except ImportError as error:
        raise PluginError("SFTP needs asyncssh: pip install 'livetrader[sftp]'") from error
    options: dict[str, Any] = {"password": upload.password or None, "client_keys": None}
    try:
        if upload.private_key:
            key = asyncssh.import_private_key(upload.private_key, upload.passphrase or None)
            options = {"client_keys": [key]}
        connecting = asyncssh.connect(
            upload.host, upload.port, username=upload.user, known_hosts=known_hosts,
            agent_path=None, config=None, **options,
        )  # fmt: skip
        async with (
            connecting as connection,
            connection.start_sftp_client() as server,
            server.open(upload.path, "wb") as file,
        ):
            await file.write(upload.content)
    except (asyncssh.KeyImportError, asyncssh.HostKeyNotVerifiable, asyncssh.PermissionDenied) as error:
        raise PluginError(f"SFTP to {upload.host} was refused: {error}") from error
    except (asyncssh.Error, OSError) as error:
        raise VenueError(f"SFTP to {upload.host} failed: {error}") from error
