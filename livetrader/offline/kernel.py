"""The Jupyter kernel of `livetrader research`: Python, and `QuantBook()` works in the first cell.

    python -P -m livetrader.offline.kernel -f CONNECTION_FILE

Jupyter starts it by the specifications in `jupyter_path`, and hands the environment on. With `-P` files of
the notebook's folder cannot take the place of modules that the kernel is made of; cells can import them all
the same, after those of the standard library.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from livetrader.numeric_threads import limit_numeric_threads


def main() -> None:
    """Serve notebooks until Jupyter says so or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it interrupts cells; until the kernel is up there are none
    limit_numeric_threads(os.environ)
    from ipykernel.kernelapp import IPKernelApp

    from livetrader.offline import research

    application = IPKernelApp.instance()
    application.initialize()  # type: ignore[no-untyped-call]  # not typed
    research.begin(research.settings_from(os.environ, Path.cwd()))
    sys.path.insert(_place_of_folder(sys.path), "")
    shell = application.shell
    assert shell is not None, "initialize makes it"
    shell.push(research.names(), interactive=False)
    application.start()  # type: ignore[no-untyped-call]  # not typed


def _place_of_folder(paths: list[str]) -> int:
    """Return where the working directory goes among module paths: before packages, as in IPython."""
    installed = (at for at, path in enumerate(paths) if Path(path).name in ("site-packages", "dist-packages"))
    return next(installed, len(paths))


if __name__ == "__main__":
    main()
