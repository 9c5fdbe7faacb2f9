"""`self.notify`: LEAN's signatures, its answers, and what it raises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.outgoing import (
    FileUpload,
    Mail,
    Outgoing,
    ShortMessage,
    TelegramMessage,
    WebRequest,
    addressee_of,
)
from livetrader_lean.binding import Binding
from livetrader_lean.notify import MAIL_LIMIT, SMS_LIMIT, NotificationManager


@dataclass
class Sink:
    """Where messages and lines go; takes everything, or nothing."""

    takes: bool = True
    sent: list[Outgoing] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def send_out(self, time_ns: int, message: Outgoing) -> bool:
        if self.takes:
            self.sent.append(message)
        return self.takes


def manager(sink: Sink, *, live: bool = True) -> Any:
    engine = SimpleNamespace(ports=SimpleNamespace(results=sink), clock=SimpleNamespace(now_ns=7))
    run = SimpleNamespace(live=live)
    binding = SimpleNamespace(engine=engine, run=run, log=lambda level, words: sink.lines.append(words))
    return NotificationManager(cast("Binding", binding))


CALLS: list[tuple[Callable[[Any], bool], Outgoing]] = [
    (lambda n: n.email("a@b.co", "s", "m"), Mail("a@b.co", "s", "m")),
    (lambda n: n.Email("a@b.co", "s\nBcc: x@y.zz", "m", "d", {"X-A": "1"}),
     Mail("a@b.co", "s Bcc: x@y.zz", "m", "d", (("X-A", "1"),))),
    (lambda n: n.email(None, "s", None), Mail("", "s", "")),
    (lambda n: n.email("a@b.co", "s", "x" * 20_000), Mail("a@b.co", "s", "x" * MAIL_LIMIT)),
    (lambda n: n.sms("+1 555", "y" * 500), ShortMessage("+1 555", "y" * SMS_LIMIT)),
    (lambda n: n.web("http://h/x"), WebRequest("http://h/x")),
    (lambda n: n.web("h.example/x", {"a": [1, None]}), WebRequest("https://h.example/x", '{"a": [1, null]}')),
    (lambda n: n.Web("http://h", '{"raw": 1}'), WebRequest("http://h", '{"raw": 1}')),
    (lambda n: n.web("http://h", "words", headers={"A": 1}),
     WebRequest("http://h", "words", "text/plain; charset=utf-8", (("A", "1"),))),
    (lambda n: n.telegram("-42", "hi"), TelegramMessage("-42", "hi")),
    (lambda n: n.Telegram(42, "hi", "tok"), TelegramMessage("42", "hi", "tok")),
    (lambda n: n.ftp("ftp://h/", "u", "p", "a/b.txt", "käse"),
     FileUpload("h", 21, "u", "a/b.txt", "käse".encode(), password="p")),
    (lambda n: n.ftp("h", "u", "p", "b", b"\x00", 2121),
     FileUpload("h", 2121, "u", "b", b"\x00", password="p")),
    (lambda n: n.sftp("SFTP://h", "u", "p", "f", "c"), FileUpload("h", 21, "u", "f", b"c", True, "p")),
    (lambda n: n.sftp("h", "u", "p", "f", "c", 22), FileUpload("h", 22, "u", "f", b"c", True, "p")),
    (lambda n: n.sftp("h", "u", "p", "f", "c", port=22), FileUpload("h", 22, "u", "f", b"c", True, "p")),
    (lambda n: n.sftp("h", "u", "KEY", None, "f", b"c", 22),
     FileUpload("h", 22, "u", "f", b"c", True, "", "KEY")),
    (lambda n: n.Sftp("h", "u", "KEY", "phrase", "f", "c"),
     FileUpload("h", 21, "u", "f", b"c", True, "", "KEY", "phrase")),
    (lambda n: n.sftp(
        "h", "u", private_key="KEY", private_key_passphrase="", file_path="f", file_content="c"),
     FileUpload("h", 21, "u", "f", b"c", True, "", "KEY", "")),
]  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), CALLS)
def test_live_a_message_is_handed_over_and_the_answer_is_true(
    call: Callable[[Any], bool], expected: Outgoing
) -> None:
    sink = Sink()
    assert call(manager(sink)) is True
    assert sink.sent == [expected]


@pytest.mark.parametrize(("call", "expected"), CALLS)
def test_in_a_backtest_nothing_is_sent_and_the_answer_is_false(
    call: Callable[[Any], bool], expected: Outgoing
) -> None:
    sink = Sink()
    assert call(manager(sink, live=False)) is False
    assert not sink.sent and not sink.lines


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda n: n.email("nobody", "s", "m"), "Invalid email address: nobody"),
        (lambda n: n.email("", "s", "m"), "Invalid email address"),
        (lambda n: n.email("a@b.co, c@d.ee", "s", "m"), "Invalid email address"),
        (lambda n: n.ftp("h", "u", "", "f", "c"), "FTP password is missing"),
        (lambda n: n.sftp("h", "u", "", "", "f", b"c", 22), "FTP SSH key missing"),
        (lambda n: n.sftp("h", "u", "p"), "file_path"),
        (lambda n: n.web("http://h", {}, "X-A: 1"), "headers are a dict"),
    ],
)
def test_what_can_be_no_message_raises_live_and_not_in_a_backtest(
    call: Callable[[Any], bool], words: str
) -> None:
    with pytest.raises(AlgorithmError, match=words):
        call(manager(Sink()))
    assert call(manager(Sink(), live=False)) is False


def test_what_is_not_taken_on_is_said_to_the_algorithm() -> None:
    sink = Sink(takes=False)
    assert manager(sink).web("http://user@h/x?key=secret", {}) is False
    assert len(sink.lines) == 1 and "web to h was not sent" in sink.lines[0]


def test_an_addressee_shows_nothing_secret() -> None:
    upload = FileUpload("h", 22, "u", "/d/f", b"", True, "p4ss", "k3y", "phr4se")
    webs = ("http://h/?k=s3c", "https://me:p4ss@hooks.h/services/T1/s3c", "http://[h/s3c", "s3c")
    messages = (upload, TelegramMessage("1", "m", "t0ken"), *(WebRequest(each) for each in webs))
    assert " ".join(map(addressee_of, messages)) == "h:22/d/f chat 1 h hooks.h ? ?"
