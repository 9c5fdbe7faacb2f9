"""`livetrader store`, as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from livetrader.cli.main import cli
from livetrader.store.local import FileObjectStore

Types = Callable[..., Result]


@pytest.fixture
def types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Types:
    """Type a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("LIVETRADER_OBJECT_STORE", "LIVETRADER_PROJECT", "LIVETRADER_CONFIG", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)

    def typed(*words: str, given: bytes | None = None) -> Result:
        return CliRunner().invoke(cli, ["store", *words], input=given)

    return typed


@pytest.fixture
def storage(tmp_path: Path) -> FileObjectStore:
    (tmp_path / "storage").mkdir()
    return FileObjectStore(tmp_path / "storage")


def test_a_file_goes_in_and_comes_out(types: Types, storage: FileObjectStore, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"\x00weights")
    assert types("put", "model.pkl", "models/spy.pkl").exit_code == 0
    assert types("put", "model.pkl").exit_code == 0
    assert list(storage.keys()) == ["model.pkl", "models/spy.pkl"]
    assert types("get", "models/spy.pkl").exit_code == 0
    assert (tmp_path / "spy.pkl").read_bytes() == b"\x00weights"
    assert not list(tmp_path.glob(".*.part"))


def test_standard_input_and_output_are_files_too(types: Types, storage: FileObjectStore) -> None:
    assert types("put", "-", "a", given=b"\xff\x00\n").exit_code == 0
    assert storage.read("a") == b"\xff\x00\n"
    got = types("get", "a", "-")
    assert (got.exit_code, got.stdout_bytes) == (0, b"\xff\x00\n")
    refused = types("put", "-", given=b"x")
    assert refused.exit_code == 2 and "name a KEY" in refused.output


def test_a_file_that_is_there_is_not_replaced_unasked(
    types: Types, storage: FileObjectStore, tmp_path: Path
) -> None:
    storage.save("a", b"new")
    (tmp_path / "a").write_bytes(b"precious")
    refused = types("get", "a")
    assert refused.exit_code == 2 and "--force" in refused.output
    assert (tmp_path / "a").read_bytes() == b"precious"
    assert types("get", "a", "--force").exit_code == 0
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_file_that_cannot_be_written_is_told(types: Types, storage: FileObjectStore) -> None:
    storage.save("a", b"1")
    result = types("get", "a", "nowhere/a")
    assert result.exit_code == 1
    assert "nowhere/a cannot be written: No such file or directory" in result.stderr


def test_keys_are_listed_for_people_and_programs(types: Types, storage: FileObjectStore) -> None:
    storage.save("models/a", b"12345")
    storage.save("b", b"")
    lines = types("ls").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["0", "5"]
    assert [line.split()[-1] for line in lines] == ["b", "models/a"]
    (view,) = json.loads(types("ls", "models/", "--json").stdout)
    assert (view["key"], view["size"]) == ("models/a", 5)
    assert view["modified"].endswith("Z") and "T" in view["modified"]
    assert json.loads(types("stat", "models/a", "--json").stdout) == view


def test_usage_and_limits_are_shown(types: Types, storage: FileObjectStore, tmp_path: Path) -> None:
    storage.save("a", b"12345")
    assert json.loads(types("stat", "--json").stdout) == {
        "files": 1, "bytes": 5, "max_files": None, "max_bytes": None,
    }  # fmt: skip
    (tmp_path / "paper.toml").write_text('[object_store]\nurl = "storage"\ntier = "free"\n')
    shown = types("stat", "-c", "paper.toml").stdout
    assert "5,242,880" in shown and "100" in shown


def test_removing_tells_what_was_not_there(types: Types, storage: FileObjectStore) -> None:
    storage.save("a", b"")
    result = types("rm", "a", "b", "--json")
    assert result.exit_code == 1 and "there was no 'b'" in result.stderr
    assert json.loads(result.stdout) == [{"key": "a", "removed": True}, {"key": "b", "removed": False}]
    assert list(storage.keys()) == []


@pytest.mark.parametrize("words", [("get", "models/x", "-"), ("stat", "models/x")])
def test_what_is_missing_is_named(types: Types, storage: FileObjectStore, words: tuple[str, ...]) -> None:
    result = types(*words)
    assert result.exit_code == 1
    assert "there is no 'models/x' in" in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ls",), "there is no folder `storage` here or above"),
        (("ls", "--object-store", "nowhere"), "there is no folder"),
        (("ls", "--object-store", "nope://x:y@host/z"), "holds a password"),
        (("ls", "--object-store", "nope://host/z"), "fsspec knows no protocol 'nope'"),
        (("put", "/etc/hostname", "../x", "--object-store", "new"), "would leave the object store"),
        (("ls", "--object-store", ".", "--project", "a/b"), "a project is one part"),
    ],
)
def test_a_wrong_place_is_told_with_the_remedy(types: Types, words: tuple[str, ...], told: str) -> None:
    result = types(*words)
    assert result.exit_code == 2, result.output
    assert told in result.stderr
    assert "x:y" not in result.output


def test_the_store_of_a_configuration_is_the_daemons(types: Types, tmp_path: Path) -> None:
    (tmp_path / "livetrader.toml").write_text(
        '[account]\nstate_directory = "state"\n[object_store]\nproject = "momentum"\nmax_files = 1\n'
    )
    assert types("put", "-", "model", given=b"m").exit_code == 0
    daemons = FileObjectStore(tmp_path / "state" / "object_store")
    assert daemons.read("momentum/model") == b"m"
    assert types("ls").stdout.split()[-1] == "model"
    assert types("ls", "--project", "").stdout.split()[-1] == "momentum/model"
    full = types("put", "-", "other", given=b"m")
    assert full.exit_code == 1 and "max_files" in full.stderr


def test_the_environment_names_the_store(
    types: Types, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVETRADER_OBJECT_STORE", str(tmp_path / "other"))
    monkeypatch.setenv("LIVETRADER_PROJECT", "p")
    assert types("put", "-", "a", given=b"1").exit_code == 0
    assert (tmp_path / "other" / "p" / "a").read_bytes() == b"1"


def test_a_project_folder_finds_the_workspaces_storage(
    types: Types, storage: FileObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.save("a", b"1")
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    assert types("get", "a", "-").stdout_bytes == b"1"


def test_copies_of_a_command_go_with_its_process(tmp_path: Path) -> None:
    """A process that reads a remote store leaves nothing behind."""
    text = (
        "from livetrader.store.opening import open_store\n"
        "from livetrader.store.options import StoreOptions\n"
        "store = open_store(StoreOptions('memory://x'))\n"
        "store.save('a', b'1')\n"
        "assert store.read('a') == b'1'\n"
    )
    environment = {"TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", text], check=True, env=environment)
    assert list(tmp_path.iterdir()) == []


def test_a_storage_of_the_home_folder_is_not_meant_from_below(
    types: Types, storage: FileObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    storage.save("a", b"1")
    assert types("get", "a", "-").stdout_bytes == b"1"  # it is meant where somebody stands beside it
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    assert types("get", "a", "-").exit_code == 2
