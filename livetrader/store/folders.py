"""Folders reached part by part through descriptors, so that no symbolic link is ever followed.

Checking a path and then opening it leaves a gap in which a part can be replaced by a link. Here each part is
opened in the folder before it with O_NOFOLLOW, and the last step works inside the folder that was opened.
The root itself may be a link: it is the operator's choice, not a key.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from livetrader.store.keys import MAX_SLASHES

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK: opening a named pipe that somebody put there must not wait for its other end
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class LinkRefusedError(ValueError):
    """A part of a key is a symbolic link. Links are not followed: put the file itself in the store."""


@contextmanager
def opened(root: Path, parts: Sequence[str], *, create: bool = False) -> Iterator[int]:
    """Give the descriptor of a folder below `root`; `create` makes what is missing, durably.

    Raises LinkRefusedError for a link, FileNotFoundError and NotADirectoryError as `open` does.
    """
    if create:
        root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root, _FOLDER)
    try:
        for part in parts:
            following = _step(descriptor, part, create=create)
            os.close(descriptor)
            descriptor = following
        yield descriptor
    finally:
        os.close(descriptor)


def _step(parent: int, name: str, *, create: bool) -> int:
    if create:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=parent)
            os.fsync(parent)
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    except OSError as error:
        _refuse_link(parent, name, error)
        raise


def _refuse_link(parent: int, name: str, error: OSError) -> None:
    """Raise LinkRefusedError if a link is what `open` stumbled over."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        refuse_link(parent, name)


def refuse_link(parent: int, name: str) -> None:
    """Raise LinkRefusedError where there is a symbolic link under a name."""
    with suppress(FileNotFoundError):
        if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise LinkRefusedError(f"{name!r} is a symbolic link, and links are not followed")


def status(parent: int, name: str) -> os.stat_result | None:
    """Return the status of a regular file in a folder, None for anything else or nothing."""
    try:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def is_there(parent: int, name: str) -> bool:
    """Whether a folder has anything of that name."""
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def contents(parent: int, name: str) -> bytes | None:
    """Return the bytes of a regular file in a folder, None for anything else or nothing.

    Raises LinkRefusedError for a link.
    """
    try:
        descriptor = os.open(name, _FILE, dir_fd=parent)
    except FileNotFoundError:
        return None
    except OSError as error:
        _refuse_link(parent, name, error)
        if error.errno in (errno.ENXIO, errno.EISDIR):  # a socket
            return None
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def walk(parent: int, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, os.stat_result]]:
    """Yield path and status of each regular file below a folder; what vanishes meanwhile is left out."""
    with os.scandir(parent) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if not is_folder:
            state = status(parent, name)
            if state is not None:
                yield prefix + name, state
            continue
        if depth >= MAX_SLASHES:
            continue  # deeper than any key
        try:
            child = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
        except (FileNotFoundError, NotADirectoryError):
            continue
        try:
            yield from walk(child, f"{prefix}{name}/", depth + 1)
        finally:
            os.close(child)


def remove_empty(parent: int, name: str, depth: int = 0) -> bool:
    """Remove a folder that holds no files, and the empty folders in it; return whether it is gone."""
    try:
        child = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    except OSError:
        return False
    try:
        with os.scandir(child) as entries:
            inner = [entry.name for entry in entries]
        if depth > MAX_SLASHES or not all(remove_empty(child, each, depth + 1) for each in inner):
            return False
        os.rmdir(name, dir_fd=parent)
    except OSError:  # somebody has just put something there
        return False
    finally:
        os.close(child)
    return True
