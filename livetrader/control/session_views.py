"""What a browser is told of its session."""

from __future__ import annotations

import msgspec


class SessionView(msgspec.Struct, frozen=True):
    """Who asks, and what they may do. `role` is view, control, admin, or custom for another set of scopes.

    `csrf` is given once, by the answer to the log-in: it has to come back in the header X-CSRF-Token of
    every request that changes anything, and a page keeps it where only its own origin reads it (cookies do
    not keep ports apart). `expires_ns` (wall UTC) is None for a bearer token without an end.
    """

    name: str
    role: str
    scopes: tuple[str, ...]
    expires_ns: int | None
    csrf: str = ""
    by: str = "session"  # session, token, or socket
    account: str = ""
