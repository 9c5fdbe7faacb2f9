"""Puts a registry together: store, key, formats, and live the thread that follows the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from livetrader.clocks import wall_ns
from livetrader.models.catalog import Catalog, Retention
from livetrader.models.opener import Surroundings
from livetrader.models.registry import Registry
from livetrader.models.scope import own_part
from livetrader.models.signing import Signer, signer_for, user_folder
from livetrader_engine.commands import LogLevel
from livetrader_engine.engine import Engine
from livetrader_engine.models import ModelVersion
from livetrader_engine.ports import ObjectStore


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where signing keys lie: `own` signs and is made at first use; `others` are recognized too."""

    own: Path
    others: Sequence[Path] = ()


def live_keys(state_directory: Path) -> KeyPlace:
    """Return the daemon's keys: its own in the state directory, and those of the user's notebooks."""
    return KeyPlace(state_directory, (user_folder(),))


def user_keys() -> KeyPlace:
    """Return the keys of backtests and notebooks: the user's own."""
    return KeyPlace(user_folder())


def surroundings_of(
    engine: Callable[[], Engine | None],
    *,
    sequential: bool,
    report: Callable[[str, int | None, str], None] = lambda name, number, trouble: None,
    drifted: Callable[[str, float], None] = lambda name, drift: None,
) -> Surroundings:
    """Return what a registry takes from the run of an engine, which may be made later.

    `report` hears of a model by name: the version that is in use now, or what is wrong with one. `drifted`
    hears how far its data have moved.
    """

    def now_ns() -> int:
        made = engine()
        return 0 if made is None else made.clock.now_ns

    def tell(level: LogLevel, message: str) -> None:
        made = engine()
        if made is not None:
            made.ports.results.log(made.clock.now_ns, level, message)

    def adopted(version: ModelVersion) -> None:
        made = engine()
        if made is not None:
            made.readiness.adopted(version.name, version.made_ns)
        report(version.name, version.number, "")

    def alarm(name: str, trouble: str) -> None:
        report(name, None, trouble)

    return Surroundings(now_ns, tell, adopted, alarm, sequential, drifted)


def open_registry(
    store: ObjectStore,
    keys: KeyPlace,
    surroundings: Surroundings,
    *,
    retention: Retention | None = None,
) -> Registry:
    """Return the registry of one run, used by the calling thread. Touches nothing before its first use.

    Not sequential, it follows the store from its first `load` on.
    """

    @cache
    def signer() -> Signer | None:
        try:
            return signer_for(keys.own, keys.others)
        except OSError as error:
            told = f"models are not signed, so pickles of theirs will not be opened: {error}"
            surroundings.tell(LogLevel.ERROR, told)
            return None

    forget = None if surroundings.sequential else store.forget
    return Registry(Catalog(own_part(store), wall_ns, signer, retention), surroundings, forget)
