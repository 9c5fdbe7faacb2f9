"""Keeps the algorithm's parameters as a file elsewhere says: looks, judges, journals, keeps, delivers.

In this order: what was not journaled is not kept, what was not kept is not delivered. So a restart goes on
with the parameters that the algorithm had, whether the file can be reached or not.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from livetrader.errors import JournalError
from livetrader.journal.records import AuditEntry, Record
from livetrader.parameters.source import Fetched, UnreachableError, public_name
from livetrader.parameters.values import BODY_LIMIT_BYTES, ParameterFileError, changes, parse, problems_of
from livetrader.results.whole_files import write_whole
from livetrader.settings import AlgorithmSettings, ParameterSettings
from livetrader.telemetry.notifications import Notify

WHO: Final = "parameters"  # in the audit
FAILURES_TOLD: Final = 3  # attempts in a row that fail before people hear of it
PROBLEMS_TOLD: Final = 10  # of one file; a file of something else has thousands
PROBLEM_LIMIT: Final = 300  # characters of one of them
_KEPT_LIMIT: Final = 8 * BODY_LIMIT_BYTES  # bytes of the file in the state directory: escapes take room


class Kept(msgspec.Struct, frozen=True):
    """What outlives a restart: what the file said, and where that was."""

    url: str
    sha256: str
    since_ns: int
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class ParameterPorts:
    """What following needs of the daemon."""

    fetch: Callable[[str, str], Awaitable[Fetched]]
    append: Callable[[Record], Awaitable[object]]
    report: Callable[..., None]
    notify: Notify
    wall_ns: Callable[[], int]
    sleep: Callable[[float], Awaitable[object]]
    file: Path


class ParameterFollower:
    """Owns the parameters that hold. Belongs to the loop's thread.

    `deliver` hands them to the engine of the moment, without waiting, and returns whether there is one.
    """

    def __init__(
        self, settings: ParameterSettings, algorithm: AlgorithmSettings, ports: ParameterPorts
    ) -> None:
        self._settings = settings
        self._declared = dict(algorithm.parameters)
        self._ports = ports
        self._tag = ""
        self._sha256 = ""  # of the file that holds
        self._refused_sha256 = ""  # of the last one that was refused; it is not looked at twice
        self._failures = 0
        self.current = dict(self._declared)
        self.handed: dict[str, str] | None = None  # with the start of the engine of the moment
        self.deliver: Callable[[dict[str, str]], bool] = _nobody_listens

    def hand_out(self) -> dict[str, str]:
        """Return the parameters that an engine starts with."""
        self.handed = dict(self.current)
        return dict(self.current)

    def catch_up(self) -> None:
        """Deliver what changed since the engine of the moment was given its parameters."""
        if self.handed is None or self.handed == self.current:
            return
        if self.deliver(dict(self.current)):
            self.handed = dict(self.current)

    async def load(self) -> None:
        """Take what held before a restart; what the settings no longer allow is left out, and said."""
        if not self._settings.url:
            return
        try:
            kept = msgspec.json.decode(await asyncio.to_thread(_read, self._ports.file), type=Kept)
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError) as error:
            self._ports.report("parameters_unreadable", level="warning", error=str(error))
            return
        problems = problems_of(kept.parameters, self._declared, self._settings.bounds)
        if kept.url != self._settings.url or problems:
            self._ports.report("parameters_dropped", level="warning", problems=problems or ["another url"])
            return
        self.current = {**self._declared, **kept.parameters}
        self._sha256 = kept.sha256
        self._ports.report("parameters_kept", changed=changes(self._declared, self.current))
        self.catch_up()

    async def run(self) -> None:
        """Look again and again until cancelled."""
        await self.load()
        while self._settings.url:
            await self.look()
            await self._ports.sleep(self._settings.interval_s)

    async def look(self) -> None:
        """Read the file once and do what it says."""
        try:
            fetched = await self._ports.fetch(self._settings.url, self._tag)
        except UnreachableError as error:
            self._failed(str(error))
            return
        self._tag = fetched.tag
        if fetched.body is not None:
            sha256 = hashlib.sha256(fetched.body).hexdigest()
            known = sha256 in (self._sha256, self._refused_sha256)
            if not known and not await self._judge(fetched.body, sha256):
                return
        if self._failures >= FAILURES_TOLD:
            self._ports.report("parameters_reachable", url=public_name(self._settings.url))
        self._failures = 0

    async def _judge(self, body: bytes, sha256: str) -> bool:
        """Take or refuse what the file says; return False where that could not be kept."""
        try:
            found = parse(body)
            problems = problems_of(found, self._declared, self._settings.bounds)
        except ParameterFileError as error:
            found, problems = {}, [str(error)]
        if problems:
            self._refused_sha256 = sha256
            await self._refuse(problems, sha256)
            return True
        wanted = {**self._declared, **found}
        words = changes(self.current, wanted)
        try:
            await self._audit(sha256, f"changed {words}" if words else "changed nothing")
            await self._keep(Kept(self._settings.url, sha256, self._ports.wall_ns(), found))
        except (JournalError, OSError) as error:
            self._tag = ""  # the next look tries again
            self._failed(f"a change could not be kept: {error}")
            return False
        self._sha256, self._refused_sha256, self.current = sha256, "", wanted
        if words:
            self._ports.report("parameters_changed", changed=words, sha256=sha256)
            self.catch_up()
        return True

    async def _keep(self, kept: Kept) -> None:
        text = msgspec.json.encode(kept).decode()
        await asyncio.to_thread(write_whole, self._ports.file, text)

    async def _audit(self, sha256: str, outcome: str) -> None:
        name = public_name(self._settings.url)
        await self._ports.append(AuditEntry(self._ports.wall_ns(), WHO, name, sha256, outcome))

    async def _refuse(self, problems: list[str], sha256: str) -> None:
        told = [each[:PROBLEM_LIMIT] for each in problems[:PROBLEMS_TOLD]]
        if len(problems) > PROBLEMS_TOLD:
            told.append(f"and {len(problems) - PROBLEMS_TOLD} more")
        words = "; ".join(told)
        self._ports.report("parameters_refused", level="error", problems=told, sha256=sha256)
        step = "correct the file; until then the parameters stay as they are"
        self._ports.notify("parameters refused", f"{public_name(self._settings.url)}: {words}", step)
        try:
            await self._audit(sha256, f"refused: {words}")
        except JournalError as error:
            self._ports.report("parameters_not_audited", level="error", error=str(error))

    def _failed(self, words: str) -> None:
        self._failures += 1
        if self._failures == FAILURES_TOLD:
            self._ports.report("parameters_unreachable", level="warning", problem=words)
            step = "look at the address and the network; until then the parameters stay as they are"
            self._ports.notify("parameters cannot be read", words, step)


def _nobody_listens(parameters: dict[str, str]) -> bool:
    """Say that there is no engine that could take them now."""
    return False


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_KEPT_LIMIT)
