"""`livetrader research --execute`: notebooks in a kernel of their own, and what is left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tests.conftest import Deadline
from tests.research.conftest import write_notebook
from tests.research.market import closes_before

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
RUN_LIMIT_S = 100.0
DAY = date(2015, 3, 2)
START_LIMIT_S = 60.0  # a kernel on a machine with other work


def research(notebook: Path, data: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Execute a notebook and return what became of it."""
    command = [
        sys.executable,
        "-m",
        "livetrader",
        "research",
        str(notebook),
        "--execute",
        "--data",
        str(data),
    ]
    return subprocess.run(
        [*command, *words],
        capture_output=True, text=True, timeout=RUN_LIMIT_S, env=os.environ | environment, check=False,
    )  # fmt: skip


def is_running(process: int) -> bool:
    """Whether a process lives; one that is dead and not reaped does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_first_cell_finds_leans_names_and_the_projects_modules(tmp_path: Path, data: Path) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    home.mkdir()
    (project / "mine.py").write_text("DAY = (2015, 3, 2)\n")
    notebook = write_notebook(
        project / "study.ipynb",
        "qb = QuantBook()\nfrom mine import DAY\nqb.set_start_date(*DAY)",
        "from AlgorithmImports import *\nsymbol = qb.add_equity('MADE').symbol",
        "print(list(qb.history(symbol, 3, Resolution.DAILY)['close']))",
        "qb.object_store.save('note', 'kept')",
    )
    before = notebook.read_bytes()
    done = research(notebook, data, "--output", str(tmp_path / "shown.ipynb"), "--json", HOME=str(home))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "notebook": str(notebook), "cells": 4, "error": "", "stopped_by": None,
    }  # fmt: skip
    cells = json.loads((tmp_path / "shown.ipynb").read_text())["cells"]
    assert "".join(cells[2]["outputs"][0]["text"]) == f"{closes_before(DAY)[-3:]}\n"
    assert (project / "storage" / "note").read_text() == "kept", (
        "beside the notebook, where nothing else is named"
    )
    assert notebook.read_bytes() == before
    assert {path.name for path in project.iterdir()} <= {"mine.py", "study.ipynb", "storage", "__pycache__"}
    assert not [path for path in home.rglob("*") if path.is_file()], "nothing is written elsewhere"


def test_files_of_the_folder_are_not_taken_for_modules_of_the_kernel(tmp_path: Path, data: Path) -> None:
    for name in ("json", "ipykernel", "calendar"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the wrong one')\n")
    done = research(write_notebook(tmp_path / "study.ipynb", "import json, calendar\nQuantBook()"), data)
    assert done.returncode == 0, done.stderr


def test_a_failing_cell_ends_the_run_with_its_traceback(tmp_path: Path, data: Path) -> None:
    marker = tmp_path / "reached"
    notebook = write_notebook(tmp_path / "bad.ipynb", "x = 1", "x / 0", f"open({str(marker)!r}, 'w')")
    done = research(notebook, data)
    assert done.returncode == 3
    assert "bad.ipynb, code cell 2:" in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "\x1b" not in done.stderr
    assert not marker.exists()


def test_a_kernel_that_dies_and_a_cell_without_end_are_told(tmp_path: Path, data: Path) -> None:
    dead = research(write_notebook(tmp_path / "dead.ipynb", "import os; os._exit(3)"), data)
    assert (dead.returncode, "Kernel died" in dead.stderr) == (3, True)
    forever = write_notebook(tmp_path / "forever.ipynb", "while True: pass")
    stuck = research(forever, data, "--cell-limit", "1")
    assert (stuck.returncode, "timed out" in stuck.stderr) == (3, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_notebook_and_its_kernel(
    tmp_path: Path, data: Path, deadline: Deadline, number: signal.Signals
) -> None:
    told = tmp_path / "process"
    notebook = write_notebook(
        tmp_path / "long.ipynb",
        f"import os, pathlib; pathlib.Path({str(told)!r}).write_text(f'{{os.getpid()}}\\n')",
        "while True: pass",
    )
    command = [
        sys.executable,
        "-m",
        "livetrader",
        "research",
        str(notebook),
        "--execute",
        "--data",
        str(data),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline.until(lambda: told.exists() and told.read_text().endswith("\n"), "the kernel", START_LIMIT_S)
        kernel = int(told.read_text())
        assert is_running(kernel)
        process.send_signal(number)
        try:
            _, words = process.communicate(timeout=START_LIMIT_S)
        finally:
            process.kill()
    assert process.returncode == 128 + number, words
    assert not is_running(kernel)


def test_a_signal_as_a_cell_ends_is_not_lost(tmp_path: Path, data: Path) -> None:
    # asyncio.wait_for swallows a cancel that comes when what it waits for is done (bpo-37658, until 3.12).
    notebook = write_notebook(tmp_path / "long.ipynb", "1", "while True: pass")
    program = f"""
import asyncio, os, signal, sys
from nbclient import NotebookClient
wait_for, poll, waits = asyncio.wait_for, NotebookClient._async_poll_output_msg, asyncio.Event()
def tell(*arguments, **more):
    waits.set()
    return wait_for(*arguments, **more)
async def poll_when_waited_for(self, *arguments):
    await waits.wait()
    await poll(self, *arguments)
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(0)
asyncio.wait_for, NotebookClient._async_poll_output_msg = tell, poll_when_waited_for
sys.argv[1:] = ["research", {str(notebook)!r}, "--execute", "--data", {str(data)!r}]
from livetrader.cli.main import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=START_LIMIT_S
    )
    assert done.returncode == 128 + signal.SIGINT, done.stderr


def test_what_is_no_notebook_is_told_by_its_name(tmp_path: Path, data: Path) -> None:
    broken = tmp_path / "broken.ipynb"
    broken.write_text("{}")
    done = research(broken, data)
    assert done.returncode == 3
    assert "broken.ipynb is no notebook that can be read" in done.stderr


def test_missing_data_are_named_before_anything_starts(tmp_path: Path) -> None:
    done = research(write_notebook(tmp_path / "study.ipynb", "1"), tmp_path / "nowhere")
    assert done.returncode == 2
    assert f"there is no data folder {tmp_path / 'nowhere'}; name one in LEAN's format" in done.stderr


def test_without_jupyter_the_extra_is_named(tmp_path: Path, data: Path) -> None:
    notebook = write_notebook(tmp_path / "study.ipynb", "1")
    for module, option, package in (
        ("nbclient", "--execute", "'livetrader[research]'"),
        ("jupyterlab", "--lab", "'livetrader[research]'"),
        ("notebook", "--classic", "notebook"),
    ):
        program = (
            f"import sys; sys.modules[{module!r}] = None; from livetrader.cli.main import main; "
            f"sys.argv[1:] = ['research', {str(notebook)!r}, '--data', {str(data)!r}, {option!r}]; main()"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False
        )
        assert done.returncode == 2, done.stderr
        assert f"research needs Jupyter ({module} is missing): pip install {package}\n" in done.stderr


def test_a_kernel_of_ones_own_has_it_by_import_and_by_extension(tmp_path: Path, data: Path) -> None:
    environment = os.environ | {"LIVETRADER_DATA": str(data), "IPYTHONDIR": str(tmp_path / "ipython")}
    programs = {
        "from livetrader.research import *": [sys.executable, "-c"],
        "get_ipython().run_line_magic('load_ext', 'livetrader.research')": [
            sys.executable,
            "-m",
            "IPython",
            "-c",
        ],
    }
    for first, command in programs.items():
        asked = "print(len(qb.history('MADE', 3, Resolution.DAILY)))"
        text = f"{first}\nqb = QuantBook(); qb.set_start_date(2015, 3, 2)\n{asked}"
        done = subprocess.run(
            [*command, text],
            capture_output=True, text=True, timeout=RUN_LIMIT_S, env=environment, cwd=tmp_path, check=False,
        )  # fmt: skip
        assert done.stdout.strip().endswith("3"), done.stderr
