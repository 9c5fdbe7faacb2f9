"""Keys of models: made once, for their owner only, compared as a whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from livetrader.models.signing import KEY_NAME, Signature, Signer, signer_for, user_folder
from livetrader_engine.errors import ConfigurationError


def test_a_key_is_made_at_first_use_for_its_owner_only(tmp_path: Path) -> None:
    signature = signer_for(tmp_path / "state").sign(b"data")
    file = tmp_path / "state" / KEY_NAME
    assert file.stat().st_mode & 0o777 == 0o600
    assert signer_for(tmp_path / "state").verifies(b"data", signature), "the next process has the same key"
    assert [path.name for path in file.parent.iterdir()] == [KEY_NAME]


def test_other_data_another_key_and_another_code_are_not_ours(tmp_path: Path) -> None:
    ours, theirs = signer_for(tmp_path / "a"), signer_for(tmp_path / "b")
    signature = ours.sign(b"data")
    assert not ours.verifies(b"datum", signature)
    assert not theirs.verifies(b"data", signature)
    assert not ours.verifies(b"data", Signature(signature.key, theirs.sign(b"data").code))
    assert not ours.verifies(b"data", Signature(signature.key, "\N{SNOWMAN}"))


def test_keys_of_the_users_own_are_recognized_too(tmp_path: Path) -> None:
    notebook = signer_for(tmp_path / "home")
    daemon = signer_for(tmp_path / "state", [tmp_path / "home", tmp_path / "nobody"])
    assert daemon.verifies(b"data", notebook.sign(b"data"))
    assert not notebook.verifies(b"data", daemon.sign(b"data"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    signer_for(tmp_path)
    (tmp_path / KEY_NAME).chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        signer_for(tmp_path)


@pytest.mark.parametrize("text", ["", "no key", "ab" * 31, "ab" * 33])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / KEY_NAME).write_text(text)
    (tmp_path / KEY_NAME).chmod(0o600)
    with pytest.raises(ConfigurationError, match="delete it"):
        signer_for(tmp_path)


def test_a_link_is_no_key(tmp_path: Path) -> None:
    signer_for(tmp_path / "elsewhere")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / KEY_NAME).symlink_to(tmp_path / "elsewhere" / KEY_NAME)
    with pytest.raises(OSError, match="symbolic"):
        signer_for(tmp_path / "state")


def test_two_that_make_a_key_at_once_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        signers: list[Signer] = list(pool.map(lambda _: signer_for(tmp_path), range(32)))
    assert len({signer.sign(b"data") for signer in signers}) == 1
    assert [path.name for path in tmp_path.iterdir()] == [KEY_NAME]


def test_a_persons_key_lies_in_the_configuration_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere/config")
    assert user_folder() == Path("/somewhere/config/livetrader")
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert user_folder() == Path("/home/somebody/.config/livetrader")


def test_a_home_that_cannot_be_reached_has_no_key(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    signer = signer_for(tmp_path / "state", [tmp_path / "file" / "below", tmp_path / "none"])
    assert signer.verifies(b"data", signer.sign(b"data"))


def test_whoever_has_no_home_has_a_key_all_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    monkeypatch.chdir(tmp_path)
    assert user_folder() == tmp_path / ".config" / "livetrader"
