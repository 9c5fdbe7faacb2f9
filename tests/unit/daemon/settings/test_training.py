"""[training]: LEAN's keys beside ours, and what belongs together."""

from __future__ import annotations

from pathlib import Path

import pytest

from livetrader.configuration.lean_keys import CAPACITY, INTERVAL, REFILL
from livetrader.configuration.loading import load
from livetrader.errors import ConfigError
from livetrader.settings import TrainingSettings
from livetrader_engine.missed import MissedPolicy

GOOD = (
    '[algorithm]\npath="main.py"\n[brokerage]\nplugin="paper"\n[feed]\nplugin="replay"\n[data]\nfolder="."\n'
)


def read(folder: Path, *lines: str, **overrides: object) -> TrainingSettings:
    (folder / "main.py").write_text("")
    file = folder / "test.toml"
    file.write_text(GOOD + "[training]\n" + "\n".join(lines))
    return load(file, {f"training.{key}": value for key, value in overrides.items()}).training


def problems(folder: Path, *lines: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, *lines)
    return caught.value.problems


@pytest.mark.parametrize(
    ("lines", "quota"),
    [
        ([], (120.0, 18.0, 1440.0)),
        ([f"{CAPACITY} = 60", f"{REFILL} = 5", f"{INTERVAL} = 720"], (60.0, 5.0, 720.0)),
        ([f"{CAPACITY} = 120"], (120.0, 18.0, 1440.0)),
        ([f"{CAPACITY} = 60"], (60.0, 9.0, 1440.0)),  # LEAN: a seventh of the capacity, rounded up
        ([f"{CAPACITY} = 60", "refill_minutes = 2"], (60.0, 2.0, 1440.0)),
        (["capacity_minutes = 60"], (60.0, 18.0, 1440.0)),
        ([f"{REFILL} = 7"], (120.0, 7.0, 1440.0)),
        ([f"{CAPACITY} = 60", "capacity_minutes = 60.0", f"{REFILL} = 1"], (60.0, 1.0, 1440.0)),
    ],
)
def test_leans_keys_mean_what_they_mean_in_lean(
    tmp_path: Path, lines: list[str], quota: tuple[float, float, float]
) -> None:
    made = read(tmp_path, *lines)
    assert (made.capacity_minutes, made.refill_minutes, made.refill_interval_minutes) == quota


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([f"{CAPACITY} = 60", "capacity_minutes = 61"], "is 60, and capacity_minutes is 61; the two are one"),
        ([f"{INTERVAL} = 60", "refill_interval_minutes = 1"], "is 60, and refill_interval_minutes is 1;"),
        ([f"{REFILL} = 60", "server_mb = 512"], "is set beside server_mb = 512; server_mb picks the whole"),
        ([f'{CAPACITY} = "much"'], 'is "much"; must be a number of minutes'),
        ([f"{CAPACITY} = true"], "is true; must be a number of minutes"),
        ([f"{CAPACITY} = nan"], "is nan; must be a number of minutes"),
    ],
)
def test_spellings_that_contradict_each_other_are_named(tmp_path: Path, lines: list[str], words: str) -> None:
    (told,) = problems(tmp_path, *lines)
    key = lines[0].partition(" ")[0]
    assert f"training.{key}: {words}" in told


def test_a_value_out_of_bounds_is_refused_under_any_name(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, f"{CAPACITY} = -1", "refill_minutes = 1")
    assert "capacity_minutes: is -1; must be a number at least 0" in told


def test_the_command_line_may_use_leans_keys_too(tmp_path: Path) -> None:
    assert read(tmp_path, **{CAPACITY: 70}).capacity_minutes == 70.0


def test_a_shared_bucket_needs_a_file_and_a_policy_is_one_of_three(tmp_path: Path) -> None:
    told = problems(tmp_path, "host_capacity_minutes = 300")
    assert "training.host_file: is missing, and host_capacity_minutes is not 0" in told[0]
    made = read(tmp_path, "host_capacity_minutes = 300", 'host_file = "host.json"', 'missed = "late"')
    assert (made.host_file, made.missed) == (tmp_path / "host.json", MissedPolicy.LATE)
    assert '"late", "skip", "coalesce"' in problems(tmp_path, 'missed = "never"')[0]
