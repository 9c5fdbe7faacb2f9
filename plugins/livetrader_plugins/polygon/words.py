"""What Polygon's statuses mean, in words for people, with what to do about it. Pure."""

from __future__ import annotations

import re
from typing import Final

CONNECTED: Final = "connected"
LOGGED_IN: Final = "auth_success"
DONE: Final = "success"
TOO_MANY: Final = "max_connections"

_PLAN: Final = re.compile(r"authori[sz]ed|access|entitle|permission|\bplan\b|agreement", re.IGNORECASE)
_SLOW: Final = re.compile(r"slow|consum|behind|buffer", re.IGNORECASE)
_REAL_TIME: Final = re.compile(r"don't have access.*real.?time", re.IGNORECASE)
_DELAYED_REMEDY: Final = (
    '(the plan is a delayed one: set host = "delayed.polygon.io"; or its agreements are not signed)'
)
_ENDS_THE_SESSION: Final = frozenset({"auth_failed", "auth_timeout", TOO_MANY, "force_disconnect"})
KIND_NAMES: Final = {
    "T": "trades", "Q": "quotes", "A": "bars of seconds", "AM": "bars of minutes", "V": "index values",
}  # fmt: skip
_CLOSE_CODES: Final = {
    1000: "a normal close",
    1005: "without a code",
    1001: "it goes away",
    1002: "it saw an error in the protocol",
    1006: "no close was said",
    1008: "its policy",
    1009: "a message was too large",
    1011: "an error of its own",
    1012: "it starts anew",
    1013: "try again later",
}


def is_of_the_plan(message: str) -> bool:
    """Return whether a refusal is about what the plan includes, so that asking again is of no use."""
    return _PLAN.search(message) is not None


def ends_the_session(status: str, message: str, host: str) -> str:
    """Return why a status ends the connection, with the remedy; "" where it does not."""
    said = message.strip() or status
    if _REAL_TIME.search(said):
        return f"{host} has no real-time data for this key: {said} {_DELAYED_REMEDY}"
    if status not in _ENDS_THE_SESSION:
        return ""
    if status == TOO_MANY:
        return (
            f"{host} ends this connection: the key has too many ({said}). Another program uses it: stop that "
            "one, or buy another connection. It is taken back later, so that two do not throw each other out"
        )
    if status == "auth_timeout":
        return f"{host} did not receive the login in time ({said}): the line is slow"
    if status == "force_disconnect":
        return f"{host} ends this connection: {said}"
    if is_of_the_plan(said):
        return (
            f"{host} does not let this key in: {said}. Its plan lacks this stream: use a host that it "
            "includes (delayed.polygon.io), or another plan"
        )
    return f"{host} refuses the API key ({said}): look at api_key of the feed, or at POLYGON_API_KEY"


def refusal(kinds: tuple[str, ...], message: str, host: str) -> str:
    """Return why a stream is not had, after every kind of event that it could be made of was refused."""
    what = ", ".join(KIND_NAMES.get(kind, kind) for kind in kinds)
    said = message.strip() or "no reason given"
    if is_of_the_plan(said):
        remedy = "the plan does not include it: name another feed behind this one, or change the plan"
    else:
        remedy = "look at what Polygon says, and name another feed behind this one"
    return f"{host} refuses {what}: {said}; {remedy}"


def closed(host: str, code: int, reason: str) -> str:
    """Return the words for a connection that the venue closed."""
    why = _CLOSE_CODES.get(code, "unknown")
    said = f", {reason}" if reason else ""
    slow = "; this machine reads too slowly" if _SLOW.search(reason) else ""
    return f"{host} closed the connection ({code}, {why}{said}){slow}"
