"""What the commands say to values, places and files that cannot be: one line, an exit code, nothing lost."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from livetrader.cli.main import cli
from livetrader.journal.store import Store

PAPER = """
[account]
name = "paper"
[algorithm]
path = "main.py"
[brokerage]
plugin = "paper"
[feed]
plugin = "replay"
start = "2024-01-02"
end = "2024-01-05"
[data]
folder = "."
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a configuration, an algorithm and an empty object store."""
    monkeypatch.chdir(tmp_path)
    for name in ("LIVETRADER_OBJECT_STORE", "LIVETRADER_DATA", "LIVETRADER_CONFIG", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "paper.toml").write_text(PAPER)
    (tmp_path / "algorithm.py").write_text(
        "from AlgorithmImports import *\n\nclass Idle(QCAlgorithm):\n    pass\n"
    )
    (tmp_path / "storage").mkdir()
    (tmp_path / "state").mkdir(mode=0o700)
    return tmp_path


def typed(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], prog_name="livetrader")


def said(result: Result) -> str:
    """Return what was said, which is no traceback."""
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.output


@pytest.mark.parametrize("place", ["nowhere/a.tar.gz", "paper.toml/a.tar.gz", "x" * 300])
def test_a_backup_to_a_place_that_cannot_be_is_a_line(here: Path, place: str) -> None:
    result = typed("backup", "paper.toml", "--output", place)
    assert (result.exit_code, len(said(result).splitlines())) == (1, 1)
    assert place in result.output and "name a" in result.output


@pytest.mark.parametrize("place", ["paper.toml/x", "y" * 300])
def test_an_object_into_a_place_that_cannot_be_is_a_line(here: Path, place: str) -> None:
    (here / "storage" / "a").write_text("1")
    result = typed("store", "get", "a", place)
    assert (result.exit_code, len(said(result).splitlines())) == (1, 1)
    assert "name a" in result.output


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_numbers_that_are_none_are_refused(here: Path, number: str) -> None:
    (here / "equity").mkdir()
    for words in (
        ("backtest", "algorithm.py", "--data", ".", "--cash", number),
        ("data", "generate", "--symbol", "A", "--start", "2024-01-02", "--volatility", number),
        ("data", "generate", "--symbol", "A", "--start", "2024-01-02", "--first-price", number),
        ("token", "new", "a", "--scope", "read", "--days", number, "--config", "paper.toml"),
    ):
        result = typed(*words)
        assert (result.exit_code, "Invalid value" in said(result)) == (2, True), result.output


@pytest.mark.parametrize("theirs", ["code", "config", "orders.csv"])
def test_results_do_not_replace_files_that_no_backtest_left(here: Path, theirs: str) -> None:
    kept = here / "project"
    (kept / "code").mkdir(parents=True)
    mine = kept / "code" / "mine.py" if theirs == "code" else kept / theirs
    if theirs != "code":
        (kept / "code").rmdir()
    mine.write_text("precious")
    (kept / "film.part").write_text("half a film")
    result = typed("backtest", "algorithm.py", "--data", ".", "--output", "project")
    assert (result.exit_code, f"project holds {theirs}" in said(result)) == (2, True), result.output
    assert {path.name for path in kept.rglob("*") if path.is_file()} == {mine.name, "film.part"}


@pytest.mark.parametrize("beside", ["", "-wal"])
def test_a_journal_is_not_exported_onto_itself(here: Path, beside: str) -> None:
    journal = here / "state" / "journal.sqlite3"
    store = Store(journal, "paper", 1)
    store.open()
    store.close()
    target = journal.with_name(journal.name + beside)
    target.touch()
    before = target.read_bytes()
    result = typed("journal", "export", "paper.toml", "--output", target)
    assert (result.exit_code, "another file" in said(result)) == (2, True), result.output
    assert target.read_bytes() == before


def test_what_names_nothing_is_refused(here: Path) -> None:
    (here / "image").mkdir()
    for words, remedy in (
        (("data", "generate", "--symbol", ",", "--start", "2024-01-02"), "names no ticker"),
        (("data", "generate", "--symbol", "A", "--start", "0001-01-01"), "one of 1900 to 2200"),
        (("backtest", "algorithm.py", "--data", ".", "--end", "9999-12-31"), "one of 1900 to 2200"),
        (("install-service", "paper.toml", "--dry-run", "--unit-folder", "units"), "the whole path"),
        (("install-service", "x.toml", "--uninstall", "--name", "../x", "--root", "image"), "use letters"),
    ):
        result = typed(*words)
        assert (result.exit_code, remedy in said(result)) == (2, True), result.output


def test_an_object_that_was_taken_out_is_told_as_json(here: Path) -> None:
    (here / "storage" / "a").write_text("1")
    result = typed("store", "get", "a", "got", "--json")
    assert json.loads(said(result)) == {"key": "a", "file": "got", "size": 1}


def test_a_notebook_is_not_run_where_its_output_has_no_place_or_it_is_not_there(here: Path) -> None:
    (here / "study.ipynb").write_text("[]")
    execute = ("research", "study.ipynb", "--execute", "--data", ".")
    for words, code, remedy in (
        ((*execute, "--output", "nowhere/ran.ipynb"), 2, "there is no folder nowhere"),
        (("research", "studdy.ipynb", "--execute", "--data", "."), 2, "no notebook studdy.ipynb"),
        (execute, 3, "no notebook that can be read"),
    ):
        result = typed(*words)
        assert (result.exit_code, remedy in said(result)) == (code, True), result.output
    assert not (here / "studdy.ipynb").exists()


@pytest.mark.parametrize("words", [("journal", "check"), ("journal", "export"), ("doctor", "--offline")])
def test_a_journal_that_may_not_be_read_is_no_damaged_one(
    here: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, str]
) -> None:
    journal = here / "state" / "journal.sqlite3"
    journal.write_text("anything")
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode, **more: path != journal and may(path, mode, **more))
    monkeypatch.setattr("livetrader.doctor.examining.examine_machine", lambda now_ns: [])
    result = typed(*words, "paper.toml")
    assert "the daemon's user" in said(result) and "quarantine" not in result.output
    assert result.exit_code == (1 if words[0] == "doctor" else 2)
    monkeypatch.setattr(os, "access", may)

    def broken(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(sqlite3, "connect", broken)
    result = typed(*words, "paper.toml")
    assert "cannot be opened" in said(result) and (words[0] == "journal" or "disk" in result.output)
