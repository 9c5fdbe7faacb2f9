"""The replay feed: plays a data folder back as if it were happening now."""

from livetrader_plugins.replay.feed import ReplayFeed

__all__ = ["ReplayFeed"]
