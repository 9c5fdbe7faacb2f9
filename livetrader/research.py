"""Research in a kernel of your own: `from livetrader.research import *`, or `%load_ext livetrader.research`.

Gives what a notebook of `livetrader research` finds in its first cell: `QuantBook` and all names of LEAN.
Data and object store are what `configure` was told, else those of the environment variables LIVETRADER_DATA
and LIVETRADER_OBJECT_STORE, else the nearest folders `data` and `storage`.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def configure(
    *,
    data_folder: str | None = None,
    object_store: str | None = None,
    project: str | None = None,
    history: str | None = None,
) -> None:
    """Name data, object store, project and history plugin of the QuantBooks that are made from now on."""
    from livetrader.offline import research

    given = {
        research.DATA: data_folder,
        research.OBJECT_STORE: object_store,
        research.PROJECT: project,
        research.HISTORY: history,
    }
    environment = dict(os.environ) | {name: value for name, value in given.items() if value is not None}
    research.begin(research.settings_from(environment, Path.cwd()))


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Put the names into a kernel: what IPython calls for `%load_ext livetrader.research`."""
    shell.push(_names(), interactive=False)  # type: ignore[no-untyped-call]  # not typed


@cache
def _names() -> dict[str, Any]:
    from livetrader.offline import research

    configure()
    return research.names() | {"configure": configure}


def __getattr__(name: str) -> Any:
    """Load LEAN's names when the first of them is asked for: importing a module does no work."""
    if name == "__all__":
        return sorted(_names())
    if name.startswith("_") or name not in _names():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _names()[name]
