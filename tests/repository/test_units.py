"""The systemd units: accepted without a word, hardened, and saying what the design says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from livetrader.deployment.units import GPU_DROP_IN
from tests.repository.sources import ROOT

EXPOSURE_MAX = 1.2  # systemd's own scale, 0 to 10; what is left is the network and the user's JIT compilers
EXPOSURE_WITH_GPU_MAX = 2.0
UNITS = ("livetrader@.service", "livetrader-liquidate@.service")
EXECUTABLE = "/opt/livetrader/bin/livetrader"

needs_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A copy whose executable exists: `verify` looks for it."""
    for name in UNITS:
        text = (ROOT / "systemd" / name).read_text()
        assert f"{EXECUTABLE} " in text
        (tmp_path / name).write_text(text.replace(EXECUTABLE, "/bin/true"))
    return tmp_path


def _analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)


@needs_analyze
def test_systemd_has_nothing_to_say_about_the_units(units: Path) -> None:
    done = _analyze("verify", *(str(units / name) for name in UNITS))
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "",
        "",
    )  # it exits 0 on unknown keys and only prints


@needs_analyze
def test_the_check_sees_an_unknown_key(units: Path) -> None:
    planted = units / UNITS[0]
    planted.write_text(planted.read_text().replace("[Service]\n", "[Service]\nWatchdogSeconds=15\n"))
    assert "WatchdogSeconds" in _analyze("verify", str(planted)).stderr


@needs_analyze
@pytest.mark.parametrize("name", UNITS)
def test_the_units_expose_little(units: Path, name: str) -> None:
    done = _analyze("security", "--offline=true", "--no-pager", str(units / name))
    found = re.search(r"Overall exposure level for .*: ([0-9.]+) ", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= EXPOSURE_MAX


@needs_analyze
def test_a_service_that_may_use_gpus_exposes_little_more(units: Path) -> None:
    unit = units / UNITS[0]
    unit.write_text(unit.read_text() + GPU_DROP_IN)
    said = _analyze("verify", str(unit))
    assert (said.stdout, said.stderr) == ("", "")
    done = _analyze("security", "--offline=true", "--no-pager", str(unit))
    found = re.search(r"Overall exposure level for .*: ([0-9.]+) ", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= EXPOSURE_WITH_GPU_MAX


def _values(name: str, key: str) -> list[str]:
    text = (ROOT / "systemd" / name).read_text()
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def test_the_daemon_is_watched_restarted_and_then_liquidated() -> None:
    unit = UNITS[0]
    assert _values(unit, "Type") == ["notify"]
    assert _values(unit, "WatchdogSec") == ["15s"]
    assert _values(unit, "Restart") == ["on-failure"]
    assert _values(unit, "StartLimitBurst") == ["5"]
    assert _values(unit, "OnFailure") == ["livetrader-liquidate@%i.service"]
    assert _values(unit, "KillMode") == ["mixed"]


@pytest.mark.parametrize(
    "key", ["User", "Group", "StateDirectory", "StateDirectoryMode", "LoadCredential", "UMask"]
)
def test_both_units_share_user_state_and_credentials(key: str) -> None:
    first, second = (_values(name, key) for name in UNITS)
    assert first == second != []


def test_mistakes_of_the_operator_neither_restart_nor_liquidate() -> None:
    """Both units name the exit codes of livetrader/errors.py for settings, algorithm and second daemon."""
    from livetrader.errors import AlgorithmLoadError, AlreadyRunningError, ConfigError

    codes = [str(error.exit_code) for error in (ConfigError, AlgorithmLoadError, AlreadyRunningError)]
    assert _values(UNITS[0], "RestartPreventExitStatus") == [" ".join(codes)]
    assert f"exit-code:[{''.join(codes)}])" in _values(UNITS[1], "ExecStart")[0]
