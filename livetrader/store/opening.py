"""From a place to a store: a folder, a `file://` URL, or any URL that fsspec knows.

Opening connects to nothing: that a place is away is found out at the first use, and trading starts all the
same.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from livetrader.store.keys import Scope
from livetrader.store.local import FileObjectStore
from livetrader.store.quota import Quota
from livetrader.store.store import ProjectStore, Store

# protocol -> (module, what to install): what is known by name; other protocols need fsspec at least
_LIBRARIES: Final = {
    **dict.fromkeys(("s3", "s3a"), ("s3fs", "livetrader[s3]")),
    **dict.fromkeys(("gs", "gcs"), ("gcsfs", "gcsfs")),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), ("adlfs", "adlfs")),
    **dict.fromkeys(("sftp", "ssh"), ("paramiko", "fsspec paramiko")),
    **dict.fromkeys(("smb",), ("smbprotocol", "fsspec smbprotocol")),
    **dict.fromkeys(("webdav", "dav"), ("webdav4", "webdav4[fsspec]")),
}
_SECRETS: Final = ("key", "secret", "token", "password", "passwd", "account_key", "sas_token")


class StoreOptions(msgspec.Struct, frozen=True):
    """Where a store is and how it behaves. `url` may be a folder's path. None is no limit.

    `filesystem` goes to the fsspec file system (endpoint_url, anon ...) and holds no secrets: those come
    from the environment. `copies` is where a remote store keeps copies; `fresh_s` how long it trusts them.
    """

    url: str
    project: str = ""
    max_bytes: int | None = None
    max_files: int | None = None
    filesystem: dict[str, str | int | float | bool] = {}
    copies: str = ""
    fresh_s: float | None = None


def open_store(options: StoreOptions, report: Callable[[str], None] = lambda words: None) -> Store:
    """Return the store. `report` hears of trouble that is not an error, once a minute at most.

    Raises ValueError for a URL or project that cannot be one, with the remedy.
    """
    problem = problem_with(options.url)
    if problem:
        raise ValueError(problem)
    quota = Quota(options.max_bytes, options.max_files)
    folder = folder_of(options.url)
    store: Store = _remote(options, quota, report) if folder is None else FileObjectStore(folder, quota)
    return ProjectStore(store, Scope(options.project)) if options.project else store


def _remote(options: StoreOptions, quota: Quota, report: Callable[[str], None]) -> Store:
    from livetrader.store.objects import RemoteObjects
    from livetrader.store.remote import FRESH_S, RemoteObjectStore, RemoteOptions

    if not options.copies:
        raise ValueError(f"{shown(options.url)} needs a folder for its copies")
    fresh_s = FRESH_S if options.fresh_s is None else options.fresh_s
    remote = RemoteOptions(quota, fresh_s, report)
    objects = RemoteObjects(options.url, options.filesystem)
    return RemoteObjectStore(objects, shown(options.url), Path(options.copies), remote)


def folder_of(url: str) -> Path | None:
    """Return the folder that a URL or path means on this machine, None for a remote place."""
    if url.startswith("file://"):
        return Path(unquote(urlsplit(url).path))
    return None if "://" in url else Path(url)


def problem_with(url: str) -> str:
    """Return what is wrong with a URL and what to do, "" where it can be opened. Imports no library."""
    if not url:
        return "the URL of the object store is empty; name a folder, or a URL such as s3://bucket/prefix"
    if folder_of(url) is not None:
        return ""
    try:
        password = urlsplit(url).password
    except ValueError as error:
        return f"{shown(url)} is no URL: {error}"
    if password is not None:
        return f"{shown(url)} holds a password; take it out, and give it by the environment"
    protocol = url.partition("://")[0].rpartition("::")[2]
    module, package = _LIBRARIES.get(protocol, ("fsspec", "fsspec"))
    for needed in dict.fromkeys(("fsspec", module)):
        if find_spec(needed) is None:
            return f"{shown(url)} needs the library {needed}: pip install '{package}'"
    return ""


def secret_options(filesystem: dict[str, object]) -> list[str]:
    """Return the options that look like secrets, which do not belong in a configuration."""
    return [name for name in filesystem if name.lower() in _SECRETS]


def shown(url: str) -> str:
    """Return a URL as it may be shown: without user, password and query."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    place = rest.partition("?")[0]
    host, slash, path = place.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
