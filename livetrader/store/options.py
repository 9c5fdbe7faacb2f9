"""Where a store is, and what is wrong with a place before anybody goes there. Opens nothing, and imports
fsspec only to ask for a protocol that is not known here by name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

# protocol -> (module, what to install): what is known by name; other protocols need fsspec at least
_LIBRARIES: Final = {
    **dict.fromkeys(("s3", "s3a"), ("s3fs", "livetrader[s3]")),
    **dict.fromkeys(("gs", "gcs"), ("gcsfs", "gcsfs")),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), ("adlfs", "adlfs")),
    **dict.fromkeys(("sftp", "ssh"), ("paramiko", "fsspec paramiko")),
    "smb": ("smbprotocol", "fsspec smbprotocol"),
    "webdav": ("webdav4", "webdav4[fsspec]"),
}
_ENVIRONMENT: Final = {  # protocol -> how the variables begin from which its library takes credentials
    **dict.fromkeys(("s3", "s3a"), ("AWS_", "FSSPEC_S3_")),
    **dict.fromkeys(("gs", "gcs"), ("GOOGLE_", "FSSPEC_GCS_")),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), ("AZURE_", "FSSPEC_ABFS_")),
}
_SECRETS: Final = frozenset(
    {"key", "secret", "token", "password", "passwd", "account_key", "sas_token", "client_secret"}
)

FilesystemOption = str | int | float | bool


class StoreOptions(msgspec.Struct, frozen=True):
    """Where a store is and how it behaves. `url` may be a folder's path. None is no limit.

    `filesystem` goes to the fsspec file system (endpoint_url, anon ...) and holds no secrets: those come
    from the environment. `copies` is where a remote store keeps copies; `fresh_s` how long it trusts them.
    """

    url: str
    project: str = ""
    max_bytes: int | None = None
    max_files: int | None = None
    filesystem: dict[str, FilesystemOption] = {}
    copies: str = ""
    fresh_s: float | None = None


class Credentials(msgspec.Struct, frozen=True):
    """Variables of the environment that a remote store needs. Never shown."""

    variables: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Credentials({', '.join(self.variables)})"


def credentials_for(url: str, environment: Mapping[str, str]) -> Credentials:
    """Return what the library of a remote store takes from the environment, nothing for a folder."""
    begins = _ENVIRONMENT.get(_protocol(url), ()) if folder_of(url) is None else ()
    return Credentials({name: value for name, value in environment.items() if name.startswith(begins)})


def folder_of(url: str) -> Path | None:
    """Return the folder that a URL or path means on this machine, None for a remote place."""
    if url.startswith("file://"):
        return Path(unquote(urlsplit(url).path))
    return None if "://" in url else Path(url)


def resolved(url: str, base: Path) -> str:
    """Return a URL as it is, and a path relative to `base`."""
    return url if "://" in url else str(base / Path(url).expanduser())


def problem_with(url: str) -> str:
    """Return what is wrong with a URL and what to do, "" where it can be opened."""
    if not url:
        return "is empty; name a folder, or a URL such as s3://bucket/prefix"
    if folder_of(url) is not None:
        return ""
    try:
        password = urlsplit(url).password
    except ValueError as error:
        return f"{shown(url)} is no URL: {error}; write for example s3://bucket/prefix"
    if password is not None:
        return f"{shown(url)} holds a password; take it out, and give it by the environment"
    module, package = _LIBRARIES.get(_protocol(url), ("fsspec", "fsspec"))
    for needed in dict.fromkeys(("fsspec", module)):
        if find_spec(needed) is None:
            return f"{shown(url)} needs the library {needed}: pip install '{package}'"
    return "" if _protocol(url) in _LIBRARIES else _unknown(url)


def _unknown(url: str) -> str:
    """Return what to do about a protocol that fsspec has never heard of, "" where it has."""
    import fsspec  # type: ignore[import-untyped]  # it has no stubs

    if _protocol(url) in fsspec.available_protocols():
        return ""
    known = "write for example s3://bucket/prefix, or a folder"
    return f"{shown(url)}: fsspec knows no protocol {_protocol(url)!r}; {known}"


def secrets_in(filesystem: Iterable[str]) -> list[str]:
    """Return the options that look like secrets, which do not belong in a configuration."""
    return [name for name in filesystem if name.lower() in _SECRETS]


def shown(url: str) -> str:
    """Return a URL as it may be shown: without user, password and query."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    host, slash, path = rest.partition("?")[0].partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def _protocol(url: str) -> str:
    return url.partition("://")[0].rpartition("::")[2]


def use_credentials(credentials: Credentials) -> None:
    """Put the variables into this process's environment, where libraries look for them."""
    os.environ.update(credentials.variables)
