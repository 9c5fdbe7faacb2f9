"""What the daemon raises, named by who must act, and the exit codes of the command line.

DaemonError
├── ConfigError            operator: a setting is wrong; nothing was started              exit 2
├── AlgorithmLoadError     user: the algorithm does not import or its initialize raises   exit 3
├── AlreadyRunningError    operator: another daemon owns this account directory           exit 4
├── NotRunningError        operator: there is no daemon to talk to                        exit 5
├── ControlRefusedError    operator: the daemon refused the request                       exit 6
├── NotFlatError           operator: a liquidation did not (yet) end flat                 exit 7
├── EngineGivenUpError     user: the engine process failed too often to go on             exit 1
└── JournalError           operator: the journal cannot be written or read; no new risk   exit 1
    ├── AccountMismatchError  operator: the journal is another account's                  exit 2
    └── NewerJournalError     operator: the journal is a newer version's                  exit 2
"""

from __future__ import annotations

from typing import ClassVar


class DaemonError(Exception):
    """Something the daemon cannot continue with; never raised itself, only its children."""

    exit_code: ClassVar[int] = 1


class ConfigError(DaemonError):
    """A setting is wrong. `problems` lists every one with file, key path and remedy."""

    exit_code = 2

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class AlgorithmLoadError(DaemonError):
    """The algorithm does not import or its initialize raises. The message is the user's own traceback."""

    exit_code = 3


class AlreadyRunningError(DaemonError):
    """Another daemon owns this account directory. Stop it first, or give this one its own directory."""

    exit_code = 4


class NotRunningError(DaemonError):
    """There is no daemon to talk to. Start it with `livetrader run CONFIG`."""

    exit_code = 5


class ControlRefusedError(DaemonError):
    """The daemon refused the request; the message is its answer."""

    exit_code = 6


class NotFlatError(DaemonError):
    """A liquidation did not (yet) end flat; the message lists what is left and what is working."""

    exit_code = 7


class EngineGivenUpError(DaemonError):
    """The engine process failed too often and `on_restarts_spent` is exit. The log has its traceback."""


class JournalError(DaemonError):
    """The journal cannot be written or read. No new risk is taken until it can."""


class AccountMismatchError(JournalError):
    """The journal belongs to another account than the brokerage says. Give each its own directory."""

    exit_code = 2  # nothing is to be restarted, and nothing of the other account liquidated


class NewerJournalError(JournalError):
    """The journal was written by a newer livetrader. Install that version again, or restore a backup."""

    exit_code = 2  # a downgrade by mistake is to be mended, not restarted, and nothing is liquidated for it
