"""Installing: everything is checked first, every step says what it came to, and nothing is done twice."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from livetrader import places
from livetrader.cli.main import cli
from livetrader.configuration.loading import load
from livetrader.control.auth import Scope, TokenStore
from livetrader.deployment.plan import HIDDEN, Wanted, problems_of
from livetrader.deployment.units import DAEMON, EXECUTABLE, LIQUIDATION, rendered, shipped_folder

CONFIG = """
[algorithm]
path = "{folder}/main.py"
[account]
name = "paper"
[brokerage]
plugin = "paper"
[feed]
plugin = "replay"
[data]
folder = "{folder}/data"
"""
NOTIFIED = """
[[notify.channel]]
name = "mail"
plugin = "apprise"
url = { credential = "notify-mail" }
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text("")
    (tmp_path / "data").mkdir()
    file = tmp_path / "paper.toml"
    file.write_text(CONFIG.format(folder=tmp_path))
    return file


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["install-service", str(config), *words])


def answer(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_an_image_gets_everything_once_and_the_token_is_shown_once(config: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.mkdir()
    first = answer(run(config, "--root", str(image), "--json"))
    assert set(tree(image)) == {
        "etc/livetrader/paper.toml",
        f"etc/systemd/system/{DAEMON}",
        f"etc/systemd/system/{LIQUIDATION}",
        "var/lib/livetrader/paper/tokens.json",
    }
    (secret,) = [step["secret"] for step in first["steps"] if step["secret"]]
    store = TokenStore(image / "var/lib/livetrader/paper/tokens.json")
    (token,) = store.refresh()
    assert set(token.scopes) == {Scope.READ, Scope.OPERATE, Scope.LIQUIDATE}
    assert secret not in (image / "var/lib/livetrader/paper/tokens.json").read_text()
    assert (image / "var/lib/livetrader/paper").stat().st_mode & 0o777 == 0o700
    before = tree(image)
    again = answer(run(config, "--root", str(image), "--json"))
    assert {step["outcome"] for step in again["steps"]} == {"unchanged", "passed over"}
    assert tree(image) == before


def test_the_token_stands_in_the_words_for_people(config: Path, tmp_path: Path) -> None:
    done = run(config, "--root", str(tmp_path / "image"))
    assert done.exit_code == 0, done.output
    assert done.output.count("shown this once") == 1
    assert "livetrader doctor /etc/livetrader/paper.toml" in done.output


def test_a_dry_run_shows_the_same_steps_and_does_none(config: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.mkdir()
    dry = answer(run(config, "--root", str(image), "--dry-run", "--now", "--json"))
    assert tree(image) == {}
    real = answer(run(config, "--root", str(image), "--now", "--json"))
    assert [step["what"] for step in dry["steps"]] == [step["what"] for step in real["steps"]]
    assert "systemctl enable --now livetrader@paper.service" in [step["what"] for step in dry["steps"]]


def test_what_an_operator_edited_is_kept_and_what_we_own_is_renewed(config: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    answer(run(config, "--root", str(image), "--json"))
    installed, unit = image / "etc/livetrader/paper.toml", image / f"etc/systemd/system/{DAEMON}"
    installed.write_text(installed.read_text() + "\n# mine\n")
    unit.write_text("[Service]\n# of an older version\n")
    again = answer(run(config, "--root", str(image), "--json"))
    found = {
        step["what"].split()[1]: step["outcome"] for step in again["steps"] if step["what"].startswith("file")
    }
    assert found["/etc/livetrader/paper.toml"] == "kept"
    assert found[f"/etc/systemd/system/{DAEMON}"] == "changed"
    assert installed.read_text().endswith("# mine\n")
    assert "WatchdogSec" in unit.read_text()


def test_credentials_are_asked_for_checked_and_loaded_by_both_units(config: Path, tmp_path: Path) -> None:
    image, secret = tmp_path / "image", tmp_path / "mail.txt"
    config.write_text(config.read_text() + NOTIFIED)
    refused = run(config, "--root", str(image))
    assert refused.exit_code == 2
    assert "give it with --credential notify-mail=FILE" in refused.output
    assert not image.exists()
    secret.write_text("json://127.0.0.1:1/\n")
    answer(run(config, "--root", str(image), "--credential", f"notify-mail={secret}", "--gpu", "--json"))
    kept = image / "etc/livetrader/paper.notify-mail.credential"
    assert kept.read_text() == secret.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    for unit in ("livetrader@paper.service.d", "livetrader-liquidate@paper.service.d"):
        text = (image / "etc/systemd/system" / unit / "credentials.conf").read_text()
        assert "LoadCredential=notify-mail:/etc/livetrader/paper.notify-mail.credential\n" in text
    assert (
        "DeviceAllow=char-nvidia* rw"
        in (image / "etc/systemd/system/livetrader@paper.service.d/gpu.conf").read_text()
    )
    answer(run(config, "--root", str(image), "--json"))  # it is installed: not asked for again
    chat = NOTIFIED.replace('"mail"', '"chat"').replace("notify-mail", "notify-chat")
    config.write_text(config.read_text() + chat)
    answer(run(config, "--root", str(image), "--credential", f"notify-chat={secret}", "--json"))
    text = (image / "etc/systemd/system/livetrader@paper.service.d/credentials.conf").read_text()
    assert re.findall(r"LoadCredential=([\w-]+):", text) == ["notify-chat", "notify-mail"]


def test_uninstalling_leaves_what_is_the_accounts(config: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    answer(run(config, "--root", str(image), "--gpu", "--json"))
    answer(run(config, "--root", str(image), "--name", "other", "--json"))
    answer(run(config, "--root", str(image), "--uninstall", "--json"))
    left = set(tree(image))
    assert f"etc/systemd/system/{DAEMON}" in left  # the other account needs it
    assert not (image / "etc/systemd/system/livetrader@paper.service.d").exists()
    assert {"etc/livetrader/paper.toml", "var/lib/livetrader/paper/tokens.json"} <= left
    (image / "etc/livetrader/paper.toml").unlink()
    answer(run(config, "--root", str(image), "--name", "other", "--uninstall", "--json"))
    assert f"etc/systemd/system/{DAEMON}" not in tree(image)
    again = answer(run(config, "--root", str(image), "--name", "other", "--uninstall", "--json"))
    assert {step["outcome"] for step in again["steps"]} <= {"unchanged", "passed over"}


def test_every_problem_is_told_before_anything_is_done(config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text().replace(str(tmp_path), ".").replace("[account]", "[accuont]"))
    done = run(config, "--root", str(tmp_path / "image"))
    assert done.exit_code == 2
    assert "algorithm.path: is ./main.py, relative to the file" in done.output
    assert "accuont" in done.output
    assert not (tmp_path / "image").exists()


def test_an_account_does_not_take_the_units_of_another_from_its_user(config: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    assert run(config, "--root", str(image), "--user", "ann").exit_code == 0
    before = tree(image)
    other = run(config, "--root", str(image), "--user", "bob", "--name", "second")
    assert other.exit_code == 2 and "run as 'ann' for paper: add --user ann" in other.output
    assert tree(image) == before
    assert run(config, "--root", str(image), "--user", "ann", "--name", "second").exit_code == 0
    assert run(config, "--root", str(tmp_path / "one"), "--user", "ann").exit_code == 0
    assert run(config, "--root", str(tmp_path / "one"), "--user", "bob").exit_code == 0, "it is alone"


def test_an_environment_whose_path_a_unit_cannot_name_is_refused() -> None:
    for executable in (Path("/opt/my livetrader/bin/livetrader"), Path("/opt/100%/bin/livetrader")):
        wanted = Wanted("paper", b"", {}, {}, executable, "livetrader", places.UNITS, {})
        (problem,) = problems_of(wanted)
        assert "cannot stand in a unit" in problem and "/opt/livetrader" in problem


@pytest.mark.parametrize(
    ("document", "executable", "words"),
    [
        (
            {"algorithm": {"path": f"{HIDDEN[0]}/me/main.py"}},
            EXECUTABLE,
            f"cannot see {HIDDEN[0]} (ProtectHome=)",
        ),
        ({"account": {"state_directory": "/srv/x"}}, EXECUTABLE, "remove the key"),
        ({}, Path(HIDDEN[1], "venv/bin/livetrader"), "install livetrader into /opt/livetrader"),
    ],
)
def test_what_the_hardened_service_could_not_see_is_refused(
    document: dict[str, object], executable: Path, words: str
) -> None:
    wanted = Wanted("paper", b"", document, {}, executable, "livetrader", places.UNITS, {})
    (problem,) = problems_of(wanted)
    assert words in problem


def test_the_units_are_written_for_this_environment_and_user() -> None:
    for name in (DAEMON, LIQUIDATION):
        text = (shipped_folder() / name).read_text()
        mine = rendered(text, Path(sys.prefix) / "bin/livetrader", "trader")
        assert str(EXECUTABLE) not in mine.replace("# Install: ", "")
        assert "User=trader\nGroup=trader\n" in mine
        assert rendered(text, EXECUTABLE, places.USER) == text


def test_commands_find_the_state_of_an_installed_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "CONFIGS", tmp_path)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    file = tmp_path / "ib.toml"
    file.write_text("[account]\nname = 'ib'\n")
    settings = load(file, needed=("account",), plugins=False)
    assert settings.account.state_directory == Path("/var/lib/livetrader/ib")
