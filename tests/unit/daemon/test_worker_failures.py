"""What an author reads when an algorithm raises; and how plugins are found or refused."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import msgspec
import pytest

from livetrader import registry
from livetrader.errors import ConfigError
from livetrader.results.whole_files import write_whole
from livetrader.training.runner import outcome_of
from livetrader_lean.failures import user_message, user_traceback


class OldPlugin:
    """Written for an API that is no more."""

    API_VERSION = 0
    Config = msgspec.Struct


def test_frames_of_the_daemon_are_left_out_where_there_are_frames_of_the_user(tmp_path: Path) -> None:
    source = tmp_path / "main.py"
    source.write_text("def on_data():\n    try:\n        1 / 0\n    except ZeroDivisionError as e:\n"
                      "        raise ValueError('bad') from e\n")  # fmt: skip
    namespace: dict[str, object] = {}
    exec(compile(source.read_text(), str(source), "exec"), namespace)
    on_data = namespace["on_data"]
    assert callable(on_data)
    told = outcome_of(on_data).failure
    assert told is not None
    assert "runner.py" not in told
    try:
        on_data()
    except ValueError as error:
        told = user_traceback(error)
    assert str(source) in told
    assert "ZeroDivisionError" in told
    assert "ValueError: bad" in told
    assert "/livetrader/" not in told


class Untellable(Exception):
    """What a user's class may be."""

    def __str__(self) -> str:
        raise TypeError("no text")


def test_whatever_an_error_says_can_be_sent() -> None:
    for error, words in (
        (ValueError("half \ud83d"), "ValueError: half \ufffd"),
        (Untellable(), "Untellable: its text cannot be told"),
    ):
        told = [user_message(error), user_traceback(error)]
        assert told[0] == words
        assert msgspec.json.decode(msgspec.json.encode(told)) == told


def test_an_error_of_ours_keeps_every_frame() -> None:
    try:
        registry.load_plugin(registry.FEEDS, "no such feed")
    except ConfigError as error:
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next  # only our own frames
        told = user_traceback(error)
    assert "registry.py" in told


def test_an_error_of_ours_keeps_every_frame_where_a_library_raised_it(tmp_path: Path) -> None:
    try:
        write_whole(tmp_path / ("file" * 100), "text")
    except OSError as error:  # the name is too long, says pathlib
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        told = user_traceback(error)
    assert "files.py" in told and "pathlib" in told


def test_an_unknown_plugin_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no plugin 'nope' among the brokerages \(installed: .*paper"):
        registry.load_plugin(registry.BROKERAGES, "nope")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (f"{__name__}:OldPlugin", "written for plugin API 0"),
        ("livetrader_nowhere:Plugin", "cannot be imported"),
        (f"{__name__}:Missing", "cannot be imported"),
    ],
)
def test_a_plugin_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch, value: str, told: str) -> None:
    point = EntryPoint("broken", value, registry.FEEDS)
    monkeypatch.setattr(registry, "entry_points", lambda group: EntryPoints([point]))
    with pytest.raises(ConfigError, match=told) as caught:
        registry.load_plugin(registry.FEEDS, "broken")
    assert "'broken'" in str(caught.value)


def test_a_wrong_key_of_a_plugin_names_the_plugin() -> None:
    plugin = registry.load_plugin(registry.BROKERAGES, "paper")
    with pytest.raises(ConfigError, match=r"PaperBrokerage: .*cash"):
        registry.config_of(plugin, {"cash": "much"})
