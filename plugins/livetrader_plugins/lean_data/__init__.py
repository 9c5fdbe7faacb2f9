"""The `lean_data` plugin: bars and reference data from a folder in LEAN's format."""

from __future__ import annotations

from livetrader_plugins.lean_data.history import LeanDataConfig, LeanDataHistory
from livetrader_plugins.lean_data.writer import write_daily, write_minute, write_reference

__all__ = ["LeanDataConfig", "LeanDataHistory", "write_daily", "write_minute", "write_reference"]
