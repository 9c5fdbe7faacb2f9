"""Notebooks as files: the template of a new one, and running one without a browser."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec

from livetrader.errors import AlgorithmLoadError, ConfigError
from livetrader.results.whole_files import write_whole
from livetrader_engine.wire import writable

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

KERNEL: Final = "livetrader"
DEFAULT_NAME: Final = "research.ipynb"  # LEAN's
SUFFIX: Final = ".ipynb"
STARTUP_LIMIT_S: Final = 60  # until the kernel answers
CANCEL_AGAIN_S: Final = 0.5  # seconds between two cancels of cells that did not end
JUPYTER_PATH: Final = Path(__file__).with_name("jupyter_path")  # the kernels' specifications lie below it
SOCKET_PATH_LIMIT: Final = 107  # bytes, of Linux
_SOCKET_NAME: Final = "/kernel-00000000-0000-0000-0000-000000000000-ipc-5"  # the longest that Jupyter makes
_COLORS: Final = re.compile(r"\x1b\[[0-9;]*m")


class ExecutedNotebook(msgspec.Struct, frozen=True):
    """What came of a notebook: how many code cells began, and what ended it early.

    `error` is that of the last cell, else empty; `stopped_by` the number of a signal.
    """

    notebook: str
    cells: int
    error: str = ""
    stopped_by: int | None = None


def notebook_at(target: Path) -> Path:
    """Return the notebook that a file or folder means, made from the template where there is none.

    A folder means its research.ipynb, or the only notebook in it. Raises ConfigError for anything that
    cannot be a notebook, and for a folder with several.
    """
    if target.suffix == SUFFIX:
        found = target
    elif target.is_dir():
        found = _in_folder(target)
    else:
        raise ConfigError([f"{target} is neither a folder nor a notebook ({SUFFIX})"])
    if not found.exists():
        if not found.parent.is_dir():
            raise ConfigError([f"there is no folder {found.parent}"])
        with files("livetrader.offline").joinpath(DEFAULT_NAME).open("rb") as source, found.open("xb") as new:
            shutil.copyfileobj(source, new)
    return found


def _in_folder(folder: Path) -> Path:
    usual = folder / DEFAULT_NAME
    every = sorted(folder.glob(f"*{SUFFIX}"))
    if usual in every or not every:
        return usual
    if len(every) > 1:
        listed = ", ".join(path.name for path in every)
        raise ConfigError([f"{folder} has several notebooks ({listed}); say which"])
    return every[0]


def execute(
    notebook: Path, environment: Mapping[str, str], *, cell_limit_s: float | None, output: Path | None
) -> ExecutedNotebook:
    """Run a notebook's cells in a kernel of its own; write it with what they showed to `output`, if given.

    The kernel runs in the notebook's folder with `environment` added to this process's, talks over sockets in
    a folder that only this user may enter, and is gone when this returns. A cell that raises, or takes longer
    than `cell_limit_s` seconds, ends the run, and so do SIGINT and SIGTERM. Raises AlgorithmLoadError for
    what is no notebook, ConfigError, naming the command that installs it, where Jupyter is not installed.
    Main thread only.
    """
    try:
        import nbformat
        from jupyter_client.kernelspec import KernelSpecManager
        from jupyter_client.manager import AsyncKernelManager
        from nbclient import NotebookClient
    except ImportError as error:
        not_installed(error)
    content = _read(notebook, nbformat)
    with tempfile.TemporaryDirectory(prefix="livetrader-") as folder:
        manager = AsyncKernelManager(
            kernel_name=KERNEL,
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(JUPYTER_PATH / "kernels")]),
            transport=transport_in(Path(folder)),
            connection_file=str(Path(folder, "kernel.json")),
        )
        client = NotebookClient(
            content,
            km=manager,
            timeout=cell_limit_s,
            startup_timeout=STARTUP_LIMIT_S,
            resources={"metadata": {"path": str(notebook.parent)}},
        )
        done = asyncio.run(_run_cells(manager, client, os.environ | environment | {"IPYTHONDIR": folder}))
    if output is not None:
        text: str = nbformat.writes(content)  # type: ignore[no-untyped-call]  # not typed
        write_whole(output, writable(text) + "\n")
    return msgspec.structs.replace(done, notebook=str(notebook))


async def _end(manager: AsyncKernelManager, client: NotebookClient) -> None:
    """Let go of the kernel: it has nothing to save, so it is killed and reaped."""
    if client.kc is not None:
        client.kc.stop_channels()
    if manager.has_kernel:
        await manager.shutdown_kernel(now=True)


async def _run_cells(
    manager: AsyncKernelManager, client: NotebookClient, environment: dict[str, str]
) -> ExecutedNotebook:
    """Run every cell until one fails or a signal says stop; end the kernel in any case."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        over.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        async with asyncio.TaskGroup() as group:
            cells = group.create_task(_every_cell(client, environment))
            cells.add_done_callback(lambda _: over.set())
            await over.wait()
            while not cells.done():  # again: asyncio.wait_for, which nbclient uses, can swallow a cancel
                cells.cancel()
                await asyncio.wait({cells}, timeout=CANCEL_AGAIN_S)
    finally:
        await _end(manager, client)
    if received:  # a canceled cell calls its kernel dead
        return ExecutedNotebook("", client.code_cells_executed, stopped_by=received[0])
    return ExecutedNotebook("", client.code_cells_executed, cells.result())


async def _every_cell(client: NotebookClient, environment: dict[str, str]) -> str:
    """Run cell after cell; return what one failed of, else nothing."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    client.reset_execution_trackers()
    try:
        await client.async_start_new_kernel(env=environment)
        await client.async_start_new_kernel_client()
        for index, cell in enumerate(client.nb.cells):
            await client.async_execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return _COLORS.sub("", str(error)).strip()
    return ""


def transport_in(folder: Path) -> str:
    """Return how kernels talk whose sockets would lie in a folder: by TCP where its path is too long."""
    return "ipc" if len(os.fsencode(folder)) + len(_SOCKET_NAME) <= SOCKET_PATH_LIMIT else "tcp"


def not_installed(error: ImportError) -> NoReturn:
    """Raise ConfigError: Jupyter is missing, and how to get it."""
    module = str(error.name).partition(".")[0]
    package = "notebook" if module == "notebook" else "'livetrader[research]'"
    problem = f"research needs Jupyter ({module} is missing): pip install {package}"
    raise ConfigError([problem]) from error


def _read(notebook: Path, nbformat: Any) -> Any:
    try:
        content = nbformat.read(notebook, as_version=4)
        nbformat.validate(content)
    except (OSError, ValueError, LookupError, AttributeError, TypeError, nbformat.ValidationError) as error:
        # nbformat takes for granted that what is JSON is a notebook
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise AlgorithmLoadError(f"{notebook} is no notebook that can be read: {reason}") from error
    return content
