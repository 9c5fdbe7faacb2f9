"""Versions and decisions in an object store: the protocol that survives crashes and other writers.

It opens no model, so the command line uses it too. Content is written first, then the version, then the
decision that lets it serve; each is one new key, made exclusively, so two writers never take the same number
and a decision is always made on the newest state (compare and swap). What a dead writer left is collected.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from msgspec.structs import replace

from livetrader.models import decisions
from livetrader.models.records import (
    Manifest,
    RecordError,
    ServingState,
    blob_name,
    blob_time_ns,
    folder,
    log_key,
    seal,
    version_key,
)
from livetrader.models.scope import Blobs
from livetrader.models.shelf import Shelf
from livetrader.models.signing import Signer
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.models import Gate, ModelRefusedError, ModelVersion

VERSIONS_KEPT: Final = 10
LOG_KEPT: Final = 8  # decisions; one is enough, the others say what happened
ORPHAN_AGE_NS: Final = 3600 * 10**9  # a blob without a version for so long is a dead writer's
MAX_TRIES: Final = 100  # lost races in a row; each means that another writer got through
_TOKEN_BYTES: Final = 6

Change = Callable[[ServingState], ServingState | None]


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept: `versions` of a model, and content without a version for `orphan_age_ns`."""

    versions: int = VERSIONS_KEPT
    orphan_age_ns: int = ORPHAN_AGE_NS


class Catalog(Shelf):
    """The versions of all models in a store. Thread-safe; any number of them share a store.

    Without a signer it signs nothing and takes nothing as its own. `wall_ns` dates what is written.
    """

    def __init__(
        self,
        store: Blobs,
        wall_ns: Callable[[], int],
        signer: Callable[[], Signer | None] | None = None,
        retention: Retention | None = None,
    ) -> None:
        super().__init__(store, signer or (lambda: None))
        self._wall_ns = wall_ns
        self._retention = retention or Retention()

    # -- writing ---------------------------------------------------------------------------------------

    def add(self, draft: ModelVersion, content: bytes, promote: bool | Gate) -> tuple[ModelVersion, bool]:
        """Keep content as a new version; return it, and whether it serves now.

        The number, `saved_ns`, `content`, `size` and `parent` of the draft are replaced.
        """
        name = draft.name
        for _ in range(MAX_TRIES):
            blob = blob_name(self._wall_ns(), secrets.token_hex(_TOKEN_BYTES), content)
            self._store.save(folder(name) + blob, content)
            version = self._numbered(draft, blob, len(content))
            state = self._decide(name, partial(self._kept, version, promote))
            if version.number not in state.retired and self._is_whole(version, blob):
                self.collect(name)
                return version, state.serving == version.number
        raise AlgorithmError(f"{name!r}: others delete versions faster than one could be saved")

    def promote(self, name: str, number: int, reason: str, *, force: bool = False) -> ModelVersion:
        """Let a version serve.

        Raises ModelRefusedError where it is not there, damaged, or bad and not forced.
        """
        version = self._whole(name, number)

        def change(state: ServingState) -> ServingState | None:
            self._existing(name, number)
            _check_usable(name, number, state, force=force)
            return decisions.promoted(state, number, reason)

        self._decide(name, change)
        return version

    def rollback(self, name: str, number: int | None, reason: str) -> ModelVersion:
        """Let an earlier version serve again. Raises ModelRefusedError where there is none."""
        chosen: list[ModelVersion] = []

        def change(state: ServingState) -> ServingState | None:
            if number is not None:
                _check_usable(name, number, state, force=False)
            after = decisions.rolled_back(decisions.among(state, self._keys(name).versions), number, reason)
            chosen[:] = [self._whole(name, after.serving or 0)]
            return after

        self._known(name)
        self._decide(name, change)
        return chosen[0]

    def mark_bad(self, name: str, number: int, reason: str) -> ServingState:
        """Never let a version serve again; where it does, the last good one takes over."""

        def change(state: ServingState) -> ServingState | None:
            if number in state.bad:
                return None
            return decisions.found_bad(decisions.among(state, self._keys(name).versions), number, reason)

        return self._decide(name, change)

    def remove(self, name: str, numbers: Collection[int]) -> None:
        """Delete versions. Raises ModelRefusedError for those in use or not there; then none is deleted."""

        def change(state: ServingState) -> ServingState | None:
            there = [number for number in self._keys(name).versions if number not in state.retired]
            missing = sorted(set(numbers).difference(there))
            if missing:
                raise self._missing(name, missing[0])
            return decisions.removed(decisions.among(state, there), numbers)

        self._decide(name, change)
        self.collect(name)

    def remove_all(self, name: str) -> int:
        """Delete a model; return how many versions. Its numbers are not given again."""
        self._known(name)
        count = len(self.numbers(name))
        self._decide(name, lambda state: decisions.removed_all(state, self._keys(name).versions))
        self.collect(name)
        return count

    def collect(self, name: str) -> int:
        """Delete what was given up and what dead writers left; return how many keys that were.

        Blobs are listed before versions: one that is about to get a version is younger than the limit.
        """
        blobs = self._keys(name).blobs
        keys = self._keys(name)
        retired = self.state(name).retired
        deleted = sum(self._delete(name, number) for number in keys.versions if number in retired)
        used = self._used_blobs(name, [number for number in keys.versions if number not in retired])
        if used is None:
            return deleted  # a version cannot be read, so nobody knows which content is its
        last_ns = self._wall_ns() - self._retention.orphan_age_ns
        for blob in blobs:
            if blob not in used and blob_time_ns(blob) <= last_ns:
                deleted += self._store.delete(folder(name) + blob)
        return deleted

    # -- parts -----------------------------------------------------------------------------------------

    def _known(self, name: str) -> None:
        if not self.numbers(name):
            raise ModelRefusedError(
                f"there is no model {name!r}; there are: {', '.join(self.names()) or 'none'}"
            )

    def _delete(self, name: str, number: int) -> int:
        """Delete a version and then its content; return how many keys that were."""
        try:
            blob = self.manifest(name, number)[0].blob
        except (KeyError, RecordError):
            blob = None  # its content is nobody's then, and goes as an orphan
        deleted = int(self._store.delete(version_key(name, number)))
        return deleted + (0 if blob is None else int(self._store.delete(folder(name) + blob)))

    def _existing(self, name: str, number: int) -> ModelVersion:
        try:
            return self.manifest(name, number)[0].version
        except KeyError:
            raise self._missing(name, number) from None
        except RecordError as error:
            raise ModelRefusedError(f"version {number} of {name!r} cannot be used: {error}") from error

    def _whole(self, name: str, number: int) -> ModelVersion:
        """Return a version whose content is there, too. Raises ModelRefusedError."""
        version = self._existing(name, number)
        damage = self.damage(self.manifest(name, number)[0])
        if damage:
            raise ModelRefusedError(
                f"version {number} of {name!r} cannot be used: {damage}; name another one"
            )
        return version

    def _numbered(self, draft: ModelVersion, blob: str, size: int) -> ModelVersion:
        name = draft.name
        for _ in range(MAX_TRIES):
            self._store.forget()
            state = self.state(name)
            numbers = self._keys(name).versions
            number = max([state.highest, *numbers]) + 1
            version = replace(
                draft,
                number=number,
                saved_ns=self._wall_ns(),
                content=blob.rpartition("-")[2],
                size=size,
                parent=state.serving,
            )
            if self._store.save_new(
                version_key(name, number), seal(Manifest(version=version, blob=blob), self._signer())
            ):
                return version
        raise AlgorithmError(f"{name!r} gets versions faster than one could be saved; save less often")

    def _kept(self, version: ModelVersion, promote: bool | Gate, before: ServingState) -> ServingState | None:
        """Return the state with a version just saved; None where others have given it up already."""
        numbers = self._keys(version.name).versions
        if version.number in before.retired or version.number not in numbers:
            return None
        state = decisions.saved(before, version.number)
        if callable(promote):
            promote = promote(version, self._serving_version(version.name, before))
        if promote:
            state = decisions.promoted(state, version.number, "saved")
        return decisions.retired(state, numbers, self._retention.versions)

    def _is_whole(self, version: ModelVersion, blob: str) -> bool:
        keys = self._keys(version.name)
        return version.number in keys.versions and blob in keys.blobs

    def _serving_version(self, name: str, state: ServingState) -> ModelVersion | None:
        if state.serving is None:
            return None
        try:
            return self.manifest(name, state.serving)[0].version
        except (KeyError, RecordError):
            return None

    def _decide(self, name: str, change: Change) -> ServingState:
        """Write the state that `change` makes of the newest one; again where somebody else was faster."""
        for _ in range(MAX_TRIES):
            self._store.forget()  # a decision is made on what is there, not on what was read before
            before = self._seen(name)
            after = change(before.state)
            if after is None:
                return before.state
            sequence = before.sequence + 1
            decision = replace(after, sequence=sequence, at_ns=self._wall_ns())
            if self._store.save_new(log_key(name, sequence), seal(decision)) and self._counts(name, sequence):
                return decision
        raise AlgorithmError(f"{name!r} is decided upon faster than one could join in; try again")

    def _counts(self, name: str, sequence: int) -> bool:
        """Whether a decision just written follows the one it was made on; delete old ones.

        A writer that slept while others wrote and deleted could have taken a number that was free again.
        """
        log = self._keys(name).log
        if log and log[-1] > sequence and sequence > 1 and sequence - 1 not in log:
            self._store.delete(log_key(name, sequence))
            return False
        for old in log[:-LOG_KEPT]:
            self._store.delete(log_key(name, old))
        return True

    def _used_blobs(self, name: str, numbers: Sequence[int]) -> set[str] | None:
        used: set[str] = set()
        for number in numbers:
            try:
                used.add(self.manifest(name, number)[0].blob)
            except KeyError:
                continue  # deleted meanwhile, its content with it
            except RecordError:
                return None
        return used


def _check_usable(name: str, number: int, state: ServingState, *, force: bool) -> None:
    if number in state.retired:
        raise ModelRefusedError(f"version {number} of {name!r} is being deleted")
    if number in state.bad and not force:
        told = f"version {number} of {name!r} is marked bad ({state.bad[number]})"
        raise ModelRefusedError(f"{told}; promote it with force if you know better")
