"""Talks to systemd: READY, STOPPING, STATUS, and the watchdog, in the standard library alone.

The protocol is one datagram of `KEY=value` lines to the socket in $NOTIFY_SOCKET (sd_notify(3)).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import Final

STATUS_LIMIT: Final = 500  # characters; `systemctl status` shows one line
USEC: Final = 1_000_000


class Notifier:
    """Sends notifications; does nothing where $NOTIFY_SOCKET is not set. Owned by the supervisor's loop.

    `fresh` is asked before each watchdog ping: while it says False (a beat is overdue), no ping is sent and
    systemd kills and restarts the daemon. Never blocks and never raises for a socket that is gone or full:
    a lost ping is what the next one repairs. It removes nothing from the environment; children are started
    without these variables by whoever starts them.
    """

    def __init__(self, fresh: Callable[[], bool], environment: Mapping[str, str] | None = None) -> None:
        given = os.environ if environment is None else environment
        self._fresh = fresh
        self._address = _address(given.get("NOTIFY_SOCKET", ""))
        self._interval_s = _interval_s(given)
        self._socket: socket.socket | None = None
        self._status = ""
        self.failures = 0  # datagrams that could not be sent
        if self._address is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    @property
    def enabled(self) -> bool:
        """Whether somebody listens."""
        return self._socket is not None

    @property
    def ping_interval_s(self) -> float | None:
        """How often `ping` should be called: a third of WatchdogSec=; None where there is no watchdog."""
        return None if self._interval_s is None or not self.enabled else self._interval_s / 3

    def ready(self, status: str = "") -> None:
        """Say that the start is over."""
        self._send("READY=1", *([_status(status)] if status else []))

    def ping(self) -> bool:
        """Feed the watchdog, but only while the beats are fresh; return whether it was fed."""
        if self._interval_s is None or not self._fresh():
            return False
        return self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Show one line in `systemctl status`; a repeated one is not sent again."""
        if text != self._status:
            self._status = text
            self._send(_status(text))

    def stopping(self, status: str = "") -> None:
        """Say that the end has begun."""
        self._send("STOPPING=1", *([_status(status)] if status else []))

    def extend_timeout(self, seconds: float) -> None:
        """Ask for more time to start or stop than the unit grants: a long warm-up or liquidation."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * USEC)}")

    def close(self) -> None:
        """Close the socket; idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, *lines: str) -> bool:
        if self._socket is None or self._address is None:
            return False
        try:
            datagram = "\n".join(lines).encode(errors="backslashreplace")  # a path may be no UTF-8
            self._socket.sendto(datagram, self._address)
        except OSError:  # systemd is restarting, or its queue is full: counted, and the next one may pass
            self.failures += 1
            return False
        return True


def _address(given: str) -> str | bytes | None:
    """Return the address of the socket: a path, or a name in the abstract namespace written with @."""
    if given.startswith("@"):
        return b"\0" + os.fsencode(given[1:])
    return given if given.startswith("/") else None


def _interval_s(environment: Mapping[str, str]) -> float | None:
    """Return WatchdogSec= in seconds where it is meant for this process."""
    usec = environment.get("WATCHDOG_USEC", "")
    pid = environment.get("WATCHDOG_PID", str(os.getpid()))
    if not usec.isdigit() or int(usec) == 0 or pid != str(os.getpid()):
        return None
    return int(usec) / USEC


def _status(text: str) -> str:
    return "STATUS=" + " ".join(text.split())[:STATUS_LIMIT]
