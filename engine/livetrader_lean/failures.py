"""What an algorithm raised, as its author wants to read it: the author's frames, none of ours."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from pathlib import Path
from typing import Final

from livetrader_engine.wire import writable
from livetrader_lean.errors import ToldError
from livetrader_lean.libraries import remedy

TRACEBACK_LENGTH: Final = 16_000  # characters; the end says most
MESSAGE_LENGTH: Final = 1_000  # characters
_OURS: Final = ("livetrader", "livetrader_engine", "livetrader_lean", "livetrader_plugins")
_FROZEN: Final = "<frozen "
_LIBRARIES: Final = tuple(
    sysconfig.get_path(name) + "/" for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


def user_traceback(error: BaseException) -> str:
    """Return the traceback without the daemon's frames. An error of our own keeps all of them.

    Where not one frame is the user's, nothing is taken out: it is our fault and every line is needed. Where a
    library is missing that has an extra, the last line says how to install it.
    """
    if isinstance(error, ToldError):
        return writable(str(error))  # it is the user's traceback already
    told = traceback.TracebackException.from_exception(error, capture_locals=False)
    ours = _folders()
    if any(not frame.filename.startswith((*ours, *_LIBRARIES)) for frame in told.stack):
        seen: set[int] = set()
        part: traceback.TracebackException | None = told
        while part is not None and id(part) not in seen:
            seen.add(id(part))
            kept = [frame for frame in part.stack if not frame.filename.startswith(ours)]
            part.stack = traceback.StackSummary.from_list(kept)
            part = part.__cause__ or part.__context__
    elif isinstance(error, SyntaxError):
        told.stack.clear()  # the error itself names file and line
    install = remedy(error)
    text = "".join(told.format()) + (f"{install}\n" if install else "")
    return writable(text[-TRACEBACK_LENGTH:])


def user_message(error: BaseException) -> str:
    """Return an error's class and text in short, whatever the user's class makes of its text."""
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 — boundary: the user's own __str__
        said = "its text cannot be told"
    return writable(f"{type(error).__name__}: {said}"[:MESSAGE_LENGTH])


def _folders() -> tuple[str, ...]:
    """Return where our packages lie (an editable install has several roots), as prefixes of file names."""
    files = (getattr(sys.modules.get(name), "__file__", None) for name in _OURS)
    return (*(str(Path(file).parent) + "/" for file in files if file), _FROZEN)
