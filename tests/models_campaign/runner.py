"""Kill writers at random instants, open what they left, and hold it against what they had said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from livetrader.clocks import wall_ns
from livetrader.models.catalog import LOG_KEPT, VERSIONS_KEPT, Catalog, Retention
from livetrader.models.records import version_key
from livetrader.store.local import FileObjectStore
from livetrader_engine.models import LoadModel, ModelVersion
from tests.models_campaign.weights import identity_of
from tests.models_campaign.writer import MODEL, open_here

REPOSITORY = Path(__file__).resolve().parents[2]
LONGEST_LIFE_S = 0.15  # of a writer after its first words: some thirty actions
START_LIMIT_S = 30.0
KINDS = {"save", "challenge", "promote", "rollback"}
ENOUGH_KINDS = 3  # to be hit, to prove anything
MOST = 3
PAIR_SHARE = 1 / 3  # of the rounds have two writers at once


@dataclass
class Result:
    """What a campaign did and found."""

    kills: int = 0
    inside: dict[str, int] = field(default_factory=dict)  # kills by the action they hit
    actions: int = 0
    changes: int = 0  # rounds after which another version served than before
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)

    @property
    def kinds_hit(self) -> set[str]:
        """Return the actions in whose middle a writer was killed."""
        return KINDS & self.inside.keys()


class Writer:
    """One writing process and what it said."""

    def __init__(self, store: Path, keys: Path, seed: int, name: str) -> None:
        command = [sys.executable, "-m", "tests.models_campaign.writer", store, keys, str(seed), name]
        # no buffer of ours: `communicate` does not know what was read into it behind the first line
        self._process = subprocess.Popen(
            command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        assert self._process.stdout is not None
        self._first = self._process.stdout.readline()  # it begins its first action now
        if not self._first:
            raise RuntimeError(f"a writer ended by itself:\n{self._error()}")

    def kill(self) -> list[dict[str, Any]]:
        """End it at once; return what it had said, oldest first."""
        if self._process.poll() is not None:
            raise RuntimeError(f"a writer ended by itself:\n{self._error()}")
        os.kill(self._process.pid, signal.SIGKILL)
        out, _ = self._process.communicate(timeout=START_LIMIT_S)
        lines = (self._first + out).split(b"\n")[:-1]  # what follows the last line end was cut off
        return [json.loads(line) for line in lines]

    def _error(self) -> str:
        assert self._process.stderr is not None
        return self._process.stderr.read().decode()[-2000:]


class Campaign:
    """One store under fire."""

    def __init__(self, root: Path, seed: int, say: Callable[[str], None]) -> None:
        self._store = root / "store"
        self._keys = root / "keys"
        self._random = Random(seed)
        self._say = say
        self._serving: str | None = None  # what serves for certain
        self._numbers: dict[int, str] = {}  # versions that were acknowledged
        self.result = Result()

    def run(self, kills: int) -> Result:
        """Kill so many writers, then compare what is on the disk with what is needed.

        On a busy machine few of their short actions are hit: then more of them, up to `MOST` times as many.
        """
        started = time.monotonic()
        while self.result.kills < kills or (
            len(self.result.kinds_hit) < ENOUGH_KINDS and self.result.kills < MOST * kills
        ):
            pair = self._random.random() < PAIR_SHARE and kills - self.result.kills != 1
            self._round(2 if pair else 1)
            if self.result.kills % 20 < 2:
                self._say(f"{self.result.kills}/{kills} kills, {self.result.actions} actions")
        self._rest()
        self.result.seconds = time.monotonic() - started
        return self.result

    def _round(self, count: int) -> None:
        seeds = [self._random.randrange(2**31) for _ in range(count)]
        writers = [Writer(self._store, self._keys, seed, f"{self.result.kills}-{seed}") for seed in seeds]
        told: list[list[dict[str, Any]]] = []
        for writer in writers:
            time.sleep(self._random.uniform(0.0, LONGEST_LIFE_S))
            told.append(writer.kill())
            self.result.kills += 1
        for lines in told:
            self._count(lines)
        allowed = self._allowed(told[0]) if count == 1 else None
        self._look(allowed)

    def _count(self, lines: list[dict[str, Any]]) -> None:
        self.result.actions += sum("end" in line for line in lines)
        for line in lines:
            if "number" in line and line["end"] in ("save", "challenge"):
                self._numbers[line["number"]] = line["identity"]
        hit = _under_way(lines)
        name = "between" if hit is None else hit["begin"]
        self.result.inside[name] = self.result.inside.get(name, 0) + 1

    def _allowed(self, lines: list[dict[str, Any]]) -> set[str | None]:
        """Return who may serve now: whoever did before the action that was hit, or whom it lets serve."""
        before = next((line["serving"] for line in reversed(lines) if "end" in line), self._serving)
        hit = _under_way(lines)
        allowed = {before}
        if hit is None:
            return allowed
        if hit["begin"] == "save":
            allowed.add(hit["identity"])
        elif hit["begin"] == "promote" and "aims" in lines[-1]:
            allowed.add(self._identity(lines[-1]["aims"]))
        elif hit["begin"] == "rollback":
            catalog = self._catalog()
            decision = catalog.log(MODEL)[0] if catalog.log(MODEL) else None
            if decision is not None and decision.action == "rollback" and decision.serving is not None:
                allowed.add(self._identity(decision.serving))
        return allowed

    def _identity(self, number: int) -> str | None:
        return self._numbers.get(number) or self._open(self._catalog().manifest(MODEL, number)[0].version)

    def _look(self, allowed: set[str | None] | None) -> None:
        """Open everything as the next process would, and check what must hold at any instant."""
        catalog = self._catalog()
        found, damaged = catalog.versions(MODEL)
        state = catalog.state(MODEL)
        problems = [f"version {number} is damaged: {why}" for number, why in damaged.items()]
        opened = {version.number: self._open(version) for version in found}
        for number, identity in self._numbers.items():
            gone = number not in opened and number > max(opened, default=0) - VERSIONS_KEPT
            if gone:
                problems.append(f"version {number} ({identity}) was acknowledged and is lost")
            elif number in opened and opened[number] != identity:
                problems.append(f"version {number} is {opened[number]}, it was {identity}")
        registry = open_here(self._store, self._keys)
        served = registry.load(LoadModel(MODEL, required=False))
        version = served.version
        now = None if version is None else identity_of(served.model)
        if self._serving is not None and now is None:
            problems.append(f"nothing serves any more: {served.reason}")
        fell_back = bool(served.reason) and state.serving is not None  # none yet is a reason, too
        if (None if version is None else version.number) != state.serving or fell_back:
            problems.append(f"{state.serving} should serve, {now} does: {served.reason}")
        if allowed is not None and now not in allowed:
            problems.append(f"{now} serves, none of {allowed}")
        self.result.changes += now != self._serving
        self._serving = now
        self.result.violations += problems

    def _open(self, version: ModelVersion) -> str:
        registry = open_here(self._store, self._keys)
        model = registry._opener.open_version(LoadModel(MODEL), version.number)[1].model
        return identity_of(model)

    def _rest(self) -> None:
        """Let one process end in good order; then nothing may be left that nobody needs."""
        store = FileObjectStore(self._store)
        catalog = Catalog(store, wall_ns, retention=Retention(orphan_age_ns=0))
        catalog.collect(MODEL)
        numbers = catalog.numbers(MODEL)
        wanted = {version_key(MODEL, number) for number in numbers}
        wanted |= {f"_models/{MODEL}/{catalog.manifest(MODEL, number)[0].blob}" for number in numbers}
        keys = set(store.keys())
        self.result.violations += [f"{key} is missing" for key in sorted(wanted - keys)]
        rest = sorted(keys - wanted)
        self.result.violations += [f"{key} was left behind" for key in rest if "/log/" not in key]
        if len(rest) > LOG_KEPT + 2:
            self.result.violations.append(f"{len(rest)} decisions are kept, {LOG_KEPT} are enough")
        files = [path for path in self._store.rglob("*") if path.is_file()]
        hidden = len(files) - len(keys)
        if hidden > 2:  # the store's own books
            names = sorted(str(path.relative_to(self._store)) for path in files)
            self.result.violations.append(f"{hidden} files are no objects: {names[:20]}")

    def _catalog(self) -> Catalog:
        return Catalog(FileObjectStore(self._store), wall_ns)


def _under_way(lines: list[dict[str, Any]]) -> dict[str, Any] | None:
    last = next((line for line in reversed(lines) if "aims" not in line), None)
    return last if last is not None and "begin" in last else None
