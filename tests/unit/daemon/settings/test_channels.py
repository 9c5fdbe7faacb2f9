"""[notify] and [[notify.channel]]: what is read, and what is refused with its place and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from livetrader.configuration.loading import load
from livetrader.errors import ConfigError

BASE = """
[algorithm]
path = "main.py"
[brokerage]
plugin = "paper"
[feed]
plugin = "replay"
start = "2020-03-10"
[data]
folder = "."
"""


URL = "mailtos://me:secret@smtp.example.com?to=you@example.com"


def written(folder: Path, text: str) -> Path:
    (folder / "main.py").write_text("")
    path = folder / "livetrader.toml"
    path.write_text(BASE + text)
    return path


def test_channels_keep_their_order_and_their_plugins_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mail").write_text(f"{URL}\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    text = """
[notify]
alarm = ["pager", "*"]
quiet_hours = "22:00-07:00"
quiet_timezone = "Europe/Berlin"
[[notify.channel]]
name = "mail"
plugin = "apprise"
url = { credential = "mail" }
[[notify.channel]]
name = "pager"
plugin = "direct"
url = "https://pager.example.com/"
known_hosts = "known_hosts"
"""
    settings = load(written(tmp_path, text))
    assert [(each.name, each.section.plugin) for each in settings.channels] == [
        ("mail", "apprise"), ("pager", "direct"),
    ]  # fmt: skip
    assert (
        settings.channels[0].section.options["url"]
        == "mailtos://me:secret@smtp.example.com?to=you@example.com"
    )
    assert settings.channels[1].section.options["known_hosts"] == tmp_path / "known_hosts"
    assert settings.notify.alarm == ("pager", "*") and settings.notify.warning == ("*",)


APPRISE = '[[notify.channel]]\nname = "a"\nplugin = "apprise"\n'
CHANNEL = '[[notify.channel]]\nname = "mail"\nplugin = "direct"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[notify]\nalarm = ["pagr"]\n' + CHANNEL.replace("mail", "pager"),
         "notify.alarm: there is no channel 'pagr'; did you mean 'pager'?"),
        ('[notify]\nwarning = ["mail", "mail"]\n' + CHANNEL, "notify.warning: names a channel twice"),
        (CHANNEL + CHANNEL, "notify.channel[2].name: 'mail' is there twice; give each channel its own name"),
        ('[[notify.channel]]\nplugin = "direct"\n', "notify.channel.name: is missing"),
        ('[[notify.channel]]\nname = "a b"\nplugin = "direct"\n',
         "notify.channel.name: is \"a b\", not a name"),
        ('[[notify.channel]]\nname = "a"\nplugin = "mail"\n',
         "notify.channel.plugin: there is no plugin 'mail'"),
        ('[[notify.channel]]\nname = "a"\nplugin = "direct"\nuri = "x"\n',
         "notify.channel.uri: unknown key; did you mean 'url'?"),
        (APPRISE, "notify.channel.url: is missing"),
        (APPRISE + 'url = "no-url"\n', "notify.channel.url: is no URL"),
        (APPRISE + 'url = "json://h"\nemail = "mailto://h"\n',
         "notify.channel.email: has no {to}"),
        ("[notify]\nchannel = 3\n", "notify.channel: is 3; write [notify.channel]"),
        ('[notify]\nquiet_hours = "late"\n', "quiet_hours: 'late' are none; write for example 22:00-07:00"),
        ('[notify]\nquiet_hours = "22:00-07:00"\nquiet_timezone = "Berlin"\n', "'Berlin' is not known"),
        ("[notify]\nretry_s = 60.0\nretry_max_s = 30.0\n", "retry_max_s: must be at least retry_s"),
        ('[notify]\nalgorithm = ["fax"]\n', "notify.algorithm"),
        ("[notify]\nper_hour = 1\n", "notify.per_hour: is 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place_and_remedy(tmp_path: Path, text: str, problem: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    (line,) = caught.value.problems
    assert line.startswith(f"{path}: notify") and problem in line


def test_a_url_is_never_repeated_in_a_problem(tmp_path: Path) -> None:
    text = APPRISE + 'url = "json://h"\nsms = "secret-without-scheme"\n'
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, text))
    assert "secret" not in str(caught.value)


def test_a_liquidation_is_not_refused_because_of_a_channel(tmp_path: Path) -> None:
    text = '[notify]\nquiet_hours = "late"\n[[notify.channel]]\nname = "a"\nplugin = "apprise"\nurl = "x"\n'
    settings = load(written(tmp_path, text), needed=("account", "brokerage"))
    assert settings.brokerage.plugin == "paper"
