"""How versions and decisions are written: JSON in an envelope with a checksum and, for versions, a signature.

Keys of one model, all below `_models/<name>/`, none of which is ever written twice:

    blobs/<wall ns>-<token>-<sha256>     content of a version; its name says what it must hash to
    versions/<number>.json               what is known of a version, and which blob it is
    log/<sequence>.json                  who serves, from this decision on; the newest counts

A version exists once its second file does, serves once the third does. Whoever dies in between leaves a blob
or a version that does not serve, never a half of one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeVar

import msgspec

from livetrader.models.signing import Signature, Signer
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.models import ModelVersion

ROOT: Final = "_models/"
NAME_LENGTH: Final = 64
_NAME: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{NAME_LENGTH - 1}}}\Z")
_BLOB: Final = re.compile(r"blobs/(\d{1,20})-[0-9a-f]+-([0-9a-f]{64})\Z")
_NUMBERED: Final = re.compile(r"(versions|log)/(\d{1,12})\.json\Z")
_FORMAT: Final = 1  # of the envelope; a newer one is refused, not guessed at


class RecordError(Exception):
    """A record is damaged or of another kind. The message says how; nothing of it may be used."""


class Manifest(msgspec.Struct, frozen=True):
    """What versions/<number>.json holds."""

    version: ModelVersion
    blob: str  # key below the model's folder


class ServingState(msgspec.Struct, frozen=True):
    """What log/<sequence>.json holds: all there is to know about who serves.

    `history` are versions that served before, newest first, each able to serve again. `bad` maps a version to
    why it must not. `highest` is the highest number ever given. `retired` versions are being deleted.
    """

    sequence: int = 0
    action: str = "nothing"
    number: int | None = None
    reason: str = ""
    at_ns: int = 0
    serving: int | None = None
    history: tuple[int, ...] = ()
    bad: dict[int, str] = {}
    highest: int = 0
    retired: tuple[int, ...] = ()


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    kind: str
    body: str
    sha256: str
    signature: Signature | None = None


class Keys(NamedTuple):
    """Keys of one model that exist, sorted; what else lies in its folder is not ours and left out."""

    blobs: tuple[str, ...]
    versions: tuple[int, ...]
    log: tuple[int, ...]


Body = TypeVar("Body", Manifest, ServingState)


def check_name(name: str) -> str:
    """Return the name of a model. Raises AlgorithmError where it is none."""
    if not isinstance(name, str) or not _NAME.match(name) or name.endswith("."):
        raise AlgorithmError(
            f"{name!r} is no name of a model: use letters, digits, '_', '-' and '.', {NAME_LENGTH} at most, "
            "such as 'spy-forest'"
        )
    return name


def folder(name: str) -> str:
    """Return what all keys of a model begin with."""
    return f"{ROOT}{check_name(name)}/"


def version_key(name: str, number: int) -> str:
    """Return the key of a version's record."""
    return f"{folder(name)}versions/{number:08d}.json"


def log_key(name: str, sequence: int) -> str:
    """Return the key of a decision."""
    return f"{folder(name)}log/{sequence:08d}.json"


def blob_name(wall_ns: int, token: str, content: bytes) -> str:
    """Return where content is kept, below the model's folder: no two versions share a place."""
    return f"blobs/{wall_ns}-{token}-{hashlib.sha256(content).hexdigest()}"


def blob_time_ns(blob: str) -> int:
    """Return the wall time at which a blob was about to be written."""
    found = _BLOB.match(blob)
    return 0 if found is None else int(found[1])


def sort_keys(name: str, keys: Iterable[str]) -> Keys:
    """Return the keys of a model by what they are."""
    start = folder(name)
    blobs: list[str] = []
    numbers: dict[str, list[int]] = {"versions": [], "log": []}
    for key in keys:
        rest = key.removeprefix(start)
        if _BLOB.match(rest):
            blobs.append(rest)
        elif found := _NUMBERED.match(rest):
            numbers[found[1]].append(int(found[2]))
    return Keys(tuple(sorted(blobs)), tuple(sorted(numbers["versions"])), tuple(sorted(numbers["log"])))


def names_in(keys: Iterable[str]) -> list[str]:
    """Return the names of the models that have a key, sorted."""
    parts = (key.split("/") for key in keys if key.startswith(ROOT))
    return sorted({part[1] for part in parts if len(part) > 2 and _NAME.match(part[1])})


def seal(record: Manifest | ServingState, signer: Signer | None = None) -> bytes:
    """Return a record as bytes that tell when they were changed."""
    kind, body = type(record).__name__, msgspec.json.encode(record)
    signature = None if signer is None else signer.sign(_signed(kind, body))
    digest = hashlib.sha256(body).hexdigest()
    return msgspec.json.encode(_Envelope(_FORMAT, kind, body.decode(), digest, signature))


def open_sealed(data: bytes, kind: type[Body], signer: Signer | None = None) -> tuple[Body, bool]:
    """Return a record, and whether this instance has signed it. Raises RecordError where it is damaged."""
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
        body = envelope.body.encode()
        if envelope.format != _FORMAT or envelope.kind != kind.__name__:
            raise RecordError(
                f"it is a {envelope.kind!r} of format {envelope.format}, not a {kind.__name__!r}"
            )
        if hashlib.sha256(body).hexdigest() != envelope.sha256:
            raise RecordError("its checksum is wrong: it was changed or damaged")
        record = msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise RecordError(f"it cannot be read: {error}") from error
    signature = envelope.signature
    if signer is None or signature is None:
        return record, False
    return record, signer.verifies(_signed(envelope.kind, body), signature)


def content_of(blob: str, content: bytes) -> bytes:
    """Return content that is what its name says. Raises RecordError where it is not."""
    found = _BLOB.match(blob)
    if found is None:
        raise RecordError(f"{blob!r} is no place of content")
    if hashlib.sha256(content).hexdigest() != found[2]:
        raise RecordError("the content does not have its hash: it was changed or damaged")
    return content


def _signed(kind: str, body: bytes) -> bytes:
    return kind.encode() + b"\0" + body
