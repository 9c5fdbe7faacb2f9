"""The cases of the contract, in a folder and in memory behind fsspec; test_s3.py has them on S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec  # type: ignore[import-untyped]  # fsspec has no types
import pytest

from tests.unit.store.contract import StoreContract


class TestFolder(StoreContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return str(tmp_path / "store")


class TestFileUrl(StoreContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"file://{tmp_path}/a%20store"


class TestMemory(StoreContract):
    @pytest.fixture
    def url(self) -> Iterator[str]:
        files = fsspec.filesystem("memory")
        files.store.clear()
        files.pseudo_dirs[:] = [""]
        yield "memory://bucket/prefix"
        files.store.clear()
        files.pseudo_dirs[:] = [""]


class TestPlaceWithoutAtomicPuts(StoreContract):
    """A file system behind fsspec, as sftp is one: values are written aside and moved."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"local://{tmp_path}/store"
