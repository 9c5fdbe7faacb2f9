"""The results folder of live runs on disk: deployments, files that are whole at any instant, logs, limits.

    results/
      deployments.json                every deployment that is still kept, newest last
      history.json                    curve, charts, figures: what the next start goes on with
      <time>/                         one deployment, as LEAN's live/<timeStamp>
        code/  config  log.txt  L-<id>-log.txt  L-<id>.json
        L-<id>-<date>_minute.json  L-<id>-<date>_10minute.json  L-<id>-<date>-<HH>_second_<chart>.json
        L-<id>-<date>-order-events.json

Everything here blocks: it is called in a thread, by one caller at a time. Every JSON file is written beside
its name and renamed, so a process that dies at any instant leaves whole files; logs only grow.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from livetrader.results import code_copy
from livetrader.results.live import DeploymentView
from livetrader.results.live_charts import SeriesState
from livetrader.results.live_curve import CurveState
from livetrader.results.live_figures import Day, FiguresState
from livetrader.results.live_json import LiveFacts, hour_texts, result_text, span_text
from livetrader.results.live_prune import CONFIG, prune, rotate
from livetrader.results.live_settings import ResultSettings
from livetrader.results.order_events import order_event_text
from livetrader.results.whole_files import PART, write_whole
from livetrader_engine.commands import NoteOrderEvent
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND
from livetrader_engine.wire import decode_hook, encode_hook

HISTORY_VERSION: Final = 1
MAX_EVENTS_A_DAY: Final = 20_000  # order events in one day's file, about 8 MB; more are only journaled
SMALL_EVENTS: Final = 1_000  # up to here a day's file is written with every batch, then once a minute
MAX_HOUR_CHARTS: Final = 12  # charts with a file of their own each hour; LEAN: streamed-chart-limit
MAX_HOURS_AT_ONCE: Final = 3  # a replay may have gone through several since the last look
MAX_NAME: Final = 100  # characters of a chart's name in a file's name
_DEPLOYMENTS: Final = "deployments.json"
_HISTORY: Final = "history.json"


class Plan(msgspec.Struct, frozen=True):
    """What makes a deployment another one, beside the code: where and with what it runs.

    `left_out` are folders that hold no code, wherever they lie: state, results, data.
    """

    algorithm: Path
    account: str
    brokerage: str
    feeds: tuple[str, ...]
    parameters: dict[str, str]
    version: str
    left_out: tuple[Path, ...] = ()


class Deployment(msgspec.Struct, frozen=True):
    """One row of deployments.json."""

    view: DeploymentView
    fingerprint: str


class History(msgspec.Struct, frozen=True):
    """What the next start goes on with."""

    version: int
    deployment: str
    curve: CurveState
    charts: tuple[SeriesState, ...]
    figures: FiguresState
    start: Day | None


class Batch(msgspec.Struct):
    """What is to be written now. `facts` are missing between the full writes."""

    logs: Sequence[str] = ()
    own_logs: Sequence[str] = ()
    events: Sequence[NoteOrderEvent] = ()
    facts: LiveFacts | None = None
    whole: bool = False  # the file of the whole run, too
    history: History | None = None
    view: DeploymentView | None = None  # where it changed


class LiveFolder:
    """Owns the folder. Raises OSError from every method; what was written before is still whole then."""

    def __init__(self, root: Path, limits: ResultSettings) -> None:
        self._root = root
        self._limits = limits
        self._folder: Path | None = None
        self._id = ""
        self._rows: list[Deployment] = []
        self._events: dict[str, list[str]] = {}
        self._unwritten: set[str] = set()
        self._written_ns = 0  # session time of the last full write
        self._pruned_day = -1
        self.events_left_out = 0

    # -- begin -----------------------------------------------------------------------------------------

    def load(self) -> History | None:
        """Return what an earlier start left; one that cannot be read is put aside and counts for nothing."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._root / _HISTORY
        if not path.exists():
            return None
        try:
            history = msgspec.json.decode(path.read_bytes(), type=History, dec_hook=decode_hook)
        except (msgspec.DecodeError, ValueError):
            path.replace(path.with_suffix(".damaged"))
            return None
        return history if history.version == HISTORY_VERSION else None

    def deploy(self, plan: Plan, wall_ns: int, new_id: str, *, fresh: bool) -> DeploymentView:
        """Go on with the newest deployment where its code and plan are the same, else begin another.

        `fresh` begins one in any case.
        """
        files = code_copy.code_of(plan.algorithm, without=(self._root, *plan.left_out))
        root = plan.algorithm.resolve().parent
        told = json.dumps(
            msgspec.to_builtins(msgspec.structs.replace(plan, left_out=()), enc_hook=str), sort_keys=True
        )
        fingerprint = code_copy.fingerprint(files, root, told)
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in (*self._root.glob(f"*{PART}"), *self._root.glob(f"*/*{PART}")):
            part.unlink(missing_ok=True)  # of a process that died
        self._rows = read_deployments(self._root)
        newest = self._rows[-1] if self._rows else None
        known = newest is not None and newest.fingerprint == fingerprint and not fresh
        if known and newest is not None and (self._root / newest.view.folder).is_dir():
            view = msgspec.structs.replace(newest.view, starts=newest.view.starts + 1, ended_ns=None)
            self._rows[-1] = Deployment(view, fingerprint)
            self._folder, self._id = self._root / view.folder, view.id
        else:
            view = self._begin(plan, files, wall_ns, new_id)
            self._rows.append(Deployment(view, fingerprint))
        self._write_rows()
        prune(self._root, self._root / view.folder, self._limits)
        return view

    def _begin(self, plan: Plan, files: Sequence[Path], wall_ns: int, new_id: str) -> DeploymentView:
        root = plan.algorithm.resolve().parent
        stem = _utc(wall_ns).strftime("%Y-%m-%d_%H-%M-%S")
        name, number = stem, 1
        while (self._root / name).exists():
            number += 1
            name = f"{stem}-{number}"
        folder = self._root / name
        folder.mkdir(mode=0o700)
        code_copy.copy_files(files, root, folder / "code")
        config = {
            "id": new_id,
            "algorithm": str(plan.algorithm),
            "brokerage": plan.brokerage,
            "feeds": list(plan.feeds),
            "account": plan.account,
            "parameters": plan.parameters,
            "version": plan.version,
            "started": _utc(wall_ns).isoformat(),
        }
        write_whole(folder / CONFIG, json.dumps(config, indent=2) + "\n", durable=False)
        self._folder, self._id = folder, new_id
        return DeploymentView(new_id, plan.algorithm.stem, name, wall_ns)

    def _write_rows(self) -> None:
        kept = [row for row in self._rows if (self._root / row.view.folder).is_dir()]
        text = msgspec.json.format(msgspec.json.encode(kept), indent=1).decode()
        write_whole(self._root / _DEPLOYMENTS, text + "\n")

    # -- write -----------------------------------------------------------------------------------------

    def write(self, batch: Batch) -> None:
        """Write a batch. Lines and order events that were taken over are gone from it, however it ends."""
        folder = self._folder
        assert folder is not None, "deployed before"
        self._take_events(batch.events)
        batch.events = ()
        self._append(folder / "log.txt", batch.logs)
        batch.logs = ()
        self._append(folder / f"{self._id}-log.txt", batch.own_logs)
        batch.own_logs = ()
        self._write_events(folder, everything=batch.facts is not None)
        if batch.facts is not None:
            self._write_facts(folder, batch.facts, whole=batch.whole)
        if batch.view is not None:
            self._rows[-1] = msgspec.structs.replace(self._rows[-1], view=batch.view)
            self._write_rows()
        if batch.history is not None:
            body = msgspec.json.encode(batch.history, enc_hook=encode_hook)
            write_whole(self._root / _HISTORY, body.decode())

    def _append(self, path: Path, lines: Sequence[str]) -> None:
        if lines:
            rotate(path, self._limits.log_mb)
            with path.open("a", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in lines))

    def _take_events(self, events: Sequence[NoteOrderEvent]) -> None:
        for noted in events:
            day = f"{_utc(noted.time_ns):%Y-%m-%d}"
            rows = self._events.get(day)
            if rows is None:
                rows = self._events[day] = self._earlier_events(day)
            if len(rows) >= MAX_EVENTS_A_DAY:
                self.events_left_out += 1
                continue
            rows.append(order_event_text(noted, self._id))
            self._unwritten.add(day)

    def _earlier_events(self, day: str) -> list[str]:
        """Return what a daemon before this one wrote of a day."""
        path = self._events_path(day)
        if not path.exists():
            return []
        try:
            rows = msgspec.json.decode(path.read_bytes(), type=list[msgspec.Raw])
        except msgspec.DecodeError:
            path.replace(path.with_suffix(".damaged"))
            return []
        return [bytes(row).decode() for row in rows]

    def _events_path(self, day: str) -> Path:
        assert self._folder is not None, "deployed before"
        return self._folder / f"{self._id}-{day}-order-events.json"

    def _write_events(self, folder: Path, *, everything: bool) -> None:
        newest = max(self._events, default="")
        for day in sorted(self._unwritten):
            rows = self._events[day]
            if everything or len(rows) <= SMALL_EVENTS or day != newest:
                write_whole(self._events_path(day), f"[{','.join(rows)}]", durable=False)
                self._unwritten.discard(day)
        for day in [day for day in self._events if day < newest and day not in self._unwritten]:
            del self._events[day]

    def _write_facts(self, folder: Path, facts: LiveFacts, *, whole: bool) -> None:
        now_ns, last_ns = facts.now_ns, self._written_ns
        day_ns = (now_ns - 1) // NS_PER_DAY * NS_PER_DAY
        days = [day_ns]
        if last_ns and (last_ns - 1) // NS_PER_DAY * NS_PER_DAY < day_ns:
            days.insert(0, (last_ns - 1) // NS_PER_DAY * NS_PER_DAY)  # what came after its last write
        for start_ns in days:
            date = f"{self._id}-{_utc(start_ns):%Y-%m-%d}"
            until_ns = start_ns + NS_PER_DAY
            minute = span_text(facts, facts.minutes, start_ns, until_ns, NS_PER_MINUTE)
            write_whole(folder / f"{date}_minute.json", minute, durable=False)
            ten = span_text(facts, facts.ten_minutes, start_ns, until_ns, 10 * NS_PER_MINUTE)
            write_whole(folder / f"{date}_10minute.json", ten, durable=False)
        for hour_ns in _hours(facts, last_ns):
            stem = f"{self._id}-{_utc(hour_ns):%Y-%m-%d-%H}_second_"
            for name, text in list(hour_texts(facts, hour_ns).items())[:MAX_HOUR_CHARTS]:
                write_whole(folder / f"{stem}{safe_name(name)}.json", text, durable=False)
        if whole:
            write_whole(folder / f"{self._id}.json", result_text(facts), durable=False)
        self._written_ns = now_ns
        if day_ns != self._pruned_day:
            self._pruned_day = day_ns
            prune(self._root, folder, self._limits)


def read_deployments(root: Path) -> list[Deployment]:
    """Return the deployments of a results folder, oldest first; none where nothing can be read."""
    with suppress(FileNotFoundError, msgspec.DecodeError):
        return msgspec.json.decode((root / _DEPLOYMENTS).read_bytes(), type=list[Deployment])
    return []


def safe_name(chart: str) -> str:
    """Return a chart's name as LEAN has it in file names: slashes are dashes, the rest is escaped."""
    return quote(chart.replace("/", "-"), safe="-_.~")[:MAX_NAME]


def _hours(facts: LiveFacts, last_ns: int) -> list[int]:
    """Return the hours to write: this one, and those since the last write that are still known in full."""
    newest = (facts.now_ns - 1) // NS_PER_HOUR
    known_ns = facts.seconds[0].time_ns if facts.seconds else facts.now_ns
    oldest = max(((last_ns or known_ns) - 1) // NS_PER_HOUR, newest - MAX_HOURS_AT_ONCE + 1)
    hours = [hour * NS_PER_HOUR for hour in range(oldest, newest)]
    return [*(start for start in hours if start >= known_ns - NS_PER_HOUR), newest * NS_PER_HOUR]


def _utc(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC)
