"""The paper brokerage: trades a lasting account of play money on the daemon's market data."""

from livetrader_plugins.paper.brokerage import PaperBrokerage

__all__ = ["PaperBrokerage"]
