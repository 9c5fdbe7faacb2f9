"""Histories are made from sections of the configuration, here and in the engine process alike."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from livetrader.errors import ConfigError
from livetrader.histories.chain import HistoryChain
from livetrader.histories.opening import offline_context, open_histories, portable
from livetrader.settings import PluginSection
from livetrader_engine.wire import decode_hook, encode_hook


def opened(folder: Path, *sections: PluginSection) -> HistoryChain:
    """Open histories over a folder."""
    return open_histories(sections, lambda name: offline_context(name, folder, lambda action, **fields: None))


def test_the_folder_is_the_first_unless_it_is_named_elsewhere(tmp_path: Path) -> None:
    ibkr, lean = PluginSection("ibkr", {"port": 4002}), PluginSection("lean_data", {})
    assert opened(tmp_path).names == ("lean_data",)
    assert opened(tmp_path, ibkr).names == ("lean_data", "ibkr")
    assert opened(tmp_path, ibkr, lean).names == ("ibkr", "lean_data")


def test_a_history_that_is_not_there_or_twice_or_misspelt_is_refused(tmp_path: Path) -> None:
    ibkr = PluginSection("ibkr", {"port": 4002})
    with pytest.raises(ConfigError, match="no plugin 'nowhere' among the histories"):
        opened(tmp_path, PluginSection("nowhere", {}))
    with pytest.raises(ConfigError, match="a history is named once"):
        opened(tmp_path, ibkr, ibkr)
    with pytest.raises(ConfigError, match="prot"):
        opened(tmp_path, PluginSection("ibkr", {"prot": 4002}))


def test_sections_travel_to_the_engine_process_with_paths_as_texts(tmp_path: Path) -> None:
    sections = (PluginSection("lean_data", {"folder": tmp_path}), PluginSection("ibkr", {"port": 4002}))
    frame = msgspec.msgpack.encode(portable(sections), enc_hook=encode_hook)
    back = msgspec.msgpack.decode(frame, type=tuple[PluginSection, ...], dec_hook=decode_hook)
    assert back[0].options == {"folder": str(tmp_path)} and back[1] == sections[1]
    other = tmp_path / "other"
    other.mkdir()
    assert opened(other, *back).names == ("lean_data", "ibkr")
