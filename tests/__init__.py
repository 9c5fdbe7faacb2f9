"""The tests. A package, because a dependency of ours installs a top-level `tests` that would be found first."""
