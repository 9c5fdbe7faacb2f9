"""Garbage in cycles, looked for among what a running process makes, and not among what it has loaded.

A full look of CPython's collector visits every object there is, and everything else waits meanwhile. With the
modules of a supervisor loaded it took 33 to 45 ms of processor time, with those of an engine process and
scikit-learn 97 to 109 (`gc.collect`, the best of five, three processes). What is there before trading begins
is modules, classes and settings. They stay until the end, so that looking at them again finds nothing.
"""

from __future__ import annotations

import gc


def spare_what_is_loaded() -> None:
    """Look for garbage once more, then have the collector never look at what is left. Blocks that long.

    What is let go later is still freed by its reference count; only a cycle made of spared objects stays.
    """
    gc.collect()
    gc.freeze()
