"""docs/guide.md works as it is written: its files are written and its commands are run.

A block behind `<!-- tested: ... -->` is taken at its word, in the order of the guide, in one folder: `file
NAME` is written, `commands` are run (by the command line's own entry, in this process), `daemon` is started
beside them. Below a command stands what it prints: each line has to appear, in this order; `...` stands for
anything. Of the commands in all other documents it is only known that they exist and take these options.
"""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner

from livetrader.cli.main import cli
from livetrader_venues.alphavantage import cli as alphavantage
from livetrader_venues.polygon import cli as polygon
from livetrader_venues.tws import cli as tws
from tests.repository.sources import ROOT
from tests.scenario.daemons import Daemon

GUIDE = ROOT / "docs" / "guide.md"
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^<!-- tested: ([^>]+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS: dict[str, click.Command] = {
    "livetrader": cli,
    "livetrader-tws-peer": tws.main,
    "livetrader-polygon-peer": polygon.main,
    "livetrader-alphavantage-peer": alphavantage.main,
}
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Command(NamedTuple):
    """One command of the guide and what it prints."""

    words: list[str]
    shown: list[str]


def commands(block: str) -> Iterator[Command]:
    """Yield the commands of a block, each with the lines below it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        line, *shown = part.splitlines()
        words = shlex.split(line)
        assert words[0] == "livetrader", line
        yield Command(words[1:], shown)


def missing(shown: list[str], printed: str) -> str:
    """Return the first line that is not where it belongs, empty where all are."""
    rest = [" ".join(line.split()) for line in printed.splitlines()]
    for line in shown:
        words = re.escape(" ".join(line.split()))
        pattern = words.replace(r"\ \.\.\.\ ", ".* ?").replace(r"\.\.\.", ".*")
        while rest and not re.fullmatch(pattern, rest[0]):
            rest.pop(0)
        if not rest and pattern != ".*":
            return line
    return ""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Described(Daemon):
    """The daemon that the guide starts: its files are there already."""

    def __init__(self, config: Path) -> None:
        self.folder = config.parent
        self.state = self.folder / "state"
        self.log = self.folder / "daemon.log"
        self.config = config
        self.process = None


class Walk:
    """A reader who does what the guide says, in one folder. `close` leaves nothing running."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemon: Described | None = None
        self.ran: list[str] = []

    def take(self, what: str, block: str) -> None:
        """Do what one block says."""
        kind, _, name = what.partition(" ")
        if kind == "file":
            (self.folder / name).write_text(block, encoding="utf-8")
        elif kind == "daemon":
            self._start(block)
        else:
            for command in commands(block):
                self._run(command)

    def close(self) -> None:
        if self.daemon is not None:
            self.daemon.close()

    def _start(self, block: str) -> None:
        (command,) = commands(block)
        daemon = self.daemon = Described(self.folder / command.words[-1])
        daemon.start(f"--set=control.port={free_port()}")
        daemon.until(lambda: (daemon.status() or {}).get("state") == "running", "the first run")
        daemon.until(daemon.holdings, "the first trade")

    def _run(self, command: Command) -> None:
        words = list(command.words)
        if "ID" in words:
            assert self.daemon is not None
            words[words.index("ID")] = self.daemon.status()["kill_switch"]["kill_id"]
        result = CliRunner().invoke(cli, words)
        assert result.exit_code == 0, (words, result.output, result.exception)
        lacking = missing(command.shown, result.output)
        assert not lacking, f"{words}: {lacking!r} is not in\n{result.output}"
        self.ran.append(words[0])


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_reader_who_does_what_the_guide_says_gets_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    walk = Walk(tmp_path)
    try:
        for what, block in BLOCK.findall(GUIDE.read_text(encoding="utf-8")):
            walk.take(what, block)
        assert {"backtest", "check", "liquidate", "status", "stop", "why"} <= set(walk.ran)
        assert walk.daemon is not None
        assert walk.daemon.wait() == 0
    finally:
        walk.close()


def named(document: Path) -> Iterator[list[str]]:
    """Yield the words of every command of livetrader in a document's console blocks."""
    for block in CONSOLE.findall(document.read_text(encoding="utf-8")):
        for line in re.findall(r"^[$#] (livetrader(?:-[a-z]+-peer)?(?: .*)?)$", block, re.MULTILINE):
            plain = re.split(r"\s+#\s|\s[|>&]", re.sub(r"\$\([^)]*\)", "X", line))[0]
            yield shlex.split(plain)


def problem_of(words: list[str]) -> str:
    """Return what is wrong with a command's words, empty where it could be run."""
    command, rest = PROGRAMS[words[0]], words[1:]
    while isinstance(command, click.Group):
        if not rest or (rest[0] not in command.commands and not rest[0].startswith("-")):
            return f"{' '.join(words)}: there is no such command"
        if rest[0].startswith("-"):
            return ""
        command = command.commands[rest.pop(0)]
    try:
        command.make_context(command.name, rest)
    except click.MissingParameter as error:
        return f"{' '.join(words)}: {error.format_message()}"
    except click.BadParameter:
        return ""  # a file that is not here, a placeholder
    except click.UsageError as error:
        return f"{' '.join(words)}: {error.format_message()}"
    return ""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_commands_of_a_document_exist_and_take_these_options(
    document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVETRADER_CONFIG", "NAME.toml")
    assert [problem for words in named(document) if (problem := problem_of(words))] == []


def test_a_command_that_does_not_exist_is_found() -> None:
    assert "no such command" in problem_of(["livetrader", "fly", "paper.toml"])
    assert "No such option" in problem_of(["livetrader", "status", "--wings"])
    assert problem_of(["livetrader", "status", "paper.toml"]) == ""
    assert "No such option" in problem_of(["livetrader-tws-peer", "--wings"])


def test_a_line_that_is_not_printed_is_found() -> None:
    printed = "state     running\naccount   first\n"
    assert missing(["state ... running", "account first"], printed) == ""
    assert missing(["account first", "state running"], printed) == "state running"
    assert missing(["...", "nothing"], printed) == "nothing"
    assert missing(["..."], "") == ""
