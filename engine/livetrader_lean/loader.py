"""Load a user's file as LEAN does: `AlgorithmImports` and .NET namespaces exist, its folder is importable.

The virtual modules come from a finder at the end of `sys.meta_path`, so that files of the user's that have
the same name win, and nothing of the kind is installed on disk.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.dotnet import COLLECTIONS
from livetrader_lean.errors import LoadError
from livetrader_lean.failures import user_traceback
from livetrader_lean.namespace import MISSING, NAMES, lookup

MODULE_NAME: Final = "algorithm_main"  # the user's file is imported under this name; pickles then agree on it
# LEAN's namespaces, and the few of .NET's, that algorithms import from
ROOTS: Final = frozenset({"AlgorithmImports", "QuantConnect", "System", "clr"})


class _VirtualModule(ModuleType):
    """A LEAN namespace: every name in it is looked up among what is offered."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lookup(name)


class _VirtualLoader:
    def create_module(self, specification: importlib.machinery.ModuleSpec) -> ModuleType:
        return _VirtualModule(specification.name)

    def exec_module(self, module: ModuleType) -> None:
        module.__path__ = []  # a package: QuantConnect.Data.Market is found below QuantConnect.Data
        if module.__name__ == "clr":
            # .NET's way to load assemblies; there are none to load
            vars(module)["AddReference"] = lambda name: None
            vars(module)["GetClrType"] = lambda kind: kind
            return
        names = {**MISSING, **COLLECTIONS, **NAMES}
        if module.__name__.startswith("System.Collections"):
            names = {**COLLECTIONS}
        module.__dict__.update(names)
        module.__all__ = sorted(names)  # type: ignore[attr-defined]


class _VirtualFinder:
    """Finds LEAN's namespaces where nothing else did."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return a specification for a LEAN namespace, None for anything else."""
        if name.partition(".")[0] not in ROOTS:
            return None
        return importlib.machinery.ModuleSpec(name, _VirtualLoader(), is_package=True)  # type: ignore[arg-type]  # the loader protocol, duck-typed


def install() -> None:
    """Make LEAN's namespaces importable in this process. Installing twice is harmless."""
    if not any(isinstance(finder, _VirtualFinder) for finder in sys.meta_path):
        sys.meta_path.append(_VirtualFinder())


def load(path: Path, class_name: str | None = None) -> type[QCAlgorithm]:
    """Import a file and return its algorithm: the one of this name, or the only one defined in it.

    A name that no class of the file has picks the only one too: LEAN looks at the file, never at the name.
    Runs the user's code in this process. Raises LoadError with the user's own traceback where the file does
    not import, and with the remedy where there is no such algorithm, none, or several.
    """
    path = Path(path).resolve()
    return _choose(execute(path), path, class_name)


def execute(path: Path) -> ModuleType:
    """Import a file under MODULE_NAME, LEAN's namespaces and its own folder importable; return the module.

    Runs the user's code in this process. Raises LoadError with the user's own traceback.
    """
    install()
    if not path.is_file():
        raise LoadError(f"there is no file {path}")
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    specification = importlib.util.spec_from_file_location(MODULE_NAME, path)
    assert specification is not None, "a .py file always has a loader"
    assert specification.loader is not None, "a .py file always has a loader"
    module = importlib.util.module_from_spec(specification)
    sys.modules[MODULE_NAME] = module
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[MODULE_NAME]
        raise LoadError(user_traceback(error)) from error
    return module


def _choose(module: ModuleType, path: Path, class_name: str | None) -> type[QCAlgorithm]:
    found = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, QCAlgorithm) and value is not QCAlgorithm
    }
    if class_name is not None and class_name in found:
        return found[class_name]
    own = {name: value for name, value in found.items() if value.__module__ == module.__name__}
    # a base class of another algorithm of the file is not what is to run
    leaves = {n: v for n, v in own.items() if not any(v is not w and issubclass(w, v) for w in own.values())}
    if len(leaves) == 1:
        return next(iter(leaves.values()))
    if not leaves:
        raise LoadError(f"{path} defines no class that derives from QCAlgorithm")
    if class_name is not None:
        raise LoadError(f"{path} has no algorithm {class_name!r}; it has: {_listed(found)}")
    raise LoadError(f"{path} defines several algorithms ({_listed(leaves)}); say which by its class name")


def _listed(found: dict[str, type[QCAlgorithm]]) -> str:
    return ", ".join(sorted(found)) or "none"
