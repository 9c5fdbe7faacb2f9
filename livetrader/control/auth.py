"""Who asks, and what they may ask for.

Two ways in, and a third that begins with the first:

* **A bearer token.** 256 random bits, shown once when it is made; the file keeps its SHA-256, a name, scopes
  and an optional expiry. No salt is needed for a random secret of that size. The file must be mode 0600 and
  ours. There is no default token and no token in a URL.
* **The unix socket, by the peer's user id** (SO_PEERCRED, kept by the kernel, not claimed by the peer): root
  and the user the daemon runs as are admins without a token. Both can stop, trace and read the daemon anyway,
  so a token would protect nothing and could be missing in the one minute it is needed. A peer of another user
  (the socket's group) needs a token; a local admin who sends a token gets that token's scopes, not more.
* **A session**, for browsers: made with a token, told by a cookie (livetrader.control.sessions).

People think in roles, routes ask for scopes; a role is a name for a set of scopes and nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec

from livetrader.errors import ConfigError

TOKEN_BYTES: Final = 32  # 256 bits
TOKEN_PREFIX: Final = "lt_"  # lets secret scanners and people recognise one
TOKEN_CHARACTERS_LIMIT: Final = 256  # of a presented token; nothing longer is hashed
TOKENS_LIMIT: Final = 256  # in the file: every one is compared at every request
FILE_LIMIT_BYTES: Final = 1 << 20


class Scope(StrEnum):
    """What a token may do."""

    READ = "read"
    OPERATE = "operate"
    LIQUIDATE = "liquidate"
    ALERT = "alert"  # Alertmanager: tells of alerts, sees nothing, does nothing by itself
    ADMIN = "admin"


# Who may act may look: nobody should operate blind.
GRANTS: Final[dict[Scope, frozenset[Scope]]] = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.OPERATE: frozenset({Scope.OPERATE, Scope.READ, Scope.ALERT}),
    Scope.LIQUIDATE: frozenset({Scope.LIQUIDATE, Scope.READ, Scope.ALERT}),
    Scope.ALERT: frozenset({Scope.ALERT}),
    Scope.ADMIN: frozenset(Scope),
}


class Role(StrEnum):
    """What a person is to a deployment; `control` is what LEAN calls live control."""

    VIEW = "view"  # may look
    CONTROL = "control"  # may look, halt, resume, stop and liquidate
    ADMIN = "admin"  # may do everything


CUSTOM: Final = "custom"  # said of a set of scopes that is no role's
ROLES: Final[dict[Role, frozenset[Scope]]] = {
    Role.VIEW: frozenset({Scope.READ}),
    Role.CONTROL: frozenset({Scope.READ, Scope.OPERATE, Scope.LIQUIDATE}),
    Role.ADMIN: frozenset({Scope.ADMIN}),
}


def effective(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Return every scope that these grant."""
    return frozenset(granted for scope in scopes for granted in GRANTS[scope])


def role_of(scopes: Iterable[Scope]) -> str:
    """Return the role that grants exactly what these scopes do, or `custom`."""
    granted = effective(scopes)
    return next((role.value for role, own in ROLES.items() if effective(own) == granted), CUSTOM)


class Identity(msgspec.Struct, frozen=True):
    """Who asks: a name for the audit trail and the scopes granted.

    `token` is the digest of the token that it came by, `session` that of its session; empty where there is
    none. `expires_ns` (wall UTC) is when that ends.
    """

    name: str
    scopes: frozenset[Scope]
    token: str = ""
    session: str = ""
    expires_ns: int | None = None

    def may(self, scope: Scope) -> bool:
        """Return whether this identity has `scope`, directly or granted by another."""
        return any(scope in GRANTS[own] for own in self.scopes)


class TokenRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One token as stored: never the secret itself."""

    name: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$")]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    scopes: tuple[Scope, ...]
    created_ns: int
    expires_ns: int | None = None


class TokenFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What tokens.json holds."""

    version: int = 1
    tokens: Annotated[tuple[TokenRecord, ...], msgspec.Meta(max_length=TOKENS_LIMIT)] = ()


def digest(secret: str) -> str:
    """Return the form in which a token is stored."""
    # what is no text (bytes of a header that are no UTF-8) is a wrong secret, not a fault
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def identify(secret: str, tokens: Iterable[TokenRecord], now_ns: int) -> Identity | None:
    """Return whose token this is, None for a wrong or expired one.

    Compares with every token, in constant time each, so that the time taken says nothing about the secret.
    """
    if len(secret) > TOKEN_CHARACTERS_LIMIT:
        return None
    presented = digest(secret)
    found: TokenRecord | None = None
    for token in tokens:
        if hmac.compare_digest(presented, token.sha256):
            found = token
    return None if found is None else grant(found, now_ns)


def grant(token: TokenRecord, now_ns: int) -> Identity | None:
    """Return the identity of a token's owner, None where the token has expired."""
    if token.expires_ns is not None and now_ns >= token.expires_ns:
        return None
    return Identity(token.name, frozenset(token.scopes), token.sha256, expires_ns=token.expires_ns)


def identify_peer(uid: int) -> Identity | None:
    """Return the admin identity of root or the daemon's own user on the unix socket; None for others."""
    if uid in (0, os.geteuid()):
        return Identity(name=f"uid:{uid}", scopes=frozenset({Scope.ADMIN}))
    return None


class TokenStore:
    """The tokens file. Reads and writes are synchronous: call them off the loop."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._tokens: tuple[TokenRecord, ...] = ()

    @property
    def tokens(self) -> tuple[TokenRecord, ...]:
        """The tokens as of the last `refresh`."""
        return self._tokens

    def refresh(self) -> tuple[TokenRecord, ...]:
        """Read the file where it changed; a missing file means: no tokens.

        Raises ConfigError for a file that others may read, that is not ours, or that is not a token file;
        the tokens known before stay in force then.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            self._seen, self._tokens = None, ()
            return ()
        except OSError as error:
            raise self._wrong(
                f"cannot be opened: {error.strerror}", "make it a plain file of our own"
            ) from error
        with os.fdopen(descriptor, "rb") as file:
            about = os.fstat(file.fileno())
            self._check(about)
            seen = (about.st_ino, about.st_mtime_ns, about.st_size)
            if seen == self._seen:
                return self._tokens
            raw = file.read(FILE_LIMIT_BYTES + 1)
        try:
            content = msgspec.json.decode(raw, type=TokenFile)
        except msgspec.DecodeError as error:
            raise self._wrong(f"is not a token file: {error}", "move it away and make new tokens") from error
        self._seen, self._tokens = seen, content.tokens
        return self._tokens

    def create(
        self, name: str, scopes: Iterable[Scope], *, now_ns: int, expires_ns: int | None = None
    ) -> str:
        """Make a token, store its digest, and return the secret, which exists nowhere else.

        Raises ConfigError where the name is taken or the file is full.
        """
        tokens = self.refresh()
        if any(token.name == name for token in tokens):
            raise self._wrong(f"has a token named {name!r} already", "revoke that one, or use another name")
        if len(tokens) >= TOKENS_LIMIT:
            raise self._wrong(f"holds {TOKENS_LIMIT} tokens, the most there may be", "revoke some")
        secret = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
        ordered = tuple(scope for scope in Scope if scope in frozenset(scopes))
        try:
            record = msgspec.convert(
                {"name": name, "sha256": digest(secret), "scopes": ordered, "created_ns": now_ns,
                 "expires_ns": expires_ns},
                TokenRecord,
            )  # fmt: skip
        except msgspec.ValidationError as error:
            raise ConfigError([f"token name {name!r}: {error}; use letters, digits and . _ @ -"]) from error
        self._write((*tokens, record))
        return secret

    def revoke(self, name: str) -> bool:
        """Forget the token of this name; return whether there was one."""
        tokens = self.refresh()
        kept = tuple(token for token in tokens if token.name != name)
        if len(kept) == len(tokens):
            return False
        self._write(kept)
        return True

    def ensure(self) -> bool:
        """Create the file, empty, where there is none; return whether it was made."""
        if self.path.exists():
            return False
        self._write(())
        return True

    def _write(self, tokens: tuple[TokenRecord, ...]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = msgspec.json.format(msgspec.json.encode(TokenFile(tokens=tokens)), indent=2)
        fresh = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content + b"\n")
            file.flush()
            os.fsync(file.fileno())
            if os.geteuid() == 0:  # root writes it for the daemon's user, who has to read it
                folder = self.path.parent.stat()
                os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
        fresh.replace(self.path)
        self._seen = None
        self.refresh()

    def _check(self, about: os.stat_result) -> None:
        if not stat.S_ISREG(about.st_mode):
            raise self._wrong("is not a plain file", "move it away")
        ours = {0, os.geteuid()}
        if os.geteuid() == 0:
            ours.add(self.path.parent.stat().st_uid)  # root looks after a daemon's
        if about.st_uid not in ours:
            raise self._wrong(f"belongs to user {about.st_uid}, not to us", "chown it to the daemon's user")
        if about.st_mode & 0o077:
            raise self._wrong(f"has mode {about.st_mode & 0o777:04o}; others may read it", "chmod 600 it")

    def _wrong(self, what: str, remedy: str) -> ConfigError:
        return ConfigError([f"{self.path}: {what}; {remedy}"])
