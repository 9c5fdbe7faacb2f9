"""What the LEAN face raises.

AlgorithmError (engine)
├── NotInLivetrader    the algorithm uses a member of LEAN that is not offered here; the message names it
└── LoadError          the user's file does not import, or holds no (or several) algorithms
"""

from __future__ import annotations

from livetrader_engine.errors import AlgorithmError


class NotInLivetrader(AlgorithmError, AttributeError):
    """A member of LEAN that livetrader does not offer was used. `livetrader check FILE` lists them.

    It is an AttributeError too, so that `hasattr` says what is true.
    """

    def __init__(self, name: str, reason: str = "") -> None:
        because = f": {reason}" if reason else ""
        AlgorithmError.__init__(self, f"{name} is a member of LEAN that livetrader does not offer{because}")
        self.name = name


class LoadError(AlgorithmError):
    """The user's file cannot be used. The message is the user's own traceback, or says what is wrong."""
