"""Sessions of browsers: a cookie that says who asks, and a second secret that proves the page is ours.

    log in    POST /v1/session with a token   ->  cookie (HttpOnly, SameSite=Strict), csrf in the answer
    look      the cookie alone
    act       the cookie and the header X-CSRF-Token
    ends      log out · too old · unused for too long · its token expires or is revoked · the daemon ends

Nothing of it is written down: both secrets are random, kept here as SHA-256, and a session grants at every
request what its token grants then. The csrf is told once, to the page that logged in, and never again:
browsers send a cookie to every port of a host, so that whoever serves another port may see ours; with it
alone he cannot act.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from livetrader.control.auth import Identity, TokenRecord, digest, grant
from livetrader_engine.symbols import NS_PER_SECOND

SECRET_BYTES: Final = 32  # 256 bits
SECRET_CHARACTERS_LIMIT: Final = 64  # of a presented cookie; nothing longer is hashed
SESSIONS_LIMIT: Final = 64  # at once: operators, not the public; the one unused longest ends first
COOKIES_LIMIT: Final = 4  # of our name in one request: a neighbour may have planted some
CSRF_HEADER: Final = "X-CSRF-Token"


class Limits(msgspec.Struct, frozen=True):
    """How long a session lasts, and how long unused, in seconds."""

    age_s: float
    idle_s: float


class Opened(msgspec.Struct, frozen=True):
    """A new session: the secret for the cookie, the csrf, when it ends (wall UTC)."""

    secret: str
    csrf: str
    expires_ns: int


class _Session(msgspec.Struct):
    token_sha256: str
    csrf_sha256: str
    expires_ns: int
    used_s: float


class Sessions:
    """The sessions that are open. Owned by the loop; keeps nothing over a restart."""

    def __init__(self, limits: Limits, wall_ns: Callable[[], int], monotonic_s: Callable[[], float]) -> None:
        self._limits = limits
        self._wall_ns = wall_ns
        self._monotonic_s = monotonic_s
        # by digest of the secret; what was unused longest stands first
        self._open: OrderedDict[str, _Session] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are open; one whose token was revoked counts until somebody tries it."""
        now_s, now_ns = self._monotonic_s(), self._wall_ns()
        return sum(not self._is_over(session, now_s, now_ns) for session in self._open.values())

    def open(self, token: TokenRecord) -> Opened:
        """Begin a session of a token's owner."""
        secret, csrf = secrets.token_urlsafe(SECRET_BYTES), secrets.token_urlsafe(SECRET_BYTES)
        expires_ns = self._wall_ns() + int(self._limits.age_s * NS_PER_SECOND)
        if token.expires_ns is not None:
            expires_ns = min(expires_ns, token.expires_ns)
        self._open[digest(secret)] = _Session(token.sha256, digest(csrf), expires_ns, self._monotonic_s())
        while len(self._open) > SESSIONS_LIMIT:
            self._open.popitem(last=False)
        return Opened(secret, csrf, expires_ns)

    def identify(self, secret: str, tokens: Iterable[TokenRecord]) -> Identity | None:
        """Return whose session this is, with what the token grants now; None where it is over."""
        if len(secret) > SECRET_CHARACTERS_LIMIT:
            return None
        return self.renew(digest(secret), tokens)

    def renew(self, key: str, tokens: Iterable[TokenRecord]) -> Identity | None:
        """Return whose session it is that an Identity names, and count it as used; None where it is over."""
        session = self._open.pop(key, None)
        if session is None:
            return None
        now_s, now_ns = self._monotonic_s(), self._wall_ns()
        if self._is_over(session, now_s, now_ns):
            return None
        token = next((each for each in tokens if each.sha256 == session.token_sha256), None)
        owner = None if token is None else grant(token, now_ns)
        if owner is None:
            return None
        session.used_s = now_s
        self._open[key] = session
        return msgspec.structs.replace(owner, session=key, expires_ns=session.expires_ns)

    def _is_over(self, session: _Session, now_s: float, now_ns: int) -> bool:
        return now_ns >= session.expires_ns or now_s - session.used_s >= self._limits.idle_s

    def is_ours(self, who: Identity, csrf: str) -> bool:
        """Return whether a request of this session carried the secret that its page was given."""
        session = self._open.get(who.session)
        if session is None or len(csrf) > SECRET_CHARACTERS_LIMIT:
            return False
        return hmac.compare_digest(digest(csrf), session.csrf_sha256)

    def close(self, who: Identity) -> None:
        """End the session of this identity; harmless where it is over."""
        self._open.pop(who.session, None)


def cookie_name(port: int, *, secure: bool) -> str:
    """Return the cookie's name: daemons on several ports of a host must not take each other's."""
    return f"{'__Host-' if secure else ''}livetrader-{port}"


def cookie_header(name: str, value: str, *, secure: bool, max_age_s: int) -> str:
    """Return the value of Set-Cookie; an age of 0 takes the cookie away."""
    parts = [f"{name}={value}", "Path=/", f"Max-Age={max_age_s}", "HttpOnly", "SameSite=Strict"]
    return "; ".join(parts + (["Secure"] if secure else []))


def presented(header: str, names: Iterable[str]) -> list[str]:
    """Return the values that a Cookie header has for our names, the first few of them."""
    wanted = frozenset(names)
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return [value for name, _, value in pairs if name in wanted and value][:COOKIES_LIMIT]
