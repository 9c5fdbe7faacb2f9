"""From options to a store: a folder, or anything that fsspec knows.

Opening connects to nothing: that a place is away is found out at the first use, and trading starts all the
same.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from livetrader.store.keys import Scope
from livetrader.store.local import FileObjectStore
from livetrader.store.options import StoreOptions, folder_of, problem_with, shown
from livetrader.store.quota import Quota
from livetrader.store.store import ProjectStore, Store


def open_store(options: StoreOptions, report: Callable[[str], None] = lambda words: None) -> Store:
    """Return the store. `report` hears of trouble that is not an error, once a minute at most.

    Without `copies` a remote store keeps them in a new temporary folder. Raises ValueError for a URL or
    project that cannot be one, with the remedy.
    """
    problem = problem_with(options.url)
    if problem:
        raise ValueError(f"the object store: {problem}")
    quota = Quota(options.max_bytes, options.max_files)
    folder = folder_of(options.url)
    store: Store = _remote(options, quota, report) if folder is None else FileObjectStore(folder, quota)
    return ProjectStore(store, Scope(options.project)) if options.project else store


def _remote(options: StoreOptions, quota: Quota, report: Callable[[str], None]) -> Store:
    from livetrader.store.objects import RemoteObjects
    from livetrader.store.remote import FRESH_S, RemoteObjectStore, RemoteOptions

    copies = options.copies or _passing_folder()
    fresh_s = FRESH_S if options.fresh_s is None else options.fresh_s
    remote = RemoteOptions(quota, fresh_s, report)
    objects = RemoteObjects(options.url, options.filesystem)
    return RemoteObjectStore(objects, shown(options.url), Path(copies), remote)


def _passing_folder() -> str:
    """Make a folder that goes with this process."""
    folder = tempfile.mkdtemp(prefix="livetrader-objects-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
