"""`livetrader models`: what it shows, what it decides, what it refuses, and where it looks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from livetrader.cli.main import cli
from livetrader.models.scope import own_part
from livetrader.store.keys import Scope
from livetrader.store.local import FileObjectStore
from livetrader.store.store import ProjectStore
from tests.unit.models.world import World, line

CONFIG = """
[algorithm]
path = "main.py"
[data]
folder = "data"
[object_store]
url = "shared"
project = "mine"
"""


def run(*arguments: str | Path, code: int = 0) -> Result:
    found = CliRunner().invoke(cli, ["models", *map(str, arguments)], prog_name="livetrader")
    assert found.exit_code == code, found.output + found.stderr
    return found


def answer(*arguments: str | Path) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


@pytest.fixture(autouse=True)
def _somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("LIVETRADER_CONFIG", "LIVETRADER_OBJECT_STORE", "LIVETRADER_PROJECT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    registry = World(FileObjectStore(tmp_path / "objects")).registry()
    registry.save(
        line("spy", 1.0, metrics={"accuracy": 0.5}, window_ns=(0, 86_400 * 10**9), features=["rsi"])
    )
    registry.save(line("spy", 2.0, metrics={"accuracy": 0.6}, job="7 retrain"))
    registry.save(line("spy", 3.0, metrics={"accuracy": float("nan")}))
    registry.save(line("gold", 1.0))
    return tmp_path / "objects"


def test_models_are_listed_with_what_serves(place: Path) -> None:
    shown = run("ls", "--object-store", place).stdout
    assert "spy" in shown and "gold" in shown and "save 3" in shown
    rows = answer("ls", "--object-store", place)
    assert [(row["name"], row["serving"], row["versions"]) for row in rows] == [
        ("gold", 1, [1]),
        ("spy", 2, [1, 2, 3]),
    ]


def test_versions_are_listed_with_their_standing(place: Path) -> None:
    shown = run("ls", "spy", "--object-store", place).stdout
    assert "accuracy 0.6" in shown and "7 retrain" in shown and "accuracy not finite" in shown
    found = answer("ls", "spy", "--object-store", place)
    assert [(row["number"], row["standing"]) for row in found["versions"]] == [
        (1, "served"),
        (2, "serves"),
        (3, "kept"),
    ]


def test_a_version_is_shown_with_all_that_is_known(place: Path) -> None:
    shown = run("show", "spy", "1", "--object-store", place).stdout
    for text in (
        "1 of spy",
        "Line, pickle",
        "1970-01-01 00:00:00 to 1970-01-02",
        "accuracy 0.5",
        "rsi",
        "python 3",
    ):
        assert text in shown
    found = answer("show", "spy", "--object-store", place)
    assert (found["number"], found["job"], found["parent"], found["standing"]) == (
        2,
        "7 retrain",
        1,
        "serves",
    )
    assert [decision["action"] for decision in found["decisions"]] == ["save", "promote", "promote"]


def test_promoting_and_rolling_back(place: Path) -> None:
    assert run("promote", "spy", "3", "--object-store", place).stdout == "spy: promote 3; version 3 serves\n"
    back = answer("rollback", "spy", "--reason", "losses", "--object-store", place)
    assert (back["serving"], back["reason"]) == (2, "losses")
    assert answer("rollback", "spy", "1", "--object-store", place)["serving"] == 1
    refused = run("rollback", "spy", "9", "--object-store", place, code=6)
    assert "there is no version 9 of 'spy'; there are: 1, 2, 3" in refused.stderr


def test_a_bad_version_needs_force(place: Path) -> None:
    World(FileObjectStore(place)).catalog().mark_bad("spy", 2, "it predicted NaN")
    assert "it predicted NaN" in run("promote", "spy", "2", "--object-store", place, code=6).stderr
    assert answer("ls", "spy", "--object-store", place)["versions"][1]["standing"] == "bad"
    assert answer("promote", "spy", "2", "--force", "--object-store", place)["serving"] == 2


def test_deleting_spares_what_is_in_use(place: Path) -> None:
    assert "serves" in run("rm", "spy", "2", "--object-store", place, code=6).stderr
    run("rm", "spy", "3", "--object-store", place)
    assert answer("ls", "--object-store", place)[1]["versions"] == [1, 2]
    assert run("rm", "spy", "--all", "--object-store", place).stdout.endswith("no version serves\n")
    assert [row["name"] for row in answer("ls", "--object-store", place)] == ["gold"]
    run("rm", "gold", "--object-store", place, code=2)
    run("rm", "gold", "1", "--all", "--object-store", place, code=2)


def test_a_model_that_is_not_there_is_named(place: Path) -> None:
    for command in (["show", "silver"], ["ls", "silver"], ["rollback", "silver"], ["rm", "silver", "--all"]):
        refused = run(*command, "--object-store", place, code=6)
        assert "there is no model 'silver'; there are: gold, spy" in refused.stderr
    assert "no name of a model" in run("promote", "../spy", "1", "--object-store", place, code=6).stderr
    assert "there is no such version" in run("show", "spy", "44", "--object-store", place, code=6).stderr


def test_a_damaged_version_is_listed_as_damaged(place: Path) -> None:
    (place / "_models/spy/versions/00000001.json").write_text("{}")
    assert "damaged" in run("ls", "spy", "--object-store", place).stdout
    assert "cannot be read" in answer("ls", "spy", "--object-store", place)["damaged"]["1"]
    assert "cannot be read" in run("show", "spy", "1", "--object-store", place, code=6).stderr


def test_a_version_with_damaged_content_is_neither_promoted_nor_shown_as_good(place: Path) -> None:
    content = answer("show", "spy", "1", "--object-store", place)["content"]
    (blob,) = (each for each in (place / "_models/spy/blobs").iterdir() if each.name.endswith(content))
    whole = blob.read_bytes()
    blob.write_bytes(whole[:-1] + b"!")
    for words in (("promote", "spy", "1"), ("rollback", "spy", "1"), ("rollback", "spy")):
        refused = run(*words, "--object-store", place, code=6)
        assert "version 1 of 'spy' cannot be used" in refused.stderr and "damaged" in refused.stderr
    assert answer("ls", "spy", "--object-store", place)["serving"] == 2
    assert answer("show", "spy", "1", "--object-store", place)["standing"] == "damaged"
    assert "damaged: the content" in run("show", "spy", "1", "--object-store", place).stdout
    blob.unlink()
    refused = run("promote", "spy", "1", "--object-store", place, code=6)
    assert "its content is not in the store" in refused.stderr


def test_the_store_is_the_configurations_where_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "live.toml").write_text(CONFIG)
    shared = FileObjectStore(tmp_path / "shared")
    World(own_part(ProjectStore(shared, Scope("mine")))).registry().save(line("spy", 1.0))
    World(own_part(ProjectStore(shared, Scope("other")))).registry().save(line("gold", 1.0))
    assert [row["name"] for row in answer("ls", "--config", "live.toml")] == ["spy"]
    assert [row["name"] for row in answer("ls", "--config", "live.toml", "--project", "other")] == ["gold"]
    assert [row["name"] for row in answer("ls", "--object-store", "shared/mine")] == ["spy"]


def test_without_a_name_it_is_the_folder_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    World(FileObjectStore(tmp_path / "storage")).registry().save(line("spy", 1.0))
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    assert [row["name"] for row in answer("ls")] == ["spy"]


def test_a_store_that_cannot_be_is_told_with_the_remedy(tmp_path: Path) -> None:
    assert "--object-store" in run("ls", code=2).stderr
    assert "holds a password" in run("ls", "--object-store", "s3://me:secret@bucket", code=2).stderr
    assert "there is no folder" in run("ls", "--object-store", tmp_path / "none", code=2).stderr
    (tmp_path / "empty").mkdir()
    assert run("ls", "--object-store", tmp_path / "empty").stdout == "there are no models in this store\n"


@pytest.mark.parametrize("command", [[], ["ls"], ["show"], ["promote"], ["rollback"], ["rm"]])
def test_help_comes_with_examples(command: list[str]) -> None:
    assert f"livetrader models {command[0] if command else 'ls'}" in run(*command, "--help").stdout
