"""Lets a configuration be read as its service will read it: with the credentials that systemd hands over."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from livetrader.deployment.plan import CREDENTIAL, credentials_named
from livetrader.deployment.steps import Machine
from livetrader.deployment.units import BROKER, credential_file

VARIABLE: Final = "CREDENTIALS_DIRECTORY"
_NONE: Final = b"# none"  # what SetCredential= of the units says
_STAND_IN: Final = b"?"  # of one that is missing: that is told once


@contextmanager
def as_the_service(
    name: str, document: Mapping[str, object], given: Mapping[str, bytes], machine: Machine
) -> Iterator[list[str]]:
    """Set $CREDENTIALS_DIRECTORY to what an account's service would have; yield the names that are missing.

    `given` come before those that are installed. The folder is readable by this user only, and gone
    afterwards. Not for several threads at once: the environment is the process's.
    """
    found, missing = dict(given), []
    for credential in sorted(set(credentials_named(document))):
        installed = machine.at(credential_file(name, credential))
        if credential in found:
            continue
        if installed.is_file():
            found[credential] = installed.read_bytes()
        else:
            missing.append(credential)
            found[credential] = _STAND_IN
    found.setdefault(BROKER, _NONE)
    before = os.environ.get(VARIABLE)
    with TemporaryDirectory(prefix="livetrader-") as folder:
        for credential, secret in found.items():
            if CREDENTIAL.fullmatch(credential):  # else no name of one; reading the configuration tells
                (Path(folder) / credential).write_bytes(secret)
        os.environ[VARIABLE] = folder
        try:
            yield missing
        finally:
            if before is None:
                del os.environ[VARIABLE]
            else:
                os.environ[VARIABLE] = before
