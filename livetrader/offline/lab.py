"""JupyterLab (or Jupyter Notebook) over one folder, in this process, on loopback, with a token.

What Jupyter notes about a folder (settings, what was open, histories, signatures) lies in Jupyter's runtime
directory, where connection files lie too. It does not lie in the folder: Jupyter and IPython run what they
find among their settings, and a folder may come from anywhere.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from livetrader.offline.notebooks import JUPYTER_PATH, KERNEL, not_installed, transport_in

HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8888  # Jupyter's
PORT_TRIES: Final = 50  # the ports above it, where it is taken and nobody asked for this one
TOKEN_BYTES: Final = 24
_FOLDER_DIGITS: Final = 16  # of the hash that stands for a folder
_WARNING: Final = 30  # of logging


class LabOptions(msgspec.Struct, frozen=True):
    """How Jupyter is served. `port` None: the first free one from DEFAULT_PORT on; 0: any free one.

    `classic`: Jupyter Notebook instead of JupyterLab.
    """

    port: int | None = None
    browser: bool = True
    classic: bool = False


def serve(
    notebook: Path, environment: Mapping[str, str], options: LabOptions, ready: Callable[[str], None]
) -> None:
    """Serve the notebook's folder until Ctrl-C or SIGTERM; then end every kernel and return.

    `ready` is called with the address, token included, once connections are taken. `environment` is added to
    that of this process, so that the kernels have it. Raises ConfigError, naming the command that installs
    it, where Jupyter is missing. Main thread only; once in a process.
    """
    application = _application(options)
    _set_environment(notebook.parent, environment)
    token = secrets.token_hex(TOKEN_BYTES)
    page = f"{'tree' if options.classic else 'lab/tree'}/{quote(notebook.name)}"
    server = application.initialize_server(argv=_arguments(notebook, options, page, token))

    def stop(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # the second Ctrl-C does not wait
        server.stop(from_signal=True)

    signal.signal(signal.SIGINT, stop)  # Jupyter asks on a terminal, and elsewhere leaves its kernels behind
    server.io_loop.add_callback(ready, f"{server.connection_url.rstrip('/')}/{page}?token={token}")
    server.start()


def _application(options: LabOptions) -> Any:
    try:
        if options.classic:
            from notebook.app import JupyterNotebookApp

            return JupyterNotebookApp
        from jupyterlab.labapp import LabApp

        return LabApp
    except ImportError as error:
        not_installed(error)


def _set_environment(folder: Path, environment: Mapping[str, str]) -> None:
    """Tell Jupyter in this process, and its kernels, where things are."""
    from jupyter_core.paths import jupyter_runtime_dir

    runtime = jupyter_runtime_dir()  # asked before it would move with the data directory
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:_FOLDER_DIGITS]
    state = Path(runtime, f"livetrader-{name}")
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = {
        "JUPYTER_RUNTIME_DIR": runtime,
        "JUPYTER_PATH": os.pathsep.join(filter(None, (str(JUPYTER_PATH), os.environ.get("JUPYTER_PATH")))),
        "JUPYTER_DATA_DIR": str(state / "data"),
        "JUPYTER_CONFIG_DIR": str(state / "config"),
        "IPYTHONDIR": str(state / "ipython"),
    }
    os.environ.update(own | dict(environment))


def _arguments(notebook: Path, options: LabOptions, page: str, token: str) -> list[str]:
    name = "JupyterNotebookApp" if options.classic else "LabApp"
    wanted = {
        "ServerApp.ip": HOST,
        "ServerApp.port": DEFAULT_PORT if options.port is None else options.port,
        "ServerApp.port_retries": PORT_TRIES if options.port is None else 0,
        "ServerApp.open_browser": options.browser,
        "ServerApp.root_dir": notebook.parent,
        "ServerApp.allow_remote_access": False,
        "ServerApp.allow_root": True,  # containers; it listens on loopback and wants a token
        "IdentityProvider.token": token,
        "KernelManager.transport": transport_in(Path(os.environ["JUPYTER_RUNTIME_DIR"])),
        "MappingKernelManager.default_kernel_name": KERNEL,
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "LanguageServerManager.autodetect": False,  # it runs npm, which writes into the home directory
        f"{name}.default_url": f"/{page}",
        "Application.log_level": _WARNING,
    }
    return [f"--{key}={value}" for key, value in wanted.items()]
