"""What the LEAN face raises.

AlgorithmError (engine)
├── NotInLivetrader    the algorithm uses a member of LEAN that is not offered here; the message names it
└── ToldError          the message is all there is to say: no frame of ours helps
    ├── LoadError            the user's file does not import, or holds no (or several) algorithms
    └── TrainingFailedError  a training process failed; the message is its traceback, or says why
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


class ToldError(AlgorithmError):
    """Something failed whose message is the user's own traceback already, or needs none."""


class TrainingFailedError(ToldError):
    """A training in a process of its own failed where that ends the run: in a backtest."""


class LoadError(ToldError):
    """The user's file cannot be used. The message is the user's own traceback, or says what is wrong."""
