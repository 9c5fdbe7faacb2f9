"""What [object_store] means: its defaults, what is wrong with it, and the options that the engine opens."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from livetrader.configuration.problems import Problems
from livetrader.settings import ObjectStoreSettings
from livetrader.store.keys import KeyRefusedError, Scope
from livetrader.store.options import StoreOptions, problem_with, resolved, secrets_in
from livetrader.store.quota import quota_of

FOLDER: Final = "object_store"  # in the state directory, where no URL is set
COPIES: Final = "object_store_copies"  # in the state directory: of a remote store


def with_url(store: ObjectStoreSettings, base: Path) -> ObjectStoreSettings:
    """Return the settings with a path relative to `base`, the file's folder, made absolute."""
    return store if store.url is None else msgspec.structs.replace(store, url=resolved(store.url, base))


def check_store(store: ObjectStoreSettings, problems: Problems) -> None:
    """Judge URL, project and options. Connects to nothing and imports no library."""
    if store.url is not None and (problem := problem_with(store.url)):
        what, _, remedy = problem.partition("; ")
        problems.add("object_store.url", what, remedy or "install it, or use a folder")
    try:
        Scope(store.project)
    except KeyRefusedError as error:
        problems.add("object_store.project", str(error), "use letters, digits, _ and -")
    for name in secrets_in(store.options):
        problems.add(
            f"object_store.options.{name}",
            "looks like a secret",
            "take it out; give it by the environment (AWS_ACCESS_KEY_ID, AWS_PROFILE ...)",
        )


def store_options(store: ObjectStoreSettings, state_directory: Path) -> StoreOptions:
    """Return what opens the store of a daemon."""
    quota = quota_of(store.tier, store.max_mb, store.max_files)
    return StoreOptions(
        url=store.url or str(state_directory / FOLDER),
        project=store.project,
        max_bytes=quota.max_bytes,
        max_files=quota.max_files,
        filesystem=dict(store.options),
        copies=str(state_directory / COPIES),
    )
