"""Parameters follow their file, by HTTP or from the disk; journaled before they hold, kept over restarts."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from livetrader.journal.journal import Journal
from livetrader.journal.records import AuditEntry, decode
from livetrader.parameters import source
from livetrader.parameters.follower import FAILURES_TOLD, ParameterFollower, ParameterPorts
from livetrader.parameters.source import Source, UnreachableError, public_name
from livetrader.settings import AlgorithmSettings, ParameterSettings
from livetrader.telemetry.notifications import Urgency

DECLARED = {"fast": "10", "symbol": "SPY"}
NOW_NS = 1_600_000_000 * 10**9


class Page(BaseHTTPRequestHandler):
    """Answers with what the server says now; with 304 to whoever has it."""

    def do_GET(self) -> None:
        server: Any = self.server
        server.asked.append(dict(self.headers))
        body, status = server.body, server.status
        tag = f'"{hash(body)}"'
        if status == 200 and self.headers.get("If-None-Match") == tag:
            status, body = 304, b""
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Any]:
    made: Any = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    made.body, made.status, made.asked = b"fast = 12\n", 200, []
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@dataclass
class World:
    """A follower with a real journal and a real file, and what it told."""

    folder: Path
    url: str
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    delivered: list[dict[str, str]] = field(default_factory=list)
    engine: bool = True

    def follower(self, journal: Journal) -> ParameterFollower:
        def notify(title: str, message: str, step: str, urgency: Urgency = Urgency.WARNING, /) -> None:
            self.told.append((title, message))

        def deliver(parameters: dict[str, str]) -> bool:
            if self.engine:
                self.delivered.append(parameters)
            return self.engine

        ports = ParameterPorts(
            fetch=Source().fetch,
            append=journal.append,
            report=lambda action, **fields: self.lines.append((action, fields)),
            notify=notify,
            wall_ns=lambda: NOW_NS,
            sleep=asyncio.sleep,
            file=self.folder / "parameters.json",
        )
        settings = ParameterSettings(url=self.url, bounds=self.bounds)
        made = ParameterFollower(settings, AlgorithmSettings(Path("main.py"), parameters=DECLARED), ports)
        made.deliver = deliver
        return made

    async def run(self, story: Any) -> None:
        journal = Journal(self.folder / "journal.sqlite3", "test")
        await journal.open()
        try:
            await story(self.follower(journal))
        finally:
            await journal.close()

    def audit(self) -> list[AuditEntry]:
        """Return what the journal's file holds of it."""
        rows = sqlite3.connect(self.folder / "journal.sqlite3").execute(
            "SELECT body FROM record ORDER BY seq"
        )
        return [entry for entry in (decode(body) for (body,) in rows) if isinstance(entry, AuditEntry)]


def address(server: Any) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/parameters.toml?key=secret"


def test_a_change_is_audited_kept_and_delivered_once(tmp_path: Path, server: Any) -> None:
    world = World(tmp_path, address(server))

    async def story(follower: ParameterFollower) -> None:
        assert follower.hand_out() == DECLARED
        await follower.look()
        await follower.look()
        assert follower.current == {"fast": "12", "symbol": "SPY"}
        server.body = b'{"fast": 14, "symbol": "QQQ"}'
        await follower.look()
        server.body = b"{}"  # what the file no longer says is as the settings have it
        await follower.look()

    asyncio.run(world.run(story))
    assert world.delivered == [
        {"fast": "12", "symbol": "SPY"}, {"fast": "14", "symbol": "QQQ"}, DECLARED,
    ]  # fmt: skip
    assert [(entry.who, entry.outcome) for entry in world.audit()] == [
        ("parameters", "changed fast: 10 -> 12"),
        ("parameters", "changed fast: 12 -> 14; symbol: SPY -> QQQ"),
        ("parameters", "changed fast: 14 -> 10; symbol: QQQ -> SPY"),
    ]
    assert server.asked[1].get("If-None-Match")  # the second look was answered with 304
    assert not any("secret" in repr(line) for line in (*world.audit(), *world.lines, *world.told))


def test_a_refused_file_changes_nothing_and_is_told_once(tmp_path: Path, server: Any) -> None:
    world = World(tmp_path, address(server), bounds={"fast": (5, 50)})
    server.body = b"fast = 500\nsymbol = 'QQQ'\n"

    async def story(follower: ParameterFollower) -> None:
        follower.hand_out()
        for _ in range(3):
            follower._tag = ""  # a server without ETags
            await follower.look()
        assert follower.current == DECLARED

    asyncio.run(world.run(story))
    assert world.delivered == []
    assert [title for title, _ in world.told] == ["parameters refused"]
    assert "'fast' is 500, outside of 5 to 50" in world.told[0][1]
    assert [entry.outcome for entry in world.audit()] == ["refused: 'fast' is 500, outside of 5 to 50"]


def test_what_held_outlives_a_restart_without_the_server(tmp_path: Path, server: Any) -> None:
    world = World(tmp_path, address(server))

    async def first(follower: ParameterFollower) -> None:
        await follower.look()

    async def second(follower: ParameterFollower) -> None:
        server.status = 503
        await follower.load()
        assert follower.hand_out() == {"fast": "12", "symbol": "SPY"}
        for _ in range(FAILURES_TOLD + 2):
            await follower.look()
        assert follower.current == {"fast": "12", "symbol": "SPY"}

    asyncio.run(world.run(first))
    asyncio.run(world.run(second))
    assert [title for title, _ in world.told] == ["parameters cannot be read"]
    assert "answers 503" in world.told[0][1]


def test_what_the_settings_no_longer_allow_does_not_come_back(tmp_path: Path, server: Any) -> None:
    asyncio.run(World(tmp_path, address(server)).run(lambda follower: follower.look()))
    stricter = World(tmp_path, address(server), bounds={"fast": (1, 11)})

    async def story(follower: ParameterFollower) -> None:
        await follower.load()
        assert follower.current == DECLARED

    asyncio.run(stricter.run(story))
    assert stricter.lines[0][0] == "parameters_dropped"


def test_an_engine_that_begins_meanwhile_catches_up(tmp_path: Path, server: Any) -> None:
    world = World(tmp_path, address(server), engine=False)

    async def story(follower: ParameterFollower) -> None:
        follower.hand_out()
        await follower.look()
        assert world.delivered == []
        world.engine = True
        follower.catch_up()
        follower.catch_up()
        assert world.delivered == [{"fast": "12", "symbol": "SPY"}]

    asyncio.run(world.run(story))


def test_nothing_is_delivered_that_the_journal_did_not_take(tmp_path: Path, server: Any) -> None:
    world = World(tmp_path, address(server))

    async def story(follower: ParameterFollower) -> None:
        journal = Journal(tmp_path / "other.sqlite3", "test")  # never opened: every append fails
        refusing = world.follower(journal)
        refusing.hand_out()
        await refusing.look()
        assert refusing.current == DECLARED
        assert not (tmp_path / "parameters.json").exists()

    asyncio.run(world.run(story))
    assert world.delivered == []


def test_people_hear_of_a_change_that_cannot_be_kept(tmp_path: Path, server: Any) -> None:
    world = World(tmp_path, address(server))

    async def story(follower: ParameterFollower) -> None:
        refusing = world.follower(Journal(tmp_path / "other.sqlite3", "test"))  # never opened
        for _ in range(FAILURES_TOLD + 1):
            await refusing.look()

    asyncio.run(world.run(story))
    assert [title for title, _ in world.told] == ["parameters cannot be read"]
    assert "could not be kept" in world.told[0][1]


def test_an_answer_that_is_no_http_tells_no_secret_of_the_address() -> None:
    async def scenario() -> str:
        async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(b"no http at all\r\n\r\n")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(garbage, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            with pytest.raises(UnreachableError) as raised:
                await Source().fetch(f"http://127.0.0.1:{port}/p.toml?sig=hunter2")
            return str(raised.value)

    words = asyncio.run(scenario())
    assert "/p.toml cannot be read" in words and "hunter2" not in words


def test_a_file_of_this_machine_is_read_and_its_absence_told(tmp_path: Path) -> None:
    file = tmp_path / "live.toml"
    file.write_text("fast = 11\n")
    assert asyncio.run(Source().fetch(str(file))).body == b"fast = 11\n"
    with pytest.raises(UnreachableError, match="No such file"):
        asyncio.run(Source().fetch(str(tmp_path / "nowhere.toml")))


def test_a_file_system_that_hangs_takes_one_thread_and_may_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "FETCH_LIMIT_S", 0.02)
    file = tmp_path / "wanted.toml"
    os.mkfifo(file)  # opening it waits for who writes, as a lost network mount does

    async def story() -> bytes | None:
        reader = Source()
        for _ in range(3):
            with pytest.raises(UnreachableError, match="did not answer"):
                await reader.fetch(str(file))
        hanging = [thread for thread in threading.enumerate() if thread.name == "parameters"]
        assert len(hanging) == 1 and hanging[0].daemon
        file.write_bytes(b"fast = 12\n")
        hanging[0].join()
        return (await reader.fetch(str(file))).body

    assert asyncio.run(story()) == b"fast = 12\n"


@pytest.mark.parametrize(("status", "words"), [(404, "answers 404"), (302, "name the address it leads to")])
def test_other_answers_are_no_parameters(server: Any, status: int, words: str) -> None:
    server.status = status
    with pytest.raises(UnreachableError, match=words) as raised:
        asyncio.run(Source().fetch(address(server)))
    assert "secret" not in str(raised.value)
    assert public_name("https://me:pw@example.org:8443/a.toml?token=x") == "https://example.org:8443/a.toml"


@pytest.mark.parametrize("url", ["http://example.org/p.toml", "ftp://example.org/p.toml", "relative.toml"])
def test_addresses_that_cannot_be_trusted_are_refused_in_the_settings(tmp_path: Path, url: str) -> None:
    from livetrader.configuration.loading import load
    from livetrader.errors import ConfigError

    (tmp_path / "main.py").write_text("")
    (tmp_path / "data").mkdir()
    (tmp_path / "c.toml").write_text(
        f'[algorithm]\npath = "main.py"\nparameters = {{fast = 1}}\n[data]\nfolder = "data"\n'
        f'[brokerage]\nplugin = "paper"\n[feed]\nplugin = "replay"\n[parameters]\nurl = "{url}"\n'
    )
    with pytest.raises(ConfigError, match=r"parameters"):
        load(tmp_path / "c.toml")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://h.example:99999/x", "is no address: Port out of range"),
        ("https://[::1/x", "is no address"),
        ("https:///x", "names no server"),
        ("http://h.example/x", "plain http"),
    ],
)
def test_an_address_that_cannot_be_asked_is_refused_before_the_start(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ParameterSettings(url=url)


def test_a_value_that_no_text_can_hold_is_refused_and_the_parameters_stay(tmp_path: Path) -> None:
    file = tmp_path / "wanted.json"
    file.write_bytes(b'{"symbol": "S\\ud83dY"}')
    world = World(tmp_path, str(file))

    async def story(follower: ParameterFollower) -> None:
        await follower.look()
        assert follower.current == DECLARED

    asyncio.run(world.run(story))
    assert "half a character" in world.audit()[-1].outcome


def test_a_file_of_something_else_fills_neither_journal_nor_messages(tmp_path: Path) -> None:
    file = tmp_path / "wanted.toml"
    file.write_text("\n".join(f"name{number} = 1" for number in range(4_000)))
    world = World(tmp_path, str(file))

    async def story(follower: ParameterFollower) -> None:
        await follower.look()

    asyncio.run(world.run(story))
    ((_, message),), (entry,) = world.told, world.audit()
    assert len(message) < 4_000 and len(entry.outcome) < 4_000
    assert entry.outcome.endswith("and 3990 more")
