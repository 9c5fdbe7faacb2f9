"""[object_store]: what it means, and what is wrong with it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from livetrader.configuration import stores
from livetrader.configuration.loading import load
from livetrader.errors import ConfigError
from livetrader.settings import Settings
from livetrader.store import options as places
from livetrader.store.options import Credentials, StoreOptions, credentials_for, shown

NEEDED = ("account", "object_store")


def loaded(folder: Path, text: str) -> Settings:
    file = folder / "test.toml"
    file.write_text(f"[object_store]\n{text}\n")
    return load(file, needed=NEEDED, plugins=False)


def problems(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    return "\n".join(caught.value.problems)


def test_without_a_url_it_lies_in_the_state_directory_without_limits(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "")
    assert stores.store_options(settings.object_store, Path("/state")) == StoreOptions(
        url="/state/object_store", copies="/state/object_store_copies"
    )


def test_a_path_is_relative_to_the_file_and_a_url_is_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loaded(tmp_path, 'url = "../storage"').object_store.url == str(tmp_path / "../storage")
    assert loaded(tmp_path, 'url = "file:///srv/x"').object_store.url == "file:///srv/x"
    monkeypatch.setattr(places, "find_spec", lambda name: object())
    assert loaded(tmp_path, 'url = "s3://bucket/x"').object_store.url == "s3://bucket/x"


def test_a_tier_sets_limits_and_own_ones_replace_them(tmp_path: Path) -> None:
    settings = loaded(tmp_path, 'tier = "prime"\nmax_files = 7\nproject = "momentum"')
    options = stores.store_options(settings.object_store, Path("/state"))
    assert (options.max_bytes, options.max_files, options.project) == (50 * 1024 * 1024, 7, "momentum")


def test_options_go_to_the_file_system(tmp_path: Path) -> None:
    settings = loaded(tmp_path, 'options = { endpoint_url = "http://minio:9000", anon = true }')
    options = stores.store_options(settings.object_store, Path("/state"))
    assert options.filesystem == {"endpoint_url": "http://minio:9000", "anon": True}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('url = ""', "object_store.url is empty"),
        ('url = "s3://me:hidden@bucket/x"', "s3://bucket/x holds a password"),
        ('project = "a/b"', "object_store.project"),
        ('tier = "gold"', "object_store.tier"),
        ("max_mb = -1", "object_store.max_mb"),
        ('options = { secret = "hidden" }', "object_store.options.secret looks like a secret"),
        ('options = { Token = "hidden" }', "give it by the environment"),
    ],
)
def test_what_is_wrong_is_named_with_its_key_and_hides_secrets(tmp_path: Path, text: str, told: str) -> None:
    words = problems(tmp_path, text)
    assert told in words.replace(": ", " ")
    assert "hidden" not in words


def test_a_missing_library_is_named_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(places, "find_spec", lambda name: None if name == "s3fs" else there(name))
    words = problems(tmp_path, 'url = "s3://bucket/x"')
    assert "needs the library s3fs: pip install 'livetrader[s3]'" in words


def test_the_engine_gets_what_its_store_needs_of_the_environment_and_no_more() -> None:
    environment = {"AWS_SECRET_ACCESS_KEY": "hidden", "POLYGON_KEY": "hidden", "PATH": "/bin"}
    found = credentials_for("s3://bucket/x", environment)
    assert found == Credentials({"AWS_SECRET_ACCESS_KEY": "hidden"})
    assert "hidden" not in repr(found)
    assert credentials_for("/srv/store", environment) == Credentials()
    assert credentials_for("memory://x", environment) == Credentials()


def test_a_url_is_shown_without_secrets() -> None:
    assert shown("sftp://me:hidden@host/a?token=hidden") == "sftp://host/a"
    assert shown("/srv/store") == "/srv/store"
