"""Records of versions and decisions tell when one bit of them was changed."""

from __future__ import annotations

import pytest

from livetrader.models.records import (
    Manifest,
    RecordError,
    ServingState,
    blob_name,
    check_name,
    content_of,
    open_sealed,
    seal,
    sort_keys,
)
from livetrader.models.signing import Signer
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.models import ModelVersion

SIGNER = Signer(b"k" * 32)
VERSION = ModelVersion(
    name="spy",
    number=3,
    content="ab" * 32,
    size=10,
    format="values",
    model_type="builtins.dict",
    made_ns=1,
    saved_ns=2,
    libraries={"python": "3.11.2"},
    metrics={"accuracy": 0.5, "loss": None},
    options={"kind": "json"},
)
MANIFEST = Manifest(version=VERSION, blob="blobs/1-ab-" + "ab" * 32)
STATE = ServingState(sequence=4, serving=3, history=(2, 1), bad={2: "NaN"}, highest=3)


def test_records_come_back_as_they_were() -> None:
    assert open_sealed(seal(MANIFEST, SIGNER), Manifest, SIGNER) == (MANIFEST, True)
    assert open_sealed(seal(STATE), ServingState) == (STATE, False)


@pytest.mark.parametrize("record", [MANIFEST, STATE])
def test_no_flipped_bit_goes_unnoticed(record: Manifest | ServingState) -> None:
    sealed = seal(record, SIGNER)
    kind = type(record)
    for place in range(len(sealed)):
        for bit in range(8):
            changed = bytearray(sealed)
            changed[place] ^= 1 << bit
            try:
                found, ours = open_sealed(bytes(changed), kind, SIGNER)
            except RecordError:
                continue
            # what is left are bits of the signature: the record is the same, and nobody answers for it
            assert found == record and not ours, (place, bit, bytes(changed))


@pytest.mark.parametrize("length", [0, 1, 20, -1])
def test_a_part_of_a_record_is_none(length: int) -> None:
    sealed = seal(MANIFEST, SIGNER)
    with pytest.raises(RecordError):
        open_sealed(sealed[:length], Manifest, SIGNER)


def test_a_record_of_another_kind_is_refused() -> None:
    with pytest.raises(RecordError, match="not a 'Manifest'"):
        open_sealed(seal(STATE), Manifest)


def test_a_signature_of_one_record_does_not_fit_another() -> None:
    other = Manifest(version=VERSION, blob="blobs/2-ab-" + "ab" * 32)
    ours, theirs = seal(MANIFEST, SIGNER), seal(other, SIGNER)
    marker = b'"signature"'
    mixed = theirs[: theirs.index(marker)] + ours[ours.index(marker) :]
    assert open_sealed(mixed, Manifest, SIGNER) == (other, False)


def test_content_is_what_its_name_says() -> None:
    name = blob_name(17, "abcdef", b"weights")
    assert content_of(name, b"weights") == b"weights"
    with pytest.raises(RecordError, match="hash"):
        content_of(name, b"weightz")
    with pytest.raises(RecordError, match="no place"):
        content_of("blobs/odd", b"weights")


@pytest.mark.parametrize("name", ["", "a/b", "../a", ".a", "-a", "a" * 65, "a b", "a\n", "ä", "a.", 3])
def test_what_is_no_name_of_a_model_is_refused(name: str) -> None:
    with pytest.raises(AlgorithmError, match="no name"):
        check_name(name)


def test_what_else_lies_in_the_folder_is_left_alone() -> None:
    start = "_models/spy/"
    mine = ["log/00000002.json", "versions/00000010.json", blob_name(5, "ab", b"x")]
    other = ["log/readme.txt", "versions/1.json.bak", "blobs/x", "notes.md"]
    keys = sort_keys("spy", [start + key for key in mine + other])
    assert (keys.log, keys.versions, len(keys.blobs)) == ((2,), (10,), 1)
