"""A store in memory that can crash, clocks that tests move, and registries over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from livetrader.models.catalog import Catalog, Retention
from livetrader.models.opener import Surroundings
from livetrader.models.registry import Registry
from livetrader.models.signing import Signer
from livetrader_engine.commands import LogLevel
from livetrader_engine.models import ModelVersion, SaveModel

NS_PER_S = 10**9
START_NS = 1_700_000_000 * NS_PER_S


class Crash(BaseException):
    """The process died here. No handler of ours may stop it."""


class DictStore:
    """A store without a disk. `crash_after` writes it dies, before or after the last one took effect."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.crash_after: int | None = None
        self.crash_early = False
        self.before_write: Callable[[str], None] = lambda key: None

    def read(self, key: str) -> bytes:
        return self.values[key]

    def save(self, key: str, value: bytes) -> None:
        self._write(key, lambda: self.values.__setitem__(key, value))

    def save_new(self, key: str, value: bytes) -> bool:
        return bool(self._write(key, lambda: self.values.setdefault(key, value) is value))

    def contains(self, key: str) -> bool:
        return key in self.values

    def delete(self, key: str) -> bool:
        return bool(self._write(key, lambda: self.values.pop(key, None) is not None))

    def forget(self) -> None:
        """Nothing is cached."""

    def keys(self, prefix: str = "") -> list[str]:
        return sorted(key for key in self.values if key.startswith(prefix))

    def _write(self, key: str, write: Callable[[], object]) -> object:
        self.before_write(key)
        if self.crash_after is not None:
            self.crash_after -= 1
            if self.crash_after <= 0:
                self.crash_after = None
                if not self.crash_early:
                    write()
                raise Crash
        return write()


class World:
    """One store with one wall clock, and as many registries ("processes") on it as a test wants."""

    def __init__(self, store: Any = None, retention: Retention | None = None, key: bytes = b"k" * 32) -> None:
        self.store = DictStore() if store is None else store
        self.wall_ns = START_NS
        self.now_ns = START_NS
        self.lines: list[tuple[LogLevel, str]] = []
        self.adopted: list[int] = []
        self.alarms: list[tuple[str, str]] = []
        self.drifted: list[tuple[str, float]] = []
        self.retention = retention
        self.signer = Signer(key)

    def catalog(self, signer: Signer | None = None) -> Catalog:
        return Catalog(self.store, lambda: self.wall_ns, lambda: signer or self.signer, self.retention)

    def registry(
        self, *, sequential: bool = True, signer: Signer | None = None, follows: bool = False
    ) -> Registry:
        def adopted(version: ModelVersion) -> None:
            self.adopted.append(version.number)

        around = Surroundings(
            lambda: self.now_ns,
            lambda level, text: self.lines.append((level, text)),
            adopted,
            self.alarm,
            sequential,
            lambda name, drift: self.drifted.append((name, drift)),
        )
        return Registry(self.catalog(signer), around, (lambda: None) if follows else None)

    def tell(self, level: LogLevel, text: str) -> None:
        self.lines.append((level, text))

    def alarm(self, name: str, trouble: str) -> None:
        self.alarms.append((name, trouble))

    def errors(self) -> list[str]:
        return [text for level, text in self.lines if level is LogLevel.ERROR]


class Line:
    """A model that answers with its slope, whatever it is asked; NaN slopes are broken models."""

    def __init__(self, slope: float, error: str = "") -> None:
        self.slope = slope
        self.error = error

    def predict(self, features: Iterable[Any]) -> Any:
        import numpy as np

        if self.error:
            raise RuntimeError(self.error)
        return np.array([self.slope for _ in features])


def line(name: str, slope: float, **wishes: Any) -> SaveModel:
    return SaveModel(name, Line(slope), **wishes)


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
