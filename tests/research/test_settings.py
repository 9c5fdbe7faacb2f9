"""Where a notebook's data and objects are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from livetrader.errors import ConfigError
from livetrader.offline.notebooks import notebook_at
from livetrader.offline.research import settings_from
from tests.research.conftest import write_notebook


def test_the_environment_says_where(tmp_path: Path) -> None:
    environment = {
        "LIVETRADER_DATA": "/prices",
        "LIVETRADER_OBJECT_STORE": "s3://bucket/models",
        "LIVETRADER_PROJECT": "momentum",
        "LIVETRADER_HISTORY": "other",
    }
    found = settings_from(environment, tmp_path)
    assert (found.data_folder, found.object_store) == (Path("/prices"), "s3://bucket/models")
    assert (found.project, found.history) == ("momentum", "other")


def test_without_it_the_nearest_folders_are_taken(tmp_path: Path) -> None:
    folder = tmp_path / "projects" / "mine"
    for name in ("data", "storage", "projects/storage", "projects/mine"):
        (tmp_path / name).mkdir(parents=True)
    found = settings_from({}, folder)
    assert found.data_folder == tmp_path / "data"
    assert found.object_store == str(tmp_path / "projects" / "storage")
    assert found.history == "lean_data"


def test_a_store_that_is_not_there_yet_will_be_in_the_folder(tmp_path: Path) -> None:
    assert settings_from({}, tmp_path).object_store == str(tmp_path / "storage")


def test_an_empty_folder_gets_a_notebook_and_one_that_is_there_stays(tmp_path: Path) -> None:
    made = notebook_at(tmp_path)
    assert made == tmp_path / "research.ipynb"
    assert b"QuantBook()" in made.read_bytes()
    made.write_text("mine")
    assert notebook_at(tmp_path).read_text() == "mine"
    assert notebook_at(tmp_path / "research.ipynb") == made


def test_a_folder_means_its_only_notebook(tmp_path: Path) -> None:
    only = write_notebook(tmp_path / "study.ipynb", "1")
    assert notebook_at(tmp_path) == only
    assert sorted(tmp_path.iterdir()) == [only]


def test_of_several_notebooks_one_has_to_be_named(tmp_path: Path) -> None:
    write_notebook(tmp_path / "a.ipynb", "1")
    write_notebook(tmp_path / "b.ipynb", "1")
    with pytest.raises(ConfigError, match=r"several notebooks \(a\.ipynb, b\.ipynb\); say which"):
        notebook_at(tmp_path)


@pytest.mark.parametrize("name", ["main.py", "nowhere"])
def test_what_cannot_be_a_notebook_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "main.py").touch()
    with pytest.raises(ConfigError, match="neither a folder nor a notebook"):
        notebook_at(tmp_path / name)


def test_a_notebook_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        notebook_at(tmp_path / "nowhere" / "study.ipynb")
