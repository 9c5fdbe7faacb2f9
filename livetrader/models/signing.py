"""The key with which an instance recognizes its own models: what it did not sign it does not unpickle.

HMAC-SHA256. The key lies outside the object store, readable by its owner only, so whoever can write to the
store (a bucket, a shared folder) cannot make a pickle that is opened. It does not protect from code that runs
as the same user: that code can read the key, and could do anything anyway.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from livetrader_engine.errors import ConfigurationError

KEY_BYTES: Final = 32
KEY_NAME: Final = "model.key"
_ID_LENGTH: Final = 16  # hexadecimal digits


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signed (a digest of the key), and the code."""

    key: str
    code: str


class Signer:
    """Signs with one key, recognizes it and others. Thread-safe."""

    def __init__(self, key: bytes, others: Sequence[bytes] = ()) -> None:
        self._key = key
        self._known = {_key_id(known): known for known in (key, *others)}

    def sign(self, data: bytes) -> Signature:
        """Return the signature of data."""
        return Signature(_key_id(self._key), _code(self._key, data))

    def verifies(self, data: bytes, signature: Signature) -> bool:
        """Return whether one of our keys made the signature; takes the same time for every wrong code."""
        key = self._known.get(signature.key)
        if key is None or not signature.code.isascii():
            return False
        return hmac.compare_digest(_code(key, data), signature.code)


def signer_for(folder: Path, others: Sequence[Path] = ()) -> Signer:
    """Return the signer whose key lies in `folder`, made at first use; it recognizes the others' keys too.

    Raises ConfigurationError for a key that others may read, that is not ours, or that is no key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = (_read_other(other / KEY_NAME) for other in others if other != folder)
    return Signer(_made(folder / KEY_NAME), [key for key in found if key is not None])


def user_folder() -> Path:
    """Return where a person's own key lies: $XDG_CONFIG_HOME/livetrader, else ~/.config/livetrader."""
    named = os.environ.get("XDG_CONFIG_HOME", "")
    if named.startswith("/"):
        return Path(named) / "livetrader"
    try:
        home = Path.home()
    except RuntimeError:  # a user without an entry and without $HOME, as containers have them
        home = Path.cwd()
    return home / ".config" / "livetrader"


def _made(path: Path) -> bytes:
    """Return the key; make it where there is none. Of two that make it at once one wins, for both."""
    if not path.exists():
        pending = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES).hex().encode())
                file.flush()
                os.fsync(file.fileno())
            os.link(pending, path)
        except FileExistsError:
            return _read(path)
        finally:
            pending.unlink(missing_ok=True)
    return _read(path)


def _read_other(path: Path) -> bytes | None:
    """Return a key of another place; None where there is none, or none that we can reach."""
    try:
        return _read(path)
    except OSError:  # a service that must not see homes
        return None


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        text = file.read(4 * KEY_BYTES)
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise ConfigurationError(
            f"{path}: a key that others may read or that is not yours signs nothing; "
            f"`chown` it to the user that runs this and `chmod 600` it"
        )
    try:
        key = bytes.fromhex(text.decode().strip())
    except ValueError as error:
        raise ConfigurationError(f"{path} holds no key; delete it and a new one is made") from error
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"{path} holds no key; delete it and a new one is made")
    return key


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"livetrader model key\0" + key).hexdigest()[:_ID_LENGTH]


def _code(key: bytes, data: bytes) -> str:
    return hmac.new(key, data, hashlib.sha256).hexdigest()
