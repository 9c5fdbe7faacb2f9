"""What the LEAN face raises.

AlgorithmError (engine)
├── NotInLivetrader    the algorithm uses a member of LEAN that is not offered here; the message names it
└── LoadError          the user's file does not import, or holds no (or several) algorithms
"""

from __future__ import annotations

from livetrader_engine.errors import AlgorithmError


class NotInLivetrader(AlgorithmError):
    """A member of LEAN that livetrader does not offer was used. `livetrader check FILE` lists them."""

    def __init__(self, name: str, reason: str = "") -> None:
        self.name = name
        because = f": {reason}" if reason else ""
        super().__init__(f"{name} is a member of LEAN that livetrader does not offer{because}")


class LoadError(AlgorithmError):
    """The user's file cannot be used. The message is the user's own traceback, or says what is wrong."""
