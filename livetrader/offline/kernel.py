"""The Jupyter kernel of `livetrader research`: Python, and `QuantBook()` works in the first cell.

    python -m livetrader.offline.kernel -f CONNECTION_FILE

Jupyter starts it by the specifications in `jupyter_path`, and hands the environment on.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path


def main() -> None:
    """Serve notebooks until Jupyter says so or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it interrupts cells; until the kernel is up there are none
    from ipykernel.kernelapp import IPKernelApp

    from livetrader.offline import research

    application = IPKernelApp.instance()
    application.initialize()  # type: ignore[no-untyped-call]  # not typed
    research.begin(research.settings_from(os.environ, Path.cwd()))
    shell = application.shell
    assert shell is not None, "initialize makes it"
    shell.push(research.names(), interactive=False)
    application.start()  # type: ignore[no-untyped-call]  # not typed


if __name__ == "__main__":
    main()
