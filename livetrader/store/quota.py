"""How much a store may hold: QuantConnect's tiers, own limits, and the verdict on one more object. Pure."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

MB: Final = 1024 * 1024
Tier = Literal["free", "prime", "professional", "unlimited"]


class Quota(msgspec.Struct, frozen=True):
    """The most bytes and files; None is no limit."""

    max_bytes: int | None = None
    max_files: int | None = None

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all: without one nobody needs to count."""
        return self.max_bytes is not None or self.max_files is not None


class Usage(msgspec.Struct, frozen=True):
    """What a store holds."""

    files: int = 0
    bytes: int = 0

    def replacing(self, old_bytes: int | None, new_bytes: int | None) -> Usage:
        """Return the usage after an object of one size gives way to another; None: there is none."""
        files = self.files - (old_bytes is not None) + (new_bytes is not None)
        return Usage(max(0, files), max(0, self.bytes - (old_bytes or 0) + (new_bytes or 0)))


UNLIMITED: Final = Quota()
TIERS: Final[dict[str, Quota]] = {  # QuantConnect's table: MB and files
    "free": Quota(5 * MB, 100),
    "prime": Quota(50 * MB, 1_000),
    "professional": Quota(500 * MB, 10_000),
    "unlimited": UNLIMITED,
}


def quota_of(tier: str, max_mb: float = 0.0, max_files: int = 0) -> Quota:
    """Return a tier's quota; `max_mb` and `max_files` replace its limits where they are not 0."""
    quota = TIERS[tier]
    return Quota(int(max_mb * MB) if max_mb else quota.max_bytes, max_files or quota.max_files)


def refusal(quota: Quota, after: Usage) -> str | None:
    """Return why a store may not become as full as `after`, None where it may."""
    if quota.max_files is not None and after.files > quota.max_files:
        full = f"{after.files:,} files, and the limit (max_files) is {quota.max_files:,}"
    elif quota.max_bytes is not None and after.bytes > quota.max_bytes:
        full = f"{after.bytes / MB:,.1f} MB, and the limit (max_size) is {quota.max_bytes / MB:,.1f} MB"
    else:
        return None
    return (
        f"the object store would hold {full}; delete keys (`livetrader store rm`) "
        "or raise tier, max_mb or max_files in [object_store]"
    )
