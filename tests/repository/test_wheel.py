"""What users get: the wheel's content, its entry points, and that an installed wheel runs."""

from __future__ import annotations

import configparser
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.repository.sources import ROOT
from tests.repository.wheels import built_wheel

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]  # a cold build of all packages on two busy cores

PACKAGES = {"livetrader", "livetrader_engine", "livetrader_lean", "livetrader_plugins", "livetrader_venues"}


@pytest.fixture(scope="module")
def wheel() -> Path:
    return built_wheel()


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    with ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_our_packages_and_nothing_else(names: list[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert tops == PACKAGES | {f"livetrader-{version}.dist-info", f"livetrader-{version}.data"}


def test_every_module_of_the_source_roots_is_in_the_wheel(names: list[str]) -> None:
    expected = {
        path.relative_to(ROOT / root).as_posix()
        for root in (".", "engine", "plugins")
        for package in sorted(PACKAGES)
        if (ROOT / root / package).is_dir()
        for path in (ROOT / root / package).rglob("*.py")
    }
    assert expected == {name for name in names if name.endswith(".py")}


def test_the_wheel_is_typed(names: list[str]) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)


def test_kernels_and_the_notebook_of_new_folders_go_along(names: list[str]) -> None:
    folder = ROOT / "livetrader" / "offline"
    files = [folder / "research.ipynb", *folder.glob("jupyter_path/kernels/*/kernel.json")]
    assert len(files) == 3
    assert {path.relative_to(ROOT).as_posix() for path in files} <= set(names)


def test_the_dashboard_goes_along_whole(names: list[str]) -> None:
    web = ROOT / "livetrader" / "dashboard" / "web"
    files = {path.relative_to(ROOT).as_posix() for path in web.rglob("*") if path.is_file()}
    assert files
    assert files == {name for name in names if name.startswith("livetrader/dashboard/web/")}


def test_units_and_configurations_land_in_share(names: list[str]) -> None:
    shared = {name.split(".data/data/")[1] for name in names if ".data/data/" in name}
    expected = {
        f"share/livetrader/{folder}/{path.name}"
        for folder in ("systemd", "config")
        for path in (ROOT / folder).iterdir()
    }
    assert shared == expected
    assert "share/livetrader/systemd/livetrader@.service" in shared
    assert "share/livetrader/config/livetrader.toml" in shared


def test_the_licence_goes_along(names: list[str]) -> None:
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_entry_points_are_those_of_the_project_file(wheel: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    with ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("entry_points.txt"))
        written = configparser.ConfigParser(delimiters=("=",))
        written.optionxform = str  # type: ignore[assignment,method-assign]  # keep the case of names
        written.read_string(archive.read(name).decode())
    assert dict(written["console_scripts"]) == project["scripts"]
    for group, points in project["entry-points"].items():
        assert dict(written[group]) == points


def test_an_installed_wheel_runs_and_its_plugins_load(wheel: Path, tmp_path: Path) -> None:
    """In a fresh environment; only the dependencies are borrowed from this one, to spare the download."""
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False, symlinks=True)
    (site,) = environment.glob("lib/python*/site-packages")
    with ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    python = environment / "bin" / "python"
    script = (
        "import livetrader, sys; from importlib.metadata import entry_points as e;"
        "assert livetrader.__file__.startswith(sys.prefix), livetrader.__file__;"
        "points = [p for g in ('livetrader.brokerages', 'livetrader.feeds', 'livetrader.histories')"
        "          for p in e(group=g)];"
        "[p.load() for p in points]; print(*sorted(p.name for p in points))"
    )
    loaded = _run(tmp_path, str(python), "-c", script)
    assert {"paper", "replay", "lean_data"} <= set(loaded.split())
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert version in _run(tmp_path, str(python), "-m", "livetrader", "version")


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_console_script_is_where_the_units_look_for_it() -> None:
    assert Path(sys.executable).with_name("livetrader").exists()
