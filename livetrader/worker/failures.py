"""What an algorithm raised, as its author wants to read it: the author's frames, none of ours."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Final

import livetrader
import livetrader_engine
import livetrader_lean
from livetrader_lean.errors import LoadError

TRACEBACK_LENGTH: Final = 16_000  # characters; the end says most
_OURS: Final = tuple(
    str(Path(str(package.__file__)).parent) + "/"
    for package in (livetrader, livetrader_engine, livetrader_lean)
)
_FROZEN: Final = "<frozen "


def user_traceback(error: BaseException) -> str:
    """Return the traceback without the daemon's frames. An error of our own keeps all of them.

    Where not one frame is the user's, nothing is taken out: it is our fault and every line is needed.
    """
    if isinstance(error, LoadError):
        return str(error)  # it is the user's traceback already
    told = traceback.TracebackException.from_exception(error, capture_locals=False)
    if any(_is_users(frame) for frame in told.stack):
        seen: set[int] = set()
        part: traceback.TracebackException | None = told
        while part is not None and id(part) not in seen:
            seen.add(id(part))
            part.stack = traceback.StackSummary.from_list([frame for frame in part.stack if _is_users(frame)])
            part = part.__cause__ or part.__context__
    return "".join(told.format())[-TRACEBACK_LENGTH:]


def _is_users(frame: traceback.FrameSummary) -> bool:
    return not frame.filename.startswith((*_OURS, _FROZEN))
