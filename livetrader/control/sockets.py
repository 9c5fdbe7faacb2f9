"""Unix sockets: paths of any length, a mode that holds from the start, and who is at the other end."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from livetrader.errors import ConfigError

SOCKET_MODE: Final = 0o660  # the group may connect; what it may do, its token says
BACKLOG: Final = 64
PATH_LIMIT: Final = 100  # bytes; the kernel's sun_path holds 108 with its end


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Give a name of this socket that fits into sun_path, by way of its folder's descriptor if need be."""
    if len(os.fsencode(path)) <= PATH_LIMIT:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listen(path: Path) -> socket.socket:
    """Return a listening socket at `path`, mode SOCKET_MODE, replacing one that a dead daemon left.

    The caller holds the lock of the state directory, so nobody alive listens there. Raises ConfigError where
    something else is in the way.
    """
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError([f"{path}: is in the way of the control socket; move it away"])
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        os.fchmod(listener.fileno(), SOCKET_MODE)  # before bind: the file never exists with a wider mode
        with short_path(path) as name:
            listener.bind(name)
        path.chmod(SOCKET_MODE)  # undoes a umask that took the group away
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ConfigError(
            [f"{path}: cannot listen there: {error.strerror}; check the state directory"]
        ) from error
    return listener


class Connection(Protocol):
    """What both a socket and an asyncio transport's socket can do."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
        """Return the option's bytes."""
        ...


def peer_uid(connection: Connection) -> int:
    """Return the user id at the other end, as the kernel recorded it when the peer connected."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, _gid = struct.unpack("3i", raw)
    return int(uid)
