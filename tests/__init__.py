"""The tests. A package, because a dependency installs a top-level `tests` that would be found first."""
