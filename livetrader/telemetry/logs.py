"""Log records as JSON lines for machines, as short lines on a terminal. Secrets never leave.

Write with `event(logger, level, "action", key=value)`: the action is a fixed word, what varies goes into
fields. Anything that goes through the standard `logging` (libraries, tracebacks) is formatted as well.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import msgspec

MESSAGE_LIMIT: Final = 16_384  # characters of one value; an endless line of user code stays bounded
RATE_LIMIT: Final = 200  # lines per logger and second; what is above is counted, and the count is logged
FILE_BYTES: Final = 32 * 1024 * 1024
FILES_KEPT: Final = 5
REDACTED: Final = "[redacted]"

_SECRET_KEY: Final = re.compile(
    r"pass(word|wd|phrase)?$|secret|token$|api_?key|credential|authorization", re.I
)
_SECRET_TEXT: Final = re.compile(
    r"(?i)(bearer\s+|(?:password|passwd|secret|token|api_?key)[\"']?\s*[=:]\s*[\"']?)([^\s\"',;&}]{4,})"
)
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_COLOURS: Final = {"DEBUG": "2", "INFO": "0", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


def event(logger: logging.Logger, level: int, action: str, /, **fields: object) -> None:
    """Write one record: `action` is a fixed word, `fields` say the rest."""
    if logger.isEnabledFor(level):
        logger.log(level, action, extra={"action": action, "fields": fields})


class Redactor:
    """Replaces known secrets and what looks like one. Thread-safe: the set only grows."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: frozenset[str] = frozenset()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Never show this text again; shorter than four characters is ignored, it would blank words."""
        if len(secret) >= 4:
            self._secrets |= {secret}

    def text(self, value: str) -> str:
        """Return `value` without secrets, cut to MESSAGE_LIMIT, in characters that UTF-8 has."""
        cut = value
        for secret in self._secrets:  # before the cut, which might leave a part of one
            cut = cut.replace(secret, REDACTED)
        if len(cut) > MESSAGE_LIMIT:
            cut = cut[:MESSAGE_LIMIT] + "...[cut]"
        if not cut.isascii():  # bytes of a path or header that were no UTF-8
            cut = cut.encode(errors="backslashreplace").decode()
        return _SECRET_TEXT.sub(lambda match: match.group(1) + REDACTED, cut)

    def field(self, key: str, value: object) -> object:
        """Return a field's value for the log: plain JSON, no secrets."""
        if _SECRET_KEY.search(key):
            return REDACTED
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            return {str(name): self.field(str(name), each) for name, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.field("", each) for each in value]
        return self.text(str(value))


def fields_of(record: logging.LogRecord, redactor: Redactor) -> dict[str, object]:
    """Return what the record says beside its message, redacted."""
    given = {key: value for key, value in vars(record).items() if key not in _STANDARD and key != "action"}
    inner = given.pop("fields", None)
    if isinstance(inner, dict):
        given.update(inner)
    return {key: redactor.field(key, value) for key, value in given.items()}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, action, logger, message, then the fields."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        message = self._redactor.text(record.getMessage())
        action = str(getattr(record, "action", "log"))
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "action": action,
            "logger": record.name,
        }
        if message != action:
            line["message"] = message
        for key, value in fields_of(record, self._redactor).items():
            line.setdefault(key, value)
        if record.exc_info:
            line["traceback"] = self._redactor.text(self.formatException(record.exc_info))
        return msgspec.json.encode(line).decode()


class HumanFormatter(logging.Formatter):
    """Time, level, action and fields on one line, for eyes."""

    def __init__(self, redactor: Redactor, *, colour: bool) -> None:
        super().__init__()
        self._redactor = redactor
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Return the line (several with a traceback), without its end."""
        when = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        message = self._redactor.text(record.getMessage())
        fields = " ".join(f"{key}={value}" for key, value in fields_of(record, self._redactor).items())
        line = f"{when} {record.levelname.lower():8} {message} {fields}".rstrip()
        if self._colour:
            line = f"\x1b[{_COLOURS.get(record.levelname, '0')}m{line}\x1b[0m"
        if record.exc_info:
            line += "\n" + self._redactor.text(self.formatException(record.exc_info))
        return line


class RateLimit(logging.Filter):
    """Lets RATE_LIMIT lines per logger and second through and says how many it left out.

    Errors always pass: they are what somebody will look for, and those who make them are bounded.
    """

    def __init__(self) -> None:
        super().__init__()
        self.suppressed = 0
        self._windows: dict[str, tuple[int, int]] = {}  # logger -> (second, lines in it)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record may be written."""
        if record.levelno >= logging.ERROR:
            return True
        second = int(record.created)
        began, lines = self._windows.get(record.name, (second, 0))
        if began != second:
            if lines > RATE_LIMIT:
                record.suppressed_before = lines - RATE_LIMIT
            began, lines = second, 0
        self._windows[record.name] = (began, lines + 1)
        if lines >= RATE_LIMIT:
            self.suppressed += 1
            return False
        return True


def configure(
    level: str,
    *,
    file: Path | None = None,
    stream: IO[str] | None = None,
    redactor: Redactor | None = None,
) -> Redactor:
    """Send every record of this process to `stream` (standard error) and, as JSON, to `file`.

    On a terminal the stream gets the human form, in colour unless NO_COLOR is set. The file is rotated at
    FILE_BYTES, FILES_KEPT are kept, mode 0600. Replaces handlers of an earlier call. Returns the redactor,
    for secrets that become known later.
    """
    import os
    from logging.handlers import RotatingFileHandler

    target = sys.stderr if stream is None else stream
    known = redactor or Redactor()
    terminal = target.isatty()
    shown = logging.StreamHandler(target)
    shown.setFormatter(
        HumanFormatter(known, colour="NO_COLOR" not in os.environ) if terminal else JsonFormatter(known)
    )
    handlers: list[logging.Handler] = [shown]
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600, exist_ok=True)
        kept = RotatingFileHandler(file, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8")
        kept.rotator = _rotate
        kept.setFormatter(JsonFormatter(known))
        handlers.append(kept)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.addFilter(RateLimit())  # one each, for a record passes every handler
        root.addHandler(handler)
    root.setLevel(level.upper())
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)  # the audit trail says who asked for what
    return known


def _rotate(source: str, target: str) -> None:
    """Set a full log aside and begin another one that is as private."""
    Path(source).replace(target)
    Path(source).touch(mode=0o600)


def suppressed_lines() -> int:
    """Return how many lines were left out since `configure`, because there were too many."""
    filters = [each for handler in logging.getLogger().handlers[:1] for each in handler.filters]
    return sum(each.suppressed for each in filters if isinstance(each, RateLimit))
