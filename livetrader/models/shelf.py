"""What can be read of versions and decisions in an object store. Opens no model and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from livetrader.models.records import (
    ROOT,
    Keys,
    Manifest,
    RecordError,
    ServingState,
    content_of,
    folder,
    log_key,
    names_in,
    open_sealed,
    sort_keys,
    version_key,
)
from livetrader.models.scope import Blobs
from livetrader.models.signing import Signer
from livetrader_engine.models import ModelRefusedError, ModelVersion


class Seen(NamedTuple):
    """The newest state, and the newest sequence in the log: that of a damaged decision too."""

    state: ServingState
    sequence: int


class Shelf:
    """The versions of all models in a store, to read. Thread-safe.

    `signer` is asked for when a record is opened, not before; without one nothing is known as our own.
    """

    def __init__(self, store: Blobs, signer: Callable[[], Signer | None]) -> None:
        self._store = store
        self._signer = signer

    def names(self) -> list[str]:
        """Return the names of all models that have a version, sorted."""
        found = names_in(self._store.keys(ROOT))
        return [name for name in found if self.numbers(name)]

    def numbers(self, name: str) -> list[int]:
        """Return the numbers of all versions, ascending, without those being deleted."""
        gone = self.state(name).retired
        return [number for number in self._keys(name).versions if number not in gone]

    def manifest(self, name: str, number: int) -> tuple[Manifest, bool]:
        """Return a version's record and whether this instance signed it.

        Raises KeyError where there is none, RecordError where it is damaged.
        """
        data = self._store.read(version_key(name, number))
        manifest, signed = open_sealed(data, Manifest, self._signer())
        if (manifest.version.name, manifest.version.number) != (name, number):
            raise RecordError("it is the record of another version")
        return manifest, signed

    def content(self, manifest: Manifest) -> bytes:
        """Return a version's content. Raises KeyError without, RecordError where it is damaged."""
        content = content_of(manifest.blob, self._store.read(folder(manifest.version.name) + manifest.blob))
        if not manifest.blob.endswith(manifest.version.content):
            raise RecordError("its record names other content")
        return content

    def damage(self, manifest: Manifest) -> str:
        """Return what is wrong with a version's content, "" where it is whole. Reads all of it."""
        try:
            self.content(manifest)
        except KeyError:
            return "its content is not in the store"
        except RecordError as error:
            return str(error)
        return ""

    def versions(self, name: str) -> tuple[list[ModelVersion], dict[int, str]]:
        """Return the versions that can be read, oldest first, and why the others cannot."""
        found: list[ModelVersion] = []
        damaged: dict[int, str] = {}
        for number in self.numbers(name):
            try:
                found.append(self.manifest(name, number)[0].version)
            except KeyError:
                continue  # deleted meanwhile
            except RecordError as error:
                damaged[number] = str(error)
        return found, damaged

    def state(self, name: str) -> ServingState:
        """Return who serves: the newest decision that can be read."""
        return self._seen(name).state

    def log(self, name: str) -> list[ServingState]:
        """Return the decisions that are kept and can be read, newest first."""
        found: list[ServingState] = []
        for sequence in reversed(self._keys(name).log):
            decision = self._decision(name, sequence)
            if decision is not None:
                found.append(decision)
        return found

    def changed_since(self, name: str, sequence: int) -> bool:
        """Return whether there is a newer decision than `sequence`; two look-ups at most, no listing."""
        if self._store.contains(log_key(name, sequence + 1)):
            return True
        return sequence > 0 and not self._store.contains(log_key(name, sequence))  # far behind

    # -- parts -----------------------------------------------------------------------------------------

    def _keys(self, name: str) -> Keys:
        return sort_keys(name, self._store.keys(folder(name)))

    def _missing(self, name: str, number: int) -> ModelRefusedError:
        there = ", ".join(map(str, self.numbers(name))) or "none"
        return ModelRefusedError(f"there is no version {number} of {name!r}; there are: {there}")

    def _decision(self, name: str, sequence: int) -> ServingState | None:
        try:
            return open_sealed(self._store.read(log_key(name, sequence)), ServingState)[0]
        except (KeyError, RecordError):
            return None  # the one before it counts

    def _seen(self, name: str) -> Seen:
        keys = self._keys(name).log
        newest = keys[-1] if keys else 0
        found = (self._decision(name, sequence) for sequence in reversed(keys))
        state = next((decision for decision in found if decision is not None), ServingState())
        return Seen(replace(state, sequence=newest), newest)
