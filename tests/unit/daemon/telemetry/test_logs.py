from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from livetrader.telemetry import logs
from livetrader.telemetry.logs import (
    MESSAGE_LIMIT,
    RATE_LIMIT,
    REDACTED,
    HumanFormatter,
    JsonFormatter,
    Redactor,
)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What is logged, with pytest's own handlers put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    yield io.StringIO()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.handlers[:], root.level = handlers, level


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_is_one_json_object_with_its_action_and_fields(stream: io.StringIO) -> None:
    logs.configure("info", stream=stream)
    logs.event(
        logging.getLogger("x"), logging.INFO, "order_sent", order="lt-1", quantity=5, parts=("a", None)
    )
    logging.getLogger("library").warning("plain %s", "words")
    logging.getLogger("x").debug("not shown")
    first, second = lines(stream)
    assert first["action"] == "order_sent" and first["level"] == "info"
    assert (first["order"], first["quantity"], first["parts"]) == ("lt-1", 5, ["a", None])
    assert second["message"] == "plain words" and second["action"] == "log"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer lt_abcdefgh",
        'password="hunter2hunter2"',
        "url?api_key=abcdef123&x=1",
        "the known secret s3cr3t-value in the middle",
    ],
)
def test_no_secret_reaches_the_log_by_any_way(stream: io.StringIO, text: str) -> None:
    redactor = logs.configure("info", stream=stream)
    redactor.add("s3cr3t-value")
    log = logging.getLogger("x")
    log.error("%s", text)
    logs.event(log, logging.ERROR, "failed", detail=text, nested={"token": "lt_abcdefgh"}, items=[text])
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("raised")
    shown = stream.getvalue()
    for secret in ("lt_abcdefgh", "hunter2", "abcdef123", "s3cr3t-value"):
        assert secret not in shown
    assert shown.count(REDACTED) >= 4
    assert len(lines(stream)) == 3


def test_a_flood_is_cut_and_counted_but_errors_pass(stream: io.StringIO) -> None:
    logs.configure("info", stream=stream)
    limit = logging.getLogger().handlers[0].filters[0]
    assert isinstance(limit, logs.RateLimit)
    passed = 0
    for number in range(RATE_LIMIT + 50):
        record = logging.LogRecord("flood", logging.INFO, "f", 1, str(number), None, None)
        record.created = 1000.5
        passed += limit.filter(record)
    assert (passed, logs.suppressed_lines()) == (RATE_LIMIT, 50)
    error = logging.LogRecord("flood", logging.ERROR, "f", 1, "error", None, None)
    error.created = 1000.6
    assert limit.filter(error)
    later = logging.LogRecord("flood", logging.INFO, "f", 1, "later", None, None)
    later.created = 1001.0
    assert limit.filter(later)
    assert vars(later)["suppressed_before"] == 50


def test_an_endless_message_is_cut() -> None:
    assert len(Redactor().text("x" * (MESSAGE_LIMIT * 3))) < MESSAGE_LIMIT + 20


def test_the_file_is_private_json_and_people_get_lines(stream: io.StringIO, tmp_path: Path) -> None:
    file = tmp_path / "logs" / "daemon.log"
    logs.configure("info", stream=stream, file=file)
    logs.event(logging.getLogger("x"), logging.WARNING, "halted", reason="test")
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["reason"] == "test"
    record = logging.LogRecord("x", logging.WARNING, "f", 1, "halted", None, None)
    record.created = 0.5
    record.fields = {"reason": "test"}
    assert (
        HumanFormatter(Redactor(), colour=False).format(record) == "00:00:00.500 warning  halted reason=test"
    )
    assert HumanFormatter(Redactor(), colour=True).format(record).startswith("\x1b[33m")
    assert json.loads(JsonFormatter(Redactor()).format(record))["message"] == "halted"


def test_the_file_is_private_after_it_was_rotated_as_well(
    stream: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES", 100)
    logs.configure("info", stream=stream, file=tmp_path / "daemon.log")
    for _ in range(3):
        logs.event(logging.getLogger("x"), logging.WARNING, "halted", reason="test")
    files = sorted(tmp_path.iterdir())
    assert len(files) > 1
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_text_that_no_encoding_takes_is_still_a_line() -> None:
    record = logging.makeLogRecord({"msg": "request_failed", "fields": {"path": "/v1/\udcff"}})
    line = json.loads(JsonFormatter(Redactor()).format(record))
    assert line["path"] == "/v1/\\udcff"


def test_a_secret_across_the_cut_is_not_shown_in_part() -> None:
    secret = "a-very-long-secret-of-somebody"
    shown = Redactor([secret]).text("x" * (MESSAGE_LIMIT - 20) + secret)
    assert secret[:10] not in shown
