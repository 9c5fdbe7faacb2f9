"""What the core raises, named by who must act.

EngineError
├── ConfigurationError     operator: a setting cannot be used; nothing was started
├── DataError              operator: a data file or row is unusable; names the place
├── AlgorithmError         user: the algorithm asked for something that cannot be done
├── StoreError             operator: the object store cannot do it now; the algorithm may go on without
│   └── StoreFullError     operator: the object store is at its limits; what was there stands
└── InvariantError         us: a rule of this code base was broken; stop, do not guess
"""

from __future__ import annotations


class EngineError(Exception):
    """Something the core refuses to continue with; never raised itself, only its children."""


class ConfigurationError(EngineError):
    """A setting cannot be used. The message names the key and the remedy."""


class DataError(EngineError):
    """A data file or row is unusable. The message names the file and, where known, the row."""


class AlgorithmError(EngineError):
    """The algorithm asked for something that cannot be done. The message says what to write instead."""


class StoreError(EngineError):
    """The object store cannot read or keep something now. The message names the key and the remedy."""


class StoreFullError(StoreError):
    """The object would take the object store over its limits. The message names limit and remedy."""


class InvariantError(EngineError):
    """A rule of this code base was broken; please report it with the message and the journal."""
