"""Objects on their way to a training process and back; and what a process prints and says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from livetrader.training.parcel import Parcel, ParcelTooLargeError, UnpicklableError
from livetrader.training.process import LINE_LENGTH, LINES_AT_ONCE, LINES_KEPT, Lines, Messages
from livetrader.training.voice import Voice, cancelled, current, device, progress, speak_for_thread

MB = 1024 * 1024


@pytest.fixture
def parcel() -> Iterator[Parcel]:
    made = Parcel()
    yield made
    made.close()


def test_objects_arrive_as_they_were(parcel: Parcel) -> None:
    value = {"weights": [np.arange(n, dtype=np.float32) for n in range(5)], "name": "fit", "n": 10**30}
    parcel.pack(value, 1)
    arrived: Any = parcel.unpack()
    assert arrived["name"] == "fit"
    assert arrived["n"] == 10**30
    for sent, got in zip(value["weights"], arrived["weights"], strict=True):  # type: ignore[call-overload]  # mixed on purpose
        assert got.dtype == np.float32
        assert got.tolist() == sent.tolist()


def test_arrays_are_mapped_may_be_changed_and_outlive_their_parcel(parcel: Parcel) -> None:
    parcel.pack(np.zeros(MB), 16)
    arrived: Any = parcel.unpack()
    parcel.close()
    assert not arrived.flags.owndata, "it was copied"
    assert arrived.ctypes.data % 64 == 0
    arrived[7] = 1.0
    assert arrived.sum() == 1.0


def test_what_is_too_large_is_refused_before_it_is_written(parcel: Parcel) -> None:
    with pytest.raises(ParcelTooLargeError, match="it has 8 MB, the limit is 7 MB"):
        parcel.pack(np.zeros(MB), 7)
    assert os.fstat(parcel.descriptor).st_size == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "nothing has arrived"),
        (b"\1" + bytes(7) + b"\xff" * 8 + bytes(64), "cut off"),
        (b"\xff" * 32, "damaged"),
        (bytes(64), "damaged"),
        (b"\1" + bytes(7) + b"\5" + bytes(7) + bytes(48) + b"hello", "UnpicklingError"),
    ],
)
def test_damage_is_an_error_and_nothing_worse(parcel: Parcel, content: bytes, words: str) -> None:
    os.write(parcel.descriptor, content)
    with pytest.raises(UnpicklableError, match=words):
        parcel.unpack()


# -- what a process prints ------------------------------------------------------------


def test_lines_are_put_together_bounded_and_the_last_ones_kept() -> None:
    told: list[tuple[tuple[str, ...], int]] = []
    lines = Lines(lambda shown, lost: told.append((shown, lost)))
    lines.take(b"fir")
    lines.take(b"st\nsecond\n\n")
    lines.flush()
    assert told == [(("first", "second"), 0)]
    for number in range(LINES_AT_ONCE + 10):
        lines.take(f"{number}\n".encode())
    lines.take(b"x" * (3 * LINE_LENGTH))
    lines.close()
    (shown, lost) = told[1]
    assert len(shown) == LINES_AT_ONCE
    assert lost == 11
    assert shown[-1] == "x" * LINE_LENGTH
    assert len(lines.last) == LINES_KEPT
    lines.flush()
    assert len(told) == 2, "nothing new, nothing told"


def test_messages_among_garbage_are_heard() -> None:
    heard: list[dict[str, Any]] = []
    messages = Messages(heard.append)
    messages.take(b'{"progress": [0.5, "half"]}\nnot ours\n[1]\n\xff\xfe\n{"do')
    messages.take(b'ne": true}\n')
    assert heard == [{"progress": [0.5, "half"]}, {"done": True}]


# -- what a training may say ------------------------------------------------------------


def test_outside_of_a_training_nobody_listens() -> None:
    assert current() is None
    progress(0.5, "half")
    assert not cancelled()
    assert device() == "cpu"


def test_a_voice_is_its_threads_own_and_keeps_within_bounds() -> None:
    voice = Voice(gpu=True)
    speak_for_thread(voice)
    try:
        progress(7, "x" * 1000)
        voice.cancelled = True
        assert cancelled()
        assert voice.told == (1.0, "x" * 200)
        progress(-1)
        assert voice.told == (0.0, "")
        assert device() in ("cpu", "cuda")
    finally:
        speak_for_thread(None)
