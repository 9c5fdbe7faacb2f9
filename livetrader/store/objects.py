"""Whole objects of a remote file system, by name, through fsspec. Imported only where a store is remote.

Every method may block for as long as its library likes and raise what it likes: livetrader.store.calls bounds
both. Values appear whole: object stores put atomically; elsewhere a value is written aside and moved.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

import msgspec

from livetrader.store.keys import RESERVED

_PUTS_ARE_ATOMIC: Final = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "memory"})
_S3_TIMEOUTS: Final = {"connect_timeout": 5, "read_timeout": 20, "retries": {"max_attempts": 2}}
_TAGS: Final = ("ETag", "etag", "md5Hash", "content_md5", "generation", "mtime", "LastModified", "created")
_TIMES: Final = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")


class Version(msgspec.Struct, frozen=True):
    """One state of an object. Two states with one `tag` are the same bytes."""

    size: int
    modified_ns: int
    tag: str


class RemoteObjects:
    """The objects below a URL. Connects at the first use; thread-safe as far as its library is."""

    def __init__(self, url: str, options: Mapping[str, object]) -> None:
        self._url = url
        self._options = dict(options)
        self._lock = threading.Lock()
        self._opened: tuple[Any, str] | None = None

    def connect(self) -> None:
        """Import the library and make its file system; some connect then, some at the first call."""
        self._files()

    def get(self, name: str) -> bytes:
        """Return the bytes. Raises FileNotFoundError."""
        files, root = self._files()
        return bytes(files.cat_file(f"{root}/{name}"))

    def info(self, name: str) -> Version | None:
        """Return the present state, None where there is no such object."""
        files, root = self._files()
        files.invalidate_cache()
        try:
            return _version(files.info(f"{root}/{name}"))
        except FileNotFoundError:
            return None

    def put(self, name: str, value: bytes) -> None:
        """Store the bytes, replacing what was there."""
        files, root = self._files()
        path = f"{root}/{name}"
        if self._atomic(files):
            files.pipe_file(path, value)
            return
        aside = f"{root}/{RESERVED}/pending/{os.getpid()}-{os.urandom(8).hex()}"
        for place in (aside, path):
            files.makedirs(place.rpartition("/")[0], exist_ok=True)
        files.pipe_file(aside, value)
        files.mv(aside, path)

    def create(self, name: str, value: bytes) -> None:
        """Store the bytes where there is nothing. Raises FileExistsError where there is something.

        Exact among all processes where the place writes under a condition, as S3 does; else among the threads
        of this one, as the libraries look first and write then.
        """
        files, root = self._files()
        with _creating(self._url):
            if self._atomic(files):
                files.pipe_file(f"{root}/{name}", value, mode="create")
            elif self.info(name) is not None:
                raise FileExistsError(name)
            else:
                self.put(name, value)

    def remove(self, name: str) -> None:
        """Remove the object. May raise FileNotFoundError where there is none."""
        files, root = self._files()
        files.rm_file(f"{root}/{name}")

    def find(self, folder: str) -> dict[str, Version]:
        """Return all objects in a folder and below, by name; "" is everything."""
        files, root = self._files()
        files.invalidate_cache()
        found = files.find(f"{root}/{folder}".rstrip("/"), detail=True)
        start = len(root) + 1
        versions = ((path, _version(info)) for path, info in found.items())
        return {path[start:]: version for path, version in versions if version is not None}

    def _atomic(self, files: Any) -> bool:
        kinds = (files.protocol,) if isinstance(files.protocol, str) else files.protocol
        return not _PUTS_ARE_ATOMIC.isdisjoint(kinds)

    def _files(self) -> tuple[Any, str]:
        with self._lock:
            if self._opened is None:
                from fsspec.core import url_to_fs  # type: ignore[import-untyped]  # fsspec has no types

                options: dict[str, Any] = {"use_listings_cache": False, **self._options}
                if self._url.startswith(("s3:", "s3a:")):
                    options["config_kwargs"] = {**_S3_TIMEOUTS, **options.get("config_kwargs", {})}
                files, path = url_to_fs(self._url, **options)
                self._opened = files, path.rstrip("/")
            return self._opened


@cache
def _creating(url: str) -> threading.Lock:
    """Return the lock of whoever creates objects below a URL, one in this process."""
    return threading.Lock()


def _version(info: Mapping[str, Any]) -> Version | None:
    if info.get("type") != "file":
        return None
    size = int(info.get("size") or 0)
    tag = "|".join(str(info[name]) for name in _TAGS if info.get(name) is not None)
    return Version(size, next((_ns(info[name]) for name in _TIMES if info.get(name)), 0), f"{size}|{tag}")


def _ns(moment: object) -> int:
    if isinstance(moment, datetime):
        return int(moment.timestamp() * 1e9)
    if isinstance(moment, int | float):
        return int(moment * 1e9)
    try:
        return int(datetime.fromisoformat(str(moment)).timestamp() * 1e9)
    except ValueError:
        return 0  # a form of time that nobody told us of; only shown, never compared
