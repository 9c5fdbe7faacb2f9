"""The daemon: supervises brokerage, feeds and the engine process. All I/O, no trading rules."""

__version__ = "0.1.0"
