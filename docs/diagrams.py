"""Write the state diagrams in docs/architecture.md from the tables in the code.

`python docs/diagrams.py` rewrites what stands between the markers; with --check it changes nothing and exits
1 when the document and the tables differ. A test calls the same functions.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import TypeVar

from livetrader.supervisor import states as daemon
from livetrader.worker import training
from livetrader_engine.orders import states as orders

State = TypeVar("State", bound=Enum)
DOCUMENT = Path(__file__).resolve().with_name("architecture.md")


def mermaid(transitions: Mapping[State, frozenset[State]]) -> str:
    """Return a Mermaid state diagram; rows and targets in the table's order, without self-loops."""
    members = list(transitions)
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {members[0].name}"]
    for state in members:
        targets = [target for target in members if target in transitions[state] and target is not state]
        lines += [f"    {state.name} --> {target.name}" for target in targets]
        if not targets:
            lines.append(f"    {state.name} --> [*]")
    return "\n".join([*lines, "```"])


DIAGRAMS: dict[str, Callable[[], str]] = {
    "daemon-states": lambda: mermaid(daemon.TRANSITIONS),
    "order-states": lambda: mermaid(orders.TRANSITIONS),
    "training-states": lambda: mermaid(training.TRANSITIONS),
}


def rewritten(text: str) -> str:
    """Return the document with every diagram as the tables have it. Raises ValueError without a marker."""
    for name, diagram in DIAGRAMS.items():
        pattern = re.compile(rf"<!-- generated: {name} -->\n(.*)\n<!-- end: {name} -->", re.DOTALL)
        found = pattern.search(text)
        if found is None:
            raise ValueError(f"{DOCUMENT.name} has no marker pair for {name}")
        text = text[: found.start(1)] + diagram() + text[found.end(1) :]
    return text


def main(arguments: list[str]) -> int:
    """Rewrite the document, or with --check say whether it is current."""
    old = DOCUMENT.read_text(encoding="utf-8")
    new = rewritten(old)
    if "--check" in arguments:
        return int(old != new)
    DOCUMENT.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
