from __future__ import annotations

from pathlib import Path

import pytest

from livetrader.configuration.loading import load
from livetrader.errors import ConfigError
from livetrader.settings import OnLost

GOOD = """
[algorithm]
path = "main.py"
[account]
name = "test"
[brokerage]
plugin = "paper"
[feed]
plugin = "replay"
[data]
folder = "prices"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which GOOD is right."""
    for name in ("STATE_DIRECTORY", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "main.py").write_text("")
    (tmp_path / "prices").mkdir()
    return tmp_path


def write(folder: Path, text: str) -> Path:
    file = folder / "test.toml"
    file.write_text(text)
    return file


def problems(folder: Path, text: str) -> list[str]:
    file = write(folder, text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert caught.value.exit_code == 2
    assert all(problem.startswith(f"{file}: ") for problem in caught.value.problems)
    return [problem.removeprefix(f"{file}: ") for problem in caught.value.problems]


def test_paths_are_relative_to_the_file_and_defaults_stand(folder: Path) -> None:
    settings = load(write(folder, GOOD))
    assert settings.algorithm.path == folder / "main.py"
    assert settings.data.folder == folder / "prices"
    assert settings.account.state_directory == folder / "state"
    assert settings.control.tokens_file == folder / "state" / "tokens.json"
    assert (settings.engine.restarts, settings.engine.on_lost) == (5, OnLost.RESTART)


def test_keys_of_the_history_plugin_are_its_own_and_checked_by_it(folder: Path) -> None:
    (found,) = problems(folder, GOOD + '[history]\nplugin = "lean_data"\nport = 4002\n')
    assert found.startswith("history.port: unknown key")


def test_without_a_history_the_folder_is_one_and_several_keep_their_order(folder: Path) -> None:
    assert [each.plugin for each in load(write(folder, GOOD)).histories] == ["lean_data"]
    several = '[[history]]\nplugin = "ibkr"\nport = 4001\n[[history]]\nplugin = "lean_data"\n'
    loaded = load(write(folder, GOOD + several)).histories
    assert [(each.plugin, each.options) for each in loaded] == [("ibkr", {"port": 4001}), ("lean_data", {})]


def test_one_of_several_sections_is_named_by_its_number(folder: Path) -> None:
    several = GOOD.replace("[feed]\n", "[[feed]]\n") + '[[feed]]\nplugin = "replay"\nspede = 3\n'
    (found,) = problems(folder, several)
    assert found.startswith("feed[2].spede: unknown key; did you mean 'speed'?")
    with pytest.raises(ConfigError, match="there are several"):
        load(write(folder, several), {"feed.speed": 2.0})


@pytest.mark.parametrize("line", ['history = "ibkr"', "options = { port = 4002 }"])
def test_the_former_keys_of_the_history_say_where_they_went(folder: Path, line: str) -> None:
    (found,) = problems(folder, GOOD.replace('"prices"', f'"prices"\n{line}'))
    assert found.startswith(f"data.{line.split()[0]}: ") and "write [history]" in found


def test_systemds_state_directory_is_taken_unless_the_file_names_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two")
    assert load(write(folder, GOOD)).account.state_directory == Path("/var/lib/one")
    named = GOOD.replace('name = "test"', 'state_directory = "mine"')
    assert load(write(folder, named)).account.state_directory == folder / "mine"


def test_every_problem_is_listed_at_once_with_its_key_and_remedy(folder: Path) -> None:
    listed = problems(
        folder,
        """
        [algorithm]
        path = "gone.py"
        clas_name = "X"
        [account]
        name = "white space"
        [brokerage]
        plugin = "paper"
        cahs = 5.0
        slippage = 2
        [feed]
        plugin = "replya"
        [data]
        [engine]
        restarts = -1
        step_limit_s = inf
        on_lost = "explode"
        port = 1
        [limits]
        max_order_notional = "much"
        [training]
        server_mb = 100
        [control]
        allowed_hosts = ["a", 7]
        [speling]
        x = 1
        """,
    )
    expected = [
        ("speling", "unknown section", "sections: algorithm, account"),
        ("algorithm.clas_name", "unknown key", "did you mean 'class_name'?"),
        ("account.name", 'is "white space"', "must be a text that matches"),
        ("data.folder", "is missing", "add folder = a path"),
        ("engine.restarts", "is -1", "must be a whole number at least 0 and at most 1000 (default 5)"),
        ("engine.step_limit_s", "is inf", "must be a number above 0"),
        ("engine.on_lost", 'is "explode"', 'one of "restart", "liquidate"'),
        ("engine.port", "unknown key", "that key belongs to [control]"),
        ("limits.max_order_notional", 'is "much"', "must be a number"),
        ("training.server_mb", "is 100", "one of 0, 512, 1024, 2048"),
        ("control.allowed_hosts[1]", "is ['a', 7]", "must be a list; each item a text"),
        ("brokerage.cahs", "unknown key", "did you mean 'cash'?"),
        ("brokerage.slippage", "is 2", "must be a number at least 0 and at most 1"),
        ("feed.plugin", "there is no plugin 'replya'", "did you mean 'replay'?"),
    ]
    for key, what, remedy in expected:
        matching = [line for line in listed if line.startswith(f"{key}: ")]
        assert len(matching) == 1, (key, listed)
        assert what in matching[0] and remedy in matching[0], matching
    assert len(listed) == len(expected)


def test_what_does_not_exist_is_named_beside_what_is_wrong(folder: Path) -> None:
    text = GOOD.replace("main.py", "gone.py").replace("prices", "nowhere")
    text = text.replace('plugin = "replay"', 'plugin = "replay"\nstart = "2013-13-07"') + "[limits]\nx = 1\n"
    listed = problems(folder, text)
    keys = {line.partition(":")[0] for line in listed}
    assert keys == {"algorithm.path", "data.folder", "feed.start", "limits.x"}
    assert any("must be a date such as 2013-10-07" in line for line in listed)


def test_what_does_not_exist_is_named(folder: Path) -> None:
    text = GOOD.replace("main.py", "gone.py").replace("prices", "nowhere")
    assert [line.partition(":")[0] for line in problems(folder, text)] == ["algorithm.path", "data.folder"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[algorithm\n", "is not valid TOML"),
        ("algorithm = 3\n" + GOOD.replace("[algorithm]\npath", "[x]\npath"), "is 3, not a section"),
        (GOOD + "[control]\nhost = '0.0.0.0'\n", "is not loopback and there is no TLS"),
        (GOOD + "[control]\ntls_key = 'a.pem'\n", "only one of tls_certificate and tls_key is set"),
        (GOOD + "[engine]\nrestart_delay_s = 31.0\n", "is above restart_delay_max_s"),
        (GOOD.replace('plugin = "paper"', 'plugin = "paper"\nack_delay_ms = [5, 1]'), "must not exceed"),
        (GOOD.replace('plugin = "paper"', "plugin = 3"), "installed: ibkr, paper"),
        (GOOD + '[history]\nplugin = "x"\n', "history.plugin: there is no"),
        ("history = []\n" + GOOD, "write [history], or [[history]]"),
        ("feed = 3\n" + GOOD.replace("[feed]", "[training]").replace('plugin = "replay"', ""), "feed: is 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(folder: Path, text: str, said: str) -> None:
    assert any(said in line for line in problems(folder, text))


def test_a_file_that_is_not_there_or_not_text_is_one_problem(folder: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load(folder / "none.toml")
    (folder / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load(folder / "binary.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(folder)


def test_parameters_become_texts_as_lean_hands_them_over(folder: Path) -> None:
    text = GOOD + '[algorithm.parameters]\nfast = 10\nratio = 0.5\non = true\nname = "x"\n'
    text = text.replace('[algorithm]\npath = "main.py"\n', "").replace(
        "[algorithm.parameters]", '[algorithm]\npath = "main.py"\n[algorithm.parameters]'
    )
    settings = load(write(folder, text))
    assert settings.algorithm.parameters == {"fast": "10", "ratio": "0.5", "on": "true", "name": "x"}
    bad = text.replace('"x"', "[1]")
    assert problems(folder, bad) == [
        "algorithm.parameters.name: is [1]; must be a text, a number, true or false"
    ]


def test_overrides_replace_the_file_and_are_named_as_the_command_line(folder: Path) -> None:
    file = write(folder, GOOD)
    assert load(file, {"engine.restarts": 1}).engine.restarts == 1
    with pytest.raises(ConfigError) as caught:
        load(file, {"engine.restarts": "x", "engine.retsarts": 1, "restarts": 1})
    assert [problem.split(": ")[:2] for problem in sorted(caught.value.problems)] == [
        ["command line", "engine.restarts"],
        ["command line", "engine.retsarts"],
        ["command line", "restarts"],
    ]


def test_credentials_come_from_systemds_folder_and_never_from_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = GOOD.replace('plugin = "paper"', 'plugin = "paper"\ncurrency = { credential = "broker" }')
    assert "$CREDENTIALS_DIRECTORY is not set" in problems(folder, text)[0]
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    assert "the credential 'broker' cannot be read" in problems(folder, text)[0]
    assert "is not the name" in problems(folder, text.replace('"broker"', '"../broker"'))[0]
    (folder / "broker").write_text("EUR\n")
    assert load(write(folder, text)).brokerage.options == {"currency": "EUR"}


def test_a_liquidation_is_not_refused_for_what_it_does_not_need(folder: Path) -> None:
    file = write(folder, GOOD.replace("main.py", "gone.py") + "[engine]\nrestarts = -7\n[nonsense]\n")
    settings = load(file, needed=("account", "brokerage"))
    assert settings.brokerage.plugin == "paper"
    assert settings.engine.restarts == 5
    only = write(folder, '[brokerage]\nplugin = "paper"\n')
    assert load(only, needed=("account", "brokerage")).account.state_directory == folder / "state"
    with pytest.raises(ConfigError, match=r"brokerage\.plugin"):
        load(write(folder, GOOD.replace('"paper"', '"papre"')), needed=("account", "brokerage"))
