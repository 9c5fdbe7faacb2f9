"""Logging in and out of the dashboard."""

from __future__ import annotations

from typing import cast

from livetrader.control import refusals
from livetrader.control.auth import Identity, grant, role_of
from livetrader.control.calls import Call, LogInBody, Reply
from livetrader.control.session_views import SessionView
from livetrader.control.sessions import cookie_header, cookie_name


async def log_in(call: Call) -> Reply:
    """Begin a session of the token's owner; the answer has the csrf, the cookie the rest."""
    body, desk = cast("LogInBody", call.body), call.services.desk
    token = await desk.admit(body.token, call.peer)
    who = grant(token, desk.wall_ns())
    if who is None:
        raise refusals.unauthenticated()  # it expired this instant
    opened = desk.sessions.open(token)
    max_age_s = max(1, (opened.expires_ns - desk.wall_ns()) // 10**9)
    name = cookie_name(desk.port, secure=call.secure)
    return Reply(
        value=_view(call, who, opened.expires_ns, csrf=opened.csrf),
        cookie=cookie_header(name, opened.secret, secure=call.secure, max_age_s=max_age_s),
        note=f"session of {who.name}",
    )


async def session(call: Call) -> Reply:
    """Answer who asks."""
    return Reply(value=_view(call, call.who, call.who.expires_ns))


async def log_out(call: Call) -> Reply:
    """End the session that asks; a token has none to end."""
    if not call.who.session:
        raise refusals.no_session()
    call.services.desk.sessions.close(call.who)
    name = cookie_name(call.services.desk.port, secure=call.secure)
    return Reply(
        value=_view(call, call.who, call.services.desk.wall_ns()),
        cookie=cookie_header(name, "", secure=call.secure, max_age_s=0),
    )


def _view(call: Call, who: Identity, expires_ns: int | None, csrf: str = "") -> SessionView:
    by = "session" if csrf or who.session else "token" if who.token else "socket"
    return SessionView(
        name=who.name,
        role=role_of(who.scopes),
        scopes=tuple(sorted(who.scopes)),
        expires_ns=expires_ns,
        csrf=csrf,
        by=by,
        account=call.services.desk.account,
    )
